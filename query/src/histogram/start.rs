//! What start timestamps say about two neighbouring samples.

use nightjar_model::TimestampMs;

/// Whether counting began anew between two samples, going by their start timestamps (0 = unknown). A start exactly at
/// the previous sample is a reset if the previous start is known too: that is how series of deltas look.
pub fn is_start_reset(
    previous_start: TimestampMs,
    previous_time: TimestampMs,
    start: TimestampMs,
    time: TimestampMs,
) -> bool {
    let known = start != 0 && start < time;
    let delta_before = previous_start != 0 && previous_start < previous_time;
    known && (start > previous_time || (start == previous_time && delta_before))
}

/// Whether a sample claims to count what the previous one already counted, without being its continuation.
pub fn starts_overlap(previous_start: TimestampMs, previous_time: TimestampMs, start: TimestampMs) -> bool {
    start != 0 && start < previous_time && start != previous_start
}
