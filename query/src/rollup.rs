//! Functions over range vectors: windows, and kernels that fold a window into a sample.

pub(crate) mod changes;
pub(crate) mod extended;
pub(crate) mod extrapolate;
pub(crate) mod instant_rate;
pub(crate) mod over_time;
pub(crate) mod reach;
pub(crate) mod regression;
pub(crate) mod series;
mod table;
pub(crate) mod window;

pub(crate) use table::{Kernel, fold, kernel, of_buckets};

use std::sync::Arc;

use nightjar_model::storage::{FloatColumn, HistogramColumn};
use nightjar_model::{FloatHistogram, Labels, TimestampMs};

use crate::annotations::Notes;
use crate::ast::{RangeMode, Span};
use crate::error::QueryError;
use crate::eval::selection::Selection;
use crate::histogram::{self, Noted};
use crate::value::SampleValue;

/// All samples of one series that some window may see; no stale markers.
#[derive(Clone, Debug, Default)]
pub(crate) struct RangeSeries {
    pub(crate) floats: FloatColumn,
    pub(crate) histograms: HistogramColumn,
    /// Whether the metric name is to be dropped at the end.
    pub(crate) drop_name: bool,
}

/// A range-vector-valued expression: which series, then all their samples, one series at a time.
pub(crate) trait RangeSource {
    /// Number of series.
    fn len(&self) -> usize;

    /// Labels of series `index` (< `len`).
    fn labels(&self, index: usize) -> Labels;

    /// Writes the next series to `out`; called at most `len` times.
    fn next(&mut self, out: &mut RangeSeries) -> Result<(), QueryError>;

    /// The metric name that all series have, if that is known.
    fn metric_name(&self) -> Option<&str> {
        None
    }

    /// Whether all series have one metric name (or none), and neither type nor unit.
    fn one_name(&self) -> bool {
        false
    }

    /// The selection that it shows the samples of, if it does nothing else.
    fn selection(&self) -> Option<&Arc<Selection>> {
        None
    }

    /// Whether floats are what was wanted of buckets rather than samples.
    fn aggregated(&self) -> bool {
        false
    }
}

/// What one step sees of one series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'a> {
    /// Index of the step.
    pub(crate) step: usize,
    /// Evaluation time.
    pub(crate) time: TimestampMs,
    /// Left end of the range as selected, exclusive.
    pub(crate) range_start: TimestampMs,
    /// Right end of the range as selected, inclusive.
    pub(crate) range_end: TimestampMs,
    /// Times of floats.
    pub(crate) t: &'a [TimestampMs],
    /// Floats.
    pub(crate) v: &'a [f64],
    /// When counting began, per float; empty = not known or not asked for.
    pub(crate) st: &'a [TimestampMs],
    /// Times of histograms.
    pub(crate) ht: &'a [TimestampMs],
    /// Histograms.
    pub(crate) h: &'a [Arc<FloatHistogram>],
    /// When counting began, per histogram; empty = not known or not asked for.
    pub(crate) hst: &'a [TimestampMs],
}

impl<'a> Window<'a> {
    /// The histograms of the window.
    pub(crate) fn histograms(&self) -> histogram::Window<'a> {
        histogram::Window {
            times: self.ht,
            histograms: self.h,
            starts: self.hst,
            range_start: self.range_start,
            range_end: self.range_end,
        }
    }
}

/// What a kernel knows beside its window.
pub(crate) struct Call<'a> {
    /// Scalar arguments: the values of each at all steps.
    pub(crate) params: &'a [Vec<f64>],
    /// Where notes go.
    pub(crate) notes: &'a Notes,
    /// Place of the first argument.
    pub(crate) span: Span,
    /// Width of the range in seconds.
    pub(crate) range_seconds: f64,
    /// `anchored` or `smoothed`.
    pub(crate) mode: Option<RangeMode>,
    /// The series.
    pub(crate) source: &'a dyn RangeSource,
    /// Index of the series in `source`.
    pub(crate) index: usize,
}

/// The answer of a kernel for one window: perhaps a sample.
pub(crate) type Outcome = Result<Option<SampleValue>, QueryError>;

impl Call<'_> {
    /// Metric name of the series, for notes.
    pub(crate) fn metric(&self) -> String {
        match self.source.metric_name() {
            Some(name) => name.to_owned(),
            None => self.source.labels(self.index).metric_name().to_owned(),
        }
    }

    /// The answer of a histogram kernel, its notes kept.
    pub(crate) fn answer(&self, noted: Noted<Option<FloatHistogram>>) -> Outcome {
        Ok(self.notes.keep(noted, || self.metric(), self.span).map(SampleValue::from))
    }

    /// A scalar argument at the step of a window.
    pub(crate) fn param(&self, i: usize, window: &Window<'_>) -> f64 {
        self.params[i][window.step]
    }

    /// Notes that the histograms of a range with floats are ignored.
    pub(crate) fn histograms_ignored(&self) {
        self.notes.histogram_ignored_in_mixed_range(&self.metric(), self.span);
    }

    /// Notes that a range holds both floats and histograms.
    pub(crate) fn mixed(&self) {
        self.notes.mixed_floats_histograms(&self.metric(), self.span);
    }
}

/// A float as an outcome.
pub(crate) fn float(value: f64) -> Outcome {
    Ok(Some(SampleValue::Float(value)))
}
