//! Which parts do not depend on the evaluation time, because every selector in them is pinned by `@`.

use super::{Node, NodeKind};

/// Functions whose result depends on the evaluation time even when their arguments do not.
const TIME_DEPENDENT: [&str; 15] = [
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "end",
    "hour",
    "minute",
    "month",
    "year",
    "predict_linear",
    "range",
    "start",
    "step",
    "time",
    "timestamp",
];

/// What is known about a node.
struct Invariance {
    /// It has the same value at all steps.
    invariant: bool,
    /// It is worth being evaluated once.
    wrap: bool,
}

/// Wraps the largest step-invariant parts.
pub(super) fn wrap(mut node: Node) -> Node {
    if mark(&mut node).wrap { once(node) } else { node }
}

fn once(node: Node) -> Node {
    Node::new(node.span, NodeKind::StepInvariant(Box::new(node)))
}

fn wrap_in_place(node: &mut Node) {
    let span = node.span;
    let inner = std::mem::replace(node, Node::new(span, NodeKind::Number(0.0)));
    *node = once(inner);
}

fn mark(node: &mut Node) -> Invariance {
    const NO: Invariance = Invariance { invariant: false, wrap: false };
    match &mut node.kind {
        NodeKind::Number(_) | NodeKind::String(_) => Invariance { invariant: true, wrap: false },
        NodeKind::Vector(selector) => Invariance { invariant: selector.at.is_some(), wrap: selector.at.is_some() },
        NodeKind::Matrix(matrix) => Invariance { invariant: matrix.selector.at.is_some(), wrap: false },
        NodeKind::Negate(inner) | NodeKind::Plus(inner) => mark(inner),
        NodeKind::StepInvariant(_) => Invariance { invariant: true, wrap: false },
        NodeKind::Aggregate(aggregate) => {
            if let Some(param) = &mut aggregate.param
                && mark(param).wrap
            {
                wrap_in_place(param);
            }
            mark(&mut aggregate.expr)
        }
        NodeKind::Subquery(subquery) => {
            if mark(&mut subquery.expr).invariant {
                wrap_in_place(&mut subquery.expr);
            }
            Invariance { invariant: subquery.at.is_some(), wrap: false }
        }
        NodeKind::Binary(binary) => {
            let (l, r) = (mark(&mut binary.lhs), mark(&mut binary.rhs));
            if l.invariant && r.invariant {
                return Invariance { invariant: true, wrap: true };
            }
            for (side, node) in [(l, &mut binary.lhs), (r, &mut binary.rhs)] {
                if side.wrap {
                    wrap_in_place(node);
                }
            }
            NO
        }
        NodeKind::Call(call) => {
            let marks: Vec<Invariance> = call.args.iter_mut().map(mark).collect();
            let all = marks.iter().all(|m| m.invariant);
            let pinned_selectors = call.args.iter().all(|arg| matches!(arg.kind, NodeKind::Vector(_)));
            if all && (!TIME_DEPENDENT.contains(&call.func) || (call.func == "timestamp" && pinned_selectors)) {
                return Invariance { invariant: true, wrap: true };
            }
            for (mark, arg) in marks.iter().zip(&mut call.args) {
                if mark.wrap {
                    wrap_in_place(arg);
                }
            }
            NO
        }
    }
}
