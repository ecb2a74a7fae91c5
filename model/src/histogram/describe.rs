//! Histograms as test scripts describe them: `{{schema:1 sum:2 buckets:[1 2]}}`, alone or as a row of samples.

use super::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint, FloatHistogram, Span};

/// Samples one item may stand for.
const MOST_SAMPLES: u64 = 1_000_000;

/// A histogram from a test script.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// The histogram; not validated.
    pub histogram: FloatHistogram,
    /// Whether the reset hint was spelled out, so that a comparison has to look at it.
    pub hint_set: bool,
}

/// Why a description is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DescribeError {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes from the beginning of the text.
    pub at: usize,
}

/// A description and nothing else.
///
/// # Errors
/// The text is something else.
pub fn parse(text: &str) -> Result<Described, DescribeError> {
    let mut reader = Reader { text, at: 0 };
    let described = reader.histogram()?;
    if reader.rest().is_empty() { Ok(described) } else { Err(reader.error("unexpected text after the histogram")) }
}

/// The samples one item of a series stands for, and how many bytes of `text` it takes: `{{a}}` is one sample,
/// `{{a}}xN` the same N+1 times, `{{a}}+{{b}}xN` and `{{a}}-{{b}}xN` begin with a and add or subtract b N times.
/// `text` begins with `{{` and may go on after the item.
///
/// # Errors
/// It is no such item, asks for more than a million samples, or its histograms cannot be combined.
pub fn series_item(text: &str) -> Result<(Vec<Described>, usize), DescribeError> {
    let mut reader = Reader { text, at: 0 };
    let first = reader.histogram()?;
    let samples = match reader.rest().bytes().next() {
        Some(b'x') => {
            let times = reader.times()?;
            vec![first; times as usize + 1]
        }
        Some(sign @ (b'+' | b'-')) => {
            reader.at += 1;
            let step = reader.histogram()?;
            let times = reader.times()?;
            progression(first, &step, sign == b'-', times)
                .map_err(|message| DescribeError { message, at: reader.at })?
        }
        _ => vec![first],
    };
    Ok((samples, reader.at))
}

/// `first` and `times` more, each the previous one plus or minus `step`. Whether the hint counts is what `step` says.
fn progression(first: Described, step: &Described, subtract: bool, times: u64) -> Result<Vec<Described>, String> {
    let mut samples = vec![Described { hint_set: step.hint_set, ..first }];
    for _ in 0..times {
        let mut next = samples[samples.len() - 1].clone();
        let (from, to) = (step.histogram.schema, next.histogram.schema);
        if to > from {
            return Err(format!("error combining histograms: cannot merge from schema {from} to {to}"));
        }
        let combine = if subtract { FloatHistogram::sub } else { FloatHistogram::add };
        combine(&mut next.histogram, &step.histogram).map_err(|e| e.to_string())?;
        samples.push(next);
    }
    Ok(samples)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

/// What a description said so far.
#[derive(Default)]
struct Parts {
    seen: Vec<&'static str>,
    offset: i32,
    n_offset: i32,
    hint_set: bool,
    histogram: FloatHistogram,
}

/// The keys there are.
const KEYS: [&str; 11] = [
    "schema",
    "sum",
    "count",
    "z_bucket",
    "z_bucket_w",
    "custom_values",
    "buckets",
    "offset",
    "n_buckets",
    "n_offset",
    "counter_reset_hint",
];

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn error(&self, message: impl Into<String>) -> DescribeError {
        DescribeError { message: message.into(), at: self.at }
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn accept(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), DescribeError> {
        if self.accept(token) {
            Ok(())
        } else if self.rest().is_empty() {
            Err(self.error(format!("histogram description incomplete, expected {token:?}")))
        } else {
            let found = self.rest().chars().next().unwrap_or_default();
            Err(self.error(format!("unexpected {found:?} in histogram description, expected {token:?}")))
        }
    }

    fn histogram(&mut self) -> Result<Described, DescribeError> {
        self.expect("{{")?;
        let mut parts = Parts::default();
        loop {
            self.skip_space();
            if self.accept("}}") {
                return Ok(parts.done());
            }
            self.part(&mut parts)?;
            if !self.rest().starts_with("}}") && !self.rest().starts_with([' ', '\t', '\n', '\r']) {
                self.expect("}}")?;
            }
        }
    }

    /// `key:value`.
    fn part(&mut self, parts: &mut Parts) -> Result<(), DescribeError> {
        let word = self.word().to_ascii_lowercase();
        let Some(key) = KEYS.into_iter().find(|key| *key == word) else {
            return Err(self.error(format!("bad histogram descriptor found: {word:?}")));
        };
        if parts.seen.contains(&key) {
            return Err(self.error(format!("duplicate key \"{key}\" in histogram")));
        }
        parts.seen.push(key);
        self.at += key.len();
        if !self.accept(":") {
            return Err(self.error("missing `:` for histogram descriptor"));
        }
        let histogram = &mut parts.histogram;
        match key {
            "schema" => histogram.schema = self.integer()?,
            "offset" => parts.offset = self.integer()?,
            "n_offset" => parts.n_offset = self.integer()?,
            "sum" => histogram.sum = self.number()?,
            "count" => histogram.count = self.number()?,
            "z_bucket" => histogram.zero_count = self.number()?,
            "z_bucket_w" => histogram.zero_threshold = self.number()?,
            "custom_values" => histogram.custom_values = Some(self.list()?.into()),
            "buckets" => histogram.positive_buckets = self.list()?,
            "n_buckets" => histogram.negative_buckets = self.list()?,
            _ => {
                parts.hint_set = true;
                histogram.counter_reset_hint = self.hint()?;
            }
        }
        Ok(())
    }

    /// Letters and underscores from here on.
    fn word(&self) -> &str {
        let rest = self.rest();
        rest.split(|c: char| !c.is_ascii_alphabetic() && c != '_').next().unwrap_or_default()
    }

    fn hint(&mut self) -> Result<CounterResetHint, DescribeError> {
        let word = self.word();
        let hint = match word.to_ascii_lowercase().as_str() {
            "unknown" => CounterResetHint::Unknown,
            "reset" => CounterResetHint::Reset,
            "not_reset" => CounterResetHint::NotReset,
            "gauge" => CounterResetHint::Gauge,
            other => return Err(self.error(format!("bad histogram descriptor found: {other:?}"))),
        };
        self.at += word.len();
        Ok(hint)
    }

    fn list(&mut self) -> Result<Vec<f64>, DescribeError> {
        self.expect("[")?;
        let mut values = Vec::new();
        loop {
            self.skip_space();
            if self.accept("]") {
                return Ok(values);
            }
            values.push(self.number()?);
        }
    }

    /// What a number or duration could be made of, from here on.
    fn literal(&self) -> &str {
        let rest = self.rest();
        let mut previous = ' ';
        let end = rest.find(|c: char| {
            let sign_of_exponent = matches!(c, '+' | '-') && matches!(previous, 'e' | 'E');
            let part = c.is_ascii_alphanumeric() || c == '.' || sign_of_exponent;
            previous = c;
            !part
        });
        &rest[..end.unwrap_or(rest.len())]
    }

    fn number(&mut self) -> Result<f64, DescribeError> {
        let negative = self.accept("-");
        if !negative {
            self.accept("+");
        }
        let literal = self.literal();
        let Some(value) = number(literal).or_else(|| seconds(literal)) else {
            return Err(self.error(format!("bad number or duration syntax: {literal:?}")));
        };
        self.at += literal.len();
        Ok(if negative { -value } else { value })
    }

    fn integer(&mut self) -> Result<i32, DescribeError> {
        let digits =
            self.rest().strip_prefix('-').unwrap_or(self.rest()).bytes().take_while(u8::is_ascii_digit).count();
        let length = digits + usize::from(self.rest().starts_with('-'));
        let Ok(value) = self.rest()[..length].parse() else {
            return Err(self.error("expected an integer in histogram description"));
        };
        self.at += length;
        Ok(value)
    }

    /// `xN`.
    fn times(&mut self) -> Result<u64, DescribeError> {
        self.expect("x")?;
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        match self.rest()[..digits].parse() {
            Ok(times) if times < MOST_SAMPLES => {
                self.at += digits;
                Ok(times)
            }
            Ok(_) => Err(self.error(format!("more than {MOST_SAMPLES} samples in one item"))),
            Err(_) => Err(self.error("expected a number of repetitions")),
        }
    }
}

impl Parts {
    fn done(self) -> Described {
        let mut histogram = self.histogram;
        histogram.positive_spans = span(self.offset, histogram.positive_buckets.len());
        histogram.negative_spans = span(self.n_offset, histogram.negative_buckets.len());
        if histogram.schema == CUSTOM_BUCKETS_SCHEMA {
            histogram.custom_values.get_or_insert_default();
        }
        Described { histogram, hint_set: self.hint_set }
    }
}

fn span(offset: i32, buckets: usize) -> Vec<Span> {
    match u32::try_from(buckets) {
        Ok(length) if length > 0 => vec![Span { offset, length }],
        _ => Vec::new(),
    }
}

/// A number as Go reads it: a leading zero means octal, `inf` and `nan` in any case.
fn number(literal: &str) -> Option<f64> {
    let octal = literal.strip_prefix('0').filter(|rest| !rest.is_empty());
    if let Some(value) = octal.and_then(|digits| i64::from_str_radix(digits, 8).ok()) {
        return Some(value as f64);
    }
    let special = ["inf", "nan"].iter().any(|word| literal.eq_ignore_ascii_case(word));
    let digits = literal.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if special || digits { literal.parse().ok() } else { None }
}

/// A duration such as `1h30m`, in seconds: units descend and occur once.
fn seconds(literal: &str) -> Option<f64> {
    const UNITS: [(&str, u64); 7] = [
        ("y", 365 * 86_400_000),
        ("w", 7 * 86_400_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ];
    let (mut rest, mut total, mut next) = (literal, 0u64, 0);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = UNITS.iter().skip(next).position(|(name, _)| *name == &rest[digits..digits + letters])? + next;
        total = rest[..digits].parse::<u64>().ok()?.checked_mul(UNITS[unit].1)?.checked_add(total)?;
        (rest, next) = (&rest[digits + letters..], unit + 1);
    }
    (next > 0).then(|| total as f64 / 1000.0)
}
