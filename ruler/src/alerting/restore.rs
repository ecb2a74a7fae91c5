//! The life of alerts goes on after a restart: since when they hold stands in `ALERTS_FOR_STATE`.
//!
//! Prometheus takes up only rules with a `for` of at least the grace period. Here every `for` counts: an alert that
//! was firing fires again at once, and one that was pending waits only for what was left.

use std::collections::HashMap;

use nightjar_model::labels::METRIC_NAME;
use nightjar_model::{ClosedRange, Labels, Matcher, TimestampMs, is_stale};
use nightjar_query::{SampleValue, VectorSample};

use super::{ALERT_NAME, ALERT_STATE, ALERTS, ALERTS_FOR_STATE, Alerting, Moment};
use crate::alert::AlertState;
use crate::query::{NewestSample, Query};
use crate::settings::Settings;
use crate::templates::data;

impl Alerting {
    /// Takes up the state from before a restart at `now`, once. An error leaves alerts as they are.
    pub(crate) fn restore(&mut self, now: TimestampMs, query: &dyn Query, settings: &Settings) -> Result<(), String> {
        self.restored = true;
        let keeps = self.spec.keep_firing_for_ms > 0;
        if self.alerts.is_empty() && !keeps {
            return Ok(());
        }
        let range = ClosedRange { start: now.saturating_sub(settings.for_outage_tolerance_ms), end: now };
        let stored = query.newest(&self.matchers(ALERTS_FOR_STATE), range)?;
        let stored: HashMap<Labels, NewestSample> =
            stored.into_iter().map(|s| (s.labels.drop(&[METRIC_NAME]), s)).collect();
        if keeps {
            let mut firing = self.matchers(ALERTS);
            firing.push(Matcher::equal(ALERT_STATE, AlertState::Firing.as_str()));
            let firing = query.newest(&firing, range)?;
            self.keep_firing(firing, &stored, &Moment { ts: now, at: now, limit: 0, query, settings });
        }
        let for_ms = self.spec.for_ms;
        for (labels, alert) in &mut self.alerts {
            let Some(last) = stored.get(labels).filter(|s| !is_stale(s.value)) else { continue };
            let down_at = last.timestamp.div_euclid(1000) * 1000;
            let since = (last.value as i64).saturating_mul(1000);
            if since <= alert.active_at {
                alert.active_at = resumed(since, down_at, now, for_ms, settings.for_grace_period_ms);
            }
        }
        Ok(())
    }

    /// Takes up alerts that fired when the server went down and whose cause is gone: `keep_firing_for` may still hold.
    fn keep_firing(&mut self, firing: Vec<NewestSample>, since: &HashMap<Labels, NewestSample>, moment: &Moment<'_>) {
        let keep_ms = self.spec.keep_firing_for_ms;
        for last in firing.iter().filter(|s| !is_stale(s.value) && moment.ts - s.timestamp < keep_ms) {
            let labels = last.labels.drop(&[METRIC_NAME, ALERT_STATE]);
            if self.alerts.contains_key(&labels) {
                continue;
            }
            let active_at = since.get(&labels).map_or(last.timestamp, |s| (s.value as i64).saturating_mul(1000));
            // What the value was nobody knows any more.
            let value = SampleValue::Float(f64::NAN);
            let sample = VectorSample { labels: labels.clone(), timestamp: moment.ts, value };
            let mut alert = self.alert(&sample, labels.clone(), &data(&sample, moment.settings), moment);
            alert.state = AlertState::Firing;
            alert.active_at = active_at;
            alert.fired_at = Some(active_at.saturating_add(self.spec.for_ms));
            alert.keep_firing_since = Some(last.timestamp);
            self.alerts.insert(labels, alert);
        }
    }

    /// What the series of this rule's alerts have in common.
    fn matchers(&self, metric: &str) -> Vec<Matcher> {
        let fixed = self.written.iter().filter(|(name, text)| !text.contains("{{") && *name != ALERT_NAME);
        let fixed = fixed.map(|(name, text)| Matcher::equal(name, text));
        [Matcher::equal(METRIC_NAME, metric), Matcher::equal(ALERT_NAME, &*self.name)]
            .into_iter()
            .chain(fixed)
            .collect()
    }
}

/// Since when an alert counts as active that held from `since` on and was last seen at `down_at`.
pub(crate) fn resumed(
    since: TimestampMs,
    down_at: TimestampMs,
    now: TimestampMs,
    for_ms: i64,
    grace_ms: i64,
) -> TimestampMs {
    let remaining = for_ms - (down_at - since);
    if remaining <= 0 {
        since
    } else if for_ms >= grace_ms && remaining < grace_ms {
        // It was about to fire. People get a moment, since the cause may have ended while nobody looked.
        now + grace_ms - for_ms
    } else {
        since + (now - down_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_for() {
        let minutes = |table: [i64; 5]| {
            let [since, down_at, now, for_, grace] = table.map(|m| m * 60_000);
            resumed(since, down_at, now, for_, grace) / 60_000
        };
        // Was firing: stays as it was.
        assert_eq!(minutes([0, 30, 40, 20, 10]), 0);
        // 25 of 30 minutes done: fires 10 minutes from now on.
        assert_eq!(minutes([0, 25, 40, 30, 10]), 20);
        // 5 of 30 done: the outage of 15 does not count.
        assert_eq!(minutes([0, 5, 20, 30, 10]), 15);
        // A short `for` has no grace.
        assert_eq!(minutes([0, 3, 10, 5, 10]), 7);
        assert_eq!(minutes([0, 6, 10, 5, 10]), 0);
    }
}
