//! Couriers: threads that carry messages, so that a service that is slow keeps nobody waiting but itself.
//!
//! Every integration has a desk of its own with at least one courier while there is work; more are lent while few are
//! out everywhere.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use nightjar_alertmanager::machine::{Outcome, Send};
use nightjar_alertmanager::notify;
use nightjar_platform::{Clock, PanicPolicy, spawn};
use parking_lot::{Condvar, Mutex, RwLock};

use super::carrier::{Carrier, Parcel};
use super::counters::Counters;
use super::inbox::{Command, Inbox};
use super::load::Setup;

/// Most couriers of one integration.
const PER_DESK: usize = 16;

/// Most couriers that are lent, those every busy desk has not counted.
const LENT: usize = 256;

/// How long a courier without work stays.
const REST: Duration = Duration::from_secs(10);

/// Receiver, kind, position.
type Key = (Arc<str>, Arc<str>, u32);

/// All desks.
pub(super) struct Couriers {
    desks: Mutex<Desks>,
    work: Work,
    on_panic: PanicPolicy,
}

/// What couriers work with.
pub(super) struct Work {
    pub(super) setup: Arc<RwLock<Arc<Setup>>>,
    pub(super) carrier: Arc<dyn Carrier>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) counters: Arc<Counters>,
    pub(super) inbox: Arc<Inbox>,
}

#[derive(Default)]
struct Desks {
    by_key: HashMap<Key, Desk>,
    couriers: usize,
}

#[derive(Default)]
struct Desk {
    waiting: VecDeque<Send>,
    couriers: usize,
    idle: usize,
    news: Arc<Condvar>,
}

impl Couriers {
    pub(super) fn new(work: Work, on_panic: PanicPolicy) -> Couriers {
        Couriers { desks: Mutex::default(), work, on_panic }
    }

    /// Takes a message. A line has one message on its way at most, so what waits is bounded by the groups.
    pub(super) fn take(self: &Arc<Couriers>, send: Send) {
        let key = (send.line.receiver.clone(), send.line.kind.clone(), send.line.index);
        let mut desks = self.desks.lock();
        let may_lend = desks.couriers < LENT;
        let desk = desks.by_key.entry(key.clone()).or_default();
        desk.waiting.push_back(send);
        if desk.idle >= desk.waiting.len() {
            desk.news.notify_one();
        } else if desk.couriers == 0 || (desk.couriers < PER_DESK && may_lend) {
            desk.couriers += 1;
            desks.couriers += 1;
            drop(desks);
            self.hire(key);
        }
    }

    fn hire(self: &Arc<Couriers>, key: Key) {
        let (couriers, desk) = (Arc::clone(self), key.clone());
        if let Err(error) = spawn("courier", &self.on_panic, move || couriers.serve(&desk)) {
            tracing::error!(%error, receiver = &*key.0, "cannot start a thread for messages");
            self.fire(&key);
        }
    }

    /// The system has no thread left: without any courier what waits is tried later.
    fn fire(&self, key: &Key) {
        let mut desks = self.desks.lock();
        desks.couriers -= 1;
        let Some(desk) = desks.by_key.get_mut(key) else { return };
        desk.couriers -= 1;
        let stranded = if desk.couriers == 0 { std::mem::take(&mut desk.waiting) } else { VecDeque::new() };
        drop(desks);
        for send in stranded {
            let error = "the system has no thread left".to_owned();
            self.work.report(&send, Outcome::Retry { after_ms: None, error });
        }
    }

    fn serve(&self, key: &Key) {
        while let Some(send) = self.next(key) {
            let outcome = self.work.tell(&send);
            self.work.report(&send, outcome);
        }
    }

    /// The next message; `None` when there was none for a while, and the courier has left the desk.
    fn next(&self, key: &Key) -> Option<Send> {
        let mut desks = self.desks.lock();
        let mut rested = false;
        loop {
            let desk = desks.by_key.get_mut(key)?;
            if let Some(send) = desk.waiting.pop_front() {
                return Some(send);
            }
            if rested {
                desk.couriers -= 1;
                if desk.couriers == 0 {
                    desks.by_key.remove(key);
                }
                desks.couriers -= 1;
                return None;
            }
            desk.idle += 1;
            let news = Arc::clone(&desk.news);
            rested = news.wait_for(&mut desks, REST).timed_out();
            if let Some(desk) = desks.by_key.get_mut(key) {
                desk.idle -= 1;
            }
        }
    }

    /// Carries a message now and waits for what becomes of it.
    pub(super) fn tell_now(&self, send: &Send) -> Outcome {
        self.work.tell(send)
    }

    /// Messages that wait for a courier.
    pub(super) fn waiting(&self) -> usize {
        self.desks.lock().by_key.values().map(|desk| desk.waiting.len()).sum()
    }

    /// Couriers that carry something now.
    pub(super) fn busy(&self) -> usize {
        let desks = self.desks.lock();
        desks.by_key.values().map(|desk| desk.couriers - desk.idle).sum()
    }

    /// What waits is left where it is: the log knows of it.
    pub(super) fn drop_waiting(&self) {
        self.desks.lock().by_key.values_mut().for_each(|desk| desk.waiting.clear());
    }
}

impl Work {
    /// Renders a message and has it carried.
    fn tell(&self, send: &Send) -> Outcome {
        let setup = Arc::clone(&self.setup.read());
        let Some(integration) = setup.integration(&send.line) else {
            return Outcome::Refused { error: "the integration was removed".to_owned() };
        };
        let begin = self.clock.monotonic();
        let read = |name: &str| setup.secret_file(name);
        let delivery = notify::build(&integration.settings, send, &setup.templates, self.clock.wall_ms(), &read);
        let outcome = match delivery {
            Ok(delivery) => {
                let timeout = Duration::from_millis(send.timeout_ms.max(1).unsigned_abs());
                let (settings, directory) = (&integration.settings, setup.directory.as_path());
                self.carrier.carry(Parcel { settings, directory, delivery, timeout })
            }
            Err(error) => Outcome::Refused { error },
        };
        let took = self.clock.monotonic().saturating_sub(begin);
        self.counters.tried(integration.kind(), send.attempt == 1, &outcome, took);
        outcome
    }

    fn report(&self, send: &Send, outcome: Outcome) {
        let (receiver, integration) = (&*send.line.receiver, format!("{}[{}]", send.line.kind, send.line.index));
        let (group, attempt) = (&*send.group_key, send.attempt);
        match &outcome {
            Outcome::Delivered(_) => {
                tracing::debug!(receiver, integration, group, attempt, "Notify success");
            }
            Outcome::Retry { error, .. } => {
                tracing::warn!(receiver, integration, group, attempt, error, "Notify attempt failed, will retry later");
            }
            Outcome::Refused { error } => {
                tracing::error!(receiver, integration, group, attempt, error, "Notify for alerts failed");
            }
        }
        // Attempts are never refused.
        let _ = self.inbox.push(Command::Attempt(send.line.clone(), send.seq, outcome));
    }
}
