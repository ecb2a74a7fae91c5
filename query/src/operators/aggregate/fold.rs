//! The accumulator port and the table of accumulators.

use crate::annotations::Notes;
use crate::ast::{AggregateOp, Span};
use crate::eval::Column;

use super::simple::{Count, Extreme, Group};
use super::spread::{Quantiles, Variance};
use super::total::Total;

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

/// The accumulator of an operator.
pub(super) fn of<'q>(op: AggregateOp, shape: Shape<'q>, params: Vec<f64>) -> Box<dyn Fold + 'q> {
    match op {
        AggregateOp::Avg => Box::new(Total::average(shape)),
        AggregateOp::Count => Box::new(Count::new(shape)),
        AggregateOp::Min => Box::new(Extreme::new(shape, "min", |best, v| best > v || best.is_nan())),
        AggregateOp::Max => Box::new(Extreme::new(shape, "max", |best, v| best < v || best.is_nan())),
        AggregateOp::Group => Box::new(Group::new(shape)),
        AggregateOp::Stddev => Box::new(Variance::new(shape, "stddev", true)),
        AggregateOp::Stdvar => Box::new(Variance::new(shape, "stdvar", false)),
        AggregateOp::Quantile => Box::new(Quantiles::new(shape, params)),
        _ => Box::new(Total::sum(shape)),
    }
}

/// Cells of all groups: none until a group gets its first sample.
pub(super) struct Cells<T> {
    steps: usize,
    empty: T,
    cells: Vec<Vec<T>>,
}

impl<T: Clone> Cells<T> {
    pub(super) fn new(shape: Shape<'_>, empty: T) -> Cells<T> {
        Cells { steps: shape.steps, empty, cells: vec![Vec::new(); shape.groups] }
    }

    /// The cells of a group, one a step.
    pub(super) fn of(&mut self, group: usize) -> &mut [T] {
        let cells = &mut self.cells[group];
        if cells.is_empty() {
            cells.resize(self.steps, self.empty.clone());
        }
        cells
    }

    /// The cells of a group, taken out; none if it never got a sample.
    pub(super) fn take(&mut self, group: usize) -> Vec<T> {
        std::mem::take(&mut self.cells[group])
    }
}
