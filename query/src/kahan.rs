//! Compensated sums and means of floats.

use nightjar_model::histogram::kahan_add;

/// A running sum with its compensation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kahan {
    /// The sum so far.
    pub(crate) sum: f64,
    /// What rounding lost.
    pub(crate) lost: f64,
}

impl Kahan {
    /// Starts from a value.
    #[inline]
    pub(crate) fn new(sum: f64) -> Kahan {
        Kahan { sum, lost: 0.0 }
    }

    /// The sum with one more term.
    #[inline]
    #[must_use]
    pub(crate) fn plus(self, term: f64) -> Kahan {
        let (sum, lost) = kahan_add(term, self.sum, self.lost);
        Kahan { sum, lost }
    }

    /// Adds one term.
    #[inline]
    pub(crate) fn add(&mut self, term: f64) {
        *self = self.plus(term);
    }

    /// The best answer.
    #[inline]
    pub(crate) fn value(self) -> f64 {
        self.sum + self.lost
    }
}

/// A mean that does not overflow: compensated sum over count, and from the first overflow on an incremental mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mean {
    sum: Kahan,
    count: f64,
    incremental: bool,
}

impl Mean {
    /// Starts from a first value.
    #[inline]
    pub(crate) fn new(first: f64) -> Mean {
        Mean { sum: Kahan::new(first), count: 1.0, incremental: false }
    }

    /// Adds one value.
    #[inline]
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if !self.incremental {
            let next = self.sum.plus(value);
            if !next.sum.is_infinite() {
                self.sum = next;
                return;
            }
            self.incremental = true;
            let before = self.count - 1.0;
            self.sum = Kahan { sum: self.sum.sum / before, lost: self.sum.lost / before };
        }
        let weight = (self.count - 1.0) / self.count;
        let scaled = Kahan { sum: weight * self.sum.sum, lost: weight * self.sum.lost };
        self.sum = scaled.plus(value / self.count);
    }

    /// The mean.
    #[inline]
    pub(crate) fn value(self) -> f64 {
        if self.incremental { self.sum.value() } else { self.sum.sum / self.count + self.sum.lost / self.count }
    }
}
