//! A server somewhere, asked over HTTP.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::time::Duration;

use nightjar_model::{Labels, TimestampMs};
use nightjar_platform::net::{Net, RealNet, Timeouts};
use nightjar_query::{SampleValue, VectorSample};
use nightjar_ruler::Expression;
use nightjar_ruler::replay::History;
use serde_json::Value;

use crate::client::connection::{Url, exchange};

/// A server somewhere.
pub(super) struct Remote {
    url: Url,
    address: String,
}

impl Remote {
    pub(super) fn new(server: &str) -> Result<Remote, String> {
        let address = server.split_once("://").map_or(server, |(_, rest)| rest).trim_end_matches('/').to_owned();
        Ok(Remote { url: Url::parse(server)?, address })
    }

    fn ask(&self, path: &str, form: &[(&str, String)]) -> Result<Value, String> {
        let pairs: Vec<String> = form.iter().map(|(name, text)| format!("{name}={}", escaped(text))).collect();
        let kind = "application/x-www-form-urlencoded";
        let (status, body) = exchange(&self.url, "POST", path, kind, &pairs.join("&"))?;
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
        let failed = |e: std::io::Error| format!("cannot reach {}: {e}", self.address);
        let (authority, prefix) =
            self.address.find('/').map_or((&*self.address, ""), |slash| self.address.split_at(slash));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().unwrap_or(80)),
            _ => (authority, 80),
        };
        let wait = Duration::from_secs(60);
        let timeouts = Timeouts { connect: wait, read: wait, write: wait };
        let addresses = RealNet.resolve(host.trim_matches(['[', ']']), port).map_err(failed)?;
        let address = addresses.first().copied().ok_or_else(|| format!("{host} has no address"))?;
        let mut stream = RealNet.connect(address, timeouts).map_err(failed)?;
        let head = format!(
            "POST {prefix}/api/v1/write HTTP/1.1\r\nHost: {authority}\r\nContent-Type: application/x-protobuf\r\n\
             Content-Encoding: snappy\r\nX-Prometheus-Remote-Write-Version: 0.1.0\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).map_err(failed)?;
        let mut answer = Vec::new();
        stream.take(64 << 10).read_to_end(&mut answer).map_err(failed)?;
        let text = String::from_utf8_lossy(&answer);
        let status = text.split(' ').nth(1).unwrap_or("");
        match status.starts_with('2') {
            true => Ok(()),
            false => Err(text.split_once("\r\n\r\n").map_or("no answer", |(_, body)| body).trim().to_owned()),
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

fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|b| if plain(b) { (b as char).to_string() } else { format!("%{b:02X}") }).collect()
}
