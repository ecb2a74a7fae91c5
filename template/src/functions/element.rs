//! Lengths, elements and parts of texts, lists and maps.

use std::sync::Arc;

use crate::value::{List, Map, Value};

/// What Go's reflection says when asked about nothing.
const NO_VALUE: &str = "reflect: call of reflect.Value.Type on zero Value";

pub(super) fn length(value: &Value) -> Result<Value, String> {
    let len = match value.plain() {
        Value::Nil => return Err(NO_VALUE.to_owned()),
        Value::Str(text) | Value::Safe(_, text) => text.len(),
        Value::List(list) => list.items().len(),
        Value::Map(map) => map.entries().len(),
        _ => return Err(format!("len of type {}", value.target().type_name())),
    };
    Ok(Value::Int(len as i64))
}

/// An index from 0 to `most`, inclusive.
fn position(index: &Value, most: usize) -> Result<usize, String> {
    let n = match index {
        Value::Int(n) => *n,
        Value::Uint(n) => *n as i64,
        Value::Duration(duration) => duration.nanos(),
        Value::Nil => return Err("cannot index slice/array with nil".to_owned()),
        other => return Err(format!("cannot index slice/array with type {}", other.type_name())),
    };
    usize::try_from(n).ok().filter(|n| *n <= most).ok_or_else(|| format!("index out of range: {n}"))
}

pub(super) fn index(value: &Value, indexes: &[Value]) -> Result<Value, String> {
    let mut item = value.clone();
    if matches!(item, Value::Nil) {
        return Err("index of untyped nil".to_owned());
    }
    for index in indexes {
        item = match item.plain() {
            Value::Nil => return Err("index of nil pointer".to_owned()),
            Value::Str(text) | Value::Safe(_, text) => {
                let at = position(index, text.len())?;
                let byte = text.as_bytes().get(at).ok_or("reflect: string index out of range")?;
                Value::Uint(u64::from(*byte))
            }
            Value::List(list) => {
                let at = position(index, list.items().len())?;
                list.items().get(at).ok_or("reflect: slice index out of range")?.clone()
            }
            Value::Map(map) => entry(&map, index)?,
            _ => return Err(format!("can't index item of type {}", item.target().type_name())),
        };
    }
    Ok(item)
}

fn entry(map: &Map, key: &Value) -> Result<Value, String> {
    match key {
        Value::Str(name) => Ok(map.get(name).unwrap_or(map.zero()).clone()),
        Value::Nil => Err("value is nil; should be of type string".to_owned()),
        other => Err(format!("value has type {}; should be string", other.type_name())),
    }
}

pub(super) fn slice(value: &Value, indexes: &[Value]) -> Result<Value, String> {
    if matches!(value, Value::Nil) {
        return Err("slice of untyped nil".to_owned());
    }
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()));
    }
    let plain = value.plain();
    let len = match &plain {
        Value::Str(_) | Value::Safe(..) if indexes.len() == 3 => {
            return Err("cannot 3-index slice a string".to_owned());
        }
        Value::Str(text) | Value::Safe(_, text) => text.len(),
        Value::List(list) => list.items().len(),
        _ => return Err(format!("can't slice item of type {}", value.target().type_name())),
    };
    let mut bounds = [0, len, len];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = position(index, len)?;
    }
    let [from, to, capacity] = bounds;
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    if indexes.len() == 3 && to > capacity {
        return Err(format!("invalid slice index: {to} > {capacity}"));
    }
    let part = |text: &str| -> Arc<str> { String::from_utf8_lossy(&text.as_bytes()[from..to]).into() };
    Ok(match plain {
        Value::Str(text) => Value::Str(part(&text)),
        Value::Safe(content, text) => Value::Safe(content, part(&text)),
        Value::List(list) => {
            let items = &list.items()[from..to];
            let named = match value.target() {
                Value::Object(object) => object.part(items),
                _ => None,
            };
            named.unwrap_or_else(|| Value::List(Arc::new(List::new(list.type_name(), items.to_vec()))))
        }
        other => other,
    })
}
