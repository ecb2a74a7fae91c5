//! Reads blocks again, little by little, to find damage before a query does.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nightjar_platform::Disk;

use super::inner::Inner;

/// How far the current round has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scrub {
    /// The block being read, or the next one after it.
    block: u64,
    page: usize,
}

impl<D: Disk> Inner<D> {
    /// Checks at least `bytes` of blocks, going on where it stopped. Answers whether a round has ended.
    pub(crate) fn scrub(&self, bytes: u64) -> io::Result<bool> {
        let mut scrub = self.scrubbing.lock();
        let mut left = bytes;
        while left > 0 {
            let parts = Arc::clone(&self.view.read().parts);
            let files = [&parts.blocks, &parts.tiers].into_iter().filter_map(|f| f.range(scrub.block..).next());
            let next = files.min_by_key(|(number, _)| **number).map(|(n, b)| (*n, Arc::clone(b)));
            drop(parts);
            let Some((number, block)) = next else {
                *scrub = Scrub::default();
                self.counters.scrub_rounds.fetch_add(1, Ordering::Relaxed);
                return Ok(true);
            };
            if number != scrub.block {
                *scrub = Scrub { block: number, page: 0 };
            }
            let (next, read) = block.scrub(scrub.page, left)?;
            self.counters.scrubbed_bytes.fetch_add(read, Ordering::Relaxed);
            *scrub = match next {
                Some(page) => Scrub { block: number, page },
                None => Scrub { block: number + 1, page: 0 },
            };
            left = left.saturating_sub(read.max(1));
        }
        Ok(false)
    }
}
