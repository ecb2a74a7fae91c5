//! Counts requests to known routes, outside of everything else: how they end, how long that takes, how much is sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use nightjar_platform::Clock;

use crate::metrics::Metrics;
use crate::metrics::requests::Requests;

/// Who counts, and how routes are named.
#[derive(Clone)]
pub(super) struct Meter {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
    /// What stands in front of all routes and is no part of their names.
    pub(super) prefix: Arc<str>,
    /// Whether there is only Alertmanager's API.
    pub(super) alone: bool,
}

impl Meter {
    /// The name of a route, and whether it belongs to Alertmanager's API.
    fn handler(&self, route: &str) -> (Arc<str>, bool) {
        let path = route.strip_prefix(&*self.prefix).filter(|path| path.starts_with('/')).unwrap_or(route);
        let below = path.strip_prefix("/prometheus").filter(|path| path.starts_with('/') && !self.alone);
        match below.unwrap_or(path) {
            path if path.starts_with("/api/v2/") => (path.into(), true),
            path if super::WRITE_PATHS.contains(&path) => ("/api/v1/write".into(), false),
            // Parameters as Prometheus' own router has them: `:name`, `*path`.
            path => (path.replace("{*", "*").replace('{', ":").replace('}', "").into(), self.alone),
        }
    }
}

/// Counts a request when its answer has been sent.
pub(super) async fn count(State(meter): State<Meter>, request: Request, next: Next) -> Response {
    let Some(route) = request.extensions().get::<MatchedPath>() else { return next.run(request).await };
    let asked = Asked::new(meter, route.as_str(), request.method());
    let response = next.run(request).await;
    let code = response.status().as_u16();
    match response.body().size_hint().exact() {
        Some(bytes) => {
            asked.answered(code, bytes);
            response
        }
        None => response.map(|body| Body::new(CountedBody { body, bytes: 0, code, asked })),
    }
}

/// A request that is being answered.
struct Asked {
    meter: Meter,
    handler: Arc<str>,
    alertmanager: bool,
    method: &'static str,
    begin: Duration,
}

impl Asked {
    fn new(meter: Meter, route: &str, method: &Method) -> Asked {
        let (handler, alertmanager) = meter.handler(route);
        let asked = Asked { begin: meter.clock.monotonic(), method: name_of(method), meter, handler, alertmanager };
        asked.getting(1);
        asked
    }

    fn requests(&self) -> &Requests {
        let http = &self.meter.metrics.http;
        if self.alertmanager { &http.alertmanager } else { &http.prometheus }
    }

    fn getting(&self, n: i64) {
        if self.method == "get" {
            self.requests().getting.add(n);
        }
    }

    fn answered(&self, code: u16, bytes: u64) {
        let took = self.meter.clock.monotonic().saturating_sub(self.begin);
        self.requests().observe(&self.handler, self.method, code, took, bytes);
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.getting(-1);
    }
}

fn name_of(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["get", "put", "head", "post", "delete", "connect", "options", "trace", "patch"];
    KNOWN.into_iter().find(|name| method.as_str().eq_ignore_ascii_case(name)).unwrap_or("unknown")
}

/// A body whose length nobody knows before it has been sent, or given up.
struct CountedBody {
    body: Body,
    bytes: u64,
    code: u16,
    asked: Asked,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for CountedBody {
    fn drop(&mut self) {
        self.asked.answered(self.code, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightjar_platform::RealClock;

    #[test]
    fn names_of_routes() {
        let meter = |prefix: &str, alone| Meter {
            clock: Arc::new(RealClock::new()),
            metrics: Arc::default(),
            prefix: prefix.into(),
            alone,
        };
        let table = [
            ("", false, "/api/v1/query", "/api/v1/query", false),
            ("/x", false, "/x/api/v1/label/{name}/values", "/api/v1/label/:name/values", false),
            ("/x", false, "/prometheus/api/v1/query", "/api/v1/query", false),
            ("", false, "/prometheus/api/v2/silence/{silenceID}", "/api/v2/silence/{silenceID}", true),
            ("", false, "/insert/0/prometheus/api/v1/write", "/api/v1/write", false),
            ("", false, "/prometheus/v1/write", "/api/v1/write", false),
            ("/x", false, "/", "/", false),
            ("/am", true, "/am/metrics", "/metrics", true),
            ("/am", true, "/am/api/v1/{*path}", "/api/v1/*path", true),
        ];
        for (prefix, alone, route, name, alertmanager) in table {
            let (handler, belongs) = meter(prefix, alone).handler(route);
            assert_eq!((&*handler, belongs), (name, alertmanager), "{route}");
        }
        assert_eq!((name_of(&Method::GET), name_of(&Method::from_bytes(b"BREW").unwrap())), ("get", "unknown"));
    }
}
