//! A server somewhere, asked over HTTP.

use std::collections::{BTreeMap, HashMap};

use nightjar_model::{Labels, TimestampMs};
use nightjar_platform::net::percent::percent_encode;
use nightjar_query::{SampleValue, VectorSample};
use nightjar_ruler::Expression;
use nightjar_ruler::replay::History;
use serde_json::Value;

use crate::client::connection::{Content, Url, exchange};

/// A server somewhere.
pub(super) struct Remote {
    url: Url,
}

impl Remote {
    pub(super) fn new(server: &str) -> Result<Remote, String> {
        Ok(Remote { url: Url::parse(server)? })
    }

    fn ask(&self, path: &str, form: &[(&str, String)]) -> Result<Value, String> {
        let pairs: Vec<String> = form.iter().map(|(name, text)| format!("{name}={}", percent_encode(text))).collect();
        let (status, body) = exchange(&self.url, "POST", path, Content::form(&pairs.join("&")))?;
        let answer: Value = serde_json::from_slice(&body).map_err(|_| {
            format!("the server answers {status}: {}", String::from_utf8_lossy(&body[..body.len().min(200)]))
        })?;
        match answer["status"] == "success" {
            true => Ok(answer["data"]["result"].clone()),
            false => Err(answer["error"].as_str().unwrap_or("the server gives no reason").to_owned()),
        }
    }

    /// Posts a snappy-compressed remote write request; an answer that is no success becomes the error.
    pub(super) fn write(&self, body: &[u8]) -> Result<(), String> {
        let headers = [
            ("Content-Type", "application/x-protobuf"),
            ("Content-Encoding", "snappy"),
            ("X-Prometheus-Remote-Write-Version", "0.1.0"),
        ];
        let content = Content { headers: &headers, bytes: body };
        match exchange(&self.url, "POST", "/api/v1/write", content)? {
            (200..=299, _) => Ok(()),
            (_, reason) => Err(String::from_utf8_lossy(&reason).trim().to_owned()),
        }
    }
}

impl History for Remote {
    fn range(
        &self,
        expr: &Expression,
        start: TimestampMs,
        end: TimestampMs,
        step_ms: i64,
    ) -> Result<HashMap<TimestampMs, Vec<VectorSample>>, String> {
        let form = [
            ("query", expr.source.clone()),
            ("start", seconds(start)),
            ("end", seconds(end)),
            ("step", seconds(step_ms)),
        ];
        let result = self.ask("/api/v1/query_range", &form)?;
        let mut by_time: HashMap<TimestampMs, Vec<VectorSample>> = HashMap::new();
        for series in result.as_array().into_iter().flatten() {
            let labels = labels(&series["metric"]);
            if series.get("histograms").is_some() {
                return Err("native histograms cannot be read over HTTP without loss".to_owned());
            }
            for point in series["values"].as_array().into_iter().flatten() {
                let sample = sample(&labels, point).ok_or("the answer is not understood")?;
                by_time.entry(sample.timestamp).or_default().push(sample);
            }
        }
        Ok(by_time)
    }

    fn text(&self, text: &str, at: TimestampMs) -> Result<Vec<VectorSample>, String> {
        let result = self.ask("/api/v1/query", &[("query", text.to_owned()), ("time", seconds(at))])?;
        if result.as_array().is_some_and(|list| list.first().is_none_or(Value::is_object)) {
            let series = result.as_array().into_iter().flatten();
            let samples = series.map(|series| sample(&labels(&series["metric"]), &series["value"]));
            return samples.collect::<Option<_>>().ok_or_else(|| "the answer is not understood".to_owned());
        }
        // A scalar.
        sample(&Labels::empty(), &result).map(|s| vec![s]).ok_or_else(|| "the answer is not understood".to_owned())
    }
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000))
}

fn labels(metric: &Value) -> Labels {
    let pairs: BTreeMap<String, String> = serde_json::from_value(metric.clone()).unwrap_or_default();
    Labels::from_pairs(pairs)
}

fn sample(labels: &Labels, point: &Value) -> Option<VectorSample> {
    let timestamp = (point.get(0)?.as_f64()? * 1000.0).round() as TimestampMs;
    let value = match point.get(1)?.as_str()? {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        text => text.parse().ok()?,
    };
    Some(VectorSample { labels: labels.clone(), timestamp, value: SampleValue::Float(value) })
}
