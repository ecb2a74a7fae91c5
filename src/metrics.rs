//! What the server counts about itself.

pub mod histogram;
pub mod requests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::exposition::Exposition;
use histogram::Histogram;
use requests::Requests;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The current count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Adds, or takes away.
    pub fn add(&self, n: i64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Replaces the value.
    pub fn set(&self, n: i64) {
        self.0.store(n, Ordering::Relaxed);
    }

    /// The current value.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the HTTP layer counts.
#[derive(Debug)]
pub struct HttpMetrics {
    /// Requests of Prometheus' API, and of what is ours.
    pub prometheus: Requests,
    /// Requests of Alertmanager's API.
    pub alertmanager: Requests,
    /// Open connections.
    pub connections: Gauge,
    /// Connections cut because the client was too slow.
    pub connections_cut: Counter,
}

impl Default for HttpMetrics {
    fn default() -> HttpMetrics {
        HttpMetrics {
            prometheus: Requests::prometheus(),
            alertmanager: Requests::alertmanager(),
            connections: Gauge::default(),
            connections_cut: Counter::default(),
        }
    }
}

impl HttpMetrics {
    /// Writes all of it but the requests of Prometheus' API.
    pub fn expose_alone(&self, out: &mut Exposition) {
        self.alertmanager.expose_alertmanager(out);
        out.gauge("nightjar_http_connections", "Open connections.", self.connections.get() as f64);
        let help = "Connections closed because the client sent or read too slowly.";
        out.counter("nightjar_http_connections_cut_total", help, self.connections_cut.get() as f64);
    }

    fn expose(&self, out: &mut Exposition) {
        self.prometheus.expose_prometheus(out);
        self.expose_alone(out);
    }
}

/// Upper bounds of the time a query takes, in seconds.
const QUERY_SECONDS: &[f64] = &[0.001, 0.005, 0.025, 0.1, 0.2, 0.4, 1.0, 3.0, 8.0, 20.0, 60.0, 120.0];

/// What the query pool counts.
#[derive(Debug)]
pub struct QueryMetrics {
    /// Queries running now.
    pub running: Gauge,
    /// Queries waiting for a place.
    pub waiting: Gauge,
    /// Finished queries.
    pub finished: Counter,
    /// Failed queries, of whatever cause.
    pub failed: Counter,
    /// Samples looked at.
    pub samples: Counter,
    /// Seconds spent evaluating.
    pub durations: Mutex<Histogram>,
}

impl Default for QueryMetrics {
    fn default() -> QueryMetrics {
        QueryMetrics {
            running: Gauge::default(),
            waiting: Gauge::default(),
            finished: Counter::default(),
            failed: Counter::default(),
            samples: Counter::default(),
            durations: Mutex::new(Histogram::new(QUERY_SECONDS)),
        }
    }
}

impl QueryMetrics {
    fn expose(&self, out: &mut Exposition, max_concurrency: usize) {
        out.gauge("prometheus_engine_queries", "Queries running now.", self.running.get() as f64);
        let help = "Most queries that run at once.";
        out.gauge("prometheus_engine_queries_concurrent_max", help, max_concurrency as f64);
        out.gauge("nightjar_queries_waiting", "Queries waiting for a place.", self.waiting.get() as f64);
        out.counter("nightjar_queries_total", "Finished queries.", self.finished.get() as f64);
        out.counter("nightjar_queries_failed_total", "Queries without an answer.", self.failed.get() as f64);
        let help = "Samples looked at by queries.";
        out.counter("prometheus_engine_query_samples_total", help, self.samples.get() as f64);
        let name = "nightjar_query_duration_seconds";
        out.family(name, "histogram", "Time spent evaluating a query, waiting not included.");
        self.durations.lock().expose(out, name, &[("slice", "inner_eval")]);
    }
}

/// What the write path counts.
#[derive(Debug, Default)]
pub struct WriteMetrics {
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    /// Bytes received, as sent.
    pub bytes: Counter,
    /// Samples, histograms and exemplars stored.
    pub items: Counter,
    /// Items refused.
    pub rejected: Counter,
    /// Requests turned away because too much was in flight.
    pub overloaded: Counter,
    /// Bytes of requests in flight.
    pub in_flight_bytes: Gauge,
}

impl WriteMetrics {
    /// Counts one answered request of a protocol.
    pub fn answered(&self, protocol: &'static str, status: u16) {
        *self.requests.lock().entry((protocol, status)).or_default() += 1;
    }

    fn expose(&self, out: &mut Exposition) {
        let name = "nightjar_write_requests_total";
        out.family(name, "counter", "Write requests by protocol and status.");
        for ((protocol, code), count) in self.requests.lock().iter() {
            out.sample(name, &[("protocol", protocol), ("code", &code.to_string())], *count as f64);
        }
        let counters = [
            ("nightjar_write_received_bytes_total", "Bytes of write requests as sent.", &self.bytes),
            ("nightjar_write_items_total", "Samples, histograms and exemplars stored.", &self.items),
            ("nightjar_write_rejected_items_total", "Items refused as invalid.", &self.rejected),
            ("nightjar_write_overloaded_total", "Requests turned away for lack of room.", &self.overloaded),
        ];
        for (name, help, counter) in counters {
            out.counter(name, help, counter.get() as f64);
        }
        let help = "Bytes of write requests being worked on.";
        out.gauge("nightjar_write_in_flight_bytes", help, self.in_flight_bytes.get() as f64);
    }
}

/// Everything the server counts about itself.
#[derive(Debug, Default)]
pub struct Metrics {
    /// HTTP.
    pub http: HttpMetrics,
    /// Queries.
    pub query: QueryMetrics,
    /// Writes.
    pub write: WriteMetrics,
}

impl Metrics {
    /// Writes all of it.
    pub fn expose(&self, out: &mut Exposition, max_concurrency: usize) {
        self.http.expose(out);
        self.query.expose(out, max_concurrency);
        self.write.expose(out);
    }
}
