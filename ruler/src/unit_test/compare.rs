//! Expected against found, and the words for what differs.

use nightjar_model::number::format_e;
use nightjar_model::{FloatHistogram, Labels};
use nightjar_query::SampleValue;

use crate::texts::Texts;

/// Labels and annotations of a firing alert.
pub(super) type FiringAlert = (Texts, Texts);

/// One result of a query.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) labels: Labels,
    pub(super) value: f64,
    /// Empty for a float.
    pub(super) histogram: String,
}

impl Found {
    pub(super) fn new(labels: Labels, value: &SampleValue) -> Found {
        match value {
            SampleValue::Float(v) => Found { labels, value: *v, histogram: String::new() },
            SampleValue::Histogram(h) => Found::histogram(labels, 0.0, h),
        }
    }

    pub(super) fn histogram(labels: Labels, value: f64, h: &FloatHistogram) -> Found {
        Found { labels, value, histogram: h.test_expression() }
    }

    fn matches(&self, other: &Found, fuzzy: bool) -> bool {
        let (a, b) = (self.value, other.value);
        let close = a == b || (fuzzy && (a.next_up() == b || a.next_down() == b));
        close && self.labels == other.labels && self.histogram == other.histogram
    }
}

/// Whether both hold the same, in the same order.
pub(super) fn same(expected: &[Found], found: &[Found], fuzzy: bool) -> bool {
    expected.len() == found.len() && expected.iter().zip(found).all(|(a, b)| a.matches(b, fuzzy))
}

/// `{job="x"} 1E+00, {...} ...`; `nil` for none.
pub(super) fn samples_text(samples: &[Found]) -> String {
    if samples.is_empty() {
        return "nil".to_owned();
    }
    let text = |found: &Found| match found.histogram.as_str() {
        "" => format!("{} {}", found.labels, exponent_form(found.value)),
        histogram => format!("{} {histogram}", found.labels),
    };
    samples.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn exponent_form(value: f64) -> String {
    if value.is_finite() { format_e(value).to_ascii_uppercase() } else { format_e(value) }
}

/// A list of alerts over several lines.
pub(super) fn alerts_text(alerts: &[FiringAlert]) -> String {
    const INDENT: &str = "\n            ";
    if alerts.is_empty() {
        return "[]".to_owned();
    }
    let one = |(i, (labels, annotations)): (usize, &FiringAlert)| {
        format!("{INDENT}{i}:{INDENT}  Labels:{labels}{INDENT}  Annotations:{annotations}")
    };
    format!("[{}{INDENT}]", alerts.iter().enumerate().map(one).collect::<Vec<_>>().join(","))
}
