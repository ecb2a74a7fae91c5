//! One query from its arrival to the last byte of its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use nightjar_model::TimestampMs;
use nightjar_platform::Clock;
use nightjar_query::{Phase, Stats, Steps};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::origin::{Origin, cut};

/// Longest text of a query that is kept, in bytes.
const MAX_TEXT_BYTES: usize = 4096;

/// Longest reason of a failure that is kept, in bytes.
const MAX_REASON_BYTES: usize = 512;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The value at one time.
    Instant(TimestampMs),
    /// The values at steps.
    Range(Steps),
}

/// Parts of the life of a query, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Stage {
    /// Waiting for a place.
    Queue,
    /// Parse, plan, admit.
    Prepare,
    /// Select series, read samples, evaluate.
    Evaluate,
    /// Sort the answer.
    Sort,
    /// Write the answer as fast as the client takes it.
    Write,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Stage; 5] = [Stage::Queue, Stage::Prepare, Stage::Evaluate, Stage::Sort, Stage::Write];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Queue => "queue",
            Stage::Prepare => "prepare",
            Stage::Evaluate => "evaluate",
            Stage::Sort => "sort",
            Stage::Write => "write",
        }
    }
}

impl From<Phase> for Stage {
    fn from(phase: Phase) -> Stage {
        match phase {
            Phase::Prepare => Stage::Prepare,
            Phase::Evaluate => Stage::Evaluate,
            Phase::Sort => Stage::Sort,
        }
    }
}

/// How a query ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer.
    Done,
    /// With an error.
    Failed(String),
    /// Stopped by an operator.
    Canceled,
    /// Its client left before there was an answer.
    Left,
}

impl Outcome {
    /// Its name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Failed(_) => "failed",
            Outcome::Canceled => "canceled",
            Outcome::Left => "left",
        }
    }
}

/// What a query cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Samples looked at.
    pub samples: u64,
    /// Samples read.
    pub samples_read: u64,
    /// Most samples held at once.
    pub peak_samples: u64,
    /// Most bytes held at once.
    pub peak_bytes: u64,
    /// CPU time of its threads, writing the answer not included.
    pub cpu: Duration,
    /// Bytes of its answer, before compression.
    pub response_bytes: u64,
}

/// A query.
#[derive(Debug)]
pub struct Tracked {
    /// Its number; numbers count up from 1 since the server started.
    pub id: u64,
    /// The query, cut.
    pub text: String,
    /// What was asked for.
    pub kind: Kind,
    /// Who asked.
    pub origin: Origin,
    /// When it came, wall clock.
    pub arrived_at: TimestampMs,
    arrived: Duration,
    canceled: AtomicBool,
    told: Notify,
    response_bytes: AtomicU64,
    progress: Mutex<Progress>,
}

#[derive(Debug)]
struct Progress {
    stage: Stage,
    since: Duration,
    spent: [Duration; 5],
    cost: Cost,
    cpu_before: Duration,
    /// CPU time of threads that helped.
    helped: Duration,
    outcome: Option<Outcome>,
    ended: Option<Duration>,
}

/// A query at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The query.
    pub tracked: Arc<Tracked>,
    /// What it does now, or did last.
    pub stage: Stage,
    /// Since it came, or until it ended.
    pub elapsed: Duration,
    /// Time by stage.
    pub spent: [Duration; 5],
    /// What it cost so far.
    pub cost: Cost,
    /// How it ended.
    pub outcome: Option<Outcome>,
}

impl Tracked {
    pub(super) fn new(id: u64, text: &str, kind: Kind, origin: Origin, clock: &dyn Clock) -> Tracked {
        let arrived = clock.monotonic();
        let progress = Progress {
            stage: Stage::Queue,
            since: arrived,
            spent: Default::default(),
            cost: Cost::default(),
            cpu_before: Duration::ZERO,
            helped: Duration::ZERO,
            outcome: None,
            ended: None,
        };
        Tracked {
            id,
            text: cut(text, MAX_TEXT_BYTES),
            kind,
            origin,
            arrived_at: clock.wall_ms(),
            arrived,
            canceled: AtomicBool::new(false),
            told: Notify::new(),
            response_bytes: AtomicU64::new(0),
            progress: Mutex::new(progress),
        }
    }

    /// It begins this part of its life; called by the thread that does the work.
    pub fn enter(&self, stage: Stage, now: Duration) {
        let mut progress = self.progress.lock();
        if progress.stage == Stage::Queue && stage == Stage::Prepare {
            progress.cpu_before = nightjar_platform::process::thread_cpu();
        }
        progress.leave(now);
        progress.stage = stage;
    }

    /// What evaluating it cost; called by the thread that did the work.
    pub fn spent(&self, stats: &Stats) {
        let mut progress = self.progress.lock();
        let cpu = nightjar_platform::process::thread_cpu().saturating_sub(progress.cpu_before);
        progress.cost = Cost {
            samples: stats.total_samples,
            samples_read: stats.samples_read,
            peak_samples: stats.peak_samples,
            peak_bytes: stats.peak_bytes,
            cpu,
            response_bytes: 0,
        };
    }

    /// Another thread worked on it for so long.
    pub fn helped(&self, cpu: Duration) {
        self.progress.lock().helped += cpu;
    }

    /// Asks it to stop.
    pub(super) fn cancel(&self) {
        self.canceled.store(true, Ordering::Relaxed);
        self.told.notify_one();
    }

    /// Whether it was asked to stop.
    pub fn is_canceled(&self) -> bool {
        self.canceled.load(Ordering::Relaxed)
    }

    /// Resolves when it is asked to stop.
    pub async fn canceled(&self) {
        self.told.notified().await;
    }

    pub(super) fn wrote(&self, bytes: usize) {
        self.response_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Notes how it ended; false when that was known.
    pub(super) fn conclude(&self, outcome: Outcome) -> bool {
        let mut progress = self.progress.lock();
        if progress.outcome.is_some() {
            return false;
        }
        progress.outcome = Some(match outcome {
            Outcome::Failed(reason) => Outcome::Failed(cut(&reason, MAX_REASON_BYTES)),
            other => other,
        });
        true
    }

    pub(super) fn end(&self, now: Duration) {
        let mut progress = self.progress.lock();
        progress.leave(now);
        progress.ended = Some(now);
    }

    /// The query at `now`.
    pub fn snapshot(self: &Arc<Tracked>, now: Duration) -> Snapshot {
        let progress = self.progress.lock();
        let now = progress.ended.unwrap_or(now);
        let mut spent = progress.spent;
        spent[progress.stage as usize] += now.saturating_sub(progress.since);
        Snapshot {
            tracked: Arc::clone(self),
            stage: progress.stage,
            elapsed: now.saturating_sub(self.arrived),
            spent,
            cost: Cost {
                cpu: progress.cost.cpu + progress.helped,
                response_bytes: self.response_bytes.load(Ordering::Relaxed),
                ..progress.cost
            },
            outcome: progress.outcome.clone(),
        }
    }
}

impl Progress {
    fn leave(&mut self, now: Duration) {
        self.spent[self.stage as usize] += now.saturating_sub(self.since);
        self.since = now;
    }
}
