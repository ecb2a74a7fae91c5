//! Which part of the past a plan looks at.

use nightjar_model::{ClosedRange, TimestampMs};

use super::{Node, NodeKind, SubqueryNode};
use crate::eval::grid::{Grid, reference};

/// The smallest interval that contains every sample a plan may look at, evaluated at `grid`; `None` without selectors.
pub(crate) fn time_bounds(node: &Node, grid: Grid, lookback_ms: i64, default_step_ms: i64) -> Option<ClosedRange> {
    let below = |node: &Node| time_bounds(node, grid, lookback_ms, default_step_ms);
    match &node.kind {
        NodeKind::Number(_) | NodeKind::String(_) => None,
        NodeKind::Negate(inner) | NodeKind::Plus(inner) => below(inner),
        NodeKind::StepInvariant(inner) => time_bounds(inner, grid.first_only(), lookback_ms, default_step_ms),
        NodeKind::Binary(binary) => union(below(&binary.lhs), below(&binary.rhs)),
        NodeKind::Aggregate(aggregate) => union(aggregate.param.as_ref().and_then(below), below(&aggregate.expr)),
        NodeKind::Call(call) => call.args.iter().map(below).fold(None, union),
        NodeKind::Vector(selector) => {
            let (first, last) = (selector.reference(grid.start), selector.reference(grid.last()));
            Some(selector.reads(first, last, 0, lookback_ms))
        }
        NodeKind::Matrix(matrix) => {
            let selector = &matrix.selector;
            let (first, last) = (selector.reference(grid.start), selector.reference(grid.last()));
            Some(selector.reads(first, last, matrix.range_ms, lookback_ms))
        }
        NodeKind::Subquery(subquery) => {
            time_bounds(&subquery.expr, subquery.grid(grid, default_step_ms), lookback_ms, default_step_ms)
        }
    }
}

fn union(a: Option<ClosedRange>, b: Option<ClosedRange>) -> Option<ClosedRange> {
    match (a, b) {
        (Some(a), Some(b)) => Some(ClosedRange { start: a.start.min(b.start), end: a.end.max(b.end) }),
        (a, b) => a.or(b),
    }
}

impl SubqueryNode {
    /// The time looked at for an evaluation at `t`.
    pub(crate) fn reference(&self, t: TimestampMs) -> TimestampMs {
        reference(t, self.at, self.offset_ms)
    }

    /// Where the inner expression is evaluated: absolute multiples of the step, strictly after the window's start.
    pub(crate) fn grid(&self, outer: Grid, default_step_ms: i64) -> Grid {
        let step = self.step_ms.unwrap_or(default_step_ms).max(1);
        let before = self.reference(outer.start) - self.range_ms;
        let start = (before.div_euclid(step) + 1) * step;
        Grid::until(start, self.reference(outer.last()), step)
    }
}
