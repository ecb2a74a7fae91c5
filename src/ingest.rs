//! The way of a write: room in memory, a place in a bounded queue, a thread that decodes and appends.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use nightjar_platform::{PanicPolicy, Thread, spawn};
use nightjar_remote_write::{Inflater, Scratch};
use parking_lot::{Condvar, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room is counted in units of this size.
const UNIT_BYTES: usize = 1024;

/// How long a request waits for room before its sender is told to come back.
const PATIENCE: Duration = Duration::from_secs(2);

/// Buffers kept for later requests, and the largest one worth keeping.
const SPARE_BUFFERS: usize = 16;
const SPARE_BUFFER_BYTES: usize = 4 << 20;

/// Limits on writes.
#[derive(Clone, Copy, Debug)]
pub struct IngestLimits {
    /// Threads that decode and append.
    pub threads: usize,
    /// Requests that wait for a thread.
    pub queue: usize,
    /// Bytes of bodies held at once.
    pub in_flight_bytes: usize,
}

impl Default for IngestLimits {
    fn default() -> IngestLimits {
        let threads = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 16);
        IngestLimits { threads, queue: 1024, in_flight_bytes: 256 << 20 }
    }
}

impl IngestLimits {
    /// Limits for a process with `memory` bytes; 0 = as many as it likes.
    pub fn within(memory: u64) -> IngestLimits {
        let default = IngestLimits::default();
        let share = if memory == 0 { usize::MAX } else { usize::try_from(memory / 16).unwrap_or(usize::MAX) };
        IngestLimits { in_flight_bytes: default.in_flight_bytes.min(share.max(UNIT_BYTES)), ..default }
    }
}

/// What an ingest thread keeps from request to request, so that nothing is allocated in steady state.
#[derive(Default)]
pub struct Worker {
    /// The decompressed body.
    pub body: Vec<u8>,
    /// Decompression.
    pub inflater: Inflater,
    /// What decoding needs.
    pub scratch: Scratch,
}

/// Work for an ingest thread.
type Job = Box<dyn FnOnce(&mut Worker) + Send>;

/// Threads that write.
pub struct Ingest {
    queue: Arc<Queue>,
    room: Arc<Semaphore>,
    units: usize,
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
    threads: Mutex<Vec<Thread<()>>>,
}

struct Queue {
    state: Mutex<QueueState>,
    changed: Condvar,
    capacity: usize,
}

struct QueueState {
    jobs: VecDeque<Job>,
    closed: bool,
}

/// There is no room, or no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overloaded;

impl Ingest {
    /// Starts the threads.
    pub fn start(limits: IngestLimits, on_panic: &PanicPolicy) -> io::Result<Ingest> {
        let state = Mutex::new(QueueState { jobs: VecDeque::new(), closed: false });
        let queue = Arc::new(Queue { state, changed: Condvar::new(), capacity: limits.queue.max(1) });
        let units = (limits.in_flight_bytes / UNIT_BYTES).clamp(1, u32::MAX as usize);
        let mut threads = Vec::new();
        for i in 0..limits.threads.max(1) {
            let queue = Arc::clone(&queue);
            threads.push(spawn(&format!("ingest-{i}"), on_panic, move || queue.work())?);
        }
        let room = Arc::new(Semaphore::new(units));
        Ok(Ingest { queue, room, units, spare: Arc::default(), threads: Mutex::new(threads) })
    }

    /// Reserves memory for a body of `bytes`; waits a little when there is none.
    pub async fn reserve(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Overloaded> {
        let units = bytes.div_ceil(UNIT_BYTES).clamp(1, self.units) as u32;
        match tokio::time::timeout(PATIENCE, Arc::clone(&self.room).acquire_many_owned(units)).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Overloaded),
        }
    }

    /// An empty buffer, from an earlier request if there is one.
    pub fn buffer(&self) -> Buffer {
        let bytes = self.spare.lock().pop().unwrap_or_default();
        Buffer { bytes, home: Arc::clone(&self.spare) }
    }

    /// Hands work to a thread.
    pub fn submit(&self, job: impl FnOnce(&mut Worker) + Send + 'static) -> Result<(), Overloaded> {
        let mut state = self.queue.state.lock();
        if state.closed || state.jobs.len() >= self.queue.capacity {
            return Err(Overloaded);
        }
        state.jobs.push_back(Box::new(job));
        drop(state);
        self.queue.changed.notify_one();
        Ok(())
    }

    /// Refuses new work, finishes what is queued and ends the threads.
    pub fn close(&self) {
        self.queue.state.lock().closed = true;
        self.queue.changed.notify_all();
        for thread in self.threads.lock().drain(..) {
            let _ = thread.join();
        }
    }
}

impl Queue {
    fn work(&self) {
        let mut worker = Worker::default();
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                job(&mut worker);
                state = self.state.lock();
            } else if state.closed {
                return;
            } else {
                self.changed.wait(&mut state);
            }
        }
    }
}

/// A buffer that returns to the pool when dropped.
pub struct Buffer {
    /// Its content.
    pub bytes: Vec<u8>,
    home: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.bytes.capacity() == 0 || self.bytes.capacity() > SPARE_BUFFER_BYTES {
            return;
        }
        let mut spare = self.home.lock();
        if spare.len() < SPARE_BUFFERS {
            self.bytes.clear();
            spare.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    #[test]
    fn queued_work_is_done_before_the_end() {
        let limits = IngestLimits { threads: 1, queue: 2, in_flight_bytes: 4096 };
        let ingest = Ingest::start(limits, &PanicPolicy::quiet()).unwrap();
        let (hold, held) = sync_channel::<()>(0);
        let (done, results) = sync_channel(8);
        let (begun, has_begun) = sync_channel(1);
        ingest
            .submit(move |_| {
                begun.send(()).unwrap();
                held.recv().unwrap()
            })
            .unwrap();
        has_begun.recv().unwrap();
        for i in 0..2 {
            let done = done.clone();
            ingest.submit(move |_| done.send(i).unwrap()).unwrap();
        }
        assert_eq!(ingest.submit(|_| ()), Err(Overloaded));
        hold.send(()).unwrap();
        ingest.close();
        drop(done);
        assert_eq!(results.iter().collect::<Vec<_>>(), [0, 1]);
        assert_eq!(ingest.submit(|_| ()), Err(Overloaded));
    }

    #[tokio::test(start_paused = true)]
    async fn room_is_bounded_and_comes_back() {
        let limits = IngestLimits { threads: 1, queue: 1, in_flight_bytes: 4096 };
        let ingest = Ingest::start(limits, &PanicPolicy::quiet()).unwrap();
        let held = ingest.reserve(4000).await.unwrap();
        assert!(ingest.reserve(1).await.is_err());
        drop(held);
        assert!(ingest.reserve(1 << 30).await.is_ok());
        ingest.close();
    }

    #[test]
    fn buffers_are_reused() {
        let ingest = Ingest::start(IngestLimits::default(), &PanicPolicy::quiet()).unwrap();
        let mut buffer = ingest.buffer();
        buffer.bytes.extend_from_slice(&[1; 5000]);
        drop(buffer);
        let again = ingest.buffer();
        assert!(again.bytes.is_empty() && again.bytes.capacity() >= 5000);
        ingest.close();
    }
}
