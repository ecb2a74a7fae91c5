//! `stddev`, `stdvar`, `quantile`.

use super::fold::{Cells, Fold, Shape};
use crate::eval::Column;
use crate::quantile::quantile;

/// A variance under way.
#[derive(Clone, Copy, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

/// `stddev`, `stdvar`.
pub(super) struct Variance<'q> {
    shape: Shape<'q>,
    op: &'static str,
    root: bool,
    moments: Cells<Moments>,
}

impl<'q> Variance<'q> {
    pub(super) fn new(shape: Shape<'q>, op: &'static str, root: bool) -> Variance<'q> {
        Variance { shape, op, root, moments: Cells::new(shape, Moments::default()) }
    }
}

impl Fold for Variance<'_> {
    fn add(&mut self, group: usize, column: &Column, _: &dyn Fn() -> String) {
        self.shape.ignore_histograms(column, self.op);
        let moments = self.moments.of(group);
        for step in column.present.ones() {
            let (m, value) = (&mut moments[step], column.values[step]);
            if m.count == 0.0 {
                *m = Moments { count: 1.0, mean: value, squares: if value.is_finite() { 0.0 } else { f64::NAN } };
                continue;
            }
            m.count += 1.0;
            let delta = value - m.mean;
            m.mean += delta / m.count;
            m.squares += delta * (value - m.mean);
        }
    }

    fn finish(&mut self, group: usize, out: &mut Column) {
        for (step, m) in self.moments.take(group).into_iter().enumerate().filter(|(_, m)| m.count > 0.0) {
            let variance = m.squares / m.count;
            out.set(step, if self.root { variance.sqrt() } else { variance });
        }
    }
}

/// `quantile`.
pub(super) struct Quantiles<'q> {
    shape: Shape<'q>,
    q: Vec<f64>,
    values: Cells<Vec<f64>>,
}

impl<'q> Quantiles<'q> {
    pub(super) fn new(shape: Shape<'q>, q: Vec<f64>) -> Quantiles<'q> {
        Quantiles { shape, q, values: Cells::new(shape, Vec::new()) }
    }
}

impl Fold for Quantiles<'_> {
    fn add(&mut self, group: usize, column: &Column, _: &dyn Fn() -> String) {
        self.shape.ignore_histograms(column, "quantile");
        let values = self.values.of(group);
        column.present.ones().for_each(|step| values[step].push(column.values[step]));
    }

    fn finish(&mut self, group: usize, out: &mut Column) {
        for (step, mut values) in self.values.take(group).into_iter().enumerate() {
            if !values.is_empty() {
                out.set(step, quantile(self.q[step], &mut values));
            }
        }
    }
}
