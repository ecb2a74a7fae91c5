//! Pages and probes outside the API.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::layers::unavailable;
use super::respond;
use crate::app::App;
use crate::exposition;
use crate::store::Phase;

/// `GET /`.
pub(super) async fn home(State(app): State<Arc<App>>) -> Response {
    let title = escape(&app.settings.page_title);
    let base = escape(&app.settings.external_path);
    let mut page = format!("<!doctype html><meta charset=\"utf-8\"><title>{title}</title><h1>{title}</h1><ul>");
    let links = [
        ("/api/v1/query?query=vector(1)", "ask PromQL"),
        ("/api/v1/label/__name__/values", "metric names"),
        ("/api/v1/status/tsdb", "who has most series"),
        ("/api/v1/status/flags", "flags"),
        ("/metrics", "metrics of this server"),
    ];
    for (path, text) in links {
        page.push_str(&format!("<li><a href=\"{base}{path}\">{text}</a>"));
    }
    page.push_str("</ul><p>Send data: <code>remote_write: [{url: \"http://&lt;this host&gt;/api/v1/write\"}]</code>\n");
    let mut response = respond::with_type(StatusCode::OK, "text/html; charset=utf-8", Body::from(page));
    let policy = HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// Keeps the method: 308.
pub(super) async fn redirect(target: String) -> Response {
    let mut response = respond::empty(StatusCode::PERMANENT_REDIRECT);
    if let Ok(target) = HeaderValue::from_str(&target) {
        response.headers_mut().insert(header::LOCATION, target);
    }
    response
}

/// `GET /metrics`.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let text = tokio::task::spawn_blocking(move || app.exposition()).await.unwrap_or_default();
    respond::with_type(StatusCode::OK, exposition::CONTENT_TYPE, Body::from(text))
}

/// `GET|HEAD /-/healthy`.
pub(super) async fn healthy() -> Response {
    respond::text(StatusCode::OK, "Nightjar is Healthy.\n")
}

/// `GET|HEAD /-/ready`.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    match app.store.phase() {
        Phase::Ready => respond::text(StatusCode::OK, "Nightjar is Ready.\n"),
        phase => unavailable(phase),
    }
}
