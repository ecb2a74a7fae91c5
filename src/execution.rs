//! Runs queries on threads of their own: at most so many at once, not longer than allowed, not for clients that left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nightjar_platform::Clock;
use nightjar_query::{Interrupt, Phase, Stats, Stop};
use tokio::sync::Semaphore;

use crate::metrics::Metrics;
use crate::queries::{Stage, Tracked};

/// Limits on queries.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most queries at once; others wait.
    pub max_concurrency: usize,
    /// A query's time, waiting included.
    pub timeout: Duration,
}

/// Why a job gave no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRun {
    /// Its time was over while it waited for a place.
    QueueTimeout,
    /// An operator stopped it while it waited.
    Canceled,
    /// It panicked. The message is in the log.
    Panicked,
}

/// The places in which queries run.
pub struct Execution {
    limits: Limits,
    places: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
}

impl Execution {
    /// Places according to `limits`.
    pub fn new(limits: Limits, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Execution {
        let places = Arc::new(Semaphore::new(limits.max_concurrency.clamp(1, Semaphore::MAX_PERMITS)));
        Execution { limits, places, clock, metrics }
    }

    /// Its limits.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Runs `job` when there is a place; the job must ask its [`Interrupt`] now and then. A `timeout` can only shorten
    /// the configured one. Dropping the returned future interrupts the job.
    pub async fn run<T: Send + 'static>(
        &self,
        timeout: Option<Duration>,
        job: impl FnOnce(&dyn Interrupt) -> T + Send + 'static,
    ) -> Result<T, NotRun> {
        self.run_tracked(timeout, None, job).await
    }

    /// The same for a query that operators see: it is told how far it is, and may be stopped.
    pub async fn run_tracked<T: Send + 'static>(
        &self,
        timeout: Option<Duration>,
        tracked: Option<Arc<Tracked>>,
        job: impl FnOnce(&dyn Interrupt) -> T + Send + 'static,
    ) -> Result<T, NotRun> {
        let timeout = timeout.unwrap_or(self.limits.timeout).min(self.limits.timeout);
        let leave = LeaveFlag::default();
        let interrupt = Deadline {
            timeout,
            end: self.clock.monotonic().saturating_add(timeout),
            clock: Arc::clone(&self.clock),
            left: Arc::clone(&leave.0),
            tracked: tracked.clone(),
        };
        let place = self.wait(timeout, tracked.as_deref()).await?;
        let metrics = Arc::clone(&self.metrics);
        let running = move || {
            let _place = place;
            metrics.query.running.add(1);
            let begin = interrupt.clock.monotonic();
            let result = job(&interrupt);
            let took = interrupt.clock.monotonic().saturating_sub(begin);
            metrics.query.durations.lock().observe(took.as_secs_f64());
            metrics.query.running.add(-1);
            metrics.query.finished.add(1);
            result
        };
        tokio::task::spawn_blocking(running).await.map_err(|_| NotRun::Panicked)
    }

    async fn wait(
        &self,
        timeout: Duration,
        tracked: Option<&Tracked>,
    ) -> Result<tokio::sync::OwnedSemaphorePermit, NotRun> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let _waiting = Waiting::new(&self.metrics);
        let canceled = async {
            match tracked {
                Some(tracked) => tracked.canceled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            place = tokio::time::timeout(timeout, Arc::clone(&self.places).acquire_owned()) => match place {
                Ok(Ok(place)) => Ok(place),
                Ok(Err(_)) | Err(_) => Err(NotRun::QueueTimeout),
            },
            () = canceled => Err(NotRun::Canceled),
        }
    }
}

/// Counts a waiting query, also when its client leaves the queue.
struct Waiting<'a>(&'a Metrics);

impl<'a> Waiting<'a> {
    fn new(metrics: &'a Metrics) -> Waiting<'a> {
        metrics.query.waiting.add(1);
        Waiting(metrics)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.query.waiting.add(-1);
    }
}

/// Says that nobody waits any more when it is dropped.
#[derive(Default)]
struct LeaveFlag(Arc<AtomicBool>);

impl Drop for LeaveFlag {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Deadline {
    timeout: Duration,
    end: Duration,
    clock: Arc<dyn Clock>,
    left: Arc<AtomicBool>,
    tracked: Option<Arc<Tracked>>,
}

impl Interrupt for Deadline {
    fn check(&self) -> Option<Stop> {
        if self.left.load(Ordering::Relaxed) || self.tracked.as_ref().is_some_and(|tracked| tracked.is_canceled()) {
            Some(Stop::Canceled)
        } else if self.clock.monotonic() >= self.end {
            Some(Stop::Timeout(self.timeout))
        } else {
            None
        }
    }

    fn enter(&self, phase: Phase) {
        if let Some(tracked) = &self.tracked {
            tracked.enter(Stage::from(phase), self.clock.monotonic());
        }
    }

    fn spent(&self, stats: &Stats) {
        if let Some(tracked) = &self.tracked {
            tracked.spent(stats);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightjar_platform::RealClock;
    use std::sync::mpsc::sync_channel;

    fn execution(max_concurrency: usize, timeout: Duration) -> Execution {
        Execution::new(Limits { max_concurrency, timeout }, Arc::new(RealClock::new()), Arc::new(Metrics::default()))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_job_runs_and_may_time_out() {
        let execution = execution(1, Duration::from_secs(60));
        assert_eq!(execution.run(None, |interrupt| interrupt.check()).await, Ok(None));
        let stop = execution.run(Some(Duration::ZERO), |interrupt| interrupt.check()).await;
        assert_eq!(stop, Ok(Some(Stop::Timeout(Duration::ZERO))));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn waiting_counts_and_leaving_interrupts() {
        let execution = Arc::new(execution(1, Duration::from_secs(60)));
        let (started, wait_started) = sync_channel(1);
        let (ended, wait_ended) = sync_channel(1);
        let busy = Arc::clone(&execution);
        let task = tokio::spawn(async move {
            let job = move |interrupt: &dyn Interrupt| {
                started.send(()).unwrap();
                while interrupt.check().is_none() {
                    std::thread::yield_now();
                }
                ended.send(interrupt.check()).unwrap();
            };
            busy.run(None, job).await
        });
        tokio::task::block_in_place(|| wait_started.recv().unwrap());
        assert_eq!(execution.run(Some(Duration::from_millis(1)), |_| ()).await, Err(NotRun::QueueTimeout));
        task.abort();
        assert_eq!(tokio::task::block_in_place(|| wait_ended.recv().unwrap()), Some(Stop::Canceled));
        assert_eq!(execution.run(None, |_| 7).await, Ok(7));
    }
}
