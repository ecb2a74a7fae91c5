//! Quantiles of numbers and of classic buckets.

use std::cmp::Ordering;

use crate::annotations::MonotonicityFix;
use crate::gomath::almost_equal;

/// Bucket counts closer than this, relative to their size, are taken for equal.
const SMALL_DELTA: f64 = 1e-12;

/// The order of Prometheus' sorts: NaN before everything.
pub(crate) fn nan_first(a: &f64, b: &f64) -> Ordering {
    b.is_nan().cmp(&a.is_nan()).then(a.partial_cmp(b).unwrap_or(Ordering::Equal))
}

/// Quantile `q` of `values`, which get sorted; linear between ranks. NaN for no values, infinite outside [0, 1].
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(nan_first);
    quantile_of(q, values.len(), |rank| values[rank])
}

/// Quantile `q` of `len` values, of which `value` answers the one with a rank.
pub(crate) fn quantile_of(q: f64, len: usize, value: impl Fn(usize) -> f64) -> f64 {
    if len == 0 || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    let n = len as f64;
    let rank = q * (n - 1.0);
    let lower = rank.floor().max(0.0);
    let upper = (lower + 1.0).min(n - 1.0);
    let weight = rank - rank.floor();
    value(lower as usize) * (1.0 - weight) + value(upper as usize) * weight
}

/// Values that are kept sorted: NaN before everything.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    /// Integers in the order of the values.
    keys: Vec<u64>,
}

const SIGN: u64 = 1 << 63;

fn key(v: f64) -> u64 {
    let bits = v.to_bits();
    match (v.is_nan(), bits & SIGN == 0) {
        (true, _) => 0,
        (false, true) => bits | SIGN,
        (false, false) => !bits,
    }
}

impl Sorted {
    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The value with this rank.
    pub(crate) fn get(&self, rank: usize) -> f64 {
        match self.keys[rank] {
            0 => f64::NAN,
            key if key & SIGN == 0 => f64::from_bits(!key),
            key => f64::from_bits(key & !SIGN),
        }
    }

    /// Becomes these values.
    pub(crate) fn fill(&mut self, values: &[f64]) {
        self.keys.clear();
        self.keys.extend(values.iter().map(|v| key(*v)));
        self.keys.sort_unstable();
    }

    /// Adds a value.
    pub(crate) fn insert(&mut self, v: f64) {
        let key = key(v);
        let at = self.keys.partition_point(|own| *own < key);
        self.keys.insert(at, key);
    }

    /// Removes a value that is there.
    pub(crate) fn remove(&mut self, v: f64) {
        if let Ok(at) = self.keys.binary_search(&key(v)) {
            self.keys.remove(at);
        }
    }
}

/// A cumulative classic bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    /// Upper bound, inclusive.
    pub(crate) upper: f64,
    /// Observations up to the bound.
    pub(crate) count: f64,
}

/// Quantile `q` of classic buckets in any order, and what had to be changed to make them monotonic.
pub(crate) fn bucket_quantile(q: f64, buckets: &mut Vec<Bucket>) -> (f64, Option<MonotonicityFix>) {
    if q.is_nan() {
        return (f64::NAN, None);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if !prepare(buckets) {
        return (f64::NAN, None);
    }
    let fix = make_monotonic(buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if buckets.len() < 2 || observations == 0.0 {
        return (f64::NAN, fix);
    }
    let mut rank = q * observations;
    let b = buckets[..last].partition_point(|bucket| bucket.count.partial_cmp(&rank).is_none_or(Ordering::is_lt));
    let quantile = if b == last {
        buckets[last - 1].upper
    } else if b == 0 && buckets[0].upper <= 0.0 {
        buckets[0].upper
    } else {
        let (mut start, end, mut count) = (0.0, buckets[b].upper, buckets[b].count);
        if b > 0 {
            start = buckets[b - 1].upper;
            count -= buckets[b - 1].count;
            rank -= buckets[b - 1].count;
        }
        start + (end - start) * (rank / count)
    };
    (quantile, fix)
}

/// Share of observations in (lower, upper] by classic buckets in any order.
pub(crate) fn bucket_fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if !prepare(buckets) {
        return f64::NAN;
    }
    let count = buckets[buckets.len() - 1].count;
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let below = |value: f64| {
        rank_of(value, buckets).filter(|rank| rank.partial_cmp(&count) != Some(Ordering::Greater)).unwrap_or(count)
    };
    (below(upper) - below(lower)) / count
}

/// Observations below `value`; `None` when it lies beyond all bounds.
fn rank_of(value: f64, buckets: &[Bucket]) -> Option<f64> {
    let mut rank = 0.0;
    let mut start = if buckets[0].upper <= 0.0 { f64::NEG_INFINITY } else { 0.0 };
    for bucket in buckets {
        if start >= value {
            return Some(rank);
        }
        if bucket.upper > value {
            return Some(if start == f64::NEG_INFINITY {
                bucket.count
            } else {
                rank + (bucket.count - rank) * (value - start) / (bucket.upper - start)
            });
        }
        rank = bucket.count;
        start = bucket.upper;
    }
    None
}

/// Sorts and merges buckets of one bound; false without a +Inf bucket.
fn prepare(buckets: &mut Vec<Bucket>) -> bool {
    buckets.sort_by(|a, b| a.upper.partial_cmp(&b.upper).unwrap_or(Ordering::Equal));
    if buckets.last().is_none_or(|b| b.upper != f64::INFINITY) {
        return false;
    }
    buckets.dedup_by(|next, kept| {
        let same = next.upper == kept.upper;
        if same {
            kept.count += next.count;
        }
        same
    });
    true
}

fn make_monotonic(buckets: &mut [Bucket]) -> Option<MonotonicityFix> {
    let mut fix: Option<MonotonicityFix> = None;
    let mut previous = buckets[0].count;
    for bucket in &mut buckets[1..] {
        let current = bucket.count;
        if current == previous {
            continue;
        }
        if almost_equal(previous, current, SMALL_DELTA) {
            bucket.count = previous;
        } else if current < previous {
            bucket.count = previous;
            let fix = fix.get_or_insert(MonotonicityFix {
                min_bucket: f64::INFINITY,
                max_bucket: f64::NEG_INFINITY,
                max_diff: 0.0,
            });
            fix.min_bucket = fix.min_bucket.min(bucket.upper);
            fix.max_bucket = fix.max_bucket.max(bucket.upper);
            fix.max_diff = fix.max_diff.max(previous - current);
        } else {
            previous = current;
        }
    }
    fix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_interpolated() {
        let mut values = [3.0, f64::NAN, 1.0];
        assert!(quantile(0.0, &mut values).is_nan());
        assert_eq!(quantile(1.0, &mut values), 3.0);
        assert_eq!(quantile(0.5, &mut [1.0, 2.0, 3.0, 4.0]), 2.5);
        assert_eq!(quantile(-1.0, &mut [1.0]), f64::NEG_INFINITY);
    }

    #[test]
    fn classic_buckets() {
        let buckets = |counts: &[(f64, f64)]| {
            counts.iter().map(|(upper, count)| Bucket { upper: *upper, count: *count }).collect::<Vec<_>>()
        };
        let inf = f64::INFINITY;
        assert_eq!(bucket_quantile(0.5, &mut buckets(&[(inf, 4.0), (1.0, 2.0), (2.0, 4.0)])).0, 1.0);
        assert_eq!(bucket_quantile(0.75, &mut buckets(&[(1.0, 2.0), (2.0, 4.0), (inf, 4.0)])).0, 1.5);
        assert!(bucket_quantile(0.5, &mut buckets(&[(1.0, 2.0)])).0.is_nan());
        let (_, fix) = bucket_quantile(0.5, &mut buckets(&[(1.0, 4.0), (2.0, 3.0), (inf, 4.0)]));
        assert_eq!(fix.map(|f| (f.min_bucket, f.max_diff)), Some((2.0, 1.0)));
        assert_eq!(bucket_fraction(0.0, 1.0, &mut buckets(&[(1.0, 2.0), (inf, 4.0)])), 0.5);
    }
}
