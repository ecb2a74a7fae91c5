//! The times at which an expression is evaluated.

use nightjar_model::TimestampMs;

/// Nobody looks at times further from the epoch (in milliseconds); so ranges and lookbacks can be added and subtracted
/// without a second thought.
const FURTHEST: TimestampMs = 1 << 61;

/// The time looked at for an evaluation at `t`: shifted, or fixed and shifted.
#[inline]
pub(crate) fn reference(t: TimestampMs, at: Option<TimestampMs>, offset_ms: i64) -> TimestampMs {
    at.unwrap_or(t).saturating_sub(offset_ms).clamp(-FURTHEST, FURTHEST)
}

/// Evaluation times `start, start + step_ms, ...`, `len` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    /// First time.
    pub(crate) start: TimestampMs,
    /// Distance, > 0.
    pub(crate) step_ms: i64,
    /// Number of times; 0 when the end lies before the start.
    pub(crate) len: usize,
    /// The end that was asked for, at or after the last time.
    pub(crate) end: TimestampMs,
}

impl Grid {
    /// A single time.
    pub(crate) fn instant(at: TimestampMs) -> Grid {
        Grid { start: at, step_ms: 1, len: 1, end: at }
    }

    /// Times up to `end`, inclusive.
    pub(crate) fn until(start: TimestampMs, end: TimestampMs, step_ms: i64) -> Grid {
        let len = if end < start { 0 } else { (end.saturating_sub(start) / step_ms).saturating_add(1) };
        Grid { start, step_ms, len: usize::try_from(len).unwrap_or(usize::MAX), end }
    }

    /// Time of step `i`.
    #[inline]
    pub(crate) fn time(&self, i: usize) -> TimestampMs {
        self.start + self.step_ms * i as i64
    }

    /// Time of the last step; the first one when there is none.
    pub(crate) fn last(&self) -> TimestampMs {
        self.time(self.len.saturating_sub(1))
    }

    /// The grid with its first step only.
    pub(crate) fn first_only(&self) -> Grid {
        Grid { len: self.len.min(1), end: self.start, ..*self }
    }
}
