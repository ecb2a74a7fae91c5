//! What infix operators do with two samples.

use nightjar_model::FloatHistogram;

use crate::annotations::Notes;
use crate::ast::{BinaryOp, Span};
use crate::eval::Point;
use crate::gomath;
use crate::histogram::{self, Note, TrimSide};
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
        BinaryOp::Pow => gomath::pow,
        BinaryOp::Atan2 => gomath::atan2,
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
            BinaryOp::Mul => made(histogram::multiply(h, x)),
            _ => incompatible(op, "float", "histogram", notes, at),
        },
        (Point::Histogram(h), Point::Float(y)) => match op {
            BinaryOp::Mul => made(histogram::multiply(h, y)),
            BinaryOp::Div => made(histogram::divide(h, y)),
            BinaryOp::TrimUpper => made(histogram::trim(h, y, TrimSide::Above)),
            BinaryOp::TrimLower => made(histogram::trim(h, y, TrimSide::Below)),
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

fn made(h: FloatHistogram) -> Made {
    Made::Sample(h.into(), true)
}

fn added(op: BinaryOp, x: &FloatHistogram, y: &FloatHistogram, notes: &Notes, at: Span) -> Made {
    let combined = if op == BinaryOp::Add { histogram::add(x, y) } else { histogram::subtract(x, y) };
    let Ok(mut noted) = combined else {
        notes.incompatible_bucket_layout(op.as_str(), at);
        return Made::Nothing;
    };
    // A collision of hints costs the sample: Prometheus treats this warning as an error.
    let collision = noted.notes.iter().find(|note| matches!(note, Note::CounterResetCollision(_))).copied();
    if let Some(collision) = collision {
        noted.notes = vec![collision];
    }
    let sum = notes.keep(noted, String::new, at);
    if collision.is_some() { Made::Nothing } else { made(sum) }
}
