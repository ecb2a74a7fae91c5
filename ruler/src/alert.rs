//! One alert: an instance of an alerting rule.

use nightjar_model::{Labels, TimestampMs};

use crate::texts::Texts;

/// How long a resolved alert is kept and sent again, so that a receiver that was away hears of it.
pub(crate) const RESOLVED_RETENTION_MS: i64 = 15 * 60_000;

/// Where an alert, or the worst alert of a rule, is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertState {
    /// The rule was never evaluated.
    Unknown,
    /// It does not hold.
    Inactive,
    /// It holds, but not long enough.
    Pending,
    /// It holds long enough.
    Firing,
}

impl AlertState {
    /// As the API and the label `alertstate` spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            AlertState::Unknown => "unknown",
            AlertState::Inactive => "inactive",
            AlertState::Pending => "pending",
            AlertState::Firing => "firing",
        }
    }
}

/// One alert. Cloning it is cheap.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// What identifies it: the labels of the result without its name, those of the rule, `alertname`.
    pub labels: Labels,
    /// What people read, rendered at the last evaluation.
    pub annotations: Texts,
    /// Where it is in its life.
    pub state: AlertState,
    /// The value at the last evaluation that found it.
    pub value: f64,
    /// Since when it holds.
    pub active_at: TimestampMs,
    /// Since when it fires.
    pub fired_at: Option<TimestampMs>,
    /// When it was resolved.
    pub resolved_at: Option<TimestampMs>,
    /// Since when it only fires because of `keep_firing_for`.
    pub keep_firing_since: Option<TimestampMs>,
    /// When it was last sent.
    pub last_sent_at: Option<TimestampMs>,
}

impl Alert {
    /// Whether it is pending or firing.
    pub fn is_active(&self) -> bool {
        self.resolved_at.is_none()
    }

    /// Whether both are at the same point of their lives.
    pub(crate) fn is_where(&self, other: &Alert) -> bool {
        self.state == other.state
            && self.active_at == other.active_at
            && self.fired_at == other.fired_at
            && self.resolved_at == other.resolved_at
            && self.keep_firing_since == other.keep_firing_since
    }

    /// Whether people see the same in both; when it was sent is nothing they see.
    pub(crate) fn says_the_same(&self, other: &Alert) -> bool {
        self.is_where(other) && self.value.to_bits() == other.value.to_bits() && self.annotations == other.annotations
    }

    /// Whether receivers must hear of it at `ts`.
    pub(crate) fn needs_sending(&self, ts: TimestampMs, resend_delay_ms: i64) -> bool {
        if self.state == AlertState::Pending {
            return false;
        }
        let Some(sent) = self.last_sent_at else { return true };
        self.resolved_at.is_some_and(|resolved| resolved > sent) || sent.saturating_add(resend_delay_ms) < ts
    }

    /// What an evaluation at `ts` without this alert in its result does to it. Answers whether it is still kept.
    pub(crate) fn absent(&mut self, ts: TimestampMs, keep_firing_for_ms: i64) -> bool {
        let outlived = self.resolved_at.is_some_and(|at| ts - at > RESOLVED_RETENTION_MS);
        if self.state == AlertState::Pending || outlived {
            return false;
        }
        if self.state == AlertState::Firing && keep_firing_for_ms > 0 {
            let since = *self.keep_firing_since.get_or_insert(ts);
            if ts - since < keep_firing_for_ms {
                return true;
            }
        }
        if self.state != AlertState::Inactive {
            self.state = AlertState::Inactive;
            self.resolved_at = Some(ts);
        }
        true
    }

    /// Fires if it holds long enough; goes back to pending if `for` has grown meanwhile.
    pub(crate) fn advance(&mut self, ts: TimestampMs, for_ms: i64) {
        let long_enough = ts - self.active_at >= for_ms;
        if self.state == AlertState::Pending && long_enough {
            self.state = AlertState::Firing;
            self.fired_at = Some(ts);
        } else if self.state == AlertState::Firing && !long_enough {
            self.state = AlertState::Pending;
            self.fired_at = None;
            self.last_sent_at = None;
            self.keep_firing_since = None;
        }
    }
}
