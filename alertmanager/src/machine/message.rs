//! Messages that are to be sent.

use std::collections::BTreeMap;

use nightjar_model::TimestampMs;

use crate::alert::Alert;
use crate::fingerprint::Fingerprint;
use crate::record::{LineId, Reason};

use super::news::{Before, Change};

/// An alert in a message.
#[derive(Clone, Debug, PartialEq)]
pub struct SentAlert {
    /// The alert; its end is 0 while it fires.
    pub alert: Alert,
    /// Its identity.
    pub fingerprint: Fingerprint,
    /// Whether it has ended.
    pub resolved: bool,
    /// Whether that is news.
    pub change: Change,
}

/// A message to be rendered and sent now.
#[derive(Clone, Debug, PartialEq)]
pub struct Send {
    /// Where its outcome belongs.
    pub line: LineId,
    /// Number on its line.
    pub seq: u64,
    /// How often this was tried, this time included.
    pub attempt: u32,
    /// Equal for all tries of a message, different for all others.
    pub idempotency_key: String,
    /// The name of the group, as receivers know it.
    pub group_key: String,
    /// Templates of route labels.
    pub route_labels: BTreeMap<String, String>,
    /// Why.
    pub reason: Reason,
    /// When it was decided, wall clock.
    pub decided_at: TimestampMs,
    /// What was delivered before.
    pub before: Before,
    /// The alerts, in order.
    pub alerts: Vec<SentAlert>,
    /// What the service gave with earlier messages.
    pub thread: BTreeMap<String, String>,
    /// How long the try may take.
    pub timeout_ms: i64,
}
