//! Adding, subtracting and scaling histograms of unequal layout, compensated where sums are long.

use std::sync::Arc;

use super::bounds::{bound, exponential_bound, index_in};
use super::buckets::{layout, pairs};
use super::{CounterResetHint, FloatHistogram};

/// Two histograms cannot be combined: one has exponential, the other custom buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot apply this operation on histograms with a mix of exponential and custom bucket schemas")]
pub struct IncompatibleBuckets;

/// What had to be smoothed over to combine two histograms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Combined {
    /// One said "reset", the other "no reset".
    pub hints_collided: bool,
    /// Custom bounds differed; only the common ones are left.
    pub bounds_reconciled: bool,
}

/// A compensated number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Total {
    sum: f64,
    lost: f64,
}

impl Total {
    fn new(sum: f64) -> Total {
        Total { sum, lost: 0.0 }
    }

    /// Neumaier's addition.
    fn add(&mut self, term: f64) {
        let total = self.sum + term;
        if total.is_infinite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= term.abs() {
            self.lost += (self.sum - total) + term;
        } else {
            self.lost += (term - total) + self.sum;
        }
        self.sum = total;
    }

    fn map(&mut self, f: impl Fn(f64) -> f64) {
        self.sum = f(self.sum);
        self.lost = f(self.lost);
    }
}

/// Buckets of one side by index, ascending.
type Side = Vec<(i32, Total)>;

/// A sum of histograms under way, with what rounding lost kept beside every number.
#[derive(Clone, Debug)]
pub struct HistogramSum {
    hint: CounterResetHint,
    schema: i32,
    zero_threshold: f64,
    zero_count: Total,
    count: Total,
    sum: Total,
    positive: Side,
    negative: Side,
    custom: Option<Arc<[f64]>>,
}

fn side(spans: &[super::Span], counts: &[f64]) -> Side {
    pairs(spans, counts).map(|(index, count)| (index, Total::new(count))).collect()
}

impl HistogramSum {
    /// Starts from one histogram.
    pub fn new(h: &FloatHistogram) -> HistogramSum {
        HistogramSum {
            hint: h.counter_reset_hint,
            schema: h.schema,
            zero_threshold: h.zero_threshold,
            zero_count: Total::new(h.zero_count),
            count: Total::new(h.count),
            sum: Total::new(h.sum),
            positive: side(&h.positive_spans, &h.positive_buckets),
            negative: side(&h.negative_spans, &h.negative_buckets),
            custom: h.custom_values.clone(),
        }
    }

    /// Adds a histogram, reducing resolution and bounds to what both have.
    pub fn add(&mut self, other: &FloatHistogram) -> Result<Combined, IncompatibleBuckets> {
        self.combine(other, 1.0)
    }

    fn combine(&mut self, other: &FloatHistogram, sign: f64) -> Result<Combined, IncompatibleBuckets> {
        let custom = self.custom_buckets();
        if custom != other.uses_custom_buckets() {
            return Err(IncompatibleBuckets);
        }
        let hints_collided = self.adjust_hint(other.counter_reset_hint);
        let mut other = HistogramSum::new(other);
        if !custom {
            self.reconcile_zero_buckets(&mut other);
            self.zero_count.add(sign * other.zero_count.sum);
            self.zero_count.add(sign * other.zero_count.lost);
        }
        self.count.add(sign * other.count.sum);
        self.sum.add(sign * other.sum.sum);
        let bounds_reconciled = custom && self.bounds() != other.bounds();
        if bounds_reconciled {
            self.reconcile_bounds(&other, sign);
        } else {
            let schema = if custom { self.schema } else { self.schema.min(other.schema) };
            self.reduce(schema);
            other.reduce(schema);
            merge(&mut self.positive, other.above_zero_bucket(&other.positive, self.zero_threshold), sign);
            merge(&mut self.negative, other.above_zero_bucket(&other.negative, self.zero_threshold), sign);
        }
        Ok(Combined { hints_collided, bounds_reconciled })
    }

    /// Multiplies everything.
    pub fn multiply(&mut self, factor: f64) {
        self.map(|v| v * factor);
    }

    /// Divides everything.
    pub fn divide(&mut self, divisor: f64) {
        self.map(|v| v / divisor);
    }

    fn map(&mut self, f: impl Fn(f64) -> f64 + Copy) {
        [&mut self.zero_count, &mut self.count, &mut self.sum].into_iter().for_each(|total| total.map(f));
        self.positive.iter_mut().chain(&mut self.negative).for_each(|(_, total)| total.map(f));
    }

    /// Whether some number has become infinite.
    pub fn overflows(&self) -> bool {
        let buckets = self.positive.iter().chain(&self.negative).map(|(_, total)| total);
        [&self.zero_count, &self.count, &self.sum].into_iter().chain(buckets).any(|total| total.sum.is_infinite())
    }

    /// The sum, with what was lost on the way.
    pub fn finish(&self) -> FloatHistogram {
        self.build(|total| total.sum + total.lost)
    }

    /// The sum as plain addition would have it.
    fn plain(&self) -> FloatHistogram {
        self.build(|total| total.sum)
    }

    fn build(&self, value: impl Fn(&Total) -> f64) -> FloatHistogram {
        let side = |buckets: &Side| layout(buckets.iter().map(|(index, total)| (*index, value(total))));
        let (positive_spans, positive_buckets) = side(&self.positive);
        let (negative_spans, negative_buckets) = side(&self.negative);
        FloatHistogram {
            counter_reset_hint: self.hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: value(&self.zero_count),
            count: value(&self.count),
            sum: value(&self.sum),
            positive_spans,
            negative_spans,
            positive_buckets,
            negative_buckets,
            custom_values: self.custom.clone(),
        }
    }

    fn custom_buckets(&self) -> bool {
        self.schema == super::CUSTOM_BUCKETS_SCHEMA
    }

    fn bounds(&self) -> &[f64] {
        self.custom.as_deref().unwrap_or(&[])
    }

    /// Gauge wins over all, then unknown; true when "reset" meets "no reset".
    fn adjust_hint(&mut self, other: CounterResetHint) -> bool {
        use CounterResetHint::{Gauge, Unknown};
        match (self.hint, other) {
            (a, b) if a == b => false,
            (Gauge, _) => false,
            (_, Gauge) => {
                self.hint = Gauge;
                false
            }
            (Unknown, _) => false,
            (_, Unknown) => {
                self.hint = Unknown;
                false
            }
            _ => {
                self.hint = Unknown;
                true
            }
        }
    }

    /// Lowers the resolution to `schema`.
    fn reduce(&mut self, schema: i32) {
        if schema >= self.schema || self.custom_buckets() {
            return;
        }
        for side in [&mut self.positive, &mut self.negative] {
            let mut reduced: Side = Vec::with_capacity(side.len());
            for (index, total) in side.drain(..) {
                let index = index_in(index, self.schema, schema);
                match reduced.last_mut() {
                    Some((last, into)) if *last == index => {
                        into.add(total.sum);
                        into.add(total.lost);
                    }
                    _ => reduced.push((index, total)),
                }
            }
            *side = reduced;
        }
        self.schema = schema;
    }

    /// Widens the narrower zero bucket until both are equally wide.
    fn reconcile_zero_buckets(&mut self, other: &mut HistogramSum) {
        while other.zero_threshold != self.zero_threshold {
            let before = (self.zero_threshold, other.zero_threshold);
            if self.zero_threshold > other.zero_threshold {
                other.widen_zero_bucket(self.zero_threshold);
            }
            if other.zero_threshold > self.zero_threshold {
                self.widen_zero_bucket(other.zero_threshold);
            }
            if before == (self.zero_threshold, other.zero_threshold) {
                return;
            }
        }
    }

    /// Makes the zero bucket at least as wide as `threshold`, swallowing the buckets it touches.
    fn widen_zero_bucket(&mut self, threshold: f64) {
        let (zero_count, threshold) = self.zero_count_at(threshold);
        self.zero_count = zero_count;
        self.zero_threshold = threshold;
        let schema = self.schema;
        for side in [&mut self.positive, &mut self.negative] {
            side.retain(|(index, _)| exponential_bound(index.wrapping_sub(1), schema) >= threshold);
        }
    }

    /// Observations in a zero bucket of at least the width `threshold`, and the width that no bucket straddles.
    fn zero_count_at(&self, mut threshold: f64) -> (Total, f64) {
        if threshold <= self.zero_threshold {
            return (self.zero_count, self.zero_threshold);
        }
        let mut lost = self.zero_count.lost;
        'wider: loop {
            let mut count = Total { sum: self.zero_count.sum, lost };
            for (side, again) in [(&self.positive, false), (&self.negative, true)] {
                for (index, total) in side {
                    let inner = exponential_bound(index.wrapping_sub(1), self.schema);
                    let outer = exponential_bound(*index, self.schema);
                    if inner >= threshold {
                        break;
                    }
                    count.add(total.sum);
                    count.add(total.lost);
                    if outer > threshold {
                        if total.sum != 0.0 {
                            threshold = outer;
                            if again {
                                lost = count.lost;
                                continue 'wider;
                            }
                        }
                        break;
                    }
                }
            }
            return (count, threshold);
        }
    }

    /// Buckets of a side from the first one that reaches beyond the zero bucket.
    fn above_zero_bucket<'a>(&self, side: &'a Side, threshold: f64) -> &'a [(i32, Total)] {
        if self.custom_buckets() {
            return side;
        }
        let skip = side.iter().take_while(|(index, _)| exponential_bound(*index, self.schema) <= threshold).count();
        &side[skip..]
    }

    /// Adds custom buckets with other bounds: only common bounds stay.
    fn reconcile_bounds(&mut self, other: &HistogramSum, sign: f64) {
        let common: Arc<[f64]> = self.bounds().iter().copied().filter(|b| other.bounds().contains(b)).collect();
        let mut target = vec![Total::default(); common.len() + 1];
        for (h, sign) in [(&*self, 1.0), (other, sign)] {
            for (index, total) in &h.positive {
                let upper = bound(*index, h.schema, h.bounds());
                let into = &mut target[common.partition_point(|b| *b < upper)];
                into.add(sign * total.sum);
                into.add(sign * total.lost);
            }
        }
        let kept = target.into_iter().enumerate().filter(|(_, total)| *total != Total::default());
        self.positive = kept.map(|(index, total)| (index as i32, total)).collect();
        self.custom = Some(common);
    }
}

/// Adds the buckets of `b` to those of `a`.
fn merge(a: &mut Side, b: &[(i32, Total)], sign: f64) {
    let mut merged: Side = Vec::with_capacity(a.len().max(b.len()));
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) if x.0 == y.0 => {
                let mut total = x.1;
                total.add(sign * y.1.sum);
                if y.1.lost != 0.0 {
                    total.add(sign * y.1.lost);
                }
                merged.push((x.0, total));
                (i, j) = (i + 1, j + 1);
            }
            (Some(x), y) if y.is_none_or(|y| x.0 < y.0) => {
                merged.push(*x);
                i += 1;
            }
            (_, Some(y)) => {
                merged.push((y.0, Total { sum: sign * y.1.sum, lost: sign * y.1.lost }));
                j += 1;
            }
            (_, None) => break,
        }
    }
    *a = merged;
}

impl FloatHistogram {
    /// Adds a histogram, reducing resolution and bounds to what both have.
    pub fn add(&mut self, other: &FloatHistogram) -> Result<Combined, IncompatibleBuckets> {
        self.combine(other, 1.0)
    }

    /// Subtracts a histogram, reducing resolution and bounds to what both have.
    pub fn subtract(&mut self, other: &FloatHistogram) -> Result<Combined, IncompatibleBuckets> {
        self.combine(other, -1.0)
    }

    fn combine(&mut self, other: &FloatHistogram, sign: f64) -> Result<Combined, IncompatibleBuckets> {
        let mut sum = HistogramSum::new(self);
        let combined = sum.combine(other, sign)?;
        *self = sum.plain();
        Ok(combined)
    }

    /// Multiplies every count and the sum; a negative factor makes a gauge.
    pub fn multiply(&mut self, factor: f64) {
        self.map(|v| v * factor);
        if factor < 0.0 {
            self.counter_reset_hint = CounterResetHint::Gauge;
        }
    }

    /// Divides every count and the sum; a negative divisor makes a gauge, zero leaves no buckets.
    pub fn divide(&mut self, divisor: f64) {
        self.map(|v| v / divisor);
        if divisor == 0.0 {
            self.positive_buckets.clear();
            self.negative_buckets.clear();
            self.positive_spans.clear();
            self.negative_spans.clear();
        } else if divisor < 0.0 {
            self.counter_reset_hint = CounterResetHint::Gauge;
        }
    }

    fn map(&mut self, f: impl Fn(f64) -> f64) {
        let numbers = [&mut self.zero_count, &mut self.count, &mut self.sum].into_iter();
        for v in numbers.chain(&mut self.positive_buckets).chain(&mut self.negative_buckets) {
            *v = f(*v);
        }
    }

    /// The same observations at a lower resolution; nothing is known about resets then. Itself if not lower.
    pub fn at_schema(&self, schema: i32) -> FloatHistogram {
        if schema >= self.schema || self.uses_custom_buckets() {
            return self.clone();
        }
        let mut sum = HistogramSum::new(self);
        sum.reduce(schema);
        FloatHistogram { counter_reset_hint: CounterResetHint::Unknown, ..sum.plain() }
    }

    /// Leaves out empty buckets.
    pub fn compact(&mut self) {
        let full = |bucket: &(i32, f64)| bucket.1 != 0.0;
        (self.positive_spans, self.positive_buckets) =
            layout(pairs(&self.positive_spans, &self.positive_buckets).filter(full));
        (self.negative_spans, self.negative_buckets) =
            layout(pairs(&self.negative_spans, &self.negative_buckets).filter(full));
    }

    /// Observations in a zero bucket of at least the width `threshold`, and the width that no bucket straddles.
    pub(super) fn zero_count_at(&self, threshold: f64) -> (f64, f64) {
        let (count, threshold) = HistogramSum::new(self).zero_count_at(threshold);
        (count.sum, threshold)
    }

    /// Buckets of both sides at a lower schema, without those inside a zero bucket of the given width.
    pub(super) fn sides_at(&self, schema: i32, threshold: f64) -> [Vec<(i32, f64)>; 2] {
        let mut sum = HistogramSum::new(self);
        sum.reduce(schema);
        [&sum.positive, &sum.negative]
            .map(|side| sum.above_zero_bucket(side, threshold).iter().map(|(i, total)| (*i, total.sum)).collect())
    }
}
