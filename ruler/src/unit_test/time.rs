//! Times as tests and Go write them.

use nightjar_model::TimestampMs;
use nightjar_model::labels::quote;

/// A Unix time in seconds, or RFC 3339.
pub(super) fn parse(text: &str) -> Result<TimestampMs, String> {
    if let Ok(seconds) = text.parse::<f64>()
        && seconds.is_finite()
        && seconds.abs() < 9e15
    {
        return Ok((seconds * 1000.0).round() as TimestampMs);
    }
    rfc3339(text).ok_or_else(|| format!("cannot parse {} to a valid timestamp", quote(text)))
}

fn rfc3339(text: &str) -> Option<TimestampMs> {
    let (date, rest) = text.split_once(['T', 't'])?;
    let (clock, zone) = rest.split_at(rest.find(['Z', 'z', '+', '-'])?);
    let mut parts = date.split('-');
    let mut number = || parts.next()?.parse::<i64>().ok();
    let (year, month, day) = (number()?, number()?, number()?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(0..=9999).contains(&year) {
        return None;
    }
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let mut parts = clock.split(':');
    let mut number = || parts.next()?.parse::<i64>().ok();
    let (hours, minutes, seconds) = (number()?, number()?, number()?);
    let offset = match zone {
        "Z" | "z" => 0,
        _ => {
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
            if zone.starts_with('-') { -minutes } else { minutes }
        }
    };
    let seconds = days(year, month, day) * 86_400 + hours * 3600 + minutes * 60 + seconds - offset * 60;
    Some(seconds * 1000 + millis)
}

/// Days since 1970 of a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// As Go prints a duration: `1h2m3.5s`, `0s`.
pub(super) fn go_duration(ms: i64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let (sign, rest) = (if ms < 0 { "-" } else { "" }, ms.unsigned_abs());
    if rest < 1000 {
        return format!("{sign}{rest}ms");
    }
    let (hours, minutes, seconds) = (rest / 3_600_000, rest / 60_000 % 60, (rest % 60_000) as f64 / 1000.0);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, _) => format!("{sign}{minutes}m{seconds}s"),
        _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let table = [
            ("0", Some(0)),
            ("1609459200", Some(1_609_459_200_000)),
            ("1.5", Some(1500)),
            ("2024-01-01T00:00:00Z", Some(1_704_067_200_000)),
            ("2024-02-29T12:00:00.25+02:00", Some(1_709_200_800_250)),
            ("yesterday", None),
            ("2024-13-01T00:00:00Z", None),
            ("2024-01-01", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text).ok(), expected, "{text}");
        }
        let durations = [(0, "0s"), (500, "500ms"), (60_000, "1m0s"), (3_661_500, "1h1m1.5s"), (-1000, "-1s")];
        for (ms, text) in durations {
            assert_eq!(go_duration(ms), text);
        }
    }
}
