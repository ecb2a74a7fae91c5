//! What the threads of a database share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32};

use nightjar_model::TimestampMs;
use nightjar_model::storage::{AppendDone, AppendReport};
use nightjar_platform::{Disk, RealClock};
use parking_lot::{Condvar, Mutex, RwLock};

use super::changes::Changes;
use super::directory::Directory;
use super::epochs::Epochs;
use super::keeping::Housekeeping;
use super::reserve::Reserve;
use super::scrub::Scrub;
use super::view::View;
use crate::block::BlockCache;
use crate::counters::Counters;
use crate::head::batch::Collected;
use crate::head::encode::Encoder;
use crate::head::state::Head;
use crate::options::Options;
use crate::wal::pending::Pending;

/// The state of a database. Locks are taken in the order of the fields.
pub(crate) struct Inner<D: Disk> {
    pub(crate) disk: D,
    pub(crate) options: Options,
    /// Held by the one compaction that runs.
    pub(crate) compacting: Mutex<()>,
    /// How far blocks were read again.
    pub(crate) scrubbing: Mutex<Scrub>,
    /// Long work is to end soon.
    pub(crate) interrupted: AtomicBool,
    /// What only housekeeping touches.
    pub(crate) housekeeping: Mutex<Housekeeping<D>>,
    /// The head and the buffers of whoever writes.
    pub(crate) writer: RwLock<Writer>,
    /// What waits for the disk.
    pub(crate) queue: Mutex<Queue>,
    /// Signals that something waits.
    pub(crate) work: Condvar,
    /// Signals that the queue has become shorter.
    pub(crate) room: Condvar,
    /// Where the sections are.
    pub(crate) directory: RwLock<Directory>,
    /// What a query sees.
    pub(crate) view: RwLock<View<D>>,
    /// Counts up with every new segment: timelines begin a new epoch in it.
    pub(crate) generation: AtomicU32,
    /// When what is stored has changed; noted while the view is exchanged.
    pub(crate) changes: Mutex<Changes>,
    /// Decoded pages of blocks.
    pub(crate) cache: Arc<BlockCache>,
    /// Decoded columns of frames.
    pub(crate) epochs: Epochs,
    pub(crate) counters: Counters,
    /// Room for the time when the disk is full.
    pub(crate) reserve: Mutex<Reserve<D>>,
    /// Memory is short: what can be sealed is.
    pub(crate) relief: AtomicBool,
    pub(crate) clock: RealClock,
    /// Keeps the directory locked.
    pub(crate) _lock: D::File,
}

/// The head and the buffers of whoever writes.
pub(crate) struct Writer {
    pub(crate) head: Head,
    pub(crate) collected: Collected,
    pub(crate) encoder: Encoder,
    pub(crate) pending: Pending,
}

/// Batches that wait for the disk.
#[derive(Default)]
pub(crate) struct Queue {
    pub(crate) pending: Pending,
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) stopping: bool,
    /// The open segment is to be closed: what was written so far is not to share a file with what comes.
    pub(crate) close_segment: bool,
    /// After a failure: when it was, and why nothing is accepted for a while.
    pub(crate) failed: Option<(TimestampMs, Arc<str>)>,
    /// The wall clock of the newest batch.
    pub(crate) now: TimestampMs,
}

/// After a failed write so long nothing is tried.
const PROBE_MS: i64 = 1000;

impl Queue {
    /// Why nothing is accepted now. A clock that was set back refuses nothing: it says nothing about the time since.
    pub(crate) fn refusal(&self, now: TimestampMs) -> Option<&Arc<str>> {
        let (since, reason) = self.failed.as_ref()?;
        (0..PROBE_MS).contains(&now.saturating_sub(*since)).then_some(reason)
    }
}

/// Whoever waits for a batch, and what to tell them.
pub(crate) struct Waiting {
    pub(crate) done: AppendDone,
    pub(crate) report: AppendReport,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_refuses_nothing() {
        let queue = Queue { failed: Some((5_000, "full".into())), ..Queue::default() };
        for (now, refused) in [(5_000, true), (5_999, true), (6_000, false), (4_999, false), (-1_000_000, false)] {
            assert_eq!(queue.refusal(now).is_some(), refused, "{now}");
        }
        assert!(Queue::default().refusal(0).is_none());
    }
}
