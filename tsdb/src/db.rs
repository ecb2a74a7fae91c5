//! The database: a head over a log, blocks behind it, and a manifest that says which of them count.

pub(crate) mod append;
pub(crate) mod buckets;
pub(crate) mod cardinality;
pub(crate) mod changes;
pub(crate) mod columns;
pub(crate) mod commit;
pub(crate) mod compaction;
pub(crate) mod copies;
pub(crate) mod delete;
pub(crate) mod deletions;
pub(crate) mod directory;
pub(crate) mod epochs;
mod frames;
mod growing;
pub(crate) mod imports;
pub(crate) mod inner;
pub(crate) mod keeping;
pub(crate) mod live;
pub(crate) mod log;
pub(crate) mod maintain;
pub(crate) mod merge;
pub(crate) mod open;
pub(crate) mod order;
pub(crate) mod packed;
pub(crate) mod plan;
pub(crate) mod quarantine;
pub(crate) mod querier;
pub(crate) mod reserve;
pub(crate) mod scrub;
pub(crate) mod seal;
pub(crate) mod set;
pub(crate) mod snapshot;
pub(crate) mod stats;
pub(crate) mod target;
pub(crate) mod tile;
pub(crate) mod tracks;
pub(crate) mod verify;
pub(crate) mod view;
pub(crate) mod weigh;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use nightjar_model::metadata::Metadata;
use nightjar_model::storage::{AppendDone, Appender, Atomicity, Querier, Storage, StorageError, WriteBatch};
use nightjar_model::{BlockRange, ClosedRange, Matcher, TimestampMs};
use nightjar_platform::{Disk, Entropy, PanicPolicy, RealClock, RealEntropy, SeededEntropy, Thread, spawn};
use parking_lot::{Condvar, Mutex, RwLock};

use crate::block::{BlockBuilder, BlockCache};
use crate::counters::Counters;
use crate::head::batch::Collected;
use crate::head::encode::Encoder;
use crate::head::state::Head;
use crate::manifest::{Manifest, ManifestError};
use crate::options::Options;
use crate::wal::pending::Pending;
use crate::wal::segment;
pub use cardinality::Cardinality;
pub use compaction::Compacted;
use directory::{Position, Seal};
use epochs::Epochs;
pub use imports::ImportedBlock;
use inner::{Inner, Queue, Writer};
use keeping::Housekeeping;
use log::Log;
pub use maintain::Maintained;
pub use open::{OpenError, Progress};
use open::{io_error, recover};
use querier::DbQuerier;
use reserve::Reserve;
pub use stats::{BlockInfo, DbStats, TierStats};
pub use verify::{Finding, Verified, verify};
use view::{Parts, View};

/// The lock file of a data directory.
const LOCK: &str = "lock";

/// A time series database in one directory. Dropping it waits until everything queued is durable.
pub struct Db<D: Disk> {
    inner: Arc<Inner<D>>,
    committer: Option<Thread<()>>,
}

impl<D: Disk> Db<D> {
    /// Opens the database at the root of `disk`, creating it when the directory is empty. `progress` is called now
    /// and then while the log is read.
    pub fn open(
        disk: D,
        options: Options,
        _now: TimestampMs,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Db<D>, OpenError> {
        let root = Path::new("");
        // Before anything is written: is this ours, and not from the future?
        let known = Manifest::peek(&disk).map_err(|e| OpenError::manifest(&disk, e))?;
        if known.is_none() && disk.list(Path::new(segment::DIR)).is_ok_and(|files| !files.is_empty()) {
            let what = ManifestError::Damaged("it is missing although there are segments".into());
            return Err(OpenError::manifest(&disk, what));
        }
        let lock = disk.lock(Path::new(LOCK)).map_err(io_error(&disk, Path::new(LOCK)))?;
        let path = format!("{}/{LOCK}", disk.display_root());
        let lock = lock.ok_or(OpenError::Locked { path })?;
        let mut reserve =
            Reserve::open(&disk, options.reserve_bytes, known.is_none()).map_err(io_error(&disk, root))?;
        let manifest = Manifest::open(&disk).map_err(|e| OpenError::manifest(&disk, e))?;
        for dir in [segment::DIR, keeping::BLOCKS, snapshot::DIR] {
            disk.create_dir(Path::new(dir)).map_err(io_error(&disk, Path::new(dir)))?;
        }
        disk.sync_dir(root).map_err(io_error(&disk, root))?;
        let state = manifest.state().clone();
        open::sweep(&disk, &state, options.quarantine_bytes).map_err(io_error(&disk, root))?;
        let cache = BlockCache::new(options.block_cache_bytes);
        let frame_cache_bytes = options.frame_cache_bytes;
        let (blocks, unreadable) = open::open_blocks(&disk, &state, &cache);
        let entropy: Box<dyn Entropy> = match options.seed {
            Some(seed) => Box::new(SeededEntropy::new(seed)),
            None => Box::new(RealEntropy),
        };
        let mut head = Head::new(options.clone(), entropy.next_u64());
        let missing = open::restore_snapshot(&disk, &mut head, &state)?;
        let found = recover(&disk, &mut head, state.scalars.first_segment, progress)?;
        head.build_index();
        head.timelines.reserve_number(state.scalars.next_timeline.saturating_sub(1));
        let newest = blocks.values().filter_map(|b| b.summary().times).map(|times| times.end).max();
        head.max_t = head.max_t.max(newest.unwrap_or(TimestampMs::MIN));
        let seal = match state.scalars.seal_until {
            Some(until) => Seal { position: Position::from_number(state.scalars.seal_position), until },
            None => Seal::NONE,
        };
        head.sealing_until = seal.until;
        let salt = move || entropy.next_u64() as u32;
        let log = Log::new(disk.clone(), options.segment_bytes, found.next_segment, found.durable, salt);
        let deletions = Arc::new(open::deletions(&state, &head, &blocks));
        let (tiers, blocks) = blocks.into_iter().partition(|(_, block)| block.tier().is_some());
        let parts = Parts { segments: found.segments, blocks, tiers, unreadable, deletions, seal, token: Arc::new(()) };
        let counters = Counters::default();
        counters.damaged.store(found.damaged + missing, Ordering::Relaxed);
        let (collected, encoder, pending) = (Collected::default(), Encoder::default(), Pending::default());
        let next_file = state.scalars.next_file.max(1);
        let keeping = Housekeeping {
            manifest,
            next_file,
            retired: Vec::new(),
            old_snapshots: Vec::new(),
            released: false,
            untidy: true,
            garbage: Vec::new(),
            forgotten: state.garbage.iter().copied().collect(),
            ruled: Vec::new(),
        };
        let mut queue = Queue::default();
        if let Err(reason) = reserve.take_back() {
            tracing::error!(reason, "nothing is accepted until there is room on the disk");
            reserve.give_up();
            queue.failed = Some((TimestampMs::MIN, reason.into()));
        }
        let inner = Arc::new(Inner {
            disk,
            options,
            compacting: Mutex::default(),
            scrubbing: Mutex::default(),
            interrupted: AtomicBool::new(false),
            housekeeping: Mutex::new(keeping),
            writer: RwLock::new(Writer { head, collected, encoder, pending }),
            queue: Mutex::new(queue),
            work: Condvar::new(),
            room: Condvar::new(),
            directory: RwLock::new(found.directory),
            view: RwLock::new(View { horizon: found.horizon, parts: Arc::new(parts) }),
            generation: AtomicU32::new(1),
            changes: Mutex::default(),
            cache,
            epochs: Epochs::new(frame_cache_bytes),
            counters,
            reserve: Mutex::new(reserve),
            relief: AtomicBool::new(false),
            clock: RealClock::new(),
            _lock: lock,
        });
        let shared = Arc::clone(&inner);
        let on_panic = committer_panic(&inner);
        let committer = spawn("nightjar-commit", &on_panic, move || shared.run_committer(log))
            .map_err(io_error(&inner.disk, root))?;
        Ok(Db { inner, committer: Some(committer) })
    }

    /// Does one step of sealing, cleaning up or retention. To be called every few seconds, from one thread; a step may
    /// take seconds. After an error everything is as before.
    pub fn maintain(&self, now: TimestampMs) -> std::io::Result<Maintained> {
        self.inner.maintain(now)
    }

    /// Makes a block of `range` from what `fill` adds, unless one was made under `key` (letters, digits, `-`) before;
    /// `fill` says whether it added anything. Of two samples of one series and time that in the older block counts, and one
    /// in a block before one in the log. After an error everything is as before.
    pub fn import<E: From<std::io::Error>>(
        &self,
        key: &str,
        range: BlockRange,
        fill: impl FnOnce(&mut BlockBuilder<D>) -> Result<bool, E>,
    ) -> Result<ImportedBlock, E> {
        self.inner.import(key, range, fill)
    }

    /// Memory is short: the next [`Db::maintain`] seals what it can and forgets series that are gone.
    pub fn relieve(&self) {
        self.inner.relief.store(true, Ordering::Relaxed);
    }

    /// Does one compaction if one is due; it may take minutes, during which everything else goes on. To be called every
    /// few seconds, from a thread of its own. After an error everything is as before.
    pub fn compact(&self) -> std::io::Result<Compacted> {
        self.inner.compact()
    }

    /// Ends a compaction that runs soon, for a stop.
    pub fn interrupt(&self) {
        self.inner.interrupted.store(true, Ordering::Relaxed);
    }

    /// Deletes what is stored now of series that satisfy `matchers`, at times in `times`: durably, and for every query
    /// that begins afterwards. What is written later is not touched. Blocks are rewritten later, see [`Db::clean`].
    pub fn delete(&self, matchers: &[Matcher], times: ClosedRange) -> std::io::Result<()> {
        self.inner.delete(matchers.to_vec(), times)
    }

    /// Rewrites all blocks of which something is deleted; waits for a compaction that runs.
    pub fn clean(&self) -> std::io::Result<()> {
        self.inner.clean()
    }

    /// Makes a data directory `snapshots/<name>` of everything acknowledged so far, by hard links; without what is not in
    /// blocks yet if `skip_head`.
    pub fn snapshot(&self, name: &str, skip_head: bool) -> std::io::Result<()> {
        self.inner.copy_to(name, skip_head)
    }

    /// Reads at least `bytes` of blocks again and compares them with their checksums, going on where it stopped. Answers
    /// whether all blocks have been read. What is damaged is told by [`Db::stats`], the log, and answers that miss it.
    pub fn scrub(&self, bytes: u64) -> std::io::Result<bool> {
        self.inner.scrub(bytes)
    }

    /// The blocks, by number.
    pub fn blocks(&self) -> Vec<BlockInfo<D>> {
        self.inner.blocks()
    }

    /// Figures as they are now. Cheap enough for every scrape.
    pub fn stats(&self) -> DbStats {
        self.inner.stats()
    }

    /// How labels are spread over the series in memory; at most `limit` lines a list.
    pub fn cardinality(&self, limit: usize) -> Cardinality {
        self.inner.cardinality(limit)
    }

    /// What is known about metrics, or about one; sorted by metric, the newest variant first.
    pub fn metadata(&self, metric: Option<&str>) -> Vec<(String, Vec<Metadata>)> {
        self.inner.metadata(metric)
    }
}

/// A committer that panicked commits nothing any more: refuse what comes, so that nobody waits for it.
fn committer_panic<D: Disk>(inner: &Arc<Inner<D>>) -> PanicPolicy {
    let inner = Arc::downgrade(inner);
    PanicPolicy::new(move |thread, message| {
        tracing::error!(thread, message, "the write-ahead log has stopped; restart the server");
        if let Some(inner) = inner.upgrade() {
            let mut queue = inner.queue.lock();
            queue.stopping = true;
            let waiting = std::mem::take(&mut queue.waiting);
            drop(queue);
            for waiting in waiting {
                (waiting.done)(Err(append::unavailable("the write-ahead log has stopped; restart the server")));
            }
        }
    })
}

impl<D: Disk> Drop for Db<D> {
    fn drop(&mut self) {
        self.inner.queue.lock().stopping = true;
        self.inner.work.notify_all();
        self.inner.room.notify_all();
        if let Some(Err(panic)) = self.committer.take().map(Thread::join) {
            tracing::error!(panic, "the committer had ended");
        }
    }
}

impl<D: Disk> Appender for Db<D> {
    fn append(&self, batch: &dyn WriteBatch, atomicity: Atomicity, now: TimestampMs, done: AppendDone) {
        self.inner.append(batch, atomicity, now, done);
    }
}

impl<D: Disk> Storage for Db<D> {
    fn querier(&self, range: ClosedRange) -> Result<Box<dyn Querier>, StorageError> {
        let view = self.inner.view.read().clone();
        Ok(Box::new(DbQuerier { inner: Arc::clone(&self.inner), view, range }))
    }

    fn generation(&self, range: ClosedRange) -> u64 {
        self.inner.changes.lock().last(range)
    }
}
