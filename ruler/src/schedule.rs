//! When a group is evaluated: at instants a fixed interval apart whose offset depends on the group alone, so that
//! groups spread over time and a restart changes nothing.

use nightjar_model::TimestampMs;

/// The instants of a group.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    interval_ms: i64,
    offset_ms: i64,
    next: TimestampMs,
}

impl Schedule {
    /// Instants of the group `name` in `file`; the first is the second one after `now`'s, as in Prometheus.
    pub(crate) fn new(file: &str, name: &str, interval_ms: i64, now: TimestampMs) -> Schedule {
        let interval_ms = interval_ms.max(1);
        let offset_ms = (hash(file, name) % interval_ms.unsigned_abs()) as i64;
        let mut schedule = Schedule { interval_ms, offset_ms, next: 0 };
        schedule.next = schedule.slot(now) + interval_ms;
        schedule
    }

    /// When the next evaluation is due.
    pub(crate) fn next(&self) -> TimestampMs {
        self.next
    }

    /// Puts the next evaluation off until `at`.
    pub(crate) fn put_off(&mut self, at: TimestampMs) {
        self.next = at;
    }

    /// The last instant at or before `now`.
    fn slot(&self, now: TimestampMs) -> TimestampMs {
        now - (now - self.offset_ms).rem_euclid(self.interval_ms)
    }

    /// The instant to evaluate at `now`, and how many were missed; `None` if nothing is due.
    pub(crate) fn take(&mut self, now: TimestampMs) -> Option<(TimestampMs, u64)> {
        if now < self.next {
            return None;
        }
        let missed = (now - self.next) / self.interval_ms;
        let at = self.next + missed * self.interval_ms;
        self.next = at + self.interval_ms;
        Some((at, missed.unsigned_abs()))
    }

    /// Starts over when the clock was set back so far that the next instant is out of reach.
    pub(crate) fn realign(&mut self, now: TimestampMs) {
        if self.next - now > 2 * self.interval_ms {
            self.next = self.slot(now) + self.interval_ms;
        }
    }
}

/// FNV-1a, its bits mixed once more: neighbours in name shall be no neighbours in time.
fn hash(file: &str, name: &str) -> u64 {
    let bytes = file.bytes().chain([0xff]).chain(name.bytes());
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    hash = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_do_not_depend_on_the_start() {
        let first = |now| Schedule::new("f", "g", 60_000, now).next();
        let offset = first(0) % 60_000;
        for now in [1, 59_999, 60_000, 1_700_000_000_123, -5] {
            let next = first(now);
            assert_eq!(next.rem_euclid(60_000), offset, "{now}");
            assert!(next > now && next - now <= 60_000, "{now} {next}");
        }
        assert_ne!(offset, Schedule::new("f", "h", 60_000, 0).next() % 60_000);
    }

    #[test]
    fn slow_evaluations_miss_instants() {
        let mut schedule = Schedule::new("f", "g", 1000, 0);
        let first = schedule.next();
        assert_eq!(schedule.take(first - 1), None);
        assert_eq!(schedule.take(first + 10), Some((first, 0)));
        assert_eq!(schedule.take(first + 999), None);
        assert_eq!(schedule.take(first + 4500), Some((first + 4000, 3)));
        assert_eq!(schedule.next(), first + 5000);
    }

    #[test]
    fn a_clock_set_back_does_not_stop_a_group() {
        let mut schedule = Schedule::new("f", "g", 1000, 1_000_000);
        schedule.realign(999_000);
        assert!(schedule.next() > 1_000_000);
        schedule.realign(10_000);
        assert!((10_001..=11_000).contains(&schedule.next()));
    }
}
