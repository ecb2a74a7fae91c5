//! `status/*`: what this server is and how it is set up.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use nightjar_model::TimestampMs;

use super::error::ApiError;
use super::json;
use super::params::Params;
use super::query::open_store;
use super::respond;
use crate::app::{App, PROMETHEUS_VERSION, VERSION};

/// An object of strings.
fn object<'a>(out: &mut Vec<u8>, members: impl IntoIterator<Item = (&'a str, &'a str)>) {
    out.push(b'{');
    for (i, (name, value)) in members.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        json::key(out, name);
        json::string(out, value);
    }
    out.push(b'}');
}

fn build_members(out: &mut Vec<u8>) {
    let revision = format!("nightjar-{VERSION}");
    let members = [
        ("version", PROMETHEUS_VERSION),
        ("revision", revision.as_str()),
        ("branch", ""),
        ("buildUser", ""),
        ("buildDate", ""),
        ("goVersion", "rustc"),
    ];
    object(out, members);
}

/// `GET /api/v1/status/buildinfo`. The version is that of the API. With `features` Grafana edits rules here, without it
/// takes us for Prometheus.
pub(super) async fn build_info(State(app): State<Arc<App>>) -> Response {
    respond::success(|out| {
        build_members(out);
        if app.written.is_some() {
            out.pop();
            out.extend_from_slice(b",\"features\":");
            object(out, [("ruler_config_api", "true"), ("alertmanager_config_api", "false")]);
            out.push(b'}');
        }
    })
}

/// `GET /version`: the same without an envelope.
pub(super) async fn version() -> Response {
    let mut out = Vec::new();
    build_members(&mut out);
    respond::json(axum::http::StatusCode::OK, out)
}

/// `GET /api/v1/status/flags`.
pub(super) async fn flags(State(app): State<Arc<App>>) -> Response {
    let flags = app.settings.flags.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    respond::success(|out| object(out, flags))
}

/// `GET /api/v1/status/config`.
pub(super) async fn config(State(app): State<Arc<App>>) -> Response {
    let config = Arc::clone(&app.loaded.read().config);
    respond::success(|out| object(out, [("yaml", config.yaml.as_str())]))
}

/// `GET /api/v1/status/walreplay`.
pub(super) async fn wal_replay(State(app): State<Arc<App>>) -> Response {
    let (done, total) = app.store.replay();
    respond::success(|out| {
        out.extend_from_slice(format!("{{\"min\":0,\"max\":{total},\"current\":{done}}}").as_bytes())
    })
}

fn rfc3339(ms: TimestampMs) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| "1970-01-01T00:00:00Z".to_owned(), |t| t.to_string())
}

/// `GET /api/v1/status/runtimeinfo`.
pub(super) async fn runtime_info(State(app): State<Arc<App>>) -> Response {
    let loaded = app.loaded.read().clone();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let directory = std::env::current_dir().map(|d| d.display().to_string()).unwrap_or_default();
    let texts = [
        ("startTime", rfc3339(app.started)),
        ("CWD", directory),
        ("hostname", String::new()),
        ("serverTime", rfc3339(app.clock.wall_ms())),
        ("lastConfigTime", rfc3339(loaded.at)),
        ("GOGC", String::new()),
        ("GODEBUG", String::new()),
        ("storageRetention", app.settings.retention.clone()),
    ];
    respond::success(|out| {
        object(out, texts.iter().map(|(name, value)| (*name, value.as_str())));
        out.pop();
        let rest = format!(
            ",\"reloadConfigSuccess\":{},\"corruptionCount\":0,\"goroutineCount\":{threads},\"GOMAXPROCS\":{threads},\"GOMEMLIMIT\":0}}",
            loaded.successful
        );
        out.extend_from_slice(rest.as_bytes());
    })
}

/// `GET /api/v1/status/tsdb`.
pub(super) async fn tsdb(State(app): State<Arc<App>>, params: Params) -> Result<Response, ApiError> {
    let limit = match params.get("limit") {
        "" => 10,
        text => match text.parse::<i64>() {
            Ok(n) if n > 10_000 => return Err(ApiError::bad_data("limit must not exceed 10000")),
            Ok(n) if n > 0 => n as usize,
            _ => return Err(ApiError::bad_data("limit must be a positive number")),
        },
    };
    let store = open_store(&app)?;
    let read = move || (store.overview(), store.cardinality(limit));
    let Ok((overview, cardinality)) = tokio::task::spawn_blocking(read).await else {
        return Err(ApiError::new(
            super::error::ErrorType::Internal,
            "this met a bug of the server; its log has details",
        ));
    };
    // As Prometheus writes "nothing stored yet".
    let (min, max) = overview.times.unwrap_or((TimestampMs::MAX, TimestampMs::MIN));
    Ok(respond::success(|out| {
        let head = format!(
            "{{\"headStats\":{{\"numSeries\":{},\"numLabelPairs\":{},\"chunkCount\":{},\"minTime\":{min},\"maxTime\":{max}}}",
            overview.series, cardinality.label_pairs, overview.chunks
        );
        out.extend_from_slice(head.as_bytes());
        let lists = [
            ("seriesCountByMetricName", &cardinality.series_by_metric),
            ("labelValueCountByLabelName", &cardinality.values_by_label),
            ("memoryInBytesByLabelName", &cardinality.bytes_by_label),
            ("seriesCountByLabelValuePair", &cardinality.series_by_pair),
        ];
        for (name, list) in lists {
            out.push(b',');
            json::key(out, name);
            json::array(out, list, |out, (name, value)| {
                out.extend_from_slice(b"{\"name\":");
                json::string(out, name);
                out.extend_from_slice(format!(",\"value\":{value}}}").as_bytes());
            });
        }
        out.push(b'}');
    }))
}
