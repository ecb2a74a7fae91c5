//! `sum` and `avg`, of floats and of histograms.

use hashbrown::HashMap;
use nightjar_model::FloatHistogram;
use nightjar_model::histogram::IncompatibleSchemas;

use super::fold::{Cells, Fold, Shape};
use crate::eval::Column;
use crate::histogram::{self, Average, Note, Noted};
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
    fn add(&mut self, h: &FloatHistogram) -> Result<(), IncompatibleSchemas>;
    fn result(&self) -> Noted<FloatHistogram>;
}

impl RunningHistogram for histogram::Total {
    fn first(h: &FloatHistogram) -> histogram::Total {
        histogram::Total::new(h)
    }

    fn add(&mut self, h: &FloatHistogram) -> Result<(), IncompatibleSchemas> {
        histogram::Total::add(self, h)
    }

    fn result(&self) -> Noted<FloatHistogram> {
        self.finish()
    }
}

impl RunningHistogram for Average {
    fn first(h: &FloatHistogram) -> Average {
        Average::new(h)
    }

    fn add(&mut self, h: &FloatHistogram) -> Result<(), IncompatibleSchemas> {
        Average::add(self, h)
    }

    fn result(&self) -> Noted<FloatHistogram> {
        self.finish()
    }
}

/// The histograms of one group at one step.
struct HistogramCell<H> {
    running: H,
    /// Exponential and custom buckets met: nothing counts any more.
    incompatible: bool,
}

/// `sum` or `avg`.
pub(super) struct Total<'q, F, H> {
    shape: Shape<'q>,
    floats: Cells<F>,
    histograms: HashMap<(usize, u32), HistogramCell<H>>,
}

impl<'q> Total<'q, Kahan, histogram::Total> {
    pub(super) fn sum(shape: Shape<'q>) -> Total<'q, Kahan, histogram::Total> {
        Total::new(shape)
    }
}

impl<'q> Total<'q, Mean, Average> {
    pub(super) fn average(shape: Shape<'q>) -> Total<'q, Mean, Average> {
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
            HistogramCell { running: H::first(h), incompatible: false }
        });
        if first || cell.incompatible || self.floats.seen(group, step as usize) {
            return;
        }
        if cell.running.add(h).is_err() {
            self.shape.notes.mixed_exponential_custom(&name(), self.shape.at);
            cell.incompatible = true;
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
                Some(cell) if cell.incompatible || seen.is_some() => {
                    if seen.is_some() {
                        notes.mixed_floats_histograms_in_aggregation(at);
                    }
                    // Bounds were reconciled on the way all the same.
                    let noted = cell.running.result().notes.into_iter();
                    let reconciled = noted.filter(|note| matches!(note, Note::BoundsReconciled(_)));
                    reconciled.for_each(|note| notes.histogram(note, String::new, at));
                }
                Some(cell) => {
                    let mut result = notes.keep(cell.running.result(), String::new, at);
                    result.compact(0);
                    out.push(step, result.into());
                }
                None => seen.into_iter().for_each(|value| out.set(step, value)),
            }
        }
    }
}
