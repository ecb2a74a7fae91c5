//! Aggregations that fold series as they come: `sum avg count min max group stddev stdvar quantile`.

use nightjar_model::Labels;

use crate::ast::{AggregateOp, Span};
use crate::error::QueryError;
use crate::eval::budget::Held;
use crate::eval::{Column, Context, Operator, Vector};

mod fold;
mod group;
mod simple;
mod spread;
mod total;

pub(crate) use group::{Grouping, Groups};

use fold::{Fold, Shape};
use simple::{Count, Extreme, Group};
use spread::{Quantiles, Variance};
use total::Total;

/// An aggregation into groups.
pub(crate) struct Aggregate<'q> {
    context: &'q Context<'q>,
    inner: Vector<'q>,
    groups: Groups,
    fold: Box<dyn Fold + 'q>,
    folded: bool,
    next: usize,
    steps: usize,
    drop_names: Vec<bool>,
    /// Whether all samples are kept until the end.
    keeps_all: bool,
    held: Held<'q>,
}

/// Bytes a group takes besides its samples.
const GROUP_BYTES: usize = 300;

impl<'q> Aggregate<'q> {
    /// The aggregation `op` of `inner`. `params` are the values of its parameter, if it has one.
    pub(crate) fn new(
        context: &'q Context<'q>,
        op: AggregateOp,
        inner: Vector<'q>,
        grouping: &Grouping<'_>,
        params: Vec<f64>,
        at: Span,
        steps: usize,
    ) -> Result<Aggregate<'q>, QueryError> {
        let groups = Groups::of(&inner, grouping);
        context.budget.expect(groups.len(), steps)?;
        let shape = Shape { groups: groups.len(), steps, notes: &context.notes, at };
        let drop_names = vec![false; groups.len()];
        let fold = accumulator(op, shape, params);
        let held = context.budget.hold(0)?;
        let keeps_all = op == AggregateOp::Quantile;
        Ok(Aggregate { context, inner, groups, fold, folded: false, next: 0, steps, drop_names, keeps_all, held })
    }

    fn fold(&mut self) -> Result<(), QueryError> {
        let mut column = Column::default();
        let mut seen = vec![false; self.groups.len()];
        for index in 0..self.inner.len() {
            self.inner.next(&mut column)?;
            self.context.worked(self.steps)?;
            if column.is_empty() {
                continue;
            }
            let group = self.groups.group_of(index);
            // A group holds as many samples as it has steps; the first series tells about how many those are.
            if !std::mem::replace(&mut seen[group], true) {
                self.held.more(column.samples())?;
                self.held.more_bytes(GROUP_BYTES)?;
            }
            if self.keeps_all {
                self.held.more_bytes(column.samples() * size_of::<f64>())?;
            }
            self.drop_names[group] |= column.drop_name;
            let inner = &self.inner;
            self.fold.add(group, &column, &|| inner.labels(index).metric_name().to_owned());
        }
        self.folded = true;
        Ok(())
    }
}

impl Operator for Aggregate<'_> {
    fn len(&self) -> usize {
        self.groups.len()
    }

    fn labels(&self, index: usize) -> Labels {
        self.groups.labels(index)
    }

    fn next(&mut self, out: &mut Column) -> Result<(), QueryError> {
        if !self.folded {
            self.fold()?;
        }
        out.reset(self.steps);
        self.fold.finish(self.next, out);
        out.drop_name = self.drop_names[self.next];
        self.next += 1;
        Ok(())
    }

    fn one_name(&self) -> bool {
        self.groups.len() < 2
    }
}

/// The accumulator of an operator.
fn accumulator<'q>(op: AggregateOp, shape: Shape<'q>, params: Vec<f64>) -> Box<dyn Fold + 'q> {
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
