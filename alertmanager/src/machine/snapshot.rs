//! The state as records, in parts, so that nobody waits for all of it.
//!
//! A part says what is when it is taken. What happens between two parts is recorded as always; a record about something
//! whose part has not come yet is overtaken by that part, one about something whose part has come overtakes it. So
//! parts and records in the order in which they were made are a log of the state.

use std::ops::Bound;
use std::vec::IntoIter;

use crate::fingerprint::Fingerprint;
use crate::record::{LineId, Record};

use super::groups::GroupNumber;
use super::{Machine, Now};

/// How far a snapshot has come.
#[derive(Debug)]
pub struct Walk {
    begun: bool,
    silences: IntoIter<String>,
    alerts: IntoIter<Fingerprint>,
    groups: IntoIter<GroupNumber>,
    /// The line after which to go on.
    line: Option<LineId>,
    whole: bool,
}

impl Machine {
    /// Begins a snapshot.
    pub fn begin_snapshot(&self) -> Walk {
        let mut alerts: Vec<Fingerprint> = self.alerts.keys().copied().collect();
        alerts.sort_unstable();
        Walk {
            begun: false,
            silences: self.silences.iter().map(|silence| silence.id.clone()).collect::<Vec<_>>().into_iter(),
            alerts: alerts.into_iter(),
            groups: self.groups.iter().map(|(number, _)| number).collect::<Vec<_>>().into_iter(),
            line: None,
            whole: false,
        }
    }

    /// The next part: about `most` records, fewer than that in the end; `None` when the snapshot is whole.
    pub fn next_part(&self, walk: &mut Walk, most: usize, now: Now) -> Option<Vec<Record>> {
        if walk.whole {
            return None;
        }
        let mut part = Vec::with_capacity(most);
        if !std::mem::replace(&mut walk.begun, true) {
            part.push(self.clock(now));
            part.extend(self.inherited.values().cloned().map(Record::Inherited));
        }
        let silence = |id: String| self.silences.get(&id).cloned().map(Record::Silence);
        fill(&mut part, most, walk.silences.by_ref().filter_map(silence));
        fill(&mut part, most, walk.alerts.by_ref().filter_map(|alert| self.alert_record(alert, now)));
        fill(&mut part, most, walk.groups.by_ref().filter_map(|number| self.group_record(number)));
        let asked = most.saturating_sub(part.len());
        if asked > 0 {
            let mut seen = 0;
            let after = walk.line.take().map_or(Bound::Unbounded, Bound::Excluded);
            for (id, line) in self.lines.range((after, Bound::Unbounded)).take(asked) {
                seen += 1;
                let next_seq = line.next_seq.saturating_sub(u64::from(line.pending.is_some()));
                part.extend(line.told.clone().map(|told| Record::Told { line: id.clone(), told, next_seq }));
                part.extend(line.pending.as_ref().map(|pending| Record::Intent(pending.intent.clone())));
                walk.line = Some(id.clone());
            }
            walk.whole = seen < asked;
        }
        Some(part)
    }

    /// All parts: what a log starts with.
    pub fn snapshot(&self, now: Now) -> impl Iterator<Item = Record> {
        let mut walk = self.begin_snapshot();
        std::iter::from_fn(move || self.next_part(&mut walk, 1_000, now)).flatten()
    }

    fn alert_record(&self, fingerprint: Fingerprint, now: Now) -> Option<Record> {
        let stored = self.alerts.get(&fingerprint)?;
        let at = self.latest.max(now.monotonic_ms.saturating_add(self.offset));
        let at = if stored.firing { at } else { stored.ends.min(at) };
        Some(Record::Alert { alert: stored.alert.clone(), firing: stored.firing, at })
    }

    fn group_record(&self, number: GroupNumber) -> Option<Record> {
        let group = self.groups.get(number)?;
        Some(Record::Group { id: group.id.clone(), first_flush: group.first_flush })
    }
}

fn fill(part: &mut Vec<Record>, most: usize, records: impl Iterator<Item = Record>) {
    part.extend(records.take(most.saturating_sub(part.len())));
}
