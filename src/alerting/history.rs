//! What happened, for people who ask later: alerts that began and ended, what kept them quiet, what was told.
//!
//! Lines of JSON in files of a bounded number; see `docs/format/alert-history.md`. History is told after the fact: it is
//! synced once in a while, and a failure to write it delays nobody.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use nightjar_alertmanager::fingerprint::Fingerprint;
use nightjar_alertmanager::machine::{Decision, Machine, Verdict};
use nightjar_alertmanager::record::{Ending, Intent, pairs};
use nightjar_model::{Labels, TimestampMs};
use nightjar_platform::{Disk, DiskFile, OpenMode, RealDisk};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// A file that is longer is followed by another.
const FILE_BYTES: u64 = 8 << 20;

/// Most files; the oldest goes when there is another.
const FILES: usize = 8;

/// How often what was written is made durable.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// Something that happened. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Entry {
    /// An alert began or ended.
    Alert {
        /// When it was heard of.
        at: TimestampMs,
        /// Its identity.
        fingerprint: String,
        /// Its labels.
        #[serde(with = "pairs")]
        labels: Labels,
        /// `firing` or `resolved`.
        state: String,
        /// Since when.
        starts_at: TimestampMs,
    },
    /// A look of a group said something else about an alert than before.
    Verdict {
        /// When.
        at: TimestampMs,
        /// Which alert.
        fingerprint: String,
        /// Its labels.
        #[serde(with = "pairs")]
        labels: Labels,
        /// The name of the group.
        group_key: String,
        /// `passed`, `silenced`, `inhibited`, `muted` or `inactive`.
        verdict: String,
        /// By what: silences, an alert, time intervals.
        by: Vec<String>,
    },
    /// A message was told, or is told no more.
    Notification {
        /// When it ended.
        at: TimestampMs,
        /// When it was decided.
        decided_at: TimestampMs,
        /// Who was told.
        receiver: String,
        /// Kind and position.
        integration: String,
        /// The name of the group.
        group_key: String,
        /// Labels of the group.
        #[serde(with = "pairs")]
        labels: Labels,
        /// Why.
        reason: String,
        /// `sent`, `superseded` or `failed`.
        status: String,
        /// What went wrong; empty unless it failed.
        error: String,
        /// How often it was tried.
        attempts: u32,
        /// Fingerprints of alerts it said fire.
        firing: Vec<String>,
        /// The same of those it said have ended.
        resolved: Vec<String>,
    },
}

impl Entry {
    /// When.
    pub fn at(&self) -> TimestampMs {
        match self {
            Entry::Alert { at, .. } | Entry::Verdict { at, .. } | Entry::Notification { at, .. } => *at,
        }
    }

    /// Labels of the alert or the group.
    pub fn labels(&self) -> &Labels {
        match self {
            Entry::Alert { labels, .. } | Entry::Verdict { labels, .. } | Entry::Notification { labels, .. } => labels,
        }
    }

    /// What a decision leaves behind, if anything.
    pub(super) fn of(decision: &Decision, machine: &Machine, at: TimestampMs) -> Option<Entry> {
        match decision {
            Decision::Flushed { .. } => None,
            Decision::Changed { alert, firing } => Some(Entry::Alert {
                at,
                fingerprint: Fingerprint::of(&alert.labels).to_string(),
                labels: alert.labels.clone(),
                state: if *firing { "firing" } else { "resolved" }.to_owned(),
                starts_at: alert.starts_at,
            }),
            Decision::Judged { group, fingerprint, verdict } => {
                let (word, by) = spell(verdict);
                let labels = machine.labels_of(*fingerprint);
                Some(Entry::Verdict {
                    at,
                    fingerprint: fingerprint.to_string(),
                    labels: labels.cloned().unwrap_or_default(),
                    group_key: machine.group_key(group),
                    verdict: word.to_owned(),
                    by,
                })
            }
            Decision::Ended { intent, attempts, ending } => Some(notification(intent, *attempts, ending, machine, at)),
        }
    }
}

fn notification(intent: &Intent, attempts: u32, ending: &Ending, machine: &Machine, at: TimestampMs) -> Entry {
    let set = |resolved| {
        let mentions = intent.alerts.iter().filter(move |mention| mention.resolved == resolved);
        mentions.map(|mention| mention.fingerprint.to_string()).collect()
    };
    let (status, error) = match ending {
        Ending::Delivered(_) => ("sent", ""),
        Ending::Superseded => ("superseded", ""),
        Ending::GaveUp(why) => ("failed", why.as_str()),
    };
    Entry::Notification {
        at,
        decided_at: intent.wall,
        receiver: intent.line.receiver.to_string(),
        integration: format!("{}[{}]", intent.line.kind, intent.line.index),
        group_key: machine.group_key(&intent.line.group),
        labels: intent.line.group.labels.clone(),
        reason: intent.reason.as_str().to_owned(),
        status: status.to_owned(),
        error: error.to_owned(),
        attempts,
        firing: set(false),
        resolved: set(true),
    }
}

/// The word for a verdict, and its causes.
pub fn spell(verdict: &Verdict) -> (&'static str, Vec<String>) {
    match verdict {
        Verdict::Passed => ("passed", Vec::new()),
        Verdict::Inhibited { by, rule } => {
            let rule = Some(rule.clone()).filter(|rule| !rule.is_empty());
            ("inhibited", by.iter().map(ToString::to_string).chain(rule).collect())
        }
        Verdict::Inactive(names) => ("inactive", names.clone()),
        Verdict::Muted(names) => ("muted", names.clone()),
        Verdict::Silenced(ids) => ("silenced", ids.clone()),
    }
}

/// The files.
pub struct History {
    disk: RealDisk,
    directory: PathBuf,
    state: Mutex<State>,
}

struct State {
    files: VecDeque<u64>,
    file: Option<<RealDisk as Disk>::File>,
    len: u64,
    dirty_since: Option<Duration>,
    failed: bool,
}

impl History {
    /// Goes on behind the files of a directory.
    pub(super) fn open(disk: RealDisk, directory: PathBuf) -> io::Result<History> {
        disk.create_dir(&directory)?;
        let names = disk.list(&directory)?;
        let number = |name: &str| name.strip_suffix(".jsonl")?.parse::<u64>().ok();
        let mut files: Vec<u64> = names.iter().filter_map(|entry| number(&entry.name)).collect();
        files.sort_unstable();
        let state = State { files: files.into(), file: None, len: 0, dirty_since: None, failed: false };
        Ok(History { disk, directory, state: Mutex::new(state) })
    }

    fn path(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{number:08}.jsonl"))
    }

    /// Remembers what happened.
    pub(super) fn remember(&self, entries: &[Entry], now: Duration) {
        let mut state = self.state.lock();
        let outcome = self.write(&mut state, entries, now);
        if let Err(error) = &outcome
            && !state.failed
        {
            tracing::warn!(%error, "the history of alerts cannot be written");
        }
        if outcome.is_err() {
            state.file = None;
        }
        state.failed = outcome.is_err();
    }

    fn write(&self, state: &mut State, entries: &[Entry], now: Duration) -> io::Result<()> {
        if !entries.is_empty() {
            if state.len >= FILE_BYTES || state.file.is_none() {
                self.begin(state)?;
            }
            let mut bytes = Vec::with_capacity(entries.len() * 256);
            for entry in entries {
                serde_json::to_writer(&mut bytes, entry)?;
                bytes.push(b'\n');
            }
            if let Some(file) = &state.file {
                file.write_all_at(&bytes, state.len)?;
                state.len += bytes.len() as u64;
                state.dirty_since.get_or_insert(now);
            }
        }
        let due = state.dirty_since.is_some_and(|since| now.saturating_sub(since) >= SYNC_INTERVAL);
        if let Some(file) = state.file.as_ref().filter(|_| due) {
            state.dirty_since = None;
            file.sync_data()?;
        }
        Ok(())
    }

    fn begin(&self, state: &mut State) -> io::Result<()> {
        match state.file.take() {
            Some(file) => file.sync_data()?,
            None if self.go_on(state)? => return Ok(()),
            None => {}
        }
        let number = state.files.back().map_or(1, |last| last + 1);
        state.file = Some(self.disk.open(&self.path(number), OpenMode::CreateNew)?);
        self.disk.sync_dir(&self.directory)?;
        state.files.push_back(number);
        state.len = 0;
        while state.files.len() > FILES {
            if let Some(oldest) = state.files.pop_front() {
                self.disk.remove_file(&self.path(oldest))?;
            }
        }
        Ok(())
    }

    /// Goes on in the newest file, if it has room; behind what a crash tore, if it did.
    fn go_on(&self, state: &mut State) -> io::Result<bool> {
        let Some(newest) = state.files.back() else { return Ok(false) };
        let file = self.disk.open(&self.path(*newest), OpenMode::ReadWrite)?;
        state.len = file.len()?;
        if state.len >= FILE_BYTES {
            return Ok(false);
        }
        file.write_all_at(b"\n", state.len)?;
        state.len += 1;
        state.file = Some(file);
        Ok(true)
    }

    /// What happened between two times, both included, and is wanted: the newest first, at most `limit`. Whether there
    /// is more.
    pub fn search(
        &self,
        range: (TimestampMs, TimestampMs),
        limit: usize,
        wanted: impl Fn(&Entry) -> bool,
    ) -> io::Result<(Vec<Entry>, bool)> {
        let files: Vec<u64> = self.state.lock().files.iter().copied().rev().collect();
        let mut found = Vec::new();
        for number in files {
            let bytes = match self.read(number) {
                Ok(bytes) => bytes,
                // It was the oldest and has gone meanwhile.
                Err(e) if e.kind() == io::ErrorKind::NotFound => break,
                Err(e) => return Err(e),
            };
            // A line that a crash tore is no JSON.
            let lines = bytes.split(|byte| *byte == b'\n').rev();
            let entries = lines.filter_map(|line| serde_json::from_slice::<Entry>(line).ok());
            for entry in entries.filter(|e| (range.0..=range.1).contains(&e.at()) && wanted(e)) {
                if found.len() == limit {
                    return Ok((found, true));
                }
                found.push(entry);
            }
        }
        Ok((found, false))
    }

    fn read(&self, number: u64) -> io::Result<Vec<u8>> {
        let file = self.disk.open(&self.path(number), OpenMode::Read)?;
        let mut bytes = vec![0; file.len()?.min(FILE_BYTES * 2) as usize];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: i64, name: &str) -> Entry {
        let labels = Labels::from_pairs([("alertname", name)]);
        Entry::Alert { at, fingerprint: "f".to_owned(), labels, state: "firing".to_owned(), starts_at: at }
    }

    #[test]
    fn what_happened_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let disk = RealDisk::new(dir.path()).unwrap();
        let open = || History::open(disk.clone(), PathBuf::from("history")).unwrap();
        let history = open();
        history.remember(&[entry(1, "a"), entry(2, "b")], Duration::ZERO);
        let history = open();
        history.remember(&[entry(3, "a")], Duration::ZERO);
        let at = |range, limit, name: &str| {
            let (found, more) = history.search(range, limit, |e| e.labels().value("alertname") == name).unwrap();
            (found.iter().map(Entry::at).collect::<Vec<_>>(), more)
        };
        assert_eq!(at((0, 9), 9, "a"), (vec![3, 1], false));
        assert_eq!(at((0, 9), 1, "a"), (vec![3], true));
        assert_eq!(at((2, 2), 9, "b"), (vec![2], false));
    }

    #[test]
    fn files_of_this_version_stay_readable() {
        let text = include_str!("../../testdata/alertmanager/history-v1.jsonl");
        for line in text.lines() {
            let entry: Entry = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_string(&entry).unwrap(), line);
        }
        assert_eq!(text.lines().count(), 3);
    }
}
