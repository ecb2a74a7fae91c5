//! Subqueries: an expression evaluated at its own steps, as a source of samples.

use std::sync::Arc;

use nightjar_model::histogram::CounterResetHint;
use nightjar_model::storage::{FloatColumn, HistogramColumn};
use nightjar_model::{FloatHistogram, Labels, TimestampMs};

use crate::error::QueryError;
use crate::eval::{Column, Grid, Vector};
use crate::rollup::{RangeSeries, RangeSource};

/// `expr[d:step]`.
pub(crate) struct Subquery<'q> {
    inner: Vector<'q>,
    grid: Grid,
    column: Column,
    /// Times of all steps, for series without gaps.
    times: Arc<[TimestampMs]>,
}

impl<'q> Subquery<'q> {
    /// The values of `inner`, which is evaluated at `grid`.
    pub(crate) fn new(inner: Vector<'q>, grid: Grid) -> Subquery<'q> {
        let times = (0..grid.len).map(|step| grid.time(step)).collect();
        Subquery { inner, grid, column: Column::default(), times }
    }
}

impl RangeSource for Subquery<'_> {
    fn len(&self) -> usize {
        self.inner.len()
    }

    fn labels(&self, index: usize) -> Labels {
        self.inner.labels(index)
    }

    fn next(&mut self, out: &mut RangeSeries) -> Result<(), QueryError> {
        self.inner.next(&mut self.column)?;
        let column = &self.column;
        let floats = if column.present.all() {
            FloatColumn { timestamps: Arc::clone(&self.times), values: column.values.clone(), starts: None }
        } else {
            FloatColumn {
                timestamps: column.present.ones().map(|step| self.grid.time(step)).collect(),
                values: column.present.ones().map(|step| column.values[step]).collect(),
                starts: None,
            }
        };
        let histograms = HistogramColumn {
            timestamps: column.histograms.iter().map(|(step, _)| self.grid.time(*step as usize)).collect(),
            values: column.histograms.iter().map(|(_, h)| forget_hint(h)).collect(),
            starts: None,
        };
        *out = RangeSeries { floats, histograms, drop_name: column.drop_name };
        Ok(())
    }

    fn one_name(&self) -> bool {
        self.inner.one_name()
    }
}

/// What was known about resets between samples is not true between steps.
fn forget_hint(h: &Arc<FloatHistogram>) -> Arc<FloatHistogram> {
    match h.counter_reset_hint {
        CounterResetHint::Reset | CounterResetHint::NotReset => {
            Arc::new(FloatHistogram { counter_reset_hint: CounterResetHint::Unknown, ..(**h).clone() })
        }
        CounterResetHint::Unknown | CounterResetHint::Gauge => Arc::clone(h),
    }
}
