//! The alert log: records in order, on disk before anybody is told that they are kept.
//!
//! A [`Journal`] whose bodies are a few records each. Every byte is described in `docs/format/alert-log.md`.

#[cfg(test)]
mod tests;

use std::borrow::Borrow;
use std::io;
use std::path::Path;

use nightjar_platform::Disk;
use nightjar_platform::journal::{Durability, Form, Journal};

use crate::record::Record;

const FORM: Form = Form {
    name: "the alert log",
    magic: *b"NJALERT1",
    small_bytes: 4 << 20,
    growth: 2,
    max_bytes: 4 << 30,
    reserve_bytes: 4 << 20,
};

/// Records are cut into bodies about this long.
const TARGET_BYTES: usize = 256 << 10;

/// An open log.
pub struct Log<D: Disk> {
    journal: Journal<D>,
    snapshots: Snapshots,
}

/// How often the log was replaced by a snapshot since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshots {
    /// Snapshots that were written.
    pub written: u64,
    /// Snapshots that could not be written.
    pub failed: u64,
    /// Length of the last one that was, in bytes.
    pub bytes: u64,
}

/// What was found when a log was opened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovered {
    /// The records, in order.
    pub records: Vec<Record>,
    /// Bytes at the end that were never acknowledged.
    pub torn_bytes: u64,
    /// Frames that cannot be read although later ones can: media damage. The file was set aside.
    pub damaged_frames: u64,
}

impl<D: Disk> Log<D> {
    /// Opens the log in a directory, making both if they are missing.
    pub fn open(disk: D, dir: &Path) -> io::Result<(Log<D>, Recovered)> {
        let mut records = Vec::new();
        let mut take = |body: &[u8]| match serde_json::from_slice::<Vec<Record>>(body) {
            Ok(read) => {
                records.extend(read);
                true
            }
            Err(_) => false,
        };
        let (journal, found) = Journal::open(disk, dir, FORM, &mut take)?;
        let recovered = Recovered { records, torn_bytes: found.torn_bytes, damaged_frames: found.damaged };
        Ok((Log { journal, snapshots: Snapshots::default() }, recovered))
    }

    /// Makes records durable; they are when this returns `Ok`. After an error the log takes nothing until it is
    /// [rewritten](Log::rewrite).
    pub fn append(&mut self, records: &[Record]) -> io::Result<()> {
        self.journal.append(bodies(records), Durability::Now)
    }

    /// Whether a file must or should be replaced by a snapshot.
    pub fn wants_rewrite(&self) -> bool {
        self.journal.wants_rewrite()
    }

    /// Whether records can be appended.
    pub fn is_usable(&self) -> bool {
        self.journal.is_usable()
    }

    /// Replaces the log by a snapshot. Until this returns `Ok` the old one holds.
    pub fn rewrite(&mut self, snapshot: impl IntoIterator<Item: Borrow<Record>>) -> io::Result<()> {
        let outcome = self.journal.rewrite(bodies(snapshot));
        if outcome.is_ok() {
            self.snapshots.written += 1;
            self.snapshots.bytes = self.journal.len_bytes();
        }
        self.count_failure(outcome)
    }

    /// Begins to replace the log by a snapshot that is given in parts: what is appended meanwhile belongs to both. The old
    /// one holds until [`Log::finish_snapshot`]; an error anywhere only ends the attempt.
    pub fn begin_snapshot(&mut self) -> io::Result<()> {
        let outcome = self.journal.begin_successor();
        self.count_failure(outcome)
    }

    /// Gives a part of the snapshot.
    pub fn add_to_snapshot(&mut self, part: &[Record]) -> io::Result<()> {
        let outcome = self.journal.extend_successor(bodies(part));
        self.count_failure(outcome)
    }

    /// The snapshot is whole and replaces the log.
    pub fn finish_snapshot(&mut self) -> io::Result<()> {
        let outcome = self.journal.succeed();
        if outcome.is_ok() {
            self.snapshots.written += 1;
            self.snapshots.bytes = self.journal.len_bytes();
        }
        self.count_failure(outcome)
    }

    fn count_failure(&mut self, outcome: io::Result<()>) -> io::Result<()> {
        self.snapshots.failed += u64::from(outcome.is_err());
        outcome
    }

    /// How often it was replaced.
    pub fn snapshots(&self) -> Snapshots {
        self.snapshots
    }

    /// Size of the file in bytes.
    pub fn len_bytes(&self) -> u64 {
        self.journal.len_bytes()
    }
}

/// Records as JSON arrays of about [`TARGET_BYTES`].
fn bodies(records: impl IntoIterator<Item: Borrow<Record>>) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    let mut rest = records.into_iter().peekable();
    std::iter::from_fn(move || {
        rest.peek()?;
        let mut body = Vec::new();
        while body.len() < TARGET_BYTES
            && let Some(record) = rest.next()
        {
            body.push(if body.is_empty() { b'[' } else { b',' });
            if let Err(error) = serde_json::to_writer(&mut body, record.borrow()) {
                return Some(Err(error.into()));
            }
        }
        body.push(b']');
        Some(Ok(body))
    })
}
