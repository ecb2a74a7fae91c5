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
        self.counts.fold(group, column, |_| 1, |count, _| *count += 1);
        for (step, _) in &column.histograms {
            let (run, bit) = (*step as usize / 64, *step as usize % 64);
            let run = self.counts.run(group, run);
            run.seen |= 1 << bit;
            run.cells[bit] += 1;
        }
    }

    fn finish(&mut self, group: usize, out: &mut Column) {
        self.counts.take(group).for_each(|(step, count)| out.set(step, f64::from(count)));
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
    best: Cells<f64>,
}

impl<'q, F: Fn(f64, f64) -> bool> Extreme<'q, F> {
    /// `better(best, v)`: whether `v` takes the place of the best so far.
    pub(super) fn new(shape: Shape<'q>, op: &'static str, better: F) -> Extreme<'q, F> {
        Extreme { shape, op, better, best: Cells::new(shape, 0.0) }
    }
}

impl<F: Fn(f64, f64) -> bool> Fold for Extreme<'_, F> {
    fn add(&mut self, group: usize, column: &Column, _: &dyn Fn() -> String) {
        self.shape.ignore_histograms(column, self.op);
        let better = &self.better;
        let take_better = |best: &mut f64, value: f64| {
            if better(*best, value) {
                *best = value;
            }
        };
        self.best.fold(group, column, |value| value, take_better);
    }

    fn finish(&mut self, group: usize, out: &mut Column) {
        self.best.take(group).for_each(|(step, best)| out.set(step, best));
    }
}
