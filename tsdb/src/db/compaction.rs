//! Makes few large blocks of many small ones, beside everything else.
//!
//! Nobody waits for it: the locks are held to decide what to do and to make the outcome count, not in between. The outcome
//! has a lower number than any block that comes while it is made, so late samples and deletes of that time stay right.

mod downsample;
pub(crate) mod plan;
pub(crate) mod tiers;

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nightjar_model::{BlockRange, ClosedRange, TimestampMs};
use nightjar_platform::{Clock, Disk};

use super::inner::Inner;
use super::keeping::{block_path, remove};
use super::view::Parts;
use crate::block::{Block, BlockCache, BlockOptions, BlockSummary, MergeSource, merge};
use crate::cut::Cut;
use crate::manifest::Change;
use plan::{Candidate, Compaction};

/// Bytes of encoded samples in memory during a merge; the rest waits in a scratch file.
const SPILL_BYTES: usize = 16 << 20;
/// Decoded pages in memory, for each source.
const CACHE_BYTES: usize = 512 << 10;
/// So much room stays free for the log.
const RESERVE_BYTES: u64 = 64 << 20;

/// What compaction did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compacted {
    /// There was nothing to do.
    Nothing,
    /// There was, and too little room for it: nothing was done.
    NoRoom {
        /// Bytes that must be free.
        needed: u64,
    },
    /// Blocks became one, or none when nothing was left of them.
    Merged {
        /// How many.
        blocks: usize,
        /// Their size.
        read_bytes: u64,
        /// Size of the outcome.
        written_bytes: u64,
    },
    /// Buckets were made of samples.
    Downsampled {
        /// Their width in milliseconds.
        width_ms: i64,
        /// Size of what was read.
        read_bytes: u64,
        /// Size of the outcome.
        written_bytes: u64,
    },
    /// A block of those to merge went meanwhile: the outcome was thrown away.
    Overtaken,
}

/// A merge that was decided on.
struct Job<D: Disk> {
    plan: Compaction,
    /// Number of the outcome.
    number: u64,
    /// What blocks and deletes there were.
    parts: Arc<Parts<D>>,
}

impl<D: Disk> Inner<D> {
    /// Does one compaction if one is due.
    pub(crate) fn compact(&self) -> io::Result<Compacted> {
        let running = self.compacting.lock();
        let parts = Arc::clone(&self.view.read().parts);
        let candidates: Vec<Candidate> = parts.blocks.iter().map(|(n, b)| candidate(&parts, *n, b)).collect();
        let waits = self.options.out_of_order_window_ms.min(12 * self.options.block_ms);
        let settled = parts.seal.until.saturating_sub(waits);
        let done = match plan::next(&candidates, settled, &self.options) {
            Some(plan) => self.carry_out(plan),
            None => match tiers::next(&candidates, &downsample::tiered(&parts), settled, &self.options) {
                Some(plan) => self.make_buckets(&plan),
                None => Ok(Compacted::Nothing),
            },
        };
        drop(running);
        self.count(done)
    }

    /// Rewrites every block of which something is deleted. Blocks with damage stay as they are.
    pub(crate) fn clean(&self) -> io::Result<()> {
        let _running = self.compacting.lock();
        let parts = Arc::clone(&self.view.read().parts);
        for (number, block) in &parts.blocks {
            let candidate = candidate(&parts, *number, block);
            if parts.deletions.touches(block.summary().salt) && !candidate.damaged {
                self.has_room(self.carry_out(plan::alone(&candidate)))?;
            }
        }
        // What was made from these blocks went with them.
        let parts = Arc::clone(&self.view.read().parts);
        for tier in downsample::tiered(&parts) {
            let touched =
                parts.tiers.get(&tier.block.number).is_some_and(|b| parts.deletions.touches(b.summary().salt));
            if touched && !tier.block.damaged {
                self.has_room(self.make_buckets(&tiers::again(&tier)))?;
            }
        }
        self.lift_spent(&mut self.housekeeping.lock())
    }

    fn has_room(&self, done: io::Result<Compacted>) -> io::Result<()> {
        if let Compacted::NoRoom { needed } = self.count(done)? {
            let free = self.disk.free_bytes()?;
            let message = format!("{needed} bytes must be free to rewrite a block, {free} are");
            return Err(io::Error::new(io::ErrorKind::StorageFull, message));
        }
        Ok(())
    }

    fn count(&self, done: io::Result<Compacted>) -> io::Result<Compacted> {
        match &done {
            Ok(Compacted::Downsampled { written_bytes, .. }) => {
                self.counters.downsamplings.fetch_add(1, Ordering::Relaxed);
                self.counters.downsampled_bytes.fetch_add(*written_bytes, Ordering::Relaxed);
            }
            Ok(Compacted::Merged { read_bytes, written_bytes, .. }) => {
                self.counters.compactions.fetch_add(1, Ordering::Relaxed);
                self.counters.compaction_read_bytes.fetch_add(*read_bytes, Ordering::Relaxed);
                self.counters.compaction_written_bytes.fetch_add(*written_bytes, Ordering::Relaxed);
            }
            Err(e) if e.kind() != io::ErrorKind::Interrupted => {
                self.counters.failed_compactions.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
        done
    }

    fn carry_out(&self, plan: Compaction) -> io::Result<Compacted> {
        // The scratch file and the outcome.
        let needed = 2 * plan.bytes + RESERVE_BYTES;
        if self.disk.free_bytes()? < needed {
            return Ok(Compacted::NoRoom { needed });
        }
        let job = {
            let mut keeping = self.housekeeping.lock();
            let number = keeping.next_file;
            keeping.next_file += 1;
            Job { plan, number, parts: Arc::clone(&self.view.read().parts) }
        };
        if job.plan.sources.iter().any(|n| !job.parts.blocks.contains_key(n)) {
            return Ok(Compacted::Overtaken);
        }
        let begin = self.clock.monotonic();
        let merged = self.merge(&job).inspect_err(|_| self.throw_away(job.number))?;
        let done = self.publish_merged(&job, merged)?;
        let took = self.clock.monotonic().saturating_sub(begin);
        self.counters.compaction_ms.fetch_add(took.as_millis() as u64, Ordering::Relaxed);
        let Compaction { sources, range, bytes } = &job.plan;
        let (written, series) = merged.map_or((0, 0), |m| (m.file_len, m.series));
        tracing::info!(
            blocks = sources.len(),
            from = range.start,
            to = range.end,
            series,
            read_bytes = bytes,
            written_bytes = written,
            took = format!("{:.1}s", took.as_secs_f64()),
            "blocks compacted"
        );
        Ok(done)
    }

    fn throw_away(&self, number: u64) {
        if let Err(error) = remove(&self.disk, &block_path(number)) {
            tracing::warn!(%error, number, "a block nobody needs could not be removed");
        }
    }

    /// Writes the outcome. The sources are opened once more, so that queries keep their cache.
    fn merge(&self, job: &Job<D>) -> io::Result<Option<BlockSummary>> {
        let cache = BlockCache::new(CACHE_BYTES * job.plan.sources.len());
        let open = |n: &u64| Block::open_with_cache(&self.disk, &block_path(*n), Arc::clone(&cache));
        let blocks = job.plan.sources.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let sources: Vec<MergeSource<'_, D>> = blocks
            .iter()
            .map(|block| MergeSource { block, cuts: job.parts.deletions.cuts(block.summary().salt) })
            .collect();
        let options = BlockOptions { memory_bytes: SPILL_BYTES, ..BlockOptions::default() };
        let mut pause = || match self.interrupted.load(Ordering::Relaxed) {
            true => Err(io::Error::new(io::ErrorKind::Interrupted, "the server is stopping")),
            false => Ok(()),
        };
        let merged = merge(&self.disk, &block_path(job.number), job.plan.range, &sources, options, &mut pause);
        for (number, block) in job.plan.sources.iter().zip(&blocks) {
            let found = block.damage();
            if let Some(live) = job.parts.blocks.get(number) {
                found.into_iter().for_each(|damage| live.note_damage(damage));
            }
        }
        merged
    }

    /// Makes the outcome count instead of its sources.
    fn publish_merged(&self, job: &Job<D>, merged: Option<BlockSummary>) -> io::Result<Compacted> {
        let Compaction { sources, bytes, .. } = &job.plan;
        let block = match merged {
            Some(_) => {
                let opened = Block::open_with_cache(&self.disk, &block_path(job.number), Arc::clone(&self.cache));
                Some(Arc::new(opened?))
            }
            None => None,
        };
        let mut keeping = self.housekeeping.lock();
        let now = Arc::clone(&self.view.read().parts);
        if sources.iter().any(|n| !now.blocks.contains_key(n)) {
            self.throw_away(job.number);
            return Ok(Compacted::Overtaken);
        }
        // Buckets are of use beside what they were made from.
        let of_sources = |block: &Block<D>| block.tier().is_some_and(|t| sources.iter().any(|n| t.sources.contains(n)));
        let tiers: Vec<u64> = now.tiers.iter().filter(|(_, b)| of_sources(b)).map(|(number, _)| *number).collect();
        drop(now);
        let scalars = keeping.scalars();
        let add = block.iter().map(|_| job.number).collect();
        let remove = [&sources[..], &tiers].concat();
        // Should this fail a restart may still find the record: the file stays.
        keeping.record(Change { add, remove, scalars, ..Change::default() })?;
        {
            let mut view = self.view.write();
            let mut parts = view.parts.copy();
            for number in sources {
                if let Some(gone) = parts.blocks.remove(number) {
                    keeping.garbage.push((*number, Arc::downgrade(&gone)));
                }
            }
            for number in &tiers {
                keeping.garbage.extend(parts.tiers.remove(number).map(|gone| (*number, Arc::downgrade(&gone))));
            }
            let deletions = Arc::make_mut(&mut parts.deletions);
            if let Some(block) = block {
                deletions.add_block(job.number, &block);
                parts.blocks.insert(job.number, block);
            }
            deletions.retain(&[], parts.blocks.values().chain(parts.tiers.values()));
            view.parts = Arc::new(parts);
        }
        let written_bytes = merged.map_or(0, |m| m.file_len);
        Ok(Compacted::Merged { blocks: sources.len(), read_bytes: *bytes, written_bytes })
    }
}

/// A block as the plan sees it.
fn candidate<D: Disk>(parts: &Parts<D>, number: u64, block: &Block<D>) -> Candidate {
    let summary = block.summary();
    let damage = block.damage();
    let cuts = parts.deletions.cuts(summary.salt);
    let part = |cuts: &mut dyn Iterator<Item = &Cut>| {
        let parts =
            cuts.map(|c| c.series.cardinality() as f64 / summary.series.max(1) as f64 * share(summary.range, c.times));
        parts.sum::<f64>().min(1.0)
    };
    // What rules of retention delete begins with time and grows.
    let is_final = |c: &&Cut| c.times.start > TimestampMs::MIN || c.times.end >= summary.range.end - 1;
    Candidate {
        number,
        range: summary.range,
        bytes: summary.file_len,
        deleted: part(&mut cuts.iter()),
        finally_deleted: part(&mut cuts.iter().filter(is_final)),
        damaged: damage.iter().any(|d| !d.harmless),
        scratched: damage.iter().any(|d| d.harmless),
    }
}

/// The part of `range` that `times` cover.
fn share(range: BlockRange, times: ClosedRange) -> f64 {
    let start = times.start.max(range.start);
    let end = times.end.saturating_add(1).min(range.end);
    let width = |from: TimestampMs, to: TimestampMs| to.saturating_sub(from).max(0) as f64;
    width(start, end) / width(range.start, range.end).max(1.0)
}
