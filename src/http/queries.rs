//! `status/queries`: which queries run, which ran lately, and a way to stop one.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::error::{ApiError, ErrorType};
use super::params::Params;
use super::respond;
use crate::app::App;
use crate::queries::{Kind, Origin, Outcome, Snapshot, Stage};

/// `GET /api/v1/status/queries`. `state=running|recent` asks for one list only, `limit` cuts each.
pub(super) async fn list(State(app): State<Arc<App>>, params: Params) -> Result<Response, ApiError> {
    let limit = match params.limit()? {
        0 => usize::MAX,
        limit => limit,
    };
    let (running, recent) = match params.get("state") {
        "" => (true, true),
        "running" => (true, false),
        "recent" => (false, true),
        other => {
            let reason = format!("{other:?} is not known; write \"running\" or \"recent\"");
            return Err(ApiError::parameter("state", reason));
        }
    };
    let mut data = Map::new();
    let pool = &app.query_memory;
    data.insert("memoryHeldBytes".into(), pool.held().into());
    if running {
        data.insert("running".into(), app.queries.running().iter().take(limit).map(query).collect());
    }
    if recent {
        data.insert("recent".into(), app.queries.recent().iter().take(limit).map(query).collect());
    }
    Ok(respond::success(|out| out.extend_from_slice(Value::from(data).to_string().as_bytes())))
}

/// `DELETE /api/v1/status/queries/<id>`.
pub(super) async fn cancel(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let number = id.parse::<u64>().map_err(|_| ApiError::parameter("id", format!("{id:?} is not a number")))?;
    if !app.queries.cancel(number) {
        return Err(ApiError::new(ErrorType::NotFound, format!("no query {number} is running")));
    }
    Ok(respond::success(|out| out.extend_from_slice(json!({"canceled": id}).to_string().as_bytes())))
}

fn query(snapshot: &Snapshot) -> Value {
    let Snapshot { tracked, cost, .. } = snapshot;
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| drop(object.insert(name.to_owned(), value));
    put("id", tracked.id.to_string().into());
    put("query", tracked.text.as_str().into());
    match tracked.kind {
        Kind::Instant(at) => put("time", seconds(at)),
        Kind::Range(steps) => {
            put("start", seconds(steps.start));
            put("end", seconds(steps.end));
            put("step", seconds(steps.step_ms));
        }
    }
    put("arrivedAt", seconds(tracked.arrived_at));
    put("state", snapshot.outcome.as_ref().map_or("running", Outcome::as_str).into());
    put("phase", snapshot.stage.as_str().into());
    put("elapsedSeconds", snapshot.elapsed.as_secs_f64().into());
    let phase = |stage: &Stage| (stage.as_str().to_owned(), snapshot.spent[*stage as usize].as_secs_f64().into());
    put("phaseSeconds", Stage::ALL.iter().map(phase).collect::<Map<_, _>>().into());
    let cost = json!({
        "samples": cost.samples,
        "samplesRead": cost.samples_read,
        "peakSamples": cost.peak_samples,
        "peakBytes": cost.peak_bytes,
        "cpuSeconds": cost.cpu.as_secs_f64(),
        "responseBytes": cost.response_bytes,
    });
    put("cost", cost);
    if let Some(Outcome::Failed(reason)) = &snapshot.outcome {
        put("error", reason.as_str().into());
    }
    put("askedBy", asked_by(&tracked.origin));
    object.into()
}

fn asked_by(origin: &Origin) -> Value {
    match origin {
        Origin::Rule(rule) => json!({"rule": {"file": rule.file, "group": rule.group, "name": rule.rule}}),
        Origin::Request(request) => {
            let mut object = Map::new();
            let members = [("clientIP", &request.client), ("method", &request.method), ("path", &request.path)];
            for (name, value) in members {
                object.insert(name.to_owned(), value.as_str().into());
            }
            for (name, value) in &request.told {
                object.insert((*name).to_owned(), value.as_str().into());
            }
            object.into()
        }
    }
}

fn seconds(ms: i64) -> Value {
    (ms as f64 / 1000.0).into()
}
