//! Series as test scripts and rule unit tests write them: `up{job="x"} 0 1+2x5 _x3 stale {{count:1}}`.

use nightjar_model::{Labels, LabelsBuilder, STALE_NAN};

use crate::ast::Span;
use crate::parser::error::ParseError;
use crate::parser::number::{scan_number, value};
use crate::parser::options::ParserOptions;
use crate::parser::quoting::unquote;
use crate::parser::stream::{Context, Parser};
use crate::parser::token::{Tok, Token};

/// A series and its samples, one per step of time.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesDescription<'t> {
    /// Its labels.
    pub labels: Labels,
    /// Its samples, in order.
    pub items: Vec<SeriesItem<'t>>,
}

/// One or several samples. Counts are as written and may be huge: bound them before expanding.
#[derive(Clone, Debug, PartialEq)]
pub enum SeriesItem<'t> {
    /// `_`, `_xN`: this many steps without a sample.
    Omitted(u64),
    /// `v`, `vxN`, `v+dxN`: `first`, and `more` further ones, each the one before plus `step`. `stale` is the stale NaN.
    Floats {
        /// The first value.
        first: f64,
        /// What is added from one to the next.
        step: f64,
        /// How many follow the first.
        more: u64,
    },
    /// `{{...}}`, `{{...}}xN`, `{{...}}+{{...}}xN`: the text of an item of native histograms.
    Histograms(&'t str),
}

/// Parses a metric with its labels, `up{job="x"}` or `{job="x"}`.
pub fn parse_metric(text: &str) -> Result<Labels, ParseError> {
    let mut parser = Parser::new(text, &ParserOptions::default())?;
    let labels = parser.metric()?;
    parser.expect(Tok::Eof)?;
    Ok(labels)
}

/// Parses a series description.
pub fn parse_series(text: &str) -> Result<SeriesDescription<'_>, ParseError> {
    let mut parser = Parser::new(text, &ParserOptions::default())?;
    let labels = parser.metric()?;
    let mut rest = &text[parser.end as usize..];
    let mut items = Vec::new();
    loop {
        let after_space = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        if after_space.is_empty() {
            return Ok(SeriesDescription { labels, items });
        }
        let length = item_length(after_space);
        let (item, tail) = after_space.split_at(length);
        let start = (text.len() - after_space.len()) as u32;
        let span = Span { start, end: start + length as u32 };
        let parsed = if after_space.len() == rest.len() { None } else { parse_item(item) };
        items.push(parsed.ok_or_else(|| {
            let message = format!("unexpected {} in series values", nightjar_model::labels::quote(item));
            parser.error(span, message)
        })?);
        rest = tail;
    }
}

/// An item reaches to the next blank that does not stand inside a histogram.
fn item_length(text: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let blank = rest.find([' ', '\t', '\n', '\r']).unwrap_or(rest.len());
        match rest.find("{{").filter(|open| *open < blank) {
            Some(open) => match rest[open..].find("}}") {
                Some(close) => at += open + close + 2,
                None => return text.len(),
            },
            None => return at + blank,
        }
    }
}

fn parse_item(item: &str) -> Option<SeriesItem<'_>> {
    if item.starts_with("{{") {
        return Some(SeriesItem::Histograms(item));
    }
    let (values, times) = match item.split_once('x') {
        Some((values, times)) => (values, Some(times.parse::<u64>().ok().filter(|_| !times.starts_with('+'))?)),
        None => (item, None),
    };
    if values == "_" {
        return Some(SeriesItem::Omitted(times.unwrap_or(1)));
    }
    match (split_step(values), times) {
        ((first, None), times) => {
            Some(SeriesItem::Floats { first: number(first)?, step: 0.0, more: times.unwrap_or(0) })
        }
        ((first, Some(step)), Some(more)) => {
            Some(SeriesItem::Floats { first: number(first)?, step: number(step)?, more })
        }
        ((_, Some(_)), None) => None,
    }
}

/// Cuts `1-2` before the second number's sign. The sign of an exponent is part of its number.
fn split_step(values: &str) -> (&str, Option<&str>) {
    let bytes = values.as_bytes();
    let exponent = |at: usize| matches!(bytes[at - 1], b'e' | b'E') && at > 1 && !bytes[at - 2].is_ascii_alphabetic();
    let cut = (1..bytes.len()).find(|at| matches!(bytes[*at], b'+' | b'-') && !exponent(*at));
    cut.map_or((values, None), |at| (&values[..at], Some(&values[at..])))
}

fn number(text: &str) -> Option<f64> {
    if text == "stale" {
        return Some(STALE_NAN);
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let tok = match digits.to_ascii_lowercase().as_str() {
        "inf" | "nan" => Tok::Number,
        _ => {
            let scan = scan_number(digits);
            scan.tok.filter(|_| scan.length == digits.len())?
        }
    };
    let value = value(tok, digits).ok()?.value;
    Some(if negative { -value } else { value })
}

impl Parser<'_> {
    /// A metric name, labels in braces right behind it, or both.
    fn metric(&mut self) -> Result<Labels, ParseError> {
        let token = self.bump()?;
        let mut labels = LabelsBuilder::new();
        match token.tok {
            Tok::LBrace => self.label_set(&mut labels)?,
            tok if tok.names_metric() => {
                if self.text[self.end as usize..].starts_with('{') {
                    self.bump()?;
                    self.label_set(&mut labels)?;
                }
                labels.set("__name__", self.text_of(token));
            }
            _ => return Err(self.unexpected(token)),
        }
        Ok(labels.build())
    }

    fn label_set(&mut self, labels: &mut LabelsBuilder) -> Result<(), ParseError> {
        while self.eat(Tok::RBrace)?.is_none() {
            let name = self.bump()?;
            match name.tok {
                Tok::Ident => {
                    self.within(Context::LabelEqual, |p| p.expect(Tok::Equal))?;
                    self.label_value(self.text_of(name), labels)?;
                }
                Tok::Str => {
                    let text = unquote(self.text_of(name));
                    match self.eat(Tok::Equal)? {
                        Some(_) => self.label_value(&text, labels)?,
                        None => {
                            labels.set("__name__", &text);
                        }
                    }
                }
                _ => return self.within(Context::LabelName, |p| Err(p.unexpected(name))),
            }
            let token = self.bump()?;
            match token.tok {
                Tok::Comma => {}
                Tok::RBrace => return Ok(()),
                _ => return self.within(Context::LabelMore, |p| Err(p.unexpected(token))),
            }
        }
        Ok(())
    }

    fn label_value(&mut self, name: &str, labels: &mut LabelsBuilder) -> Result<(), ParseError> {
        let value: Token = self.within(Context::LabelValue, |p| p.expect(Tok::Str))?;
        labels.set(name, &unquote(self.text_of(value)));
        Ok(())
    }
}
