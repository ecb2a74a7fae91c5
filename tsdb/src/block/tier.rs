//! Blocks of buckets: what is kept of many samples when these are too many.
//!
//! A tier block is a block whose float samples are the last ones of buckets, with further sections of what else is known
//! of each bucket. Which bucket a sample belongs to is told by [`Tier::bucket_end`].

mod fold;
mod read;

pub(super) use fold::Bucketed;
pub use read::{BucketColumn, Joint};

use std::collections::BTreeSet;

use nightjar_model::{ClosedRange, TimestampMs};

use super::section::Kind;
use crate::bytes::{Corrupt, Cursor, put_varint};

/// The sections beside the last values, in the order in which they are written.
pub(super) const SECTIONS: [Kind; 5] = [Kind::Counts, Kind::Sums, Kind::Minima, Kind::Maxima, Kind::Counters];

/// What the buckets of a block are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Width of a bucket in milliseconds, > 0.
    pub width_ms: i64,
    /// Numbers of the blocks it was made from.
    pub sources: BTreeSet<u64>,
}

impl Tier {
    /// The last time of the bucket `t` belongs to.
    pub fn bucket_end(&self, t: TimestampMs) -> TimestampMs {
        bucket(t, self.width_ms).saturating_add(1).saturating_mul(self.width_ms)
    }

    /// The times at which buckets may stand that hold something of `times`.
    pub(crate) fn widened(&self, times: ClosedRange) -> ClosedRange {
        ClosedRange { start: times.start, end: self.bucket_end(times.end) }
    }

    /// Appends it.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(self.width_ms as u64, out);
        put_varint(self.sources.len() as u64, out);
        self.sources.iter().for_each(|number| put_varint(*number, out));
    }

    /// Reads what [`Tier::encode`] wrote.
    pub(super) fn decode(cursor: &mut Cursor<'_>) -> Result<Tier, Corrupt> {
        const WHAT: &str = "tier";
        let corrupt = cursor.corrupt(WHAT);
        let width_ms = i64::try_from(cursor.varint(WHAT)?).ok().filter(|width| *width > 0).ok_or(corrupt)?;
        let sources = (0..cursor.count(1, WHAT)?).map(|_| cursor.varint(WHAT)).collect::<Result<_, _>>()?;
        Ok(Tier { width_ms, sources })
    }
}

/// The number of the bucket `t` belongs to: `(k w, (k + 1) w]`.
fn bucket(t: TimestampMs, width_ms: i64) -> i64 {
    t.saturating_sub(1).div_euclid(width_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_bucket_belongs_to_it() {
        let tier = Tier { width_ms: 10, sources: BTreeSet::from([3, 7, 300]) };
        for (t, end) in [(-10, -10), (-9, 0), (0, 0), (1, 10), (10, 10), (11, 20), (i64::MAX, i64::MAX)] {
            assert_eq!(tier.bucket_end(t), end, "{t}");
        }
        let mut bytes = Vec::new();
        tier.encode(&mut bytes);
        assert_eq!(Tier::decode(&mut Cursor::new(&bytes)).unwrap(), tier);
        (0..bytes.len()).for_each(|n| assert!(Tier::decode(&mut Cursor::new(&bytes[..n])).is_err()));
    }
}
