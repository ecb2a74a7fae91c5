//! Trying things out: a message to a receiver, and a configuration against the alerts there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Limited};
use nightjar_alertmanager::machine::Outcome;
use nightjar_alertmanager::route::RouteTree;
use nightjar_model::Labels;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::error::{ApiError, ErrorType};
use super::super::respond;
use super::wire;
use crate::alerting::service::Alerting;

/// Largest configuration.
const MAX_CONFIG_BYTES: usize = 16 << 20;
/// Most alerts whose receivers change that are shown.
const MAX_SHOWN: usize = 1_000;

#[derive(Default, Deserialize)]
struct Trial {
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// `POST /api/v1/receivers/{name}/test`: tells a receiver of an alert that is marked as a test, and answers what became
/// of it, integration by integration.
pub(super) async fn test(
    State(alerting): State<Arc<Alerting>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let body = match wire::json_body(request).await {
        Ok(body) => body,
        Err(malformed) => return malformed.into_response(),
    };
    let trial: Trial = match serde_json::from_slice(&body) {
        Ok(trial) => trial,
        Err(error) => return wire::unreadable("test", &error).into_response(),
    };
    let mut labels = trial.labels;
    labels.entry("alertname".to_owned()).or_insert_with(|| "TEST".to_owned());
    let mut annotations = trial.annotations;
    annotations.entry("summary".to_owned()).or_insert_with(|| "TEST: nothing is wrong".to_owned());
    let (labels, annotations) = (Labels::from_pairs(labels), Labels::from_pairs(annotations));
    let told = tokio::task::spawn_blocking(move || alerting.test(&name, labels, annotations).ok_or(name)).await;
    let told = match told {
        Ok(Ok(told)) => told,
        Ok(Err(name)) => {
            return ApiError::new(ErrorType::NotFound, format!("there is no receiver {name:?}")).into_response();
        }
        Err(_) => return ApiError::new(ErrorType::Unavailable, "the server is stopping").into_response(),
    };
    let one = |(integration, outcome): (String, Outcome)| match outcome {
        Outcome::Delivered(_) => json!({"integration": integration, "status": "sent"}),
        Outcome::Retry { error, .. } | Outcome::Refused { error } => {
            json!({"integration": integration, "status": "failed", "error": error})
        }
    };
    success(&told.into_iter().map(one).collect())
}

/// `POST /api/v1/routes/dry-run`: the alerts there are, as the configuration in the body would route them.
pub(super) async fn dry_run(State(alerting): State<Arc<Alerting>>, request: Request) -> Response {
    let Ok(body) = Limited::new(request.into_body(), MAX_CONFIG_BYTES).collect().await else {
        return ApiError::new(ErrorType::TooLarge, "the configuration is too large").into_response();
    };
    let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    let compare = move || {
        let tree = RouteTree::new(&alerting.parse(&text)?.config.route);
        let labels: Vec<Labels> = alerting.look(|machine, _| {
            machine.firing(&[], |_| true).into_iter().filter_map(|f| machine.labels_of(f).cloned()).collect()
        });
        let (mut changed, mut same) = (Vec::new(), 0_u64);
        let names = |tree: &RouteTree, labels: &Labels| -> Vec<String> {
            tree.matches(labels).into_iter().map(|i| tree.get(i).receiver.clone()).collect()
        };
        let now = alerting.look(|machine, _| machine.routes().clone());
        for labels in &labels {
            let (before, after) = (names(&now, labels), names(&tree, labels));
            if before == after {
                same += 1;
            } else {
                let labels: BTreeMap<&str, &str> = labels.iter().map(|label| (label.name, label.value)).collect();
                changed.push(json!({"labels": labels, "before": before, "after": after}));
            }
        }
        let total = changed.len();
        changed.truncate(MAX_SHOWN);
        Ok::<Value, String>(json!({"unchanged": same, "changed": total, "alerts": changed}))
    };
    match tokio::task::spawn_blocking(compare).await {
        Ok(Ok(data)) => success(&data),
        Ok(Err(error)) => ApiError::bad_data(error).into_response(),
        Err(_) => ApiError::new(ErrorType::Unavailable, "the server is stopping").into_response(),
    }
}

fn success(data: &Value) -> Response {
    respond::json(StatusCode::OK, Body::from(json!({"status": "success", "data": data}).to_string()))
}
