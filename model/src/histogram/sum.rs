//! The sum of many histograms, without the rounding errors of adding them one by one.

use std::borrow::Cow;
use std::sync::Arc;

use super::arithmetic::{Combined, IncompatibleSchemas, add_custom};
use super::body::Body;
use super::bounds::{exponential_bound, is_custom};
use super::runs::{Compensated, Count, Runs};
use super::{CounterResetHint, FloatHistogram, Span};

/// A sum of histograms in which every number is a compensated sum.
#[derive(Clone, Debug)]
pub struct HistogramSum {
    hint: CounterResetHint,
    count: Compensated,
    sum: Compensated,
    body: Body<'static, Compensated>,
    custom_values: Option<Arc<[f64]>>,
    /// Nothing was added yet: the sum of one is that one, -0 included.
    alone: bool,
}

impl HistogramSum {
    /// A sum of one.
    pub fn new(first: &FloatHistogram) -> HistogramSum {
        HistogramSum {
            hint: first.counter_reset_hint,
            count: exact(first.count),
            sum: exact(first.sum),
            body: compensated(first, first.positive_spans.clone().into(), first.negative_spans.clone().into()),
            custom_values: first.custom_values.clone(),
            alone: true,
        }
    }

    /// Adds `other`, as [`FloatHistogram::add`] does.
    ///
    /// # Errors
    /// One has custom buckets and the other has not; nothing is changed then.
    pub fn add(&mut self, other: &FloatHistogram) -> Result<Combined, IncompatibleSchemas> {
        let custom = is_custom(self.body.schema);
        if custom != other.uses_custom_buckets() {
            return Err(IncompatibleSchemas);
        }
        self.alone = false;
        let (hint, counter_reset_collision) = self.hint.joined(other.counter_reset_hint);
        self.hint = hint;
        self.count = self.count.plus(exact(other.count));
        self.sum = self.sum.plus(exact(other.sum));
        let others = compensated(other, (&other.positive_spans).into(), (&other.negative_spans).into());
        let bounds_reconciled = if custom {
            add_custom(&mut self.body.positive, &mut self.custom_values, other, &others.positive, false)
        } else {
            self.body.add(&others, false);
            false
        };
        Ok(Combined { counter_reset_collision, bounds_reconciled })
    }

    /// Multiplies everything by `factor` (> 0).
    pub fn mul(&mut self, factor: f64) {
        self.for_each_amount(|v| *v *= factor);
    }

    /// Divides everything by `divisor` (> 0).
    pub fn div(&mut self, divisor: f64) {
        self.for_each_amount(|v| *v /= divisor);
    }

    /// Whether anything in it is infinite.
    pub fn has_overflow(&self) -> bool {
        let buckets = self.body.positive.counts.iter().chain(self.body.negative.counts.iter());
        [&self.body.zero, &self.count, &self.sum].into_iter().chain(buckets).any(|c| c.sum.is_infinite())
            || self.custom_values.iter().any(|bounds| bounds.iter().any(|bound| bound.is_infinite()))
    }

    /// What [`FloatHistogram::magnitude`] is to a histogram.
    pub fn magnitude(&self) -> f64 {
        let buckets = self.body.positive.counts.iter().chain(self.body.negative.counts.iter());
        [&self.body.zero, &self.count, &self.sum]
            .into_iter()
            .chain(buckets)
            .map(|c| c.sum.abs())
            .filter(|v| !v.is_nan())
            .sum()
    }

    /// The sum as a histogram. It may contain empty buckets.
    pub fn finish(&self) -> FloatHistogram {
        let rounded = |c: &Compensated| if self.alone { c.sum } else { c.sum + c.compensation };
        FloatHistogram {
            counter_reset_hint: self.hint,
            schema: self.body.schema,
            zero_threshold: self.body.zero_threshold,
            zero_count: rounded(&self.body.zero),
            count: rounded(&self.count),
            sum: rounded(&self.sum),
            positive_spans: self.body.positive.spans.to_vec(),
            negative_spans: self.body.negative.spans.to_vec(),
            positive_buckets: self.rounded_buckets(&self.body.positive),
            negative_buckets: self.rounded_buckets(&self.body.negative),
            custom_values: self.custom_values.clone(),
        }
    }

    /// What was lost is added as a histogram would be: not to buckets inside the zero bucket.
    fn rounded_buckets(&self, side: &Runs<'_, Compensated>) -> Vec<f64> {
        let (schema, threshold) = (self.body.schema, self.body.zero_threshold);
        let in_zero = |(index, _): &(i64, _)| !is_custom(schema) && exponential_bound(*index, schema) <= threshold;
        let skipped = if threshold > 0.0 { side.cells().take_while(in_zero).count() } else { 0 };
        let rounded = |(i, c): (usize, &Compensated)| match (self.alone, i < skipped) {
            (true, _) => c.sum,
            (false, true) => c.sum + 0.0,
            (false, false) => c.sum + c.compensation,
        };
        side.counts.iter().enumerate().map(rounded).collect()
    }

    fn for_each_amount(&mut self, change: impl Fn(&mut f64)) {
        let buckets = self.body.positive.counts.to_mut().iter_mut().chain(self.body.negative.counts.to_mut());
        for amount in [&mut self.body.zero, &mut self.count, &mut self.sum].into_iter().chain(buckets) {
            change(&mut amount.sum);
            change(&mut amount.compensation);
        }
    }
}

fn exact(sum: f64) -> Compensated {
    Compensated { sum, compensation: 0.0 }
}

fn compensated<'a>(
    histogram: &FloatHistogram,
    positive_spans: Cow<'a, [Span]>,
    negative_spans: Cow<'a, [Span]>,
) -> Body<'a, Compensated> {
    let counts = |counts: &[f64]| Cow::Owned(counts.iter().copied().map(exact).collect());
    Body {
        schema: histogram.schema,
        zero_threshold: histogram.zero_threshold,
        zero: exact(histogram.zero_count),
        positive: Runs { spans: positive_spans, counts: counts(&histogram.positive_buckets) },
        negative: Runs { spans: negative_spans, counts: counts(&histogram.negative_buckets) },
    }
}
