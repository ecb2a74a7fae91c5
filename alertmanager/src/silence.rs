//! Silences: conditions under which nobody is told, for a while.

pub mod notice;
mod schedule;
mod silences;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use nightjar_model::TimestampMs;
use serde::{Deserialize, Serialize};

use crate::matcher::{MatchOp, Matcher, MatcherMode};
pub use schedule::{Named, Schedule};
pub use silences::Silences;

/// What a silence is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SilenceState {
    /// It silences.
    Active,
    /// It will.
    Pending,
    /// It did.
    Expired,
}

impl SilenceState {
    /// Alertmanager's word.
    pub fn as_str(self) -> &'static str {
        match self {
            SilenceState::Active => "active",
            SilenceState::Pending => "pending",
            SilenceState::Expired => "expired",
        }
    }
}

/// One condition of a silence, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Label name.
    pub name: String,
    /// Text or pattern.
    pub value: String,
    /// Whether the value is a pattern.
    pub is_regex: bool,
    /// Whether it must match, or must not.
    pub is_equal: bool,
}

impl Condition {
    /// The matcher, or why there is none.
    pub fn matcher(&self) -> Result<Matcher, String> {
        let op = match (self.is_equal, self.is_regex) {
            (true, false) => MatchOp::Equal,
            (false, false) => MatchOp::NotEqual,
            (true, true) => MatchOp::Regex,
            (false, true) => MatchOp::NotRegex,
        };
        Matcher::new(op, &self.name, &self.value)
            .map_err(|error| format!("invalid regular expression {:?}: {error}", self.value))
    }
}

/// A silence. Times are of the wall clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// A UUID; empty for one that is new.
    pub id: String,
    /// Conditions that must all hold.
    pub matchers: Vec<Condition>,
    /// First instant of silence.
    pub starts_at: TimestampMs,
    /// First instant after it.
    pub ends_at: TimestampMs,
    /// Last change.
    pub updated_at: TimestampMs,
    /// Who made it.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// More about it.
    pub annotations: BTreeMap<String, String>,
    /// When it holds between its beginning and its end; `None`: all the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
}

impl Silence {
    /// What it is doing, schedules aside: see [`Silences::state`].
    pub fn state(&self, now: TimestampMs) -> SilenceState {
        match (now < self.starts_at, now < self.ends_at) {
            (true, _) => SilenceState::Pending,
            (_, true) => SilenceState::Active,
            _ => SilenceState::Expired,
        }
    }

    fn check(&self, mode: MatcherMode, named: &Named) -> Result<(), String> {
        if self.matchers.is_empty() {
            return Err("matcher set 0 is empty".to_owned());
        }
        let mut matchers = Vec::new();
        for (i, condition) in self.matchers.iter().enumerate() {
            let bad = |why: String| format!("invalid label matcher {i} in set 0: {why}");
            if !mode.is_label_name(&condition.name) {
                return Err(bad(format!("invalid label name {:?}", condition.name)));
            }
            matchers.push(condition.matcher().map_err(bad)?);
        }
        if matchers.iter().all(|matcher| matcher.matches("")) {
            return Err("matcher set 0: at least one matcher must not match the empty string".to_owned());
        }
        if self.ends_at < self.starts_at {
            return Err("end time must not be before start time".to_owned());
        }
        self.schedule.as_ref().map_or(Ok(()), |schedule| schedule.check(named))
    }

    /// It ended now; `None` if it has ended before.
    fn expired(&self, now: TimestampMs) -> Option<Silence> {
        let mut ended = self.clone();
        match self.state(now) {
            SilenceState::Expired => return None,
            SilenceState::Active => ended.ends_at = now,
            SilenceState::Pending => (ended.starts_at, ended.ends_at) = (now, now),
        }
        ended.updated_at = now;
        Some(ended)
    }

    /// Whether `new` is an edit of this one, not another silence.
    fn can_become(&self, new: &Silence, now: TimestampMs) -> bool {
        self.matchers == new.matchers
            && self.schedule == new.schedule
            && match self.state(now) {
                SilenceState::Active => self.starts_at / 1000 == new.starts_at / 1000 && new.ends_at >= now,
                SilenceState::Pending => new.starts_at >= now,
                SilenceState::Expired => false,
            }
    }
}

/// Why a silence is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    /// No silence has this id.
    #[error("silence not found")]
    NotFound,
    /// It makes no sense.
    #[error("invalid silence: {0}")]
    Invalid(String),
    /// There are too many.
    #[error("exceeded maximum number of silences: {count} (limit: {limit})")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
}
