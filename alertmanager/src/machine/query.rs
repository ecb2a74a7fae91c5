//! Questions about the state: alerts, groups, silences.

use std::collections::BTreeMap;
use std::sync::Arc;

use nightjar_model::Labels;

use crate::alert::{Alert, message_order};
use crate::config::Receiver;
use crate::fingerprint::Fingerprint;
use crate::matcher::{MatchOp, Matcher};
use crate::record::GroupId;
use crate::silence::{Silence, SilenceState, Silences, notice};

use super::groups::{Group, GroupNumber};
use super::signature::Signature;
use super::{Machine, Now, Verdict};

/// What keeps an alert quiet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertStatus {
    /// Ids of silences, sorted.
    pub silenced_by: Vec<String>,
    /// Alerts that inhibit it.
    pub inhibited_by: Vec<Fingerprint>,
    /// Time intervals; known for alerts of a group only.
    pub muted_by: Vec<String>,
}

impl AlertStatus {
    /// `suppressed` or `active`.
    pub fn state(&self) -> &'static str {
        match self.silenced_by.is_empty() && self.inhibited_by.is_empty() && self.muted_by.is_empty() {
            true => "active",
            false => "suppressed",
        }
    }
}

/// An alert and what is to be known about it.
#[derive(Clone, Debug)]
pub struct AlertView {
    /// The alert.
    pub alert: Arc<Alert>,
    /// Its identity.
    pub fingerprint: Fingerprint,
    /// Names of those who are told, in the order of routes, without repetition.
    pub receivers: Vec<String>,
    /// What keeps it quiet.
    pub status: AlertStatus,
}

/// A group and its alerts.
#[derive(Clone, Debug)]
pub struct GroupView {
    /// The grouping labels.
    pub labels: Labels,
    /// Templates of route labels.
    pub route_labels: BTreeMap<String, String>,
    /// Who is told.
    pub receiver: String,
    /// The name of the group, as receivers know it.
    pub group_key: String,
    /// Time intervals that muted it at its last look.
    pub muted_by: Vec<String>,
    /// When it looks for news next, in monotonic milliseconds.
    pub next_flush_ms: i64,
    /// Its alerts in the order of messages.
    pub alerts: Vec<AlertView>,
}

impl Machine {
    /// All alerts that fire, by fingerprint.
    pub fn alerts(&self, now: Now) -> Vec<AlertView> {
        self.firing(&[], |_| true).into_iter().filter_map(|fingerprint| self.alert(now, fingerprint)).collect()
    }

    /// An alert, whether it fires or not.
    pub fn alert(&self, now: Now, fingerprint: Fingerprint) -> Option<AlertView> {
        let alert = self.alerts.get(&fingerprint)?.alert.clone();
        let mut receivers: Vec<String> = Vec::new();
        for route in self.tree.matches(&alert.labels) {
            let receiver = &self.tree.get(route).receiver;
            if !receivers.contains(receiver) {
                receivers.push(receiver.clone());
            }
        }
        let status = self.status(now, &alert.labels);
        Some(AlertView { alert, fingerprint, receivers, status })
    }

    /// What keeps an alert with these labels quiet, time intervals of its routes aside.
    pub fn status(&self, now: Now, labels: &Labels) -> AlertStatus {
        AlertStatus {
            silenced_by: self.silencing(now, labels),
            inhibited_by: self.inhibitor.inhibits(labels).map(|(by, _)| by).unwrap_or_default(),
            muted_by: Vec::new(),
        }
    }

    /// Alerts that fire and that are wanted, by fingerprint. `matchers` are some that hold for all of them: alerts that
    /// cannot have the values these ask for are not looked at.
    pub fn firing(&self, matchers: &[Matcher], wanted: impl Fn(&Alert) -> bool) -> Vec<Fingerprint> {
        let asked = matchers.iter().filter(|matcher| matcher.op == MatchOp::Equal && !matcher.value.is_empty());
        let asked = asked.map(|matcher| Signature::of_pair(&matcher.name, &matcher.value));
        let asked = asked.fold(Signature::default(), Signature::with);
        let may_be = self.alerts.iter().filter(|(_, stored)| stored.firing && stored.signature.may_have(asked));
        let wanted = may_be.filter(|(_, stored)| wanted(&stored.alert));
        let mut firing: Vec<Fingerprint> = wanted.map(|(fingerprint, _)| *fingerprint).collect();
        firing.sort_unstable();
        firing
    }

    /// Groups whose receiver is wanted, by labels, then receiver.
    pub fn group_numbers(&self, wanted: impl Fn(&str) -> bool) -> Vec<GroupNumber> {
        let receiver = |group: &Group| self.tree.get(group.route).receiver.as_str();
        let mut groups: Vec<_> = self.groups.iter().filter(|(_, group)| wanted(receiver(group))).collect();
        groups.sort_by(|(_, a), (_, b)| (&a.id.labels, receiver(a)).cmp(&(&b.id.labels, receiver(b))));
        groups.into_iter().map(|(number, _)| number).collect()
    }

    /// A group with those of its alerts that fire and are wanted; `None` when it has none.
    pub fn group(&self, now: Now, number: GroupNumber, wanted: impl Fn(&Alert) -> bool) -> Option<GroupView> {
        let group = self.groups.get(number)?;
        let route = self.tree.get(group.route);
        let shown = |f: &Fingerprint| self.alerts.get(f).is_some_and(|stored| stored.firing && wanted(&stored.alert));
        let view = |f: Fingerprint| {
            let mut view = self.alert(now, f)?;
            view.status.muted_by.clone_from(&group.muted_by);
            Some(view)
        };
        let mut alerts: Vec<_> = group.members.iter().map(|(alert, _)| alert).filter(shown).filter_map(view).collect();
        alerts.sort_by(|a, b| message_order(&a.alert.labels, &b.alert.labels));
        (!alerts.is_empty()).then(|| GroupView {
            labels: group.id.labels.clone(),
            route_labels: route.labels.clone(),
            receiver: route.receiver.clone(),
            group_key: route.group_key(&group.id.labels),
            muted_by: group.muted_by.clone(),
            next_flush_ms: group.next_flush.saturating_sub(self.offset),
            alerts,
        })
    }

    /// All groups with alerts that fire, by labels, then receiver.
    pub fn groups(&self, now: Now) -> Vec<GroupView> {
        let numbers = self.group_numbers(|_| true);
        numbers.into_iter().filter_map(|number| self.group(now, number, |_| true)).collect()
    }

    /// What the last look of a group said about its alerts.
    pub fn verdicts(&self, fingerprint: Fingerprint) -> Vec<(String, Option<Verdict>)> {
        let verdict = |number: &GroupNumber| {
            let group = self.groups.get(*number)?;
            let member = group.members.get(fingerprint)?;
            Some((self.tree.get(group.route).group_key(&group.id.labels), member.verdict().cloned()))
        };
        self.alerts.get(&fingerprint).map_or(&[][..], |stored| &stored.groups).iter().filter_map(verdict).collect()
    }

    /// Ids of the silences that hold for an alert with these labels, sorted. None keeps the notice of its own end quiet.
    pub(super) fn silencing(&self, now: Now, labels: &Labels) -> Vec<String> {
        let mut ids = self.silences.silencing(labels, now.wall_ms, &self.config.time_intervals);
        if let Some(own) = notice::announced(labels) {
            ids.retain(|id| id != own);
        }
        ids
    }

    /// What a silence is doing now: one that recurs is pending while it pauses.
    pub fn silence_state(&self, now: Now, silence: &Silence) -> SilenceState {
        self.silences.state(silence, now.wall_ms, &self.config.time_intervals)
    }

    /// All silences.
    pub fn silences(&self) -> &Silences {
        &self.silences
    }

    /// All receivers.
    pub fn receivers(&self) -> &[Receiver] {
        &self.config.receivers
    }

    /// How many messages are on their way, and since when the oldest waits, in monotonic milliseconds.
    pub fn outbox(&self) -> (usize, Option<i64>) {
        let pending = || self.lines.values().filter_map(|line| line.pending.as_ref());
        (pending().count(), pending().map(|pending| pending.intent.at.saturating_sub(self.offset)).min())
    }

    /// The labels of an alert that is remembered.
    pub fn labels_of(&self, fingerprint: Fingerprint) -> Option<&Labels> {
        self.alerts.get(&fingerprint).map(|stored| &stored.alert.labels)
    }

    /// The name of a group, as receivers know it; empty when its route is gone.
    pub fn group_key(&self, id: &GroupId) -> String {
        self.tree.by_id(&id.route).map(|(_, route)| route.group_key(&id.labels)).unwrap_or_default()
    }

    /// How many groups there are.
    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// How many alerts are remembered, those that have ended included.
    pub fn alert_count(&self) -> usize {
        self.alerts.len()
    }
}
