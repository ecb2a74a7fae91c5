//! When a silence that recurs silences, between its beginning and its end.

use std::collections::HashMap;

use nightjar_model::TimestampMs;
use serde::{Deserialize, Serialize};

use crate::time_interval::TimeInterval;

/// Time intervals of a configuration, by name.
pub type Named = HashMap<String, Vec<TimeInterval>>;

/// Most intervals of either kind.
const MAX_INTERVALS: usize = 64;

/// Times at which a silence holds: inside of any of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Schedule {
    /// Names of time intervals of the configuration. One that is not there any more contains nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub time_intervals: Vec<String>,
    /// Intervals of its own, spelled as in the configuration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub intervals: Vec<serde_json::Value>,
}

impl Schedule {
    /// The intervals of its own, or what is wrong with one of them.
    pub fn own(&self) -> Result<Vec<TimeInterval>, String> {
        let one = |(i, written): (usize, &serde_json::Value)| {
            TimeInterval::deserialize(written).map_err(|error| format!("schedule: interval {i}: {error}"))
        };
        self.intervals.iter().enumerate().map(one).collect()
    }

    /// Whether it means anything.
    pub(super) fn check(&self, named: &Named) -> Result<(), String> {
        match self.time_intervals.len() + self.intervals.len() {
            0 => return Err("schedule: name time_intervals of the configuration or write intervals".to_owned()),
            count if count > MAX_INTERVALS => {
                return Err(format!("schedule: {count} intervals are more than {MAX_INTERVALS}"));
            }
            _ => {}
        }
        if let Some(unknown) = self.time_intervals.iter().find(|name| !named.contains_key(*name)) {
            return Err(format!("schedule: undefined time interval {unknown:?}"));
        }
        self.own().map(drop)
    }

    /// Whether it holds at an instant; `own` are its own intervals.
    pub(super) fn contains(&self, own: &[TimeInterval], named: &Named, at: TimestampMs) -> bool {
        own.iter().any(|interval| interval.contains(at))
            || !crate::time_interval::active(&self.time_intervals, named, at).is_empty()
    }
}
