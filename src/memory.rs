//! Keeps the process below its memory limit: near it, writes are told to come back.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Share of the limit above which writes are refused, and below which they are accepted again, in percent. What is left
/// is for queries, and for moving data to the disk: a block takes about a third of the limit while it is made of many
/// new series.
const FULL: u64 = 60;
const ROOM: u64 = 58;
/// How often the memory in use is looked at, in milliseconds.
const PACE_MS: u64 = 100;
/// Moving data to the disk makes room within this; if not, the limit is too low, in milliseconds.
const PATIENCE_MS: u64 = 60_000;

/// Watches the memory in use.
#[derive(Debug, Default)]
pub struct MemoryGuard {
    limit: u64,
    next_look: AtomicU64,
    full: AtomicBool,
    refused: AtomicU64,
    /// Memory in use when it was looked at last, in bytes.
    used: AtomicU64,
    /// When to complain that writes are still refused, in milliseconds.
    complains: AtomicU64,
}

/// A limit that is too low for what stays in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLow {
    /// Memory in use, in bytes.
    pub used: u64,
    /// The least limit at which writes would be accepted, in bytes.
    pub needed: u64,
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
            let was_full = self.is_full();
            let share = if was_full { ROOM } else { FULL };
            let full = u128::from(used) * 100 > u128::from(self.limit) * u128::from(share);
            if full && !was_full {
                self.complains.store(now + PATIENCE_MS, Ordering::Relaxed);
            }
            self.used.store(used, Ordering::Relaxed);
            self.full.store(full, Ordering::Relaxed);
        }
        let refuses = self.is_full();
        self.refused.fetch_add(u64::from(refuses), Ordering::Relaxed);
        refuses
    }

    /// What to complain about once a minute while writes are refused all the time. `now` as for [`MemoryGuard::refuses`].
    pub fn too_low(&self, now: Duration) -> Option<TooLow> {
        let (now, due) = (now.as_millis() as u64, self.complains.load(Ordering::Relaxed));
        if !self.is_full() || now < due {
            return None;
        }
        self.complains.store(now + PATIENCE_MS, Ordering::Relaxed);
        let used = self.used.load(Ordering::Relaxed);
        Some(TooLow { used, needed: used.saturating_mul(100).div_ceil(ROOM) })
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
            [(0, 600, false), (50, 999, false), (100, 601, true), (150, 0, true), (200, 581, true), (300, 580, false)];
        for (ms, used, refuses) in table {
            assert_eq!(guard.refuses(at(ms), || Some(used)), refuses, "{ms}");
        }
        assert_eq!(guard.refused(), 3);
        assert!(!MemoryGuard::new(0).refuses(at(0), || Some(u64::MAX)));
    }

    #[test]
    fn a_limit_that_cannot_be_kept_is_complained_about_once_a_minute() {
        let guard = MemoryGuard::new(1000);
        let at = Duration::from_secs;
        let complaint = Some(TooLow { used: 870, needed: 1500 });
        for (s, used, expected) in [
            (0, 870, None),
            (59, 870, None),
            (60, 870, complaint),
            (61, 870, None),
            (120, 870, complaint),
            (121, 500, None),
            (122, 870, None),
            (181, 870, None),
            (182, 870, complaint),
        ] {
            guard.refuses(at(s), || Some(used));
            assert_eq!(guard.too_low(at(s)), expected, "{s}");
        }
    }
}
