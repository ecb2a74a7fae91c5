//! Histograms added, subtracted and scaled.

use std::borrow::Cow;
use std::sync::Arc;

use super::body::{Body, intersection};
use super::runs::Runs;
use super::{CounterResetHint, FloatHistogram};

/// Exponential and custom buckets cannot be put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot apply this operation on histograms with a mix of exponential and custom bucket schemas")]
pub struct IncompatibleSchemas;

/// What was remarkable about adding two histograms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Combined {
    /// One says a reset happened, the other that none did.
    pub counter_reset_collision: bool,
    /// Custom bounds differed; what is left are those in both.
    pub bounds_reconciled: bool,
}

impl FloatHistogram {
    /// Adds `other`. The result has the lower one of both resolutions, the larger zero bucket (or a larger one still, if
    /// that would cut a populated bucket) and, for custom buckets, the bounds that are in both. It may contain empty
    /// buckets.
    ///
    /// # Errors
    /// One has custom buckets and the other has not; nothing is changed then.
    pub fn add(&mut self, other: &FloatHistogram) -> Result<Combined, IncompatibleSchemas> {
        let combined = self.add_signed(other, false)?;
        self.count += other.count;
        self.sum += other.sum;
        Ok(combined)
    }

    /// Subtracts `other`, otherwise like [`Self::add`]. For PromQL's `-` the caller marks the result as a gauge.
    ///
    /// # Errors
    /// One has custom buckets and the other has not; nothing is changed then.
    pub fn sub(&mut self, other: &FloatHistogram) -> Result<Combined, IncompatibleSchemas> {
        let combined = self.add_signed(other, true)?;
        self.count -= other.count;
        self.sum -= other.sum;
        Ok(combined)
    }

    /// Multiplies all counts and the sum. A negative factor makes it a gauge.
    pub fn mul(&mut self, factor: f64) {
        self.for_each_amount(|v| *v *= factor);
        if factor < 0.0 {
            self.counter_reset_hint = CounterResetHint::Gauge;
        }
    }

    /// Divides all counts and the sum. A negative divisor makes it a gauge; zero removes all buckets and leaves
    /// infinities and NaN in the rest.
    pub fn div(&mut self, divisor: f64) {
        if divisor == 0.0 {
            self.positive_buckets = Vec::new();
            self.negative_buckets = Vec::new();
            self.positive_spans = Vec::new();
            self.negative_spans = Vec::new();
        }
        self.for_each_amount(|v| *v /= divisor);
        if divisor < 0.0 {
            self.counter_reset_hint = CounterResetHint::Gauge;
        }
    }

    /// Whether anything in it is infinite.
    pub fn has_overflow(&self) -> bool {
        let buckets = self.positive_buckets.iter().chain(&self.negative_buckets).chain(self.bounds());
        [self.zero_count, self.count, self.sum].iter().chain(buckets).any(|v| v.is_infinite())
    }

    /// The absolute values of everything in it added up, infinite when that overflows: no number in it, and none that
    /// merging its buckets could give, is larger. NaN counts as nothing.
    pub fn magnitude(&self) -> f64 {
        let buckets = self.positive_buckets.iter().chain(&self.negative_buckets);
        let amounts = [self.zero_count, self.count, self.sum];
        amounts.iter().chain(buckets).map(|v| v.abs()).filter(|v| !v.is_nan()).sum()
    }

    fn for_each_amount(&mut self, change: impl Fn(&mut f64)) {
        change(&mut self.zero_count);
        change(&mut self.count);
        change(&mut self.sum);
        self.positive_buckets.iter_mut().for_each(&change);
        self.negative_buckets.iter_mut().for_each(&change);
    }

    /// Buckets and hint; count and sum are left to the caller.
    fn add_signed(&mut self, other: &FloatHistogram, subtract: bool) -> Result<Combined, IncompatibleSchemas> {
        if self.uses_custom_buckets() != other.uses_custom_buckets() {
            return Err(IncompatibleSchemas);
        }
        let (hint, counter_reset_collision) = self.counter_reset_hint.joined(other.counter_reset_hint);
        self.counter_reset_hint = hint;
        let mut body = self.take_body();
        let bounds_reconciled = if self.uses_custom_buckets() {
            add_custom(&mut body.positive, &mut self.custom_values, other, &other.body().positive, subtract)
        } else {
            body.add(&other.body(), subtract);
            false
        };
        self.put_body(body);
        Ok(Combined { counter_reset_collision, bounds_reconciled })
    }

    pub(super) fn body(&self) -> Body<'_, f64> {
        Body {
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero: self.zero_count,
            positive: Runs::borrowed(&self.positive_spans, &self.positive_buckets),
            negative: Runs::borrowed(&self.negative_spans, &self.negative_buckets),
        }
    }

    fn take_body(&mut self) -> Body<'static, f64> {
        let owned = |spans, counts| Runs { spans: Cow::Owned(spans), counts: Cow::Owned(counts) };
        Body {
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero: self.zero_count,
            positive: owned(std::mem::take(&mut self.positive_spans), std::mem::take(&mut self.positive_buckets)),
            negative: owned(std::mem::take(&mut self.negative_spans), std::mem::take(&mut self.negative_buckets)),
        }
    }

    fn put_body(&mut self, body: Body<'_, f64>) {
        self.schema = body.schema;
        self.zero_threshold = body.zero_threshold;
        self.zero_count = body.zero;
        (self.positive_spans, self.positive_buckets) =
            (body.positive.spans.into_owned(), body.positive.counts.into_owned());
        (self.negative_spans, self.negative_buckets) =
            (body.negative.spans.into_owned(), body.negative.counts.into_owned());
    }
}

/// Adds or subtracts custom buckets and adapts `bounds`; answers whether that was needed.
pub(super) fn add_custom<C: super::runs::Count>(
    buckets: &mut Runs<'_, C>,
    bounds: &mut Option<Arc<[f64]>>,
    other: &FloatHistogram,
    others: &Runs<'_, C>,
    subtract: bool,
) -> bool {
    let own = bounds.as_deref().unwrap_or_default();
    if own == other.bounds() {
        buckets.add(others, (0, 0), |_| false, subtract);
        return false;
    }
    let both = intersection(own, other.bounds());
    buckets.add_custom(others, (own, other.bounds(), &both), subtract);
    *bounds = Some(both.into());
    true
}

impl CounterResetHint {
    /// What is known about the sum of two histograms, and whether what is known about them contradicts itself.
    pub(super) fn joined(self, other: CounterResetHint) -> (CounterResetHint, bool) {
        use CounterResetHint::{Gauge, Unknown};
        match (self, other) {
            (a, b) if a == b => (a, false),
            (Gauge, _) | (_, Gauge) => (Gauge, false),
            (Unknown, _) | (_, Unknown) => (Unknown, false),
            _ => (Unknown, true),
        }
    }
}
