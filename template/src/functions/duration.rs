//! Prometheus durations such as `1d12h`.

use crate::quote::quote;

/// Units from long to short, each at most once and in this order, in nanoseconds.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000_000_000),
    ("w", 7 * 86_400_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
];

/// The duration in seconds; a minus sign may stand before it.
pub(super) fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.strip_prefix('-') {
        Some(body) => Ok(-(nanoseconds(body)? as f64) / 1e9),
        None => Ok(nanoseconds(text)? as f64 / 1e9),
    }
}

fn nanoseconds(text: &str) -> Result<u64, String> {
    match text {
        "0" => return Ok(0),
        "" => return Err("empty duration string".to_owned()),
        _ => {}
    }
    let invalid = || format!("not a valid duration string: {}", quote(text));
    let range = || "duration out of range".to_owned();
    let (mut rest, mut units, mut total) = (text, UNITS.as_slice(), 0u64);
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        let (unit, tail) = tail.split_at(tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len()));
        let number: u64 = number.parse().map_err(|_| invalid())?;
        if !unit.is_empty() && !UNITS.iter().any(|(name, _)| *name == unit) {
            return Err(format!("unknown unit {} in duration {}", quote(unit), quote(text)));
        }
        let at = units.iter().position(|(name, _)| *name == unit).ok_or_else(invalid)?;
        let part = number.checked_mul(units[at].1).ok_or_else(range)?;
        total = total.checked_add(part).filter(|t| *t <= i64::MAX as u64).ok_or_else(range)?;
        units = &units[at + 1..];
        rest = tail;
    }
    Ok(total)
}
