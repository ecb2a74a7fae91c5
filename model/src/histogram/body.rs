//! The buckets of a histogram, zero bucket included, while they are added to those of another one.

use super::bounds::{custom_bound, exponential_bound};
use super::layout::compacted;
use super::runs::{Builder, Count, Runs, folded};

/// Exponential buckets of both signs and the zero bucket.
#[derive(Clone, Debug)]
pub(super) struct Body<'a, C: Clone> {
    pub(super) schema: i32,
    pub(super) zero_threshold: f64,
    pub(super) zero: C,
    pub(super) positive: Runs<'a, C>,
    pub(super) negative: Runs<'a, C>,
}

impl<C: Count> Body<'_, C> {
    /// Adds `other`, or subtracts it. Before that both get the lower one of the two resolutions and a zero bucket that
    /// contains both zero buckets and ends where no populated bucket is cut.
    pub(super) fn add(&mut self, other: &Body<'_, C>, subtract: bool) {
        let zero = self.reconcile_zero(other);
        self.zero = self.zero.plus(if subtract { zero.negated() } else { zero });
        let schema = self.schema.min(other.schema);
        let shifts = (self.schema.abs_diff(schema), other.schema.abs_diff(schema));
        let threshold = self.zero_threshold;
        let in_zero = |index| exponential_bound(index, schema) <= threshold;
        self.positive.add(&other.positive, shifts, in_zero, subtract);
        self.negative.add(&other.negative, shifts, in_zero, subtract);
        self.schema = schema;
    }

    /// Widens the own zero bucket as far as needed; answers what `other` would have in it.
    fn reconcile_zero(&mut self, other: &Body<'_, C>) -> C {
        let (mut zero, mut threshold) = (other.zero, other.zero_threshold);
        if threshold.is_nan() || self.zero_threshold.is_nan() {
            return zero;
        }
        while threshold != self.zero_threshold {
            if self.zero_threshold > threshold {
                (zero, threshold) = other.zero_within(self.zero_threshold);
            }
            if threshold > self.zero_threshold {
                (self.zero, self.zero_threshold) = self.zero_within(threshold);
                self.drop_in_zero();
            }
        }
        zero
    }

    /// What the zero bucket would hold if it reached up to `threshold`, and how far it really has to reach so that no
    /// populated bucket is cut. The own zero bucket if that is larger.
    pub(super) fn zero_within(&self, mut threshold: f64) -> (C, f64) {
        if threshold.partial_cmp(&self.zero_threshold) != Some(std::cmp::Ordering::Greater) {
            return (self.zero, self.zero_threshold);
        }
        let mut zero = self.zero;
        loop {
            (zero, threshold) = self.swallowed(&self.positive, zero, threshold);
            let reached;
            (zero, reached) = self.swallowed(&self.negative, zero, threshold);
            if reached == threshold {
                return (zero, threshold);
            }
            // The negative side asks for more, so the positive side has to be looked at again.
            threshold = reached;
            zero = zero.started_again(self.zero);
        }
    }

    /// Adds to `zero` the buckets of one side that begin below `threshold`; answers it with the threshold moved to the
    /// end of the last one if that is populated.
    fn swallowed(&self, side: &Runs<'_, C>, mut zero: C, threshold: f64) -> (C, f64) {
        for (index, count) in side.cells() {
            if exponential_bound(index - 1, self.schema) >= threshold {
                break;
            }
            zero = zero.plus(count);
            let end = exponential_bound(index, self.schema);
            if end > threshold {
                return (zero, if count.is_zero() { threshold } else { end });
            }
        }
        (zero, threshold)
    }

    fn drop_in_zero(&mut self) {
        let (schema, threshold) = (self.schema, self.zero_threshold);
        for side in [&mut self.positive, &mut self.negative] {
            let cells = side.cells().skip_while(|(index, _)| exponential_bound(index - 1, schema) < threshold);
            let rest: Runs<'static, C> = compacted(cells, 0);
            *side = rest;
        }
    }
}

impl<C: Count> Runs<'_, C> {
    /// Adds the buckets of `other`, or subtracts them, after both went down by `shifts` schemas. Its first buckets
    /// that are `skipped` are left out.
    pub(super) fn add(
        &mut self,
        other: &Runs<'_, C>,
        shifts: (u32, u32),
        skipped: impl Fn(i64) -> bool,
        subtract: bool,
    ) {
        let signed = move |count: C| if subtract { count.negated() } else { count };
        let first = other.cells().next().map(|(index, _)| index);
        if shifts == (0, 0)
            && self.spans == other.spans
            && self.counts.len() == other.counts.len()
            && !first.is_some_and(&skipped)
        {
            self.counts.to_mut().iter_mut().zip(other.counts.iter()).for_each(|(a, b)| *a = a.plus(signed(*b)));
            return;
        }
        let right = folded(other.cells(), shifts.1).skip_while(|(index, _)| skipped(*index));
        let right = right.map(|(index, count)| (index, signed(count)));
        *self = Runs::merged(folded(self.cells(), shifts.0), right);
    }

    /// Adds or subtracts buckets with the custom bounds `others` to buckets with the custom bounds `own`. What comes
    /// out has the bounds `target`, which are among both.
    pub(super) fn add_custom(
        &mut self,
        other: &Runs<'_, C>,
        (own, others, target): (&[f64], &[f64], &[f64]),
        subtract: bool,
    ) {
        let mut sums = remapped(self, own, target);
        for (sum, count) in places(other, others, target) {
            sums[sum] = sums[sum].plus(if subtract { count.negated() } else { count });
        }
        let mut builder = Builder::default();
        let populated = (0i64..).zip(sums).filter(|(_, count)| !count.is_zero());
        populated.for_each(|(index, count)| builder.push(index, count));
        *self = builder.runs();
    }
}

/// The counts of `runs`, one per bucket of the bounds `target`, empty ones included.
pub(super) fn remapped<C: Count>(runs: &Runs<'_, C>, bounds: &[f64], target: &[f64]) -> Vec<C> {
    let mut sums = vec![C::default(); target.len() + 1];
    for (sum, count) in places(runs, bounds, target) {
        sums[sum] = sums[sum].plus(count);
    }
    sums
}

/// For each count the bucket of the bounds `target` it belongs into.
fn places<'a, C: Count>(
    runs: &'a Runs<'_, C>,
    bounds: &'a [f64],
    target: &'a [f64],
) -> impl Iterator<Item = (usize, C)> + 'a {
    runs.cells().map(move |(index, count)| {
        let bound = custom_bound(index, bounds);
        (target.partition_point(|t| *t < bound), count)
    })
}

/// The bounds that are in both of two ascending lists.
pub(super) fn intersection(a: &[f64], b: &[f64]) -> Vec<f64> {
    let (mut i, mut j, mut both) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            both.push(a[i]);
            (i, j) = (i + 1, j + 1);
        } else if a[i] < b[j] {
            i += 1;
        } else {
            j += 1;
        }
    }
    both
}
