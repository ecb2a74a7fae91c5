//! Storage as the server sees it: the ports, what is told about it, and whether it is open yet.

pub mod db;
mod figures;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nightjar_model::metadata::Metadata;
use nightjar_model::storage::{Appender, Storage};
use nightjar_model::{ClosedRange, Matcher, TimestampMs};

use crate::downsampling::DownsamplingTier;
use crate::exposition::Exposition;
use crate::retention::RetentionRule;

/// What storage is opened with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// The directory.
    pub path: PathBuf,
    /// How long samples are kept.
    pub retention: Duration,
    /// How many bytes of samples are kept; 0 = no limit.
    pub retention_bytes: u64,
    /// Series that are kept for a shorter time.
    pub retention_rules: Vec<RetentionRule>,
    /// What is kept of samples in buckets.
    pub tiers: Vec<DownsamplingTier>,
    /// How late a sample may come.
    pub out_of_order_window: Duration,
    /// Most series in memory; 0 = no limit.
    pub max_series: usize,
    /// Most series of one metric name; 0 = no limit.
    pub max_series_per_metric: usize,
    /// Bytes of the log that are not in blocks yet, before they are sealed early.
    pub max_log_bytes: u64,
    /// Bytes of the disk kept for the time when it is full.
    pub reserve_bytes: u64,
    /// Bytes of memory for everything; 0 = no limit.
    pub memory_limit: u64,
}

/// An open database.
pub trait Store: Storage + Appender {
    /// Metadata of all metrics, or of one, sorted by metric name; a metric has several when its sources disagree.
    fn metadata(&self, metric: Option<&str>) -> Vec<(String, Vec<Metadata>)>;

    /// Figures about the data.
    fn overview(&self) -> Overview;

    /// The largest contributors to the number of series, at most `limit` each, largest first.
    fn cardinality(&self, limit: usize) -> Cardinality;

    /// Writes its own metrics.
    fn expose(&self, out: &mut Exposition);

    /// Does what is due at `now`: seals, deletes what retention says. Called every few seconds.
    fn maintain(&self, now: TimestampMs);

    /// Memory is short: the next [`Store::maintain`] moves what it can to the disk.
    fn relieve(&self);

    /// Makes large blocks of small ones if that is due; may take minutes and is in nobody's way. Called every few seconds,
    /// from a thread of its own.
    fn compact(&self);

    /// Reads about `bytes` of the data again, going on where it stopped, to find damage before a query does.
    fn scrub(&self, bytes: u64);

    /// Deletes what is stored now of series that satisfy `matchers`, at times in `range`. The error is a sentence.
    fn delete(&self, matchers: &[Matcher], range: ClosedRange) -> Result<(), String>;

    /// Rewrites all files of which something is deleted. The error is a sentence.
    fn clean_tombstones(&self) -> Result<(), String>;

    /// Makes a copy of the data directory, `snapshots/<name>` in it, without the newest samples if `skip_head`. The error
    /// is a sentence.
    fn snapshot(&self, name: &str, skip_head: bool) -> Result<(), String>;

    /// Makes everything durable and releases the directory. Later appends are refused.
    fn close(&self);
}

/// Figures about the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// Series in memory.
    pub series: u64,
    /// Places where samples lie: entries of the log's directory, and blocks.
    pub chunks: u64,
    /// Oldest and newest sample; `None` when there is none.
    pub times: Option<(TimestampMs, TimestampMs)>,
}

/// Who contributes most. Each list is sorted, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cardinality {
    /// Distinct label pairs.
    pub label_pairs: u64,
    /// Series by metric name.
    pub series_by_metric: Vec<(String, u64)>,
    /// Distinct values by label name.
    pub values_by_label: Vec<(String, u64)>,
    /// Bytes of values by label name.
    pub bytes_by_label: Vec<(String, u64)>,
    /// Series by `label=value`.
    pub series_by_pair: Vec<(String, u64)>,
}

/// Where the store is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The directory is being opened.
    Opening,
    /// It serves.
    Ready,
    /// The server is going down.
    Stopping,
}

/// The place the store appears in once it is open.
#[derive(Default)]
pub struct StoreSlot {
    store: OnceLock<Arc<dyn Store>>,
    stopping: AtomicU8,
    opened: AtomicU64,
    to_open: AtomicU64,
}

impl StoreSlot {
    /// A slot whose store is not open yet.
    pub fn new() -> StoreSlot {
        StoreSlot::default()
    }

    /// Puts the store in; the first one stays.
    pub fn open(&self, store: Arc<dyn Store>) {
        let _ = self.store.set(store);
    }

    /// Nothing is accepted from here on.
    pub fn stop(&self) {
        self.stopping.store(1, Ordering::SeqCst);
    }

    /// Notes how far opening got: `done` parts of `total`.
    pub fn progress(&self, done: u64, total: u64) {
        self.opened.store(done, Ordering::Relaxed);
        self.to_open.store(total, Ordering::Relaxed);
    }

    /// Parts opened and parts to open.
    pub fn replay(&self) -> (u64, u64) {
        (self.opened.load(Ordering::Relaxed), self.to_open.load(Ordering::Relaxed))
    }

    /// Where the store is in its life.
    pub fn phase(&self) -> Phase {
        if self.stopping.load(Ordering::SeqCst) != 0 {
            Phase::Stopping
        } else if self.store.get().is_some() {
            Phase::Ready
        } else {
            Phase::Opening
        }
    }

    /// The store, once open, even while the server is stopping.
    pub fn get(&self) -> Option<&Arc<dyn Store>> {
        self.store.get()
    }
}
