//! What of a message is news to whoever hears it, and what was heard before. Both follow from the log alone, so every
//! try of a message says the same.

use nightjar_model::TimestampMs;

use crate::record::{Mention, Steady, Told};

/// What a message says of an alert that the last delivered one did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    #[default]
    None,
    /// That it fires.
    New,
    /// That it has ended.
    Resolved,
}

impl Change {
    /// The word that templates get; empty for none.
    pub fn as_str(self) -> &'static str {
        match self {
            Change::None => "",
            Change::New => "new",
            Change::Resolved => "resolved",
        }
    }

    /// `told` is what was delivered last.
    pub(super) fn of(told: Option<&Told>, mention: &Mention) -> Change {
        let alert = &mention.fingerprint;
        match (mention.resolved, told) {
            (false, Some(told)) if told.firing.contains(alert) => Change::None,
            (false, _) => Change::New,
            (true, Some(told)) if told.resolved.contains(alert) && !told.open.contains(alert) => Change::None,
            (true, _) => Change::Resolved,
        }
    }
}

/// What was delivered before a message, since nothing fired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// How many messages.
    pub count: u64,
    /// When the first of them was, wall clock.
    pub first_at: Option<TimestampMs>,
    /// When the last of them was.
    pub last_at: Option<TimestampMs>,
}

impl Before {
    /// What was told before a message that was decided at `at`, which was `wall`.
    pub(super) fn of(told: Option<&Told>, at: Steady, wall: TimestampMs) -> Before {
        let Some(told) = told.filter(|told| !told.firing.is_empty()) else { return Before::default() };
        let last_at = wall.saturating_sub(at.saturating_sub(told.at));
        let first_at = last_at.saturating_sub(told.lasting_ms);
        Before { count: told.count.max(1), first_at: Some(first_at), last_at: Some(last_at) }
    }
}
