//! Queries as operators see them: which run, which ran lately, what they cost and who asked.
//!
//! Memory is bounded: so many finished queries, texts and headers cut.

mod log;
mod origin;
mod tracked;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nightjar_platform::Clock;
use parking_lot::Mutex;

use crate::metrics::Counter;
use log::QueryLog;
pub use origin::{Origin, RequestOrigin, RuleOrigin};
pub use tracked::{Cost, Kind, Outcome, Snapshot, Stage, Tracked};

/// Finished queries remembered, of requests and of rules each.
const REMEMBERED: usize = 200;

/// Running queries, those that ended lately, and the query log.
pub struct Queries {
    clock: Arc<dyn Clock>,
    slow: Duration,
    next: AtomicU64,
    running: Mutex<BTreeMap<u64, Arc<Tracked>>>,
    recent: Mutex<Recent>,
    log: QueryLog,
    /// Lines that could not be written to the query log.
    pub log_failures: Counter,
    /// Queries stopped by an operator.
    pub canceled: Counter,
}

#[derive(Default)]
struct Recent {
    requests: VecDeque<Arc<Tracked>>,
    rules: VecDeque<Arc<Tracked>>,
}

impl Queries {
    /// No queries yet. Those that take longer than `slow` get a line in the server's log; zero = none does.
    pub fn new(clock: Arc<dyn Clock>, slow: Duration) -> Queries {
        Queries {
            clock,
            slow,
            next: AtomicU64::new(1),
            running: Mutex::default(),
            recent: Mutex::default(),
            log: QueryLog::default(),
            log_failures: Counter::default(),
            canceled: Counter::default(),
        }
    }

    /// Opens the query log, anew if it was open; `None` closes it. The error names the file.
    pub fn log_to(&self, path: Option<&Path>) -> Result<(), String> {
        self.log.reopen(path)
    }

    /// Whether there is a query log.
    pub fn logs(&self) -> bool {
        self.log.is_open()
    }

    /// A query begins; it ends when the ticket is dropped.
    pub fn start(self: &Arc<Queries>, text: &str, kind: Kind, origin: Origin) -> Ticket {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let tracked = Arc::new(Tracked::new(id, text, kind, origin, &*self.clock));
        self.running.lock().insert(id, Arc::clone(&tracked));
        Ticket { queries: Arc::clone(self), tracked }
    }

    /// Queries that wait, run or are being answered, oldest first.
    pub fn running(&self) -> Vec<Snapshot> {
        let now = self.clock.monotonic();
        self.running.lock().values().map(|tracked| tracked.snapshot(now)).collect()
    }

    /// Queries that have ended, newest first.
    pub fn recent(&self) -> Vec<Snapshot> {
        let now = self.clock.monotonic();
        let recent = self.recent.lock();
        let mut all: Vec<_> = recent.requests.iter().chain(&recent.rules).map(|t| t.snapshot(now)).collect();
        all.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.tracked.id));
        all
    }

    /// Stops a running query; false when there is none of that number.
    pub fn cancel(&self, id: u64) -> bool {
        let Some(tracked) = self.running.lock().get(&id).cloned() else { return false };
        self.canceled.add(1);
        tracked.cancel();
        true
    }

    /// The outcome of a query is known: it is logged.
    fn conclude(&self, tracked: &Arc<Tracked>) {
        let snapshot = tracked.snapshot(self.clock.monotonic());
        if self.log.is_open()
            && let Err(error) = self.log.write(&snapshot, self.clock.wall_ms())
        {
            self.log_failures.add(1);
            tracing::debug!(%error, "cannot write to the query log");
        }
        if !self.slow.is_zero() && snapshot.elapsed >= self.slow {
            report_slow(&snapshot);
        }
    }

    fn finish(&self, tracked: &Arc<Tracked>) {
        self.running.lock().remove(&tracked.id);
        let mut recent = self.recent.lock();
        let list = match tracked.origin {
            Origin::Rule(_) => &mut recent.rules,
            Origin::Request(_) => &mut recent.requests,
        };
        if list.len() == REMEMBERED {
            list.pop_front();
        }
        list.push_back(Arc::clone(tracked));
    }
}

fn report_slow(snapshot: &Snapshot) {
    let Snapshot { tracked, cost, .. } = snapshot;
    tracing::warn!(
        id = tracked.id,
        query = tracked.text,
        asked_by = tracked.origin.to_string(),
        seconds = format!("{:.3}", snapshot.elapsed.as_secs_f64()),
        cpu_seconds = format!("{:.3}", cost.cpu.as_secs_f64()),
        samples = cost.samples,
        peak_bytes = cost.peak_bytes,
        outcome = snapshot.outcome.as_ref().map_or("", Outcome::as_str),
        "slow query"
    );
}

/// A query in the list of running ones; dropping it takes the query out.
pub struct Ticket {
    queries: Arc<Queries>,
    tracked: Arc<Tracked>,
}

impl Ticket {
    /// The query.
    pub fn tracked(&self) -> &Arc<Tracked> {
        &self.tracked
    }

    /// It has an answer; writing it is what remains.
    pub fn done(&self) {
        self.tracked.enter(Stage::Write, self.queries.clock.monotonic());
        self.conclude(Outcome::Done);
    }

    /// It has no answer, for this reason.
    pub fn failed(&self, reason: &str) {
        self.conclude(if self.tracked.is_canceled() { Outcome::Canceled } else { Outcome::Failed(reason.to_owned()) });
    }

    /// So many bytes more of the answer were handed out.
    pub fn wrote(&self, bytes: usize) {
        self.tracked.wrote(bytes);
    }

    fn conclude(&self, outcome: Outcome) {
        if self.tracked.conclude(outcome) {
            self.queries.conclude(&self.tracked);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.conclude(Outcome::Left);
        self.tracked.end(self.queries.clock.monotonic());
        self.queries.finish(&self.tracked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightjar_platform::ManualClock;

    fn queries(clock: &ManualClock) -> Arc<Queries> {
        Arc::new(Queries::new(Arc::new(clock.clone()), Duration::ZERO))
    }

    fn request() -> Origin {
        Origin::Request(RequestOrigin::default())
    }

    #[test]
    fn a_query_runs_and_is_remembered() {
        let clock = ManualClock::new(0);
        let queries = queries(&clock);
        let ticket = queries.start("up", Kind::Instant(0), request());
        ticket.tracked().enter(Stage::Prepare, clock.monotonic());
        clock.advance(Duration::from_secs(2));
        ticket.tracked().enter(Stage::Evaluate, clock.monotonic());
        clock.advance(Duration::from_secs(3));
        let running = queries.running();
        assert_eq!((running.len(), running[0].stage, running[0].elapsed.as_secs()), (1, Stage::Evaluate, 5));
        ticket.done();
        ticket.wrote(7);
        drop(ticket);
        clock.advance(Duration::from_secs(60));
        let recent = queries.recent();
        assert!(queries.running().is_empty());
        assert_eq!((recent[0].spent[Stage::Prepare as usize].as_secs(), recent[0].elapsed.as_secs()), (2, 5));
        assert_eq!((recent[0].outcome.as_ref().map(Outcome::as_str), recent[0].cost.response_bytes), (Some("done"), 7));
    }

    #[test]
    fn cancelling_and_leaving() {
        let clock = ManualClock::new(0);
        let queries = queries(&clock);
        let (one, two) =
            (queries.start("a", Kind::Instant(0), request()), queries.start("b", Kind::Instant(0), request()));
        assert!(queries.cancel(one.tracked().id) && !queries.cancel(77));
        assert!(one.tracked().is_canceled() && !two.tracked().is_canceled());
        one.failed("query was canceled in expression evaluation");
        drop((one, two));
        let outcomes: Vec<_> = queries.recent().iter().map(|s| s.outcome.clone().unwrap().as_str()).collect();
        assert_eq!(outcomes, ["left", "canceled"]);
        assert_eq!(queries.canceled.get(), 1);
    }

    #[test]
    fn memory_is_bounded() {
        let queries = queries(&ManualClock::new(0));
        let long = "x".repeat(1 << 20);
        for i in 0..3 * REMEMBERED {
            let rule = RuleOrigin { file: "f".into(), group: "g".into(), rule: "r".into() };
            drop(queries.start(&long, Kind::Instant(0), if i % 2 == 0 { request() } else { Origin::Rule(rule) }));
        }
        let recent = queries.recent();
        assert_eq!(recent.len(), 2 * REMEMBERED);
        assert!(recent.iter().all(|s| s.tracked.text.len() < 5000));
    }
}
