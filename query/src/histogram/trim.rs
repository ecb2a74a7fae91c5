//! The operators `</` and `>/`: a histogram without the observations above or below a threshold.

use nightjar_model::FloatHistogram;
use nightjar_model::histogram::Bucket;

/// What is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrimSide {
    /// `</`: what is above the threshold.
    Above,
    /// `>/`: what is below the threshold.
    Below,
}

/// `h </ threshold` or `h >/ threshold`. Observations inside the cut bucket are split as quantiles would be; of a bucket
/// without an end, none are kept. Count and sum are estimated anew if anything was cut, else kept.
pub(crate) fn trim(h: &FloatHistogram, threshold: f64, side: TrimSide) -> FloatHistogram {
    let mut trimmed = h.clone();
    let cut = Cut { threshold, side, linear: h.uses_custom_buckets() };
    let mut kept = Kept::default();
    let positive = kept.take(h.positive(), &mut trimmed.positive_buckets, |bucket| cut.bucket(bucket, true));
    let negative = kept.take(h.negative(), &mut trimmed.negative_buckets, |bucket| cut.bucket(bucket, false));
    let zero = h.zero_bucket();
    if zero.count > 0.0 {
        let (count, middle) = cut.zero(zero, negative, positive);
        kept.changed |= count != zero.count;
        kept.sum += middle * count;
        kept.count += count;
        trimmed.zero_count = count;
    }
    if kept.changed {
        trimmed.count = kept.count;
        trimmed.sum = kept.sum;
        trimmed.compact(0);
    }
    trimmed
}

/// What is left over.
#[derive(Default)]
struct Kept {
    count: f64,
    sum: f64,
    changed: bool,
}

impl Kept {
    /// Cuts one side; answers whether anything was in it.
    fn take(
        &mut self,
        buckets: impl Iterator<Item = Bucket>,
        counts: &mut [f64],
        cut: impl Fn(&Bucket) -> Option<(f64, f64)>,
    ) -> bool {
        let mut populated = false;
        for (bucket, left) in buckets.zip(counts).filter(|(bucket, _)| bucket.count != 0.0) {
            populated = true;
            if let Some((count, middle)) = cut(&bucket) {
                self.count += count;
                self.sum += middle * count;
                self.changed |= *left != count;
                *left = count;
            } else {
                self.changed = true;
                *left = 0.0;
            }
        }
        populated
    }
}

struct Cut {
    threshold: f64,
    side: TrimSide,
    linear: bool,
}

impl Cut {
    /// Count and middle of what is left of a bucket; `None` if nothing is.
    fn bucket(&self, bucket: &Bucket, positive: bool) -> Option<(f64, f64)> {
        let (lower, upper, at) = (bucket.lower, bucket.upper, self.threshold);
        let (untouched, inside) = match self.side {
            TrimSide::Above => (upper <= at, lower < at),
            TrimSide::Below => (lower >= at, upper > at),
        };
        if untouched {
            return Some((bucket.count, middle(lower, upper, positive, self.linear)));
        }
        if !inside {
            return None;
        }
        if lower == f64::NEG_INFINITY || upper == f64::INFINITY {
            return Some(self.endless(bucket));
        }
        let below = bucket.count * bucket.fraction_below(at, self.linear);
        Some(match self.side {
            TrimSide::Above => (below, middle(lower, at, positive, self.linear)),
            TrimSide::Below => (bucket.count - below, middle(at, upper, positive, self.linear)),
        })
    }

    /// The same for a bucket that is infinite on one side and contains the threshold.
    fn endless(&self, bucket: &Bucket) -> (f64, f64) {
        let at = self.threshold;
        let finite = |bound: f64| if bound.is_infinite() { 0.0 } else { bound };
        if bucket.lower == f64::NEG_INFINITY {
            // A first bucket that ends above zero is taken to begin there.
            let from_zero = bucket.upper.is_finite() && bucket.upper > 0.0;
            return match self.side {
                TrimSide::Above if from_zero && at > 0.0 => (bucket.count * at / bucket.upper, at / 2.0),
                TrimSide::Above if bucket.upper <= 0.0 => (bucket.count, at),
                TrimSide::Below if from_zero && at >= 0.0 => {
                    (bucket.count * (1.0 - at / bucket.upper), (at + bucket.upper) / 2.0)
                }
                _ => (0.0, finite(bucket.upper)),
            };
        }
        match self.side {
            TrimSide::Below if at >= bucket.lower => (bucket.count, at),
            _ => (0.0, finite(bucket.lower)),
        }
    }

    /// Count and middle of what is left of the zero bucket, which reaches only to 0 where there is nothing on the other
    /// side of it.
    fn zero(&self, zero: Bucket, negative: bool, positive: bool) -> (f64, f64) {
        let lower = if positive && !negative { 0.0 } else { zero.lower };
        let upper = if negative && !positive { 0.0 } else { zero.upper };
        let at = self.threshold;
        let all = (zero.count, (lower + upper) / 2.0);
        let (left, right) = match self.side {
            TrimSide::Above if at <= lower => return (0.0, 0.0),
            TrimSide::Above if at >= upper => return all,
            TrimSide::Below if at <= lower => return all,
            TrimSide::Below if at >= upper => return (0.0, 0.0),
            TrimSide::Above => (lower, at),
            TrimSide::Below => (at, upper),
        };
        (zero.count * ((right - left) / (upper - lower)), (left + right) / 2.0)
    }
}

/// Where the observations between two bounds are taken to be.
fn middle(lower: f64, upper: f64, positive: bool, linear: bool) -> f64 {
    match (lower.is_infinite(), upper.is_infinite()) {
        (true, true) => 0.0,
        (true, false) if upper > 0.0 => upper / 2.0,
        (true, false) => upper,
        (false, true) => lower,
        _ if linear => (lower + upper) / 2.0,
        _ => {
            let mean = (lower * upper).abs().sqrt();
            if positive { mean } else { -mean }
        }
    }
}
