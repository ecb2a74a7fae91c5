//! Keeps the process below its memory limit: near it, writes are told to come back.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Share of the limit above which writes are refused, and below which they are accepted again, in percent. What is left
/// is for queries, and for moving data to the disk.
const FULL: u64 = 75;
const ROOM: u64 = 70;
/// How often the memory in use is looked at, in milliseconds.
const PACE_MS: u64 = 100;

/// Watches the memory in use.
#[derive(Debug, Default)]
pub struct MemoryGuard {
    limit: u64,
    next_look: AtomicU64,
    full: AtomicBool,
    refused: AtomicU64,
}

impl MemoryGuard {
    /// A guard of `limit` bytes; 0 = no limit.
    pub fn new(limit: u64) -> MemoryGuard {
        MemoryGuard { limit, ..MemoryGuard::default() }
    }

    /// The limit in bytes; 0 = none.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Writes refused so far.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Whether a write has to be refused. `now` is any monotonic time, `resident` tells the memory in use; it is asked
    /// ten times a second at most.
    pub fn refuses(&self, now: Duration, resident: impl FnOnce() -> Option<u64>) -> bool {
        if self.limit == 0 {
            return false;
        }
        let now = now.as_millis() as u64;
        let next = self.next_look.load(Ordering::Relaxed);
        let looks = now >= next
            && self.next_look.compare_exchange(next, now + PACE_MS, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if looks {
            let used = resident().unwrap_or(0);
            let share = if self.is_full() { ROOM } else { FULL };
            self.full.store(u128::from(used) * 100 > u128::from(self.limit) * u128::from(share), Ordering::Relaxed);
        }
        let refuses = self.is_full();
        self.refused.fetch_add(u64::from(refuses), Ordering::Relaxed);
        refuses
    }

    /// Whether writes are refused at the moment.
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_near_the_limit_and_not_at_once_below_it() {
        let guard = MemoryGuard::new(1000);
        let at = Duration::from_millis;
        let table =
            [(0, 750, false), (50, 999, false), (100, 751, true), (150, 0, true), (200, 701, true), (300, 700, false)];
        for (ms, used, refuses) in table {
            assert_eq!(guard.refuses(at(ms), || Some(used)), refuses, "{ms}");
        }
        assert_eq!(guard.refused(), 3);
        assert!(!MemoryGuard::new(0).refuses(at(0), || Some(u64::MAX)));
    }
}
