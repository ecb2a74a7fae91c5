//! Where other instances speak to this one.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use http_body_util::{BodyExt, Limited};

use super::respond;
use crate::alerting::peers::{Exchange, PATH};
use crate::alerting::service::Alerting;

/// Largest exchange.
const MAX_BYTES: usize = 256 << 20;

/// The routes of `--cluster.listen-address`.
pub fn peers(alerting: &Arc<Alerting>) -> Router {
    Router::new().route(PATH, post(exchange)).with_state(Arc::clone(alerting))
}

async fn exchange(State(alerting): State<Arc<Alerting>>, request: Request) -> Response {
    let Ok(body) = Limited::new(request.into_body(), MAX_BYTES).collect().await else {
        return respond::text(StatusCode::PAYLOAD_TOO_LARGE, "too large\n");
    };
    let body = body.to_bytes();
    let exchange: Exchange = match serde_json::from_slice(&body) {
        Ok(exchange) => exchange,
        Err(error) => return respond::text(StatusCode::BAD_REQUEST, format!("not an exchange: {error}\n")),
    };
    match tokio::task::spawn_blocking(move || alerting.exchange(exchange, body.len())).await {
        Ok(Some(answer)) => respond::json(StatusCode::OK, answer),
        _ => respond::text(StatusCode::SERVICE_UNAVAILABLE, "this instance is alone\n"),
    }
}
