//! `sum` and `avg`, of floats and of histograms.

use hashbrown::HashMap;
use nightjar_model::FloatHistogram;
use nightjar_model::histogram::{CounterResetHint, HistogramSum, IncompatibleBuckets};

use super::fold::{Cells, Fold, Shape};
use crate::annotations::HistogramOperation;
use crate::eval::Column;
use crate::eval::average::HistogramMean;
use crate::kahan::{Kahan, Mean};

/// A running total or mean of floats.
pub(super) trait Running: Copy {
    fn first(value: f64) -> Self;
    fn add(&mut self, value: f64);
    fn result(&self) -> f64;
}

impl Running for Kahan {
    fn first(value: f64) -> Kahan {
        Kahan::new(value)
    }

    #[inline]
    fn add(&mut self, value: f64) {
        *self = self.plus(value);
    }

    fn result(&self) -> f64 {
        self.value()
    }
}

impl Running for Mean {
    fn first(value: f64) -> Mean {
        Mean::new(value)
    }

    #[inline]
    fn add(&mut self, value: f64) {
        Mean::add(self, value);
    }

    fn result(&self) -> f64 {
        self.value()
    }
}

/// A running total or mean of histograms.
pub(super) trait RunningHistogram {
    fn first(h: &FloatHistogram) -> Self;
    /// Answers whether custom bounds were reconciled.
    fn add(&mut self, h: &FloatHistogram) -> Result<bool, IncompatibleBuckets>;
    fn result(&self) -> FloatHistogram;
}

impl RunningHistogram for HistogramSum {
    fn first(h: &FloatHistogram) -> HistogramSum {
        HistogramSum::new(h)
    }

    fn add(&mut self, h: &FloatHistogram) -> Result<bool, IncompatibleBuckets> {
        Ok(HistogramSum::add(self, h)?.bounds_reconciled)
    }

    fn result(&self) -> FloatHistogram {
        self.finish()
    }
}

impl RunningHistogram for HistogramMean {
    fn first(h: &FloatHistogram) -> HistogramMean {
        HistogramMean::new(h)
    }

    fn add(&mut self, h: &FloatHistogram) -> Result<bool, IncompatibleBuckets> {
        HistogramMean::add(self, h)
    }

    fn result(&self) -> FloatHistogram {
        self.finish()
    }
}

/// The histograms of one group at one step.
struct HistogramCell<H> {
    running: H,
    reset: bool,
    not_reset: bool,
    /// Exponential and custom buckets met: nothing counts any more.
    incompatible: bool,
}

/// `sum` or `avg`.
pub(super) struct Total<'q, F, H> {
    shape: Shape<'q>,
    floats: Cells<F>,
    histograms: HashMap<(usize, u32), HistogramCell<H>>,
}

impl<'q> Total<'q, Kahan, HistogramSum> {
    pub(super) fn sum(shape: Shape<'q>) -> Total<'q, Kahan, HistogramSum> {
        Total::new(shape)
    }
}

impl<'q> Total<'q, Mean, HistogramMean> {
    pub(super) fn average(shape: Shape<'q>) -> Total<'q, Mean, HistogramMean> {
        Total::new(shape)
    }
}

impl<'q, F: Running, H: RunningHistogram> Total<'q, F, H> {
    fn new(shape: Shape<'q>) -> Total<'q, F, H> {
        Total { shape, floats: Cells::new(shape, F::first(0.0)), histograms: HashMap::new() }
    }

    fn add_histogram(&mut self, group: usize, step: u32, h: &FloatHistogram, name: &dyn Fn() -> String) {
        let mut first = false;
        let cell = self.histograms.entry((group, step)).or_insert_with(|| {
            first = true;
            HistogramCell { running: H::first(h), reset: false, not_reset: false, incompatible: false }
        });
        if cell.incompatible {
            return;
        }
        cell.reset |= h.counter_reset_hint == CounterResetHint::Reset;
        cell.not_reset |= h.counter_reset_hint == CounterResetHint::NotReset;
        if first || self.floats.seen(group, step as usize) {
            return;
        }
        match cell.running.add(h) {
            Ok(true) => {
                self.shape.notes.mismatched_custom_buckets(HistogramOperation::Aggregation, self.shape.at);
            }
            Ok(false) => {}
            Err(IncompatibleBuckets) => {
                self.shape.notes.mixed_exponential_custom(&name(), self.shape.at);
                cell.incompatible = true;
            }
        }
    }
}

impl<F: Running, H: RunningHistogram> Fold for Total<'_, F, H> {
    fn add(&mut self, group: usize, column: &Column, name: &dyn Fn() -> String) {
        for (step, h) in &column.histograms {
            self.add_histogram(group, *step, h, name);
        }
        if self.histograms.is_empty() {
            self.floats.fold(group, column, F::first, F::add);
            return;
        }
        // Where exponential and custom buckets met, floats do not count either.
        let mut counting = column.clone();
        let incompatible =
            |step: &usize| self.histograms.get(&(group, *step as u32)).is_some_and(|cell| cell.incompatible);
        column.present.ones().filter(incompatible).for_each(|step| counting.present.clear(step));
        self.floats.fold(group, &counting, F::first, F::add);
    }

    fn finish(&mut self, group: usize, out: &mut Column) {
        let (floats, Shape { notes, at, steps, .. }) = (self.floats.take(group), self.shape);
        if self.histograms.is_empty() {
            floats.for_each(|(step, float)| out.set(step, float.result()));
            return;
        }
        let mut floats = floats.peekable();
        for step in 0..steps {
            let seen = floats.next_if(|(at, _)| *at == step).map(|(_, float)| float.result());
            match self.histograms.remove(&(group, step as u32)) {
                Some(_) if seen.is_some() => notes.mixed_floats_histograms_in_aggregation(at),
                Some(cell) if cell.incompatible => {}
                Some(cell) => {
                    if cell.reset && cell.not_reset {
                        notes.counter_reset_collision(HistogramOperation::Aggregation, at);
                    }
                    let mut result = cell.running.result();
                    result.compact();
                    out.push(step, result.into());
                }
                None => seen.into_iter().for_each(|value| out.set(step, value)),
            }
        }
    }
}
