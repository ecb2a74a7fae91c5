//! The thread that decides: takes in what happens, makes it durable, and hands messages to couriers.

mod start;
mod trial;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nightjar_alertmanager::alert::{Alert, PostedAlert};
use nightjar_alertmanager::machine::{Event, Machine, Now, Send, Shared};
use nightjar_alertmanager::router::Router;
use nightjar_alertmanager::silence::{Silence, SilenceState};
use nightjar_model::TimestampMs;
use nightjar_platform::{Clock, Disk, RealDisk, Thread};
use parking_lot::{Mutex, RwLock};
use tokio::sync::oneshot;

use super::counters::Counters;
use super::couriers::Couriers;
use super::history::{Entry, History};
pub use super::inbox::Refusal;
use super::inbox::{Answer, Command, Inbox};
use super::load::{Setup, Source};
use super::peers::traffic::Traffic;
use super::peers::{Exchange, Peers};
pub use start::StartOptions;
use start::report_ignored;

/// Nobody sleeps longer, so that a clock that is set forward is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// How long messages on their way may arrive when the server ends.
const GRACE: Duration = Duration::from_secs(3);

/// How long a configuration may take to come into force.
const RELOAD_PATIENCE: Duration = Duration::from_secs(10);

/// The Alertmanager inside.
pub struct Alerting {
    router: RwLock<Router<RealDisk>>,
    inbox: Arc<Inbox>,
    setup: Arc<RwLock<Arc<Setup>>>,
    source: Source,
    mode: nightjar_alertmanager::matcher::MatcherMode,
    couriers: Arc<Couriers>,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    thread: Mutex<Option<Thread<()>>>,
    peers: OnceLock<Arc<Peers>>,
    history: History,
    max_silence_bytes: usize,
    started: TimestampMs,
    loaded_at: AtomicI64,
    loaded: AtomicBool,
    durable: AtomicBool,
    /// Nobody else opens the same directory.
    _lock: <RealDisk as Disk>::File,
}

impl Alerting {
    fn run(&self) {
        loop {
            let due = self.router.read().poll_timeout().max(0).unsigned_abs();
            let now = self.clock.monotonic();
            let end = Duration::from_millis(due).clamp(now, now + LONGEST_SLEEP);
            let (commands, stopping) = self.inbox.take(&*self.clock, end);
            self.step(commands);
            if stopping {
                break;
            }
        }
        self.finish();
    }

    /// Waits for messages on their way, so that what arrived is known as such.
    fn finish(&self) {
        let end = self.clock.monotonic() + GRACE;
        self.couriers.drop_waiting();
        while self.couriers.busy() > 0 && self.clock.monotonic() < end {
            let commands = self.inbox.take_rest(Duration::from_millis(20));
            self.step_without_sending(commands);
        }
        let rest = self.inbox.take_rest(Duration::ZERO);
        self.step_without_sending(rest);
    }

    fn step(&self, commands: impl IntoIterator<Item = Command>) {
        for send in self.apply(commands) {
            self.couriers.take(send);
        }
    }

    fn step_without_sending(&self, commands: impl IntoIterator<Item = Command>) {
        self.apply(commands);
    }

    /// Applies commands, makes them durable with one sync, answers, and gives the messages that are due.
    fn apply(&self, commands: impl IntoIterator<Item = Command>) -> Vec<Send> {
        let now = self.now();
        let mut router = self.router.write();
        let (answers, outcome) = self.decide(&mut router, now, commands);
        if let Err(error) = &outcome
            && self.durable.swap(false, Ordering::Relaxed)
        {
            tracing::error!(%error, "the alert log cannot be written; alerts are routed, but a restart will forget them");
        } else if outcome.is_ok() && !self.durable.swap(true, Ordering::Relaxed) {
            tracing::info!("the alert log is written again");
        }
        let sends: Vec<_> = std::iter::from_fn(|| router.poll_send()).collect();
        let decisions: Vec<_> = std::iter::from_fn(|| router.poll_decision()).collect();
        let shared: Vec<_> = std::iter::from_fn(|| router.poll_shared()).collect();
        let entry = |decision| Entry::of(decision, router.machine(), now.wall_ms);
        let entries: Vec<_> = decisions.iter().filter_map(entry).collect();
        drop(router);
        if let Some(peers) = self.peers.get() {
            peers.share(&shared);
        }
        let outcome = outcome.map_err(|error| error.to_string());
        answers.into_iter().flatten().for_each(|answer| answer(&outcome));
        decisions.iter().for_each(|decision| self.counters.decided(decision));
        self.history.remember(&entries, self.clock.monotonic());
        sends
    }

    /// Applies commands, does what is due, and makes all of it durable with one sync.
    fn decide(
        &self,
        router: &mut Router<RealDisk>,
        now: Now,
        commands: impl IntoIterator<Item = Command>,
    ) -> (Vec<Option<Reply>>, io::Result<()>) {
        let (sweeps, snapshots) = (router.machine().sweeps(), router.log().snapshots());
        let (taking, begin) = (router.is_taking_snapshot(), self.clock.monotonic());
        let answers = commands.into_iter().map(|command| self.command(router, now, command)).collect();
        router.handle_timeout(now);
        let decided = self.clock.monotonic();
        let outcome = router.commit(now);
        let committed = self.clock.monotonic();
        self.counters.swept(router.machine().sweeps() - sweeps, decided.saturating_sub(begin));
        if taking || router.is_taking_snapshot() || router.log().snapshots() != snapshots {
            self.counters.kept(snapshots, router.log().snapshots(), committed.saturating_sub(decided));
        }
        (answers, outcome)
    }

    fn command(&self, router: &mut Router<RealDisk>, now: Now, command: Command) -> Option<Reply> {
        match command {
            Command::Alerts(alerts, answer) => {
                let (count, begin) = (alerts.len(), self.clock.monotonic());
                router.handle_event(now, Event::Alerts(alerts));
                self.counters.processed(count, self.clock.monotonic().saturating_sub(begin));
                answer.map(|answer| reply(answer, Ok::<(), Refusal>(())))
            }
            Command::Attempt(line, seq, outcome) => {
                router.handle_event(now, Event::Attempt { line, seq, outcome });
                None
            }
            Command::SetSilence(silence, answer) => Some(reply(answer, router.set_silence(now, silence))),
            Command::ExpireSilence(id, answer) => Some(reply(answer, router.expire_silence(now, &id))),
            Command::Merge(changes) => {
                router.handle_event(now, Event::Elsewhere(changes));
                None
            }
            Command::Patience(wait_ms) => {
                router.handle_event(now, Event::Patience { wait_ms });
                None
            }
            Command::Configure(setup, done) => {
                // Couriers must find the integrations of messages that the new routes give them.
                *self.setup.write() = Arc::clone(&setup);
                router.handle_event(now, Event::Configure(Arc::clone(&setup.config)));
                Some(Box::new(move |_| {
                    let _ = done.send(());
                }))
            }
        }
    }

    /// Ends in good order.
    pub fn stop(&self) {
        if let Some(peers) = self.peers.get() {
            peers.stop();
        }
        self.inbox.stop();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }

    /// Reads the configuration again; keeps the old one when something is wrong with it.
    pub fn reload(&self) -> Result<(), String> {
        let outcome = self.source.load().and_then(|setup| {
            report_ignored(&setup);
            let (done, in_force) = std::sync::mpsc::sync_channel(1);
            self.inbox.push(Command::Configure(Arc::new(setup), done)).map_err(|e| e.to_string())?;
            in_force.recv_timeout(RELOAD_PATIENCE).map_err(|_| "it takes too long to come into force".to_owned())
        });
        self.loaded.store(outcome.is_ok(), Ordering::Relaxed);
        if outcome.is_ok() {
            self.loaded_at.store(self.clock.wall_ms(), Ordering::Relaxed);
        }
        outcome
    }

    /// Takes alerts as somebody posted them, and answers once those that make sense are durable. The second part of
    /// the answer holds a complaint for each that does not.
    pub async fn post(&self, posted: Vec<PostedAlert>) -> (Result<(), Refusal>, Vec<String>) {
        let (alerts, complaints) = self.admit(posted);
        if alerts.is_empty() {
            return (Ok(()), complaints);
        }
        (self.ask(|answer| Command::Alerts(alerts, Some(answer))).await, complaints)
    }

    /// The alerts to keep, and complaints about the others.
    pub(super) fn admit(&self, posted: Vec<PostedAlert>) -> (Vec<Alert>, Vec<String>) {
        let now = self.clock.wall_ms();
        let timeout = self.setup().config.global.resolve_timeout.0;
        let (mut alerts, mut complaints) = (Vec::with_capacity(posted.len()), Vec::new());
        let mut resolved = 0;
        for posted in posted {
            match posted.admit(now, timeout, self.mode) {
                Ok(alert) => {
                    resolved += u64::from(alert.is_resolved(now));
                    alerts.push(alert);
                }
                Err(complaint) => complaints.push(complaint),
            }
        }
        let firing = alerts.len() as u64 - resolved;
        self.counters.received(firing, resolved, complaints.len() as u64);
        (alerts, complaints)
    }

    /// Takes alerts without waiting; answers whether there was room.
    pub(super) fn take(&self, alerts: Vec<Alert>) -> bool {
        self.inbox.push(Command::Alerts(alerts, None)).is_ok()
    }

    /// Makes or edits a silence; answers its id once it is durable and holds.
    pub async fn set_silence(&self, silence: Silence) -> Result<String, Refusal> {
        let (limit, size) = (self.max_silence_bytes, serde_json::to_vec(&silence).map_or(0, |bytes| bytes.len()));
        if limit > 0 && size > limit {
            return Err(Refusal::TooLarge { size, limit });
        }
        self.ask(|answer| Command::SetSilence(silence, answer)).await
    }

    /// Ends a silence.
    pub async fn expire_silence(&self, id: String) -> Result<(), Refusal> {
        self.ask(|answer| Command::ExpireSilence(id, answer)).await
    }

    async fn ask<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> Result<T, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.inbox.push(command(answer))?;
        answered.await.unwrap_or(Err(Refusal::Stopping))
    }

    /// Asks the machine. Deciding waits meanwhile, so this must be short.
    pub fn look<T>(&self, ask: impl FnOnce(&Machine, Now) -> T) -> T {
        let router = self.router.read();
        ask(router.machine(), self.now())
    }

    /// The silences that are wanted, with what they are doing now.
    pub fn silences(&self, wanted: impl Fn(&Silence, SilenceState) -> bool) -> Vec<(Silence, SilenceState)> {
        let begin = self.clock.monotonic();
        let (found, all) = self.look(|machine, now| {
            let states = machine.silences().iter().map(|silence| (silence, machine.silence_state(now, silence)));
            let found = states.filter(|(silence, state)| wanted(silence, *state));
            (found.map(|(silence, state)| (silence.clone(), state)).collect(), machine.silences().len())
        });
        self.counters.asked_for_silences(all, self.clock.monotonic().saturating_sub(begin));
        found
    }

    /// Somebody asked for silences, but made no sense.
    pub fn refused_silences(&self) {
        self.counters.silence_query_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// The configuration in force.
    pub fn setup(&self) -> Arc<Setup> {
        Arc::clone(&self.setup.read())
    }

    /// Which grammars of matchers are allowed.
    pub fn mode(&self) -> nightjar_alertmanager::matcher::MatcherMode {
        self.mode
    }

    /// The instances that act as one.
    pub fn cluster(&self) -> Cluster {
        let alone = || Cluster { name: None, status: "disabled", peers: Vec::new(), failed: 0 };
        self.peers.get().map_or_else(alone, |peers| peers.view())
    }

    /// Acts with others from now on; later calls change nothing.
    pub fn join(self: &Arc<Alerting>, peers: Arc<Peers>) {
        if self.peers.set(Arc::clone(&peers)).is_ok() {
            peers.run(self);
        }
    }

    /// Another instance has spoken, in so many bytes: the answer as JSON; `None` when this one is alone.
    pub fn exchange(self: &Arc<Alerting>, mut exchange: Exchange, bytes: usize) -> Option<Vec<u8>> {
        let peers = self.peers.get()?;
        self.merge(std::mem::take(&mut exchange.changes));
        Some(peers.asked(&exchange, bytes, self))
    }

    /// What was said between instances; `None` when this one is alone.
    pub(super) fn traffic(&self) -> Option<Traffic> {
        self.peers.get().map(|peers| peers.traffic())
    }

    /// Takes what another instance has.
    pub(super) fn merge(&self, changes: Vec<Shared>) {
        if !changes.is_empty() {
            let _ = self.inbox.push(Command::Merge(changes));
        }
    }

    /// Everything other instances may want to know.
    pub(super) fn shared(&self) -> Vec<Shared> {
        self.look(|machine, _| machine.all_shared())
    }

    /// Messages wait so long for other instances to tell them.
    pub(super) fn wait_for_others(&self, wait_ms: i64) {
        let _ = self.inbox.push(Command::Patience(wait_ms));
    }

    /// When it was started, wall clock.
    pub fn started(&self) -> TimestampMs {
        self.started
    }

    /// Whether the last reload succeeded, and when the last one that did was.
    pub(super) fn loaded(&self) -> (bool, TimestampMs) {
        (self.loaded.load(Ordering::Relaxed), self.loaded_at.load(Ordering::Relaxed))
    }

    /// Whether the last change reached the disk, and the size of the log.
    pub(super) fn log(&self) -> (bool, u64) {
        (self.durable.load(Ordering::Relaxed), self.router.read().log().len_bytes())
    }

    /// What is counted.
    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Alerts that wait to be routed, and messages that wait for a courier.
    pub(super) fn waiting(&self) -> (usize, usize) {
        (self.inbox.waiting(), self.couriers.waiting())
    }

    /// What happened.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The clock everything here goes by.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// Now, by both clocks.
    pub fn now(&self) -> Now {
        now(&*self.clock)
    }
}

/// Instances that act as one.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The name of this one.
    pub name: Option<String>,
    /// `ready`, `settling` or `disabled`.
    pub status: &'static str,
    /// Names and addresses, this one included.
    pub peers: Vec<(String, String)>,
    /// Others that cannot be reached.
    pub failed: usize,
}

fn now(clock: &dyn Clock) -> Now {
    Now { wall_ms: clock.wall_ms(), monotonic_ms: clock.monotonic().as_millis() as i64 }
}

/// An answer that waits for the outcome of the sync.
type Reply = Box<dyn FnOnce(&Result<(), String>) + std::marker::Send>;

fn reply<T: std::marker::Send + 'static, E: Into<Refusal>>(answer: Answer<T>, result: Result<T, E>) -> Reply {
    let result = result.map_err(Into::into);
    Box::new(move |durable| {
        let outcome = match durable {
            Ok(()) => result,
            Err(error) => result.and(Err(Refusal::NotDurable(error.clone()))),
        };
        // Whoever asked may have gone.
        let _ = answer.send(outcome);
    })
}
