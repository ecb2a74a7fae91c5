//! Rewriting an expression so that it answers the same at any time: `@` on every selector.

use nightjar_model::TimestampMs;
use nightjar_query::ast::{At, Expr, ExprKind};
use nightjar_query::{ParserOptions, parse};

/// Functions whose answer depends on the evaluation time all the same.
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

/// The expression pinned to a time; `None` if that cannot be done, or it does not parse.
pub fn pinned(text: &str, at: TimestampMs) -> Option<String> {
    let mut expr = parse(text, &ParserOptions::ALL).ok()?;
    pin(&mut expr, at).then(|| expr.to_string())
}

/// Whether it could be done.
fn pin(expr: &mut Expr, at: TimestampMs) -> bool {
    match &mut expr.kind {
        ExprKind::Number(_) | ExprKind::String(_) => true,
        ExprKind::Paren(inner) | ExprKind::Unary(_, inner) | ExprKind::StepInvariant(inner) => pin(inner, at),
        ExprKind::Binary(binary) => {
            let lhs = pin(&mut binary.lhs, at);
            pin(&mut binary.rhs, at) && lhs
        }
        ExprKind::Aggregate(aggregate) => {
            let inner = pin(&mut aggregate.expr, at);
            aggregate.param.as_mut().is_none_or(|param| pin(param, at)) && inner
        }
        ExprKind::Call(call) => {
            let pinned: Vec<bool> = call.args.iter_mut().map(|arg| pin(arg, at)).collect();
            pinned.iter().all(|pinned| *pinned) && !TIME_DEPENDENT.contains(&call.func.name)
        }
        ExprKind::Vector(selector) => {
            selector.at.get_or_insert(At::Time(at));
            true
        }
        ExprKind::Matrix(matrix) => {
            matrix.selector.at.get_or_insert(At::Time(at));
            true
        }
        // What is inside needs no pinning then.
        ExprKind::Subquery(subquery) => {
            subquery.at.get_or_insert(At::Time(at));
            true
        }
    }
}
