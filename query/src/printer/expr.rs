//! Expressions on one line.

use std::fmt;

use nightjar_model::MatchOp;
use nightjar_model::duration::format_duration_ms;
use nightjar_model::labels::{is_legacy_label_name, quote};
use nightjar_model::number::format_g;

use crate::ast::{
    AggregateExpr, At, BinaryExpr, Cardinality, DurationExpr, DurationKind, Expr, ExprKind, MatrixSelector, RangeMode,
    SubqueryExpr, VectorMatching, VectorSelector,
};
use crate::printer::duration_expr::whole_ms;

impl fmt::Display for Expr {
    /// As Prometheus' `Expr.String()`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(literal) => write!(f, "{literal}"),
            ExprKind::String(text) => f.write_str(&text.quoted()),
            ExprKind::Paren(inner) => write!(f, "({inner})"),
            ExprKind::Unary(op, inner) => write!(f, "{}{inner}", op.as_str()),
            ExprKind::Binary(_) => chain(self, f),
            ExprKind::Aggregate(aggregate) => {
                aggregate_head(aggregate, f)?;
                match &aggregate.param {
                    Some(param) => write!(f, "({param}, {})", aggregate.expr),
                    None => write!(f, "({})", aggregate.expr),
                }
            }
            ExprKind::Call(call) => {
                write!(f, "{}(", call.func.name)?;
                for (i, arg) in call.args.iter().enumerate() {
                    write!(f, "{}{arg}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
            ExprKind::Vector(selector) => write!(f, "{selector}"),
            ExprKind::Matrix(matrix) => write!(f, "{matrix}"),
            ExprKind::Subquery(subquery) => {
                write!(f, "{}", subquery.expr)?;
                subquery_suffix(subquery, f)
            }
            ExprKind::StepInvariant(inner) => write!(f, "{inner}"),
        }
    }
}

/// Left operands by a loop: chains of operators may be long.
fn chain(expr: &Expr, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut links: Vec<&BinaryExpr> = Vec::new();
    let mut leftmost = expr;
    while let ExprKind::Binary(binary) = &leftmost.kind {
        links.push(binary);
        leftmost = &binary.lhs;
    }
    write!(f, "{leftmost}")?;
    for binary in links.into_iter().rev() {
        f.write_str(" ")?;
        operator(binary, f)?;
        write!(f, " {}", binary.rhs)?;
    }
    Ok(())
}

/// `op bool on (...) ...`.
pub(super) fn operator(binary: &BinaryExpr, f: &mut impl fmt::Write) -> fmt::Result {
    f.write_str(binary.op.as_str())?;
    if binary.return_bool {
        f.write_str(" bool")?;
    }
    binary.matching.as_ref().map_or(Ok(()), |matching| vector_matching(matching, f))
}

fn vector_matching(matching: &VectorMatching, f: &mut impl fmt::Write) -> fmt::Result {
    let side = match matching.card {
        Cardinality::ManyToOne => Some("left"),
        Cardinality::OneToMany => Some("right"),
        Cardinality::OneToOne | Cardinality::ManyToMany => None,
    };
    if !matching.labels.is_empty() || matching.on || side.is_some() {
        f.write_str(if matching.on { " on " } else { " ignoring " })?;
        labels(&matching.labels, f)?;
    }
    if let Some(side) = side {
        write!(f, " group_{side} ")?;
        labels(&matching.include, f)?;
    }
    match (&matching.fill_left, &matching.fill_right) {
        (Some(left), Some(right)) if left.value == right.value => write!(f, " fill ({})", format_g(left.value)),
        (left, right) => {
            left.as_ref().map_or(Ok(()), |v| write!(f, " fill_left ({})", format_g(v.value)))?;
            right.as_ref().map_or(Ok(()), |v| write!(f, " fill_right ({})", format_g(v.value)))
        }
    }
}

/// `sum by (a) `, with a space where the parenthesis follows.
pub(super) fn aggregate_head(aggregate: &AggregateExpr, f: &mut impl fmt::Write) -> fmt::Result {
    f.write_str(aggregate.op.as_str())?;
    if !aggregate.without && aggregate.grouping.is_empty() {
        return Ok(());
    }
    f.write_str(if aggregate.without { " without " } else { " by " })?;
    labels(&aggregate.grouping, f)?;
    f.write_str(" ")
}

fn labels(names: &[String], f: &mut impl fmt::Write) -> fmt::Result {
    f.write_str("(")?;
    for (i, name) in names.iter().enumerate() {
        f.write_str(if i > 0 { ", " } else { "" })?;
        match is_legacy_label_name(name) {
            true => f.write_str(name)?,
            false => f.write_str(&readable(quote(name)))?,
        }
    }
    f.write_str(")")
}

impl fmt::Display for VectorSelector {
    /// As Prometheus prints it: matchers sorted by their text, then `@`, `anchored`, `offset`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        name_and_matchers(self, f)?;
        at(self.at, f)?;
        mode(self.mode, f)?;
        offset(self.offset.as_ref(), f)
    }
}

impl fmt::Display for MatrixSelector {
    /// As Prometheus prints it: the modifiers behind the brackets, `anchored` first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        name_and_matchers(&self.selector, f)?;
        write!(f, "[{}]", self.range)?;
        mode(self.selector.mode, f)?;
        at(self.selector.at, f)?;
        offset(self.selector.offset.as_ref(), f)
    }
}

fn name_and_matchers(selector: &VectorSelector, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let name = selector.name.as_deref().unwrap_or_default();
    let is_name = |m: &&nightjar_model::Matcher| {
        &*m.name == "__name__" && m.op == MatchOp::Equal && &*m.value == name && !name.is_empty()
    };
    let mut matchers: Vec<String> =
        selector.matchers.iter().filter(|m| !is_name(m)).map(|m| readable(m.to_string())).collect();
    matchers.sort();
    f.write_str(name)?;
    match matchers.is_empty() {
        true => Ok(()),
        false => write!(f, "{{{}}}", matchers.join(",")),
    }
}

fn at(at: Option<At>, f: &mut impl fmt::Write) -> fmt::Result {
    match at {
        Some(At::Time(ms)) => write!(f, " @ {:.3}", ms as f64 / 1000.0),
        Some(At::Start) => f.write_str(" @ start()"),
        Some(At::End) => f.write_str(" @ end()"),
        None => Ok(()),
    }
}

fn mode(mode: Option<RangeMode>, f: &mut impl fmt::Write) -> fmt::Result {
    match mode {
        Some(RangeMode::Anchored) => f.write_str(" anchored"),
        Some(RangeMode::Smoothed) => f.write_str(" smoothed"),
        None => Ok(()),
    }
}

fn offset(offset: Option<&DurationExpr>, f: &mut impl fmt::Write) -> fmt::Result {
    match offset.map(|offset| (offset, &offset.kind)) {
        None => Ok(()),
        // Even if nothing is left of it: `offset -0s`.
        Some((_, DurationKind::Literal(literal))) if literal.value < 0.0 => {
            write!(f, " offset -{}", format_duration_ms(-whole_ms(literal)))
        }
        Some((offset, _)) => write!(f, " offset {offset}"),
    }
}

/// `[range:step] @ ... offset ...`.
pub(super) fn subquery_suffix(subquery: &SubqueryExpr, f: &mut impl fmt::Write) -> fmt::Result {
    write!(f, "[{}:", subquery.range)?;
    match &subquery.step {
        Some(step) if !is_nothing(step) => write!(f, "{step}")?,
        _ => {}
    }
    f.write_str("]")?;
    at(subquery.at, f)?;
    offset(subquery.offset.as_ref(), f)
}

/// A step below a nanosecond is none.
fn is_nothing(step: &DurationExpr) -> bool {
    matches!(&step.kind, DurationKind::Literal(literal) if whole_ms(literal) == 0 && (literal.value * 1e9).round() == 0.0)
}

/// The replacement character, which stands for bytes that are no UTF-8, must be escaped to be read again.
fn readable(quoted: String) -> String {
    if quoted.contains(char::REPLACEMENT_CHARACTER) {
        quoted.replace(char::REPLACEMENT_CHARACTER, "\\ufffd")
    } else {
        quoted
    }
}
