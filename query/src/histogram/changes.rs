//! `resets` and `changes` on native histograms.

use nightjar_model::{FloatHistogram, TimestampMs};

use super::start::is_start_reset;
use super::window::Window;

/// Whether counting began anew between two samples, each time, start timestamp (0 = unknown or not to be used) and
/// histogram.
pub fn is_reset(
    previous: (TimestampMs, TimestampMs, &FloatHistogram),
    next: (TimestampMs, TimestampMs, &FloatHistogram),
) -> bool {
    is_start_reset(previous.1, previous.0, next.1, next.0) || next.2.detect_reset(previous.2)
}

/// How often counting began anew in a range of histograms only.
pub fn resets(window: Window<'_>) -> usize {
    let sample = |i: usize| {
        let (time, histogram) = window.at(i);
        (time, window.starts.get(i).copied().unwrap_or(0), histogram)
    };
    (1..window.len()).filter(|i| is_reset(sample(i - 1), sample(*i))).count()
}

/// How often the histogram changed in a range of histograms only. Two samples differ unless they are
/// [equal](FloatHistogram::equals).
pub fn changes(window: Window<'_>) -> usize {
    (1..window.len()).filter(|i| !window.at(*i).1.equals(window.at(i - 1).1)).count()
}
