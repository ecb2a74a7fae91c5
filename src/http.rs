//! The HTTP API: Prometheus' routes, and the names other receivers gave to the same things.

mod admin;
mod alone;
mod answer;
mod error;
mod exemplars;
mod features;
mod federate;
mod graph;
mod gzip;
mod histogram;
mod json;
mod layers;
mod lifecycle;
mod lookup;
mod matchers;
mod metadata;
mod meter;
mod origin;
mod pages;
mod params;
mod peers;
mod queries;
mod query;
mod respond;
mod rule_groups;
mod ruler_api;
mod rules;
mod stats;
mod status;
mod syntax;
pub(crate) mod time;
mod tree;
mod unescape;
mod v2;
mod write;

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, delete, get, post};

use crate::app::App;
pub use alone::{AloneOptions, alone};
use error::{ApiError, ErrorType};
use meter::Meter;
pub use peers::peers;

/// Where remote write arrives, and under which names other receivers taught senders to find it.
const WRITE_PATHS: [&str; 7] = [
    "/api/v1/write",
    // Mimir.
    "/api/v1/push",
    // Cortex.
    "/api/prom/push",
    // Thanos.
    "/api/v1/receive",
    // With the prefix /prometheus: what n9e tells its agents.
    "/v1/write",
    // VictoriaMetrics' cluster.
    "/insert/0/prometheus/api/v1/write",
    "/insert/0/prometheus",
];

/// All routes, below the route prefix and below `/prometheus`.
pub fn router(app: Arc<App>) -> Router {
    let prefix = app.settings.route_prefix.clone();
    let mut router = Router::new();
    for place in [prefix.as_str(), "/prometheus"] {
        let tree = tree(&app).merge(v2::routes(&app.alerting).with_state(()));
        router = if place.is_empty() { router.merge(tree) } else { router.nest(place, tree) };
        if place == "/prometheus" {
            break;
        }
    }
    if !prefix.is_empty() {
        let target = format!("{prefix}/");
        router = router.route("/", any(move || pages::redirect(target.clone())));
    }
    let (clock, metrics) = (Arc::clone(&app.clock), Arc::clone(&app.metrics));
    let meter = Meter { clock, metrics, prefix: prefix.into(), alone: false };
    router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(gzip::compress))
        .layer(from_fn_with_state(Arc::clone(&app), layers::cors))
        .layer(from_fn_with_state(meter, meter::count))
        .with_state(app)
}

fn tree(app: &Arc<App>) -> Router<Arc<App>> {
    let mut router = Router::new();
    for (path, methods) in api_routes() {
        let methods = methods.layer(from_fn_with_state(Arc::clone(app), layers::when_ready));
        router = router.route(path, methods);
    }
    for path in WRITE_PATHS {
        router = router.route(path, post(write::write).get(write::probe));
    }
    for (path, methods) in always_routes() {
        router = router.route(path, methods);
    }
    router
}

/// Routes that need the store.
fn api_routes() -> Vec<(&'static str, MethodRouter<Arc<App>>)> {
    vec![
        ("/api/v1/query", get(query::instant).post(query::instant)),
        ("/api/v1/query_range", get(query::range).post(query::range)),
        ("/api/v1/query_exemplars", get(exemplars::exemplars).post(exemplars::exemplars)),
        ("/api/v1/format_query", get(syntax::format_query).post(syntax::format_query)),
        ("/api/v1/parse_query", get(syntax::parse_query).post(syntax::parse_query)),
        ("/api/v1/labels", get(lookup::label_names).post(lookup::label_names)),
        ("/api/v1/label/{name}/values", get(lookup::label_values)),
        ("/api/v1/series", get(lookup::series).post(lookup::series)),
        ("/api/v1/metadata", get(metadata::metadata)),
        ("/api/v1/rules", get(rule_groups::rules)),
        ("/api/v1/alerts", get(rule_groups::alerts)),
        ("/config/v1/rules", get(ruler_api::all)),
        (
            "/config/v1/rules/{namespace}",
            get(ruler_api::one_namespace).post(ruler_api::put).delete(ruler_api::remove_namespace),
        ),
        ("/config/v1/rules/{namespace}/{group}", get(ruler_api::one_group).delete(ruler_api::remove_group)),
        ("/api/v1/alertmanagers", get(rule_groups::alertmanagers)),
        ("/api/v1/targets", get(rules::targets)),
        ("/api/v1/scrape_pools", get(rules::scrape_pools)),
        ("/api/v1/targets/metadata", get(rules::nothing)),
        ("/api/v1/status/tsdb", get(status::tsdb)),
        ("/api/v1/status/config", get(status::config)),
        ("/api/v1/status/runtimeinfo", get(status::runtime_info)),
        ("/api/v1/status/buildinfo", get(status::build_info)),
        ("/api/v1/status/flags", get(status::flags)),
        ("/api/v1/status/queries", get(queries::list)),
        ("/api/v1/status/queries/{id}", delete(queries::cancel)),
        ("/federate", get(federate::federate)),
        ("/api/v1/features", get(features::features)),
        ("/api/v1/admin/tsdb/delete_series", post(admin::delete_series).put(admin::delete_series)),
        ("/api/v1/admin/tsdb/clean_tombstones", post(admin::clean_tombstones).put(admin::clean_tombstones)),
        ("/api/v1/admin/tsdb/snapshot", post(admin::snapshot).put(admin::snapshot)),
    ]
}

/// Routes that answer whatever state the server is in.
fn always_routes() -> Vec<(&'static str, MethodRouter<Arc<App>>)> {
    vec![
        ("/", get(pages::home)),
        ("/graph", get(graph::graph)),
        ("/metrics", get(pages::metrics)),
        ("/version", get(status::version)),
        ("/-/healthy", get(pages::healthy)),
        ("/-/ready", get(pages::ready)),
        ("/-/reload", post(lifecycle::reload).put(lifecycle::reload).get(lifecycle::wrong_method)),
        ("/-/quit", post(lifecycle::quit).put(lifecycle::quit).get(lifecycle::wrong_method)),
        ("/api/v1/status/walreplay", get(status::wal_replay)),
    ]
}

async fn not_found(uri: Uri) -> Response {
    let path = uri.path();
    if path.contains("/api/") {
        let message = format!("there is no {}", path);
        return ApiError::new(ErrorType::NotFound, message).into_response();
    }
    respond::text(StatusCode::NOT_FOUND, "404 page not found\n")
}

async fn method_not_allowed() -> Response {
    respond::text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n")
}
