//! Go's time layouts: the reference time `Mon Jan 2 15:04:05 MST 2006` as a pattern.

use super::civil::{Civil, MONTHS, WEEKDAYS};

/// An element of a layout that stands for a part of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    SpaceDay,
    ZeroDay,
    SpaceYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperHalf,
    LowerHalf,
    Zone,
    Offset {
        z: bool,
        colon: bool,
        width: OffsetWidth,
    },
    /// `.000`: all these digits. The separator may be a comma.
    Fraction {
        digits: usize,
    },
    /// `.999`: without trailing zeros.
    TrimmedFraction {
        digits: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OffsetWidth {
    Hours,
    Minutes,
    Seconds,
}

/// Spellings and what they mean; of those with a common start the longer comes first.
const PARTS: &[(&str, Part)] = &[
    ("January", Part::LongMonth),
    ("Jan", Part::Month),
    ("Monday", Part::LongWeekday),
    ("Mon", Part::Weekday),
    ("MST", Part::Zone),
    ("01", Part::ZeroMonth),
    ("02", Part::ZeroDay),
    ("03", Part::ZeroHour12),
    ("04", Part::ZeroMinute),
    ("05", Part::ZeroSecond),
    ("06", Part::Year),
    ("002", Part::ZeroYearDay),
    ("15", Part::Hour),
    ("1", Part::NumMonth),
    ("2006", Part::LongYear),
    ("2", Part::Day),
    ("__2", Part::SpaceYearDay),
    ("_2", Part::SpaceDay),
    ("3", Part::Hour12),
    ("4", Part::Minute),
    ("5", Part::Second),
    ("PM", Part::UpperHalf),
    ("pm", Part::LowerHalf),
    ("-070000", Part::Offset { z: false, colon: false, width: OffsetWidth::Seconds }),
    ("-07:00:00", Part::Offset { z: false, colon: true, width: OffsetWidth::Seconds }),
    ("-0700", Part::Offset { z: false, colon: false, width: OffsetWidth::Minutes }),
    ("-07:00", Part::Offset { z: false, colon: true, width: OffsetWidth::Minutes }),
    ("-07", Part::Offset { z: false, colon: false, width: OffsetWidth::Hours }),
    ("Z070000", Part::Offset { z: true, colon: false, width: OffsetWidth::Seconds }),
    ("Z07:00:00", Part::Offset { z: true, colon: true, width: OffsetWidth::Seconds }),
    ("Z0700", Part::Offset { z: true, colon: false, width: OffsetWidth::Minutes }),
    ("Z07:00", Part::Offset { z: true, colon: true, width: OffsetWidth::Minutes }),
    ("Z07", Part::Offset { z: true, colon: false, width: OffsetWidth::Hours }),
];

/// The literal text before the first part, the part with its spelling, and the rest.
pub(super) fn next_part(layout: &str) -> (&str, Option<(Part, &str)>, &str) {
    for (at, _) in layout.char_indices() {
        let here = &layout[at..];
        if let Some((part, len)) = part_at(here) {
            return (&layout[..at], Some((part, &here[..len])), &here[len..]);
        }
        // `_2006` is an underscore and a year, not a day.
        if let Some(tail) = here.strip_prefix("_2006") {
            return (&layout[..=at], Some((Part::LongYear, "2006")), tail);
        }
    }
    (layout, None, "")
}

fn part_at(here: &str) -> Option<(Part, usize)> {
    if here.starts_with("_2006") {
        return None;
    }
    if let Some((spelling, part)) = PARTS.iter().find(|(spelling, _)| here.starts_with(spelling)) {
        // `Jan` inside `Janx` is text, but `January` was tried first; the same for `Mon`.
        let lower_follows = here[spelling.len()..].starts_with(|c: char| c.is_ascii_lowercase());
        let word = matches!(part, Part::Month | Part::Weekday);
        return (!word || !lower_follows).then_some((*part, spelling.len()));
    }
    let digit = here.strip_prefix(['.', ','])?.chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let digits = here[1..].chars().take_while(|c| *c == digit).count();
    if here[1 + digits..].starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let part = if digit == '0' { Part::Fraction { digits } } else { Part::TrimmedFraction { digits } };
    Some((part, 1 + digits))
}

pub(super) fn format(layout: &str, time: &Civil) -> String {
    let mut out = String::with_capacity(layout.len() + 16);
    let mut rest = layout;
    while !rest.is_empty() {
        let (literal, part, tail) = next_part(rest);
        out.push_str(literal);
        if let Some((part, spelling)) = part {
            out.push_str(&write(part, spelling, time));
        }
        rest = tail;
    }
    out
}

fn write(part: Part, spelling: &str, time: &Civil) -> String {
    let month = MONTHS[time.month as usize - 1];
    let weekday = WEEKDAYS[time.weekday as usize];
    let hour12 = if time.hour.is_multiple_of(12) { 12 } else { time.hour % 12 };
    match part {
        Part::LongMonth => month.to_owned(),
        Part::Month => month[..3].to_owned(),
        Part::NumMonth => time.month.to_string(),
        Part::ZeroMonth => format!("{:02}", time.month),
        Part::LongWeekday => weekday.to_owned(),
        Part::Weekday => weekday[..3].to_owned(),
        Part::Day => time.day.to_string(),
        Part::SpaceDay => format!("{:2}", time.day),
        Part::ZeroDay => format!("{:02}", time.day),
        Part::SpaceYearDay => format!("{:3}", time.year_day),
        Part::ZeroYearDay => format!("{:03}", time.year_day),
        Part::Hour => format!("{:02}", time.hour),
        Part::Hour12 => hour12.to_string(),
        Part::ZeroHour12 => format!("{hour12:02}"),
        Part::Minute => time.minute.to_string(),
        Part::ZeroMinute => format!("{:02}", time.minute),
        Part::Second => time.second.to_string(),
        Part::ZeroSecond => format!("{:02}", time.second),
        Part::LongYear if time.year < 0 => format!("-{:04}", -time.year),
        Part::LongYear => format!("{:04}", time.year),
        Part::Year => format!("{:02}", (time.year % 100).max(0)),
        Part::UpperHalf => if time.hour >= 12 { "PM" } else { "AM" }.to_owned(),
        Part::LowerHalf => if time.hour >= 12 { "pm" } else { "am" }.to_owned(),
        Part::Zone if time.zone.is_empty() => offset(time.offset_s, false, OffsetWidth::Minutes),
        Part::Zone => time.zone.clone(),
        Part::Offset { z: true, .. } if time.offset_s == 0 => "Z".to_owned(),
        Part::Offset { colon, width, .. } => offset(time.offset_s, colon, width),
        Part::Fraction { digits } => fraction(time.nanos, digits, &spelling[..1]),
        Part::TrimmedFraction { digits } => {
            let text = fraction(time.nanos, digits, &spelling[..1]);
            let trimmed = text.trim_end_matches('0');
            if trimmed.len() == 1 { String::new() } else { trimmed.to_owned() }
        }
    }
}

fn fraction(nanos: u32, digits: usize, separator: &str) -> String {
    let all = format!("{nanos:09}");
    let kept: String = all.chars().chain(std::iter::repeat('0')).take(digits).collect();
    format!("{separator}{kept}")
}

fn offset(seconds: i32, colon: bool, width: OffsetWidth) -> String {
    let (sign, s) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs());
    let between = if colon { ":" } else { "" };
    let (hours, minutes, seconds) = (s / 3600, s / 60 % 60, s % 60);
    match width {
        OffsetWidth::Hours => format!("{sign}{hours:02}"),
        OffsetWidth::Minutes => format!("{sign}{hours:02}{between}{minutes:02}"),
        OffsetWidth::Seconds => format!("{sign}{hours:02}{between}{minutes:02}{between}{seconds:02}"),
    }
}
