//! Step-invariant parts: evaluated at the first step, repeated at all.

use nightjar_model::Labels;

use crate::error::QueryError;
use crate::eval::{Column, Operator, Vector};

/// The value of `inner` at its only step, at every step.
pub(crate) struct Repeat<'q> {
    inner: Vector<'q>,
    steps: usize,
    once: Column,
}

impl<'q> Repeat<'q> {
    /// Repeats `inner` at `steps` steps.
    pub(crate) fn new(inner: Vector<'q>, steps: usize) -> Repeat<'q> {
        Repeat { inner, steps, once: Column::default() }
    }
}

impl Operator for Repeat<'_> {
    fn len(&self) -> usize {
        self.inner.len()
    }

    fn labels(&self, index: usize) -> Labels {
        self.inner.labels(index)
    }

    fn next(&mut self, out: &mut Column) -> Result<(), QueryError> {
        self.inner.next(&mut self.once)?;
        out.reset(self.steps);
        out.drop_name = self.once.drop_name;
        if let Some(value) = self.once.present.get(0).then(|| self.once.values[0]) {
            out.values.fill(value);
            out.present.fill(self.steps);
        } else if let Some((_, h)) = self.once.histograms.first() {
            (0..self.steps).for_each(|step| out.push_histogram(step, h.clone()));
        }
        Ok(())
    }

    fn one_name(&self) -> bool {
        self.inner.one_name()
    }
}
