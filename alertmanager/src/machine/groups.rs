//! Groups: which alerts are told together, and when they look for news.

use std::collections::BTreeMap;

use crate::fingerprint::Fingerprint;
use crate::record::{GroupId, Record, Steady};

use super::{Machine, Now, Verdict};

/// A group of alerts.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) route: usize,
    pub(super) members: BTreeMap<Fingerprint, Member>,
    pub(super) first_flush: Steady,
    pub(super) next_flush: Steady,
    /// Time intervals that muted it at its last look.
    pub(super) muted_by: Vec<String>,
}

/// An alert in a group.
#[derive(Clone, Debug, Default)]
pub(super) struct Member {
    /// What the last look said.
    pub(super) verdict: Option<Verdict>,
    /// Whether a look has seen it ended.
    pub(super) end_seen: bool,
}

impl Machine {
    /// Puts an alert into the groups of its routes, making those that are missing.
    pub(super) fn join_groups(&mut self, now: Now, fingerprint: Fingerprint) {
        let Some(stored) = self.alerts.get(&fingerprint) else { return };
        let (labels, starts_at, firing) = (stored.alert.labels.clone(), stored.alert.starts_at, stored.firing);
        let routes = self.tree.matches(&labels);
        let ids: Vec<_> = routes.into_iter().map(|route| (route, self.group_of(route, &labels))).collect();
        for (route, id) in &ids {
            if !self.groups.contains_key(id) {
                let wait = self.tree.get(*route).group_wait_ms;
                let old = starts_at.saturating_add(wait) < now.wall_ms;
                self.open_group(now, *route, id.clone(), if old { 0 } else { wait });
            }
            if let Some(group) = self.groups.get_mut(id) {
                let member = group.members.entry(fingerprint).or_default();
                member.end_seen &= !firing;
            }
            self.recall(id, fingerprint);
        }
        // The groups' own names, so that a hundred thousand alerts of a group share one.
        let own = |(_, id): (usize, GroupId)| self.groups.get_key_value(&id).map_or(id, |(own, _)| own.clone());
        let own = ids.into_iter().map(own).collect();
        if let Some(stored) = self.alerts.get_mut(&fingerprint) {
            stored.groups = own;
        }
    }

    fn open_group(&mut self, now: Now, route: usize, id: GroupId, wait_ms: i64) {
        let first_flush = self.steady(now).saturating_add(wait_ms).max(self.quiet_until);
        self.records.push_back(Record::Group { id: id.clone(), first_flush });
        self.insert_group(route, id, first_flush, first_flush);
    }

    pub(super) fn insert_group(&mut self, route: usize, id: GroupId, first_flush: Steady, next_flush: Steady) {
        self.flushes.insert((next_flush, id.clone()));
        let group = Group { route, members: BTreeMap::new(), first_flush, next_flush, muted_by: Vec::new() };
        self.groups.insert(id, group);
    }

    /// Takes out alerts whose end has been told to everybody who wants to hear it, and groups that are empty then.
    pub(super) fn settle(&mut self, id: &GroupId) {
        let Some(group) = self.groups.get(id) else { return };
        let ended = |fingerprint: &Fingerprint| self.alerts.get(fingerprint).is_none_or(|stored| !stored.firing);
        let lines = self.lines_of(id);
        let done: Vec<Fingerprint> = group
            .members
            .iter()
            .filter(|(fingerprint, member)| member.end_seen && ended(fingerprint))
            .filter(|(fingerprint, _)| lines.iter().all(|line| self.lines[line].is_done_with(**fingerprint)))
            .map(|(fingerprint, _)| *fingerprint)
            .collect();
        let Some(group) = self.groups.get_mut(id) else { return };
        done.iter().for_each(|fingerprint| {
            group.members.remove(fingerprint);
        });
        if group.members.is_empty() {
            self.flushes.remove(&(group.next_flush, id.clone()));
            self.groups.remove(id);
            self.records.push_back(Record::GroupGone(id.clone()));
        }
    }
}
