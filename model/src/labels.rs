//! Label sets, and the byte spelling in which they travel and are remembered.
//!
//! A [`Labels`] is sorted by name, has no duplicate names and no empty values. It is one shared allocation, so cloning
//! is cheap and equality is a memory comparison.
//!
//! # Spelling
//!
//! A *spelling* is label pairs as bytes: for each pair `0x0A len(pair) pair`, `pair = 0x0A len(name) name 0x12
//! len(value) value`, lengths as LEB128 varints, either field left out when empty. Remote write 1.0 carries exactly
//! this, so a receiver can compare a series with the last one by memory comparison, without parsing. A spelling need
//! not be sorted: one label set has many spellings, one spelling has one label set. The *canonical* spelling
//! ([`Labels::spell`]) is sorted and leaves nothing out.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The label that holds the metric name.
pub const METRIC_NAME: &str = "__name__";

/// One label pair, borrowed from its set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label<'a> {
    /// Label name.
    pub name: &'a str,
    /// Label value, never empty inside a [`Labels`].
    pub value: &'a str,
}

/// A sorted, duplicate-free label set.
#[derive(Clone)]
pub struct Labels(Arc<Inner>);

struct Inner {
    /// All names and values, one after the other.
    text: Box<str>,
    /// End of the name and end of the value of each pair, as offsets into `text`.
    ends: Box<[(u32, u32)]>,
}

/// Why a spelling or a set of pairs is not a label set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// The bytes do not follow the grammar.
    #[error("label bytes are malformed at byte {at}")]
    Malformed {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// A name or value is not UTF-8.
    #[error("label {which} is not valid UTF-8: {text:?}")]
    NotUtf8 {
        /// `name` or `value`.
        which: &'static str,
        /// The text with the bad bytes replaced.
        text: String,
    },
    /// A pair has no name.
    #[error("a label has an empty name (its value is {value:?})")]
    EmptyName {
        /// Value of the nameless label.
        value: String,
    },
    /// Two pairs have one name.
    #[error("label name {name:?} is not unique")]
    Duplicate {
        /// The repeated name.
        name: String,
    },
}

impl Labels {
    /// The label set without labels.
    pub fn empty() -> Labels {
        LabelsBuilder::new().build()
    }

    /// A label set from pairs in any order; empty values are dropped, of equal names the last wins.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Labels {
        let pairs: Vec<(N, V)> = pairs.into_iter().collect();
        if pairs.is_sorted_by(|(a, _), (b, _)| a.as_ref() < b.as_ref()) {
            let pairs = pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
            return Labels::from_sorted(pairs.filter(|(_, value)| !value.is_empty()));
        }
        let mut builder = LabelsBuilder::new();
        for (name, value) in pairs {
            builder.set(name.as_ref(), value.as_ref());
        }
        builder.build()
    }

    /// Reads any spelling. Empty values are dropped; duplicate names (even of empty values) are an error.
    pub fn from_spelling(spelling: &[u8]) -> Result<Labels, LabelError> {
        let mut pairs = Vec::with_capacity(16);
        for pair in SpellingPairs::new(spelling) {
            let (name, value) = pair?;
            if name.is_empty() {
                return Err(LabelError::EmptyName { value: value.to_owned() });
            }
            pairs.push((name, value));
        }
        if !pairs.is_sorted_by(|a, b| a.0 < b.0) {
            pairs.sort_by(|a, b| a.0.cmp(b.0));
            if let Some(w) = pairs.windows(2).find(|w| w[0].0 == w[1].0) {
                return Err(LabelError::Duplicate { name: w[0].0.to_owned() });
            }
        }
        Ok(Labels::from_sorted(pairs.iter().copied().filter(|(_, value)| !value.is_empty())))
    }

    /// A label set from pairs that are sorted by name, without duplicate names and empty values. Breaking this promise
    /// is no memory error, but lookups in the set are then wrong.
    pub fn from_sorted<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Labels {
        let (mut count, mut len) = (0, 0);
        for (name, value) in pairs.clone() {
            count += 1;
            len += name.len() + value.len();
        }
        let mut text = String::with_capacity(len);
        let mut ends = Vec::with_capacity(count);
        for (name, value) in pairs {
            text.push_str(name);
            let name_end = text.len() as u32;
            text.push_str(value);
            ends.push((name_end, text.len() as u32));
        }
        Labels(Arc::new(Inner { text: text.into_boxed_str(), ends: ends.into_boxed_slice() }))
    }

    /// Appends the canonical spelling to `out`.
    pub fn spell(&self, out: &mut Vec<u8>) {
        for label in self.iter() {
            spell_pair(label.name, label.value, out);
        }
    }

    /// Number of labels.
    pub fn len(&self) -> usize {
        self.0.ends.len()
    }

    /// Whether there is no label at all.
    pub fn is_empty(&self) -> bool {
        self.0.ends.is_empty()
    }

    /// The pairs, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Label<'_>> + Clone {
        let inner = &*self.0;
        (0..inner.ends.len()).map(move |i| inner.label(i))
    }

    /// The value of a label; `None` when absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        let inner = &*self.0;
        let mut range = 0..inner.ends.len();
        while !range.is_empty() {
            let middle = range.start + range.len() / 2;
            let label = inner.label(middle);
            match label.name.cmp(name) {
                Ordering::Equal => return Some(label.value),
                Ordering::Less => range.start = middle + 1,
                Ordering::Greater => range.end = middle,
            }
        }
        None
    }

    /// The value of a label, the empty string when absent.
    pub fn value(&self, name: &str) -> &str {
        self.get(name).unwrap_or("")
    }

    /// The metric name, the empty string when absent.
    pub fn metric_name(&self) -> &str {
        self.value(METRIC_NAME)
    }

    /// Only the labels named in `names` (any order).
    pub fn keep<S: AsRef<str>>(&self, names: &[S]) -> Labels {
        self.filter(|l| names.iter().any(|n| n.as_ref() == l.name))
    }

    /// All labels but those named in `names` (any order).
    pub fn drop<S: AsRef<str>>(&self, names: &[S]) -> Labels {
        self.filter(|l| !names.iter().any(|n| n.as_ref() == l.name))
    }

    /// The labels for which `keep` answers true.
    pub fn filter(&self, mut keep: impl FnMut(Label<'_>) -> bool) -> Labels {
        let kept: Vec<_> = self.iter().filter(|l| keep(*l)).map(|l| (l.name, l.value)).collect();
        if kept.len() == self.len() { self.clone() } else { Labels::from_sorted(kept.iter().copied()) }
    }

    /// A builder that starts from this set.
    pub fn to_builder(&self) -> LabelsBuilder {
        LabelsBuilder { pairs: self.iter().map(|l| (l.name.to_owned(), l.value.to_owned())).collect() }
    }
}

impl Inner {
    fn label(&self, i: usize) -> Label<'_> {
        let start = if i == 0 { 0 } else { self.ends[i - 1].1 as usize };
        let (name_end, value_end) = self.ends[i];
        Label { name: &self.text[start..name_end as usize], value: &self.text[name_end as usize..value_end as usize] }
    }
}

impl Default for Labels {
    fn default() -> Labels {
        Labels::empty()
    }
}

impl PartialEq for Labels {
    fn eq(&self, other: &Labels) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.text == other.0.text && self.0.ends == other.0.ends)
    }
}

impl Eq for Labels {}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text.hash(state);
        self.0.ends.hash(state);
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Labels) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    /// Pair by pair, name before value; a prefix sorts first. The order of Prometheus.
    fn cmp(&self, other: &Labels) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl fmt::Display for Labels {
    /// As Prometheus prints a label set: `{__name__="up", job="x"}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, label) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            if is_legacy_label_name(label.name) {
                f.write_str(label.name)?;
            } else {
                f.write_str(&quote(label.name))?;
            }
            write!(f, "={}", quote(label.value))?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Builds a [`Labels`] pair by pair, in any order.
#[derive(Clone, Debug, Default)]
pub struct LabelsBuilder {
    pairs: Vec<(String, String)>,
}

impl LabelsBuilder {
    /// A builder without labels.
    pub fn new() -> LabelsBuilder {
        LabelsBuilder::default()
    }

    /// Sets a label; the empty value removes it.
    pub fn set(&mut self, name: &str, value: &str) -> &mut LabelsBuilder {
        match self.pairs.iter().position(|(n, _)| n == name) {
            Some(i) if value.is_empty() => {
                self.pairs.remove(i);
            }
            Some(i) => value.clone_into(&mut self.pairs[i].1),
            None if value.is_empty() => {}
            None => self.pairs.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Removes a label.
    pub fn remove(&mut self, name: &str) -> &mut LabelsBuilder {
        self.set(name, "")
    }

    /// The current value of a label; `None` when absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The finished set.
    pub fn build(&self) -> Labels {
        let mut pairs: Vec<_> = self.pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        pairs.sort_unstable();
        Labels::from_sorted(pairs.iter().copied())
    }
}

/// Appends one pair to a spelling, leaving nothing out.
pub fn spell_pair(name: &str, value: &str, out: &mut Vec<u8>) {
    let body = 2 + varint_len(name.len()) + name.len() + varint_len(value.len()) + value.len();
    out.push(0x0A);
    put_varint(body, out);
    out.push(0x0A);
    put_varint(name.len(), out);
    out.extend_from_slice(name.as_bytes());
    out.push(0x12);
    put_varint(value.len(), out);
    out.extend_from_slice(value.as_bytes());
}

fn varint_len(n: usize) -> usize {
    let bits = usize::BITS - (n | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

fn put_varint(mut n: usize, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// The pairs of a spelling, in its own order, unchecked but for grammar and UTF-8. Ends after the first error.
pub struct SpellingPairs<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> SpellingPairs<'a> {
    /// Reads `spelling` from its start.
    pub fn new(spelling: &'a [u8]) -> SpellingPairs<'a> {
        SpellingPairs { bytes: spelling, at: 0 }
    }

    fn malformed(&self) -> LabelError {
        LabelError::Malformed { at: self.at }
    }

    fn varint(&mut self, end: usize) -> Result<usize, LabelError> {
        let mut value = 0usize;
        for shift in [0, 7, 14, 21, 28] {
            let byte = match self.bytes.get(self.at) {
                Some(byte) if self.at < end => *byte,
                _ => return Err(self.malformed()),
            };
            self.at += 1;
            value |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.malformed())
    }

    fn field(&mut self, tag: u8, which: &'static str, end: usize) -> Result<&'a str, LabelError> {
        if self.at >= end || self.bytes[self.at] != tag {
            return Ok("");
        }
        self.at += 1;
        let len = self.varint(end)?;
        if len > end - self.at {
            return Err(self.malformed());
        }
        let bytes = &self.bytes[self.at..self.at + len];
        self.at += len;
        std::str::from_utf8(bytes)
            .map_err(|_| LabelError::NotUtf8 { which, text: String::from_utf8_lossy(bytes).into_owned() })
    }

    fn pair(&mut self) -> Result<(&'a str, &'a str), LabelError> {
        if self.bytes[self.at] != 0x0A {
            return Err(self.malformed());
        }
        self.at += 1;
        let len = self.varint(self.bytes.len())?;
        if len > self.bytes.len() - self.at {
            return Err(self.malformed());
        }
        let end = self.at + len;
        let name = self.field(0x0A, "name", end)?;
        let value = self.field(0x12, "value", end)?;
        if self.at == end { Ok((name, value)) } else { Err(self.malformed()) }
    }
}

impl<'a> Iterator for SpellingPairs<'a> {
    type Item = Result<(&'a str, &'a str), LabelError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let pair = self.pair();
        if pair.is_err() {
            self.bytes = &[];
        }
        Some(pair)
    }
}

/// Whether a label name needs no quotes: `[a-zA-Z_][a-zA-Z0-9_]*`.
pub fn is_legacy_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether a metric name needs no quotes: like a label name, colons allowed.
pub fn is_legacy_metric_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b':')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

/// Text in double quotes, escaped as Go's `strconv.Quote` does.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => out.push_str(&format!("\\x{:02x}", c as u32)),
            c if is_printable(c) => out.push(c),
            c if (c as u32) < 0x1_0000 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push_str(&format!("\\U{:08x}", c as u32)),
        }
    }
    out.push('"');
    out
}

/// An approximation of Go's `unicode.IsPrint` that errs only on unassigned code points.
fn is_printable(c: char) -> bool {
    !(c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c as u32, 0xad | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xfeff | 0xe000..=0xf8ff | 0xfff0..=0xfffb | 0xe0000..=0x10ffff))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_sorted_and_holds_no_empty_value() {
        let labels = Labels::from_pairs([("job", "x"), ("__name__", "up"), ("gone", "")]);
        assert_eq!(labels.to_string(), r#"{__name__="up", job="x"}"#);
        assert_eq!((labels.get("job"), labels.get("gone"), labels.len()), (Some("x"), None, 2));
    }

    #[test]
    fn order_is_by_pairs() {
        let a = Labels::from_pairs([("a", "1")]);
        let ab = Labels::from_pairs([("a", "1"), ("b", "1")]);
        let b = Labels::from_pairs([("a", "10")]);
        assert!(a < ab && ab < b);
    }

    #[test]
    fn spellings() {
        let labels = Labels::from_pairs([("__name__", "up"), ("job", "x")]);
        let mut canonical = Vec::new();
        labels.spell(&mut canonical);
        assert_eq!(Labels::from_spelling(&canonical), Ok(labels.clone()));

        let mut unsorted = Vec::new();
        spell_pair("job", "x", &mut unsorted);
        spell_pair("e", "", &mut unsorted);
        spell_pair("__name__", "up", &mut unsorted);
        assert_eq!(Labels::from_spelling(&unsorted), Ok(labels));

        spell_pair("job", "", &mut unsorted);
        assert_eq!(Labels::from_spelling(&unsorted), Err(LabelError::Duplicate { name: "job".into() }));
        for cut in 1..canonical.len() {
            if canonical[cut] != 0x0A || cut != 14 {
                let _ = Labels::from_spelling(&canonical[..cut]);
            }
        }
        assert!(matches!(Labels::from_spelling(&[0x0A, 0xff]), Err(LabelError::Malformed { .. })));
        assert!(matches!(Labels::from_spelling(&[0x0A, 3, 0x12, 1, b'v']), Err(LabelError::EmptyName { .. })));
        assert!(matches!(Labels::from_spelling(&[0x0A, 3, 0x0A, 1, 0xff]), Err(LabelError::NotUtf8 { .. })));
    }

    #[test]
    fn quoting_is_gos() {
        assert_eq!(quote("a\"\\\n\u{1}é\u{200b}"), r#""a\"\\\n\x01é\u200b""#);
    }
}
