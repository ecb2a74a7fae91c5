//! Where rules write: samples, and alerts that are to be sent.

use std::sync::Arc;

use nightjar_model::{Labels, STALE_NAN, TimestampMs, is_stale};
use nightjar_query::SampleValue;

use crate::state::StateChange;
use crate::texts::Texts;

/// A sample a rule made.
#[derive(Clone, Debug)]
pub struct RuleSample {
    /// The series.
    pub labels: Labels,
    /// When.
    pub timestamp: TimestampMs,
    /// What; the stale NaN ends the series.
    pub value: SampleValue,
}

impl RuleSample {
    /// A float.
    pub(crate) fn float(labels: Labels, timestamp: TimestampMs, value: f64) -> RuleSample {
        RuleSample { labels, timestamp, value: SampleValue::Float(value) }
    }

    /// The end of a series.
    pub(crate) fn stale(labels: Labels, timestamp: TimestampMs) -> RuleSample {
        RuleSample::float(labels, timestamp, STALE_NAN)
    }

    /// Whether it ends its series.
    pub fn is_stale(&self) -> bool {
        matches!(self.value, SampleValue::Float(v) if is_stale(v))
    }
}

/// A sample that was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Index among the samples of the write.
    pub index: usize,
    /// Why, for people.
    pub reason: String,
}

/// An alert as it goes to Alertmanagers. External labels are not in it yet.
#[derive(Clone, Debug, PartialEq)]
pub struct SentAlert {
    /// What identifies it.
    pub labels: Labels,
    /// What people read.
    pub annotations: Texts,
    /// When it began to fire.
    pub starts_at: TimestampMs,
    /// When it was resolved, or until when it fires if nothing more is heard.
    pub ends_at: TimestampMs,
    /// Whether it was resolved.
    pub resolved: bool,
}

/// Alerts of one rule that are due to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertBatch {
    /// Link to a graph of the expression.
    pub generator_url: Arc<str>,
    /// The alerts, sorted by labels.
    pub alerts: Vec<SentAlert>,
}

/// What rules do to the world.
pub trait Sink {
    /// Writes samples; when it returns they are durable and queries see them. The answer names the refused ones (the
    /// first few suffice); an error means nothing was written.
    fn write(&mut self, samples: &[RuleSample]) -> Result<Vec<Refusal>, String>;

    /// Takes alerts to be sent. Must not block for long.
    fn send(&mut self, batch: AlertBatch);

    /// Writes what became of the alerts of a group, so that a restart finds it; answers whether it did. A sink without
    /// a memory has nothing to write.
    fn keep(&mut self, _: &StateChange) -> bool {
        true
    }
}
