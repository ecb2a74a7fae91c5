//! What the alert log remembers: every change of state that must survive.
//!
//! State is the fold over these records. A record says what is, not what to do, so that reading one twice is harmless.

pub mod pairs;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nightjar_model::{Labels, TimestampMs};
use serde::{Deserialize, Serialize};

use crate::alert::Alert;
use crate::fingerprint::Fingerprint;
use crate::silence::Silence;

/// Milliseconds that only go forward, restarts included: what timers count in.
pub type Steady = i64;

/// A group of alerts: a route and the values of its grouping labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupId {
    /// [`crate::route::Route::id`].
    #[serde(with = "text")]
    pub route: Arc<str>,
    /// The grouping labels.
    #[serde(with = "pairs")]
    pub labels: Labels,
}

/// One integration's ear for one group: what was told here, and what is being told. Its messages keep their order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LineId {
    /// Whose alerts.
    pub group: GroupId,
    /// Receiver name.
    #[serde(with = "text")]
    pub receiver: Arc<str>,
    /// Kind of integration.
    #[serde(with = "text")]
    pub kind: Arc<str>,
    /// Position among those of its kind.
    pub index: u32,
}

/// Why something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// Nothing was told before, or nothing was firing.
    First,
    /// There are alerts that were not told.
    NewAlerts,
    /// Some alerts have ended.
    SomeResolved,
    /// All alerts have ended.
    AllResolved,
    /// Nothing new for the repeat interval.
    Repeat,
}

impl Reason {
    /// The words that templates and webhooks get.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::First => "first notification",
            Reason::NewAlerts => "new alerts added",
            Reason::SomeResolved => "some alerts resolved",
            Reason::AllResolved => "all alerts resolved",
            Reason::Repeat => "repeat interval elapsed",
        }
    }

    /// The same in one word, for templates that tell reminders from news.
    pub fn kind(self) -> &'static str {
        match self {
            Reason::First => "first",
            Reason::NewAlerts | Reason::SomeResolved => "changed",
            Reason::AllResolved => "resolved",
            Reason::Repeat => "repeat",
        }
    }
}

/// An alert in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// Which alert.
    pub fingerprint: Fingerprint,
    /// Whether it has ended.
    pub resolved: bool,
    /// Since when.
    pub starts_at: TimestampMs,
    /// Until when, if it has ended.
    pub ends_at: TimestampMs,
}

/// A message that is to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// To whom.
    pub line: LineId,
    /// Number on its line, growing.
    pub seq: u64,
    /// Why.
    pub reason: Reason,
    /// When it was decided.
    pub at: Steady,
    /// The same by the wall clock.
    pub wall: TimestampMs,
    /// Which alerts, in the order of the message.
    pub alerts: Vec<Mention>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// It was told. What the service wants to see again with the next message, by name.
    Delivered(BTreeMap<String, String>),
    /// A later message tells as much.
    Superseded,
    /// It was given up, and why.
    GaveUp(String),
}

/// What a line has been told last: an entry of the notification log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// When.
    pub at: Steady,
    /// Alerts that fired then.
    pub firing: BTreeSet<Fingerprint>,
    /// Alerts that had ended then.
    pub resolved: BTreeSet<Fingerprint>,
    /// Alerts that were told as firing at any time and not as resolved since.
    pub open: BTreeSet<Fingerprint>,
    /// What the service wants to see again.
    pub thread: BTreeMap<String, String>,
    /// How many messages it was since nothing fired here, this one included.
    #[serde(default, skip_serializing_if = "is_default")]
    pub count: u64,
    /// How long before this one the first of them was told, in milliseconds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub lasting_ms: i64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A change of state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// The state that follows began at this steady time, which was this wall time.
    Clock {
        /// Steady time.
        at: Steady,
        /// Wall time.
        wall: TimestampMs,
    },
    /// An alert is so.
    Alert {
        /// The alert.
        #[serde(with = "alert")]
        alert: Arc<Alert>,
        /// Whether it fires.
        firing: bool,
        /// When it was recorded.
        at: Steady,
    },
    /// A group exists since, and looked or will look for news first at this time.
    Group {
        /// Which.
        id: GroupId,
        /// First flush.
        first_flush: Steady,
    },
    /// A group has no alerts.
    GroupGone(GroupId),
    /// A silence is so.
    Silence(Silence),
    /// A silence is forgotten.
    SilenceGone(String),
    /// A message is to be told.
    Intent(Intent),
    /// A message is told no more.
    Ending {
        /// On which line.
        line: LineId,
        /// Which message.
        seq: u64,
        /// When.
        at: Steady,
        /// What became of it.
        ending: Ending,
    },
    /// A line has been told this.
    Told {
        /// Which line.
        line: LineId,
        /// What.
        told: Told,
        /// The number of its next message.
        next_seq: u64,
    },
    /// What a line was told is forgotten.
    LineGone(LineId),
    /// Another Alertmanager told this before this router took its place.
    Inherited(Inherited),
    /// It is of no use any more.
    InheritedGone(InheritedKey),
}

/// What another Alertmanager told: an entry of its notification log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inherited {
    /// To whom.
    pub key: InheritedKey,
    /// When.
    pub at: Steady,
    /// Hashes of alerts that fired then, see [`crate::fingerprint::log_hash`].
    pub firing: BTreeSet<u64>,
    /// The same of alerts that had ended.
    pub resolved: BTreeSet<u64>,
    /// What the service wants to see again.
    pub thread: BTreeMap<String, String>,
}

/// How another Alertmanager names a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InheritedKey {
    /// The name of the group.
    pub group_key: String,
    /// Name of the receiver.
    pub receiver: String,
    /// Kind of integration.
    pub kind: String,
    /// Position among those of its kind.
    pub index: u32,
}

mod text {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::sync::Arc;

    pub(super) fn serialize<S: Serializer>(text: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(text)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(from).map(Arc::from)
    }
}

mod alert {
    use super::{Alert, Arc, Labels, TimestampMs};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::borrow::Cow;

    #[derive(Serialize, Deserialize)]
    struct Form<'a> {
        #[serde(with = "super::pairs")]
        labels: Labels,
        #[serde(with = "super::pairs")]
        annotations: Labels,
        starts_at: TimestampMs,
        ends_at: TimestampMs,
        updated_at: TimestampMs,
        timeout: bool,
        generator_url: Cow<'a, str>,
    }

    pub(super) fn serialize<S: Serializer>(alert: &Arc<Alert>, to: S) -> Result<S::Ok, S::Error> {
        Form {
            labels: alert.labels.clone(),
            annotations: alert.annotations.clone(),
            starts_at: alert.starts_at,
            ends_at: alert.ends_at,
            updated_at: alert.updated_at,
            timeout: alert.timeout,
            generator_url: alert.generator_url.as_str().into(),
        }
        .serialize(to)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Arc<Alert>, D::Error> {
        let Form { labels, annotations, starts_at, ends_at, updated_at, timeout, generator_url } =
            Form::deserialize(from)?;
        let generator_url = generator_url.into_owned();
        Ok(Arc::new(Alert { labels, annotations, starts_at, ends_at, updated_at, timeout, generator_url }))
    }
}
