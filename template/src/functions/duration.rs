//! Prometheus durations such as `1d12h`.

use crate::quote::quote;

/// Units from long to short, each at most once and in this order, in milliseconds.
const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// The duration in seconds; a minus sign may stand before it.
pub(super) fn parse_seconds(text: &str) -> Result<f64, String> {
    let (negative, body) = match text.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text),
    };
    match body {
        "0" => return Ok(0.0),
        "" => return Err("empty duration string".to_owned()),
        _ => {}
    }
    let invalid = || format!("not a valid duration string: {}", quote(body));
    let (mut rest, mut units, mut total_ms) = (body, UNITS.as_slice(), 0i64);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest[digits..].bytes().take_while(u8::is_ascii_lowercase).count();
        let (number, unit) = (&rest[..digits], &rest[digits..digits + letters]);
        let at = units.iter().position(|(name, _)| *name == unit).ok_or_else(invalid)?;
        if digits == 0 {
            return Err(invalid());
        }
        let ms = number.parse::<i64>().ok().and_then(|n| n.checked_mul(units[at].1));
        let within = |ms: &i64| *ms <= i64::MAX / 1_000_000;
        total_ms = ms
            .and_then(|ms| total_ms.checked_add(ms))
            .filter(within)
            .ok_or_else(|| "duration out of range".to_owned())?;
        units = &units[at + 1..];
        rest = &rest[digits + letters..];
    }
    let seconds = (total_ms / 1000) as f64 + (total_ms % 1000) as f64 / 1000.0;
    Ok(if negative { -seconds } else { seconds })
}
