//! The texts, word for word as clients know them from Prometheus.

use nightjar_model::TimestampMs;
use nightjar_model::labels::quote;
use nightjar_model::number::format_g;

use super::{Detail, MonotonicityFix, Notes, for_metric};
use crate::ast::Span;
use crate::histogram::{Note, Noted, Operation};

const MIXED: &str = "PromQL warning: encountered a mix of histograms and floats for";
const MONOTONICITY: &str = "PromQL info: input to histogram_quantile needed to be fixed for monotonicity \
    (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";

/// What the histogram kernels have to say.
impl Notes {
    /// The value, once its notes are kept. `metric` answers the name of the metric.
    pub(crate) fn keep<T>(&self, noted: Noted<T>, metric: impl Fn() -> String, at: Span) -> T {
        noted.notes.into_iter().for_each(|note| self.histogram(note, &metric, at));
        noted.value
    }

    /// One fact about histograms.
    pub(crate) fn histogram(&self, note: Note, metric: impl Fn() -> String, at: Span) {
        match note {
            Note::MixedExponentialCustom => self.mixed_exponential_custom(&metric(), at),
            Note::NotCounter => self.native_not_counter(&metric(), at),
            Note::NotGauge => self.native_not_gauge(&metric(), at),
            Note::CounterResetCollision(operation) => self.counter_reset_collision(operation, at),
            Note::BoundsReconciled(operation) => self.mismatched_custom_buckets(operation, at),
            Note::StartTimeOverlap => self.start_time_overlap(&metric(), at),
            Note::QuantileNanResult => self.quantile_nan_result(&metric(), at),
            Note::QuantileNanSkew => self.quantile_nan_skew(&metric(), at),
            Note::FractionNan => self.fraction_nans(&metric(), at),
        }
    }
}

/// Warnings.
impl Notes {
    pub(crate) fn invalid_quantile(&self, q: f64, at: Span) {
        self.warn(format!("PromQL warning: quantile value should be between 0 and 1, got {}", format_g(q)), at);
    }

    pub(crate) fn invalid_ratio(&self, ratio: f64, capped: f64, at: Span) {
        let (ratio, capped) = (format_g(ratio), format_g(capped));
        let text = format!("PromQL warning: ratio value should be between -1 and 1, got {ratio}, capping to {capped}");
        self.warn(text, at);
    }

    pub(crate) fn bad_bucket_label(&self, metric: &str, label: &str, at: Span) {
        let text =
            format!("PromQL warning: bucket label \"le\" is missing or has a malformed value of {}", quote(label));
        self.warn(for_metric(&text, metric), at);
    }

    pub(crate) fn mixed_floats_histograms(&self, metric: &str, at: Span) {
        self.warn(format!("{MIXED} metric name {}", quote(metric)), at);
    }

    pub(crate) fn mixed_floats_histograms_in_aggregation(&self, at: Span) {
        self.warn(format!("{MIXED} aggregation"), at);
    }

    pub(crate) fn mixed_classic_native(&self, metric: &str, at: Span) {
        self.warn(for_metric("PromQL warning: vector contains a mix of classic and native histograms", metric), at);
    }

    fn native_not_counter(&self, metric: &str, at: Span) {
        self.warn(format!("PromQL warning: this native histogram metric is not a counter: {}", quote(metric)), at);
    }

    fn native_not_gauge(&self, metric: &str, at: Span) {
        self.warn(format!("PromQL warning: this native histogram metric is not a gauge: {}", quote(metric)), at);
    }

    pub(crate) fn mixed_exponential_custom(&self, metric: &str, at: Span) {
        let text = "PromQL warning: vector contains a mix of histograms with exponential and custom buckets schemas \
             for metric name";
        self.warn(format!("{text} {}", quote(metric)), at);
    }

    pub(crate) fn incompatible_bucket_layout(&self, operator: &str, at: Span) {
        let text = "PromQL warning: incompatible bucket layout encountered for binary operator";
        self.warn(format!("{text} {operator}"), at);
    }

    pub(crate) fn sort_in_range_query(&self, at: Span) {
        let text = "PromQL warning: sort is ineffective for range queries since results are always ordered by labels";
        self.warn(text, at);
    }

    fn counter_reset_collision(&self, operation: Operation, at: Span) {
        let text = "PromQL warning: conflicting counter resets during histogram";
        self.warn(format!("{text} {}", operation.name()), at);
    }

    pub(crate) fn start_time_overlap(&self, metric: &str, at: Span) {
        let text = "PromQL warning: sample has start time that overlaps with previous sample timestamp for metric";
        self.add(true, format!("{text} {}", quote(metric)), at, Detail::Overlap { count: 1 });
    }
}

/// Infos.
impl Notes {
    pub(crate) fn possible_non_counter(&self, metric: &str, at: Span) {
        let text = "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket:";
        self.info(format!("{text} {}", quote(metric)), at);
    }

    pub(crate) fn possible_non_counter_label(&self, metric: &str, kind: &str, at: Span) {
        let text = "PromQL info: metric might not be a counter, __type__ label is not set to \"counter\" or \
             \"histogram\", got";
        self.info(format!("{text} {}: {}", quote(kind), quote(metric)), at);
    }

    pub(crate) fn forced_monotonicity(&self, metric: &str, at: Span, t: TimestampMs, range: MonotonicityFix) {
        let detail = Detail::Monotonicity { range, first: t, last: t, count: 1 };
        self.add(false, for_metric(MONOTONICITY, metric), at, detail);
    }

    pub(crate) fn incompatible_types(&self, lhs: &str, operator: &str, rhs: &str, at: Span) {
        let text = "PromQL info: incompatible sample types encountered for binary operator";
        self.info(format!("{text} {}: {lhs} {operator} {rhs}", quote(operator)), at);
    }

    pub(crate) fn histogram_ignored_in_aggregation(&self, aggregation: &str, at: Span) {
        self.info(format!("PromQL info: ignored histogram in {aggregation} aggregation"), at);
    }

    pub(crate) fn histogram_ignored_in_mixed_range(&self, metric: &str, at: Span) {
        let text = "PromQL info: ignored histograms in a range containing both floats and histograms for metric name";
        self.info(format!("{text} {}", quote(metric)), at);
    }

    fn quantile_nan_result(&self, metric: &str, at: Span) {
        let text = "PromQL info: input to histogram_quantile has NaN observations, result is NaN";
        self.info(for_metric(text, metric), at);
    }

    fn quantile_nan_skew(&self, metric: &str, at: Span) {
        let text = "PromQL info: input to histogram_quantile has NaN observations, result is skewed higher";
        self.info(for_metric(text, metric), at);
    }

    fn fraction_nans(&self, metric: &str, at: Span) {
        let text = "PromQL info: input to histogram_fraction has NaN observations, which are excluded from all \
             fractions";
        self.info(for_metric(text, metric), at);
    }

    fn mismatched_custom_buckets(&self, operation: Operation, at: Span) {
        self.info(format!("PromQL info: mismatched custom buckets were reconciled during {}", operation.name()), at);
    }
}
