//! Points and intervals in time.
//!
//! Three interval types exist on purpose: mixing their bounds up is the classic mistake of this field.

/// Milliseconds since the Unix epoch; may be negative.
pub type TimestampMs = i64;

/// A closed interval `[start, end]`: what a query asks for. Empty when `start > end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClosedRange {
    /// First instant inside, in milliseconds.
    pub start: TimestampMs,
    /// Last instant inside, in milliseconds.
    pub end: TimestampMs,
}

/// A half-open interval `[start, end)`: what a block covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlockRange {
    /// First instant inside, in milliseconds.
    pub start: TimestampMs,
    /// First instant after the interval, in milliseconds.
    pub end: TimestampMs,
}

/// A left-open interval `(start, end]`: what a range selector or a lookback sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LookbackRange {
    /// Last instant before the interval, in milliseconds.
    pub start: TimestampMs,
    /// Last instant inside, in milliseconds.
    pub end: TimestampMs,
}

impl ClosedRange {
    /// The interval that contains every instant.
    pub const ALL: ClosedRange = ClosedRange { start: TimestampMs::MIN, end: TimestampMs::MAX };

    /// Whether `t` lies inside, bounds included.
    pub fn contains(self, t: TimestampMs) -> bool {
        self.start <= t && t <= self.end
    }

    /// Whether a block shares at least one instant with this interval.
    pub fn overlaps(self, block: BlockRange) -> bool {
        self.start < block.end && block.start <= self.end
    }
}

impl BlockRange {
    /// Whether `t` lies inside: `start` is, `end` is not.
    pub fn contains(self, t: TimestampMs) -> bool {
        self.start <= t && t < self.end
    }

    /// The aligned interval of `width_ms` (> 0) that contains `t`.
    pub fn aligned(t: TimestampMs, width_ms: i64) -> BlockRange {
        let start = t.div_euclid(width_ms).saturating_mul(width_ms);
        BlockRange { start, end: start.saturating_add(width_ms) }
    }
}

impl LookbackRange {
    /// Whether `t` lies inside: `start` is not, `end` is.
    pub fn contains(self, t: TimestampMs) -> bool {
        self.start < t && t <= self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds() {
        let closed = ClosedRange { start: 1, end: 3 };
        let block = BlockRange { start: 1, end: 3 };
        let lookback = LookbackRange { start: 1, end: 3 };
        let inside = |f: &dyn Fn(i64) -> bool| (0..5).filter(|t| f(*t)).collect::<Vec<_>>();
        assert_eq!(inside(&|t| closed.contains(t)), [1, 2, 3]);
        assert_eq!(inside(&|t| block.contains(t)), [1, 2]);
        assert_eq!(inside(&|t| lookback.contains(t)), [2, 3]);
        assert!(!closed.overlaps(BlockRange { start: 4, end: 9 }));
        assert!(closed.overlaps(BlockRange { start: 3, end: 9 }));
        assert!(!closed.overlaps(BlockRange { start: 0, end: 1 }));
    }

    #[test]
    fn alignment_rounds_towards_the_past() {
        assert_eq!(BlockRange::aligned(-1, 10), BlockRange { start: -10, end: 0 });
        assert_eq!(BlockRange::aligned(10, 10), BlockRange { start: 10, end: 20 });
    }
}
