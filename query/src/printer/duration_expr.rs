//! Durations and duration expressions.

use std::fmt;

use nightjar_model::duration::format_duration_ms;
use nightjar_model::number::format_f;

use crate::ast::{DurationExpr, DurationKind, NumberLiteral, UnaryOp};

impl fmt::Display for DurationExpr {
    /// As it stands in brackets or after `offset`: a number alone is printed as a duration, `300` as `5m`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DurationKind::Literal(literal) => f.write_str(&format_duration_ms(whole_ms(literal))),
            _ => term(self, f),
        }
    }
}

/// Whole milliseconds, rounded to nanoseconds first as Prometheus does.
pub(super) fn whole_ms(literal: &NumberLiteral) -> i64 {
    (literal.value * 1e9).round() as i64 / 1_000_000
}

/// Part of a duration expression; numbers stay numbers.
fn term(duration: &DurationExpr, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match &duration.kind {
        DurationKind::Literal(literal) => write!(f, "{literal}"),
        DurationKind::Step => f.write_str("step()"),
        DurationKind::Range => f.write_str("range()"),
        DurationKind::Unary(UnaryOp::Plus, inner) => term(inner, f),
        DurationKind::Unary(UnaryOp::Minus, inner) => {
            f.write_str("-")?;
            term(inner, f)
        }
        DurationKind::Binary(op, lhs, rhs) => {
            term(lhs, f)?;
            write!(f, " {} ", op.as_str())?;
            term(rhs, f)
        }
        DurationKind::MinOf(a, b) => call("min_of", a, b, f),
        DurationKind::MaxOf(a, b) => call("max_of", a, b, f),
        DurationKind::Paren(inner) => {
            f.write_str("(")?;
            term(inner, f)?;
            f.write_str(")")
        }
    }
}

fn call(name: &str, a: &DurationExpr, b: &DurationExpr, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{name}(")?;
    term(a, f)?;
    f.write_str(", ")?;
    term(b, f)?;
    f.write_str(")")
}

impl fmt::Display for NumberLiteral {
    /// `1.5`, or `1m30s` if it was written as a duration.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.duration {
            true => f.write_str(&format_duration_ms((self.value * 1e9) as i64 / 1_000_000)),
            false => f.write_str(&format_f(self.value)),
        }
    }
}
