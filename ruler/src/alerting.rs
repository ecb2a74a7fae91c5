//! Alerting rules: results of an expression become alerts with a life.

mod restore;

pub(crate) use restore::resumed;

use std::collections::BTreeMap;
use std::sync::Arc;

use nightjar_model::labels::METRIC_NAME;
use nightjar_model::{Labels, TimestampMs};
use nightjar_platform::net::percent::query_escape;
use nightjar_query::{SampleValue, VectorSample};
use nightjar_template::Value;

use crate::alert::{Alert, AlertState};
use crate::file::AlertingSpec;
use crate::query::{Expression, Query};
use crate::settings::Settings;
use crate::sink::{AlertBatch, RuleSample, SentAlert};
use crate::templates::{Template, World, data};
use crate::texts::Texts;

/// The metric of active alerts.
pub(crate) const ALERTS: &str = "ALERTS";

/// The metric that remembers since when alerts hold.
pub(crate) const ALERTS_FOR_STATE: &str = "ALERTS_FOR_STATE";

const ALERT_NAME: &str = "alertname";
const ALERT_STATE: &str = "alertstate";

/// An alerting rule and its alerts.
#[derive(Clone)]
pub(crate) struct Alerting {
    pub(crate) name: Arc<str>,
    pub(crate) spec: AlertingSpec,
    labels: Vec<(Box<str>, Template)>,
    annotations: Vec<(Box<str>, Template)>,
    /// Labels as written, for the series of alerts.
    written: Texts,
    generator_path: Arc<str>,
    pub(crate) alerts: BTreeMap<Labels, Alert>,
    /// The alerts as they were last written to disk.
    pub(crate) saved: BTreeMap<Labels, Alert>,
    /// Whether the state from before a restart was taken up; only then is state written again.
    pub(crate) restored: bool,
}

/// An evaluation's circumstances.
pub(crate) struct Moment<'a> {
    /// Evaluation time.
    pub(crate) ts: TimestampMs,
    /// Time of the query and of what is written: `ts` without the query offset.
    pub(crate) at: TimestampMs,
    pub(crate) limit: i64,
    pub(crate) query: &'a dyn Query,
    pub(crate) settings: &'a Settings,
}

impl<'a> Moment<'a> {
    /// What templates may ask.
    fn world(&self) -> World<'a> {
        World { query: self.query, settings: self.settings, at: self.ts }
    }
}

impl Alerting {
    pub(crate) fn new(name: &str, spec: &AlertingSpec, labels: &Texts, expr: &Expression) -> Alerting {
        let templates = |texts: &Texts| {
            let template = |(label, text): (&str, &str)| (Box::from(label), Template::new(name, text));
            texts.iter().map(template).collect::<Vec<_>>()
        };
        let path = format!("/graph?g0.expr={}&g0.tab=1", query_escape(&expr.printed));
        Alerting {
            name: name.into(),
            labels: templates(labels),
            annotations: templates(&spec.annotations),
            spec: spec.clone(),
            written: labels.clone(),
            generator_path: path.into(),
            alerts: BTreeMap::new(),
            saved: BTreeMap::new(),
            restored: false,
        }
    }

    /// Whether rendering may read series.
    pub(crate) fn templates_query(&self) -> bool {
        self.labels.iter().chain(&self.annotations).any(|(_, template)| template.queries())
    }

    /// The worst state of its alerts.
    pub(crate) fn state(&self) -> AlertState {
        self.alerts.values().map(|alert| alert.state).max().unwrap_or(AlertState::Inactive)
    }

    /// One evaluation: `results` is what the expression gave. Answers the samples to write.
    pub(crate) fn evaluate(
        &mut self,
        results: Vec<VectorSample>,
        moment: &Moment<'_>,
    ) -> Result<Vec<RuleSample>, String> {
        let found = self.found(results, moment)?;
        for (labels, alert) in &found {
            match self.alerts.get_mut(labels).filter(|known| known.state != AlertState::Inactive) {
                Some(known) => {
                    known.value = alert.value;
                    known.annotations = alert.annotations.clone();
                    known.keep_firing_since = None;
                }
                None => {
                    self.alerts.insert(labels.clone(), alert.clone());
                }
            }
        }
        let (ts, spec) = (moment.ts, &self.spec);
        self.alerts.retain(|labels, alert| found.contains_key(labels) || alert.absent(ts, spec.keep_firing_for_ms));
        let mut active: i64 = 0;
        for alert in self.alerts.values_mut().filter(|alert| alert.state != AlertState::Inactive) {
            alert.advance(ts, spec.for_ms);
            active += 1;
        }
        if moment.limit > 0 && active > moment.limit {
            self.alerts.clear();
            return Err(format!("exceeded limit of {} with {active} alerts", moment.limit));
        }
        Ok(if self.restored { self.samples(moment.at) } else { Vec::new() })
    }

    /// The alerts of a result, pending.
    fn found(&self, results: Vec<VectorSample>, moment: &Moment<'_>) -> Result<BTreeMap<Labels, Alert>, String> {
        let mut found = BTreeMap::new();
        for sample in results {
            let data = data(&sample, moment.settings);
            let labels = self.alert_labels(&sample, &data, moment);
            let alert = self.alert(&sample, labels.clone(), &data, moment);
            if found.insert(labels, alert).is_some() {
                return Err("vector contains metrics with the same labelset after applying alert labels".to_owned());
            }
        }
        Ok(found)
    }

    /// A pending alert made of one result.
    fn alert(&self, sample: &VectorSample, labels: Labels, data: &Value, moment: &Moment<'_>) -> Alert {
        let mut world = moment.world();
        let annotations = self.annotations.iter().map(|(name, t)| (name, t.render(&self.name, data, &mut world)));
        Alert {
            labels,
            annotations: Texts::from_pairs(annotations),
            state: AlertState::Pending,
            value: match &sample.value {
                SampleValue::Float(v) => *v,
                SampleValue::Histogram(_) => 0.0,
            },
            active_at: moment.ts,
            fired_at: None,
            resolved_at: None,
            keep_firing_since: None,
            last_sent_at: None,
        }
    }

    fn alert_labels(&self, sample: &VectorSample, data: &Value, moment: &Moment<'_>) -> Labels {
        let mut world = moment.world();
        let mut labels = sample.labels.to_builder();
        labels.remove(METRIC_NAME);
        for (name, template) in &self.labels {
            labels.set(name, &template.render(&self.name, data, &mut world));
        }
        labels.set(ALERT_NAME, &self.name);
        labels.build()
    }

    /// Its alerts are on disk.
    pub(crate) fn remember(&mut self) {
        let same = |(a, b): (&Alert, &Alert)| a.says_the_same(b);
        let unchanged = self.saved.len() == self.alerts.len()
            && self.saved.keys().eq(self.alerts.keys())
            && self.saved.values().zip(self.alerts.values()).all(same);
        if !unchanged {
            self.saved = self.alerts.clone();
        }
    }

    /// The series of its alerts at `at`.
    pub(crate) fn samples(&self, at: TimestampMs) -> Vec<RuleSample> {
        let mut samples = Vec::new();
        for alert in self.alerts.values().filter(|alert| alert.state != AlertState::Inactive) {
            let mut labels = alert.labels.to_builder();
            for (name, text) in self.written.iter().filter(|(name, _)| alert.labels.get(name).is_none()) {
                labels.set(name, text);
            }
            labels.set(METRIC_NAME, ALERTS_FOR_STATE).set(ALERT_NAME, &self.name);
            let for_state = labels.build();
            labels.set(METRIC_NAME, ALERTS).set(ALERT_STATE, alert.state.as_str());
            samples.push(RuleSample::float(labels.build(), at, 1.0));
            samples.push(RuleSample::float(for_state, at, alert.active_at.div_euclid(1000) as f64));
        }
        samples
    }

    /// The alerts that are due to be sent at `ts`; they count as sent.
    pub(crate) fn due(&mut self, ts: TimestampMs, interval_ms: i64, settings: &Settings) -> Option<AlertBatch> {
        // Two evaluations or deliveries may fail before a receiver takes the alert for resolved.
        let valid_until = ts.saturating_add(4 * interval_ms.max(settings.resend_delay_ms));
        let mut alerts = Vec::new();
        for alert in self.alerts.values_mut().filter(|alert| alert.needs_sending(ts, settings.resend_delay_ms)) {
            alert.last_sent_at = Some(ts);
            alerts.push(SentAlert {
                labels: alert.labels.clone(),
                annotations: alert.annotations.clone(),
                starts_at: alert.fired_at.unwrap_or(alert.active_at),
                ends_at: alert.resolved_at.unwrap_or(valid_until),
                resolved: alert.resolved_at.is_some(),
            });
        }
        let generator_url = format!("{}{}", settings.external_url, self.generator_path).into();
        (!alerts.is_empty()).then_some(AlertBatch { generator_url, alerts })
    }
}
