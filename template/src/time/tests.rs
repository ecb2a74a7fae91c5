//! Times by what they print.

use super::{Duration, Time};

#[test]
fn times_print_in_layouts() {
    let time = Time::from_unix(1_136_239_445, 120_000_000);
    assert_eq!(time.to_string(), "2006-01-02 22:04:05.12 +0000 UTC");
    for (layout, text) in [
        ("Mon Jan _2 15:04:05 2006", "Mon Jan  2 22:04:05 2006"),
        ("Monday, 02-Jan-06 03:04:05.000PM MST", "Monday, 02-Jan-06 10:04:05.120PM UTC"),
        ("2006-01-02T15:04:05.999Z07:00 002 __2 _2006", "2006-01-02T22:04:05.12Z 002   2 _2006"),
        ("January Janu 3:4:5pm -07 Z0700 1/2", "January Janu 10:4:5pm +00 Z 1/2"),
    ] {
        assert_eq!(time.format(layout), text, "{layout}");
    }
    assert_eq!(Time::zero().to_string(), "0001-01-01 00:00:00 +0000 UTC");
}

#[test]
fn times_are_read_in_layouts() {
    for (layout, text, printed) in [
        ("2006-01-02", "2026-11-21", "2026-11-21 00:00:00 +0000 UTC"),
        ("2006-01-02T15:04:05Z07:00", "2026-11-21T01:02:03.5+02:00", "2026-11-21 01:02:03.5 +0200 +0200"),
        ("Jan _2 2006 3PM MST", "feb  9 2024 12AM CEST", "2024-02-09 00:00:00 +0000 CEST"),
        ("2006 002", "2024 366", "2024-12-31 00:00:00 +0000 UTC"),
    ] {
        assert_eq!(Time::parse(layout, text).map(|t| t.to_string()).as_deref(), Ok(printed));
    }
    for (layout, text, error) in [
        ("2006-01-02", "soon", r#"parsing time "soon" as "2006-01-02": cannot parse "soon" as "2006""#),
        ("2006-01-02", "2026-13-01", r#"parsing time "2026-13-01": month out of range"#),
        ("2006-01-02", "2026-02-30", r#"parsing time "2026-02-30": day out of range"#),
        ("2006", "2026é", r#"parsing time "2026\xc3\xa9": extra text: "\xc3\xa9""#),
    ] {
        assert_eq!(Time::parse(layout, text).map(|t| t.to_string()), Err(error.to_owned()));
    }
}

#[test]
fn durations_print_and_round() {
    for (nanos, text) in [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5µs"),
        (-2_050_000, "-2.05ms"),
        (90_000_000_000, "1m30s"),
        (3_600_000_000_000, "1h0m0s"),
        (i64::MIN, "-2562047h47m16.854775808s"),
    ] {
        assert_eq!(Duration::from_nanos(nanos).to_string(), text);
    }
    assert_eq!(Duration::from_nanos(-1500).round(Duration::from_nanos(1000)).nanos(), -2000);
}
