//! Quantiles and fractions of native histograms.

use std::cmp::Ordering;

use nightjar_model::FloatHistogram;
use nightjar_model::histogram::Bucket;

use super::Place;

/// Quantile `q`.
pub(super) fn quantile(q: f64, h: &FloatHistogram, place: &Place<'_>) -> f64 {
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    if h.count == 0.0 || q.is_nan() {
        return f64::NAN;
    }
    let forward = h.sum.is_nan() || q < 0.5;
    let mut buckets = h.buckets();
    if !forward {
        buckets.reverse();
    }
    let rank = if forward { q * h.count } else { (1.0 - q) * h.count };
    let nothing = Bucket { lower: 0.0, upper: 0.0, lower_inclusive: false, upper_inclusive: false, count: 0.0 };
    let (mut count, mut bucket, mut rest) = (0.0, nothing, 0);
    for (i, current) in buckets.iter().enumerate() {
        bucket = *current;
        rest = i + 1;
        if bucket.count == 0.0 {
            continue;
        }
        count += bucket.count;
        if count >= rank {
            break;
        }
    }
    if let Some(end) = narrow(h, &mut bucket) {
        return end;
    }
    let count = if count > h.count { h.count } else { count };
    if count < rank {
        if h.sum.is_nan() {
            place.notes.quantile_nan_result(place.metric, place.at);
            return f64::NAN;
        }
        return bucket.upper;
    }
    let inside = if forward { rank - (count - bucket.count) } else { count - rank };
    if h.sum.is_nan() && count + buckets[rest..].iter().map(|b| b.count).sum::<f64>() < h.count {
        place.notes.quantile_nan_skew(place.metric, place.at);
    }
    interpolate(h, &bucket, inside / bucket.count)
}

/// Adjusts the found bucket where less is known than its bounds say; some value if that is the answer already.
fn narrow(h: &FloatHistogram, bucket: &mut Bucket) -> Option<f64> {
    if h.uses_custom_buckets() {
        if bucket.lower == f64::NEG_INFINITY {
            if bucket.upper <= 0.0 {
                return Some(bucket.upper);
            }
            bucket.lower = 0.0;
        } else if bucket.upper == f64::INFINITY {
            return Some(bucket.lower);
        }
    } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
        narrow_zero(h, bucket);
    }
    None
}

/// The zero bucket reaches only to the side that has observations.
fn narrow_zero(h: &FloatHistogram, bucket: &mut Bucket) {
    match (h.negative_buckets.is_empty(), h.positive_buckets.is_empty()) {
        (true, false) => bucket.lower = 0.0,
        (false, true) => bucket.upper = 0.0,
        _ => {}
    }
}

/// The value a fraction of the way through a bucket.
fn interpolate(h: &FloatHistogram, bucket: &Bucket, fraction: f64) -> f64 {
    let Bucket { lower, upper, .. } = *bucket;
    if h.uses_custom_buckets() || (lower <= 0.0 && upper >= 0.0) {
        return lower + (upper - lower) * fraction;
    }
    let (log_lower, log_upper) = (lower.abs().log2(), upper.abs().log2());
    if lower > 0.0 {
        (log_lower + (log_upper - log_lower) * fraction).exp2()
    } else {
        -(log_upper + (log_lower - log_upper) * (1.0 - fraction)).exp2()
    }
}

/// Share of observations between two values.
pub(super) fn fraction(lower: f64, upper: f64, h: &FloatHistogram, place: &Place<'_>) -> f64 {
    if h.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let mut buckets = h.buckets();
    let mut count = h.count;
    if h.sum.is_nan() {
        count = buckets.iter().map(|b| b.count).sum();
        if count < h.count {
            place.notes.fraction_nans(place.metric, place.at);
        }
    }
    for bucket in buckets.iter_mut().filter(|b| b.lower <= 0.0 && b.upper >= 0.0) {
        narrow_zero(h, bucket);
    }
    let below = |value| {
        rank(value, &buckets, h).filter(|rank| rank.partial_cmp(&count) != Some(Ordering::Greater)).unwrap_or(count)
    };
    (below(upper) - below(lower)) / h.count
}

/// Observations below `value`; `None` when it lies beyond all buckets.
fn rank(value: f64, buckets: &[Bucket], h: &FloatHistogram) -> Option<f64> {
    let mut rank = 0.0;
    for bucket in buckets {
        if bucket.lower >= value {
            return Some(rank);
        }
        if bucket.upper > value {
            let linear = h.uses_custom_buckets() || (bucket.lower <= 0.0 && bucket.upper >= 0.0);
            if linear && bucket.lower == f64::NEG_INFINITY {
                return Some(bucket.count);
            }
            return Some(rank + bucket.count * bucket.fraction_below(value, linear));
        }
        rank += bucket.count;
    }
    None
}
