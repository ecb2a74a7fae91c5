//! `count`, `group`, `min`, `max`.

use super::fold::{Cells, Fold, Shape};
use crate::eval::Column;
use crate::eval::bits::Bits;

/// `count`.
pub(super) struct Count {
    counts: Cells<u32>,
}

impl Count {
    pub(super) fn new(shape: Shape<'_>) -> Count {
        Count { counts: Cells::new(shape, 0) }
    }
}

impl Fold for Count {
    fn add(&mut self, group: usize, column: &Column, _: &dyn Fn() -> String) {
        let counts = self.counts.of(group);
        column.present.ones().for_each(|step| counts[step] += 1);
        column.histograms.iter().for_each(|(step, _)| counts[*step as usize] += 1);
    }

    fn finish(&mut self, group: usize, out: &mut Column) {
        for (step, count) in self.counts.take(group).into_iter().enumerate().filter(|(_, count)| *count > 0) {
            out.set(step, f64::from(count));
        }
    }
}

/// `group`.
pub(super) struct Group {
    seen: Vec<Bits>,
}

impl Group {
    pub(super) fn new(shape: Shape<'_>) -> Group {
        Group { seen: vec![Bits::new(shape.steps); shape.groups] }
    }
}

impl Fold for Group {
    fn add(&mut self, group: usize, column: &Column, _: &dyn Fn() -> String) {
        self.seen[group].or(&column.occupied());
    }

    fn finish(&mut self, group: usize, out: &mut Column) {
        self.seen[group].ones().for_each(|step| out.set(step, 1.0));
    }
}

/// `min`, `max`.
pub(super) struct Extreme<'q, F> {
    shape: Shape<'q>,
    op: &'static str,
    better: F,
    seen: Vec<Bits>,
    best: Cells<f64>,
}

impl<'q, F: Fn(f64, f64) -> bool> Extreme<'q, F> {
    /// `better(best, v)`: whether `v` takes the place of the best so far.
    pub(super) fn new(shape: Shape<'q>, op: &'static str, better: F) -> Extreme<'q, F> {
        let seen = vec![Bits::new(shape.steps); shape.groups];
        Extreme { shape, op, better, seen, best: Cells::new(shape, 0.0) }
    }
}

impl<F: Fn(f64, f64) -> bool> Fold for Extreme<'_, F> {
    fn add(&mut self, group: usize, column: &Column, _: &dyn Fn() -> String) {
        self.shape.ignore_histograms(column, self.op);
        let (best, seen) = (self.best.of(group), &mut self.seen[group]);
        for step in column.present.ones() {
            let value = column.values[step];
            if !seen.get(step) || (self.better)(best[step], value) {
                seen.set(step);
                best[step] = value;
            }
        }
    }

    fn finish(&mut self, group: usize, out: &mut Column) {
        let best = self.best.take(group);
        self.seen[group].ones().for_each(|step| out.set(step, best[step]));
    }
}
