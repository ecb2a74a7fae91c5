//! Which selectors need only count and sum of native histograms.

use super::{Node, NodeKind};
use crate::ast::BinaryOp;

/// What the parents of a node want of histograms.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    /// Nobody said anything.
    Open,
    /// Only statistics, as far as is known.
    Statistics,
    /// Some parent needs buckets, whatever stands between.
    Buckets,
}

/// Marks the selectors whose histogram buckets nobody looks at.
pub(super) fn mark(node: &mut Node) {
    visit(node, Wanted::Open);
}

fn visit(node: &mut Node, wanted: Wanted) {
    match &mut node.kind {
        NodeKind::Number(_) | NodeKind::String(_) => {}
        NodeKind::Negate(inner) | NodeKind::Plus(inner) | NodeKind::StepInvariant(inner) => visit(inner, wanted),
        NodeKind::Binary(binary) => {
            let trims = matches!(binary.op, BinaryOp::TrimUpper | BinaryOp::TrimLower);
            let below = if trims { Wanted::Buckets } else { wanted };
            visit(&mut binary.lhs, below);
            visit(&mut binary.rhs, below);
        }
        NodeKind::Aggregate(aggregate) => {
            visit(&mut aggregate.expr, wanted);
            if let Some(param) = &mut aggregate.param {
                visit(param, wanted);
            }
        }
        NodeKind::Call(call) => {
            let below = match call.func {
                _ if wanted == Wanted::Buckets => Wanted::Buckets,
                "histogram_count" | "histogram_sum" | "histogram_avg" => Wanted::Statistics,
                "histogram_quantile" | "histogram_quantiles" | "histogram_fraction" => Wanted::Buckets,
                _ => wanted,
            };
            call.args.iter_mut().for_each(|arg| visit(arg, below));
        }
        NodeKind::Vector(selector) => selector.statistics_only = wanted == Wanted::Statistics,
        NodeKind::Matrix(matrix) => matrix.selector.statistics_only = wanted == Wanted::Statistics,
        NodeKind::Subquery(subquery) => visit(&mut subquery.expr, Wanted::Buckets),
    }
}
