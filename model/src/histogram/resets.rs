//! Did the counter begin anew between two histograms?

use super::bounds::bound;
use super::buckets::pairs;
use super::{CounterResetHint, FloatHistogram};

impl FloatHistogram {
    /// Whether something in here is less than in `previous`, or its hint says so.
    pub fn detect_reset(&self, previous: &FloatHistogram) -> bool {
        match self.counter_reset_hint {
            CounterResetHint::Reset => return true,
            CounterResetHint::NotReset => return false,
            CounterResetHint::Unknown | CounterResetHint::Gauge => {}
        }
        if self.count < previous.count {
            return true;
        }
        if self.uses_custom_buckets() {
            if !previous.uses_custom_buckets() {
                return true;
            }
            if self.custom() != previous.custom() {
                return self.fell_between_common_bounds(previous);
            }
        } else if previous.uses_custom_buckets() {
            return true;
        }
        if self.schema > previous.schema || self.zero_threshold < previous.zero_threshold {
            return true;
        }
        let (zero_count, threshold) = previous.zero_count_at(self.zero_threshold);
        if threshold != self.zero_threshold || self.zero_count < zero_count {
            return true;
        }
        let now = self.sides_at(self.schema, self.zero_threshold);
        let before = previous.sides_at(self.schema, self.zero_threshold);
        now.iter().zip(&before).any(|(now, before)| fell(now, before))
    }

    /// Compares the observations between neighbouring common custom bounds.
    fn fell_between_common_bounds(&self, previous: &FloatHistogram) -> bool {
        let common: Vec<f64> =
            self.custom().iter().copied().filter(|b| previous.custom().contains(b)).chain([f64::INFINITY]).collect();
        let between = |h: &FloatHistogram| {
            let mut counts = vec![0.0; common.len()];
            for (index, count) in pairs(&h.positive_spans, &h.positive_buckets) {
                let upper = bound(index, h.schema, h.custom());
                let at = common.partition_point(|b| *b < upper).min(common.len() - 1);
                counts[at] += count;
            }
            counts
        };
        between(self).iter().zip(between(previous)).any(|(now, before)| *now < before)
    }

    /// Whether both are the same to the bit, resets and unused spans aside.
    pub fn equals(&self, other: &FloatHistogram) -> bool {
        let bits = |h: &FloatHistogram| [h.count, h.sum, h.zero_count].map(f64::to_bits);
        let side = |a: (&[super::Span], &[f64]), b: (&[super::Span], &[f64])| {
            a.1.len() == b.1.len()
                && pairs(a.0, a.1).zip(pairs(b.0, b.1)).all(|(x, y)| x.0 == y.0 && x.1.to_bits() == y.1.to_bits())
        };
        self.schema == other.schema
            && bits(self) == bits(other)
            && (!self.uses_custom_buckets() || self.custom() == other.custom())
            && self.zero_threshold == other.zero_threshold
            && side((&self.negative_spans, &self.negative_buckets), (&other.negative_spans, &other.negative_buckets))
            && side((&self.positive_spans, &self.positive_buckets), (&other.positive_spans, &other.positive_buckets))
    }
}

/// Whether some bucket lost observations.
fn fell(now: &[(i32, f64)], before: &[(i32, f64)]) -> bool {
    let mut i = 0;
    before.iter().any(|(index, count)| {
        while now.get(i).is_some_and(|bucket| bucket.0 < *index) {
            i += 1;
        }
        match now.get(i) {
            Some(bucket) if bucket.0 == *index => bucket.1 < *count,
            _ => *count != 0.0,
        }
    })
}
