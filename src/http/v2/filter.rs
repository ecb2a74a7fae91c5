//! Parameters that choose alerts, groups and receivers.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::Response;
use nightjar_alertmanager::config::Config;
use nightjar_alertmanager::machine::AlertStatus;
use nightjar_alertmanager::matcher::{MatchOp, Matcher, MatcherMode};
use nightjar_model::Labels;
use nightjar_model::regex::Regex;

use super::super::params::Params;
use super::wire::{self, Malformed};

/// Which alerts are asked for.
pub(super) struct AlertFilter {
    matchers: Vec<Matcher>,
    receiver: Option<Regex>,
    receiver_matchers: Vec<Matcher>,
    active: bool,
    silenced: bool,
    inhibited: bool,
    /// Whether groups that are muted are shown.
    pub(super) muted: bool,
}

impl AlertFilter {
    /// Reads the parameters; the error is the answer.
    #[expect(clippy::result_large_err, reason = "the error is an answer")]
    pub(super) fn read(params: &Params, mode: MatcherMode) -> Result<AlertFilter, Response> {
        use axum::response::IntoResponse;
        let flag = |name| boolean(params, name).map_err(IntoResponse::into_response);
        let bad = |sentence: String| wire::complaint(StatusCode::BAD_REQUEST, &sentence);
        let receiver = match params.all("receiver").next() {
            None => None,
            Some(pattern) => Some(
                Regex::anchored(pattern).map_err(|error| bad(format!("failed to parse receiver param: {error}")))?,
            ),
        };
        flag("unprocessed")?;
        Ok(AlertFilter {
            matchers: matchers(params, "filter", mode).map_err(bad)?,
            receiver,
            receiver_matchers: receiver_matchers(params, mode).map_err(bad)?,
            active: flag("active")?,
            silenced: flag("silenced")?,
            inhibited: flag("inhibited")?,
            muted: flag("muted")?,
        })
    }

    /// What the labels of an alert must be.
    pub(super) fn matchers(&self) -> &[Matcher] {
        &self.matchers
    }

    /// Whether an alert of these labels may be shown.
    pub(super) fn labels(&self, labels: &Labels) -> bool {
        labels_hold(&self.matchers, labels)
    }

    /// Whether one of these receivers is asked for.
    pub(super) fn receivers<'a>(&self, mut names: impl Iterator<Item = &'a str> + Clone, config: &Config) -> bool {
        let matching = |name: &str| {
            config.receiver(name).is_some_and(|receiver| all_hold(&self.receiver_matchers, &receiver.labels))
        };
        let by_name = self.receiver.as_ref().is_none_or(|regex| names.clone().any(|name| regex.is_match(name)));
        by_name && (self.receiver_matchers.is_empty() || names.any(matching))
    }

    /// Whether a receiver is asked for, and a group of it therefore.
    pub(super) fn receiver(&self, name: &str, config: &Config) -> bool {
        self.receivers(std::iter::once(name), config)
    }

    /// Whether an alert of this status is asked for.
    pub(super) fn status(&self, status: &AlertStatus) -> bool {
        let quiet = !status.silenced_by.is_empty() || !status.inhibited_by.is_empty();
        (self.active || quiet)
            && (self.silenced || status.silenced_by.is_empty())
            && (self.inhibited || status.inhibited_by.is_empty())
    }
}

/// The matchers of a repeated parameter.
pub(super) fn matchers(params: &Params, name: &str, mode: MatcherMode) -> Result<Vec<Matcher>, String> {
    params.all(name).map(|text| mode.matcher(text)).collect()
}

/// The matchers of `receiver_matchers`.
pub(super) fn receiver_matchers(params: &Params, mode: MatcherMode) -> Result<Vec<Matcher>, String> {
    matchers(params, "receiver_matchers", mode).map_err(|e| format!("failed to parse receiver_matchers param: {e}"))
}

/// Whether all matchers hold for the labels of an alert.
pub(super) fn labels_hold(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| holds(matcher, labels.get(&matcher.name)))
}

/// Whether all matchers hold for the labels of a receiver.
pub(super) fn all_hold(matchers: &[Matcher], labels: &BTreeMap<String, String>) -> bool {
    matchers.iter().all(|matcher| holds(matcher, labels.get(&*matcher.name).map(String::as_str)))
}

/// As in routing, but that an empty value asks whether the label is there.
fn holds(matcher: &Matcher, value: Option<&str>) -> bool {
    let present = value.is_some();
    match matcher.op {
        MatchOp::NotEqual | MatchOp::NotRegex if matcher.value.is_empty() && present => true,
        MatchOp::Equal | MatchOp::Regex if matcher.value.is_empty() && !present => true,
        _ => matcher.matches(value.unwrap_or("")),
    }
}

/// A switch that is on by default.
pub(super) fn boolean(params: &Params, name: &str) -> Result<bool, Malformed> {
    match params.all(name).last() {
        None | Some("") => Ok(true),
        Some(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "ok" | "y" | "on" | "selected" | "checked" | "t" | "enabled" => Ok(true),
            "false" | "0" | "no" | "n" | "off" | "f" | "disabled" => Ok(false),
            _ => Err(Malformed::value(601, format!("{name} in query must be of type boolean: {text:?}"))),
        },
    }
}
