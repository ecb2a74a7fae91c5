//! What Alertmanager cannot tell, under `/api/v1`: why an alert is told or not, what happened, what a silence would do.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use nightjar_alertmanager::machine::{LineView, Now, RouteView};
use nightjar_alertmanager::matcher::Matcher;
use nightjar_model::{Labels, TimestampMs};
use serde_json::{Value, json};

use super::super::error::{ApiError, ErrorType};
use super::super::params::Params;
use super::super::respond;
use super::{filter, view};
use crate::alerting::history::{Entry, spell};
use crate::alerting::service::Alerting;

/// Most entries an answer has.
const MAX_ENTRIES: usize = 10_000;
/// Entries of an answer nobody limited.
const ENTRIES: usize = 500;
/// What a preview looks back.
const DAY_MS: i64 = 86_400_000;

fn success(data: &Value) -> Response {
    respond::json(StatusCode::OK, Body::from(json!({"status": "success", "data": data}).to_string()))
}

fn wall(now: Now, monotonic_ms: i64) -> String {
    let at = now.wall_ms.saturating_add(monotonic_ms.saturating_sub(now.monotonic_ms));
    format!("{:.3}", jiff::Timestamp::from_millisecond(at).unwrap_or_default())
}

/// `GET /api/v1/alerts/explain?label=name=value`: every route of an alert, and what becomes of it there.
pub(super) async fn explain(State(alerting): State<Arc<Alerting>>, params: Params) -> Response {
    let pairs: Option<Vec<(&str, &str)>> = params.all("label").map(|pair| pair.split_once('=')).collect();
    let Some(pairs) = pairs.filter(|pairs| !pairs.is_empty()) else {
        return ApiError::parameter("label", "write label=name=value, once for each label").into_response();
    };
    let labels = Labels::from_pairs(pairs);
    let write = move || {
        let (routes, alert, now) = alerting.look(|machine, now| {
            let known = nightjar_alertmanager::fingerprint::Fingerprint::of(&labels);
            (machine.explain(now, &labels), machine.alert(now, known), now)
        });
        let state = match alert.as_ref().map(|alert| alert.alert.is_resolved(now.wall_ms)) {
            Some(false) => "firing",
            Some(true) => "resolved",
            None => "unknown",
        };
        let routes: Vec<Value> = routes.iter().map(|route| explained(&alerting, route, now)).collect();
        json!({"state": state, "routes": routes})
    };
    success(&tokio::task::spawn_blocking(write).await.unwrap_or_default())
}

fn explained(alerting: &Alerting, route: &RouteView, now: Now) -> Value {
    let (verdict, by) = spell(&route.verdict);
    let lines: Vec<Value> = route.lines.iter().map(|line| explained_line(alerting, line, now)).collect();
    json!({
        "route": route.route,
        "receiver": route.receiver,
        "groupKey": route.group_key,
        "verdict": verdict,
        "by": by,
        "nextLook": route.next_look_ms.map(|at| wall(now, at)),
        "integrations": lines,
    })
}

fn explained_line(alerting: &Alerting, line: &LineView, now: Now) -> Value {
    let status = match (line.pending, line.told_ms, line.open) {
        (Some((0, _)), ..) => "a message waits for its first try",
        (Some(_), ..) => "a message is being tried",
        (None, _, true) => "it was told that the alert fires",
        (None, Some(_), false) => "the group was told; this alert was not among what fires",
        (None, None, false) => "nothing was told yet",
    };
    let message = alerting.render(&line.message);
    json!({
        "integration": format!("{}[{}]", line.kind, line.index),
        "status": status,
        "toldAt": line.told_ms.map(|at| wall(now, at)),
        "attempts": line.pending.map_or(0, |(attempts, _)| attempts),
        "nextTry": line.pending.map(|(_, at)| wall(now, at)),
        "message": message.as_ref().ok(),
        "messageError": message.as_ref().err(),
    })
}

/// What is asked of history.
struct Asked {
    range: (TimestampMs, TimestampMs),
    limit: usize,
    matchers: Vec<Matcher>,
}

fn asked(params: &Params, alerting: &Alerting) -> Result<Asked, ApiError> {
    let now = alerting.now().wall_ms;
    let limit = match params.limit()? {
        0 => ENTRIES,
        limit => limit.min(MAX_ENTRIES),
    };
    let matchers = filter::matchers(params, "filter", alerting.mode()).map_err(|e| ApiError::parameter("filter", e))?;
    Ok(Asked { range: (params.time_or("start", 0)?, params.time_or("end", now)?), limit, matchers })
}

async fn search(alerting: Arc<Alerting>, asked: Asked, wanted: impl Fn(&Entry) -> bool + Send + 'static) -> Response {
    let read = move || {
        let fits = |entry: &Entry| wanted(entry) && filter::labels_hold(&asked.matchers, entry.labels());
        alerting.history().search(asked.range, asked.limit, fits)
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok((entries, more))) => {
            let entries = serde_json::to_value(entries).unwrap_or_default();
            let body = json!({"status": "success", "data": entries, "more": more});
            respond::json(StatusCode::OK, Body::from(body.to_string()))
        }
        Ok(Err(error)) => {
            ApiError::new(ErrorType::Internal, format!("history cannot be read: {error}")).into_response()
        }
        Err(_) => ApiError::new(ErrorType::Unavailable, "the server is stopping").into_response(),
    }
}

/// `GET /api/v1/alerts/history`: when alerts began and ended, and what kept them quiet. The newest first.
pub(super) async fn alert_history(State(alerting): State<Arc<Alerting>>, params: Params) -> Response {
    let asked = match asked(&params, &alerting) {
        Ok(asked) => asked,
        Err(error) => return error.into_response(),
    };
    let fingerprint = params.get("fingerprint").to_owned();
    search(alerting, asked, move |entry| match entry {
        Entry::Alert { fingerprint: own, .. } | Entry::Verdict { fingerprint: own, .. } => {
            fingerprint.is_empty() || *own == fingerprint
        }
        Entry::Notification { .. } => false,
    })
    .await
}

/// `GET /api/v1/notifications`: what was told to whom, and what could not be. The newest first.
pub(in super::super) async fn notifications(State(alerting): State<Arc<Alerting>>, params: Params) -> Response {
    let asked = match asked(&params, &alerting) {
        Ok(asked) => asked,
        Err(error) => return error.into_response(),
    };
    let (status, receiver) = (params.get("status").to_owned(), params.get("receiver").to_owned());
    let fingerprint = params.get("fingerprint").to_owned();
    search(alerting, asked, move |entry| match entry {
        Entry::Notification { status: own, receiver: whom, firing, resolved, .. } => {
            (status.is_empty() || *own == status)
                && (receiver.is_empty() || *whom == receiver)
                && (fingerprint.is_empty() || firing.iter().chain(resolved).any(|f| *f == fingerprint))
        }
        _ => false,
    })
    .await
}

/// `GET /api/v1/silences/preview?filter=`: the alerts a silence would silence now, and how many it would have silenced
/// in the last day.
pub(super) async fn preview(State(alerting): State<Arc<Alerting>>, params: Params) -> Response {
    let matchers = match filter::matchers(&params, "filter", alerting.mode()) {
        Ok(matchers) if !matchers.is_empty() => matchers,
        Ok(_) => {
            return ApiError::parameter("filter", "write filter=name=value, once for each condition").into_response();
        }
        Err(error) => return ApiError::parameter("filter", error).into_response(),
    };
    let read = move || {
        let matches = |labels: &Labels| matchers.iter().all(|m| m.matches(labels.value(&m.name)));
        let views = alerting.look(|machine, now| {
            let found = machine.firing(&matchers, |alert| matches(&alert.labels));
            found.into_iter().filter_map(|f| machine.alert(now, f)).collect::<Vec<_>>()
        });
        let mut out = Vec::new();
        super::super::json::array(&mut out, &views, view::alert);
        let now = alerting.now().wall_ms;
        let held = |e: &Entry| matchers.iter().all(|m| m.matches(e.labels().value(&m.name)));
        let wanted = |e: &Entry| matches!(e, Entry::Alert { state, .. } if state == "firing") && held(e);
        let past = alerting.history().search((now - DAY_MS, now), MAX_ENTRIES, wanted).unwrap_or_default();
        let names: BTreeSet<String> = past
            .0
            .into_iter()
            .filter_map(|entry| match entry {
                Entry::Alert { fingerprint, .. } => Some(fingerprint),
                _ => None,
            })
            .collect();
        let views: Value = serde_json::from_slice(&out).unwrap_or_default();
        json!({"now": views, "lastDay": names.len()})
    };
    success(&tokio::task::spawn_blocking(read).await.unwrap_or_default())
}
