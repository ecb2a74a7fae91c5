//! What time it is, as an argument.

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
