//! Native histograms as tests write them: `{{schema:1 count:3 sum:2 buckets:[1 2]}}`.

use std::collections::BTreeMap;

use nightjar_model::histogram::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint, Span};
use nightjar_model::number::format_g;
use nightjar_model::{FloatHistogram, STALE_NAN};

/// Most histograms one item may stand for.
pub(super) const MOST_REPETITIONS: u64 = 1_000_000;

/// The histograms of `{{a}}`, `{{a}}xN`, `{{a}}+{{b}}xN` or `{{a}}-{{b}}xN`.
pub(super) fn parse_item(item: &str) -> Result<Vec<FloatHistogram>, String> {
    let (first, rest) = one(item)?;
    let (step, rest) = match rest.strip_prefix(['+', '-']) {
        Some(text) => {
            let (step, after) = one(text)?;
            (Some((step, rest.starts_with('-'))), after)
        }
        None => (None, rest),
    };
    let more = match rest.strip_prefix('x') {
        Some(times) => times.parse::<u64>().map_err(|_| format!("bad repetition {times:?}"))?,
        None if rest.is_empty() => 0,
        None => return Err(format!("unexpected {rest:?} after a histogram")),
    };
    if more > MOST_REPETITIONS {
        return Err(format!("more than {MOST_REPETITIONS} repetitions"));
    }
    let mut histograms = vec![first.clone()];
    let mut current = first;
    for _ in 0..more {
        if let Some((step, minus)) = &step {
            let combined = if *minus { current.subtract(step) } else { current.add(step) };
            combined.map_err(|e| e.to_string())?;
        }
        histograms.push(current.clone());
    }
    Ok(histograms)
}

/// One `{{...}}` and what follows it.
fn one(text: &str) -> Result<(FloatHistogram, &str), String> {
    let (mut inside, rest) = text
        .strip_prefix("{{")
        .and_then(|t| t.split_once("}}"))
        .ok_or_else(|| format!("{text:?} is not a histogram"))?;
    let mut h = FloatHistogram::default();
    let (mut offset, mut negative_offset) = (0, 0);
    loop {
        inside = inside.trim_start();
        if inside.is_empty() {
            break;
        }
        let (key, value) = inside.split_once(':').ok_or_else(|| format!("{inside:?} has no value"))?;
        let end = match value.starts_with('[') {
            true => value.find(']').ok_or("a list is not closed")? + 1,
            false => value.find(char::is_whitespace).unwrap_or(value.len()),
        };
        let (value, after) = value.split_at(end);
        inside = after;
        match key.trim_end() {
            "schema" => h.schema = integer(value)?,
            "offset" => offset = integer(value)?,
            "n_offset" => negative_offset = integer(value)?,
            "sum" => h.sum = number(value)?,
            "count" => h.count = number(value)?,
            "z_bucket" => h.zero_count = number(value)?,
            "z_bucket_w" => h.zero_threshold = number(value)?,
            "buckets" => h.positive_buckets = list(value)?,
            "n_buckets" => h.negative_buckets = list(value)?,
            "custom_values" => h.custom_values = Some(list(value)?.into()),
            "counter_reset_hint" => h.counter_reset_hint = hint(value)?,
            other => return Err(format!("histograms have no {other:?}")),
        }
    }
    let span = |offset, buckets: &[f64]| match buckets.len() {
        0 => Vec::new(),
        length => vec![Span { offset, length: length as u32 }],
    };
    h.positive_spans = span(offset, &h.positive_buckets);
    h.negative_spans = span(negative_offset, &h.negative_buckets);
    if h.schema == CUSTOM_BUCKETS_SCHEMA && h.custom_values.is_none() {
        h.custom_values = Some([].into());
    }
    Ok((h, rest))
}

fn integer(text: &str) -> Result<i32, String> {
    text.parse().map_err(|_| format!("{text:?} is not an integer"))
}

fn number(text: &str) -> Result<f64, String> {
    if text == "stale" {
        return Ok(STALE_NAN);
    }
    text.parse().map_err(|_| format!("{text:?} is not a number"))
}

fn list(text: &str) -> Result<Vec<f64>, String> {
    text.trim_matches(['[', ']']).split_whitespace().map(number).collect()
}

fn hint(text: &str) -> Result<CounterResetHint, String> {
    match text {
        "unknown" => Ok(CounterResetHint::Unknown),
        "reset" => Ok(CounterResetHint::Reset),
        "not_reset" => Ok(CounterResetHint::NotReset),
        "gauge" => Ok(CounterResetHint::Gauge),
        other => Err(format!("bad histogram descriptor counter_reset_hint {other:?}")),
    }
}

/// A histogram in this form.
pub(super) fn print(h: &FloatHistogram) -> String {
    let mut parts = Vec::new();
    if h.schema != 0 {
        parts.push(format!("schema:{}", h.schema));
    }
    let numbers = [("count", h.count), ("sum", h.sum), ("z_bucket", h.zero_count), ("z_bucket_w", h.zero_threshold)];
    parts.extend(numbers.iter().filter(|(_, v)| *v != 0.0).map(|(name, v)| format!("{name}:{}", format_g(*v))));
    if h.uses_custom_buckets() {
        parts.push(format!("custom_values:{}", spaced(h.custom_values.as_deref().unwrap_or_default())));
    }
    match h.counter_reset_hint {
        CounterResetHint::Unknown => {}
        CounterResetHint::Reset => parts.push("counter_reset_hint:reset".to_owned()),
        CounterResetHint::NotReset => parts.push("counter_reset_hint:not_reset".to_owned()),
        CounterResetHint::Gauge => parts.push("counter_reset_hint:gauge".to_owned()),
    }
    let sides = [
        ("offset", "buckets", &h.positive_spans, &h.positive_buckets),
        ("n_offset", "n_buckets", &h.negative_spans, &h.negative_buckets),
    ];
    for (offset_name, name, spans, buckets) in sides {
        let (offset, dense) = dense(spans, buckets);
        if offset != 0 {
            parts.push(format!("{offset_name}:{offset}"));
        }
        if !dense.is_empty() {
            parts.push(format!("{name}:{}", spaced(&dense)));
        }
    }
    format!("{{{{{}}}}}", parts.join(" "))
}

fn spaced(values: &[f64]) -> String {
    format!("[{}]", values.iter().map(|v| format_g(*v)).collect::<Vec<_>>().join(" "))
}

/// All buckets from the first to the last that is not empty, and the index of the first.
fn dense(spans: &[Span], buckets: &[f64]) -> (i32, Vec<f64>) {
    let (mut index, mut counts) = (0i32, BTreeMap::new());
    let mut buckets = buckets.iter();
    for span in spans {
        index = index.saturating_add(span.offset);
        for count in buckets.by_ref().take(span.length as usize) {
            if *count != 0.0 {
                counts.insert(index, *count);
            }
            index = index.saturating_add(1);
        }
    }
    let (Some((first, _)), Some((last, _))) = (counts.first_key_value(), counts.last_key_value()) else {
        return (0, Vec::new());
    };
    // Prometheus' schemas have far fewer buckets; a gap wider than this is no test's.
    let last = (*last).min(first.saturating_add(100_000));
    (*first, (*first..=last).map(|i| counts.get(&i).copied().unwrap_or(0.0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let table = [
            "{{}}",
            "{{schema:1 count:32.1 sum:-0.3 z_bucket:7.1 z_bucket_w:0.05 offset:-3 buckets:[5.1 10 7] n_offset:-5 n_buckets:[4.1 5]}}",
            "{{schema:-53 count:3 sum:4 custom_values:[1 2] counter_reset_hint:gauge buckets:[1 0 2]}}",
        ];
        for text in table {
            let histograms = parse_item(text).unwrap();
            assert_eq!(histograms.iter().map(print).collect::<Vec<_>>(), [text]);
        }
        let grown = parse_item("{{sum:3 count:2 buckets:[2]}}+{{sum:1.3 count:1 buckets:[1]}}x2").unwrap();
        assert_eq!(grown.iter().map(print).next_back().as_deref(), Some("{{count:4 sum:5.6 buckets:[4]}}"));
        for bad in ["", "{{", "{{count}}", "{{x:1}}", "{{count:a}}", "{{}}y", "{{}}x9999999999", "{{buckets:[1}}"] {
            assert!(parse_item(bad).is_err(), "{bad}");
        }
    }
}
