//! What a restart must not lose: the alerts of each group as its last evaluation left them.
//!
//! Each evaluation that changes something is one [`StateChange`]; the state is the fold over them. When alerts were
//! sent is not written: it follows from the times of the evaluations. Format: `docs/format/rule-state.md`.

mod record;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use nightjar_model::{Labels, TimestampMs};
use serde::{Deserialize, Serialize};

use crate::alert::Alert;
use crate::key::GroupKey;
use record::AlertRecord;
pub(crate) use record::decode;

/// Which rule of a group: its name with labels, and how many before it have the same.
pub(crate) type RuleId = (String, u32);

/// What one evaluation changed in the alerts of a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateChange {
    pub(crate) file: String,
    pub(crate) group: String,
    /// Time of the evaluation.
    pub(crate) at: TimestampMs,
    /// In force at that time.
    pub(crate) resend_delay_ms: i64,
    /// Rules that failed: nothing of them was sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) failed: Vec<RuleId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rules: Vec<RuleChange>,
    /// Whether an alert came, went, changed its state or is pending, rather than only its value or texts are new.
    #[serde(skip)]
    pub(crate) transition: bool,
}

/// What changed in the alerts of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RuleChange {
    pub(crate) rule: RuleId,
    /// Alerts that are new or different.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) set: Vec<AlertRecord>,
    /// Alerts that are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "record::label_sets")]
    pub(crate) gone: Vec<Labels>,
}

impl RuleChange {
    /// Everything, as if nothing had been before.
    fn all(rule: &RuleId, alerts: &BTreeMap<Labels, Alert>) -> RuleChange {
        RuleChange { rule: rule.clone(), set: alerts.values().map(AlertRecord::of).collect(), gone: Vec::new() }
    }

    /// From the alerts as they were written last to those of now. Answers also whether it is a transition.
    pub(crate) fn between(
        rule: &RuleId,
        before: &BTreeMap<Labels, Alert>,
        now: &BTreeMap<Labels, Alert>,
    ) -> Option<(RuleChange, bool)> {
        let mut transition = false;
        let mut set = Vec::new();
        for (labels, alert) in now {
            let known = before.get(labels);
            if known.is_some_and(|known| known.says_the_same(alert)) {
                continue;
            }
            transition |= known.is_none_or(|known| !known.is_where(alert));
            set.push(AlertRecord::of(alert));
        }
        let gone: Vec<Labels> = before.keys().filter(|labels| !now.contains_key(*labels)).cloned().collect();
        transition |= !gone.is_empty();
        let change = RuleChange { rule: rule.clone(), set, gone };
        (!change.set.is_empty() || !change.gone.is_empty()).then_some((change, transition))
    }
}

impl StateChange {
    /// Whether an alert came, went, changed its state or is pending: that must be on stable storage.
    pub fn is_transition(&self) -> bool {
        self.transition
    }

    /// As bytes, for a journal.
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        serde_json::to_vec(self).map_err(|e| e.to_string())
    }
}

/// The alerts of a group as its last evaluation left them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SavedGroup {
    pub(crate) at: TimestampMs,
    resend_delay_ms: i64,
    pub(crate) rules: BTreeMap<RuleId, BTreeMap<Labels, Alert>>,
}

/// The alerts of all groups as their last evaluations left them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SavedState {
    groups: HashMap<GroupKey, SavedGroup>,
}

impl SavedState {
    /// Goes on by one change.
    pub fn apply(&mut self, change: StateChange) {
        let key = GroupKey { file: change.file.into(), name: change.group.into() };
        let group = self.groups.entry(key).or_default();
        (group.at, group.resend_delay_ms) = (change.at, change.resend_delay_ms);
        for RuleChange { rule, set, gone } in change.rules {
            let alerts = group.rules.entry(rule).or_default();
            for labels in gone {
                alerts.remove(&labels);
            }
            alerts.extend(set.into_iter().map(|record| record.alert()).map(|alert| (alert.labels.clone(), alert)));
        }
        group.rules.retain(|_, alerts| !alerts.is_empty());
        let failed: BTreeSet<RuleId> = change.failed.into_iter().collect();
        for (_, alerts) in group.rules.iter_mut().filter(|(rule, _)| !failed.contains(*rule)) {
            for alert in alerts.values_mut().filter(|alert| alert.needs_sending(change.at, change.resend_delay_ms)) {
                alert.last_sent_at = Some(change.at);
            }
        }
    }

    /// The state of a group.
    pub(crate) fn take(&mut self, key: &GroupKey) -> Option<SavedGroup> {
        self.groups.remove(key)
    }

    /// The fewest changes that lead here, without groups that were last evaluated before `oldest`.
    pub fn changes(&self, oldest: TimestampMs) -> Vec<StateChange> {
        let mut groups: Vec<_> = self.groups.iter().filter(|(_, group)| group.at >= oldest).collect();
        groups.sort_by_key(|(key, _)| *key);
        let changes = groups.into_iter().map(|(key, group)| StateChange {
            file: key.file.to_string(),
            group: key.name.to_string(),
            at: group.at,
            resend_delay_ms: group.resend_delay_ms,
            // Sending stands in the records.
            failed: group.rules.keys().cloned().collect(),
            rules: group.rules.iter().map(|(rule, alerts)| RuleChange::all(rule, alerts)).collect(),
            transition: true,
        });
        changes.collect()
    }

    /// When a group was last evaluated; `None` without groups.
    pub fn newest(&self) -> Option<TimestampMs> {
        self.groups.values().map(|group| group.at).max()
    }
}
