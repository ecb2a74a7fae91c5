//! What infix operators do with two samples.

use std::sync::Arc;

use nightjar_model::FloatHistogram;
use nightjar_model::histogram::{Combined, CounterResetHint, Keep};

use crate::annotations::{HistogramOperation, Notes};
use crate::ast::{BinaryOp, Span};
use crate::eval::Point;
use crate::value::SampleValue;

/// Whether the result is another metric than the left operand.
pub(crate) fn changes_metric(op: BinaryOp) -> bool {
    use BinaryOp::{Add, Atan2, Div, Mod, Mul, Pow, Sub};
    matches!(op, Add | Sub | Mul | Div | Mod | Pow | Atan2)
}

/// The float function of an arithmetic operator.
pub(crate) fn arithmetic(op: BinaryOp) -> Option<fn(f64, f64) -> f64> {
    Some(match op {
        BinaryOp::Add => |a, b| a + b,
        BinaryOp::Sub => |a, b| a - b,
        BinaryOp::Mul => |a, b| a * b,
        BinaryOp::Div => |a, b| a / b,
        BinaryOp::Mod => |a, b| a % b,
        BinaryOp::Pow => f64::powf,
        BinaryOp::Atan2 => f64::atan2,
        _ => return None,
    })
}

/// The relation of a comparison operator.
pub(crate) fn comparison(op: BinaryOp) -> Option<fn(f64, f64) -> bool> {
    Some(match op {
        BinaryOp::Eq => |a, b| a == b,
        BinaryOp::Ne => |a, b| a != b,
        BinaryOp::Le => |a, b| a <= b,
        BinaryOp::Lt => |a, b| a < b,
        BinaryOp::Ge => |a, b| a >= b,
        BinaryOp::Gt => |a, b| a > b,
        _ => return None,
    })
}

/// Two scalars; comparisons answer 0 or 1.
pub(crate) fn scalars(op: BinaryOp, a: f64, b: f64) -> f64 {
    match (arithmetic(op), comparison(op)) {
        (Some(f), _) => f(a, b),
        (_, Some(relation)) => f64::from(u8::from(relation(a, b))),
        _ => f64::NAN,
    }
}

/// What two samples make.
#[derive(Debug)]
pub(crate) enum Made {
    /// A sample; of a comparison, the left one, to be kept or not.
    Sample(SampleValue, bool),
    /// Nothing: the operator does not apply; this was noted.
    Nothing,
}

/// Two samples.
pub(crate) fn samples(op: BinaryOp, a: Point<'_>, b: Point<'_>, notes: &Notes, at: Span) -> Made {
    match (a, b) {
        (Point::Float(x), Point::Float(y)) => match (arithmetic(op), comparison(op)) {
            (Some(f), _) => Made::Sample(SampleValue::Float(f(x, y)), true),
            (_, Some(relation)) => Made::Sample(SampleValue::Float(x), relation(x, y)),
            _ => incompatible(op, "float", "float", notes, at),
        },
        (Point::Float(x), Point::Histogram(h)) => match op {
            BinaryOp::Mul => scaled(h, |h| h.multiply(x)),
            _ => incompatible(op, "float", "histogram", notes, at),
        },
        (Point::Histogram(h), Point::Float(y)) => match op {
            BinaryOp::Mul => scaled(h, |h| h.multiply(y)),
            BinaryOp::Div => scaled(h, |h| h.divide(y)),
            BinaryOp::TrimUpper => changed(h, |h| h.trim(y, Keep::Below)),
            BinaryOp::TrimLower => changed(h, |h| h.trim(y, Keep::Above)),
            _ => incompatible(op, "histogram", "float", notes, at),
        },
        (Point::Histogram(x), Point::Histogram(y)) => match op {
            BinaryOp::Add | BinaryOp::Sub => added(op, x, y, notes, at),
            BinaryOp::Eq => Made::Sample(a.to_value(), x.equals(y)),
            BinaryOp::Ne => Made::Sample(a.to_value(), !x.equals(y)),
            _ => incompatible(op, "histogram", "histogram", notes, at),
        },
    }
}

fn incompatible(op: BinaryOp, lhs: &str, rhs: &str, notes: &Notes, at: Span) -> Made {
    notes.incompatible_types(lhs, op.as_str(), rhs, at);
    Made::Nothing
}

fn changed(h: &FloatHistogram, change: impl FnOnce(&mut FloatHistogram)) -> Made {
    let mut result = h.clone();
    change(&mut result);
    Made::Sample(SampleValue::Histogram(Arc::new(result)), true)
}

fn scaled(h: &FloatHistogram, scale: impl FnOnce(&mut FloatHistogram)) -> Made {
    changed(h, |h| {
        scale(h);
        h.compact();
    })
}

fn added(op: BinaryOp, x: &FloatHistogram, y: &FloatHistogram, notes: &Notes, at: Span) -> Made {
    let mut result = x.clone();
    let (done, operation) = if op == BinaryOp::Add {
        (result.add(y), HistogramOperation::Addition)
    } else {
        (result.subtract(y), HistogramOperation::Subtraction)
    };
    let Ok(Combined { hints_collided, bounds_reconciled }) = done else {
        notes.incompatible_bucket_layout(op.as_str(), at);
        return Made::Nothing;
    };
    if op == BinaryOp::Sub {
        result.counter_reset_hint = CounterResetHint::Gauge;
    }
    // A collision of hints costs the sample: Prometheus treats this warning as an error.
    if hints_collided {
        notes.counter_reset_collision(operation, at);
        return Made::Nothing;
    }
    if bounds_reconciled {
        notes.mismatched_custom_buckets(operation, at);
    }
    result.compact();
    Made::Sample(result.into(), true)
}
