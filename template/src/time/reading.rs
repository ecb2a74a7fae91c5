//! Texts back to times, by Go's layouts.

use std::sync::Arc;

use super::civil::{MONTHS, WEEKDAYS, days_in, days_to};
use super::layout::{OffsetWidth, Part, next_part};
use super::{Fixed, Location, Time, UTC};

/// Why one element does not fit.
enum Misfit {
    /// It does not look like one.
    Bad,
    /// This value is out of range.
    Range(&'static str),
}

type Fit<T> = Result<T, Misfit>;

/// What has been read so far.
#[derive(Default)]
struct Reading {
    year: i64,
    month: Option<u32>,
    day: Option<u32>,
    year_day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanos: u32,
    /// `PM` and `AM` seen.
    afternoon: Option<bool>,
    utc: bool,
    offset_s: Option<i32>,
    zone: Option<String>,
}

pub(super) fn parse(layout: &str, text: &str) -> Result<Time, String> {
    let mut reading = Reading::default();
    let (mut pattern, mut rest) = (layout, text);
    let mismatch = |element: &str, at: &str| {
        format!("parsing time {} as {}: cannot parse {} as {}", shown(text), shown(layout), shown(at), shown(element))
    };
    let wrong = |what: &str| format!("parsing time {}: {what}", shown(text));
    loop {
        let (literal, part, tail) = next_part(pattern);
        rest = skip(rest, literal).map_err(|at| mismatch(literal, at))?;
        let Some((part, spelling)) = part else { break };
        pattern = tail;
        rest = match reading.read(part, rest, pattern) {
            Ok(rest) => rest,
            Err(Misfit::Bad) => return Err(mismatch(spelling, rest)),
            Err(Misfit::Range(what)) => return Err(wrong(&format!("{what} out of range"))),
        };
    }
    if !rest.is_empty() {
        return Err(wrong(&format!("extra text: {}", shown(rest))));
    }
    reading.finish().map_err(wrong)
}

/// In double quotes; what is not plain ASCII as bytes.
fn shown(text: &str) -> String {
    let mut out = String::from('"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=b'\x7f' => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

/// The text after `literal`; a space stands for any number of spaces.
fn skip<'a>(mut text: &'a str, literal: &str) -> Result<&'a str, &'a str> {
    let mut literal = literal;
    while let Some(c) = literal.chars().next() {
        if c == ' ' {
            if !text.is_empty() && !text.starts_with(' ') {
                return Err(text);
            }
            literal = literal.trim_start_matches(' ');
            text = text.trim_start_matches(' ');
        } else {
            text = text.strip_prefix(c).ok_or(text)?;
            literal = &literal[c.len_utf8()..];
        }
    }
    Ok(text)
}

/// One or two digits; exactly two if `fixed`.
fn number(text: &str, fixed: bool) -> Fit<(u32, &str)> {
    let digits = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    if digits == 0 || (fixed && digits == 1) {
        return Err(Misfit::Bad);
    }
    Ok((text[..digits].parse().map_err(|_| Misfit::Bad)?, &text[digits..]))
}

fn below<'a>(limit: u32, what: &'static str, (n, rest): (u32, &'a str)) -> Fit<(u32, &'a str)> {
    if n < limit { Ok((n, rest)) } else { Err(Misfit::Range(what)) }
}

/// The index of the name the text starts with, whatever its case, by the first `len` letters.
fn name<'a>(names: &[&str], len: usize, text: &'a str) -> Fit<(u32, &'a str)> {
    for (i, name) in names.iter().enumerate() {
        let name = name.get(..len).unwrap_or(name);
        if text.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)) {
            return Ok((i as u32, &text[name.len()..]));
        }
    }
    Err(Misfit::Bad)
}

/// A separator and digits; what is finer than a nanosecond is dropped.
fn fraction(text: &str, len: usize) -> Fit<(u32, &str)> {
    let digits = text.get(1..len).filter(|d| text.starts_with(['.', ',']) && !d.is_empty()).ok_or(Misfit::Bad)?;
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Misfit::Bad);
    }
    let nine: String = digits.chars().chain(std::iter::repeat('0')).take(9).collect();
    Ok((nine.parse().map_err(|_| Misfit::Bad)?, &text[len..]))
}

fn fraction_len(text: &str) -> Option<usize> {
    let digits = text.strip_prefix(['.', ','])?.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then_some(1 + digits)
}

impl Reading {
    /// Reads one part; `pattern` is the layout after it.
    fn read<'a>(&mut self, part: Part, text: &'a str, pattern: &str) -> Fit<&'a str> {
        let rest;
        match part {
            Part::Year => {
                let digits = text.get(..2).ok_or(Misfit::Bad)?;
                let year: i64 = digits.parse().map_err(|_| Misfit::Bad)?;
                self.year = year + if year >= 69 { 1900 } else { 2000 };
                rest = &text[2..];
            }
            Part::LongYear => {
                let digits = text.get(..4).filter(|d| d.starts_with(|c: char| c.is_ascii_digit()));
                self.year = digits.and_then(|d| d.parse().ok()).ok_or(Misfit::Bad)?;
                rest = &text[4..];
            }
            Part::Month | Part::LongMonth => {
                let (month, tail) = name(&MONTHS, if part == Part::Month { 3 } else { 9 }, text)?;
                (self.month, rest) = (Some(month + 1), tail);
            }
            Part::NumMonth | Part::ZeroMonth => {
                let (month, tail) = number(text, part == Part::ZeroMonth)?;
                if !(1..=12).contains(&month) {
                    return Err(Misfit::Range("month"));
                }
                (self.month, rest) = (Some(month), tail);
            }
            Part::Weekday => rest = name(&WEEKDAYS, 3, text)?.1,
            Part::LongWeekday => rest = name(&WEEKDAYS, 9, text)?.1,
            Part::Day | Part::SpaceDay | Part::ZeroDay => {
                let text = if part == Part::SpaceDay { text.strip_prefix(' ').unwrap_or(text) } else { text };
                let (day, tail) = number(text, part == Part::ZeroDay)?;
                (self.day, rest) = (Some(day), tail);
            }
            Part::SpaceYearDay | Part::ZeroYearDay => rest = self.read_year_day(part, text)?,
            Part::Hour => (self.hour, rest) = below(24, "hour", number(text, false)?)?,
            Part::Hour12 | Part::ZeroHour12 => {
                (self.hour, rest) = below(13, "hour", number(text, part == Part::ZeroHour12)?)?;
            }
            Part::Minute | Part::ZeroMinute => {
                (self.minute, rest) = below(60, "minute", number(text, part == Part::ZeroMinute)?)?;
            }
            Part::Second | Part::ZeroSecond => rest = self.read_second(part, text, pattern)?,
            Part::UpperHalf | Part::LowerHalf => {
                let names = if part == Part::UpperHalf { ["AM", "PM"] } else { ["am", "pm"] };
                self.afternoon = Some(match text.get(..2) {
                    Some(half) if half == names[0] => false,
                    Some(half) if half == names[1] => true,
                    _ => return Err(Misfit::Bad),
                });
                rest = &text[2..];
            }
            Part::Zone => rest = self.read_zone(text)?,
            Part::Offset { z, colon, width } => {
                if let (true, Some(tail)) = (z, text.strip_prefix('Z')) {
                    self.utc = true;
                    return Ok(tail);
                }
                rest = self.read_offset(text, colon, width)?;
            }
            Part::Fraction { digits } => (self.nanos, rest) = fraction(text, 1 + digits)?,
            Part::TrimmedFraction { .. } => {
                let Some(len) = fraction_len(text) else { return Ok(text) };
                (self.nanos, rest) = fraction(text, len)?;
            }
        }
        Ok(rest)
    }

    fn read_year_day<'a>(&mut self, part: Part, text: &'a str) -> Fit<&'a str> {
        let spaces =
            if part == Part::SpaceYearDay { text.bytes().take(2).take_while(|b| *b == b' ').count() } else { 0 };
        let text = &text[spaces..];
        let digits = text.bytes().take(3).take_while(u8::is_ascii_digit).count();
        if digits == 0 || (part == Part::ZeroYearDay && digits != 3) {
            return Err(Misfit::Bad);
        }
        self.year_day = text[..digits].parse().ok();
        Ok(&text[digits..])
    }

    /// A fraction may follow in the text even if the layout has none.
    fn read_second<'a>(&mut self, part: Part, text: &'a str, pattern: &str) -> Fit<&'a str> {
        let (second, rest) = below(60, "second", number(text, part == Part::ZeroSecond)?)?;
        self.second = second;
        let Some(len) = fraction_len(rest) else { return Ok(rest) };
        if matches!(next_part(pattern).1, Some((Part::Fraction { .. } | Part::TrimmedFraction { .. }, _))) {
            return Ok(rest);
        }
        let (nanos, rest) = fraction(rest, len)?;
        self.nanos = nanos;
        Ok(rest)
    }

    fn read_zone<'a>(&mut self, text: &'a str) -> Fit<&'a str> {
        if let Some(rest) = text.strip_prefix("UTC") {
            self.utc = true;
            return Ok(rest);
        }
        let len = zone_len(text).ok_or(Misfit::Bad)?;
        self.zone = Some(text[..len].to_owned());
        Ok(&text[len..])
    }

    fn read_offset<'a>(&mut self, text: &'a str, colon: bool, width: OffsetWidth) -> Fit<&'a str> {
        let (mut rest, mut fields) = (text.get(1..).ok_or(Misfit::Bad)?, [0; 3]);
        let count = width as usize + 1;
        for (i, field) in fields.iter_mut().enumerate().take(count) {
            if colon && i > 0 {
                rest = rest.strip_prefix(':').ok_or(Misfit::Bad)?;
            }
            (*field, rest) = number(rest, true)?;
        }
        let [hours, minutes, seconds] = fields;
        below(25, "time zone offset hour", (hours, ""))?;
        below(61, "time zone offset minute", (minutes, ""))?;
        below(61, "time zone offset second", (seconds, ""))?;
        let negative = match text.as_bytes()[0] {
            b'+' => false,
            b'-' => true,
            _ => return Err(Misfit::Bad),
        };
        let offset = ((hours * 60 + minutes) * 60 + seconds) as i32;
        self.offset_s = Some(if negative { -offset } else { offset });
        Ok(rest)
    }

    fn finish(self) -> Result<Time, &'static str> {
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let (month, day) = self.date()?;
        if day < 1 || day > days_in(self.year, month) {
            return Err("day out of range");
        }
        let days = days_to(self.year, month.into(), day.into());
        let second = i64::from(hour * 3600 + self.minute * 60 + self.second);
        let at = |location: Arc<dyn Location>| Time::of_civil(days, second, self.nanos, location);
        Ok(match (self.utc, self.offset_s, self.zone) {
            (true, ..) | (_, None, None) => at(UTC.clone()),
            (_, Some(0), None) => at(UTC.clone()),
            (_, Some(seconds), zone) => at(Arc::new(Fixed { seconds, name: zone.unwrap_or_default() })),
            (_, None, Some(name)) => {
                let hours: i32 = name.strip_prefix("GMT").and_then(|h| h.parse().ok()).unwrap_or(0);
                at(UTC.clone()).within(Arc::new(Fixed { seconds: hours * 3600, name }))
            }
        })
    }

    fn date(&self) -> Result<(u32, u32), &'static str> {
        let Some(year_day) = self.year_day else { return Ok((self.month.unwrap_or(1), self.day.unwrap_or(1))) };
        let days_in_year = (days_to(self.year + 1, 1, 1) - days_to(self.year, 1, 1)) as u32;
        if !(1..=days_in_year).contains(&year_day) {
            return Err("day-of-year out of range");
        }
        let (mut month, mut day) = (1, year_day);
        while day > days_in(self.year, month) {
            day -= days_in(self.year, month);
            month += 1;
        }
        match (self.month, self.day) {
            (Some(seen), _) if seen != month => Err("day-of-year does not match month"),
            (_, Some(seen)) if seen != day => Err("day-of-year does not match day"),
            _ => Ok((month, day)),
        }
    }
}

/// How much of the text looks like the abbreviation of a zone.
fn zone_len(text: &str) -> Option<usize> {
    if text.starts_with("ChST") || text.starts_with("MeST") {
        return Some(4);
    }
    if let Some(offset) = text.strip_prefix("GMT") {
        return Some(3 + signed_offset_len(offset).unwrap_or(0));
    }
    if text.starts_with(['+', '-']) {
        return signed_offset_len(text).filter(|_| text.len() >= 3);
    }
    let upper = text.bytes().take(6).take_while(u8::is_ascii_uppercase).count();
    match upper {
        3 => Some(3),
        4 if text.as_bytes()[3] == b'T' || text.starts_with("WITA") => Some(4),
        5 if text.as_bytes()[4] == b'T' => Some(5),
        _ => None,
    }
}

/// `+3`, `-11`: up to 23 hours.
fn signed_offset_len(text: &str) -> Option<usize> {
    let digits = text.strip_prefix(['+', '-'])?.bytes().take_while(u8::is_ascii_digit).count();
    let hours: u32 = text.get(1..=digits)?.parse().ok()?;
    (hours <= 23).then_some(1 + digits)
}
