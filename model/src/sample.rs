//! Samples: a time, a value, and for counters when counting began.

use crate::histogram::FloatHistogram;
use crate::labels::Labels;
use crate::time::TimestampMs;

/// The bit pattern of the stale marker: the NaN that says "this series ended here".
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The stale marker as a float. Compare with [`is_stale`], never with `==`.
pub const STALE_NAN: f64 = f64::from_bits(STALE_NAN_BITS);

/// Whether `value` is the stale marker, to the bit. Any other NaN is an ordinary value.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

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
