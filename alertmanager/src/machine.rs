//! The router as a pure machine: events and time in, records and messages out.
//!
//! Nothing here waits, writes or sends. The caller hands over what happened and the time, makes what
//! [`Machine::poll_record`] gives durable, and only then does what [`Machine::poll_send`] asks for.
//!
//! Timers count in steady time, which a step of the wall clock does not touch; what people wrote as wall time
//! (silences, time intervals) is compared with the wall clock.

mod decision;
mod event;
mod explain;
mod flush;
mod grouping;
mod groups;
mod inherited;
mod line;
mod message;
mod news;
mod notices;
mod outbox;
mod query;
mod recover;
mod shared;
mod signature;
mod snapshot;
mod store;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use nightjar_model::{Labels, TimestampMs};
use nightjar_platform::SplitMix;

use crate::config::Config;
use crate::fingerprint::Fingerprint;
use crate::inhibit::Inhibitor;
use crate::matcher::MatcherMode;
use crate::record::{GroupId, Inherited, InheritedKey, LineId, Record, Steady};
use crate::route::RouteTree;
use crate::silence::{Silence, SilenceError, Silences};

pub use decision::{Decision, LineStatus, Verdict};
pub use event::{Event, Outcome, Shared};
pub use explain::{LineView, RouteView};
pub use groups::GroupNumber;
use groups::Groups;
use line::Line;
pub use message::{Send, SentAlert};
pub use news::{Before, Change};
use notices::Nearing;
pub use query::{AlertStatus, AlertView, GroupView};
pub use snapshot::Walk;
use store::Stored;

/// The time, by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Wall clock; may jump.
    pub wall_ms: TimestampMs,
    /// Milliseconds since the process began or any other fixed instant; never goes back.
    pub monotonic_ms: i64,
}

/// What the machine cannot know from its configuration.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Which label names and matchers are allowed.
    pub mode: MatcherMode,
    /// How many silences there may be; 0: any number.
    pub max_silences: usize,
    /// How long what was told and expired silences are remembered.
    pub retention_ms: i64,
    /// How long a message is tried before it is given up.
    pub outbox_ms: i64,
    /// How long nothing is told after the start.
    pub start_delay_ms: i64,
    /// Whether ends of silenced, inhibited and muted alerts stay untold, as in Alertmanager.
    pub strict_mutes: bool,
    /// Where jitter and ids come from.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            mode: MatcherMode::Fallback,
            max_silences: 0,
            retention_ms: 120 * 3_600_000,
            outbox_ms: 48 * 3_600_000,
            start_delay_ms: 0,
            strict_mutes: false,
            seed: 0,
        }
    }
}

/// Decisions kept for a caller that does not ask.
const MAX_DECISIONS: usize = 1 << 18;

/// The router.
#[derive(Debug)]
pub struct Machine {
    config: Arc<Config>,
    options: Options,
    tree: RouteTree,
    inhibitor: Inhibitor,
    silences: Silences,
    nearing: Nearing,
    alerts: HashMap<Fingerprint, Stored>,
    ends: BTreeSet<(Steady, Fingerprint)>,
    groups: Groups,
    flushes: BTreeSet<(Steady, GroupNumber)>,
    lines: BTreeMap<LineId, Line>,
    attempts: BTreeSet<(Steady, LineId)>,
    /// Integrations whose last try failed: receiver, kind, position.
    down: BTreeSet<(Arc<str>, Arc<str>, u32)>,
    records: VecDeque<Record>,
    /// What another Alertmanager told before.
    inherited: BTreeMap<InheritedKey, Inherited>,
    /// Changes that other instances shall hear of.
    shared: VecDeque<Shared>,
    /// How long messages wait for other instances.
    wait_ms: i64,
    sends: VecDeque<Send>,
    decisions: VecDeque<Decision>,
    random: SplitMix,
    /// Steady time minus monotonic time.
    offset: i64,
    /// No flush before.
    quiet_until: Steady,
    next_forget: Steady,
    /// How often what has been over for long was forgotten.
    sweeps: u64,
    /// The latest steady time seen, so that time never goes back.
    latest: Steady,
}

impl Machine {
    /// A router without alerts.
    pub fn new(config: Arc<Config>, options: Options, now: Now) -> Machine {
        Machine::recover(config, options, Vec::new(), now)
    }

    fn steady(&mut self, now: Now) -> Steady {
        self.latest = self.latest.max(now.monotonic_ms.saturating_add(self.offset));
        self.latest
    }

    /// Something happened. Timers that have run out are handled first.
    pub fn handle_event(&mut self, now: Now, event: Event) {
        self.handle_timeout(now);
        match event {
            Event::Alerts(alerts) => alerts.into_iter().for_each(|alert| self.take(now, alert)),
            Event::Attempt { line, seq, outcome } => self.attempted(now, &line, seq, outcome),
            Event::Configure(config) => self.configure(now, config),
            Event::Elsewhere(changes) => changes.into_iter().for_each(|change| self.elsewhere(now, change)),
            Event::Patience { wait_ms } => self.wait_ms = wait_ms.max(0),
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        let steady = self.steady(now);
        while let Some(&(end, fingerprint)) = self.ends.first().filter(|(end, _)| *end <= steady) {
            self.ends.remove(&(end, fingerprint));
            self.expire(now, fingerprint);
        }
        if self.nearing.is_due(now, steady) {
            self.look_for_ends(now);
        }
        // A group that looks for news at `now` is due again later than `now`, so this ends.
        while let Some((at, number)) = self.flushes.first().filter(|(at, _)| *at <= steady).copied() {
            self.flushes.remove(&(at, number));
            self.flush(now, number);
        }
        while let Some((at, line)) = self.attempts.first().filter(|(at, _)| *at <= steady).cloned() {
            self.attempts.remove(&(at, line.clone()));
            self.attempt(now, &line);
        }
        if self.next_forget <= steady {
            self.forget(now);
        }
    }

    /// When [`Machine::handle_timeout`] wants to be called, in monotonic milliseconds.
    pub fn poll_timeout(&self) -> i64 {
        let firsts = [
            self.ends.first().map(|(at, _)| *at),
            self.flushes.first().map(|(at, _)| *at),
            self.attempts.first().map(|(at, _)| *at),
            Some(self.nearing.next()),
        ];
        firsts.into_iter().flatten().fold(self.next_forget, Steady::min).saturating_sub(self.offset)
    }

    /// The next change of state that must survive.
    pub fn poll_record(&mut self) -> Option<Record> {
        self.records.pop_front()
    }

    /// The next message to send, once all records are durable.
    pub fn poll_send(&mut self) -> Option<Send> {
        self.sends.pop_front()
    }

    /// The next decision. Those nobody asks for are forgotten, the oldest first.
    pub fn poll_decision(&mut self) -> Option<Decision> {
        self.decisions.pop_front()
    }

    fn decide(&mut self, decision: Decision) {
        if self.decisions.len() == MAX_DECISIONS {
            self.decisions.pop_front();
        }
        self.decisions.push_back(decision);
    }

    /// Makes a silence, or edits the one of its id. Returns the id, which differs if it could not be edited in place.
    pub fn set_silence(&mut self, now: Now, silence: Silence) -> Result<String, SilenceError> {
        let random = &mut self.random;
        let new_id = || uuid(random.next_u64(), random.next_u64());
        let (mode, limit) = (self.options.mode, self.options.max_silences);
        let named = &self.config.time_intervals;
        let changes = self.silences.plan_set(silence, now.wall_ms, mode, named, limit, new_id)?;
        let id = changes.last().map(|silence| silence.id.clone()).unwrap_or_default();
        changes.into_iter().for_each(|silence| self.put_silence(now, silence));
        Ok(id)
    }

    /// Ends a silence now; nothing happens if it has ended.
    pub fn expire_silence(&mut self, now: Now, id: &str) -> Result<(), SilenceError> {
        if let Some(ended) = self.silences.plan_expire(id, now.wall_ms)? {
            self.put_silence(now, ended);
        }
        Ok(())
    }

    /// Takes a silence as it is, from another Alertmanager, unless a newer one of its id is there.
    pub fn import_silence(&mut self, now: Now, silence: Silence) {
        if self.silences.get(&silence.id).is_none_or(|own| own.updated_at < silence.updated_at) {
            self.put_silence(now, silence);
        }
    }

    fn put_silence(&mut self, now: Now, silence: Silence) {
        self.records.push_back(Record::Silence(silence.clone()));
        self.share(Shared::Silence(silence.clone()));
        let old = self.silences.get(&silence.id).cloned();
        self.silences.put(silence.clone());
        self.end_has_moved(now, old, &silence);
    }

    /// Forgets what has been over for long.
    fn forget(&mut self, now: Now) {
        let steady = self.steady(now);
        self.next_forget = steady + 900_000;
        self.sweeps += 1;
        for id in self.silences.forgettable(now.wall_ms, self.options.retention_ms) {
            self.silences.remove(&id);
            self.records.push_back(Record::SilenceGone(id));
        }
        self.forget_alerts(steady);
        self.forget_lines(steady);
        self.forget_inherited(steady);
    }

    /// How often what has been over for long was forgotten since the start.
    pub fn sweeps(&self) -> u64 {
        self.sweeps
    }

    /// What holds now.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The routes.
    pub fn routes(&self) -> &RouteTree {
        &self.tree
    }

    /// Alerts of the labels that a group of a route has.
    fn group_of(&self, route: usize, labels: &Labels) -> GroupId {
        let route = self.tree.get(route);
        GroupId { route: route.id.clone(), labels: route.group_labels(labels) }
    }
}

/// A random (version 4) UUID.
fn uuid(high: u64, low: u64) -> String {
    let high = (high & !0xf000) | 0x4000;
    let low = (low & (u64::MAX >> 2)) | (1 << 63);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}
