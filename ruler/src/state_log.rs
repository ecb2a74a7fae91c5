//! The state of alerts on disk.

use std::io;
use std::path::Path;

use nightjar_platform::Disk;
use nightjar_platform::journal::{Durability, Journal};

use crate::state::{SavedState, StateChange, decode};

/// What a file begins with.
const MAGIC: [u8; 8] = *b"NJRULES1";

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
        let (journal, found) = Journal::open(disk, dir, MAGIC)?;
        let (state, unreadable) = fold(&found.bodies);
        let mut log = StateLog { journal };
        if log.journal.wants_rewrite() {
            log.replace(&state)?;
        }
        Ok((log, RecoveredState { state, damaged: found.damaged + unreadable }))
    }

    /// Writes a change; a transition is on stable storage when this returns `Ok`.
    pub fn keep(&mut self, change: &StateChange) -> io::Result<()> {
        if self.journal.wants_rewrite() {
            let (state, _) = fold(&self.journal.bodies()?);
            self.replace(&state)?;
        }
        let durability = if change.is_transition() { Durability::Now } else { Durability::Later };
        self.journal.append(&change.encode().map_err(io::Error::other)?, durability)
    }

    fn replace(&mut self, state: &SavedState) -> io::Result<()> {
        let oldest = state.newest().map_or(0, |newest| newest.saturating_sub(FORGOTTEN_AFTER_MS));
        let bodies: Result<Vec<_>, _> = state.changes(oldest).iter().map(StateChange::encode).collect();
        self.journal.rewrite(&bodies.map_err(io::Error::other)?)
    }
}

/// The state, and how many records could not be read.
fn fold(bodies: &[Vec<u8>]) -> (SavedState, u64) {
    let (mut state, mut unreadable) = (SavedState::default(), 0);
    for body in bodies {
        match decode(body) {
            Ok(change) => state.apply(change),
            Err(_) => unreadable += 1,
        }
    }
    (state, unreadable)
}
