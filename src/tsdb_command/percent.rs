//! Says on standard error how far something has come.

use std::io::Write;
use std::time::Duration;

use nightjar_platform::{Clock, RealClock};

/// How often to say it.
const PACE: Duration = Duration::from_secs(2);

/// Says how far something has come.
pub(super) struct Percent {
    clock: RealClock,
    next: Duration,
}

impl Percent {
    /// Begins; nothing is said about what takes less than two seconds.
    pub(super) fn new() -> Percent {
        let clock = RealClock::new();
        let next = clock.monotonic() + PACE;
        Percent { clock, next }
    }

    /// `done` of `total` steps are taken and `samples` samples written.
    pub(super) fn at(&mut self, done: u64, total: u64, samples: u64) {
        let now = self.clock.monotonic();
        if now < self.next {
            return;
        }
        self.next = now + PACE;
        let percent = u128::from(done) * 100 / u128::from(total.max(1));
        let _ = writeln!(std::io::stderr(), "{percent:>3} %, {samples} samples written");
    }
}

/// A line on standard output.
pub(super) fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{}", crate::safe_text::escaped(line));
}
