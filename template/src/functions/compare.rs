//! Comparison: only what is of one kind compares, except integers with and without sign.

use std::cmp::Ordering;

use crate::format::sprintf;
use crate::value::{Under, Value};

const BAD_TYPE: &str = "invalid type for comparison";

/// A value of a basic kind, below the names of its type.
enum Basic {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Text(std::sync::Arc<str>),
}

fn basic(value: &Value) -> Option<Basic> {
    Some(match value {
        Value::Bool(b) => Basic::Bool(*b),
        Value::Int(n) => Basic::Int(*n),
        Value::Uint(n) => Basic::Uint(*n),
        Value::Float(n) => Basic::Float(*n),
        Value::Str(text) | Value::Safe(_, text) => Basic::Text(text.clone()),
        Value::Duration(duration) => Basic::Int(duration.nanos()),
        Value::Object(object) => match object.under() {
            Under::Plain(plain) => return basic(&plain),
            Under::Struct(_) => return None,
        },
        _ => return None,
    })
}

fn incompatible(a: &Value, b: &Value) -> String {
    format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name())
}

/// Whether `a` equals one of `others`.
pub(super) fn equal_any(a: &Value, others: &[Value]) -> Result<bool, String> {
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in others {
        if equal(a, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn equal(a: &Value, b: &Value) -> Result<bool, String> {
    Ok(match (basic(a), basic(b)) {
        (Some(Basic::Bool(a)), Some(Basic::Bool(b))) => a == b,
        (Some(Basic::Int(a)), Some(Basic::Int(b))) => a == b,
        (Some(Basic::Uint(a)), Some(Basic::Uint(b))) => a == b,
        (Some(Basic::Float(a)), Some(Basic::Float(b))) => a == b,
        (Some(Basic::Text(a)), Some(Basic::Text(b))) => a == b,
        (Some(Basic::Int(a)), Some(Basic::Uint(b))) | (Some(Basic::Uint(b)), Some(Basic::Int(a))) => {
            u64::try_from(a).is_ok_and(|a| a == b)
        }
        (None, None) => return equal_composite(a, b),
        _ if matches!(a, Value::Nil) || matches!(b, Value::Nil) => false,
        _ => return Err(incompatible(a, b)),
    })
}

/// Values without a basic kind: nil, times, lists, maps, structs.
fn equal_composite(a: &Value, b: &Value) -> Result<bool, String> {
    let shown = |v: &Value| sprintf("%s", std::slice::from_ref(v), 1000).unwrap_or_default();
    match (a, b) {
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        (Value::Time(a), Value::Time(b)) => {
            Ok(a.unix_ns() == b.unix_ns() && a.location().name() == b.location().name())
        }
        (Value::Pointer(a), Value::Pointer(b)) => Ok(std::sync::Arc::ptr_eq(a, b)),
        _ if kind(a) != kind(b) => {
            let plain = sprintf("%v", std::slice::from_ref(b), 1000).unwrap_or_default();
            let (a_type, b_type) = (a.type_name(), b.type_name());
            Err(format!("non-comparable types {}: {a_type}, {b_type}: {plain}", shown(a)))
        }
        _ => Err(format!("non-comparable type {}: {}", shown(b), b.type_name())),
    }
}

/// Tells lists, maps, structs and pointers apart.
fn kind(value: &Value) -> u8 {
    match value {
        Value::Pointer(_) => 0,
        Value::List(_) => 1,
        Value::Map(_) => 2,
        Value::Object(object) => match object.under() {
            Under::Plain(plain) => kind(&plain),
            Under::Struct(_) => 3,
        },
        _ => 3,
    }
}

pub(super) fn less(a: &Value, b: &Value) -> Result<bool, String> {
    let (Some(left), Some(right)) = (basic(a), basic(b)) else { return Err(BAD_TYPE.to_owned()) };
    let order = match (left, right) {
        (Basic::Int(a), Basic::Int(b)) => a.cmp(&b),
        (Basic::Uint(a), Basic::Uint(b)) => a.cmp(&b),
        (Basic::Int(a), Basic::Uint(b)) => i128::from(a).cmp(&i128::from(b)),
        (Basic::Uint(a), Basic::Int(b)) => i128::from(a).cmp(&i128::from(b)),
        (Basic::Float(a), Basic::Float(b)) => return Ok(a < b),
        (Basic::Text(a), Basic::Text(b)) => a.cmp(&b),
        (Basic::Bool(_), Basic::Bool(_)) => return Err(BAD_TYPE.to_owned()),
        _ => return Err(incompatible(a, b)),
    };
    Ok(order == Ordering::Less)
}

pub(super) fn less_or_equal(a: &Value, b: &Value) -> Result<bool, String> {
    Ok(less(a, b)? || equal(a, b)?)
}
