//! `histogram_quantile` on native histograms.

use nightjar_model::FloatHistogram;
use nightjar_model::histogram::{Bucket, exp2, log2};

use super::note::{Note, Noted};

/// The `q`-quantile. Inside a bucket observations are taken to be spread evenly: on a logarithmic scale for
/// exponential buckets, on a straight one for the zero bucket and custom buckets. NaN without observations or for a NaN
/// `q`; -Inf below 0, +Inf above 1. Custom buckets: the bound where the first or last bucket has only one.
///
/// NaN observations count as larger than all others; notes tell when that matters.
pub(crate) fn quantile(q: f64, h: &FloatHistogram) -> Noted<f64> {
    if q < 0.0 {
        return Noted::plain(f64::NEG_INFINITY);
    }
    if q > 1.0 {
        return Noted::plain(f64::INFINITY);
    }
    if h.count == 0.0 || q.is_nan() {
        return Noted::plain(f64::NAN);
    }
    // From the nearer end, for precision. NaN observations are in no bucket, so the far end is not known with them.
    if h.sum.is_nan() || q < 0.5 {
        locate(h, h.ascending(), q * h.count, true)
    } else {
        locate(h, h.descending(), (1.0 - q) * h.count, false)
    }
}

/// Finds the bucket in which `rank` observations are reached and the place in it.
fn locate(h: &FloatHistogram, mut buckets: impl Iterator<Item = Bucket>, rank: f64, forward: bool) -> Noted<f64> {
    let mut bucket =
        Bucket { lower: 0.0, upper: 0.0, lower_inclusive: false, upper_inclusive: false, count: 0.0, index: 0 };
    let mut count = 0.0;
    for next in buckets.by_ref() {
        bucket = next;
        count += bucket.count;
        if bucket.count != 0.0 && count >= rank {
            break;
        }
    }
    if let Some(bound) = narrow(h, &mut bucket) {
        return Noted::plain(bound);
    }
    // Rounding could have made it more.
    count = if count > h.count { h.count } else { count };
    if count < rank {
        return if h.sum.is_nan() {
            Noted::new(f64::NAN, vec![Note::QuantileNanResult])
        } else {
            Noted::plain(bucket.upper)
        };
    }
    let within = if forward { rank - (count - bucket.count) } else { count - rank };
    let mut notes = Vec::new();
    let mut last = bucket;
    if h.sum.is_nan() {
        // Fewer in buckets than altogether: there are NaN observations. As many: there were both -Inf and +Inf.
        for next in buckets {
            last = next;
            count += next.count;
        }
        if count < h.count {
            notes.push(Note::QuantileNanSkew);
        }
    }
    Noted::new(interpolate(h, last, within / last.count), notes)
}

/// Moves bounds that are only nominal: the zero bucket of a histogram with one sign begins or ends at 0, the first
/// custom bucket begins at 0. Answers the result itself where there is nothing to interpolate.
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
        match (h.has_negative_buckets(), h.has_positive_buckets()) {
            (false, true) => bucket.lower = 0.0,
            (true, false) => bucket.upper = 0.0,
            _ => {}
        }
    }
    None
}

fn interpolate(h: &FloatHistogram, bucket: Bucket, fraction: f64) -> f64 {
    if h.uses_custom_buckets() || (bucket.lower <= 0.0 && bucket.upper >= 0.0) {
        return bucket.lower + (bucket.upper - bucket.lower) * fraction;
    }
    let (lower, upper) = (log2(bucket.lower.abs()), log2(bucket.upper.abs()));
    if bucket.lower > 0.0 {
        exp2(lower + (upper - lower) * fraction)
    } else {
        -exp2(upper + (lower - upper) * (1.0 - fraction))
    }
}
