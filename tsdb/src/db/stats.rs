//! What a database says about itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nightjar_model::TimestampMs;
use nightjar_model::metadata::Metadata;
use nightjar_model::storage::RejectReason;
use nightjar_platform::{Disk, DiskFile};

use super::directory::Entry;
use super::inner::Inner;
use super::view::Parts;
use crate::block::Block;
use crate::counters::FsyncStats;

/// Figures of a database, for `/metrics` and the status page. Counters count since it was opened.
#[derive(Clone, Debug, Default)]
pub struct DbStats {
    /// Series in memory.
    pub series: u64,
    /// Series that came since the database was opened.
    pub series_created: u64,
    /// Series forgotten since: they have no samples in frames any more.
    pub series_removed: u64,
    /// Most series in memory; 0 = no limit.
    pub max_series: u64,
    /// Most series of one metric; 0 = no limit.
    pub max_series_per_metric: u64,
    /// Bytes kept for the time when the disk is full; 0 when there are none, because there were none to keep or because
    /// they are in use.
    pub reserve_bytes: u64,
    /// Bytes of files put aside.
    pub quarantine_bytes: u64,
    /// Scrape targets in memory.
    pub timelines: u64,
    /// First and last sample that is stored, in frames or blocks; `None` without any.
    pub times: Option<(TimestampMs, TimestampMs)>,
    /// First and last sample in frames; `None` without any.
    pub head_times: Option<(TimestampMs, TimestampMs)>,
    /// Float samples written.
    pub samples: u64,
    /// Histograms written.
    pub histograms: u64,
    /// Exemplars written.
    pub exemplars: u64,
    /// Refused items by reason, every reason listed.
    pub rejected: Vec<(RejectReason, u64)>,
    /// Durations of group commits.
    pub fsync: FsyncStats,
    /// Group commits that failed.
    pub failed_commits: u64,
    /// Whether the log cannot be written at the moment, and why.
    pub unavailable: Option<String>,
    /// Bytes queued for the log.
    pub queued_bytes: u64,
    /// Bytes written to the log.
    pub log_written_bytes: u64,
    /// Segments of the log.
    pub log_segments: u64,
    /// Bytes of these segments.
    pub log_bytes: u64,
    /// Places in the log kept in memory.
    pub directory_entries: u64,
    /// Bytes of names in memory.
    pub spelling_bytes: u64,
    /// Blocks.
    pub blocks: u64,
    /// Bytes of blocks.
    pub block_bytes: u64,
    /// Samples and histograms in blocks.
    pub block_samples: u64,
    /// Blocks of buckets that were made.
    pub downsamplings: u64,
    /// Bytes of these.
    pub downsampled_bytes: u64,
    /// Blocks of buckets by width, ascending.
    pub tiers: Vec<TierStats>,
    /// Blocks that cannot be read.
    pub unreadable_blocks: u64,
    /// Seals finished.
    pub seals: u64,
    /// Bytes of blocks written by seals.
    pub sealed_bytes: u64,
    /// Bytes of blocks read again to find damage.
    pub scrubbed_bytes: u64,
    /// How often all blocks were read again.
    pub scrub_rounds: u64,
    /// Pages of blocks that cannot be read: samples or names are missing.
    pub damaged_pages: u64,
    /// Compactions finished.
    pub compactions: u64,
    /// Compactions that failed.
    pub failed_compactions: u64,
    /// Bytes of blocks that compactions read.
    pub compaction_read_bytes: u64,
    /// Bytes of blocks that compactions wrote.
    pub compaction_written_bytes: u64,
    /// Time spent in compactions, in milliseconds.
    pub compaction_ms: u64,
    /// Deletes that are not carried out in all files yet.
    pub tombstones: u64,
    /// Reads of segments in use that found damage and could repair it.
    pub repaired_reads: u64,
    /// Times damage was met in the log that could not be repaired.
    pub damaged_sections: u64,
}

/// Blocks of buckets of one width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierStats {
    /// Width of the buckets in milliseconds.
    pub width_ms: i64,
    /// How many blocks.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A block, for people and tools.
pub struct BlockInfo<D: Disk> {
    /// Its number.
    pub number: u64,
    /// The block.
    pub block: Arc<Block<D>>,
    /// Whether something of it is deleted.
    pub has_deletes: bool,
}

fn span(times: impl Iterator<Item = (TimestampMs, TimestampMs)>) -> Option<(TimestampMs, TimestampMs)> {
    times.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// Blocks of buckets by width.
fn tiers<D: Disk>(parts: &Parts<D>) -> Vec<TierStats> {
    let mut tiers: BTreeMap<i64, TierStats> = BTreeMap::new();
    for (width_ms, block) in parts.tiers.values().filter_map(|b| Some((b.tier()?.width_ms, b))) {
        let known = tiers.entry(width_ms).or_insert(TierStats { width_ms, blocks: 0, bytes: 0 });
        known.blocks += 1;
        known.bytes += block.summary().file_len;
    }
    tiers.into_values().collect()
}

impl<D: Disk> Inner<D> {
    /// Figures as they are now.
    pub(crate) fn stats(&self) -> DbStats {
        let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let c = &self.counters;
        let mut stats = DbStats {
            samples: load(&c.samples),
            histograms: load(&c.histograms),
            exemplars: load(&c.exemplars),
            rejected: c.rejected(),
            fsync: c.fsync(),
            failed_commits: load(&c.failed_commits),
            log_written_bytes: load(&c.log_bytes),
            seals: load(&c.seals),
            damaged_sections: load(&c.damaged),
            ..DbStats::default()
        };
        {
            let head = &self.writer.read().head;
            stats.series = head.table.len() as u64;
            stats.timelines = head.timelines.len() as u64;
            (stats.series_created, stats.series_removed) = (head.churn.created, head.churn.removed);
            stats.spelling_bytes = head.table.spelling_bytes() as u64;
        }
        stats.max_series = self.options.max_series as u64;
        stats.max_series_per_metric = self.options.max_series_per_metric as u64;
        stats.reserve_bytes = self.reserve.lock().held();
        stats.quarantine_bytes = super::quarantine::bytes(&self.disk);
        {
            let queue = self.queue.lock();
            stats.queued_bytes = queue.pending.bytes.len() as u64;
            stats.unavailable = queue.refusal(queue.now).map(|reason| reason.to_string());
        }
        let parts = self.view.read().parts.clone();
        {
            let directory = self.directory.read();
            let entries = || directory.iter().flat_map(|(_, entries)| entries);
            stats.directory_entries = entries().count() as u64;
            let floor = |e: &Entry| parts.seal.floor(e.position());
            let open = entries().filter(|e| e.t_max() >= floor(e)).map(|e| (e.t_min().max(floor(e)), e.t_max()));
            stats.head_times = span(open);
        }
        let blocks = parts.blocks.values().map(|b| b.summary());
        stats.times = span(blocks.clone().filter_map(|s| s.times).map(|t| (t.start, t.end)).chain(stats.head_times));
        stats.sealed_bytes = self.counters.sealed_bytes.load(Ordering::Relaxed);
        stats.scrubbed_bytes = self.counters.scrubbed_bytes.load(Ordering::Relaxed);
        stats.scrub_rounds = self.counters.scrub_rounds.load(Ordering::Relaxed);
        let damage = parts.blocks.values().chain(parts.tiers.values()).flat_map(|b| b.damage());
        stats.damaged_pages = damage.filter(|d| !d.harmless).count() as u64;
        stats.compactions = self.counters.compactions.load(Ordering::Relaxed);
        stats.failed_compactions = self.counters.failed_compactions.load(Ordering::Relaxed);
        stats.compaction_read_bytes = self.counters.compaction_read_bytes.load(Ordering::Relaxed);
        stats.compaction_written_bytes = self.counters.compaction_written_bytes.load(Ordering::Relaxed);
        stats.compaction_ms = self.counters.compaction_ms.load(Ordering::Relaxed);
        stats.tombstones = parts.deletions.tombstones().len() as u64;
        stats.blocks = parts.blocks.len() as u64;
        stats.block_samples = blocks.clone().map(|s| s.samples + s.histograms).sum();
        stats.block_bytes = blocks.map(|s| s.file_len).sum();
        stats.tiers = tiers(&parts);
        stats.downsamplings = self.counters.downsamplings.load(Ordering::Relaxed);
        stats.downsampled_bytes = self.counters.downsampled_bytes.load(Ordering::Relaxed);
        stats.unreadable_blocks = parts.unreadable.len() as u64;
        stats.log_segments = parts.segments.len() as u64;
        stats.log_bytes = parts.segments.values().map(|s| s.file.len().unwrap_or(0)).sum();
        stats.repaired_reads = parts.segments.values().map(|s| s.repaired.load(Ordering::Relaxed)).sum();
        stats
    }

    /// The blocks of samples, by number, and then those of buckets.
    pub(crate) fn blocks(&self) -> Vec<BlockInfo<D>> {
        let parts = Arc::clone(&self.view.read().parts);
        let info = |(number, block): (&u64, &Arc<Block<D>>)| BlockInfo {
            number: *number,
            block: Arc::clone(block),
            has_deletes: parts.deletions.touches(block.summary().salt),
        };
        parts.blocks.iter().chain(&parts.tiers).map(info).collect()
    }

    /// What is known about metrics, sorted by metric; the newest variant first.
    pub(crate) fn metadata(&self, metric: Option<&str>) -> Vec<(String, Vec<Metadata>)> {
        let writer = self.writer.read();
        let all = writer.head.side.metadata().filter(|(name, _)| metric.is_none_or(|m| m == *name));
        let mut list: Vec<_> =
            all.map(|(name, known)| (name.to_owned(), known.iter().rev().cloned().collect())).collect();
        list.sort_by(|a: &(String, Vec<Metadata>), b| a.0.cmp(&b.0));
        list
    }
}
