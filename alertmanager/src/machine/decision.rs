//! What the machine decides, for people and metrics.

use std::sync::Arc;

use crate::alert::Alert;
use crate::fingerprint::Fingerprint;
use crate::record::{Ending, GroupId, Intent};

/// Why an alert goes on to the integrations of its receiver, or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Passed,
    /// Another alert keeps it quiet.
    Inhibited {
        /// The other alerts: one, unless the rule has several conditions.
        by: Vec<Fingerprint>,
        /// Name of the rule.
        rule: String,
    },
    /// It is outside of these active time intervals.
    Inactive(Vec<String>),
    /// It is inside of these mute time intervals.
    Muted(Vec<String>),
    /// These silences hold.
    Silenced(Vec<String>),
}

/// What an integration does about a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineStatus {
    /// A message with this number is on its way.
    Telling(u64),
    /// Nothing is new.
    Unchanged,
    /// It does not want to hear of ends.
    Quiet,
    /// An earlier message must arrive first.
    Waiting,
}

/// What was decided, for people and metrics.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// A group looked for news.
    Flushed {
        /// Which group.
        group: GroupId,
        /// Every alert of the group.
        alerts: Vec<(Fingerprint, Verdict)>,
        /// Every integration of the receiver, by kind and position.
        lines: Vec<(Arc<str>, u32, LineStatus)>,
    },
    /// A message is told no more.
    Ended {
        /// The message.
        intent: Intent,
        /// How often it was tried.
        attempts: u32,
        /// What became of it.
        ending: Ending,
    },
    /// An alert began or ended.
    Changed {
        /// The alert.
        alert: Arc<Alert>,
        /// Whether it fires.
        firing: bool,
    },
    /// A look of a group says something else about an alert than the look before.
    Judged {
        /// Which group.
        group: GroupId,
        /// Which alert.
        fingerprint: Fingerprint,
        /// What it says.
        verdict: Verdict,
    },
}
