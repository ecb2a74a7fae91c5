//! Prometheus durations: `1h30m`, `250ms`, `2w`.

use crate::labels::quote;

/// Units from large to small, with their length in milliseconds.
const UNITS: [(&str, u64); 7] = [
    ("y", 31_536_000_000),
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// The longest duration Go can hold, in nanoseconds.
const MAX_NS: u128 = i64::MAX as u128;

/// Why a text is no duration; the text is Prometheus'.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing was written.
    #[error("empty duration string")]
    Empty,
    /// Not digits and units, or units not in descending order.
    #[error("not a valid duration string: {}", quote(.0))]
    Invalid(String),
    /// No such unit.
    #[error("unknown unit {} in duration {}", quote(.0), quote(.1))]
    UnknownUnit(String, String),
    /// About 292 years or more.
    #[error("duration out of range")]
    OutOfRange,
}

/// The length of a duration in milliseconds, >= 0. `0` needs no unit.
pub fn parse_duration_ms(text: &str) -> Result<i64, DurationError> {
    match text {
        "0" => return Ok(0),
        "" => return Err(DurationError::Empty),
        _ => {}
    }
    let invalid = || DurationError::Invalid(text.to_owned());
    let (mut rest, mut total_ms, mut next_unit) = (text, 0_u128, 0);
    while !rest.is_empty() {
        let (digits, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
        let (name, tail) = tail.split_at(tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len()));
        rest = tail;
        let count: u64 = digits.parse().map_err(|_| invalid())?;
        if name.is_empty() {
            return Err(invalid());
        }
        let unit = UNITS
            .iter()
            .position(|(unit, _)| *unit == name)
            .ok_or_else(|| DurationError::UnknownUnit(name.to_owned(), text.to_owned()))?;
        if unit < next_unit {
            return Err(invalid());
        }
        next_unit = unit + 1;
        total_ms += u128::from(count) * u128::from(UNITS[unit].1);
        if total_ms * 1_000_000 > MAX_NS {
            return Err(DurationError::OutOfRange);
        }
    }
    Ok(total_ms as i64)
}

/// As Prometheus writes a duration: `1h30m`, `90d`, `0s`; years and weeks only when nothing smaller remains.
pub fn format_duration_ms(ms: i64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut out = if ms < 0 { "-".to_owned() } else { String::new() };
    let mut rest = ms.unsigned_abs();
    for (name, length) in UNITS {
        let whole_only = matches!(name, "y" | "w");
        if rest < length || (whole_only && !rest.is_multiple_of(length)) {
            continue;
        }
        out.push_str(&(rest / length).to_string());
        out.push_str(name);
        rest %= length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        for text in ["0s", "1ms", "5m", "1h30m", "1m30ms", "90d", "2w", "1y", "1y1d", "12w6d", "4d1h1m1s1ms"] {
            let ms = parse_duration_ms(text).unwrap();
            let again = format_duration_ms(ms);
            assert_eq!(parse_duration_ms(&again), Ok(ms), "{text} {again}");
        }
        assert_eq!(format_duration_ms(parse_duration_ms("12w6d").unwrap()), "90d");
        assert_eq!(format_duration_ms(-90_000), "-1m30s");
        assert_eq!(parse_duration_ms("0"), Ok(0));
    }

    #[test]
    fn refusals() {
        let table = [
            ("", "empty duration string"),
            ("1", "not a valid duration string: \"1\""),
            ("-1m", "not a valid duration string: \"-1m\""),
            ("1s1m", "not a valid duration string: \"1s1m\""),
            ("1m1m", "not a valid duration string: \"1m1m\""),
            ("1x", "unknown unit \"x\" in duration \"1x\""),
            ("1hs", "unknown unit \"hs\" in duration \"1hs\""),
            ("300y", "duration out of range"),
            ("99999999999999999999h", "not a valid duration string: \"99999999999999999999h\""),
        ];
        for (text, complaint) in table {
            assert_eq!(parse_duration_ms(text).unwrap_err().to_string(), complaint);
        }
    }
}
