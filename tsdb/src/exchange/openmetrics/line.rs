//! One line.

use std::fmt;

use nightjar_model::labels::{LabelsBuilder, METRIC_NAME};
use nightjar_model::metadata::{Metadata, MetricType};
use nightjar_model::{Exemplar, Labels, TimestampMs};

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineError {
    /// The byte, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
}

impl LineError {
    pub(super) fn new(column: usize, what: impl Into<String>) -> LineError {
        LineError { column, what: what.into() }
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// What a line says.
#[derive(Clone, Debug)]
pub enum Item {
    /// A sample.
    Sample {
        /// Its series.
        labels: Labels,
        /// Its time.
        timestamp: TimestampMs,
        /// Its value.
        value: f64,
        /// Its exemplar.
        exemplar: Option<Exemplar>,
    },
    /// Something about a metric.
    Metadata {
        /// The metric.
        metric: String,
        /// What.
        metadata: Metadata,
    },
}

/// A line.
pub(super) enum Parsed {
    Item(Item),
    Nothing,
    End,
}

/// Reads one line without its end; `None` when it says nothing.
pub fn parse_line(line: &str) -> Result<Option<Item>, LineError> {
    parse(line).map(|parsed| if let Parsed::Item(item) = parsed { Some(item) } else { None })
}

pub(super) fn parse(line: &str) -> Result<Parsed, LineError> {
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line == "# EOF" {
        return Ok(Parsed::End);
    }
    if let Some(comment) = line.strip_prefix('#') {
        return Ok(metadata(comment).map_or(Parsed::Nothing, Parsed::Item));
    }
    if line.trim().is_empty() {
        return Ok(Parsed::Nothing);
    }
    let mut s = Scanner { line, at: 0 };
    let mut labels = LabelsBuilder::new();
    let name = s.while_matching(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':');
    if !name.is_empty() {
        labels.set(METRIC_NAME, name);
    }
    if s.eat(b'{') {
        s.pairs(&mut labels, name.is_empty())?;
    }
    let labels = labels.build();
    if labels.metric_name().is_empty() {
        return Err(LineError::new(1, "a metric name was expected"));
    }
    let value = s.number("a value")?;
    s.spaces();
    let timestamp = match s.rest().is_empty() || s.rest().starts_with('#') {
        true => return Err(s.wrong("a time was expected: every sample needs one to be imported")),
        false => s.time()?,
    };
    let exemplar = s.exemplar(timestamp)?;
    Ok(Parsed::Item(Item::Sample { labels, timestamp, value, exemplar }))
}

/// `TYPE name kind`, `HELP name text` or `UNIT name unit` behind the `#`.
fn metadata(comment: &str) -> Option<Item> {
    let mut words = comment.strip_prefix(' ')?.splitn(3, ' ');
    let (what, metric, text) = (words.next()?, words.next()?, words.next().unwrap_or(""));
    let mut metadata = Metadata::default();
    match what {
        "TYPE" => metadata.metric_type = metric_type(text)?,
        "HELP" => metadata.help = unescape(text),
        "UNIT" => metadata.unit = text.to_owned(),
        _ => return None,
    }
    Some(Item::Metadata { metric: metric.trim_matches('"').to_owned(), metadata })
}

fn metric_type(word: &str) -> Option<MetricType> {
    use MetricType::*;
    [Unknown, Counter, Gauge, Histogram, GaugeHistogram, Summary, Info, StateSet]
        .into_iter()
        .find(|t| t.as_str() == word)
}

/// Undoes `\\`, `\"` and `\n`.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => out.push('\n'),
                Some(other @ ('\\' | '"')) => out.push(other),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            (c, false) => out.push(c),
        }
    }
    out
}

struct Scanner<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.line[self.at..]
    }

    fn wrong(&self, what: &str) -> LineError {
        LineError::new(self.at + 1, what)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.rest().as_bytes().first() == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn spaces(&mut self) {
        while self.eat(b' ') {}
    }

    /// Takes the leading bytes, all ASCII, that match.
    fn while_matching(&mut self, matches: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let len = rest.bytes().position(|b| !b.is_ascii() || !matches(b)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// A text in quotes.
    fn quoted(&mut self) -> Result<String, LineError> {
        if !self.eat(b'"') {
            return Err(self.wrong("a quoted text was expected"));
        }
        let rest = self.rest();
        let mut escaped = false;
        for (i, b) in rest.bytes().enumerate() {
            match b {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    self.at += i + 1;
                    return Ok(unescape(&rest[..i]));
                }
                _ => {}
            }
        }
        Err(self.wrong("the quote is not closed"))
    }

    /// Pairs up to the closing brace. `may_name` allows a quoted metric name among them.
    fn pairs(&mut self, labels: &mut LabelsBuilder, may_name: bool) -> Result<(), LineError> {
        let mut seen: Vec<String> = Vec::new();
        loop {
            self.spaces();
            if self.eat(b'}') {
                return Ok(());
            }
            let start = self.at;
            let bare = self.while_matching(|b| b.is_ascii_alphanumeric() || b == b'_');
            let quoted = bare.is_empty();
            let name = if quoted { self.quoted()? } else { bare.to_owned() };
            self.spaces();
            if self.eat(b'=') {
                self.spaces();
                let value = self.quoted()?;
                if seen.contains(&name) || name.is_empty() {
                    return Err(LineError::new(start + 1, format!("label name {name:?} is not unique")));
                }
                labels.set(&name, &value);
                seen.push(name);
            } else if quoted && may_name && seen.is_empty() {
                labels.set(METRIC_NAME, &name);
            } else {
                return Err(self.wrong("\"=\" was expected"));
            }
            self.spaces();
            if !self.eat(b',') && !self.rest().starts_with('}') {
                return Err(self.wrong("\",\" or \"}\" was expected"));
            }
        }
    }

    fn number(&mut self, what: &str) -> Result<f64, LineError> {
        self.spaces();
        let start = self.at;
        let text = self.while_matching(|b| b != b' ');
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        let value = if plain { text.parse().ok() } else { None };
        value.ok_or_else(|| LineError::new(start + 1, format!("{what} was expected, not {text:?}")))
    }

    /// Seconds since the epoch.
    fn time(&mut self) -> Result<TimestampMs, LineError> {
        let start = self.at;
        let seconds = self.number("a time in seconds")?;
        let ms = (seconds * 1000.0).round();
        if ms.abs() < 9.0e15 { Ok(ms as i64) } else { Err(LineError::new(start + 1, "the time is out of range")) }
    }

    fn exemplar(&mut self, sampled: TimestampMs) -> Result<Option<Exemplar>, LineError> {
        self.spaces();
        if self.rest().is_empty() {
            return Ok(None);
        }
        if !(self.eat(b'#') && self.eat(b' ') && self.eat(b'{')) {
            return Err(self.wrong("the line should end here, or an exemplar \"# {...} value\" follow"));
        }
        let mut labels = LabelsBuilder::new();
        self.pairs(&mut labels, false)?;
        let value = self.number("the exemplar's value")?;
        self.spaces();
        let timestamp = if self.rest().is_empty() { sampled } else { self.time()? };
        if !self.rest().trim().is_empty() {
            return Err(self.wrong("the line should end here"));
        }
        Ok(Some(Exemplar { labels: labels.build(), value, timestamp }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(line: &str) -> String {
        match parse_line(line) {
            Ok(Some(Item::Sample { labels, timestamp, value, exemplar })) => {
                let exemplar = exemplar.map(|e| format!(" # {} {} {}", e.labels, e.value, e.timestamp));
                format!("{labels} {value} {timestamp}{}", exemplar.unwrap_or_default())
            }
            Ok(Some(Item::Metadata { metric, metadata })) => {
                format!("{metric}: {:?} {:?} {:?}", metadata.metric_type, metadata.help, metadata.unit)
            }
            Ok(None) => "nothing".to_owned(),
            Err(e) => format!("{}: {e}", e.column),
        }
    }

    #[test]
    fn lines() {
        let table = [
            ("up 1 12.5", r#"{__name__="up"} 1 12500"#),
            (r#"a:b_total{x="1",y="q\"\\\n"} -Inf 1e3"#, r#"{__name__="a:b_total", x="1", y="q\"\\\n"} -inf 1000000"#),
            (r#"{"my metric",le="0.5"} NaN -1.0006"#, r#"{__name__="my metric", le="0.5"} NaN -1001"#),
            (r#"b{} 2 3 # {trace_id="é"} 0.7"#, r#"{__name__="b"} 2 3000 # {trace_id="é"} 0.7 3000"#),
            (r#"b 2 3 # {} 0.7 4.5"#, r#"{__name__="b"} 2 3000 # {} 0.7 4500"#),
            ("", "nothing"),
            ("# anything", "nothing"),
            ("# HELP up Is it\\nup?", "up: Unknown \"Is it\\nup?\" \"\""),
            ("# TYPE up gauge", "up: Gauge \"\" \"\""),
            ("up 1", "5: a time was expected: every sample needs one to be imported"),
            ("up one 1", "4: a value was expected, not \"one\""),
            ("{} 1 1", "1: a metric name was expected"),
            (r#"a{x="1",x="2"} 1 1"#, "9: label name \"x\" is not unique"),
            (r#"a{x="1} 1 1"#, "6: the quote is not closed"),
            (r#"a{x:"1"} 1 1"#, "4: \"=\" was expected"),
            (r#"a{x="1"y="2"} 1 1"#, "8: \",\" or \"}\" was expected"),
            ("a 1 1e300", "5: the time is out of range"),
            ("a 1 1 x", "7: the line should end here, or an exemplar \"# {...} value\" follow"),
        ];
        for (line, expected) in table {
            assert_eq!(sample(line), expected, "{line}");
        }
    }
}
