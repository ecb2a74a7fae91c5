//! Walking over buckets.

use std::fmt;

use super::bounds::bound;
use super::{FloatHistogram, Span};
use crate::number::format_g;

/// A bucket as an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// Whether an observation equal to `lower` belongs to it.
    pub lower_inclusive: bool,
    /// Whether an observation equal to `upper` belongs to it.
    pub upper_inclusive: bool,
    /// Observations.
    pub count: f64,
}

impl Bucket {
    /// The share of the bucket below `v`, which lies inside: by distance, or by distance of logarithms.
    pub fn fraction_below(&self, v: f64, linear: bool) -> f64 {
        if linear {
            return (v - self.lower) / (self.upper - self.lower);
        }
        let (lower, upper, at) = (self.lower.abs().log2(), self.upper.abs().log2(), v.abs().log2());
        if v > 0.0 { (at - lower) / (upper - lower) } else { 1.0 - ((at - upper) / (lower - upper)) }
    }
}

impl fmt::Display for Bucket {
    /// `(1,2]:3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = if self.lower_inclusive { '[' } else { '(' };
        let close = if self.upper_inclusive { ']' } else { ')' };
        let [lower, upper, count] = [self.lower, self.upper, self.count].map(format_g);
        write!(f, "{open}{lower},{upper}{close}:{count}")
    }
}

/// Index and count of each bucket of one side.
pub(super) fn pairs<'a>(spans: &'a [Span], counts: &'a [f64]) -> impl Iterator<Item = (i32, f64)> + 'a {
    let mut next = 0i32;
    let indices = spans.iter().flat_map(move |span| {
        let start = next.wrapping_add(span.offset);
        next = start.wrapping_add(span.length as i32);
        (0..span.length).map(move |i| start.wrapping_add(i as i32))
    });
    indices.zip(counts.iter().copied())
}

/// Spans and counts of buckets in ascending order.
pub(super) fn layout(buckets: impl Iterator<Item = (i32, f64)>) -> (Vec<Span>, Vec<f64>) {
    let (mut spans, mut counts): (Vec<Span>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut next = 0;
    for (index, count) in buckets {
        match spans.last_mut() {
            Some(span) if index == next => span.length += 1,
            _ => spans.push(Span { offset: index.wrapping_sub(next), length: 1 }),
        }
        next = index.wrapping_add(1);
        counts.push(count);
    }
    (spans, counts)
}

impl FloatHistogram {
    /// Buckets above zero, ascending; all buckets of custom schemas.
    pub fn positive(&self) -> impl Iterator<Item = Bucket> + '_ {
        pairs(&self.positive_spans, &self.positive_buckets).map(|(index, count)| self.bucket(index, count, true))
    }

    /// Buckets below zero, from zero downwards.
    pub fn negative(&self) -> impl Iterator<Item = Bucket> + '_ {
        pairs(&self.negative_spans, &self.negative_buckets).map(|(index, count)| self.bucket(index, count, false))
    }

    /// The bucket around zero; exponential schemas only.
    pub fn zero_bucket(&self) -> Bucket {
        Bucket {
            lower: -self.zero_threshold,
            upper: self.zero_threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count: self.zero_count,
        }
    }

    /// All buckets, ascending, the zero bucket only if it has observations; none reaches into the zero bucket.
    pub fn buckets(&self) -> Vec<Bucket> {
        let mut all: Vec<Bucket> = self.negative().collect();
        all.reverse();
        if self.zero_count > 0.0 {
            all.push(self.zero_bucket());
        }
        all.extend(self.positive());
        let threshold = self.zero_threshold;
        for bucket in &mut all {
            if bucket.upper < 0.0 && bucket.upper > -threshold {
                bucket.upper = -threshold;
            } else if bucket.lower > 0.0 && bucket.lower < threshold {
                bucket.lower = threshold;
            }
        }
        all
    }

    /// Upper bounds of custom buckets.
    pub(super) fn custom(&self) -> &[f64] {
        self.custom_values.as_deref().unwrap_or(&[])
    }

    pub(super) fn bucket(&self, index: i32, count: f64, positive: bool) -> Bucket {
        let outer = bound(index, self.schema, self.custom());
        let inner = bound(index.wrapping_sub(1), self.schema, self.custom());
        let (lower, upper) = if positive { (inner, outer) } else { (-outer, -inner) };
        let custom = self.uses_custom_buckets();
        Bucket {
            lower,
            upper,
            lower_inclusive: if custom { index == 0 } else { lower < 0.0 },
            upper_inclusive: custom || upper > 0.0,
            count,
        }
    }
}

impl fmt::Display for FloatHistogram {
    /// As Prometheus prints it: `{count:4, sum:5, (1,2]:4}`, empty buckets left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{count:{}, sum:{}", format_g(self.count), format_g(self.sum))?;
        let mut negative: Vec<Bucket> = self.negative().collect();
        negative.reverse();
        let zero = (self.zero_count != 0.0).then(|| self.zero_bucket());
        for bucket in negative.into_iter().chain(zero).chain(self.positive()).filter(|b| b.count != 0.0) {
            write!(f, ", {bucket}")?;
        }
        f.write_str("}")
    }
}
