//! Recurring times: `times`, `weekdays`, `days_of_month`, `months`, `years`, each in a zone.

mod parse;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use nightjar_model::TimestampMs;
use serde::{Deserialize, Deserializer};

/// A closed range of small numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First number inside.
    pub begin: i32,
    /// Last number inside.
    pub end: i32,
}

impl Range {
    fn contains(self, number: i32) -> bool {
        self.begin <= number && number <= self.end
    }
}

/// A set of instants. Within a field any range will do, all fields must agree; an empty field agrees with everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeInterval {
    /// Minutes of the day; the end is not inside.
    pub times: Vec<Range>,
    /// Days of the week, Sunday is 0.
    pub weekdays: Vec<Range>,
    /// Days of the month from 1; negative ones count from its end, -1 is the last.
    pub days_of_month: Vec<Range>,
    /// Months from 1.
    pub months: Vec<Range>,
    /// Years.
    pub years: Vec<Range>,
    /// Where the clock hangs; `None` is UTC.
    pub location: Option<TimeZone>,
}

impl TimeInterval {
    /// Whether an instant lies inside.
    pub fn contains(&self, at: TimestampMs) -> bool {
        let Ok(instant) = Timestamp::from_millisecond(at) else { return false };
        let zone = self.location.clone().unwrap_or(TimeZone::UTC);
        let local = zone.to_datetime(instant);
        let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
        let weekday = i32::from(local.weekday().to_sunday_zero_offset());
        let any =
            |ranges: &[Range], number: i32| ranges.is_empty() || ranges.iter().any(|range| range.contains(number));
        (self.times.is_empty() || self.times.iter().any(|time| time.begin <= minute && minute < time.end))
            && self.in_month(i32::from(local.day()), i32::from(local.days_in_month()))
            && any(&self.months, i32::from(local.month()))
            && any(&self.weekdays, weekday)
            && any(&self.years, i32::from(local.year()))
    }

    fn in_month(&self, day: i32, last: i32) -> bool {
        let absolute = |day: i32| if day < 0 { last + day + 1 } else { day };
        let inside = |range: &Range| {
            let (begin, end) = (absolute(range.begin), absolute(range.end));
            begin <= last && Range { begin, end: end.min(last) }.contains(day)
        };
        self.days_of_month.is_empty() || self.days_of_month.iter().any(inside)
    }
}

/// The names among `names` one of whose intervals contains an instant.
pub fn active<'a>(
    names: &'a [String],
    intervals: &std::collections::HashMap<String, Vec<TimeInterval>>,
    at: TimestampMs,
) -> Vec<&'a str> {
    let inside = |name: &&String| intervals.get(*name).is_some_and(|specs| specs.iter().any(|spec| spec.contains(at)));
    names.iter().filter(inside).map(String::as_str).collect()
}

impl<'a> Deserialize<'a> for TimeInterval {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<TimeInterval, D::Error> {
        parse::Written::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}
