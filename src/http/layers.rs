//! What happens around handlers: readiness, CORS.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::respond;
use crate::app::App;
use crate::store::Phase;

/// Answers 503 until the store is open, and once the server goes down.
pub(super) async fn when_ready(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    match app.store.phase() {
        Phase::Ready => next.run(request).await,
        phase => unavailable(phase),
    }
}

/// As Prometheus says it: 503, and whether waiting helps.
pub(super) fn unavailable(phase: Phase) -> Response {
    let mut response = respond::text(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable\n");
    let stopping = HeaderValue::from_static(if phase == Phase::Stopping { "true" } else { "false" });
    response.headers_mut().insert("x-prometheus-stopping", stopping);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

/// Lets scripts of allowed origins read the API. Routes that change something never allow it.
pub(super) async fn cors(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let path = request.uri().path();
    let api = path.contains("/api/");
    let readable = api
        && !changes_alerts(&request)
        && !super::WRITE_PATHS.iter().any(|write| path.ends_with(write))
        && !path.contains("/admin/");
    let mut response = if api && request.method() == Method::OPTIONS {
        respond::empty(StatusCode::NO_CONTENT)
    } else {
        next.run(request).await
    };
    if let (Some(origin), true) = (origin, readable) {
        allow(response.headers_mut(), &app, origin);
    }
    response
}

/// Whether it changes alerts or silences, or asks whether it may.
fn changes_alerts(request: &Request) -> bool {
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD).and_then(|method| method.to_str().ok());
    let method = match *request.method() {
        Method::OPTIONS => asked.unwrap_or("GET"),
        _ => request.method().as_str(),
    };
    request.uri().path().contains("/api/v2/") && !matches!(method, "GET" | "HEAD")
}

fn allow(headers: &mut HeaderMap, app: &App, origin: HeaderValue) {
    let fixed = [
        ("access-control-allow-headers", "Accept, Authorization, Content-Type, Origin"),
        ("access-control-allow-methods", "GET, POST, OPTIONS"),
        ("access-control-expose-headers", "Date"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    match &app.settings.cors_origin {
        None => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        Some(pattern) if origin.to_str().is_ok_and(|origin| pattern.is_match(origin)) => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        Some(_) => {}
    }
}
