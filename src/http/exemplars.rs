//! `query_exemplars`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use nightjar_model::storage::StorageError;
use nightjar_model::{ClosedRange, Exemplar, Labels, Matcher};
use nightjar_query::ast::{Expr, ExprKind};
use nightjar_query::{Interrupt, parse};

use super::error::ApiError;
use super::json;
use super::params::Params;
use super::query::{not_run, open_store};
use super::respond;
use super::time::{MAX_TIME, MIN_TIME};
use crate::app::App;

/// `GET|POST /api/v1/query_exemplars`.
pub(super) async fn exemplars(State(app): State<Arc<App>>, params: Params) -> Result<Response, ApiError> {
    let range = ClosedRange { start: params.time_or("start", MIN_TIME)?, end: params.time_or("end", MAX_TIME)? };
    if range.end < range.start {
        return Err(ApiError::bad_data("end timestamp must not be before start timestamp"));
    }
    let expr = parse(params.get("query"), &app.settings.parser).map_err(|e| ApiError::bad_data(e.to_string()))?;
    let selectors = selectors(&expr);
    if selectors.is_empty() {
        return Ok(respond::empty(StatusCode::NO_CONTENT));
    }
    let store = open_store(&app)?;
    let job = move |_: &dyn Interrupt| {
        let querier = store.querier(range)?;
        let mut found: Vec<(Labels, Vec<Exemplar>)> = Vec::new();
        for matchers in &selectors {
            found.extend(querier.exemplars(matchers)?);
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found.dedup_by(|a, b| a.0 == b.0);
        Ok(respond::success(|out| json::array(out, &found, one_series)))
    };
    let result: Result<Response, StorageError> = app.execution.run(None, job).await.map_err(not_run)?;
    result.map_err(ApiError::from)
}

fn selectors(expr: &Expr) -> Vec<Vec<Matcher>> {
    let mut found = Vec::new();
    expr.walk(|node| match &node.kind {
        ExprKind::Vector(selector) => found.push(selector.matchers.clone()),
        ExprKind::Matrix(matrix) => found.push(matrix.selector.matchers.clone()),
        _ => {}
    });
    found
}

fn one_series(out: &mut Vec<u8>, (labels, exemplars): &(Labels, Vec<Exemplar>)) {
    out.extend_from_slice(b"{\"seriesLabels\":");
    json::labels(out, labels);
    out.extend_from_slice(b",\"exemplars\":");
    json::array(out, exemplars, |out, exemplar| {
        out.extend_from_slice(b"{\"labels\":");
        json::labels(out, &exemplar.labels);
        out.extend_from_slice(b",\"value\":");
        json::sample_value(out, exemplar.value);
        out.extend_from_slice(b",\"timestamp\":");
        json::timestamp(out, exemplar.timestamp);
        out.push(b'}');
    });
    out.push(b'}');
}
