//! Series as text.

use std::io::{self, Write};

use nightjar_model::labels::{METRIC_NAME, is_legacy_label_name, is_legacy_metric_name};
use nightjar_model::number::format_g;
use nightjar_model::{Labels, TimestampMs};

/// Writes the samples of a series, a line each.
pub fn put_series(labels: &Labels, times: &[TimestampMs], values: &[f64], out: &mut dyn Write) -> io::Result<()> {
    let head = head(labels);
    for (t, v) in times.iter().zip(values) {
        let sign = if *t < 0 { "-" } else { "" };
        let t = t.unsigned_abs();
        writeln!(out, "{head} {} {sign}{}.{:03}", format_g(*v), t / 1000, t % 1000)?;
    }
    Ok(())
}

/// `name{a="b"}`, or `{"na.me",a="b"}` for names that need quotes.
fn head(labels: &Labels) -> String {
    let name = labels.metric_name();
    let plain = is_legacy_metric_name(name);
    let mut parts: Vec<String> = Vec::new();
    if !plain {
        parts.push(quoted(name));
    }
    for label in labels.iter().filter(|l| l.name != METRIC_NAME) {
        let key = if is_legacy_label_name(label.name) { label.name.to_owned() } else { quoted(label.name) };
        parts.push(format!("{key}={}", quoted(label.value)));
    }
    let braces = if parts.is_empty() { String::new() } else { format!("{{{}}}", parts.join(",")) };
    if plain { format!("{name}{braces}") } else { braces }
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::openmetrics::{Item, parse_line};

    #[test]
    fn what_is_written_can_be_read() {
        let sets: [&[(&str, &str)]; 4] = [
            &[("__name__", "up")],
            &[("__name__", "a:1b:c"), ("x", "q\"\\\n,}{#"), ("é.1", "ü")],
            &[("__name__", "my.metric"), ("x", "1")],
            &[("__name__", "1x")],
        ];
        let values = [0.1, -0.0, f64::NAN, f64::INFINITY, 1e-320, 9_007_199_254_740_993.0];
        let times = [-1, -1_001, 0, 999, 1_000, 1_700_000_000_123];
        for set in sets {
            let labels = Labels::from_pairs(set.iter().copied());
            let mut text = Vec::new();
            put_series(&labels, &times, &values, &mut text).unwrap();
            let text = String::from_utf8(text).unwrap();
            for ((line, t), v) in text.lines().zip(times).zip(values) {
                let Ok(Some(Item::Sample { labels: read, timestamp, value, .. })) = parse_line(line) else {
                    panic!("{line}: {:?}", parse_line(line))
                };
                assert_eq!((read, timestamp), (labels.clone(), t), "{line}");
                assert!(value.to_bits() == v.to_bits() || value.is_nan() && v.is_nan(), "{line}");
            }
        }
    }
}
