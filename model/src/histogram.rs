//! Native histograms with absolute float counts, as PromQL computes with them.

use std::sync::Arc;

mod arithmetic;
mod bounds;
mod buckets;
mod resets;
#[cfg(test)]
mod tests;
mod trim;

pub use arithmetic::{Combined, HistogramSum, IncompatibleBuckets};
pub use bounds::exponential_bound;
pub use buckets::Bucket;
pub use trim::Keep;

/// The schema number of histograms with custom bucket bounds.
pub const CUSTOM_BUCKETS_SCHEMA: i32 = -53;

/// A run of consecutive buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Gap to the previous span (first span: index of its first bucket).
    pub offset: i32,
    /// Number of buckets.
    pub length: u32,
}

/// What is known about a counter reset between the previous sample and this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CounterResetHint {
    /// Nothing is known: look at the counts.
    #[default]
    Unknown,
    /// A reset happened.
    Reset,
    /// No reset happened.
    NotReset,
    /// Not a counter at all.
    Gauge,
}

/// A native histogram with absolute bucket counts.
///
/// Exponential schemas (-4..=8): bucket `i` covers `(2^((i-1)·2^-schema), 2^(i·2^-schema)]`. Schema
/// [`CUSTOM_BUCKETS_SCHEMA`]: bucket `i` covers `(custom_values[i-1], custom_values[i]]`, the last one up to +Inf.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FloatHistogram {
    /// What is known about resets.
    pub counter_reset_hint: CounterResetHint,
    /// Resolution, or [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i32,
    /// Half-width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// All observations, NaN ones included.
    pub count: f64,
    /// Sum of observations; the stale NaN marks a stale sample.
    pub sum: f64,
    /// Layout of `positive_buckets`.
    pub positive_spans: Vec<Span>,
    /// Layout of `negative_buckets`.
    pub negative_spans: Vec<Span>,
    /// Absolute counts, one per bucket of `positive_spans`.
    pub positive_buckets: Vec<f64>,
    /// Absolute counts, one per bucket of `negative_spans`.
    pub negative_buckets: Vec<f64>,
    /// Upper bounds of custom buckets, ascending, without +Inf; `None` for exponential schemas.
    pub custom_values: Option<Arc<[f64]>>,
}

impl FloatHistogram {
    /// Whether the bucket bounds are custom ones.
    pub fn uses_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    /// Whether this marks the end of the series.
    pub fn is_stale(&self) -> bool {
        crate::sample::is_stale(self.sum)
    }
}
