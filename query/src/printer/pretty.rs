//! Expressions on many lines.

use std::fmt::{self, Write};

use crate::ast::{BinaryExpr, Expr, ExprKind};
use crate::printer::expr::{aggregate_head, operator, subquery_suffix};

/// Longest line that is not split, in bytes.
const MAX_LINE: usize = 100;

/// The expression as `promtool promql format` and `/api/v1/format_query` lay it out.
pub fn pretty(expr: &Expr) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = node(expr, 0, &mut out);
    out
}

fn node(expr: &Expr, level: usize, out: &mut String) -> fmt::Result {
    let split = needs_split(expr);
    match &expr.kind {
        ExprKind::StepInvariant(inner) => node(inner, level, out),
        ExprKind::Unary(op, inner) => {
            let mut operand = String::new();
            node(inner, level, &mut operand)?;
            indent(level, out);
            write!(out, "{}{}", op.as_str(), operand.trim())
        }
        ExprKind::Subquery(subquery) if split => {
            node(&subquery.expr, level, out)?;
            subquery_suffix(subquery, out)
        }
        // Prometheus forgets to indent it.
        ExprKind::Subquery(_) => write!(out, "{expr}"),
        ExprKind::Binary(_) if split => chain(expr, level, out),
        ExprKind::Paren(inner) if split => {
            indent(level, out);
            block("", [&**inner], level, out)
        }
        ExprKind::Call(call) if split => {
            indent(level, out);
            block(call.func.name, &call.args, level, out)
        }
        ExprKind::Aggregate(aggregate) if split => {
            indent(level, out);
            aggregate_head(aggregate, out)?;
            block("", aggregate.param.iter().chain([&aggregate.expr]), level, out)
        }
        _ => {
            indent(level, out);
            write!(out, "{expr}")
        }
    }
}

/// `name(` and each part on lines of its own, `)`.
fn block<'a>(name: &str, parts: impl IntoIterator<Item = &'a Expr>, level: usize, out: &mut String) -> fmt::Result {
    writeln!(out, "{name}(")?;
    for (i, part) in parts.into_iter().enumerate() {
        out.push_str(if i > 0 { ",\n" } else { "" });
        node(part, level + 1, out)?;
    }
    out.push('\n');
    indent(level, out);
    out.push(')');
    Ok(())
}

/// Left operands by a loop, each a level deeper.
fn chain(expr: &Expr, level: usize, out: &mut String) -> fmt::Result {
    let mut links: Vec<&BinaryExpr> = Vec::new();
    let mut leftmost = expr;
    while let ExprKind::Binary(binary) = &leftmost.kind
        && needs_split(leftmost)
    {
        links.push(binary);
        leftmost = &binary.lhs;
    }
    node(leftmost, level + links.len(), out)?;
    for (depth, binary) in links.into_iter().enumerate().rev() {
        out.push('\n');
        indent(level + depth, out);
        operator(binary, out)?;
        out.push('\n');
        node(&binary.rhs, level + depth + 1, out)?;
    }
    Ok(())
}

fn indent(level: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", level));
}

/// Whether it is too long for one line. Looks at no more text than a line.
fn needs_split(expr: &Expr) -> bool {
    struct Line(usize);
    impl Write for Line {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.len();
            if self.0 > MAX_LINE { Err(fmt::Error) } else { Ok(()) }
        }
    }
    write!(Line(0), "{expr}").is_err()
}
