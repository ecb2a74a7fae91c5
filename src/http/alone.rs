//! The routes of `nightjar alertmanager`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get, post};
use tokio::sync::Semaphore;

use super::meter::{self, Meter};
use super::{gzip, method_not_allowed, pages, respond, v2};
use crate::alerting::service::Alerting;
use crate::app;
use crate::exposition::{self, Exposition};
use crate::metrics::Metrics;
use crate::rules::alerts::AlertSink;

/// How a router that stands alone answers.
#[derive(Clone, Debug)]
pub struct AloneOptions {
    /// Prefix of all routes: empty, or `/path` without a slash at the end.
    pub prefix: String,
    /// Most GET requests at once.
    pub get_concurrency: usize,
    /// How long a request may take; zero = no limit.
    pub timeout: Duration,
}

/// All routes of a router that stands alone.
pub fn alone(alerting: &Arc<Alerting>, options: &AloneOptions, metrics: &Arc<Metrics>) -> Router {
    let (shown, own) = (Arc::clone(alerting), Arc::clone(metrics));
    let reloaded = Arc::clone(alerting);
    let tree = v2::routes(alerting)
        .with_state(())
        .route("/", get(home))
        .route("/-/healthy", get(ok))
        .route("/-/ready", get(ok))
        .route("/-/reload", post(move || reload(Arc::clone(&reloaded))))
        .route("/metrics", get(move || page(Arc::clone(&shown), Arc::clone(&own))))
        .route("/api/v1/{*path}", any(gone));
    let router = match options.prefix.as_str() {
        "" => tree,
        prefix => {
            let target = format!("{prefix}/");
            Router::new().nest(prefix, tree).route("/", any(move || pages::redirect(target.clone())))
        }
    };
    let places = Arc::new(Semaphore::new(options.get_concurrency));
    let limits = Limits { places, options: options.clone(), metrics: Arc::clone(metrics) };
    let prefix = options.prefix.as_str().into();
    let meter = Meter { clock: alerting.clock(), metrics: Arc::clone(metrics), prefix, alone: true };
    router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(gzip::compress))
        .layer(from_fn_with_state(limits, limited))
        .layer(from_fn_with_state(meter, meter::count))
}

#[derive(Clone)]
struct Limits {
    places: Arc<Semaphore>,
    options: AloneOptions,
    metrics: Arc<Metrics>,
}

/// Answers 503 when too many ask at once, or when an answer takes too long.
async fn limited(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let AloneOptions { get_concurrency, timeout, .. } = limits.options;
    let full = || {
        let text = format!("Limit of concurrent GET requests reached ({get_concurrency}), try again later.\n");
        respond::text(StatusCode::SERVICE_UNAVAILABLE, text)
    };
    let _place = match (request.method() == Method::GET).then(|| limits.places.try_acquire()) {
        Some(Ok(place)) => Some(place),
        Some(Err(_)) => {
            limits.metrics.http.alertmanager.turned_away.add(1);
            return full();
        }
        None => None,
    };
    if timeout.is_zero() {
        return next.run(request).await;
    }
    match tokio::time::timeout(timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let text = format!("Exceeded configured timeout of {}.\n", crate::units::format_duration(timeout));
            respond::text(StatusCode::SERVICE_UNAVAILABLE, text)
        }
    }
}

async fn ok() -> Response {
    respond::text(StatusCode::OK, "OK")
}

async fn home() -> Response {
    respond::text(
        StatusCode::OK,
        "This is the router of Nightjar. Ask it with amtool, or see /api/v2/alerts, /api/v2/silences, /metrics.\n",
    )
}

async fn reload(alerting: Arc<Alerting>) -> Response {
    let outcome = tokio::task::spawn_blocking(move || alerting.reload()).await;
    match outcome.unwrap_or_else(|_| Err("the server is stopping".to_owned())) {
        Ok(()) => respond::text(StatusCode::OK, ""),
        Err(reason) => {
            tracing::error!(error = reason, "Loading configuration file failed; the old one stays in force");
            let sentence = format!("failed to reload config: {reason}\n");
            respond::text(StatusCode::INTERNAL_SERVER_ERROR, sentence)
        }
    }
}

async fn page(alerting: Arc<Alerting>, metrics: Arc<Metrics>) -> Response {
    let write = move || {
        let mut out = Exposition::new();
        app::build_info(&mut out);
        app::process(&mut out);
        metrics.http.expose_alone(&mut out);
        AlertSink::expose(&*alerting, &mut out);
        out.into_text()
    };
    let text = tokio::task::spawn_blocking(write).await.unwrap_or_default();
    respond::with_type(StatusCode::OK, exposition::CONTENT_TYPE, Body::from(text))
}

async fn gone() -> Response {
    let text = "{\"status\":\"deprecated\",\"error\":\"The Alertmanager v1 API was deprecated in version 0.16.0 and is removed as of version 0.27.0 - please use the equivalent route in the v2 API\"}\n";
    respond::json(StatusCode::GONE, text)
}

async fn not_found(uri: Uri) -> Response {
    if uri.path().contains("/api/v2/") {
        let message = format!("path {} was not found", uri.path());
        let mut out = b"{\"code\":404,\"message\":".to_vec();
        super::json::string(&mut out, &message);
        out.push(b'}');
        return respond::json(StatusCode::NOT_FOUND, out);
    }
    respond::text(StatusCode::NOT_FOUND, "404 page not found\n")
}
