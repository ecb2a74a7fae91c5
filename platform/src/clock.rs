//! What time it is, as an argument.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use nightjar_model::TimestampMs;

/// Two clocks: wall time, which may jump, and monotonic time, which may not.
pub trait Clock: Send + Sync + 'static {
    /// Wall clock, milliseconds since the Unix epoch.
    fn wall_ms(&self) -> TimestampMs;

    /// Time since some fixed instant; never goes back.
    fn monotonic(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug)]
pub struct RealClock {
    start: std::time::Instant,
}

impl RealClock {
    /// A clock whose monotonic time starts at 0 now.
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub fn new() -> RealClock {
        RealClock { start: std::time::Instant::now() }
    }
}

impl Default for RealClock {
    fn default() -> RealClock {
        RealClock::new()
    }
}

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    fn wall_ms(&self) -> TimestampMs {
        match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => since.as_millis() as TimestampMs,
            Err(before) => -(before.duration().as_millis() as TimestampMs),
        }
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock that a test moves by hand. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<Hands>);

#[derive(Debug, Default)]
struct Hands {
    wall_ms: AtomicI64,
    monotonic_ns: AtomicU64,
}

impl ManualClock {
    /// A clock that shows `wall_ms` and monotonic 0 and stands still.
    pub fn new(wall_ms: TimestampMs) -> ManualClock {
        let clock = ManualClock::default();
        clock.set_wall_ms(wall_ms);
        clock
    }

    /// Moves both clocks forward, as time does.
    pub fn advance(&self, by: Duration) {
        self.0.wall_ms.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
        self.0.monotonic_ns.fetch_add(by.as_nanos() as u64, Ordering::SeqCst);
    }

    /// Sets the wall clock only, backwards too, as an administrator or NTP does.
    pub fn set_wall_ms(&self, wall_ms: TimestampMs) {
        self.0.wall_ms.store(wall_ms, Ordering::SeqCst);
    }

    /// Moves the monotonic clock only, as a machine does whose wall clock is being slowed.
    pub fn advance_monotonic(&self, by: Duration) {
        self.0.monotonic_ns.fetch_add(by.as_nanos() as u64, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn wall_ms(&self) -> TimestampMs {
        self.0.wall_ms.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.0.monotonic_ns.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let clock = ManualClock::new(1_000);
        let seen = clock.clone();
        clock.advance(Duration::from_millis(1_500));
        assert_eq!((seen.wall_ms(), seen.monotonic()), (2_500, Duration::from_millis(1_500)));
        clock.set_wall_ms(-7);
        assert_eq!((seen.wall_ms(), seen.monotonic()), (-7, Duration::from_millis(1_500)));
        clock.advance_monotonic(Duration::from_secs(1));
        assert_eq!((seen.wall_ms(), seen.monotonic()), (-7, Duration::from_millis(2_500)));
    }

    #[test]
    fn the_real_clock_runs() {
        let clock = RealClock::new();
        let first = clock.monotonic();
        assert!(clock.wall_ms() > 1_600_000_000_000);
        assert!(clock.monotonic() >= first);
    }
}
