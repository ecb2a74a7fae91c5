//! What start times say about counter resets. 0 = unknown.

use nightjar_model::TimestampMs;

/// Whether counting began anew between two samples.
pub(crate) fn is_start_reset(
    previous_start: TimestampMs,
    previous: TimestampMs,
    start: TimestampMs,
    time: TimestampMs,
) -> bool {
    if start == 0 || start >= time || start < previous {
        return false;
    }
    if start > previous {
        return true;
    }
    // Counting began exactly at the previous sample: a delta stream, unless this is how the stream was before too.
    previous_start <= previous && previous_start != 0 && previous_start != previous
}

/// Whether a sample claims to have begun before the previous one was taken, though not together with it.
pub(crate) fn overlaps(previous_start: TimestampMs, previous: TimestampMs, start: TimestampMs) -> bool {
    start != 0 && start < previous && start != previous_start
}
