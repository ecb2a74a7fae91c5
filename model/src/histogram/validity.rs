//! Whether a histogram makes sense.

use super::bounds::{is_custom, is_exponential};
use super::{FloatHistogram, Span};
use crate::number::{format_f, format_g};

/// What is wrong with a histogram. The texts are Prometheus'.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Invalid {
    /// On one side or among the custom buckets: what it says.
    #[error("{0}: {1}")]
    At(&'static str, Box<Invalid>),
    /// Neither exponential in -4..=8 nor custom.
    #[error(
        "histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, or -53 for custom buckets, got schema {0}"
    )]
    Schema(i32),
    /// A negative number of observations.
    #[error("observation count is  {}: histogram's observation count is negative", format_g(*.0))]
    Count(f64),
    /// A negative number of observations in the zero bucket.
    #[error(
        "zero bucket has observation count of {}: histogram has a bucket whose observation count is negative",
        format_g(*.0)
    )]
    ZeroCount(f64),
    /// A negative number of observations in a bucket.
    #[error(
        "bucket number {number} has observation count of {}: histogram has a bucket whose observation count is negative",
        format_g(*.count)
    )]
    BucketCount {
        /// Which one, counted from 1.
        number: usize,
        /// Its observations.
        count: f64,
    },
    /// A span, counted from 1, that begins before the previous one ends.
    #[error("span number {0} with offset {1}: histogram has a span whose offset is negative")]
    Offset(usize, i32),
    /// Spans and buckets do not match.
    #[error(
        "spans need {needed} buckets, have {have} buckets: histogram spans specify different number of buckets than provided"
    )]
    Buckets {
        /// Buckets the spans announce.
        needed: u64,
        /// Buckets there are.
        have: usize,
    },
    /// A custom bound that is no number.
    #[error("histogram custom bounds must not be NaN")]
    BoundNan,
    /// Custom bounds that do not ascend.
    #[error(
        "previous bound is {} and current is {}: histogram custom bounds must be in strictly increasing order",
        six_decimals(*.0), six_decimals(*.1)
    )]
    BoundOrder(f64, f64),
    /// +Inf spelled out.
    #[error("last +Inf bound must not be explicitly defined: histogram custom bounds must be finite")]
    BoundInfinite,
    /// Spans reach beyond the custom bounds.
    #[error(
        "only {bounds} custom bounds defined which is insufficient to cover total span length of {length}: histogram custom bounds are too few"
    )]
    BoundsTooFew {
        /// Bounds there are.
        bounds: usize,
        /// Buckets from the first to the last one, gaps included.
        length: u64,
    },
    /// Custom buckets with observations in a zero bucket.
    #[error("custom buckets: must have zero count of 0")]
    CustomZeroCount,
    /// Custom buckets with a zero bucket.
    #[error("custom buckets: must have zero threshold of 0")]
    CustomZeroThreshold,
    /// Custom buckets with a negative side.
    #[error("custom buckets: must not have negative spans")]
    CustomNegativeSpans,
    /// Custom buckets with a negative side.
    #[error("custom buckets: must not have negative buckets")]
    CustomNegativeBuckets,
    /// Exponential buckets with custom bounds.
    #[error("histogram with exponential schema must not have custom bounds")]
    ExponentialBounds,
}

/// Go's `%f`.
fn six_decimals(v: f64) -> String {
    if v.is_finite() { format!("{v:.6}") } else { format_f(v) }
}

impl FloatHistogram {
    /// Checks layout and counts. That `count` is at least the sum of all buckets is not asked: floats round.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), Invalid> {
        if is_custom(self.schema) {
            self.check_custom()?;
        } else if is_exponential(self.schema) {
            self.check_spans()?;
            check_counts(&self.negative_buckets).map_err(|e| at("negative side", e))?;
            if self.zero_count < 0.0 {
                return Err(Invalid::ZeroCount(self.zero_count));
            }
            if self.custom_values.is_some() {
                return Err(Invalid::ExponentialBounds);
            }
        } else {
            return Err(Invalid::Schema(self.schema));
        }
        if self.count < 0.0 {
            return Err(Invalid::Count(self.count));
        }
        check_counts(&self.positive_buckets).map_err(|e| at("positive side", e))
    }

    /// Whether spans and buckets of both sides fit.
    fn check_spans(&self) -> Result<(), Invalid> {
        check_side(&self.positive_spans, self.positive_buckets.len()).map_err(|e| at("positive side", e))?;
        check_side(&self.negative_spans, self.negative_buckets.len()).map_err(|e| at("negative side", e))
    }

    fn check_custom(&self) -> Result<(), Invalid> {
        check_bounds(self.bounds(), &self.positive_spans, self.positive_buckets.len())
            .map_err(|e| at("custom buckets", e))?;
        if self.zero_count != 0.0 {
            Err(Invalid::CustomZeroCount)
        } else if self.zero_threshold != 0.0 {
            Err(Invalid::CustomZeroThreshold)
        } else if !self.negative_spans.is_empty() {
            Err(Invalid::CustomNegativeSpans)
        } else if !self.negative_buckets.is_empty() {
            Err(Invalid::CustomNegativeBuckets)
        } else {
            Ok(())
        }
    }
}

fn at(place: &'static str, error: Invalid) -> Invalid {
    Invalid::At(place, Box::new(error))
}

fn check_counts(counts: &[f64]) -> Result<(), Invalid> {
    match counts.iter().position(|count| *count < 0.0) {
        Some(i) => Err(Invalid::BucketCount { number: i + 1, count: counts[i] }),
        None => Ok(()),
    }
}

fn check_side(spans: &[Span], have: usize) -> Result<(), Invalid> {
    if let Some(i) = spans.iter().skip(1).position(|span| span.offset < 0) {
        return Err(Invalid::Offset(i + 2, spans[i + 1].offset));
    }
    check_places(spans, have)
}

fn check_places(spans: &[Span], have: usize) -> Result<(), Invalid> {
    let needed = spans.iter().map(|span| u64::from(span.length)).sum();
    if needed == have as u64 { Ok(()) } else { Err(Invalid::Buckets { needed, have }) }
}

fn check_bounds(bounds: &[f64], spans: &[Span], have: usize) -> Result<(), Invalid> {
    for (i, bound) in bounds.iter().enumerate() {
        if bound.is_nan() {
            return Err(Invalid::BoundNan);
        }
        if i > 0 && *bound <= bounds[i - 1] {
            return Err(Invalid::BoundOrder(bounds[i - 1], *bound));
        }
    }
    if bounds.last() == Some(&f64::INFINITY) {
        return Err(Invalid::BoundInfinite);
    }
    if let Some(i) = spans.iter().position(|span| span.offset < 0) {
        return Err(Invalid::Offset(i + 1, spans[i].offset));
    }
    check_places(spans, have)?;
    let length = spans.iter().map(|span| u64::from(span.length) + u64::from(span.offset.unsigned_abs())).sum();
    if (bounds.len() as u64 + 1) < length {
        return Err(Invalid::BoundsTooFew { bounds: bounds.len(), length });
    }
    Ok(())
}
