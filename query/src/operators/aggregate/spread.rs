//! `stddev`, `stdvar`, `quantile`.

use hashbrown::HashMap;

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
        let first =
            |value: f64| Moments { count: 1.0, mean: value, squares: if value.is_finite() { 0.0 } else { f64::NAN } };
        let next = |m: &mut Moments, value: f64| {
            m.count += 1.0;
            let delta = value - m.mean;
            m.mean += delta / m.count;
            m.squares += delta * (value - m.mean);
        };
        self.moments.fold(group, column, first, next);
    }

    fn finish(&mut self, group: usize, out: &mut Column) {
        for (step, m) in self.moments.take(group) {
            let variance = m.squares / m.count;
            out.set(step, if self.root { variance.sqrt() } else { variance });
        }
    }
}

/// `quantile`.
pub(super) struct Quantiles<'q> {
    shape: Shape<'q>,
    q: Vec<f64>,
    /// Steps with their values, by group.
    values: Vec<HashMap<u32, Vec<f64>>>,
}

impl<'q> Quantiles<'q> {
    pub(super) fn new(shape: Shape<'q>, q: Vec<f64>) -> Quantiles<'q> {
        Quantiles { shape, q, values: vec![HashMap::new(); shape.groups] }
    }
}

impl Fold for Quantiles<'_> {
    fn add(&mut self, group: usize, column: &Column, _: &dyn Fn() -> String) {
        self.shape.ignore_histograms(column, "quantile");
        let values = &mut self.values[group];
        column.present.ones().for_each(|step| values.entry(step as u32).or_default().push(column.values[step]));
    }

    fn finish(&mut self, group: usize, out: &mut Column) {
        for (step, mut values) in std::mem::take(&mut self.values[group]) {
            let step = step as usize;
            out.set(step, quantile(self.q[step], &mut values));
        }
    }
}
