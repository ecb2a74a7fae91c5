//! The thread that decides: takes in what happens, makes it durable, and hands messages to couriers.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nightjar_alertmanager::alert::{Alert, PostedAlert};
use nightjar_alertmanager::fingerprint::Fingerprint;
use nightjar_alertmanager::machine::{Change, Event, Machine, Now, Options, Outcome, Send, SentAlert, Shared};
use nightjar_alertmanager::notify;
use nightjar_alertmanager::record::{GroupId, LineId, Reason};
use nightjar_alertmanager::router::Router;
use nightjar_alertmanager::silence::{Silence, SilenceState};
use nightjar_model::{Labels, TimestampMs};
use nightjar_platform::entropy::{Entropy, RealEntropy};
use nightjar_platform::{Clock, Disk, PanicPolicy, RealDisk, Thread, spawn};
use parking_lot::{Mutex, RwLock};
use tokio::sync::oneshot;

use super::carrier::Carrier;
use super::counters::Counters;
use super::couriers::{Couriers, Work};
use super::history::{Entry, History};
use super::import;
pub use super::inbox::Refusal;
use super::inbox::{Answer, Command, Inbox};
use super::load::{Setup, Source};
use super::peers::traffic::Traffic;
use super::peers::{Exchange, Peers};

/// Nobody sleeps longer, so that a clock that is set forward is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// How long messages on their way may arrive when the server ends.
const GRACE: Duration = Duration::from_secs(3);

/// How long a configuration may take to come into force.
const RELOAD_PATIENCE: Duration = Duration::from_secs(10);

/// Where the log lies below the storage directory.
const LOG_DIRECTORY: &str = "alerts";

/// Where history lies.
const HISTORY_DIRECTORY: &str = "history";

/// What the service is started with.
pub struct StartOptions {
    /// The configuration.
    pub source: Source,
    /// The directory of everything that is kept.
    pub directory: PathBuf,
    /// The flag that chooses it, for errors.
    pub directory_flag: &'static str,
    /// Largest silence, as JSON; 0 = no limit.
    pub max_silence_bytes: usize,
    /// How the router works; its seed is replaced.
    pub options: Options,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Who carries messages.
    pub carrier: Arc<dyn Carrier>,
    /// What happens when a thread panics.
    pub on_panic: PanicPolicy,
}

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
    /// Opens the log and starts to route. The error is a sentence with the remedy.
    pub fn start(start: StartOptions) -> Result<Arc<Alerting>, String> {
        let StartOptions {
            source,
            directory,
            directory_flag: flag,
            max_silence_bytes,
            mut options,
            clock,
            carrier,
            on_panic,
        } = start;
        let setup = Arc::new(source.load()?);
        report_ignored(&setup);
        let place = directory.display().to_string();
        let failed =
            |e: io::Error| format!("cannot open the alert log in {place}: {e}; {flag} chooses another directory");
        let disk = RealDisk::new(&directory).map_err(failed)?;
        let lock = disk.lock(Path::new("alerts.lock")).map_err(failed)?;
        let lock = lock.ok_or_else(|| {
            format!("{place} is locked: another process uses it; stop it, or choose another directory with {flag}")
        })?;
        options.seed = RealEntropy.next_u64();
        options.mode = source.mode;
        let now = now(&*clock);
        let history = History::open(disk.clone(), PathBuf::from(HISTORY_DIRECTORY)).map_err(failed)?;
        let opened = Router::open(disk, Path::new(LOG_DIRECTORY), Arc::clone(&setup.config), options, now);
        let (mut router, opened) = opened.map_err(failed)?;
        if opened.records == 0 {
            import::import(&mut router, &directory, now)?;
            router.commit(now).map_err(failed)?;
        }
        if opened.damaged_frames > 0 {
            let damaged = opened.damaged_frames;
            tracing::error!(damaged, directory = place, "the alert log was damaged; what could be read is in force");
        }
        tracing::info!(records = opened.records, torn_bytes = opened.torn_bytes, directory = place, "alert log read");
        let (setup, inbox, counters) = (Arc::new(RwLock::new(setup)), Arc::new(Inbox::default()), Arc::default());
        let work = Work {
            setup: Arc::clone(&setup),
            carrier,
            clock: Arc::clone(&clock),
            counters: Arc::clone(&counters),
            inbox: Arc::clone(&inbox),
        };
        let alerting = Arc::new(Alerting {
            router: RwLock::new(router),
            inbox,
            setup,
            mode: source.mode,
            source,
            couriers: Arc::new(Couriers::new(work, on_panic.clone())),
            counters,
            thread: Mutex::default(),
            peers: OnceLock::new(),
            history,
            max_silence_bytes,
            started: now.wall_ms,
            loaded_at: AtomicI64::new(now.wall_ms),
            loaded: AtomicBool::new(true),
            durable: AtomicBool::new(true),
            clock,
            _lock: lock,
        });
        let own = Arc::clone(&alerting);
        let thread =
            spawn("alerting", &on_panic, move || own.run()).map_err(|e| format!("cannot start threads: {e}"))?;
        *alerting.thread.lock() = Some(thread);
        Ok(alerting)
    }

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
        let (sweeps, snapshots, begin) = (router.machine().sweeps(), router.log().snapshots(), self.clock.monotonic());
        let answers = commands.into_iter().map(|command| self.command(router, now, command)).collect();
        router.handle_timeout(now);
        let decided = self.clock.monotonic();
        let outcome = router.commit(now);
        let committed = self.clock.monotonic();
        self.counters.swept(router.machine().sweeps() - sweeps, decided.saturating_sub(begin));
        self.counters.kept(snapshots, router.log().snapshots(), committed.saturating_sub(decided));
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

    /// Reads another configuration without putting it into force; the error names the place.
    pub fn parse(&self, text: &str) -> Result<Setup, String> {
        self.source.parse(text)
    }

    /// Tells a receiver of an alert now, whatever routes and filters say, and waits for what becomes of it. `None` when
    /// there is no such receiver.
    pub fn test(&self, receiver: &str, labels: Labels, annotations: Labels) -> Option<Vec<(String, Outcome)>> {
        let setup = self.setup();
        let now = self.now().wall_ms;
        let alert = Alert {
            labels: labels.clone(),
            annotations,
            starts_at: now,
            ends_at: 0,
            updated_at: now,
            timeout: false,
            generator_url: String::new(),
        };
        let fingerprint = Fingerprint::of(&labels);
        let told = setup.config.receiver(receiver)?.integrations.iter().map(|integration| {
            let group = GroupId { route: "test".into(), labels: labels.clone() };
            let kind = integration.kind();
            let line = LineId { group, receiver: receiver.into(), kind: kind.into(), index: integration.index as u32 };
            let send = Send {
                line,
                seq: 0,
                attempt: 1,
                idempotency_key: format!("test-{:016x}", RealEntropy.next_u64()),
                group_key: "test".to_owned(),
                route_labels: Default::default(),
                reason: Reason::First,
                decided_at: now,
                before: Default::default(),
                alerts: vec![SentAlert { alert: alert.clone(), fingerprint, resolved: false, change: Change::New }],
                thread: Default::default(),
                timeout_ms: 10_000,
            };
            (format!("{kind}[{}]", integration.index), self.couriers.tell_now(&send))
        });
        Some(told.collect())
    }

    /// What happened.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The message an integration would be told, as text: what is sent first, and where to without secrets.
    pub fn render(&self, send: &Send) -> Result<String, String> {
        let setup = self.setup();
        let integration = setup.integration(&send.line).ok_or("the integration was removed")?;
        let read = |name: &str| setup.secret_file(name);
        let delivery = notify::build(&integration.settings, send, &setup.templates, self.clock.wall_ms(), &read)?;
        Ok(delivery.preview())
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

fn report_ignored(setup: &Setup) {
    if !setup.config.ignored.is_empty() {
        let sections = setup.config.ignored.join(", ");
        tracing::warn!(sections, "these sections of the Alertmanager configuration have no effect here");
    }
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
