//! `silence_expiry_notice`, a setting of ours: people are told before a silence ends that still silences something.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::matcher::MatcherMode;

use super::decode::At;
use super::error::ConfigError;
use super::scalar::Span;

/// How people are told that a silence is about to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiryNotice {
    /// How long before the end, in milliseconds, > 0.
    pub before_ms: i64,
    /// Labels of the notice; they win over those it takes from the silence.
    pub labels: BTreeMap<String, String>,
}

impl ExpiryNotice {
    /// Labels that every notice has and that cannot be set.
    pub const OWN_LABELS: [&str; 3] = ["alertname", "created_by", "silence_id"];
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WrittenNotice {
    before: At<Span>,
    labels: BTreeMap<String, At<String>>,
}

/// Checks what was written.
pub(super) fn complete(written: At<WrittenNotice>, mode: MatcherMode) -> Result<ExpiryNotice, ConfigError> {
    let at = written.position();
    let WrittenNotice { before, labels } = written.value;
    if before.value.0 <= 0 {
        let complaint = "silence_expiry_notice: before must say how long before its end, such as 1h";
        return Err(if before == At::default() { ConfigError::new(complaint).at(at) } else { before.error(complaint) });
    }
    for (name, value) in &labels {
        if ExpiryNotice::OWN_LABELS.contains(&name.as_str()) {
            return Err(value.error(format!("silence_expiry_notice: every notice has its own label {name:?}")));
        }
        if !mode.is_label_name(name) {
            return Err(value.error(format!("silence_expiry_notice: invalid label name {name:?}")));
        }
    }
    let labels = labels.into_iter().map(|(name, value)| (name, value.value)).collect();
    Ok(ExpiryNotice { before_ms: before.value.0, labels })
}
