//! Series descriptions: `metric{a="b"} 1 2+1x3 _ stale {{schema:1 ...}}`.

use std::sync::Arc;

use nightjar_model::duration::parse_duration_ms;
use nightjar_model::histogram::{Described, series_item};
use nightjar_model::{FloatHistogram, Labels, LabelsBuilder, STALE_NAN};

/// One value of a series; `None` in its place means "no sample".
#[derive(Clone, Debug)]
pub enum Value {
    /// A float.
    Float(f64),
    /// A histogram, and whether its counter reset hint was spelled out.
    Histogram(Arc<FloatHistogram>, bool),
}

/// A label set and values at equal distances.
#[derive(Clone, Debug)]
pub struct Series {
    pub labels: Labels,
    pub values: Vec<Option<Value>>,
}

pub fn parse(line: &str) -> Result<Series, String> {
    let (labels, rest) = parse_metric(line)?;
    Ok(Series { labels, values: parse_values(rest)? })
}

/// The label set at the start of a line, and what follows it.
pub fn parse_metric(line: &str) -> Result<(Labels, &str), String> {
    let mut builder = LabelsBuilder::new();
    let end = line.find(|c: char| c == '{' || c.is_whitespace()).unwrap_or(line.len());
    let (name, mut rest) = line.split_at(end);
    builder.set("__name__", name);
    rest = rest.trim_start();
    // `{{` begins a value, not labels.
    let Some(mut inside) = rest.strip_prefix('{').filter(|_| !rest.starts_with("{{")) else {
        return Ok((builder.build(), rest));
    };
    loop {
        inside = inside.trim_start().trim_start_matches(',').trim_start();
        if let Some(rest) = inside.strip_prefix('}') {
            return Ok((builder.build(), rest));
        }
        let (name, after) = if inside.starts_with(['"', '\'']) {
            quoted(inside)?
        } else {
            let end = inside.find(|c: char| !(c.is_alphanumeric() || "_:.".contains(c))).unwrap_or(inside.len());
            (inside[..end].to_owned(), &inside[end..])
        };
        match after.trim_start().strip_prefix('=') {
            None => {
                builder.set("__name__", &name);
                inside = after;
            }
            Some(after) => {
                let (value, after) = quoted(after.trim_start())?;
                builder.set(&name, &value);
                inside = after;
            }
        }
        if inside.is_empty() {
            return Err(format!("unclosed labels: {line}"));
        }
    }
}

/// A quoted text at the start, unescaped, and what follows it.
pub fn quoted(text: &str) -> Result<(String, &str), String> {
    let quote =
        text.chars().next().filter(|c| "\"'`".contains(*c)).ok_or_else(|| format!("expected a quote: {text}"))?;
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((i, c)) = chars.next() {
        if c == quote {
            return Ok((out, &text[i + 1..]));
        }
        if c != '\\' || quote == '`' {
            out.push(c);
            continue;
        }
        let (_, escape) = chars.next().ok_or("text ends in a backslash")?;
        let digits = match escape {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        if digits > 0 {
            let hex: String = chars.by_ref().take(digits).map(|(_, c)| c).collect();
            let code = u32::from_str_radix(&hex, 16).map_err(|e| e.to_string())?;
            out.push(char::from_u32(code).ok_or("no such character")?);
            continue;
        }
        out.push(match escape {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'v' => '\x0b',
            other => other,
        });
    }
    Err(format!("unclosed quote: {text}"))
}

fn parse_values(mut text: &str) -> Result<Vec<Option<Value>>, String> {
    let mut values = Vec::new();
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return Ok(values);
        }
        if text.starts_with("{{") {
            let (histograms, used) = series_item(text).map_err(|e| e.to_string())?;
            let value = |one: Described| Some(Value::Histogram(Arc::new(one.histogram), one.hint_set));
            values.extend(histograms.into_iter().map(value));
            text = &text[used..];
            if text.starts_with(|c: char| !c.is_whitespace()) {
                return Err(format!("unexpected {text} after a histogram"));
            }
        } else {
            let end = text.find(char::is_whitespace).unwrap_or(text.len());
            parse_floats(&text[..end], &mut values).map_err(|e| format!("{}: {e}", &text[..end]))?;
            text = &text[end..];
        }
    }
}

/// `v`, `vxN`, `v+dxN`, `v-dxN`, `_`, `_xN`.
fn parse_floats(item: &str, out: &mut Vec<Option<Value>>) -> Result<(), String> {
    let (item, times) = repetition(item)?;
    if item == "_" {
        out.extend(std::iter::repeat_n(None, times.unwrap_or(1)));
        return Ok(());
    }
    let sign_at = item
        .char_indices()
        .skip(1)
        .find(|(i, c)| "+-".contains(*c) && !item[..*i].ends_with(['e', 'E', '+', '-']))
        .map(|(i, _)| i);
    let (mut value, step) = match sign_at {
        Some(at) => (number(&item[..at])?, number(&item[at..])?),
        None => (number(item)?, 0.0),
    };
    for _ in 0..=times.unwrap_or(0) {
        out.push(Some(Value::Float(value)));
        if sign_at.is_some() {
            value += step;
        }
    }
    Ok(())
}

/// Splits `xN` off.
pub fn repetition(item: &str) -> Result<(&str, Option<usize>), String> {
    match item.rsplit_once('x') {
        Some((item, times)) => Ok((item, Some(times.parse().map_err(|_| format!("bad repetition {times}"))?))),
        None => Ok((item, None)),
    }
}

/// A number, `stale`, or a duration in seconds; perhaps signed.
pub fn number(text: &str) -> Result<f64, String> {
    if text == "stale" {
        return Ok(STALE_NAN);
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if let Ok(value) = digits.parse::<f64>() {
        return Ok(sign * value);
    }
    let ms = parse_duration_ms(digits).map_err(|_| format!("not a number: {text}"))?;
    Ok(sign * ms as f64 / 1000.0)
}
