//! Cutting a histogram at a value: the operators `</` and `>/`.

use super::FloatHistogram;
use super::buckets::Bucket;

/// Which observations stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Those below the cut.
    Below,
    /// Those above the cut.
    Above,
}

/// How observations are thought to lie in a bucket.
#[derive(Clone, Copy, PartialEq)]
enum Spread {
    Linear,
    Positive,
    Negative,
}

impl FloatHistogram {
    /// Keeps the observations below or above `at`, interpolating in the bucket that is cut. Count and sum are then
    /// estimated from what stays; they are untouched if everything stays.
    pub fn trim(&mut self, at: f64, keep: Keep) {
        let custom = self.uses_custom_buckets();
        let spread = |positive| match (custom, positive) {
            (true, _) => Spread::Linear,
            (false, true) => Spread::Positive,
            (false, false) => Spread::Negative,
        };
        let positive: Vec<Bucket> = self.positive().collect();
        let negative: Vec<Bucket> = self.negative().collect();
        let (mut count, mut sum, mut trimmed) = (0.0, 0.0, false);
        let sides = [(&positive, &mut self.positive_buckets, true), (&negative, &mut self.negative_buckets, false)];
        for (buckets, counts, is_positive) in sides {
            for (bucket, stored) in buckets.iter().zip(counts).filter(|(bucket, _)| bucket.count != 0.0) {
                let (kept, middle) = keep_part(bucket, at, keep, spread(is_positive));
                count += kept;
                sum += middle * kept;
                if *stored != kept {
                    *stored = kept;
                    trimmed = true;
                }
            }
        }
        if self.zero_count > 0.0 {
            let some = |side: &[Bucket]| side.iter().any(|bucket| bucket.count != 0.0);
            let (kept, middle) = keep_zero(self.zero_bucket(), at, keep, some(&negative), some(&positive));
            trimmed |= self.zero_count != kept;
            self.zero_count = kept;
            sum += middle * kept;
            count += kept;
        }
        if trimmed {
            self.count = count;
            self.sum = sum;
            self.compact();
        }
    }
}

/// How many observations of a bucket stay, and around which value they lie.
fn keep_part(bucket: &Bucket, at: f64, keep: Keep, spread: Spread) -> (f64, f64) {
    let (whole, cut) = match keep {
        Keep::Below => (bucket.upper <= at, bucket.lower < at),
        Keep::Above => (bucket.lower >= at, bucket.upper > at),
    };
    if whole {
        return (bucket.count, middle(bucket.lower, bucket.upper, spread));
    }
    if !cut {
        return (0.0, 0.0);
    }
    if bucket.lower == f64::NEG_INFINITY || bucket.upper == f64::INFINITY {
        return keep_of_infinite(bucket, at, keep);
    }
    let below = if at <= bucket.lower {
        0.0
    } else if at >= bucket.upper {
        bucket.count
    } else {
        bucket.count * bucket.fraction_below(at, spread == Spread::Linear)
    };
    match keep {
        Keep::Below => (below, middle(bucket.lower, at, spread)),
        Keep::Above => (bucket.count - below, middle(at, bucket.upper, spread)),
    }
}

/// The same for a bucket without lower or upper end.
fn keep_of_infinite(bucket: &Bucket, at: f64, keep: Keep) -> (f64, f64) {
    let finite = |v: f64| if v.is_infinite() { 0.0 } else { v };
    let Bucket { lower, upper, count, .. } = *bucket;
    if lower == f64::NEG_INFINITY {
        return match keep {
            Keep::Below if at >= upper => (count, 0.0),
            Keep::Below if at > 0.0 && upper > 0.0 && upper != f64::INFINITY => (count * at / upper, at / 2.0),
            Keep::Below if upper <= 0.0 => (count, at),
            Keep::Above if at <= lower => (count, 0.0),
            Keep::Above if at >= 0.0 && upper > at && upper != f64::INFINITY => {
                (count * (1.0 - at / upper), (at + upper) / 2.0)
            }
            _ => (0.0, finite(upper)),
        };
    }
    match keep {
        Keep::Above if at >= lower => (count, at),
        _ => (0.0, finite(lower)),
    }
}

/// The same for the zero bucket, which reaches only to the sides that have observations.
fn keep_zero(zero: Bucket, at: f64, keep: Keep, has_negative: bool, has_positive: bool) -> (f64, f64) {
    let lower = if has_positive && !has_negative { 0.0 } else { zero.lower };
    let upper = if has_negative && !has_positive { 0.0 } else { zero.upper };
    let whole = (zero.count, (lower + upper) / 2.0);
    match keep {
        Keep::Below if at <= lower => (0.0, 0.0),
        Keep::Below if at >= upper => whole,
        Keep::Below => (zero.count * ((at - lower) / (upper - lower)), (lower + at) / 2.0),
        Keep::Above if at <= lower => whole,
        Keep::Above if at >= upper => (0.0, 0.0),
        Keep::Above => (zero.count * ((upper - at) / (upper - lower)), (at + upper) / 2.0),
    }
}

/// The value around which observations between two bounds lie.
fn middle(lower: f64, upper: f64, spread: Spread) -> f64 {
    match (lower.is_infinite(), upper.is_infinite()) {
        (true, true) => 0.0,
        (true, false) if upper > 0.0 => upper / 2.0,
        (true, false) => upper,
        (false, true) => lower,
        (false, false) => match spread {
            Spread::Linear => (lower + upper) / 2.0,
            Spread::Positive => (lower * upper).abs().sqrt(),
            Spread::Negative => -(lower * upper).abs().sqrt(),
        },
    }
}
