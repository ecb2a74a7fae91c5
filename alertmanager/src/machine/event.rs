//! What happens to the machine, and what instances that act as one tell each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alert::Alert;
use crate::config::Config;
use crate::record::{LineId, Told};
use crate::silence::Silence;

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Alerts came in, in this order.
    Alerts(Vec<Alert>),
    /// A try to tell ended.
    Attempt {
        /// [`super::Send::line`].
        line: LineId,
        /// [`super::Send::seq`].
        seq: u64,
        /// How.
        outcome: Outcome,
    },
    /// Another configuration holds from now on.
    Configure(Arc<Config>),
    /// Another instance changed this, or has it so.
    Elsewhere(Vec<Shared>),
    /// Messages wait so long for other instances to tell them.
    Patience {
        /// In milliseconds.
        wait_ms: i64,
    },
}

/// What instances that act as one tell each other.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Shared {
    /// A silence is so.
    Silence(Silence),
    /// A line has been told this. Its time is an age in milliseconds: clocks differ.
    Told {
        /// Which line.
        line: LineId,
        /// What.
        told: Told,
    },
}

/// How a try to tell ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was told; what the service wants to see again with the next message.
    Delivered(BTreeMap<String, String>),
    /// Try again; not before so many milliseconds if the service said so.
    Retry {
        /// `Retry-After`.
        after_ms: Option<i64>,
        /// What went wrong.
        error: String,
    },
    /// Trying again soon is useless. The next try is made when the group looks for news.
    Refused {
        /// What went wrong.
        error: String,
    },
}
