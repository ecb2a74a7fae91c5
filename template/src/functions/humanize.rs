//! Numbers for people.

use crate::format::four_digits;
use crate::numeral::parse_float;
use crate::quote::quote;
use crate::time::{Duration, Time};
use crate::value::Value;

/// The number of an argument: any basic one, or a text that reads as one.
pub(super) fn number(value: &Value) -> Result<f64, String> {
    match value {
        Value::Float(n) => Ok(*n),
        Value::Int(n) => Ok(*n as f64),
        Value::Uint(n) => Ok(*n as f64),
        Value::Duration(duration) => Ok(duration.seconds()),
        Value::Str(text) => {
            parse_float(text).map_err(|e| format!("strconv.ParseFloat: parsing {}: {}", quote(text), e.text()))
        }
        other => Err(format!("can't convert {} to float", other.type_name())),
    }
}

const LARGE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const LARGE_BINARY: [&str; 8] = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];
const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

/// Divides until it is below `base`; the prefix says how often.
fn scaled_down(mut v: f64, base: f64, prefixes: &[&'static str]) -> (f64, &'static str) {
    let mut prefix = "";
    for next in prefixes {
        if v.abs() < base {
            break;
        }
        prefix = next;
        v /= base;
    }
    (v, prefix)
}

/// Multiplies until it is at least 1.
fn scaled_up(mut v: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for next in SMALL {
        if v.abs() >= 1.0 {
            break;
        }
        prefix = next;
        v *= 1000.0;
    }
    (v, prefix)
}

pub(super) fn humanize(v: f64) -> String {
    if v == 0.0 || !v.is_finite() {
        return four_digits(v);
    }
    let (v, prefix) = if v.abs() >= 1.0 { scaled_down(v, 1000.0, &LARGE) } else { scaled_up(v) };
    format!("{}{prefix}", four_digits(v))
}

pub(super) fn humanize_1024(v: f64) -> String {
    if v.abs() <= 1.0 || !v.is_finite() {
        return four_digits(v);
    }
    let (v, prefix) = scaled_down(v, 1024.0, &LARGE_BINARY);
    format!("{}{prefix}", four_digits(v))
}

pub(super) fn humanize_percentage(v: f64) -> String {
    format!("{}%", four_digits(v * 100.0))
}

pub(super) fn humanize_duration(v: f64) -> String {
    if !v.is_finite() {
        return four_digits(v);
    }
    if v == 0.0 {
        return format!("{}s", four_digits(v));
    }
    if v.abs() < 1.0 {
        let (v, prefix) = scaled_up(v);
        return format!("{}{prefix}s", four_digits(v));
    }
    let (sign, v) = (if v < 0.0 { "-" } else { "" }, v.abs());
    let whole = integer(v);
    let (days, hours, minutes, seconds) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60, whole % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{sign}{}s", four_digits(v)),
        (0, 0, _) => format!("{sign}{minutes}m {seconds}s"),
        (0, _, _) => format!("{sign}{hours}h {minutes}m {seconds}s"),
        _ => format!("{sign}{days}d {hours}h {minutes}m {seconds}s"),
    }
}

/// As Go converts on amd64: what does not fit, NaN too, becomes the least integer.
fn integer(v: f64) -> i64 {
    let fits = v >= i64::MIN as f64 && v < -(i64::MIN as f64);
    if fits { v as i64 } else { i64::MIN }
}

/// The instant of a Unix time in seconds, to the millisecond.
pub(super) fn to_time(v: f64) -> Result<Time, String> {
    if !v.is_finite() {
        return Err("value is NaN or Inf".to_owned());
    }
    let ns = v * 1e9;
    if ns > i64::MAX as f64 || ns < i64::MIN as f64 {
        let shown = crate::format::sprint(&[Value::Float(v)], 100).unwrap_or_default();
        return Err(format!("{shown} cannot be represented as a nanoseconds timestamp since it overflows int64"));
    }
    Ok(Time::from_unix_ms(ns as i64 / 1_000_000))
}

pub(super) fn humanize_timestamp(v: f64) -> Result<String, String> {
    if !v.is_finite() {
        return Ok(four_digits(v));
    }
    to_time(v).map(|time| time.to_string())
}

pub(super) fn to_duration(v: f64) -> Duration {
    Duration::from_nanos(integer(v * 1e9))
}
