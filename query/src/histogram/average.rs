//! Sums and averages of histograms: across series and over time.

use std::sync::Arc;

use nightjar_model::FloatHistogram;
use nightjar_model::histogram::{Combined, CounterResetHint, HistogramSum, IncompatibleSchemas};

use super::note::{Note, Noted, Operation};

/// A sum that histograms are added to one by one.
#[derive(Clone, Debug)]
pub(crate) struct Total {
    sum: HistogramSum,
    remarks: Remarks,
}

impl Total {
    /// A sum of one.
    pub(crate) fn new(first: &FloatHistogram) -> Total {
        Total { sum: HistogramSum::new(first), remarks: Remarks::default().seen(first) }
    }

    /// Adds `next`.
    ///
    /// # Errors
    /// One has custom buckets and the other has not: there is no sum then, and
    /// [`Note::MixedExponentialCustom`] about the series of `next`.
    pub(crate) fn add(&mut self, next: &FloatHistogram) -> Result<(), IncompatibleSchemas> {
        self.remarks = self.remarks.seen(next);
        self.remarks = self.remarks.combined(self.sum.add(next)?);
        Ok(())
    }

    /// The sum, not compacted (aggregations across series compact it, `sum_over_time` does not).
    pub(crate) fn finish(&self) -> Noted<FloatHistogram> {
        Noted::new(self.sum.finish(), self.remarks.notes())
    }
}

/// An average that histograms are added to one by one. The mean of the sum; the incremental mean from the moment the sum
/// would overflow.
#[derive(Clone, Debug)]
pub(crate) struct Average {
    sum: HistogramSum,
    count: f64,
    incremental: bool,
    remarks: Remarks,
}

impl Average {
    /// An average of one.
    pub(crate) fn new(first: &FloatHistogram) -> Average {
        Average {
            sum: HistogramSum::new(first),
            count: 1.0,
            incremental: false,
            remarks: Remarks::default().seen(first),
        }
    }

    /// Adds `next`.
    ///
    /// # Errors
    /// One has custom buckets and the other has not: there is no average then, and
    /// [`Note::MixedExponentialCustom`] about the series of `next`.
    pub(crate) fn add(&mut self, next: &FloatHistogram) -> Result<(), IncompatibleSchemas> {
        self.remarks = self.remarks.seen(next);
        self.count += 1.0;
        if !self.incremental {
            if self.add_without_overflow(next)? {
                return Ok(());
            }
            self.incremental = true;
            self.sum.div(self.count - 1.0);
        }
        let mut part = next.clone();
        part.div(self.count);
        self.sum.mul((self.count - 1.0) / self.count);
        self.remarks = self.remarks.combined(self.sum.add(&part)?);
        Ok(())
    }

    /// The average, not compacted (aggregations across series compact it, `avg_over_time` does not).
    pub(crate) fn finish(&self) -> Noted<FloatHistogram> {
        let mut sum = self.sum.clone();
        if !self.incremental {
            sum.div(self.count);
        }
        Noted::new(sum.finish(), self.remarks.notes())
    }

    /// Adds to the sum, unless that would overflow.
    fn add_without_overflow(&mut self, next: &FloatHistogram) -> Result<bool, IncompatibleSchemas> {
        let bounds_finite = next.bounds().iter().all(|bound| bound.is_finite());
        if (self.sum.magnitude() + next.magnitude()).is_finite() && bounds_finite {
            self.remarks = self.remarks.combined(self.sum.add(next)?);
            return Ok(true);
        }
        let mut sum = self.sum.clone();
        self.remarks = self.remarks.combined(sum.add(next)?);
        let fits = !sum.has_overflow();
        if fits {
            self.sum = sum;
        }
        Ok(fits)
    }
}

/// `sum_over_time` of one or more histograms; `None` for none, and for such that do not fit together.
pub(crate) fn sum_over_time(histograms: &[Arc<FloatHistogram>]) -> Noted<Option<FloatHistogram>> {
    let Some((first, rest)) = histograms.split_first() else { return Noted::plain(None) };
    let mut total = Total::new(first);
    match rest.iter().try_for_each(|next| total.add(next)) {
        Ok(()) => some(total.finish()),
        Err(_) => Noted::new(None, vec![Note::MixedExponentialCustom]),
    }
}

/// `avg_over_time` of one or more histograms; `None` for none, and for such that do not fit together.
pub(crate) fn avg_over_time(histograms: &[Arc<FloatHistogram>]) -> Noted<Option<FloatHistogram>> {
    let Some((first, rest)) = histograms.split_first() else { return Noted::plain(None) };
    let mut average = Average::new(first);
    match rest.iter().try_for_each(|next| average.add(next)) {
        Ok(()) => some(average.finish()),
        Err(_) => Noted::new(None, vec![Note::MixedExponentialCustom]),
    }
}

fn some(noted: Noted<FloatHistogram>) -> Noted<Option<FloatHistogram>> {
    Noted::new(Some(noted.value), noted.notes)
}

/// What was remarkable so far.
#[derive(Clone, Copy, Debug, Default)]
struct Remarks {
    reset: bool,
    not_reset: bool,
    reconciled: bool,
}

impl Remarks {
    fn seen(mut self, histogram: &FloatHistogram) -> Remarks {
        self.reset |= histogram.counter_reset_hint == CounterResetHint::Reset;
        self.not_reset |= histogram.counter_reset_hint == CounterResetHint::NotReset;
        self
    }

    fn combined(mut self, combined: Combined) -> Remarks {
        self.reconciled |= combined.bounds_reconciled;
        self
    }

    fn notes(self) -> Vec<Note> {
        let collision = (self.reset && self.not_reset).then_some(Note::CounterResetCollision(Operation::Aggregation));
        let reconciled = self.reconciled.then_some(Note::BoundsReconciled(Operation::Aggregation));
        collision.into_iter().chain(reconciled).collect()
    }
}
