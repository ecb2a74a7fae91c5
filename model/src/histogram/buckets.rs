//! Buckets with their bounds, one side or all, in both directions.

use super::FloatHistogram;
use super::bounds::{custom_bound, exponential_bound};
use super::logarithm::log2;
use super::runs::{indexes, indexes_backwards};

/// One bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Lower bound; may be -Inf.
    pub lower: f64,
    /// Upper bound; may be +Inf.
    pub upper: f64,
    /// Whether `lower` itself falls into the bucket.
    pub lower_inclusive: bool,
    /// Whether `upper` itself falls into the bucket.
    pub upper_inclusive: bool,
    /// Observations in it.
    pub count: f64,
    /// Position within its side in the histogram's schema; 0 for the zero bucket. Indexes beyond `i32`, which only
    /// nonsense spans have, are cut to it.
    pub index: i32,
}

impl Bucket {
    /// How far `value` lies inside this bucket, from 0 to 1: on a straight scale, or on a logarithmic one as fits the
    /// buckets of exponential schemas. Means nothing unless lower < value < upper and both bounds are finite.
    pub fn fraction_below(&self, value: f64, linear: bool) -> f64 {
        if linear {
            return (value - self.lower) / (self.upper - self.lower);
        }
        let (lower, upper, value_log) = (log2(self.lower.abs()), log2(self.upper.abs()), log2(value.abs()));
        if value > 0.0 { (value_log - lower) / (upper - lower) } else { 1.0 - ((value_log - upper) / (lower - upper)) }
    }

    /// How JSON marks which bounds belong to the bucket: 0 the upper one, 1 the lower one, 2 none, 3 both.
    pub(super) fn boundary_rule(&self) -> u8 {
        match (self.lower_inclusive, self.upper_inclusive) {
            (false, true) => 0,
            (true, false) => 1,
            (false, false) => 2,
            (true, true) => 3,
        }
    }
}

impl FloatHistogram {
    /// Positive buckets, empty ones included, from zero upwards. For custom buckets: all of them, lowest first.
    pub fn positive(&self) -> impl Iterator<Item = Bucket> + '_ {
        let cells = self.positive_buckets.iter().zip(indexes(&self.positive_spans));
        cells.map(|(count, index)| self.positive_bucket(index, *count))
    }

    /// Negative buckets, empty ones included, from zero downwards.
    pub fn negative(&self) -> impl Iterator<Item = Bucket> + '_ {
        let cells = self.negative_buckets.iter().zip(indexes(&self.negative_spans));
        cells.map(|(count, index)| self.negative_bucket(index, *count))
    }

    /// Positive buckets, highest first.
    pub(super) fn positive_descending(&self) -> impl Iterator<Item = Bucket> + '_ {
        let indexes = indexes_backwards(&self.positive_spans, self.positive_buckets.len());
        let known = covered(&self.positive_spans, &self.positive_buckets);
        known.iter().rev().zip(indexes).map(|(count, index)| self.positive_bucket(index, *count))
    }

    /// Negative buckets, lowest first.
    pub(super) fn negative_ascending(&self) -> impl Iterator<Item = Bucket> + '_ {
        let indexes = indexes_backwards(&self.negative_spans, self.negative_buckets.len());
        let known = covered(&self.negative_spans, &self.negative_buckets);
        known.iter().rev().zip(indexes).map(|(count, index)| self.negative_bucket(index, *count))
    }

    /// The zero bucket. Histograms with custom buckets have none: it is `[0, 0]` and empty for them.
    pub fn zero_bucket(&self) -> Bucket {
        let (half, count) =
            if self.uses_custom_buckets() { (0.0, 0.0) } else { (self.zero_threshold, self.zero_count) };
        Bucket { lower: -half, upper: half, lower_inclusive: true, upper_inclusive: true, count, index: 0 }
    }

    /// All buckets, lowest first; the zero bucket in between if its count is above 0. Buckets that reach into the zero
    /// bucket are cut at its threshold.
    pub fn ascending(&self) -> impl Iterator<Item = Bucket> + '_ {
        let zero = Some(self.zero_bucket()).filter(|zero| zero.count > 0.0);
        self.negative_ascending()
            .map(|bucket| self.outside_zero(bucket))
            .chain(zero)
            .chain(self.positive().map(|bucket| self.outside_zero(bucket)))
    }

    /// The same, highest first.
    pub fn descending(&self) -> impl Iterator<Item = Bucket> + '_ {
        let zero = Some(self.zero_bucket()).filter(|zero| zero.count > 0.0);
        self.positive_descending()
            .map(|bucket| self.outside_zero(bucket))
            .chain(zero)
            .chain(self.negative().map(|bucket| self.outside_zero(bucket)))
    }

    fn bound(&self, index: i64) -> f64 {
        if self.uses_custom_buckets() {
            custom_bound(index, self.bounds())
        } else {
            exponential_bound(index, self.schema)
        }
    }

    fn positive_bucket(&self, index: i64, count: f64) -> Bucket {
        self.bucket(self.bound(index - 1), self.bound(index), index, count)
    }

    fn negative_bucket(&self, index: i64, count: f64) -> Bucket {
        self.bucket(-self.bound(index), -self.bound(index - 1), index, count)
    }

    fn bucket(&self, lower: f64, upper: f64, index: i64, count: f64) -> Bucket {
        let (lower_inclusive, upper_inclusive) =
            if self.uses_custom_buckets() { (index == 0, true) } else { (lower < 0.0, upper > 0.0) };
        let index = index.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
        Bucket { lower, upper, lower_inclusive, upper_inclusive, count, index }
    }

    fn outside_zero(&self, mut bucket: Bucket) -> Bucket {
        if bucket.upper < 0.0 && bucket.upper > -self.zero_threshold {
            bucket.upper = -self.zero_threshold;
        } else if bucket.lower > 0.0 && bucket.lower < self.zero_threshold {
            bucket.lower = self.zero_threshold;
        }
        bucket
    }
}

/// The counts that spans give a place to.
fn covered<'a>(spans: &[super::Span], counts: &'a [f64]) -> &'a [f64] {
    let places: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
    &counts[..counts.len().min(usize::try_from(places).unwrap_or(usize::MAX))]
}
