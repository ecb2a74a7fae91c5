//! The server's answer, read.

use std::collections::BTreeMap;

use nightjar_model::Labels;
use serde::Deserialize;
use serde_json::Value;

use super::queries::Query;

/// What was answered, and what the server remarked.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) data: Data,
    /// `warning: ...`, `info: ...`.
    pub(super) notes: Vec<String>,
}

/// What was answered.
#[derive(Debug)]
pub(super) enum Data {
    /// A number or a text.
    Single(String),
    /// Series with points in time order.
    Series(Vec<Series>),
    /// Label names or values.
    Names(Vec<String>),
    /// Label sets.
    Sets(Vec<Labels>),
    /// Queries as the server sees them.
    Queries(Vec<Query>),
    /// A sentence.
    Done(String),
}

/// One series.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) labels: Labels,
    /// Time in seconds and value as text; a native histogram is shown in short.
    pub(super) points: Vec<(f64, String)>,
}

#[derive(Deserialize)]
struct Envelope {
    status: String,
    #[serde(default)]
    data: Value,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

impl Answer {
    /// Reads a body; an error of the server becomes ours.
    pub(super) fn read(body: &[u8]) -> Result<Answer, String> {
        let Ok(envelope) = serde_json::from_slice::<Envelope>(body) else {
            let text = String::from_utf8_lossy(&body[..body.len().min(200)]).trim().to_owned();
            return Err(if text.is_empty() { "the server sent an empty answer".to_owned() } else { text });
        };
        if envelope.status != "success" {
            return Err(envelope.error);
        }
        let notes = envelope.warnings.iter().map(|w| format!("warning: {w}"));
        let notes = notes.chain(envelope.infos.iter().map(|i| format!("info: {i}"))).collect();
        let data = data(envelope.data).ok_or("the answer is not understood; is this a Prometheus API?")?;
        Ok(Answer { data, notes })
    }
}

fn data(value: Value) -> Option<Data> {
    let Value::Array(items) = value else { return result(&value) };
    if items.iter().all(Value::is_string) {
        return Some(Data::Names(items.into_iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()));
    }
    Some(Data::Sets(items.iter().map(labels).collect::<Option<_>>()?))
}

fn result(value: &Value) -> Option<Data> {
    if let Some(id) = value.get("canceled").and_then(Value::as_str) {
        return Some(Data::Done(format!("query {id} was asked to stop")));
    }
    if let Some(list) = ["running", "recent"].iter().find_map(|name| value.get(name)?.as_array()) {
        return Some(Data::Queries(list.iter().map(Query::read).collect::<Option<_>>()?));
    }
    let result = value.get("result")?;
    match value.get("resultType")?.as_str()? {
        "scalar" | "string" => Some(Data::Single(point(result)?.1)),
        "vector" | "matrix" => Some(Data::Series(result.as_array()?.iter().map(series).collect::<Option<_>>()?)),
        _ => None,
    }
}

fn series(value: &Value) -> Option<Series> {
    let mut points = Vec::new();
    for member in ["value", "histogram"] {
        points.extend(value.get(member).and_then(point));
    }
    for member in ["values", "histograms"] {
        points.extend(value.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(point));
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    Some(Series { labels: labels(value.get("metric")?)?, points })
}

fn point(value: &Value) -> Option<(f64, String)> {
    let time = value.get(0)?.as_f64()?;
    match value.get(1)? {
        Value::String(text) => Some((time, text.clone())),
        histogram => {
            let member = |name: &str| histogram.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
            Some((time, format!("{{count:{}, sum:{}}}", member("count"), member("sum"))))
        }
    }
}

fn labels(value: &Value) -> Option<Labels> {
    let pairs: BTreeMap<String, String> = serde_json::from_value(value.clone()).ok()?;
    Some(Labels::from_pairs(pairs))
}

/// A series as people write it: `up{job="x"}`.
pub(super) fn title(labels: &Labels) -> String {
    let name = labels.metric_name();
    if name.is_empty() || !nightjar_model::labels::is_legacy_metric_name(name) {
        return crate::safe_text::escaped(&labels.to_string());
    }
    let rest = labels.drop(&[nightjar_model::labels::METRIC_NAME]);
    let rest = if rest.is_empty() { String::new() } else { rest.to_string() };
    crate::safe_text::escaped(&format!("{name}{rest}"))
}
