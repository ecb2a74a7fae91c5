//! Alerts as JSON, so that a log of today can be read and extended in ten years.

use std::collections::BTreeMap;

use nightjar_model::{Labels, TimestampMs};
use serde::{Deserialize, Serialize};

use super::StateChange;
use crate::alert::{Alert, AlertState};
use crate::texts::Texts;

/// Names with texts.
type Pairs = BTreeMap<String, String>;

/// An alert on disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct AlertRecord {
    labels: Pairs,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: Pairs,
    state: State,
    /// As text: JSON has neither NaN nor infinities.
    value: String,
    active_at: TimestampMs,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fired_at: Option<TimestampMs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolved_at: Option<TimestampMs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep_firing_since: Option<TimestampMs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_sent_at: Option<TimestampMs>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Inactive,
    Pending,
    Firing,
}

impl AlertRecord {
    pub(crate) fn of(alert: &Alert) -> AlertRecord {
        AlertRecord {
            labels: pairs(&alert.labels),
            annotations: alert.annotations.iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect(),
            state: match alert.state {
                AlertState::Pending => State::Pending,
                AlertState::Firing => State::Firing,
                AlertState::Inactive | AlertState::Unknown => State::Inactive,
            },
            value: alert.value.to_string(),
            active_at: alert.active_at,
            fired_at: alert.fired_at,
            resolved_at: alert.resolved_at,
            keep_firing_since: alert.keep_firing_since,
            last_sent_at: alert.last_sent_at,
        }
    }

    pub(crate) fn alert(self) -> Alert {
        Alert {
            labels: Labels::from_pairs(&self.labels),
            annotations: Texts::from_pairs(&self.annotations),
            state: match self.state {
                State::Pending => AlertState::Pending,
                State::Firing => AlertState::Firing,
                State::Inactive => AlertState::Inactive,
            },
            value: self.value.parse().unwrap_or(f64::NAN),
            active_at: self.active_at,
            fired_at: self.fired_at,
            resolved_at: self.resolved_at,
            keep_firing_since: self.keep_firing_since,
            last_sent_at: self.last_sent_at,
        }
    }
}

fn pairs(labels: &Labels) -> Pairs {
    labels.iter().map(|label| (label.name.to_owned(), label.value.to_owned())).collect()
}

/// Reads what [`StateChange::encode`] wrote.
pub(crate) fn decode(bytes: &[u8]) -> Result<StateChange, String> {
    serde_json::from_slice(bytes).map_err(|e| e.to_string())
}

/// Label sets as objects.
pub(super) mod label_sets {
    use nightjar_model::Labels;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Pairs;

    pub(crate) fn serialize<S: Serializer>(sets: &[Labels], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(sets.iter().map(super::pairs))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Labels>, D::Error> {
        Ok(Vec::<Pairs>::deserialize(deserializer)?.iter().map(Labels::from_pairs).collect())
    }
}
