//! One rule of a group with what its evaluations left behind.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use nightjar_model::labels::METRIC_NAME;
use nightjar_model::{Labels, TimestampMs};
use nightjar_query::VectorSample;

use crate::alert::{Alert, AlertState};
use crate::alerting::{ALERTS, ALERTS_FOR_STATE, Alerting, Moment};
use crate::file::RuleSpec;
use crate::query::Expression;
use crate::reads::Reads;
use crate::sink::RuleSample;
use crate::texts::Texts;

/// How the last evaluation of a rule went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// There was none.
    Unknown,
    /// It went well.
    Ok,
    /// It failed.
    Err,
}

impl Health {
    /// As the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Health::Unknown => "unknown",
            Health::Ok => "ok",
            Health::Err => "err",
        }
    }
}

/// A rule of a group.
#[derive(Clone)]
pub(crate) struct Rule {
    pub(crate) name: Arc<str>,
    pub(crate) expr: Arc<Expression>,
    /// Labels of the group and the rule.
    pub(crate) labels: Texts,
    /// `None` for a recording rule.
    pub(crate) alerting: Option<Alerting>,
    pub(crate) reads: Reads,
    pub(crate) health: Health,
    pub(crate) last_error: Option<Arc<str>>,
    pub(crate) evaluation: Duration,
    pub(crate) evaluated_at: Option<TimestampMs>,
    /// The series it wrote at the evaluation before.
    pub(crate) series: BTreeSet<Labels>,
    /// Its last evaluation failed before alerts could be sent.
    pub(crate) unsent: bool,
}

impl Rule {
    pub(crate) fn new(spec: &RuleSpec, group_labels: &Texts) -> Rule {
        let labels = group_labels.overlaid(&spec.labels);
        let alerting = spec.alerting.as_ref().map(|a| Alerting::new(&spec.name, a, &labels, &spec.expr));
        let reads = match &alerting {
            Some(alerting) if alerting.templates_query() => Reads::Everything,
            _ => Reads::of(&spec.expr.expr),
        };
        Rule {
            name: spec.name.as_str().into(),
            expr: Arc::clone(&spec.expr),
            labels,
            alerting,
            reads,
            health: Health::Unknown,
            last_error: None,
            evaluation: Duration::ZERO,
            evaluated_at: None,
            series: BTreeSet::new(),
            unsent: false,
        }
    }

    /// What a rule is recognised by after a reload.
    pub(crate) fn identity(&self) -> String {
        format!("{}{}", self.name, self.labels)
    }

    /// Whether both do the same.
    pub(crate) fn is_same(&self, other: &Rule) -> bool {
        let alerting = |rule: &Rule| rule.alerting.as_ref().map(|a| a.spec.clone());
        self.name == other.name
            && self.expr.printed == other.expr.printed
            && self.labels == other.labels
            && alerting(self) == alerting(other)
    }

    /// The metrics it writes.
    pub(crate) fn writes(&self) -> [&str; 2] {
        match self.alerting {
            Some(_) => [ALERTS, ALERTS_FOR_STATE],
            None => [&self.name, &self.name],
        }
    }

    /// Evaluates it; answers what to write, ends of series not included.
    pub(crate) fn evaluate(&mut self, moment: &Moment<'_>) -> Result<Vec<RuleSample>, String> {
        let results = moment.query.instant(&self.expr, moment.at)?;
        match &mut self.alerting {
            Some(alerting) => alerting.evaluate(results, moment),
            None => self.record(results, moment),
        }
    }

    fn record(&self, results: Vec<VectorSample>, moment: &Moment<'_>) -> Result<Vec<RuleSample>, String> {
        let mut seen = BTreeSet::new();
        let mut samples = Vec::with_capacity(results.len());
        for result in results {
            let mut labels = result.labels.to_builder();
            labels.set(METRIC_NAME, &self.name);
            for (name, text) in self.labels.iter() {
                labels.set(name, text);
            }
            let labels = labels.build();
            if !seen.insert(labels.clone()) {
                return Err("vector contains metrics with the same labelset after applying rule labels".to_owned());
            }
            samples.push(RuleSample { labels, timestamp: moment.at, value: result.value });
        }
        match usize::try_from(moment.limit) {
            Ok(limit) if limit > 0 && samples.len() > limit => {
                Err(format!("exceeded limit of {limit} with {} series", samples.len()))
            }
            _ => Ok(samples),
        }
    }

    pub(crate) fn failed(&mut self, reason: String) {
        self.health = Health::Err;
        self.last_error = Some(reason.into());
    }

    /// What people see of it.
    pub(crate) fn view(&self) -> RuleView {
        let alerting = self.alerting.as_ref().map(|alerting| AlertingView {
            state: if self.evaluated_at.is_none() { AlertState::Unknown } else { alerting.state() },
            for_ms: alerting.spec.for_ms,
            keep_firing_for_ms: alerting.spec.keep_firing_for_ms,
            annotations: alerting.spec.annotations.clone(),
            alerts: alerting.alerts.values().filter(|alert| alert.is_active()).cloned().collect(),
        });
        RuleView {
            name: Arc::clone(&self.name),
            expr: Arc::clone(&self.expr),
            labels: self.labels.clone(),
            health: self.health,
            last_error: self.last_error.clone(),
            evaluation: self.evaluation,
            evaluated_at: self.evaluated_at,
            alerting,
        }
    }
}

/// What people see of a rule.
#[derive(Clone, Debug)]
pub struct RuleView {
    /// The metric it records, or the name of the alert.
    pub name: Arc<str>,
    /// What it evaluates.
    pub expr: Arc<Expression>,
    /// Labels of the group and the rule, as written.
    pub labels: Texts,
    /// How the last evaluation went.
    pub health: Health,
    /// What went wrong at the last evaluation.
    pub last_error: Option<Arc<str>>,
    /// How long the last evaluation took.
    pub evaluation: Duration,
    /// When it was last evaluated, wall clock.
    pub evaluated_at: Option<TimestampMs>,
    /// `None` for a recording rule.
    pub alerting: Option<AlertingView>,
}

/// What people see of an alerting rule.
#[derive(Clone, Debug)]
pub struct AlertingView {
    /// The worst state of its alerts.
    pub state: AlertState,
    /// How long an alert is pending.
    pub for_ms: i64,
    /// How long an alert goes on firing.
    pub keep_firing_for_ms: i64,
    /// Annotations as written.
    pub annotations: Texts,
    /// Pending and firing alerts, sorted by labels.
    pub alerts: Vec<Alert>,
}
