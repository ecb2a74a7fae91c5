//! Whether a counter began anew between two histograms.

use super::body::{intersection, remapped};
use super::bounds::{exponential_bound, is_exponential};
use super::runs::{Runs, folded};
use super::{CounterResetHint, FloatHistogram};

impl FloatHistogram {
    /// Whether a reset happened after `previous`. The own hint decides if it says so; otherwise any count that fell,
    /// any populated bucket that vanished, a higher resolution, a smaller zero bucket, or a wider one that would cut a
    /// populated bucket of `previous`. Gauges are looked at as if they were counters.
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
            if self.bounds() != previous.bounds() {
                return self.common_bucket_fell(previous);
            }
        }
        if self.schema > previous.schema || self.zero_threshold < previous.zero_threshold {
            return true;
        }
        let (previous_zero, threshold) = previous.body().zero_within(self.zero_threshold);
        threshold != self.zero_threshold
            || self.zero_count < previous_zero
            || self.side_fell(previous, |h| Runs::borrowed(&h.positive_spans, &h.positive_buckets))
            || self.side_fell(previous, |h| Runs::borrowed(&h.negative_spans, &h.negative_buckets))
    }

    /// Whether a bucket outside the own zero bucket lost observations, `previous` seen in the own resolution.
    fn side_fell<'a>(
        &'a self,
        previous: &'a FloatHistogram,
        side: impl Fn(&'a FloatHistogram) -> Runs<'a, f64>,
    ) -> bool {
        let in_zero = |(index, _): &(i64, f64)| {
            is_exponential(self.schema) && exponential_bound(*index, self.schema) <= self.zero_threshold
        };
        let (now, before) = (side(self), side(previous));
        let mut now = now.cells().skip_while(in_zero).peekable();
        let before = folded(before.cells(), self.schema.abs_diff(previous.schema));
        let mut before = before.skip_while(in_zero);
        before.any(|(index, count)| {
            while now.next_if(|(i, _)| *i < index).is_some() {}
            match now.peek() {
                Some((i, current)) if *i == index => *current < count,
                _ => count != 0.0,
            }
        })
    }

    /// Whether observations vanished from a bucket between two bounds that both histograms have.
    fn common_bucket_fell(&self, previous: &FloatHistogram) -> bool {
        let common = intersection(self.bounds(), previous.bounds());
        let sums =
            |h: &FloatHistogram| remapped(&Runs::borrowed(&h.positive_spans, &h.positive_buckets), h.bounds(), &common);
        sums(self).iter().zip(sums(previous)).any(|(now, before)| *now < before)
    }
}
