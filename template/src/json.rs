//! Values to JSON as Go's `encoding/json` writes them, safe inside HTML.

use crate::format::float_digits;
use crate::value::{Under, Value};

/// The JSON of a value.
///
/// # Errors
/// Go's sentence for numbers JSON does not have, or when the text would pass `most_bytes`.
pub(crate) fn to_json(value: &Value, most_bytes: usize) -> Result<String, String> {
    let mut out = String::new();
    write(value, &mut out, most_bytes)?;
    Ok(out)
}

fn write(value: &Value, out: &mut String, most_bytes: usize) -> Result<(), String> {
    if out.len() > most_bytes {
        return Err(format!("json: more than {most_bytes} bytes"));
    }
    match value {
        Value::Nil => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Int(n) => out.push_str(&n.to_string()),
        Value::Uint(n) => out.push_str(&n.to_string()),
        Value::Duration(duration) => out.push_str(&duration.nanos().to_string()),
        Value::Float(n) => out.push_str(&float(*n)?),
        Value::Str(text) | Value::Safe(_, text) => string(text, out),
        Value::Time(time) => string(&time.format("2006-01-02T15:04:05.999999999Z07:00"), out),
        Value::Pointer(to) => write(to, out, most_bytes)?,
        Value::List(list) => {
            out.push('[');
            for (i, item) in list.items().iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                write(item, out, most_bytes)?;
            }
            out.push(']');
        }
        Value::Map(map) => {
            let entries = map.entries().iter().map(|(name, value)| (&**name, value));
            members(entries, out, most_bytes)?;
        }
        Value::Object(object) => match object.under() {
            Under::Plain(plain) => write(&plain, out, most_bytes)?,
            Under::Struct(fields) => members(fields.iter().map(|f| (f.json, &f.value)), out, most_bytes)?,
        },
    }
    Ok(())
}

fn members<'a>(
    entries: impl Iterator<Item = (&'a str, &'a Value)>,
    out: &mut String,
    most_bytes: usize,
) -> Result<(), String> {
    out.push('{');
    for (i, (name, value)) in entries.enumerate() {
        out.push_str(if i > 0 { "," } else { "" });
        string(name, out);
        out.push(':');
        write(value, out, most_bytes)?;
    }
    out.push('}');
    Ok(())
}

/// As ECMAScript writes numbers: plain from 1e-6 up to 1e21.
fn float(n: f64) -> Result<String, String> {
    if !n.is_finite() {
        let name = if n.is_nan() {
            "NaN"
        } else if n > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        };
        return Err(format!("json: unsupported value: {name}"));
    }
    let magnitude = n.abs();
    let sign = if n.is_sign_negative() { "-" } else { "" };
    if magnitude == 0.0 || (1e-6..1e21).contains(&magnitude) {
        return Ok(format!("{sign}{magnitude}"));
    }
    let shape = float_digits(magnitude, None);
    let (first, rest) = shape.digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let exponent = if shape.exponent < 0 { '-' } else { '+' };
    let power = shape.exponent.unsigned_abs();
    Ok(format!("{sign}{first}{point}{rest}e{exponent}{power:0width$}", width = if exponent == '+' { 2 } else { 1 }))
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..' ' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}
