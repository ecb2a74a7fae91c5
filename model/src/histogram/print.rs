//! Histograms as text: as Prometheus prints them, as test scripts spell them, as JSON lists their buckets.

use std::fmt;

use super::{Bucket, CounterResetHint, FloatHistogram, Span};
use crate::number::format_g;

impl fmt::Display for Bucket {
    /// `(0.5,1]:3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = if self.lower_inclusive { '[' } else { '(' };
        let close = if self.upper_inclusive { ']' } else { ')' };
        write!(f, "{open}{},{}{close}:{}", format_g(self.lower), format_g(self.upper), format_g(self.count))
    }
}

impl fmt::Display for FloatHistogram {
    /// `{count:3, sum:1.5, [-0.001,0.001]:1, (0.5,1]:2}`: populated buckets, lowest first. The value `count_values`
    /// counts and templates print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{count:{}, sum:{}", format_g(self.count), format_g(self.sum))?;
        let zero = std::iter::once(self.zero_bucket());
        for bucket in self.negative_ascending().chain(zero).chain(self.positive()).filter(|b| b.count != 0.0) {
            write!(f, ", {bucket}")?;
        }
        f.write_str("}")
    }
}

impl FloatHistogram {
    /// The populated buckets as JSON lists them: which bounds belong to it (0 the upper one, 1 the lower one, 2 none,
    /// 3 both), lower and upper bound, count.
    pub fn json_buckets(&self) -> impl Iterator<Item = (u8, f64, f64, f64)> + '_ {
        self.ascending().filter(|b| b.count != 0.0).map(|b| (b.boundary_rule(), b.lower, b.upper, b.count))
    }

    /// As test scripts spell it: `{{schema:1 count:3 sum:1.5 buckets:[1 2]}}`. Parts that are zero are left out; gaps
    /// between spans are filled.
    pub fn test_expression(&self) -> String {
        let mut compact = self.clone();
        compact.compact(usize::MAX);
        let mut parts = Vec::new();
        if compact.schema != 0 {
            parts.push(format!("schema:{}", compact.schema));
        }
        let amounts = [
            ("count", compact.count),
            ("sum", compact.sum),
            ("z_bucket", compact.zero_count),
            ("z_bucket_w", compact.zero_threshold),
        ];
        for (key, value) in amounts.into_iter().filter(|(_, value)| *value != 0.0) {
            parts.push(format!("{key}:{}", format_g(value)));
        }
        if compact.uses_custom_buckets() {
            parts.push(format!("custom_values:{}", list(compact.bounds())));
        }
        if let Some(hint) = compact.counter_reset_hint.spelled() {
            parts.push(format!("counter_reset_hint:{hint}"));
        }
        side(&mut parts, ["offset", "buckets"], &compact.positive_spans, &compact.positive_buckets);
        side(&mut parts, ["n_offset", "n_buckets"], &compact.negative_spans, &compact.negative_buckets);
        format!("{{{{{}}}}}", parts.join(" "))
    }
}

impl CounterResetHint {
    /// Its word in test scripts; `None` for what needs no mention.
    fn spelled(self) -> Option<&'static str> {
        match self {
            CounterResetHint::Unknown => None,
            CounterResetHint::Reset => Some("reset"),
            CounterResetHint::NotReset => Some("not_reset"),
            CounterResetHint::Gauge => Some("gauge"),
        }
    }
}

/// Only spans too far apart for any sensible histogram are more than one here; scripts have no word for the others.
fn side(parts: &mut Vec<String>, [offset, buckets]: [&str; 2], spans: &[Span], counts: &[f64]) {
    let mut rest = counts;
    for span in spans {
        if span.offset != 0 {
            parts.push(format!("{offset}:{}", span.offset));
        }
        let (these, others) = rest.split_at(rest.len().min(span.length as usize));
        parts.push(format!("{buckets}:{}", list(these)));
        rest = others;
    }
}

fn list(values: &[f64]) -> String {
    let words: Vec<String> = values.iter().map(|v| format_g(*v)).collect();
    format!("[{}]", words.join(" "))
}
