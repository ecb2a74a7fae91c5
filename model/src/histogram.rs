//! Native histograms with absolute float counts, as PromQL computes with them.

mod arithmetic;
mod body;
mod bounds;
mod buckets;
mod classic;
mod describe;
mod equality;
mod kahan;
mod layout;
mod logarithm;
mod print;
mod reset;
mod runs;
mod sum;
#[cfg(test)]
mod tests;
mod validity;

use std::sync::Arc;

pub use arithmetic::{Combined, IncompatibleSchemas};
pub use bounds::{MAX_EXPONENTIAL_SCHEMA, MIN_EXPONENTIAL_SCHEMA, is_known};
pub use buckets::Bucket;
pub use classic::{ClassicError, ClassicHistogram};
pub use describe::{DescribeError, Described, parse, series_item};
pub use kahan::kahan_add;
pub use logarithm::{exp2, log2};
pub use sum::HistogramSum;
pub use validity::Invalid;

use crate::stale::is_stale;

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
    /// Whether its buckets have custom bounds.
    pub fn uses_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    /// Its custom bounds, ascending, without +Inf; none for exponential schemas.
    pub fn bounds(&self) -> &[f64] {
        self.custom_values.as_deref().unwrap_or_default()
    }

    /// Whether it marks the end of its series instead of a value.
    pub fn is_stale(&self) -> bool {
        is_stale(self.sum)
    }

    /// Bytes it would take in Prometheus' memory. How many float samples a histogram counts for in query limits and
    /// statistics follows from it.
    pub fn size(&self) -> usize {
        const STRUCT: usize = 168;
        const ELEMENT: usize = 8;
        let elements = self.positive_spans.len()
            + self.negative_spans.len()
            + self.positive_buckets.len()
            + self.negative_buckets.len()
            + self.bounds().len();
        STRUCT + ELEMENT * elements
    }

    /// Whether it has negative buckets, populated or not.
    pub fn has_negative_buckets(&self) -> bool {
        !self.negative_buckets.is_empty()
    }

    /// Whether it has positive (or custom) buckets, populated or not.
    pub fn has_positive_buckets(&self) -> bool {
        !self.positive_buckets.is_empty()
    }
}
