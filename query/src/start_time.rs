//! What start timestamps say about two neighbouring samples.

use nightjar_model::TimestampMs;

/// Whether counting began anew between two samples, going by their start timestamps (0 = unknown). A start exactly at
/// the previous sample is a reset if the previous start is known too: that is how series of deltas look.
pub(crate) fn is_start_reset(
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
pub(crate) fn starts_overlap(previous_start: TimestampMs, previous_time: TimestampMs, start: TimestampMs) -> bool {
    start != 0 && start < previous_time && start != previous_start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts() {
        // Previous start, previous time, start, time: reset, overlap.
        let table = [
            ((0, 10, 0, 20), false, false),
            ((0, 10, 5, 20), false, true),
            ((5, 10, 5, 20), false, false),
            ((5, 10, 10, 20), true, false),
            ((0, 10, 10, 20), false, false),
            ((10, 10, 10, 20), false, false),
            ((15, 10, 10, 20), false, false),
            ((5, 10, 15, 20), true, false),
            ((5, 10, 20, 20), false, false),
            ((5, 10, 25, 20), false, false),
        ];
        for ((a, b, c, d), reset, overlap) in table {
            assert_eq!((is_start_reset(a, b, c, d), starts_overlap(a, b, c)), (reset, overlap), "{a} {b} {c} {d}");
        }
    }
}
