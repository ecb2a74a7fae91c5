//! The machine and its log together: nothing is acknowledged or sent before it is durable.

use std::io;
use std::path::Path;
use std::sync::Arc;

use nightjar_platform::Disk;

use crate::config::Config;
use crate::log::{Log, Recovered};
use crate::machine::{Event, Machine, Now, Options, Send, Walk};
use crate::silence::{Silence, SilenceError};

/// A durable router. Call [`Router::commit`] after a batch of events: one sync makes all of them durable.
pub struct Router<D: Disk> {
    machine: Machine,
    log: Log<D>,
    sends: std::collections::VecDeque<Send>,
    /// A snapshot that is being taken.
    walk: Option<Walk>,
}

/// Records of a part of a snapshot: what is done beside deciding at a time.
const PART: usize = 1_000;

/// What was found at the start, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Records that were read.
    pub records: usize,
    /// See [`Recovered::torn_bytes`].
    pub torn_bytes: u64,
    /// See [`Recovered::damaged_frames`].
    pub damaged_frames: u64,
}

impl<D: Disk> Router<D> {
    /// Opens the log in a directory and goes on where it ends.
    pub fn open(
        disk: D,
        dir: &Path,
        config: Arc<Config>,
        options: Options,
        now: Now,
    ) -> io::Result<(Router<D>, Opened)> {
        let (log, recovered) = Log::open(disk, dir)?;
        let Recovered { records, torn_bytes, damaged_frames } = recovered;
        let opened = Opened { records: records.len(), torn_bytes, damaged_frames };
        let machine = Machine::recover(config, options, records, now);
        let mut router = Router { machine, log, sends: Default::default(), walk: None };
        router.commit(now)?;
        Ok((router, opened))
    }

    /// Something happened; durable after the next [`Router::commit`].
    pub fn handle_event(&mut self, now: Now, event: Event) {
        self.machine.handle_event(now, event);
    }

    /// Does what is due; durable after the next [`Router::commit`].
    pub fn handle_timeout(&mut self, now: Now) {
        self.machine.handle_timeout(now);
    }

    /// [`Machine::set_silence`]; durable after the next [`Router::commit`].
    pub fn set_silence(&mut self, now: Now, silence: Silence) -> Result<String, SilenceError> {
        self.machine.set_silence(now, silence)
    }

    /// [`Machine::expire_silence`]; durable after the next [`Router::commit`].
    pub fn expire_silence(&mut self, now: Now, id: &str) -> Result<(), SilenceError> {
        self.machine.expire_silence(now, id)
    }

    /// [`Machine::import_silence`]; durable after the next [`Router::commit`].
    pub fn import_silence(&mut self, now: Now, silence: Silence) {
        self.machine.import_silence(now, silence);
    }

    /// [`Machine::inherit`]; durable after the next [`Router::commit`].
    pub fn inherit(&mut self, now: Now, entry: crate::record::Inherited, at: nightjar_model::TimestampMs) {
        self.machine.inherit(now, entry, at);
    }

    /// Makes everything so far durable. On an error nothing of it may be acknowledged; people are told nevertheless,
    /// because a page that may come twice is better than none, and the next commit begins a new file.
    pub fn commit(&mut self, now: Now) -> io::Result<()> {
        let mut records: Vec<_> = std::iter::from_fn(|| self.machine.poll_record()).collect();
        let result = if self.log.is_usable() {
            match records.is_empty() {
                true => Ok(()),
                false => {
                    records.insert(0, self.machine.clock(now));
                    self.log.append(&records)
                }
            }
        } else {
            self.walk = None;
            self.log.rewrite(self.machine.snapshot(now))
        };
        if result.is_ok() {
            self.walk = self.snapshot(now);
        }
        self.sends.extend(std::iter::from_fn(|| self.machine.poll_send()));
        result
    }

    /// Takes the next part of a snapshot, if there is to be one. The old log still holds everything, so this may fail.
    fn snapshot(&mut self, now: Now) -> Option<Walk> {
        let mut walk = match self.walk.take() {
            Some(walk) => walk,
            None if self.log.wants_rewrite() => {
                self.log.begin_snapshot().ok()?;
                self.machine.begin_snapshot()
            }
            None => return None,
        };
        match self.machine.next_part(&mut walk, PART, now) {
            Some(part) => self.log.add_to_snapshot(&part).ok().map(|()| walk),
            None => {
                let _ = self.log.finish_snapshot();
                None
            }
        }
    }

    /// Whether a snapshot is being taken; every commit takes a part.
    pub fn is_taking_snapshot(&self) -> bool {
        self.walk.is_some()
    }

    /// The next message to send; its records have been committed.
    pub fn poll_send(&mut self) -> Option<Send> {
        self.sends.pop_front()
    }

    /// [`Machine::poll_timeout`], or at once while a snapshot is being taken.
    pub fn poll_timeout(&self) -> i64 {
        if self.walk.is_some() { i64::MIN } else { self.machine.poll_timeout() }
    }

    /// The next decision, for metrics and people.
    pub fn poll_decision(&mut self) -> Option<crate::machine::Decision> {
        self.machine.poll_decision()
    }

    /// [`Machine::poll_shared`].
    pub fn poll_shared(&mut self) -> Option<crate::machine::Shared> {
        self.machine.poll_shared()
    }

    /// The machine, for questions.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The log, for metrics.
    pub fn log(&self) -> &Log<D> {
        &self.log
    }
}
