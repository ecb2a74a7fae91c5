//! Times, durations and limits as URLs carry them.

use std::time::Duration;

use nightjar_model::TimestampMs;
use nightjar_model::labels::quote;

use crate::units;

/// Times are kept this far away from the ends of the number range, so that lookbacks and offsets cannot overflow.
const LIMIT: f64 = (1i64 << 61) as f64;

/// The earliest and latest instants Prometheus can print, which its clients send as "no bound".
const MIN_FORMATTED: &str = "-292273086-05-16T16:47:06Z";
const MAX_FORMATTED: &str = "292277025-08-18T07:12:54.999999999Z";

/// A time before all others.
pub(super) const MIN_TIME: TimestampMs = -(1 << 61);
/// A time after all others.
pub(super) const MAX_TIME: TimestampMs = 1 << 61;

/// Float seconds since the epoch or RFC 3339.
pub(crate) fn parse_time(text: &str) -> Result<TimestampMs, String> {
    if let Ok(seconds) = text.parse::<f64>()
        && !seconds.is_nan()
    {
        return Ok((seconds * 1000.0).round().clamp(-LIMIT, LIMIT) as TimestampMs);
    }
    match text {
        MIN_FORMATTED => return Ok(MIN_TIME),
        MAX_FORMATTED => return Ok(MAX_TIME),
        _ => {}
    }
    let shaped = text.as_bytes().get(10) == Some(&b'T') && !text.contains('[');
    let parsed = if shaped { text.parse::<jiff::Timestamp>().ok() } else { None };
    match parsed {
        Some(t) => Ok((t.as_nanosecond().div_euclid(1_000_000)) as TimestampMs),
        None => Err(format!("cannot parse {} to a valid timestamp", quote(text))),
    }
}

/// Float seconds or a Prometheus duration; may be negative.
pub(super) fn parse_duration_ms(text: &str) -> Result<f64, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        if seconds.is_nan() || seconds.abs() * 1e9 > i64::MAX as f64 {
            return Err(format!("cannot parse {} to a valid duration. It overflows int64", quote(text)));
        }
        return Ok(seconds * 1000.0);
    }
    match units::parse_duration(text) {
        Ok(duration) => Ok(duration.as_millis() as f64),
        Err(_) => Err(format!("cannot parse {} to a valid duration", quote(text))),
    }
}

/// The same for durations that cannot be negative; what is below zero is zero.
pub(crate) fn parse_timeout(text: &str) -> Result<Duration, String> {
    Ok(Duration::from_secs_f64(parse_duration_ms(text)?.max(0.0) / 1000.0))
}

/// A count with the sentences of Go's `strconv.Atoi`; 0 means "all", as does the empty text.
pub(super) fn parse_limit(text: &str) -> Result<usize, String> {
    if text.is_empty() {
        return Ok(0);
    }
    match text.parse::<i64>() {
        Ok(limit) => usize::try_from(limit).map_err(|_| "limit must be non-negative".to_owned()),
        Err(error) => {
            use std::num::IntErrorKind::{NegOverflow, PosOverflow};
            let reason = match error.kind() {
                PosOverflow | NegOverflow => "value out of range",
                _ => "invalid syntax",
            };
            Err(format!("strconv.Atoi: parsing {}: {reason}", quote(text)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let table = [
            ("0", 0),
            ("4", 4000),
            ("1435781451.781", 1_435_781_451_781),
            ("-1.5", -1500),
            ("1e3", 1_000_000),
            ("1700000000000", 1_700_000_000_000_000),
            ("2015-07-01T20:10:51.781Z", 1_435_781_451_781),
            ("2015-07-01T22:10:51.781999999+02:00", 1_435_781_451_781),
            ("1e300", MAX_TIME),
            (MIN_FORMATTED, MIN_TIME),
        ];
        for (text, ms) in table {
            assert_eq!(parse_time(text), Ok(ms), "{text}");
        }
        for bad in ["", "NaN", "now", "2015-07-01 20:10:51Z", "2015-07-01", "2015-07-01T20:10:51Z[UTC]"] {
            assert_eq!(parse_time(bad), Err(format!("cannot parse {bad:?} to a valid timestamp")));
        }
    }

    #[test]
    fn durations() {
        for (text, ms) in [("15", 15_000.0), ("0.5", 500.0), ("1h30m", 5_400_000.0), ("-3", -3000.0)] {
            assert_eq!(parse_duration_ms(text), Ok(ms), "{text}");
        }
        assert_eq!(parse_duration_ms("x").unwrap_err(), "cannot parse \"x\" to a valid duration");
        let overflow = "cannot parse \"1e10\" to a valid duration. It overflows int64";
        assert_eq!(parse_duration_ms("1e10").unwrap_err(), overflow);
        assert_eq!(parse_timeout("-3"), Ok(Duration::ZERO));
    }

    #[test]
    fn limits() {
        assert_eq!((parse_limit(""), parse_limit("0"), parse_limit("7")), (Ok(0), Ok(0), Ok(7)));
        assert_eq!(parse_limit("-1").unwrap_err(), "limit must be non-negative");
        assert_eq!(parse_limit("x").unwrap_err(), "strconv.Atoi: parsing \"x\": invalid syntax");
        assert_eq!(
            parse_limit("99999999999999999999").unwrap_err(),
            "strconv.Atoi: parsing \"99999999999999999999\": value out of range"
        );
    }
}
