//! What happened since the database was opened.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nightjar_model::storage::{AppendReport, RejectReason};
use parking_lot::Mutex;

/// Upper bounds of the fsync histogram's buckets, in seconds; the last bucket has none.
pub const FSYNC_BUCKETS_S: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// All reasons, in the order in which they are counted.
const REASONS: [RejectReason; 9] = [
    RejectReason::InvalidLabels,
    RejectReason::OutOfOrder,
    RejectReason::DuplicateTimestamp,
    RejectReason::TooOld,
    RejectReason::TooFarInFuture,
    RejectReason::InvalidHistogram,
    RejectReason::InvalidExemplar,
    RejectReason::SeriesLimit,
    RejectReason::Empty,
];

/// Counters, each on its own.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Float samples written.
    pub(crate) samples: AtomicU64,
    /// Histograms written.
    pub(crate) histograms: AtomicU64,
    /// Exemplars written.
    pub(crate) exemplars: AtomicU64,
    rejected: [AtomicU64; REASONS.len()],
    /// Sections that could not be read.
    pub(crate) damaged: AtomicU64,
    /// Bytes of frames written.
    pub(crate) log_bytes: AtomicU64,
    /// Groups of batches that could not be written.
    pub(crate) failed_commits: AtomicU64,
    /// Seals finished.
    pub(crate) seals: AtomicU64,
    /// Bytes of blocks written by seals.
    pub(crate) sealed_bytes: AtomicU64,
    /// Bytes of blocks read again to find damage.
    pub(crate) scrubbed_bytes: AtomicU64,
    /// How often all blocks were read again.
    pub(crate) scrub_rounds: AtomicU64,
    /// Compactions finished.
    pub(crate) compactions: AtomicU64,
    /// Compactions that failed.
    pub(crate) failed_compactions: AtomicU64,
    /// Bytes of blocks that compactions read.
    pub(crate) compaction_read_bytes: AtomicU64,
    /// Bytes of blocks that compactions wrote.
    pub(crate) compaction_written_bytes: AtomicU64,
    /// Time spent in compactions, in milliseconds.
    pub(crate) compaction_ms: AtomicU64,
    /// Blocks of buckets made.
    pub(crate) downsamplings: AtomicU64,
    /// Bytes of these.
    pub(crate) downsampled_bytes: AtomicU64,
    fsync: Mutex<FsyncStats>,
}

/// How long it took to make groups of batches durable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FsyncStats {
    /// Observations by bucket (see [`FSYNC_BUCKETS_S`]), not cumulative; the last one is beyond all bounds.
    pub buckets: [u64; FSYNC_BUCKETS_S.len() + 1],
    /// Sum of all durations, in seconds.
    pub sum_s: f64,
    /// Number of durations.
    pub count: u64,
}

impl Counters {
    /// Notes what became of a batch.
    pub(crate) fn note(&self, report: &AppendReport) {
        self.samples.fetch_add(report.samples, Ordering::Relaxed);
        self.histograms.fetch_add(report.histograms, Ordering::Relaxed);
        self.exemplars.fetch_add(report.exemplars, Ordering::Relaxed);
        self.note_rejections(report);
    }

    /// Notes only what was refused.
    pub(crate) fn note_rejections(&self, report: &AppendReport) {
        // Beyond the refusals told in full only the number is known: count them with the last one told.
        let untold = report.rejected.saturating_sub(report.rejections.len() as u64);
        let reasons = report.rejections.iter().map(|r| r.reason);
        let last = reasons.clone().next_back().into_iter().map(|r| (r, untold));
        for (reason, n) in reasons.map(|r| (r, 1)).chain(last) {
            if let Some(i) = REASONS.iter().position(|r| *r == reason) {
                self.rejected[i].fetch_add(n, Ordering::Relaxed);
            }
        }
    }

    /// Refused items by reason.
    pub(crate) fn rejected(&self) -> Vec<(RejectReason, u64)> {
        REASONS.iter().zip(&self.rejected).map(|(reason, n)| (*reason, n.load(Ordering::Relaxed))).collect()
    }

    /// Notes the duration of a commit.
    pub(crate) fn note_fsync(&self, took: Duration) {
        let took = took.as_secs_f64();
        let mut stats = self.fsync.lock();
        let bucket = FSYNC_BUCKETS_S.partition_point(|bound| *bound < took);
        stats.buckets[bucket] += 1;
        stats.sum_s += took;
        stats.count += 1;
    }

    /// Durations of commits.
    pub(crate) fn fsync(&self) -> FsyncStats {
        self.fsync.lock().clone()
    }
}
