//! The alerts themselves: taking them in, seeing them end.

use std::sync::Arc;

use crate::alert::Alert;
use crate::fingerprint::Fingerprint;
use crate::record::{Record, Steady};

use super::groups::GroupNumber;
use super::signature::Signature;
use super::{Decision, Machine, Now};

/// How long an alert that has ended is remembered, for merging with late news of it.
const REMEMBERED_MS: i64 = 1_800_000;

/// An alert and where it is.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) alert: Arc<Alert>,
    pub(super) firing: bool,
    /// When it ends or has ended. Counted from when it was heard of, so that a step of the wall clock ends nothing.
    pub(super) ends: Steady,
    /// Of its labels.
    pub(super) signature: Signature,
    pub(super) groups: Box<[GroupNumber]>,
    /// How many messages on their way mention it.
    pub(super) mentions: u32,
}

impl Machine {
    /// Takes an alert in.
    pub(super) fn take(&mut self, now: Now, posted: Alert) {
        let steady = self.steady(now);
        let fingerprint = Fingerprint::of(&posted.labels);
        let old = self.alerts.get(&fingerprint);
        let alert = match old {
            Some(old) => old.alert.heard_again(posted, now.wall_ms),
            None => posted,
        };
        let ends = steady.saturating_add(alert.ends_at.saturating_sub(now.wall_ms));
        let firing = ends > steady;
        let turned = old.is_none_or(|old| old.firing != firing);
        let changed = turned || old.is_some_and(|old| is_news(&old.alert, &alert, firing));
        let alert = Arc::new(alert);
        if changed {
            self.records.push_back(Record::Alert { alert: alert.clone(), firing, at: steady });
        }
        self.store(fingerprint, alert.clone(), firing, ends);
        if turned {
            self.decide(Decision::Changed { alert: alert.clone(), firing });
        }
        self.join_groups(now, fingerprint);
        if turned && firing {
            self.announce_ends_for(now, &alert.labels);
        }
    }

    /// Puts an alert in its place.
    pub(super) fn store(&mut self, fingerprint: Fingerprint, alert: Arc<Alert>, firing: bool, ends: Steady) {
        let labels = alert.labels.clone();
        match self.alerts.get_mut(&fingerprint) {
            Some(stored) => {
                self.ends.remove(&(stored.ends, fingerprint));
                (stored.alert, stored.firing, stored.ends) = (alert, firing, ends);
            }
            None => {
                let (signature, groups) = (Signature::of(&labels), Box::default());
                let stored = Stored { alert, firing, ends, signature, groups, mentions: 0 };
                self.alerts.insert(fingerprint, stored);
            }
        }
        if firing {
            self.ends.insert((ends, fingerprint));
            self.inhibitor.fires(fingerprint, &labels);
        } else {
            self.inhibitor.ends(fingerprint, &labels);
        }
    }

    /// An alert has ended because nobody said otherwise.
    pub(super) fn expire(&mut self, now: Now, fingerprint: Fingerprint) {
        let steady = self.steady(now);
        let Some(stored) = self.alerts.get_mut(&fingerprint) else { return };
        stored.firing = false;
        let alert = stored.alert.clone();
        self.decide(Decision::Changed { alert: alert.clone(), firing: false });
        self.inhibitor.ends(fingerprint, &alert.labels);
        self.records.push_back(Record::Alert { alert, firing: false, at: steady });
    }

    /// Forgets alerts that ended long ago and that no group and no message needs.
    pub(super) fn forget_alerts(&mut self, steady: Steady) {
        let (lines, groups) = (&self.lines, &self.groups);
        self.alerts.retain(|fingerprint, stored| {
            let in_use = |number: &GroupNumber| groups.get(*number).is_some_and(|g| g.members.contains(*fingerprint));
            stored.firing
                || stored.mentions > 0
                || stored.ends + REMEMBERED_MS > steady
                || stored.groups.iter().any(in_use)
        });
        debug_assert!(lines.values().filter_map(|line| line.pending.as_ref()).all(|pending| {
            pending.intent.alerts.iter().all(|mention| self.alerts.contains_key(&mention.fingerprint))
        }));
    }
}

/// Whether more than the end of a firing alert differs.
fn is_news(old: &Alert, new: &Alert, firing: bool) -> bool {
    old.starts_at != new.starts_at
        || old.annotations != new.annotations
        || old.generator_url != new.generator_url
        || old.timeout != new.timeout
        || (!firing && old.ends_at != new.ends_at)
}
