//! What is counted of the talk between instances.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::metrics::histogram::Histogram;

/// Upper bounds of the time an exchange takes, in seconds, as Alertmanager has them for its pings.
const PING_SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5];

/// Most names of others that are remembered; one that is made up anew at every start leaves the old one behind.
const MAX_NAMES: usize = 256;

/// Messages and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::alerting) struct Said {
    pub(in crate::alerting) messages: u64,
    pub(in crate::alerting) bytes: u64,
}

/// Messages that say everything, and those that say what has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::alerting) struct Direction {
    pub(in crate::alerting) full: Said,
    pub(in crate::alerting) update: Said,
}

impl Direction {
    /// Counts a message.
    pub(super) fn count(&mut self, full: bool, bytes: usize) {
        let said = if full { &mut self.full } else { &mut self.update };
        said.messages += 1;
        said.bytes += bytes as u64;
    }
}

/// What is counted of the talk between instances.
#[derive(Clone, Debug, Default)]
pub(in crate::alerting) struct Traffic {
    pub(in crate::alerting) sent: Direction,
    pub(in crate::alerting) received: Direction,
    /// How long exchanges took, in seconds, by name of the other.
    pub(in crate::alerting) pings: BTreeMap<String, Histogram>,
    /// How often others showed that they live, by name.
    pub(in crate::alerting) alive: BTreeMap<String, u64>,
    /// Instances that came, again or for the first time.
    pub(in crate::alerting) joined: u64,
    /// Instances that could not be reached any more.
    pub(in crate::alerting) left: u64,
    /// Tries to reach one that could not be reached, and how many of them failed.
    pub(in crate::alerting) reconnections: u64,
    pub(in crate::alerting) reconnections_failed: u64,
    /// Changes that were not sent one by one because there were too many.
    pub(in crate::alerting) pruned: u64,
    /// Changes that wait to be sent.
    pub(in crate::alerting) queued: u64,
}

impl Traffic {
    /// Another one showed that it lives.
    pub(super) fn lives(&mut self, name: &str) {
        if let Some(count) = self.alive.get_mut(name) {
            *count += 1;
        } else if self.alive.len() < MAX_NAMES {
            self.alive.insert(name.to_owned(), 1);
        }
    }

    /// An exchange with another one took so long.
    pub(super) fn ping(&mut self, name: &str, took: Duration) {
        if self.pings.len() < MAX_NAMES || self.pings.contains_key(name) {
            let all = self.pings.entry(name.to_owned()).or_insert_with(|| Histogram::new(PING_SECONDS));
            all.observe(took.as_secs_f64());
        }
    }
}
