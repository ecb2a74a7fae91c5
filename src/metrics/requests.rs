//! What is counted of HTTP requests, under the names and in the buckets of Prometheus and of Alertmanager.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::histogram::{GO_SECONDS, Histogram};
use super::{Counter, Gauge};
use crate::exposition::Exposition;

/// How one of the two names and cuts its families.
#[derive(Debug)]
struct Style {
    prefix: &'static str,
    seconds: &'static [f64],
    bytes: &'static [f64],
    /// Labels of the durations and of the sizes, sorted.
    duration_labels: &'static [Part],
    size_labels: &'static [Part],
}

/// A label of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Code,
    Handler,
    Method,
}

const PROMETHEUS: Style = Style {
    prefix: "prometheus_http",
    seconds: &[0.1, 0.2, 0.4, 1.0, 3.0, 8.0, 20.0, 60.0, 120.0],
    bytes: &[1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9],
    duration_labels: &[Part::Handler],
    size_labels: &[Part::Handler],
};

const ALERTMANAGER: Style = Style {
    prefix: "alertmanager_http",
    seconds: GO_SECONDS,
    bytes: &[1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8],
    duration_labels: &[Part::Code, Part::Handler, Part::Method],
    size_labels: &[Part::Handler, Part::Method],
};

/// What a request was: the narrowest thing that is counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    handler: Arc<str>,
    method: &'static str,
    code: u16,
}

#[derive(Clone, Debug)]
struct Seen {
    seconds: Histogram,
    bytes: Histogram,
}

/// Requests of one API.
#[derive(Debug)]
pub struct Requests {
    style: &'static Style,
    seen: Mutex<BTreeMap<Kind, Seen>>,
    /// GET requests being answered.
    pub getting: Gauge,
    /// GET requests turned away because too many were being answered.
    pub turned_away: Counter,
}

impl Requests {
    fn new(style: &'static Style) -> Requests {
        Requests { style, seen: Mutex::default(), getting: Gauge::default(), turned_away: Counter::default() }
    }

    /// Requests of Prometheus' API.
    pub fn prometheus() -> Requests {
        Requests::new(&PROMETHEUS)
    }

    /// Requests of Alertmanager's API.
    pub fn alertmanager() -> Requests {
        Requests::new(&ALERTMANAGER)
    }

    /// Counts one answered request: the route it took, how long that was, and the length of the body as sent.
    pub fn observe(&self, handler: &Arc<str>, method: &'static str, code: u16, took: Duration, bytes: u64) {
        let mut all = self.seen.lock();
        let seen = all.entry(Kind { handler: Arc::clone(handler), method, code }).or_insert_with(|| Seen {
            seconds: Histogram::new(self.style.seconds),
            bytes: Histogram::new(self.style.bytes),
        });
        seen.seconds.observe(took.as_secs_f64());
        seen.bytes.observe(bytes as f64);
    }

    /// Writes what Prometheus counts: requests, durations, sizes.
    pub fn expose_prometheus(&self, out: &mut Exposition) {
        let name = format!("{}_requests_total", self.style.prefix);
        out.family(&name, "counter", "Counter of HTTP requests.");
        for (labels, seconds) in self.by(&[Part::Code, Part::Handler], |seen| &seen.seconds) {
            out.sample(&name, &borrowed(&labels), seconds.count() as f64);
        }
        self.expose_histograms(out);
    }

    /// Writes what Alertmanager counts: durations, sizes, what is being answered and what is not.
    pub fn expose_alertmanager(&self, out: &mut Exposition) {
        self.expose_histograms(out);
        let get = [("method", "get")];
        let name = format!("{}_requests_in_flight", self.style.prefix);
        out.family(&name, "gauge", "Current number of HTTP requests being processed.");
        out.sample(&name, &get, self.getting.get() as f64);
        let name = format!("{}_concurrency_limit_exceeded_total", self.style.prefix);
        let help = "Total number of times an HTTP request failed because the concurrency limit was reached.";
        out.family(&name, "counter", help);
        out.sample(&name, &get, self.turned_away.get() as f64);
    }

    fn expose_histograms(&self, out: &mut Exposition) {
        let Style { prefix, duration_labels, size_labels, .. } = self.style;
        let mut family = |name: String, help: &str, children: BTreeMap<Vec<(&'static str, String)>, Histogram>| {
            out.family(&name, "histogram", help);
            children.iter().for_each(|(labels, histogram)| histogram.expose(out, &name, &borrowed(labels)));
        };
        let durations = self.by(duration_labels, |seen| &seen.seconds);
        family(format!("{prefix}_request_duration_seconds"), "Histogram of latencies for HTTP requests.", durations);
        let sizes = self.by(size_labels, |seen| &seen.bytes);
        family(format!("{prefix}_response_size_bytes"), "Histogram of response size for HTTP requests.", sizes);
    }

    /// One histogram for each combination of these labels.
    fn by(&self, parts: &[Part], pick: fn(&Seen) -> &Histogram) -> BTreeMap<Vec<(&'static str, String)>, Histogram> {
        let mut children = BTreeMap::new();
        for (kind, seen) in self.seen.lock().iter() {
            let label = |part: &Part| match part {
                Part::Code => ("code", kind.code.to_string()),
                Part::Handler => ("handler", kind.handler.to_string()),
                Part::Method => ("method", kind.method.to_owned()),
            };
            let one = pick(seen);
            let labels = parts.iter().map(label).collect();
            children.entry(labels).and_modify(|all: &mut Histogram| all.add(one)).or_insert_with(|| one.clone());
        }
        children
    }
}

fn borrowed<'a>(labels: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    labels.iter().map(|(name, text)| (*name, text.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(requests: &Requests) -> &Requests {
        let table = [
            ("/a", "get", 200, 4, 50),
            ("/a", "get", 503, 400, 500),
            ("/a", "post", 200, 4, 50),
            ("/b", "get", 200, 4, 5),
        ];
        for (handler, method, code, ms, bytes) in table {
            requests.observe(&handler.into(), method, code, Duration::from_millis(ms), bytes);
        }
        requests
    }

    fn lines(write: impl FnOnce(&mut Exposition), wanted: &str) -> Vec<String> {
        let mut out = Exposition::new();
        write(&mut out);
        out.into_text().lines().filter(|line| line.contains(wanted)).map(str::to_owned).collect()
    }

    #[test]
    fn as_prometheus_counts() {
        let requests = Requests::prometheus();
        observed(&requests);
        let expected = [
            r#"prometheus_http_requests_total{code="200",handler="/a"} 2"#,
            r#"prometheus_http_requests_total{code="200",handler="/b"} 1"#,
            r#"prometheus_http_requests_total{code="503",handler="/a"} 1"#,
        ];
        assert_eq!(lines(|out| requests.expose_prometheus(out), "_total{"), expected);
        let expected = [
            r#"prometheus_http_request_duration_seconds_count{handler="/a"} 3"#,
            r#"prometheus_http_request_duration_seconds_count{handler="/b"} 1"#,
            r#"prometheus_http_response_size_bytes_count{handler="/a"} 3"#,
            r#"prometheus_http_response_size_bytes_count{handler="/b"} 1"#,
        ];
        assert_eq!(lines(|out| requests.expose_prometheus(out), "_count{"), expected);
        let bounds = lines(|out| requests.expose_prometheus(out), r#"_duration_seconds_bucket{handler="/b""#);
        let le = |line: &String| line.split("le=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
        let expected = ["0.1", "0.2", "0.4", "1", "3", "8", "20", "60", "120", "+Inf"];
        assert_eq!(bounds.iter().map(le).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn as_alertmanager_counts() {
        let requests = Requests::alertmanager();
        observed(&requests).getting.add(2);
        requests.turned_away.add(1);
        let expected = [
            r#"alertmanager_http_request_duration_seconds_count{code="200",handler="/a",method="get"} 1"#,
            r#"alertmanager_http_request_duration_seconds_count{code="200",handler="/a",method="post"} 1"#,
            r#"alertmanager_http_request_duration_seconds_count{code="200",handler="/b",method="get"} 1"#,
            r#"alertmanager_http_request_duration_seconds_count{code="503",handler="/a",method="get"} 1"#,
            r#"alertmanager_http_response_size_bytes_count{handler="/a",method="get"} 2"#,
            r#"alertmanager_http_response_size_bytes_count{handler="/a",method="post"} 1"#,
            r#"alertmanager_http_response_size_bytes_count{handler="/b",method="get"} 1"#,
        ];
        assert_eq!(lines(|out| requests.expose_alertmanager(out), "_count{"), expected);
        let expected = [
            r#"alertmanager_http_requests_in_flight{method="get"} 2"#,
            r#"alertmanager_http_concurrency_limit_exceeded_total{method="get"} 1"#,
        ];
        assert_eq!(
            lines(|out| requests.expose_alertmanager(out), "http_"),
            lines(|out| requests.expose_alertmanager(out), "")
        );
        assert_eq!(lines(|out| requests.expose_alertmanager(out), r#"{method="get"} "#), expected);
        let sizes = lines(|out| requests.expose_alertmanager(out), r#"size_bytes_bucket{handler="/b""#);
        assert!(sizes.first().unwrap().ends_with(r#"le="100"} 1"#) && sizes[6].contains(r#"le="1e+08""#), "{sizes:?}");
        assert_eq!(sizes.len(), 8);
    }
}
