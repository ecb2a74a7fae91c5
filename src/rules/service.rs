//! The threads that evaluate rule groups, and what others may ask of them.

use std::sync::Arc;
use std::time::Duration;

use nightjar_model::{ClosedRange, Matcher, TimestampMs};
use nightjar_platform::{Clock, PanicPolicy, Thread, spawn};
use nightjar_query::{Engine, Interrupt, Phase, Stats, Stop, VectorSample};
use nightjar_ruler::{
    EngineQuery, Expression, Group, GroupKey, GroupView, NewestSample, Query, Ruler, SavedState, Settings, World,
};
use parking_lot::{Condvar, Mutex};

use super::alerts::AlertSink;
use super::destinations::Destinations;
use super::keeping::Keeping;
use super::load::Loaded;
use super::recent::Recent;
use super::writer::StoreSink;
use crate::exposition::Exposition;
use crate::queries::{Kind, Origin, Queries, RuleOrigin, Stage, Ticket, Tracked};
use crate::store::Store;

/// Nobody sleeps longer, so that a clock that is set back is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// Rule groups in force.
pub struct Rules {
    state: Mutex<State>,
    changed: Condvar,
    threads: Mutex<Vec<Thread<()>>>,
    alerts: Destinations,
    keeping: Mutex<Arc<Keeping>>,
}

/// What evaluations work with.
#[derive(Clone)]
pub struct Workplace {
    /// Where series are read and written.
    pub store: Arc<dyn Store>,
    /// The engine in force.
    pub engine: Arc<dyn Fn() -> Arc<Engine> + Send + Sync>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// How long one query may take.
    pub timeout: Duration,
    /// Where the state of alerts is kept.
    pub keeping: Arc<Keeping>,
    /// Where queries are seen.
    pub queries: Arc<Queries>,
}

struct State {
    ruler: Ruler,
    settings: Arc<Settings>,
    /// Rules that come into force as soon as no group is being evaluated.
    next: Option<Loaded>,
    /// Whether it is known what was before a restart; nothing is put into force earlier.
    started: bool,
    stopping: bool,
    /// How long rules took.
    rule_durations: Recent,
    /// How long groups took.
    group_durations: Recent,
    /// How long after their time groups were taken up.
    lateness: Recent,
}

/// What others may know of the rules.
pub struct RulesView {
    /// All groups after their last evaluation, sorted by file and name.
    pub groups: Vec<Arc<GroupView>>,
    /// How long rules took.
    pub rule_durations: Recent,
    /// How long groups took.
    pub group_durations: Recent,
    /// How long after their time groups were taken up.
    pub lateness: Recent,
}

impl Rules {
    /// No rules yet; alerts go to `alerts`.
    pub fn new(alerts: Destinations) -> Rules {
        let state = State {
            ruler: Ruler::new(),
            settings: Arc::new(Settings::default()),
            next: None,
            started: false,
            stopping: false,
            rule_durations: Recent::default(),
            group_durations: Recent::default(),
            lateness: Recent::default(),
        };
        let (changed, threads, keeping) = (Condvar::new(), Mutex::default(), Mutex::default());
        Rules { state: Mutex::new(state), changed, threads, alerts, keeping }
    }

    /// Puts rules into force as soon as running evaluations have ended.
    pub fn replace(&self, loaded: Loaded, clock: &dyn Clock) {
        self.alerts.senders.replace(&loaded.alerting);
        let mut state = self.state.lock();
        state.next = Some(loaded);
        state.settle(clock);
        self.changed.notify_all();
    }

    /// Where alerts go.
    pub fn alerts(&self) -> &dyn AlertSink {
        &self.alerts
    }

    /// All groups.
    pub fn view(&self) -> RulesView {
        let state = self.state.lock();
        RulesView {
            groups: state.ruler.views(),
            rule_durations: state.rule_durations.clone(),
            group_durations: state.group_durations.clone(),
            lateness: state.lateness.clone(),
        }
    }

    /// Starts to evaluate on `threads` threads, going on from the state before a restart.
    pub fn start(
        self: &Arc<Rules>,
        work: Workplace,
        saved: SavedState,
        threads: u32,
        on_panic: &PanicPolicy,
    ) -> std::io::Result<()> {
        *self.keeping.lock() = Arc::clone(&work.keeping);
        let mut state = self.state.lock();
        (state.ruler, state.started) = (Ruler::resuming(saved), true);
        state.settle(&*work.clock);
        drop(state);
        let mut running = self.threads.lock();
        for i in 0..threads {
            let (rules, work) = (Arc::clone(self), work.clone());
            running.push(spawn(&format!("rules-{i}"), on_panic, move || rules.work(&work))?);
        }
        Ok(())
    }

    /// Writes the metrics of what it keeps and of where alerts go.
    pub fn expose(&self, out: &mut Exposition) {
        self.keeping.lock().expose(out);
        self.alerts.expose(out);
    }

    /// Looks again what is due: the clock was moved.
    pub fn wake(&self) {
        self.changed.notify_all();
    }

    /// Whether everything that is due at `now` was evaluated.
    pub fn is_caught_up(&self, now: TimestampMs) -> bool {
        let state = self.state.lock();
        let due = state.ruler.poll_timeout();
        state.started && state.next.is_none() && state.ruler.is_whole() && due.is_none_or(|due| due > now)
    }

    /// Ends all evaluations and waits for them.
    pub fn stop(&self) {
        self.state.lock().stopping = true;
        self.changed.notify_all();
        for thread in std::mem::take(&mut *self.threads.lock()) {
            let _ = thread.join();
        }
        self.alerts.stop();
    }

    fn work(&self, work: &Workplace) {
        while let Some((mut group, settings)) = self.next_group(&*work.clock) {
            self.evaluate(&mut group, &settings, work);
            let mut state = self.state.lock();
            state.put_back(group);
            state.settle(&*work.clock);
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Waits for a group that is due; `None` when the server stops.
    fn next_group(&self, clock: &dyn Clock) -> Option<(Group, Arc<Settings>)> {
        let mut state = self.state.lock();
        loop {
            if state.stopping {
                return None;
            }
            let now = clock.wall_ms();
            if state.next.is_none()
                && let Some(group) = state.ruler.take_due(now)
            {
                let late = (now - group.poll_timeout()).max(0).unsigned_abs();
                state.lateness.observe(Duration::from_millis(late));
                return Some((group, Arc::clone(&state.settings)));
            }
            let due = state.ruler.poll_timeout().map_or(u64::MAX, |due| (due - now).max(1).unsigned_abs());
            self.changed.wait_for(&mut state, LONGEST_SLEEP.min(Duration::from_millis(due)));
        }
    }

    fn evaluate(&self, group: &mut Group, settings: &Settings, work: &Workplace) {
        let clock = &*work.clock;
        let query =
            TimedQuery { rules: self, work, engine: (work.engine)(), group: group.key(), names: group.rule_names() };
        let external_labels = &settings.external_labels;
        let (store, alerts, keeping) = (&work.store, &self.alerts, &*work.keeping);
        let mut sink = StoreSink { store, clock, alerts, external_labels, keeping };
        let mut world = World { query: &query, sink: &mut sink, settings, clock };
        group.handle_timeout(clock.wall_ms(), &mut world);
    }
}

impl State {
    /// Puts waiting rules into force if no group is out.
    fn settle(&mut self, clock: &dyn Clock) {
        if !self.started || !self.ruler.is_whole() {
            return;
        }
        if let Some(loaded) = self.next.take() {
            self.ruler.load(&loaded.files, &loaded.settings, clock.wall_ms());
            self.settings = Arc::new(loaded.settings);
        }
    }

    fn put_back(&mut self, group: Group) {
        let view = self.ruler.put_back(group);
        for rule in &view.rules {
            self.rule_durations.observe(rule.evaluation);
            if let Some(error) = &rule.last_error {
                let (file, group) = (&*view.key.file, &*view.key.name);
                tracing::warn!(file, group, rule = &*rule.name, error = &**error, "Evaluating rule failed");
            }
        }
        self.group_durations.observe(view.evaluation);
    }
}

/// Queries of which each may take so long and no longer.
struct TimedQuery<'a> {
    rules: &'a Rules,
    work: &'a Workplace,
    engine: Arc<Engine>,
    /// Whose rules ask, and the names of those by what they evaluate.
    group: GroupKey,
    names: Vec<(Arc<Expression>, Arc<str>)>,
}

impl TimedQuery<'_> {
    fn ask<T>(
        &self,
        tracked: Option<&Tracked>,
        ask: impl FnOnce(&EngineQuery<'_>) -> Result<T, String>,
    ) -> Result<T, String> {
        let (clock, timeout) = (&*self.work.clock, self.work.timeout);
        let end = clock.monotonic().saturating_add(timeout);
        let interrupt = Deadline { rules: self.rules, clock, timeout, end, tracked };
        let storage: &dyn Store = &*self.work.store;
        ask(&EngineQuery { engine: &self.engine, storage, interrupt: &interrupt })
    }

    /// Asks a query that operators see.
    fn ask_seen<T>(
        &self,
        text: &str,
        rule: &str,
        at: TimestampMs,
        ask: impl FnOnce(&EngineQuery<'_>) -> Result<T, String>,
    ) -> Result<T, String> {
        let key = &self.group;
        let origin = RuleOrigin { file: key.file.to_string(), group: key.name.to_string(), rule: rule.to_owned() };
        let ticket: Ticket = self.work.queries.start(text, Kind::Instant(at), Origin::Rule(origin));
        let result = self.ask(Some(ticket.tracked()), ask);
        match &result {
            Ok(_) => ticket.done(),
            Err(reason) => ticket.failed(reason),
        }
        result
    }

    fn rule_of(&self, expr: &Expression) -> Arc<str> {
        let rule = self.names.iter().find(|(of, _)| of.source == expr.source);
        rule.map_or_else(|| "".into(), |(_, name)| Arc::clone(name))
    }
}

impl Query for TimedQuery<'_> {
    fn instant(&self, expr: &Expression, at: TimestampMs) -> Result<Vec<VectorSample>, String> {
        self.ask_seen(&expr.source, &self.rule_of(expr), at, |query| query.instant(expr, at))
    }

    fn text(&self, text: &str, at: TimestampMs) -> Result<Vec<VectorSample>, String> {
        self.ask_seen(text, "", at, |query| query.text(text, at))
    }

    fn newest(&self, matchers: &[Matcher], range: ClosedRange) -> Result<Vec<NewestSample>, String> {
        self.ask(None, |query| query.newest(matchers, range))
    }
}

/// Ends a query that takes too long, or when the server stops.
struct Deadline<'a> {
    rules: &'a Rules,
    clock: &'a dyn Clock,
    timeout: Duration,
    end: Duration,
    tracked: Option<&'a Tracked>,
}

impl Interrupt for Deadline<'_> {
    fn check(&self) -> Option<Stop> {
        if self.tracked.is_some_and(Tracked::is_canceled) {
            return Some(Stop::Canceled);
        }
        if self.clock.monotonic() >= self.end {
            return Some(Stop::Timeout(self.timeout));
        }
        self.rules.state.try_lock().is_some_and(|state| state.stopping).then_some(Stop::Canceled)
    }

    fn enter(&self, phase: Phase) {
        if let Some(tracked) = self.tracked {
            tracked.enter(Stage::from(phase), self.clock.monotonic());
        }
    }

    fn spent(&self, stats: &Stats) {
        if let Some(tracked) = self.tracked {
            tracked.spent(stats);
        }
    }
}
