//! The database: a head over a log, blocks behind it, and a manifest that says which of them count.

pub(crate) mod append;
pub(crate) mod columns;
pub(crate) mod commit;
pub(crate) mod directory;
pub(crate) mod frames;
pub(crate) mod inner;
pub(crate) mod log;
pub(crate) mod open;
pub(crate) mod querier;
pub(crate) mod set;
pub(crate) mod view;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use nightjar_model::storage::{AppendDone, Appender, Atomicity, Querier, Storage, StorageError, WriteBatch};
use nightjar_model::{ClosedRange, TimestampMs};
use nightjar_platform::{Disk, Entropy, PanicPolicy, RealClock, RealEntropy, SeededEntropy, Thread, spawn};
use parking_lot::{Condvar, Mutex, RwLock};

use crate::counters::Counters;
use crate::head::batch::Collected;
use crate::head::encode::Encoder;
use crate::head::state::Head;
use crate::options::Options;
use crate::wal::pending::Pending;
use crate::wal::segment;
use directory::Seal;
use inner::{Inner, Queue, Writer};
use log::Log;
pub use open::{OpenError, Progress};
use open::{io_error, recover};
use querier::DbQuerier;
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
        disk.create_dir(Path::new(segment::DIR)).map_err(io_error(&disk, root))?;
        disk.sync_dir(root).map_err(io_error(&disk, root))?;
        let lock = disk.lock(Path::new(LOCK)).map_err(io_error(&disk, Path::new(LOCK)))?;
        let path = format!("{}/{LOCK}", disk.display_root());
        let lock = lock.ok_or(OpenError::Locked { path })?;
        let entropy: Box<dyn Entropy> = match options.seed {
            Some(seed) => Box::new(SeededEntropy::new(seed)),
            None => Box::new(RealEntropy),
        };
        let mut head = Head::new(options.clone(), entropy.next_u64());
        let found = recover(&disk, &mut head, 0, progress)?;
        let salt = move || entropy.next_u64() as u32;
        let log = Log::new(disk.clone(), options.segment_bytes, found.next_segment, found.durable, salt);
        let parts = Arc::new(Parts { segments: found.segments, seal: Seal::NONE });
        let counters = Counters::default();
        counters.damaged.store(found.damaged, std::sync::atomic::Ordering::Relaxed);
        let (collected, encoder, pending) = (Collected::default(), Encoder::default(), Pending::default());
        let inner = Arc::new(Inner {
            disk,
            options,
            writer: RwLock::new(Writer { head, collected, encoder, pending }),
            queue: Mutex::new(Queue::default()),
            work: Condvar::new(),
            room: Condvar::new(),
            directory: RwLock::new(found.directory),
            view: RwLock::new(View { horizon: found.horizon, parts }),
            generation: AtomicU32::new(1),
            counters,
            clock: RealClock::new(),
            _lock: lock,
        });
        let shared = Arc::clone(&inner);
        let committer = spawn("nightjar-commit", &PanicPolicy::quiet(), move || shared.run_committer(log))
            .map_err(io_error(&inner.disk, root))?;
        Ok(Db { inner, committer: Some(committer) })
    }
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
}
