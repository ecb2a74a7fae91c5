//! How a group goes on after a restart.

use std::collections::HashMap;

use nightjar_model::TimestampMs;

use super::Group;
use crate::alert::{Alert, AlertState};
use crate::alerting::resumed;
use crate::rule::Rule;
use crate::settings::Settings;
use crate::state::{RuleChange, RuleId, SavedGroup, StateChange};

/// A group without alerts says this often that it is there.
const SIGN_OF_LIFE_MS: i64 = 3_600_000;

impl Group {
    /// Goes on as the group of this key stopped, if that is not too long ago; then nothing is left to be looked for in
    /// series.
    pub(crate) fn resume(&mut self, mut saved: SavedGroup, settings: &Settings) {
        // Evaluations that did not take place: alerts did not grow older in that time.
        let until = self.schedule.next() - self.interval_ms;
        if until.saturating_sub(saved.at) > settings.for_outage_tolerance_ms {
            return;
        }
        let at = self.query_offset_ms.unwrap_or(settings.query_offset_ms);
        for (id, alerting) in ids(&self.rules).into_iter().zip(&mut self.rules) {
            let Some(alerting) = alerting.alerting.as_mut() else { continue };
            alerting.restored = true;
            let Some(mut alerts) = saved.rules.remove(&id) else { continue };
            if until > saved.at {
                let for_ms = alerting.spec.for_ms;
                alerts.values_mut().for_each(|alert| outlast(alert, saved.at, until, for_ms, settings));
            }
            alerting.saved = alerts.clone();
            alerting.alerts = alerts;
        }
        for rule in &mut self.rules {
            let samples = rule.alerting.as_ref().map(|alerting| alerting.samples(saved.at - at));
            rule.series = samples.into_iter().flatten().map(|sample| sample.labels).collect();
        }
        self.restore_in = None;
    }

    /// What the evaluation at `ts` changed, if that has to be written.
    pub(super) fn change(&self, ts: TimestampMs, settings: &Settings) -> Option<StateChange> {
        let mut change = StateChange {
            file: self.file.to_string(),
            group: self.name.to_string(),
            at: ts,
            resend_delay_ms: settings.resend_delay_ms,
            failed: Vec::new(),
            rules: Vec::new(),
            transition: false,
        };
        let mut alerts = 0;
        for (id, rule) in ids(&self.rules).iter().zip(&self.rules) {
            let Some(alerting) = &rule.alerting else { continue };
            if rule.unsent {
                change.failed.push(id.clone());
            }
            alerts += alerting.alerts.len();
            // How long an alert is pending must not depend on when the disk was synced last.
            change.transition |= alerting.state() == AlertState::Pending;
            if let Some((rule, transition)) = RuleChange::between(id, &alerting.saved, &alerting.alerts) {
                change.rules.push(rule);
                change.transition |= transition;
            }
        }
        let silent = self.saved_at.is_some_and(|at| ts - at < SIGN_OF_LIFE_MS);
        (alerts > 0 || !change.rules.is_empty() || !silent).then_some(change)
    }

    /// The change of the evaluation at `ts` was written.
    pub(super) fn saved(&mut self, ts: TimestampMs) {
        self.saved_at = Some(ts);
        for alerting in self.rules.iter_mut().filter_map(|rule| rule.alerting.as_mut()) {
            alerting.remember();
        }
    }
}

/// What names each rule within its group.
fn ids(rules: &[Rule]) -> Vec<RuleId> {
    let mut seen: HashMap<String, u32> = HashMap::new();
    let id = |rule: &Rule| {
        let identity = rule.identity();
        let nth = seen.entry(identity.clone()).or_default();
        *nth += 1;
        (identity, *nth - 1)
    };
    rules.iter().map(id).collect()
}

/// Nobody evaluated between `from` and `until`.
fn outlast(alert: &mut Alert, from: TimestampMs, until: TimestampMs, for_ms: i64, settings: &Settings) {
    if alert.state == AlertState::Pending {
        alert.active_at = resumed(alert.active_at, from, until, for_ms, settings.for_grace_period_ms);
    }
}
