//! The accumulator port, and cells to accumulate in.

use crate::annotations::Notes;
use crate::ast::Span;
use crate::eval::Column;
use crate::eval::bits::ones_of;

/// Accumulates the samples of groups, step by step.
pub(super) trait Fold {
    /// Adds the samples of a series to its group. `name` answers its metric name, for notes.
    fn add(&mut self, group: usize, column: &Column, name: &dyn Fn() -> String);

    /// Writes the result of a group to `out`, which is empty.
    fn finish(&mut self, group: usize, out: &mut Column);
}

/// What accumulators need to know.
#[derive(Clone, Copy)]
pub(super) struct Shape<'q> {
    pub(super) groups: usize,
    pub(super) steps: usize,
    pub(super) notes: &'q Notes,
    /// Place of the aggregated expression.
    pub(super) at: Span,
}

impl Shape<'_> {
    /// Notes that the histograms of a column are ignored.
    pub(super) fn ignore_histograms(&self, column: &Column, op: &str) {
        if !column.histograms.is_empty() {
            self.notes.histogram_ignored_in_aggregation(op, self.at);
        }
    }
}

/// Steps whose cells are kept together.
const RUN: usize = 64;

/// Cells of all groups, one a step. Runs of 64 steps come into being with their first sample, so that groups that live
/// shortly cost little.
pub(super) struct Cells<T> {
    runs: usize,
    empty: T,
    groups: Vec<Vec<Option<Box<Run<T>>>>>,
}

/// The cells of 64 steps, and which of them have a sample.
#[derive(Clone)]
pub(super) struct Run<T> {
    pub(super) seen: u64,
    pub(super) cells: [T; RUN],
}

impl<T: Copy> Cells<T> {
    pub(super) fn new(shape: Shape<'_>, empty: T) -> Cells<T> {
        Cells { runs: shape.steps.div_ceil(RUN), empty, groups: vec![Vec::new(); shape.groups] }
    }

    /// The cells of a run of steps of a group.
    pub(super) fn run(&mut self, group: usize, run: usize) -> &mut Run<T> {
        let runs = &mut self.groups[group];
        if runs.is_empty() {
            runs.resize_with(self.runs, || None);
        }
        runs[run].get_or_insert_with(|| Box::new(Run { seen: 0, cells: [self.empty; RUN] }))
    }

    /// Whether a step of a group has a sample.
    pub(super) fn seen(&self, group: usize, step: usize) -> bool {
        let run = self.groups[group].get(step / RUN).and_then(Option::as_ref);
        run.is_some_and(|run| run.seen & (1 << (step % RUN)) != 0)
    }

    /// Folds the floats of a column into the cells of a group: `first` makes the cell of a first value, `next` changes
    /// it for another one.
    #[inline]
    pub(super) fn fold(&mut self, group: usize, column: &Column, first: impl Fn(f64) -> T, next: impl Fn(&mut T, f64)) {
        for (index, present) in column.present.runs() {
            let run = self.run(group, index);
            let values = &column.values[index * RUN..];
            if present & run.seen == u64::MAX {
                run.cells.iter_mut().zip(values).for_each(|(cell, value)| next(cell, *value));
                continue;
            }
            for bit in ones_of(present) {
                if run.seen & (1 << bit) == 0 {
                    run.cells[bit] = first(values[bit]);
                } else {
                    next(&mut run.cells[bit], values[bit]);
                }
            }
            run.seen |= present;
        }
    }

    /// Steps of a group that have a sample, with their cells; the group is empty then.
    pub(super) fn take(&mut self, group: usize) -> impl Iterator<Item = (usize, T)> + use<T> {
        let runs = std::mem::take(&mut self.groups[group]).into_iter().enumerate();
        runs.filter_map(|(index, run)| Some((index, run?)))
            .flat_map(|(index, run)| ones_of(run.seen).map(move |bit| (index * RUN + bit, run.cells[bit])))
    }
}
