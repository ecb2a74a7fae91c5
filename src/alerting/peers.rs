//! Instances that act as one: each hears all alerts, and they tell each other about silences and about what was told.
//!
//! Every instance decides for itself. All but the first in the order of names wait before they tell, and tell nothing
//! when they hear meanwhile that it was told. So a partition may tell twice and never loses anything.

pub mod message;
mod post;
pub(super) mod traffic;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use nightjar_alertmanager::machine::Shared;
use nightjar_platform::{Clock, PanicPolicy, spawn};
use parking_lot::{Condvar, Mutex};

use super::service::{Alerting, Cluster};
pub use message::{Exchange, Member};
pub use post::PATH;
use traffic::Traffic;

/// How often an instance shows that it lives.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// How long an instance counts as alive after it was last heard of.
const ALIVE: Duration = Duration::from_secs(5);

/// How long an exchange may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Most changes that wait for one instance; beyond it everything is sent again.
const MAX_WAITING: usize = 10_000;

/// Most instances.
const MAX_PEERS: usize = 64;

/// How instances find each other.
#[derive(Clone, Debug)]
pub struct PeerOptions {
    /// This instance.
    pub own: Member,
    /// Addresses of some others.
    pub peers: Vec<String>,
    /// How long to wait for each instance before this one in the order of names.
    pub peer_timeout: Duration,
    /// How often everything is sent.
    pub full_interval: Duration,
    /// How long to wait for the first exchange until this instance counts as ready.
    pub settle_timeout: Duration,
}

/// The other instances, as this one sees them.
pub struct Peers {
    options: PeerOptions,
    clock: Arc<dyn Clock>,
    on_panic: PanicPolicy,
    started: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// By address.
    others: BTreeMap<String, Other>,
    stopping: bool,
    /// Whether everything was exchanged once.
    met: bool,
    wait_ms: i64,
    traffic: Traffic,
}

#[derive(Default)]
struct Other {
    name: String,
    heard: Option<Duration>,
    waiting: Vec<Shared>,
    /// Everything has to be sent.
    all: bool,
    failed: u64,
}

impl Peers {
    /// Knows of the addresses that are configured; [`Peers::run`] talks to them.
    pub fn new(options: PeerOptions, clock: Arc<dyn Clock>, on_panic: PanicPolicy) -> Peers {
        let state = State { met: options.peers.is_empty(), ..State::default() };
        Peers {
            started: clock.monotonic(),
            options,
            clock,
            on_panic,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Starts to talk to the instances that are configured.
    pub(super) fn run(self: &Arc<Peers>, alerting: &Arc<Alerting>) {
        for address in self.options.peers.clone() {
            self.meet(&Member { name: String::new(), address }, alerting);
        }
    }

    /// Somebody was heard of: talks to it from now on.
    fn meet(self: &Arc<Peers>, member: &Member, alerting: &Arc<Alerting>) {
        let mut state = self.state.lock();
        let own = member.address == self.options.own.address || member.name == self.options.own.name;
        if own || state.stopping || state.others.contains_key(&member.address) || state.others.len() >= MAX_PEERS {
            return;
        }
        let other = Other { name: member.name.clone(), all: true, ..Other::default() };
        state.others.insert(member.address.clone(), other);
        drop(state);
        let (peers, alerting, address) = (Arc::clone(self), Arc::downgrade(alerting), member.address.clone());
        if let Err(error) = spawn("peer", &self.on_panic, move || peers.talk(&address, &alerting)) {
            tracing::error!(%error, "cannot start a thread for another instance");
        }
    }

    /// Talks to one instance until the server stops.
    fn talk(self: &Arc<Peers>, address: &str, alerting: &Weak<Alerting>) {
        let mut last_full = None;
        while let Some(waiting) = self.next(address) {
            let Some(alerting) = alerting.upgrade() else { return };
            let now = self.clock.monotonic();
            let old = last_full.is_none_or(|at| now.saturating_sub(at) >= self.options.full_interval);
            let full = old || waiting.is_none();
            let changes = if full { alerting.shared() } else { waiting.unwrap_or_default() };
            let exchange =
                Exchange { version: 1, from: self.options.own.clone(), members: self.members(), full, changes };
            let said = serde_json::to_vec(&exchange).unwrap_or_default();
            self.state.lock().traffic.sent.count(full, said.len());
            match post::post(address, &said, PATIENCE) {
                Ok((answer, bytes)) => {
                    if full {
                        last_full = Some(now);
                    }
                    let took = self.clock.monotonic().saturating_sub(now);
                    let mut state = self.state.lock();
                    state.traffic.received.count(full, bytes);
                    state.traffic.ping(&answer.from.name, took);
                    drop(state);
                    self.answered(address, answer, &alerting);
                }
                Err(error) => self.failed(address, &error),
            }
            self.position(&alerting);
        }
    }

    /// What to send next: changes as soon as there are some, nothing after a heartbeat, `Some(None)` for everything.
    #[expect(clippy::option_option, reason = "the outer one says whether to go on")]
    fn next(&self, address: &str) -> Option<Option<Vec<Shared>>> {
        let end = self.clock.monotonic() + HEARTBEAT;
        let mut state = self.state.lock();
        loop {
            if state.stopping {
                return None;
            }
            let other = state.others.get_mut(address)?;
            let hurry = other.failed == 0 && (other.all || !other.waiting.is_empty());
            let now = self.clock.monotonic();
            if hurry || now >= end {
                let all = std::mem::take(&mut other.all);
                let waiting = std::mem::take(&mut other.waiting);
                return Some((!all).then_some(waiting));
            }
            self.changed.wait_for(&mut state, end.saturating_sub(now));
        }
    }

    fn answered(self: &Arc<Peers>, address: &str, answer: Exchange, alerting: &Arc<Alerting>) {
        let now = self.clock.monotonic();
        let mut state = self.state.lock();
        let State { others, traffic, .. } = &mut *state;
        if let Some(other) = others.get_mut(address) {
            if other.failed > 0 {
                tracing::info!(peer = address, "another instance is back");
                traffic.reconnections += 1;
            }
            if other.failed > 0 || other.heard.is_none() {
                traffic.joined += 1;
            }
            (other.failed, other.heard) = (0, Some(now));
            other.name.clone_from(&answer.from.name);
        }
        state.met = true;
        drop(state);
        self.heard(&answer, alerting);
        alerting.merge(answer.changes);
    }

    fn failed(&self, address: &str, error: &str) {
        let mut state = self.state.lock();
        let State { others, traffic, .. } = &mut *state;
        let Some(other) = others.get_mut(address) else { return };
        if other.failed == 0 {
            tracing::warn!(peer = address, error, "another instance cannot be reached");
            traffic.left += u64::from(other.heard.is_some());
        } else {
            traffic.reconnections += 1;
            traffic.reconnections_failed += 1;
        }
        other.failed += 1;
        other.all = true;
    }

    /// Another instance has spoken, in so many bytes: the answer as JSON.
    pub(super) fn asked(self: &Arc<Peers>, exchange: &Exchange, bytes: usize, alerting: &Arc<Alerting>) -> Vec<u8> {
        self.heard(exchange, alerting);
        let (full, from, members) = (exchange.full, self.options.own.clone(), self.members());
        let changes = if full { alerting.shared() } else { Vec::new() };
        let answer = serde_json::to_vec(&Exchange { version: 1, from, members, full, changes }).unwrap_or_default();
        let traffic = &mut self.state.lock().traffic;
        traffic.received.count(full, bytes);
        traffic.sent.count(full, answer.len());
        answer
    }

    /// Remembers who spoke, and meets whom it knows.
    fn heard(self: &Arc<Peers>, exchange: &Exchange, alerting: &Arc<Alerting>) {
        self.meet(&exchange.from, alerting);
        let now = self.clock.monotonic();
        let mut state = self.state.lock();
        state.traffic.lives(&exchange.from.name);
        if let Some(other) = state.others.get_mut(&exchange.from.address) {
            other.name.clone_from(&exchange.from.name);
            let before = other.heard.replace(now);
            state.traffic.joined += u64::from(before.is_none());
        }
        drop(state);
        exchange.members.iter().for_each(|member| self.meet(member, alerting));
        self.position(alerting);
    }

    /// Instances that live, this one included, by name.
    fn members(&self) -> Vec<Member> {
        let now = self.clock.monotonic();
        let state = self.state.lock();
        let alive = |other: &Other| other.heard.is_some_and(|at| now.saturating_sub(at) < ALIVE);
        let others = state.others.iter().filter(|(_, other)| alive(other) && !other.name.is_empty());
        let others = others.map(|(address, other)| Member { name: other.name.clone(), address: address.clone() });
        let mut members: Vec<Member> = others.chain([self.options.own.clone()]).collect();
        members.sort();
        members.dedup_by(|a, b| a.name == b.name);
        members
    }

    /// Tells the router how long to wait before it tells anything.
    fn position(&self, alerting: &Alerting) {
        let position = self.members().iter().position(|member| member.name == self.options.own.name).unwrap_or(0);
        let wait_ms = self.options.peer_timeout.as_millis() as i64 * position as i64;
        let mut state = self.state.lock();
        if std::mem::replace(&mut state.wait_ms, wait_ms) != wait_ms {
            drop(state);
            alerting.wait_for_others(wait_ms);
        }
    }

    /// Something changed here: everybody shall know.
    pub(super) fn share(&self, changes: &[Shared]) {
        if changes.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        let State { others, traffic, .. } = &mut *state;
        for other in others.values_mut().filter(|other| !other.all) {
            other.waiting.extend_from_slice(changes);
            if other.waiting.len() > MAX_WAITING {
                traffic.pruned += other.waiting.len() as u64;
                other.waiting.clear();
                other.all = true;
            }
        }
        self.changed.notify_all();
    }

    /// How the API shows it.
    pub(super) fn view(&self) -> Cluster {
        let settled =
            self.state.lock().met || self.clock.monotonic().saturating_sub(self.started) >= self.options.settle_timeout;
        let peers = self.members().into_iter().map(|member| (member.name, member.address)).collect();
        let status = if settled { "ready" } else { "settling" };
        Cluster { name: Some(self.options.own.name.clone()), status, peers, failed: self.failed_peers() }
    }

    fn failed_peers(&self) -> usize {
        self.state.lock().others.values().filter(|other| other.failed > 0).count()
    }

    /// What was said so far.
    pub(super) fn traffic(&self) -> Traffic {
        let state = self.state.lock();
        let queued = state.others.values().map(|other| other.waiting.len() as u64).sum();
        Traffic { queued, ..state.traffic.clone() }
    }

    /// Ends; what waits is not sent any more, the others ask again when this one is back.
    pub(super) fn stop(&self) {
        self.state.lock().stopping = true;
        self.changed.notify_all();
    }
}
