//! The database of `tsdb` as a [`Store`].

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nightjar_model::metadata::Metadata;
use nightjar_model::storage::{
    AppendDone, AppendError, Appender, Atomicity, Querier, Storage, StorageError, WriteBatch,
};
use nightjar_model::{ClosedRange, Matcher, TimestampMs};
use nightjar_platform::{Disk, RealDisk};
use nightjar_tsdb::{Compacted, Db, Options, RetentionRule, TierOptions};
use parking_lot::RwLock;

use super::{Cardinality, Overview, Store, StoreOptions, StoreSlot, figures};
use crate::downsampling::DownsamplingTier;
use crate::exposition::Exposition;

/// An open database; empty once closed.
pub struct DbStore<D: Disk> {
    db: RwLock<Option<Arc<Db<D>>>>,
}

/// Opens the directory; the error is one sentence.
pub fn open(options: &StoreOptions, now: TimestampMs, slot: &StoreSlot) -> Result<Arc<dyn Store>, String> {
    let disk = RealDisk::new(&options.path).map_err(|e| cannot_use(&options.path, &e))?;
    DbStore::open(disk, tsdb_options(options), now, slot)
}

fn cannot_use(path: &Path, error: &std::io::Error) -> String {
    format!("cannot use {} as data directory: {error}; --storage.tsdb.path chooses another one", path.display())
}

fn tsdb_options(options: &StoreOptions) -> Options {
    Options {
        out_of_order_window_ms: options.out_of_order_window.as_millis() as i64,
        retention_ms: options.retention.as_millis() as i64,
        retention_bytes: options.retention_bytes,
        max_series: options.max_series,
        max_series_per_metric: options.max_series_per_metric,
        max_log_bytes: options.max_log_bytes,
        reserve_bytes: options.reserve_bytes,
        retention_rules: options.retention_rules.iter().map(tsdb_rule).collect(),
        tiers: options.tiers.iter().map(|tier| tsdb_tier(tier, options.retention)).collect(),
        ..with_memory(options.memory_limit)
    }
}

/// Caches and queues that fit into the memory there is.
fn with_memory(limit: u64) -> Options {
    let default = Options::default();
    let share = if limit == 0 { usize::MAX } else { usize::try_from(limit / 32).unwrap_or(usize::MAX) };
    Options {
        queue_bytes: default.queue_bytes.min(share),
        read_ahead_bytes: default.read_ahead_bytes.min(share),
        seal_memory_bytes: default.seal_memory_bytes.min(share),
        block_cache_bytes: default.block_cache_bytes.min(share),
        ..default
    }
}

fn tsdb_rule(rule: &crate::retention::RetentionRule) -> RetentionRule {
    RetentionRule { matchers: rule.matchers.clone(), keep_ms: rule.keep.as_millis() as i64 }
}

fn tsdb_tier(tier: &DownsamplingTier, retention: Duration) -> TierOptions {
    let ms = |duration: Duration| duration.as_millis() as i64;
    TierOptions { width_ms: ms(tier.width), keep_ms: ms(tier.keep.unwrap_or(retention)) }
}

impl<D: Disk> DbStore<D> {
    /// Opens the database on any disk; the error is one sentence.
    pub fn open(disk: D, options: Options, now: TimestampMs, slot: &StoreSlot) -> Result<Arc<dyn Store>, String> {
        let mut reported = 0;
        let mut progress = |p: nightjar_tsdb::Progress| {
            slot.progress(p.done_bytes, p.total_bytes);
            let tenth = (p.done_bytes * 10).checked_div(p.total_bytes).unwrap_or(0);
            // Small directories open at once and need no progress.
            if tenth > reported && p.total_bytes > 64 << 20 {
                reported = tenth;
                tracing::info!(done = format!("{}%", tenth * 10), bytes = p.total_bytes, "opening the data directory");
            }
        };
        let db = Db::open(disk, options, now, &mut progress).map_err(|e| e.to_string())?;
        Ok(Arc::new(DbStore { db: RwLock::new(Some(Arc::new(db))) }))
    }

    fn db(&self) -> Option<Arc<Db<D>>> {
        self.db.read().clone()
    }

    fn with_db(&self, job: impl FnOnce(&Db<D>) -> std::io::Result<()>) -> Result<(), String> {
        let db = self.db().ok_or_else(|| CLOSED.to_owned())?;
        job(&db).map_err(|e| e.to_string())
    }
}

const CLOSED: &str = "the server is stopping";

impl<D: Disk> Storage for DbStore<D> {
    fn querier(&self, range: ClosedRange) -> Result<Box<dyn Querier>, StorageError> {
        match self.db() {
            Some(db) => db.querier(range),
            None => Err(StorageError::Unavailable { reason: CLOSED.to_owned() }),
        }
    }

    fn generation(&self, range: ClosedRange) -> u64 {
        self.db().map_or(u64::MAX, |db| db.generation(range))
    }
}

impl<D: Disk> Appender for DbStore<D> {
    fn append(&self, batch: &dyn WriteBatch, atomicity: Atomicity, now: TimestampMs, done: AppendDone) {
        match self.db() {
            Some(db) => db.append(batch, atomicity, now, done),
            None => done(Err(AppendError::Unavailable { reason: CLOSED.to_owned(), retry_after_s: 5 })),
        }
    }
}

impl<D: Disk> Store for DbStore<D> {
    fn metadata(&self, metric: Option<&str>) -> Vec<(String, Vec<Metadata>)> {
        self.db().map(|db| db.metadata(metric)).unwrap_or_default()
    }

    fn overview(&self) -> Overview {
        let Some(stats) = self.db().map(|db| db.stats()) else { return Overview::default() };
        Overview { series: stats.series, chunks: stats.directory_entries + stats.blocks, times: stats.times }
    }

    fn cardinality(&self, limit: usize) -> Cardinality {
        let Some(found) = self.db().map(|db| db.cardinality(limit)) else { return Cardinality::default() };
        Cardinality {
            label_pairs: found.label_pairs,
            series_by_metric: found.series_by_metric,
            values_by_label: found.values_by_label,
            bytes_by_label: found.bytes_by_label,
            series_by_pair: found.series_by_pair,
        }
    }

    fn expose(&self, out: &mut Exposition) {
        if let Some(db) = self.db() {
            figures::expose(&db.stats(), out);
        }
    }

    fn maintain(&self, now: TimestampMs) {
        if let Some(Err(error)) = self.db().map(|db| db.maintain(now)) {
            tracing::warn!(%error, "sealing, cleaning up or retention failed; it is tried again");
        }
    }

    fn relieve(&self) {
        if let Some(db) = self.db() {
            db.relieve();
        }
    }

    fn compact(&self) {
        match self.db().map(|db| db.compact()) {
            Some(Err(error)) if error.kind() != std::io::ErrorKind::Interrupted => {
                tracing::warn!(%error, "compaction failed; everything is as before, and it is tried again");
            }
            Some(Ok(Compacted::NoRoom { needed })) => {
                tracing::debug!(needed, "compaction waits for room on the disk");
            }
            _ => {}
        }
    }

    fn scrub(&self, bytes: u64) {
        if let Some(Err(error)) = self.db().map(|db| db.scrub(bytes)) {
            tracing::warn!(%error, "blocks cannot be read again; it is tried again");
        }
    }

    fn delete(&self, matchers: &[Matcher], range: ClosedRange) -> Result<(), String> {
        self.with_db(|db| db.delete(matchers, range))
    }

    fn clean_tombstones(&self) -> Result<(), String> {
        self.with_db(Db::clean)
    }

    fn snapshot(&self, name: &str, skip_head: bool) -> Result<(), String> {
        self.with_db(|db| db.snapshot(name, skip_head))
    }

    fn close(&self) {
        // The last query that still reads keeps the database open until it ends.
        if let Some(db) = self.db.write().take() {
            db.interrupt();
        }
    }
}
