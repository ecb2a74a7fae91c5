//! Memory for queries: so much for one, so much for all that run at once.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::QueryError;

/// Memory that queries share. What a query takes is counted in bytes; nothing is allocated here.
#[derive(Debug)]
pub struct MemoryPool {
    per_query: u64,
    total: u64,
    held: AtomicU64,
    refused: AtomicU64,
}

impl MemoryPool {
    /// At most `per_query` bytes for one query and `total` for all at once; 0 = no limit.
    pub fn new(per_query: u64, total: u64) -> MemoryPool {
        let limit = |bytes| if bytes == 0 { u64::MAX } else { bytes };
        MemoryPool { per_query: limit(per_query), total: limit(total), held: 0.into(), refused: 0.into() }
    }

    /// Without limits.
    pub fn unlimited() -> MemoryPool {
        MemoryPool::new(0, 0)
    }

    /// Whether there is any limit.
    pub(crate) fn is_limited(&self) -> bool {
        self.per_query.min(self.total) < u64::MAX
    }

    /// Most bytes one query may take; `u64::MAX` without a limit.
    pub fn per_query(&self) -> u64 {
        self.per_query
    }

    /// Most bytes all queries together may take; `u64::MAX` without a limit.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Bytes held by queries now.
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Queries that were refused or stopped for want of memory.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// A reservation of nothing, for one query.
    pub fn reserve(self: &Arc<MemoryPool>) -> Reservation {
        Reservation { pool: Arc::clone(self), bytes: 0 }
    }

    /// Takes `more` bytes if there are as many; answers how many others hold if not.
    fn take(&self, more: u64) -> Result<(), u64> {
        let take = |held: u64| held.checked_add(more).filter(|sum| *sum <= self.total);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).map(|_| ())
    }

    fn refuse(&self, reason: String) -> QueryError {
        self.refused.fetch_add(1, Ordering::Relaxed);
        QueryError::Execution(reason)
    }
}

/// The bytes one query has taken from a pool; given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    pool: Arc<MemoryPool>,
    bytes: u64,
}

impl Reservation {
    /// Bytes taken.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Errs when a query that needs about `bytes` may not run; they are its own from now on.
    pub fn admit(&mut self, bytes: u64) -> Result<(), QueryError> {
        self.take(bytes, "about")
    }

    /// Takes bytes until there are at least `bytes`.
    pub(crate) fn grow_to(&mut self, bytes: u64) -> Result<(), QueryError> {
        self.take(bytes, "at least")
    }

    /// Whether there is room to grow to `bytes`, as far as others let it.
    pub(crate) fn has_room(&self, bytes: u64) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        bytes <= self.pool.per_query && self.pool.held().saturating_add(more) <= self.pool.total
    }

    fn take(&mut self, bytes: u64, how: &str) -> Result<(), QueryError> {
        if bytes <= self.bytes {
            return Ok(());
        }
        let limit = self.pool.per_query;
        if bytes > limit {
            return Err(self.pool.refuse(format!(
                "query processing would load too many samples into memory in query execution: it needs {how} {}, \
                 and one query may take {} (--query.max-memory-per-query); \
                 ask for fewer series, a shorter range or a longer step",
                Size(bytes),
                Size(limit)
            )));
        }
        self.pool.take(bytes - self.bytes).map_err(|held| {
            self.pool.refused.fetch_add(1, Ordering::Relaxed);
            QueryError::Busy(format!(
                "queries that run now hold {} of the {} all may take (--query.max-memory-total); \
                 this one needs {how} {}: try again in a moment",
                Size(held),
                Size(self.pool.total),
                Size(bytes)
            ))
        })?;
        self.bytes = bytes;
        Ok(())
    }

    /// Gives back all but `bytes`.
    pub(crate) fn shrink_to(&mut self, bytes: u64) {
        if let Some(spare) = self.bytes.checked_sub(bytes) {
            self.pool.held.fetch_sub(spare, Ordering::Relaxed);
            self.bytes = bytes;
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

/// Bytes as people read them: `46.1 GiB`.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let power = ((self.0.ilog2() / 10) as usize).min(UNITS.len());
        let value = self.0 as f64 / (1u64 << (10 * power)) as f64;
        let rounded = (value * 10.0).round() / 10.0;
        write!(f, "{rounded} {}", UNITS[power - 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let table =
            [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (256 << 20, "256 MiB"), (49_500_000_000, "46.1 GiB")];
        for (bytes, text) in table {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }

    #[test]
    fn what_is_taken_comes_back() {
        let pool = Arc::new(MemoryPool::new(100, 150));
        let mut first = pool.reserve();
        first.admit(80).unwrap();
        first.grow_to(60).unwrap();
        assert_eq!((first.bytes(), pool.held()), (80, 80));
        let mut second = pool.reserve();
        assert!(second.admit(101).unwrap_err().to_string().contains("needs about 101 B, and one query may take 100 B"));
        let busy = second.grow_to(71).unwrap_err();
        assert!(
            matches!(&busy, QueryError::Busy(text) if text.starts_with("queries that run now hold 80 B of the 150 B"))
        );
        assert_eq!((second.bytes(), pool.held(), pool.refused()), (0, 80, 2));
        assert!(second.has_room(70) && !second.has_room(71) && !first.has_room(101));
        first.shrink_to(10);
        second.grow_to(71).unwrap();
        assert_eq!(pool.held(), 81);
        drop((first, second));
        assert_eq!(pool.held(), 0);
        let mut free = Arc::new(MemoryPool::unlimited()).reserve();
        free.admit(u64::MAX).unwrap();
    }
}
