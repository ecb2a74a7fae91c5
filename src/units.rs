//! Durations and sizes as Prometheus' flags, files and URLs spell them.

use std::time::Duration;

use nightjar_model::duration::{DurationError, format_duration_ms, parse_duration_ms};

/// Reads `1h30m`, `15d`, `500ms`, `0`.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    parse_duration_ms(text).map(|ms| Duration::from_millis(ms.unsigned_abs()))
}

/// Spells a duration: `1h30m`, `15d`, `0s`; parts below a millisecond are dropped.
pub fn format_duration(duration: Duration) -> String {
    format_duration_ms(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

/// Reads `512MB`, `1GiB`, `10KB`, `100B` in bytes; as in Prometheus all units are powers of 1024. `0` is 0.
pub fn parse_size(text: &str) -> Result<u64, String> {
    const SIZES: [(&str, u32); 13] = [
        ("KiB", 1),
        ("MiB", 2),
        ("GiB", 3),
        ("TiB", 4),
        ("PiB", 5),
        ("EiB", 6),
        ("KB", 1),
        ("MB", 2),
        ("GB", 3),
        ("TB", 4),
        ("PB", 5),
        ("EB", 6),
        ("B", 0),
    ];
    if text == "0" {
        return Ok(0);
    }
    let invalid = || format!("not a valid size: {text:?}, expected a number and one of B, KB, MB, GB, TB, PB, EB");
    let (number, power) =
        SIZES.iter().find_map(|(unit, power)| Some((text.strip_suffix(unit)?, *power))).ok_or_else(invalid)?;
    let number: f64 = number.trim().parse().map_err(|_| invalid())?;
    let bytes = number * 1024f64.powi(power as i32);
    if bytes.is_finite() && (0.0..9.2e18).contains(&bytes) { Ok(bytes as u64) } else { Err(invalid()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let good = [
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
            ("15d", 15 * 86_400_000, "15d"),
            ("1h30m", 5_400_000, "1h30m"),
            ("90m", 5_400_000, "1h30m"),
            ("1y", 365 * 86_400_000, "1y"),
            ("2w", 14 * 86_400_000, "2w"),
            ("1w1d", 8 * 86_400_000, "8d"),
            ("1m500ms", 60_500, "1m500ms"),
        ];
        for (text, ms, spelled) in good {
            let duration = parse_duration(text).unwrap();
            assert_eq!((duration.as_millis(), format_duration(duration).as_str()), (ms, spelled), "{text}");
        }
        for bad in ["", "1", "m", "1s1m", "1m1m", "1.5h", "-1s", "1 m", "5x", "99999999999y", "300y", "é"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [("0", 0), ("100B", 100), ("10KB", 10_240), ("512MB", 512 << 20), ("1GiB", 1 << 30)] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for bad in ["", "12", "x", "-1MB", "1XB", "NaNMB", "99999EB"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }
}
