//! Instants inside and outside of intervals, in all zones.

use super::*;

fn interval(json: &str) -> TimeInterval {
    serde_json::from_str(json).unwrap()
}

fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

#[test]
fn instants_inside_and_outside() {
    let table = [
        ("{}", "2026-01-01T00:00:00Z", true),
        (r#"{"times":[{"start_time":"09:00","end_time":"17:00"}]}"#, "2026-01-01T09:00:00Z", true),
        (r#"{"times":[{"start_time":"09:00","end_time":"17:00"}]}"#, "2026-01-01T16:59:59.999Z", true),
        (r#"{"times":[{"start_time":"09:00","end_time":"17:00"}]}"#, "2026-01-01T17:00:00Z", false),
        (r#"{"times":[{"start_time":"23:00","end_time":"24:00"}]}"#, "2026-01-01T23:59:59Z", true),
        (r#"{"weekdays":["monday:friday"]}"#, "2026-11-21T12:00:00Z", false),
        (r#"{"weekdays":["Saturday"]}"#, "2026-11-21T12:00:00Z", true),
        (r#"{"days_of_month":["-1"]}"#, "2024-02-29T12:00:00Z", true),
        (r#"{"days_of_month":["-1"]}"#, "2023-02-28T12:00:00Z", true),
        (r#"{"days_of_month":["-5:-1"]}"#, "2023-02-23T12:00:00Z", false),
        (r#"{"days_of_month":["-5:-1"]}"#, "2023-02-24T12:00:00Z", true),
        (r#"{"days_of_month":["28:31"]}"#, "2023-02-28T12:00:00Z", true),
        (r#"{"days_of_month":["29:31"]}"#, "2023-02-28T12:00:00Z", false),
        (r#"{"days_of_month":["1:-1"]}"#, "2023-02-14T12:00:00Z", true),
        (r#"{"days_of_month":["-31:-29"]}"#, "2023-02-01T12:00:00Z", false),
        (r#"{"months":["may:8","december"]}"#, "2023-08-31T12:00:00Z", true),
        (r#"{"months":["may:8","december"]}"#, "2023-09-01T00:00:00Z", false),
        (r#"{"years":["2020:2022","2030"]}"#, "2023-09-01T00:00:00Z", false),
        (r#"{"weekdays":["sunday"],"location":"Australia/Sydney"}"#, "2026-11-21T13:00:00Z", true),
        (
            r#"{"times":[{"start_time":"09:00","end_time":"10:00"}],"location":"America/New_York"}"#,
            "2026-07-01T13:30:00Z",
            true,
        ),
        (
            r#"{"times":[{"start_time":"09:00","end_time":"10:00"}],"location":"America/New_York"}"#,
            "2026-12-01T14:30:00Z",
            true,
        ),
    ];
    for (json, at, expected) in table {
        assert_eq!(interval(json).contains(ms(at)), expected, "{json} {at}");
    }
}

#[test]
fn an_hour_that_daylight_saving_skips_never_comes_and_one_it_repeats_comes_twice() {
    let spring = r#"{"times":[{"start_time":"02:00","end_time":"03:00"}],"location":"Europe/Berlin"}"#;
    let minutes = |day: &str| {
        let start = ms(day);
        (0..24 * 60).filter(|minute| interval(spring).contains(start + minute * 60_000)).count()
    };
    assert_eq!(minutes("2026-03-28T00:00:00Z"), 60);
    assert_eq!(minutes("2026-03-29T00:00:00Z"), 0);
    assert_eq!(minutes("2026-10-25T00:00:00Z"), 120);
}

#[test]
fn refusals() {
    let table = [
        (r#"{"times":[{"start_time":"9:00","end_time":"10:00"}]}"#, "couldn't parse timestamp 9:00, invalid format"),
        (
            r#"{"times":[{"start_time":"10:00","end_time":"10:00"}]}"#,
            "start time cannot be equal or greater than end time",
        ),
        (r#"{"times":[{"start_time":"10:00"}]}"#, "both start and end times must be provided"),
        (r#"{"weekdays":["friday:monday"]}"#, "start day cannot be before end day"),
        (r#"{"weekdays":["caturday"]}"#, "caturday is not a valid weekday"),
        (r#"{"days_of_month":["0"]}"#, "0 is not a valid day of the month: out of range"),
        (r#"{"days_of_month":["-3:3"]}"#, "end day must be negative if start day is negative"),
        (r#"{"days_of_month":["10:5"]}"#, "end day 5 is always before start day 10"),
        (r#"{"months":["13"]}"#, "13 is not a valid month"),
        (r#"{"years":["2024:2020"]}"#, "end year 2020 is before start year 2024"),
        (r#"{"location":"Mars/Olympus"}"#, "unknown time zone Mars/Olympus"),
        (r#"{"hours":[]}"#, "unknown field"),
    ];
    for (json, complaint) in table {
        let error = serde_json::from_str::<TimeInterval>(json).unwrap_err().to_string();
        assert!(error.starts_with(complaint), "{json}: {error}");
    }
}

proptest::proptest! {
    /// In every zone and month a day is inside exactly if counting days by hand says so.
    #[test]
    fn days_counted_from_either_end(
        zone in proptest::sample::select(vec!["UTC", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo"]),
        at in 0i64..4_000_000_000_000,
        begin in 1i32..=31,
        from_end in 1i32..=31,
    ) {
        let json = format!(r#"{{"days_of_month":["{begin}:31"],"location":"{zone}"}}"#);
        let tail = format!(r#"{{"days_of_month":["-{from_end}:-1"],"location":"{zone}"}}"#);
        let local = TimeZone::get(zone).unwrap().to_datetime(Timestamp::from_millisecond(at).unwrap());
        let (day, last) = (i32::from(local.day()), i32::from(local.days_in_month()));
        proptest::prop_assert_eq!(interval(&json).contains(at), day >= begin);
        proptest::prop_assert_eq!(interval(&tail).contains(at), last - day < from_end);
    }
}
