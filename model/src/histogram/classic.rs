//! Classic histograms, a float series per bucket, as native ones with custom buckets.

use super::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Invalid, Span};
use crate::number::format_g;

/// Why a classic histogram is none. The texts are Prometheus'.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ClassicError {
    /// An `le` that is no number.
    #[error("bucket boundary must not be NaN")]
    NanBucket,
    /// A bucket with a negative number of observations.
    #[error("bucket count must be non-negative: le={}, count={}", format_g(*.le), format_g(*.count))]
    NegativeBucket {
        /// Its upper bound.
        le: f64,
        /// Its count.
        count: f64,
    },
    /// A negative number of observations.
    #[error("count must be non-negative: count={}", format_g(*.0))]
    NegativeCount(f64),
    /// A bucket that has fewer observations than one it contains.
    #[error("count is not cumulative: {} {sign} {}", format_g(*.count), format_g(*.neighbour))]
    NotCumulative {
        /// Its count.
        count: f64,
        /// `<` a lower or `>` a higher bucket.
        sign: char,
        /// The count of that one.
        neighbour: f64,
    },
    /// `_count` is not what the last bucket says.
    #[error("count mismatch: count={} != le={} count={}", format_g(*.count), format_g(*.le), format_g(*.last))]
    Mismatch {
        /// What `_count` says.
        count: f64,
        /// The last bucket.
        le: f64,
        /// Its count.
        last: f64,
    },
    /// The result makes no sense.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// The samples of one classic histogram at one time, collected in any order.
#[derive(Clone, Debug, Default)]
pub struct ClassicHistogram {
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
    error: Option<ClassicError>,
}

impl ClassicHistogram {
    /// Sets the cumulative count of the bucket up to `le`. A second one for the same `le` is ignored.
    pub fn set_bucket(&mut self, le: f64, count: f64) {
        if self.error.is_some() {
            return;
        }
        if le.is_nan() {
            self.error = Some(ClassicError::NanBucket);
        } else if count < 0.0 {
            self.error = Some(ClassicError::NegativeBucket { le, count });
        } else {
            self.insert(le, count);
        }
    }

    fn insert(&mut self, le: f64, count: f64) {
        let at = self.buckets.partition_point(|(bound, _)| *bound < le);
        let next = self.buckets.get(at);
        if next.is_some_and(|(bound, _)| *bound == le) {
            return;
        }
        let fault = |sign, neighbour| ClassicError::NotCumulative { count, sign, neighbour };
        let below = at.checked_sub(1).map(|i| self.buckets[i].1).filter(|below| count < *below);
        let above = next.map(|(_, above)| *above).filter(|above| count > *above);
        self.error = below.map(|c| fault('<', c)).or(above.map(|c| fault('>', c)));
        self.buckets.insert(at, (le, count));
    }

    /// Sets the number of observations (`_count`).
    pub fn set_count(&mut self, count: f64) {
        if self.error.is_none() && count < 0.0 {
            self.error = Some(ClassicError::NegativeCount(count));
        }
        self.count = Some(count);
    }

    /// Sets the sum of observations (`_sum`).
    pub fn set_sum(&mut self, sum: f64) {
        self.sum = sum;
    }

    /// The native histogram. Without `_count` the last bucket has it; without a bucket up to +Inf, `_count` is that one's.
    ///
    /// # Errors
    /// The first thing that was wrong with any sample, or what is wrong with them together.
    pub fn convert(mut self) -> Result<FloatHistogram, ClassicError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let count = self.count.or(self.buckets.last().map(|(_, last)| *last)).unwrap_or(0.0);
        if self.buckets.last().is_none_or(|(le, _)| *le != f64::INFINITY) {
            self.buckets.push((f64::INFINITY, count));
        }
        let (le, last) = self.buckets[self.buckets.len() - 1];
        if count != last {
            return Err(ClassicError::Mismatch { count, le, last });
        }
        let bounds: Vec<f64> = self.buckets.iter().map(|(le, _)| *le).filter(|le| *le != f64::INFINITY).collect();
        let before = std::iter::once(0.0).chain(self.buckets.iter().map(|(_, count)| *count));
        let mut histogram = FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count,
            sum: self.sum,
            positive_spans: vec![Span { offset: 0, length: self.buckets.len() as u32 }],
            positive_buckets: self.buckets.iter().zip(before).map(|((_, count), before)| count - before).collect(),
            custom_values: Some(bounds.into()),
            ..FloatHistogram::default()
        };
        // Prometheus stores whole counts as integers and keeps small gaps there.
        let whole = self.buckets.iter().all(|(_, count)| is_whole(*count)) && is_whole(count);
        histogram.compact(if whole { 2 } else { 0 });
        histogram.validate()?;
        Ok(histogram)
    }
}

fn is_whole(count: f64) -> bool {
    count.trunc() == count && count.abs() < 9.2e18
}
