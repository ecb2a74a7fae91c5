//! Whether a sample may be stored, and in which place.

use nightjar_model::storage::RejectReason;
use nightjar_model::{Labels, TimestampMs};

/// A sample may be this much ahead of the wall clock.
pub(crate) const FUTURE_MS: i64 = 600_000;

/// Where a sample goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the newest of its series.
    InOrder,
    /// It is older than the newest of its series.
    Late,
    /// The newest sample has its time: it is a repetition or a contradiction.
    SameTime,
    /// Nowhere.
    Refused(RejectReason),
}

/// The times a batch is judged by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Anything after this is too far in the future.
    pub(crate) newest: TimestampMs,
    /// Anything before this is too old.
    pub(crate) oldest: TimestampMs,
    /// Whether samples may be out of order at all.
    pub(crate) late_allowed: bool,
}

impl Bounds {
    /// Bounds at a wall clock of `now` when the newest stored sample is at `max_t`.
    pub(crate) fn new(now: TimestampMs, max_t: TimestampMs, window_ms: i64, least_ms: i64) -> Bounds {
        let depth = if window_ms > 0 { window_ms } else { least_ms };
        let oldest = if max_t == TimestampMs::MIN { max_t } else { max_t.saturating_sub(depth) };
        Bounds { newest: now.saturating_add(FUTURE_MS), oldest, late_allowed: window_ms > 0 }
    }

    /// Judges a sample at `t` of a series whose newest is at `last_t`.
    #[inline]
    pub(crate) fn judge(&self, t: TimestampMs, last_t: TimestampMs) -> Verdict {
        if t > self.newest {
            Verdict::Refused(RejectReason::TooFarInFuture)
        } else if t == last_t {
            Verdict::SameTime
        } else if t < self.oldest {
            Verdict::Refused(RejectReason::TooOld)
        } else if t > last_t {
            Verdict::InOrder
        } else if self.late_allowed {
            Verdict::Late
        } else {
            Verdict::Refused(RejectReason::OutOfOrder)
        }
    }

    /// The refusal as a sentence.
    pub(crate) fn explain(&self, reason: RejectReason, labels: &Labels, t: TimestampMs, last_t: TimestampMs) -> String {
        match reason {
            RejectReason::TooFarInFuture => format!(
                "out of bounds: sample of {labels} at {t} is more than {} minutes ahead of the server's clock; check the sender's clock",
                FUTURE_MS / 60_000
            ),
            RejectReason::TooOld => format!(
                "too old sample: sample of {labels} at {t} is older than {}, the oldest time the out-of-order window allows",
                self.oldest
            ),
            RejectReason::OutOfOrder => format!(
                "out of order sample: {labels} has a sample at {last_t}, refused one at {t}; out-of-order samples are off"
            ),
            _ => format!("duplicate sample for timestamp: {labels} has another value at {t}"),
        }
    }
}
