//! What another Alertmanager told before this router took its place, so that nothing is told again.

use nightjar_model::TimestampMs;

use crate::fingerprint::{Fingerprint, log_hash};
use crate::record::{Inherited, InheritedKey, Record, Steady, Told};

use super::groups::GroupNumber;
use super::{Machine, Now};

impl Machine {
    /// Takes over an entry of a notification log; its time is given by the wall clock.
    pub fn inherit(&mut self, now: Now, mut entry: Inherited, at: TimestampMs) {
        let age = now.wall_ms.saturating_sub(at).max(0);
        entry.at = self.steady(now).saturating_sub(age);
        self.records.push_back(Record::Inherited(entry.clone()));
        self.inherited.insert(entry.key.clone(), entry);
    }

    /// An alert came into a group: lines that have told it elsewhere know that now.
    pub(super) fn recall(&mut self, number: GroupNumber, fingerprint: Fingerprint) {
        if self.inherited.is_empty() {
            return;
        }
        let Some(labels) = self.alerts.get(&fingerprint).map(|stored| stored.alert.labels.clone()) else { return };
        let Some((id, route)) = self.groups.get(number).map(|group| (group.id.clone(), group.route)) else { return };
        let (hash, group_key) = (log_hash(&labels), self.tree.get(route).group_key(&id.labels));
        let config = self.config.clone();
        for integration in self.integrations(&config, route) {
            let line = self.line_id(&id, route, integration);
            let key = InheritedKey {
                group_key: group_key.clone(),
                receiver: line.receiver.to_string(),
                kind: line.kind.to_string(),
                index: line.index,
            };
            let Some(entry) = self.inherited.get_mut(&key) else { continue };
            let (fired, ended) = (entry.firing.remove(&hash), entry.resolved.remove(&hash));
            if !fired && !ended {
                continue;
            }
            let (at, thread) = (entry.at, entry.thread.clone());
            let told = &mut self.lines.entry(line.clone()).or_default().told;
            let told = told.get_or_insert_with(|| Told { at, thread, count: 1, ..Told::default() });
            if fired {
                told.firing.insert(fingerprint);
                told.open.insert(fingerprint);
            } else {
                told.resolved.insert(fingerprint);
            }
            self.record_told(&line);
        }
    }

    /// Forgets what would be told again anyway.
    pub(super) fn forget_inherited(&mut self, steady: Steady) {
        let retention = self.options.retention_ms;
        let done = |entry: &Inherited| entry.at.saturating_add(retention) < steady || entry.firing.is_empty();
        let gone: Vec<InheritedKey> =
            self.inherited.iter().filter(|(_, entry)| done(entry)).map(|(key, _)| key.clone()).collect();
        for key in gone {
            self.inherited.remove(&key);
            self.records.push_back(Record::InheritedGone(key));
        }
    }
}
