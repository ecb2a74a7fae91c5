//! Targets. There are none; the shapes are what clients expect of a server without any.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::error::{ApiError, ErrorType};
use super::respond;
use crate::app::App;

fn raw(json: &'static [u8]) -> Response {
    respond::success(|out| out.extend_from_slice(json))
}

/// `GET /api/v1/targets`: nothing is scraped.
pub(super) async fn targets() -> Response {
    raw(b"{\"activeTargets\":[],\"droppedTargets\":[],\"droppedTargetCounts\":{}}")
}

/// `GET /api/v1/scrape_pools`.
pub(super) async fn scrape_pools() -> Response {
    raw(b"{\"scrapePools\":[]}")
}

/// `POST|PUT /api/v1/admin/tsdb/*`.
pub(super) async fn admin(State(app): State<Arc<App>>) -> ApiError {
    let reason = match app.settings.enable_admin_api {
        true => "this server cannot do this yet",
        false => "admin APIs disabled",
    };
    ApiError::new(ErrorType::Disabled, reason)
}

/// An empty list.
pub(super) async fn nothing() -> Response {
    raw(b"[]")
}
