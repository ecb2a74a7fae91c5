//! Runs queries on threads of their own: at most so many at once, not longer than allowed, not for clients that left.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nightjar_platform::Clock;
use nightjar_query::{Interrupt, Phase, Stats, Stop};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::metrics::Metrics;
use crate::queries::{Stage, Tracked};

/// The effort (see [`Interrupt::weighed`]) of a query that is little: about half a millisecond.
const LITTLE: u64 = 20_000;

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
    /// Threads that may help queries.
    spare: Arc<Semaphore>,
    /// Places for little queries among the threads that serve connections: one thread is always left to these.
    here: Semaphore,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
}

impl Execution {
    /// Places according to `limits`.
    pub fn new(limits: Limits, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Execution {
        let places = Arc::new(Semaphore::new(limits.max_concurrency.clamp(1, Semaphore::MAX_PERMITS)));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (spare, here) = (Arc::new(Semaphore::new(cores - 1)), Semaphore::new(cores - 1));
        Execution { limits, places, spare, here, clock, metrics }
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
        let (_leave, running) = self.begin(timeout, None).await?;
        tokio::task::spawn_blocking(move || running.run(job)).await.map_err(|_| NotRun::Panicked)
    }

    /// The same for a query that operators see: it is told how far it is, and may be stopped. One that turns out to be
    /// little is evaluated where it arrived: to wake another thread would cost more. `evaluate` may be called twice, and
    /// what it answered first is dropped then; `finish` gets what it answered last.
    pub async fn query<A: Send + 'static, T: Send + 'static>(
        &self,
        timeout: Option<Duration>,
        tracked: Arc<Tracked>,
        evaluate: impl Fn(&dyn Interrupt) -> A + Send + 'static,
        finish: impl FnOnce(A) -> T + Send + 'static,
    ) -> Result<T, NotRun> {
        let (_leave, running) = self.begin(timeout, Some(tracked)).await?;
        if let Ok(_here) = self.here.try_acquire() {
            let light = Light { deadline: &running.deadline, heavy: AtomicBool::new(false) };
            let answer = catch_unwind(AssertUnwindSafe(|| evaluate(&light))).map_err(|_| NotRun::Panicked)?;
            if !light.is_heavy() {
                return Ok(running.run(|_| finish(answer)));
            }
            running.deadline.again();
        }
        let job = move |interrupt: &dyn Interrupt| finish(evaluate(interrupt));
        tokio::task::spawn_blocking(move || running.run(job)).await.map_err(|_| NotRun::Panicked)
    }

    async fn begin(
        &self,
        timeout: Option<Duration>,
        tracked: Option<Arc<Tracked>>,
    ) -> Result<(LeaveFlag, Running), NotRun> {
        let timeout = timeout.unwrap_or(self.limits.timeout).min(self.limits.timeout);
        let leave = LeaveFlag::default();
        let deadline = Deadline {
            timeout,
            end: self.clock.monotonic().saturating_add(timeout),
            clock: Arc::clone(&self.clock),
            left: Arc::clone(&leave.0),
            spare: Arc::clone(&self.spare),
            tracked,
        };
        let place = self.wait(timeout, deadline.tracked.as_deref()).await?;
        let begun = self.clock.monotonic();
        self.metrics.query.running.add(1);
        Ok((leave, Running { deadline, begun, metrics: Arc::clone(&self.metrics), _place: place }))
    }

    async fn wait(&self, timeout: Duration, tracked: Option<&Tracked>) -> Result<OwnedSemaphorePermit, NotRun> {
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

/// A query that has a place, until it is dropped.
struct Running {
    deadline: Deadline,
    begun: Duration,
    metrics: Arc<Metrics>,
    _place: OwnedSemaphorePermit,
}

impl Running {
    fn run<T>(self, job: impl FnOnce(&dyn Interrupt) -> T) -> T {
        let result = job(&self.deadline);
        let took = self.deadline.clock.monotonic().saturating_sub(self.begun);
        self.metrics.query.durations.lock().observe(took.as_secs_f64());
        self.metrics.query.finished.add(1);
        result
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.metrics.query.running.add(-1);
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
    spare: Arc<Semaphore>,
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

    fn lend(&self, job: Box<dyn FnOnce() + Send>) -> bool {
        let Ok(place) = Arc::clone(&self.spare).try_acquire_owned() else { return false };
        let tracked = self.tracked.clone();
        let helping = move || {
            let _place = place;
            job();
            if let Some(tracked) = tracked {
                tracked.helped(nightjar_platform::process::thread_cpu());
            }
        };
        std::thread::Builder::new().name("query-helper".to_owned()).spawn(helping).is_ok()
    }

    fn spent(&self, stats: &Stats) {
        if let Some(tracked) = &self.tracked {
            tracked.spent(stats);
        }
    }
}

impl Deadline {
    /// The query begins once more.
    fn again(&self) {
        if let Some(tracked) = &self.tracked {
            tracked.enter(Stage::Queue, self.clock.monotonic());
        }
    }
}

/// Stops a query that is more than a little.
struct Light<'d> {
    deadline: &'d Deadline,
    heavy: AtomicBool,
}

impl Light<'_> {
    fn is_heavy(&self) -> bool {
        self.heavy.load(Ordering::Relaxed)
    }
}

impl Interrupt for Light<'_> {
    fn check(&self) -> Option<Stop> {
        if self.is_heavy() { Some(Stop::Canceled) } else { self.deadline.check() }
    }

    fn enter(&self, phase: Phase) {
        self.deadline.enter(phase);
    }

    fn weighed(&self, effort: u64) {
        self.heavy.store(effort > LITTLE, Ordering::Relaxed);
    }

    fn spent(&self, stats: &Stats) {
        self.deadline.spent(stats);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::{Kind, Origin, Queries, RequestOrigin};
    use nightjar_platform::RealClock;
    use parking_lot::Mutex;
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

    /// Where a query of that effort is evaluated: here or not, by call.
    async fn evaluated(execution: &Execution, effort: u64) -> Vec<bool> {
        let clock = RealClock::new();
        let tracked = Queries::new(Arc::new(clock), Duration::ZERO);
        let tracked = Arc::new(tracked).start("up", Kind::Instant(0), Origin::Request(RequestOrigin::default()));
        let (here, calls) = (std::thread::current().id(), Arc::new(Mutex::new(Vec::new())));
        let own = Arc::clone(&calls);
        let evaluate = move |interrupt: &dyn Interrupt| {
            own.lock().push(std::thread::current().id() == here);
            interrupt.weighed(effort);
            interrupt.check()
        };
        let stop = execution.query(None, Arc::clone(tracked.tracked()), evaluate, |stop| stop).await;
        assert_eq!(stop, Ok(None));
        calls.lock().clone()
    }

    #[tokio::test]
    async fn little_is_evaluated_where_it_arrives() {
        let execution = Execution { here: Semaphore::new(1), ..execution(9, Duration::from_secs(60)) };
        assert_eq!(evaluated(&execution, LITTLE).await, [true]);
        assert_eq!(evaluated(&execution, LITTLE + 1).await, [true, false]);
        let _taken = execution.here.try_acquire().unwrap();
        assert_eq!(evaluated(&execution, LITTLE).await, [false]);
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
