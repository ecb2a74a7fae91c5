//! Buckets: what is kept of many samples. A bucket of width `w` is of the samples of a series in `(k w, (k + 1) w]` and
//! stands at the time of the last of them.

use crate::stale::is_stale;
use crate::time::ClosedRange;

/// No bucket is wider, in milliseconds.
pub const WIDEST_BUCKET_MS: i64 = 7_200_000;

/// What a bucket says of its float samples; stale markers are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregate {
    /// The last one.
    Last,
    /// How many there are.
    Count,
    /// Their sum, compensated.
    Sum,
    /// The least, NaN only when there is nothing else; of equal ones the first.
    Min,
    /// The greatest, likewise.
    Max,
    /// The last one with everything added that was lost in resets: differences of these are increases.
    Counter,
}

impl Aggregate {
    /// What a single sample says, which is then a bucket of its own. A stale marker stays one.
    pub fn of(self, value: f64) -> f64 {
        match self {
            Aggregate::Count if !is_stale(value) => 1.0,
            _ => value,
        }
    }
}

/// When buckets may be read instead of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Downsampled {
    /// What is wanted of them.
    pub aggregate: Aggregate,
    /// All windows begin and end at multiples of this, in milliseconds, and an answer from whole buckets is equal to one
    /// from samples: where their width divides it buckets may always be read. 0 = nowhere.
    pub aligned_ms: i64,
    /// Up to this width buckets may be read although the answer is then another one, in milliseconds; 0 = none.
    pub coarsest_ms: i64,
}

/// Where buckets stand for samples in a selection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buckets {
    /// Whether floats are what was wanted of buckets, samples included (see [`Aggregate::of`]), rather than samples.
    pub aggregated: bool,
    /// Times where buckets are read although the answer is then another one, with their width in milliseconds.
    pub inexact: Vec<(ClosedRange, i64)>,
    /// Times of which nothing but buckets is left, which were not to be read, with the least width in milliseconds.
    pub withheld: Option<(ClosedRange, i64)>,
}
