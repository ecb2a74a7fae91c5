//! The written form of time intervals.

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::{Range, TimeInterval};

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Written {
    times: Vec<Time>,
    weekdays: Vec<String>,
    days_of_month: Vec<String>,
    months: Vec<String>,
    years: Vec<String>,
    location: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Time {
    start_time: String,
    end_time: String,
}

impl Written {
    pub(super) fn parse(&self) -> Result<TimeInterval, String> {
        let all = |texts: &[String], one: fn(&str) -> Result<Range, String>| {
            texts.iter().map(|text| one(text)).collect::<Result<Vec<_>, _>>()
        };
        Ok(TimeInterval {
            times: self.times.iter().map(Time::parse).collect::<Result<_, _>>()?,
            weekdays: all(&self.weekdays, weekdays)?,
            days_of_month: all(&self.days_of_month, days_of_month)?,
            months: all(&self.months, months)?,
            years: all(&self.years, years)?,
            location: self.location.as_deref().map(location).transpose()?,
        })
    }
}

impl Time {
    fn parse(&self) -> Result<Range, String> {
        if self.start_time.is_empty() || self.end_time.is_empty() {
            return Err("both start and end times must be provided".to_owned());
        }
        let range = Range { begin: minute(&self.start_time)?, end: minute(&self.end_time)? };
        match range.begin < range.end {
            true => Ok(range),
            false => Err("start time cannot be equal or greater than end time".to_owned()),
        }
    }
}

/// `HH:MM` as the minute of the day, `24:00` included.
fn minute(text: &str) -> Result<i32, String> {
    let invalid = || format!("couldn't parse timestamp {text}, invalid format");
    let two = |digits: &str| match digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit()) {
        true => digits.parse::<i32>().map_err(|_| invalid()),
        false => Err(invalid()),
    };
    let (hour, minute) = text.split_once(':').ok_or_else(invalid)?;
    match (two(hour)?, two(minute)?) {
        (24, 0) => Ok(1440),
        (hour @ 0..=23, minute @ 0..=59) => Ok(hour * 60 + minute),
        _ => Err(invalid()),
    }
}

fn range(text: &str, one: impl Fn(&str) -> Result<i32, String>) -> Result<Range, String> {
    let mut parts = text.split(':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(begin), None, _) => one(begin).map(|day| Range { begin: day, end: day }),
        (Some(begin), Some(end), None) => Ok(Range { begin: one(begin)?, end: one(end)? }),
        _ => Err(format!("couldn't parse range {text}, invalid format")),
    }
}

fn weekdays(text: &str) -> Result<Range, String> {
    let range = range(&text.to_lowercase(), |name| {
        let day = WEEKDAYS.iter().position(|day| *day == name);
        day.map(|day| day as i32).ok_or_else(|| format!("{name} is not a valid weekday"))
    })?;
    ordered(range, "start day cannot be before end day")
}

fn ordered(range: Range, complaint: &str) -> Result<Range, String> {
    if range.begin > range.end { Err(complaint.to_owned()) } else { Ok(range) }
}

fn days_of_month(text: &str) -> Result<Range, String> {
    let range = range(text, |day| day.parse::<i32>().map_err(|_| format!("{day} is not a valid day of the month")))?;
    for day in [range.begin, range.end] {
        if day == 0 || !(-31..=31).contains(&day) {
            return Err(format!("{day} is not a valid day of the month: out of range"));
        }
    }
    if range.begin < 0 && range.end > 0 {
        return Err("end day must be negative if start day is negative".to_owned());
    }
    // Whether a range is empty in every month shows in the longest of them.
    let absolute = |day: i32| if day < 0 { 31 + day + 1 } else { day };
    match absolute(range.begin) > absolute(range.end) {
        true => Err(format!("end day {} is always before start day {}", range.end, range.begin)),
        false => Ok(range),
    }
}

fn months(text: &str) -> Result<Range, String> {
    let range = range(&text.to_lowercase(), |name| {
        let named = MONTHS.iter().position(|month| *month == name).map(|month| month as i32 + 1);
        let number = named.or_else(|| name.parse::<i32>().ok()).filter(|month| (1..=12).contains(month));
        number.ok_or_else(|| format!("{name} is not a valid month"))
    })?;
    ordered(range, &format!("end month {} is before start month {}", range.end, range.begin))
}

fn years(text: &str) -> Result<Range, String> {
    let range = range(text, |year| year.parse::<i32>().map_err(|_| format!("{year} is not a valid year")))?;
    ordered(range, &format!("end year {} is before start year {}", range.end, range.begin))
}

fn location(name: &str) -> Result<TimeZone, String> {
    match name {
        "" | "UTC" => Ok(TimeZone::UTC),
        "Local" => Ok(TimeZone::system()),
        name => TimeZone::get(name).map_err(|_| format!("unknown time zone {name}")),
    }
}
