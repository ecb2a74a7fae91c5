//! Whether a counter of native histograms began anew.

use nightjar_model::{FloatHistogram, TimestampMs};

use crate::start_time::is_start_reset;

/// Whether counting began anew between two samples, each time, start timestamp (0 = unknown or not to be used) and
/// histogram.
pub(crate) fn is_reset(
    previous: (TimestampMs, TimestampMs, &FloatHistogram),
    next: (TimestampMs, TimestampMs, &FloatHistogram),
) -> bool {
    is_start_reset(previous.1, previous.0, next.1, next.0) || next.2.detect_reset(previous.2)
}
