//! `histogram_fraction` on native histograms.

use nightjar_model::FloatHistogram;
use nightjar_model::histogram::Bucket;

use super::note::{Note, Noted};

/// Which part of all observations lies between `lower` and `upper`, interpolated like [`super::quantile`]. NaN without
/// observations or for a NaN bound, 0 if the bounds do not ascend. NaN observations are in no fraction, but in the
/// whole; a note tells.
pub(crate) fn fraction(lower: f64, upper: f64, h: &FloatHistogram) -> Noted<f64> {
    if h.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return Noted::plain(f64::NAN);
    }
    if lower >= upper {
        return Noted::plain(0.0);
    }
    let (mut ranks, mut rank, mut count) = ([None, None], 0.0, 0.0);
    let mut buckets = h.ascending();
    for bucket in buckets.by_ref() {
        count += bucket.count;
        let (bucket, linear) = narrowed(h, bucket);
        for (found, value) in ranks.iter_mut().zip([lower, upper]) {
            *found = found.or_else(|| rank_at(value, &bucket, linear, rank));
        }
        if ranks.iter().all(Option::is_some) {
            break;
        }
        rank += bucket.count;
    }
    let mut notes = Vec::new();
    if h.sum.is_nan() {
        // Only NaN observations are in no bucket.
        count = buckets.fold(count, |sum, bucket| sum + bucket.count);
        if count < h.count {
            notes.push(Note::FractionNan);
        }
    } else {
        count = h.count;
    }
    let [from, to] = ranks.map(|rank| rank.filter(|r| *r <= count || r.is_nan()).unwrap_or(count));
    Noted::new((to - from) / h.count, notes)
}

/// The bucket with real instead of nominal bounds, and whether it is interpolated on a straight scale.
fn narrowed(h: &FloatHistogram, mut bucket: Bucket) -> (Bucket, bool) {
    let around_zero = bucket.lower <= 0.0 && bucket.upper >= 0.0;
    if around_zero {
        match (h.has_negative_buckets(), h.has_positive_buckets()) {
            (false, true) => bucket.lower = 0.0,
            (true, false) => bucket.upper = 0.0,
            _ => {}
        }
    }
    (bucket, around_zero || h.uses_custom_buckets())
}

/// How many observations are below `value`, if that is decided in this bucket or before it; `rank` are before it.
fn rank_at(value: f64, bucket: &Bucket, linear: bool, rank: f64) -> Option<f64> {
    if bucket.lower >= value {
        return Some(rank);
    }
    if bucket.upper > value {
        // Nothing can be said within an infinite bucket: all of it counts as below.
        if linear && bucket.lower == f64::NEG_INFINITY {
            return Some(bucket.count);
        }
        return Some(rank + bucket.count * bucket.fraction_below(value, linear));
    }
    None
}
