//! What waits for the thread that decides.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use nightjar_alertmanager::alert::Alert;
use nightjar_alertmanager::machine::{Outcome, Shared};
use nightjar_alertmanager::record::LineId;
use nightjar_alertmanager::silence::{Silence, SilenceError};
use nightjar_platform::Clock;
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::load::Setup;

/// Most alerts that wait.
pub(super) const CAPACITY: usize = 200_000;

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It could not be made durable; trying again may help.
    #[error("it could not be written to disk: {0}")]
    NotDurable(String),
    /// Too much waits.
    #[error("too many alerts are waiting")]
    Busy,
    /// A silence is too large.
    #[error("silence exceeded maximum size: {size} bytes (limit: {limit} bytes)")]
    TooLarge {
        /// How large it is.
        size: usize,
        /// How large it may be.
        limit: usize,
    },
    /// The server ends.
    #[error("the server is stopping")]
    Stopping,
    /// The silence makes no sense.
    #[error(transparent)]
    Silence(#[from] SilenceError),
}

/// Where an answer is awaited.
pub(super) type Answer<T> = oneshot::Sender<Result<T, Refusal>>;

/// Something to do.
pub(super) enum Command {
    /// Take alerts; the answer comes when they are durable.
    Alerts(Vec<Alert>, Option<Answer<()>>),
    /// A message was carried, or not.
    Attempt(LineId, u64, Outcome),
    /// Make or edit a silence; answers its id.
    SetSilence(Silence, Answer<String>),
    /// End a silence.
    ExpireSilence(String, Answer<()>),
    /// Other instances have this.
    Merge(Vec<Shared>),
    /// How long to wait for other instances.
    Patience(i64),
    /// Another configuration; says so when it is in force.
    Configure(Arc<Setup>, SyncSender<()>),
}

impl Command {
    fn alerts(&self) -> usize {
        match self {
            Command::Alerts(alerts, _) => alerts.len(),
            _ => 0,
        }
    }
}

#[derive(Default)]
struct State {
    commands: VecDeque<Command>,
    alerts: usize,
    stopping: bool,
}

/// A queue with one reader.
#[derive(Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
}

impl Inbox {
    /// Puts something in. Alerts are refused when too many wait; everything else is few.
    pub(super) fn push(&self, command: Command) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        let alerts = command.alerts();
        // What was carried is heard to the end.
        if state.stopping && !matches!(command, Command::Attempt(..)) {
            return Err(Refusal::Stopping);
        }
        if alerts > 0 && state.alerts > 0 && state.alerts + alerts > CAPACITY {
            return Err(Refusal::Busy);
        }
        state.alerts += alerts;
        state.commands.push_back(command);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes everything, waiting for something until `end`, a monotonic time. Answers whether the server stops.
    pub(super) fn take(&self, clock: &dyn Clock, end: Duration) -> (VecDeque<Command>, bool) {
        let mut state = self.state.lock();
        while state.commands.is_empty() && !state.stopping && clock.monotonic() < end {
            self.changed.wait_for(&mut state, end.saturating_sub(clock.monotonic()));
        }
        state.alerts = 0;
        (std::mem::take(&mut state.commands), state.stopping)
    }

    /// Takes what is there.
    pub(super) fn take_rest(&self, wait: Duration) -> VecDeque<Command> {
        let mut state = self.state.lock();
        if state.commands.is_empty() {
            self.changed.wait_for(&mut state, wait);
        }
        std::mem::take(&mut state.commands)
    }

    /// Nothing new comes in.
    pub(super) fn stop(&self) {
        self.state.lock().stopping = true;
        self.changed.notify_one();
    }

    /// Alerts that wait.
    pub(super) fn waiting(&self) -> usize {
        self.state.lock().alerts
    }
}
