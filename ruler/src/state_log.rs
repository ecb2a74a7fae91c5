//! The state of alerts on disk.

use std::io;
use std::path::Path;

use nightjar_platform::Disk;
use nightjar_platform::journal::{Durability, Form, Journal};

use crate::state::{SavedState, StateChange, decode};

const FORM: Form = Form {
    name: "the state of rules",
    magic: *b"NJRULES1",
    small_bytes: 1 << 20,
    growth: 3,
    max_bytes: 1 << 30,
    reserve_bytes: 0,
};

/// Groups that were not evaluated for so long before the newest are forgotten.
const FORGOTTEN_AFTER_MS: i64 = 7 * 86_400_000;

/// An open log of alert state.
pub struct StateLog<D: Disk> {
    journal: Journal<D>,
}

/// What was found when the log was opened.
#[derive(Debug, Default)]
pub struct RecoveredState {
    /// The state.
    pub state: SavedState,
    /// Places that could not be read; the file was set aside.
    pub damaged: u64,
}

impl<D: Disk> StateLog<D> {
    /// Opens the log in a directory, making both if they are missing.
    pub fn open(disk: D, dir: &Path) -> io::Result<(StateLog<D>, RecoveredState)> {
        let (mut state, mut unreadable) = Default::default();
        let (journal, found) = Journal::open(disk, dir, FORM, &mut fold(&mut state, &mut unreadable))?;
        let mut log = StateLog { journal };
        if log.journal.wants_rewrite() {
            log.replace(&state)?;
        }
        Ok((log, RecoveredState { state, damaged: found.damaged + unreadable }))
    }

    /// Writes a change; a transition is on stable storage when this returns `Ok`.
    pub fn keep(&mut self, change: &StateChange) -> io::Result<()> {
        if self.journal.wants_rewrite() {
            let mut state = SavedState::default();
            self.journal.read(&mut fold(&mut state, &mut 0))?;
            self.replace(&state)?;
        }
        let durability = if change.is_transition() { Durability::Now } else { Durability::Later };
        self.journal.append([change.encode().map_err(io::Error::other)], durability)
    }

    fn replace(&mut self, state: &SavedState) -> io::Result<()> {
        let oldest = state.newest().map_or(0, |newest| newest.saturating_sub(FORGOTTEN_AFTER_MS));
        self.journal.rewrite(state.changes(oldest).iter().map(|change| change.encode().map_err(io::Error::other)))
    }
}

/// Applies bodies to a state, and counts those that are no changes.
fn fold<'a>(state: &'a mut SavedState, unreadable: &'a mut u64) -> impl FnMut(&[u8]) -> bool + 'a {
    |body| {
        match decode(body) {
            Ok(change) => state.apply(change),
            Err(_) => *unreadable += 1,
        }
        true
    }
}
