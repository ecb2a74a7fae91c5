//! Duration expressions, resolved to milliseconds.

use super::Planner;
use crate::ast::{BinaryOp, DurationExpr, DurationKind, UnaryOp};
use crate::error::QueryError;
use crate::gomath;

impl Planner {
    /// A range or step: must be positive.
    pub(super) fn duration(&self, expr: &DurationExpr) -> Result<i64, QueryError> {
        self.resolve(expr, false)
    }

    /// An offset: may be negative; 0 when none is written.
    pub(super) fn offset(&self, expr: Option<&DurationExpr>) -> Result<i64, QueryError> {
        expr.map_or(Ok(0), |expr| self.resolve(expr, true))
    }

    fn resolve(&self, expr: &DurationExpr, may_be_negative: bool) -> Result<i64, QueryError> {
        let seconds = self.seconds(expr)?;
        if let DurationKind::Literal(_) = expr.kind {
            // Literals are kept to the nanosecond, computed durations are cut to the millisecond at once.
            return Ok(((seconds * 1e9).round() / 1e6) as i64);
        }
        if !seconds.is_finite() {
            return fail(expr, "duration is NaN or infinite");
        }
        if seconds <= 0.0 && !may_be_negative {
            return fail(expr, "duration must be greater than 0");
        }
        if seconds.abs() > 9_223_372_036.0 {
            return fail(expr, "duration is out of range");
        }
        Ok((seconds * 1000.0) as i64)
    }

    fn seconds(&self, expr: &DurationExpr) -> Result<f64, QueryError> {
        Ok(match &expr.kind {
            DurationKind::Literal(literal) => literal.value,
            DurationKind::Step => self.step_ms as f64 / 1000.0,
            DurationKind::Range => self.steps.end.saturating_sub(self.steps.start) as f64 / 1000.0,
            DurationKind::Paren(inner) | DurationKind::Unary(UnaryOp::Plus, inner) => self.seconds(inner)?,
            DurationKind::Unary(UnaryOp::Minus, inner) => -self.seconds(inner)?,
            DurationKind::MinOf(a, b) => gomath::min(self.seconds(a)?, self.seconds(b)?),
            DurationKind::MaxOf(a, b) => gomath::max(self.seconds(a)?, self.seconds(b)?),
            DurationKind::Binary(op, a, b) => {
                let (a, b) = (self.seconds(a)?, self.seconds(b)?);
                match op {
                    BinaryOp::Add => a + b,
                    BinaryOp::Sub => a - b,
                    BinaryOp::Mul => a * b,
                    BinaryOp::Div if b == 0.0 => return fail(expr, "division by zero"),
                    BinaryOp::Div => a / b,
                    BinaryOp::Mod if b == 0.0 => return fail(expr, "modulo by zero"),
                    BinaryOp::Mod => a % b,
                    BinaryOp::Pow => a.powf(b),
                    _ => return fail(expr, "unexpected duration expression operator"),
                }
            }
        })
    }
}

fn fail<T>(expr: &DurationExpr, what: &str) -> Result<T, QueryError> {
    let span = expr.bare_span();
    Err(QueryError::BadData(format!("{}:{}: {what}", span.start, span.end)))
}
