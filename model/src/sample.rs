//! Samples: a time, a value, and for counters when counting began.

use crate::histogram::FloatHistogram;
use crate::labels::Labels;
use crate::time::TimestampMs;

/// One float sample.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// When it was taken.
    pub timestamp: TimestampMs,
    /// When counting began, milliseconds since the epoch; 0 = unknown.
    pub start: TimestampMs,
    /// The value; every bit pattern is meaningful.
    pub value: f64,
}

/// One native-histogram sample.
#[derive(Clone, Debug)]
pub struct HistogramSample {
    /// When it was taken.
    pub timestamp: TimestampMs,
    /// When counting began, milliseconds since the epoch; 0 = unknown.
    pub start: TimestampMs,
    /// Whether the sender counted in integers; the absolute counts are kept as floats either way.
    pub integer: bool,
    /// The histogram. A stale marker has `sum` equal to the stale NaN and no buckets.
    pub histogram: FloatHistogram,
}

/// A trace or event attached to a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// Labels of the exemplar itself (usually `trace_id`), not of the series.
    pub labels: Labels,
    /// The observed value.
    pub value: f64,
    /// When it was observed.
    pub timestamp: TimestampMs,
}
