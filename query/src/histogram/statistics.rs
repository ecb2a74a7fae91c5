//! `histogram_avg`, `histogram_stddev` and `histogram_stdvar`.

use nightjar_model::FloatHistogram;
use nightjar_model::histogram::kahan_add;

/// The mean observation.
pub(crate) fn average(h: &FloatHistogram) -> f64 {
    h.sum / h.count
}

/// The variance of the observations, each taken to be at the geometric mean of its bucket's bounds; the arithmetic mean
/// for custom buckets, zero for the zero bucket.
pub(crate) fn stdvar(h: &FloatHistogram) -> f64 {
    let mean = average(h);
    let squares = h.ascending().filter(|bucket| bucket.count != 0.0).map(|bucket| {
        let value = if h.uses_custom_buckets() {
            (bucket.upper + bucket.lower) / 2.0
        } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
            0.0
        } else {
            (bucket.upper * bucket.lower).sqrt().copysign(bucket.upper)
        };
        let delta = value - mean;
        bucket.count * delta * delta
    });
    let (sum, compensation) = squares.fold((0.0, 0.0), |(sum, c), square| kahan_add(square, sum, c));
    (sum + compensation) / h.count
}

/// The standard deviation: the root of [`stdvar`].
pub(crate) fn stddev(h: &FloatHistogram) -> f64 {
    stdvar(h).sqrt()
}
