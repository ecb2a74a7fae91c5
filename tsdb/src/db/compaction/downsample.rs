//! Makes buckets of blocks, beside everything else, as merges are made.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nightjar_platform::{Clock, Disk};

use super::tiers::{Downsampling, Origin, Tiered};
use super::{CACHE_BYTES, Compacted, RESERVE_BYTES, SPILL_BYTES, candidate};
use crate::block::{Block, BlockCache, BlockOptions, BlockSummary, MergeSource, Tier, downsample};
use crate::db::inner::Inner;
use crate::db::keeping::block_path;
use crate::db::view::Parts;
use crate::manifest::Change;

/// The blocks of buckets as the plan sees them.
pub(super) fn tiered<D: Disk>(parts: &Parts<D>) -> Vec<Tiered> {
    let one = |(number, block): (&u64, &Arc<Block<D>>)| {
        let tier = block.tier()?;
        let block = candidate(parts, *number, block);
        Some(Tiered { block, width_ms: tier.width_ms, sources: tier.sources.clone() })
    };
    parts.tiers.iter().filter_map(one).collect()
}

impl<D: Disk> Inner<D> {
    /// Makes the buckets.
    pub(super) fn make_buckets(&self, plan: &Downsampling) -> io::Result<Compacted> {
        // The scratch file and the outcome; buckets take less than what they are made from.
        let needed = plan.bytes + RESERVE_BYTES;
        if self.disk.free_bytes()? < needed {
            return Ok(Compacted::NoRoom { needed });
        }
        let (number, parts) = {
            let mut keeping = self.housekeeping.lock();
            let number = keeping.next_file;
            keeping.next_file += 1;
            (number, Arc::clone(&self.view.read().parts))
        };
        if !holds(&parts, plan) {
            return Ok(Compacted::Overtaken);
        }
        let begin = self.clock.monotonic();
        let made = self.write_buckets(plan, number, &parts).inspect_err(|_| self.throw_away(number))?;
        let done = self.publish_buckets(plan, number, made)?;
        let took = self.clock.monotonic().saturating_sub(begin);
        self.counters.compaction_ms.fetch_add(took.as_millis() as u64, Ordering::Relaxed);
        tracing::info!(
            width_ms = plan.width_ms,
            from = plan.range.start,
            to = plan.range.end,
            buckets = made.samples,
            read_bytes = plan.bytes,
            written_bytes = made.file_len,
            took = format!("{:.1}s", took.as_secs_f64()),
            "samples downsampled"
        );
        Ok(done)
    }

    fn write_buckets(&self, plan: &Downsampling, number: u64, parts: &Parts<D>) -> io::Result<BlockSummary> {
        let read: Vec<u64> = sources(plan).into_iter().collect();
        let cache = BlockCache::new(CACHE_BYTES * read.len());
        let open = |n: &u64| Block::open_with_cache(&self.disk, &block_path(*n), Arc::clone(&cache));
        let blocks = read.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let from: Vec<MergeSource<'_, D>> = blocks
            .iter()
            .map(|block| MergeSource { block, cuts: parts.deletions.cuts(block.summary().salt) })
            .collect();
        let named = match (&plan.from, blocks.first().and_then(Block::tier)) {
            (Origin::Tier(_), Some(tier)) => tier.sources.clone(),
            _ => sources(plan),
        };
        let tier = Tier { width_ms: plan.width_ms, sources: named };
        let options = BlockOptions { memory_bytes: SPILL_BYTES, ..BlockOptions::default() };
        let mut pause = || match self.interrupted.load(Ordering::Relaxed) {
            true => Err(io::Error::new(io::ErrorKind::Interrupted, "the server is stopping")),
            false => Ok(()),
        };
        let made = downsample(&self.disk, &block_path(number), plan.range, &from, options, tier, &mut pause);
        for (number, block) in read.iter().zip(&blocks) {
            let live = parts.blocks.get(number).or_else(|| parts.tiers.get(number));
            block.damage().into_iter().for_each(|damage| live.iter().for_each(|live| live.note_damage(damage.clone())));
        }
        made
    }

    /// Makes the buckets count instead of those they replace.
    fn publish_buckets(&self, plan: &Downsampling, number: u64, made: BlockSummary) -> io::Result<Compacted> {
        let block = Block::open_with_cache(&self.disk, &block_path(number), Arc::clone(&self.cache))?;
        let block = Arc::new(block);
        let mut keeping = self.housekeeping.lock();
        if !holds(&self.view.read().parts, plan) {
            self.throw_away(number);
            return Ok(Compacted::Overtaken);
        }
        let scalars = keeping.scalars();
        let remove = plan.replaces.iter().copied().collect();
        // Should this fail a restart may still find the record: the file stays.
        keeping.record(Change { add: vec![number], remove, scalars, ..Change::default() })?;
        {
            let mut view = self.view.write();
            let mut parts = view.parts.copy();
            for gone in &plan.replaces {
                keeping.garbage.extend(parts.tiers.remove(gone).map(|block| (*gone, Arc::downgrade(&block))));
            }
            let deletions = Arc::make_mut(&mut parts.deletions);
            deletions.add_block(number, &block);
            parts.tiers.insert(number, block);
            deletions.retain(&[], parts.blocks.values().chain(parts.tiers.values()));
            view.parts = Arc::new(parts);
        }
        let Downsampling { width_ms, bytes: read_bytes, .. } = *plan;
        Ok(Compacted::Downsampled { width_ms, read_bytes, written_bytes: made.file_len })
    }
}

/// The files to read.
fn sources(plan: &Downsampling) -> BTreeSet<u64> {
    match &plan.from {
        Origin::Blocks(numbers) => numbers.clone(),
        Origin::Tier(number) => BTreeSet::from([*number]),
    }
}

/// Whether everything a plan speaks of is there.
fn holds<D: Disk>(parts: &Parts<D>, plan: &Downsampling) -> bool {
    let from = match &plan.from {
        Origin::Blocks(numbers) => numbers.iter().all(|n| parts.blocks.contains_key(n)),
        Origin::Tier(number) => parts.tiers.contains_key(number),
    };
    from && plan.replaces.iter().all(|n| parts.tiers.contains_key(n))
}
