//! How far `rate` and its like reach beyond the samples of a window.

use nightjar_model::TimestampMs;

use crate::histogram::RangeKind;

/// Which of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Family {
    /// `rate`, `increase`: drops are resets.
    pub(crate) counter: bool,
    /// `rate`: per second.
    pub(crate) per_second: bool,
}

impl Family {
    /// The same for histograms.
    pub(crate) fn kind(self) -> RangeKind {
        match self {
            Family { counter: false, .. } => RangeKind::Delta,
            Family { per_second: false, .. } => RangeKind::Increase,
            Family { per_second: true, .. } => RangeKind::Rate,
        }
    }
}

/// What extrapolation needs of a window's times, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extrapolation {
    /// From first to last sample.
    pub(crate) sampled: f64,
    /// To reach back to, before the zero point is considered.
    pub(crate) to_start: f64,
    /// To reach on to.
    pub(crate) to_end: f64,
}

impl Extrapolation {
    /// For a window that ends at `range_end` and holds samples at `times`.
    pub(crate) fn new(times: &[TimestampMs], range_end: TimestampMs, range_ms: i64) -> Extrapolation {
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return Extrapolation::default() };
        let seconds = |ms: i64| ms as f64 / 1000.0;
        let sampled = seconds(last - first);
        let average = if times.len() > 1 { sampled / (times.len() - 1) as f64 } else { 0.0 };
        let threshold = average * 1.1;
        let reach = |gap: f64| if gap >= threshold { average / 2.0 } else { gap };
        Extrapolation {
            sampled,
            to_start: reach(seconds(first - (range_end - range_ms))),
            to_end: reach(seconds(range_end - last)),
        }
    }

    /// By what to multiply a change; `zero` is how far back a counter reaches zero, if that is known.
    #[inline]
    pub(crate) fn factor(&self, zero: Option<f64>) -> f64 {
        let to_start = match zero {
            Some(zero) if zero < self.to_start => zero,
            _ => self.to_start,
        };
        if self.sampled == 0.0 { 1.0 } else { (self.sampled + to_start + self.to_end) / self.sampled }
    }
}

/// Extrapolation at all steps, as columns of equal length.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extrapolations {
    pub(crate) sampled: Vec<f64>,
    pub(crate) to_start: Vec<f64>,
    pub(crate) to_end: Vec<f64>,
}

impl Extrapolations {
    /// That of a step.
    pub(crate) fn get(&self, step: usize) -> Extrapolation {
        Extrapolation { sampled: self.sampled[step], to_start: self.to_start[step], to_end: self.to_end[step] }
    }
}

impl FromIterator<Extrapolation> for Extrapolations {
    fn from_iter<I: IntoIterator<Item = Extrapolation>>(all: I) -> Extrapolations {
        let mut columns = Extrapolations::default();
        for one in all {
            columns.sampled.push(one.sampled);
            columns.to_start.push(one.to_start);
            columns.to_end.push(one.to_end);
        }
        columns
    }
}
