//! Durations and sizes as Prometheus' flags, files and URLs spell them.

use std::time::Duration;

/// Unit, its length in milliseconds; in the only order in which units may follow each other.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Reads `1h30m`, `15d`, `500ms`, `0`. Units descend, each at most once; the sentence of the error is Prometheus'.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    match text {
        "" => return Err("empty duration string".to_owned()),
        "0" => return Ok(Duration::ZERO),
        _ => {}
    }
    let invalid = || format!("not a valid duration string: {}", nightjar_model::labels::quote(text));
    let out_of_range = || "duration out of range".to_owned();
    let mut rest = text;
    let mut next_unit = 0;
    let mut total_ms = 0u64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let (number, unit) = (&rest[..digits], &rest[digits..digits + letters]);
        let position = UNITS.iter().position(|(name, _)| *name == unit).filter(|p| *p >= next_unit);
        let (Some(position), false) = (position, number.is_empty()) else {
            return Err(invalid());
        };
        let count: u64 = number.parse().map_err(|_| out_of_range())?;
        let part = count.checked_mul(UNITS[position].1).ok_or_else(out_of_range)?;
        total_ms = total_ms.checked_add(part).ok_or_else(out_of_range)?;
        next_unit = position + 1;
        rest = &rest[digits + letters..];
    }
    // Go holds durations as nanoseconds in an i64.
    if total_ms > i64::MAX as u64 / 1_000_000 {
        return Err(out_of_range());
    }
    Ok(Duration::from_millis(total_ms))
}

/// Spells a duration as Prometheus does: `1h30m`, `15d`, `0s`; parts below a millisecond are dropped.
pub fn format_duration(duration: Duration) -> String {
    let mut ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    for (unit, length) in UNITS {
        // Years and weeks only when nothing is left over, so that 400d stays 400d.
        let exact = matches!(unit, "y" | "w");
        if ms >= length && (!exact || ms.is_multiple_of(length)) {
            out.push_str(&format!("{}{unit}", ms / length));
            ms %= length;
        }
    }
    out
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
        assert_eq!(parse_duration("1x").unwrap_err(), "not a valid duration string: \"1x\"");
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
