//! The way of a batch: judged and encoded under the writer's lock, then queued for the disk.

use std::sync::atomic::Ordering;
use std::time::Duration;

use nightjar_model::TimestampMs;
use nightjar_model::storage::{AppendDone, AppendError, Atomicity, WriteBatch};
use nightjar_platform::Disk;

use super::frames::LogRecall;
use super::inner::{Inner, Waiting, Writer};

/// A sender that is told to come back does so after this.
const RETRY_AFTER_S: u32 = 1;
/// A batch waits at most so long for room in the queue.
const QUEUE_WAIT: Duration = Duration::from_secs(5);

pub(crate) fn unavailable(reason: impl Into<String>) -> AppendError {
    AppendError::Unavailable { reason: reason.into(), retry_after_s: RETRY_AFTER_S }
}

impl<D: Disk> Inner<D> {
    /// See [`nightjar_model::storage::Appender::append`].
    pub(crate) fn append(&self, batch: &dyn WriteBatch, atomicity: Atomicity, now: TimestampMs, done: AppendDone) {
        if let Err(error) = self.wait_for_room(now) {
            return done(Err(error));
        }
        let mut writer = self.writer.write();
        let Writer { head, collected, encoder, pending } = &mut *writer;
        head.generation = self.generation.load(Ordering::Acquire);
        let view = self.view.read().clone();
        let recall = LogRecall { view: &view, directory: &self.directory, damaged: &self.counters.damaged };
        match head.collect(collected, batch, atomicity, now, &recall) {
            Err(report) => {
                drop(writer);
                self.counters.note_rejections(&report);
                done(Err(AppendError::Rejected(Box::new(report))));
            }
            Ok(report) => {
                encoder.encode(head, collected, pending);
                // Also when there is nothing to write: a repetition may repeat what is not durable yet.
                let mut queue = self.queue.lock();
                queue.pending.absorb(pending);
                pending.clear();
                queue.waiting.push(Waiting { done, report });
                queue.now = now;
                drop(queue);
                drop(writer);
                self.work.notify_one();
            }
        }
    }

    fn wait_for_room(&self, now: TimestampMs) -> Result<(), AppendError> {
        self.check_reserve(now)?;
        let mut queue = self.queue.lock();
        loop {
            if queue.stopping {
                return Err(unavailable("the server is stopping"));
            }
            if let Some(reason) = queue.refusal(now) {
                return Err(unavailable(reason.as_ref()));
            }
            if queue.pending.bytes.len() < self.options.queue_bytes {
                return Ok(());
            }
            if self.room.wait_for(&mut queue, QUEUE_WAIT).timed_out() {
                return Err(unavailable("the disk is too slow: the write queue (queue_bytes) is full"));
            }
        }
    }

    /// After a full disk: whether there is room again.
    fn check_reserve(&self, now: TimestampMs) -> Result<(), AppendError> {
        let failed = {
            let queue = self.queue.lock();
            queue.failed.is_some() && queue.refusal(now).is_none()
        };
        if !failed {
            return Ok(());
        }
        self.reserve.lock().take_back().map_err(|reason| {
            self.queue.lock().failed = Some((now, reason.as_str().into()));
            unavailable(reason)
        })
    }
}
