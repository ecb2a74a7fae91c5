//! Targets. There are none; the shapes are what clients expect of a server without any.

use axum::response::Response;

use super::respond;

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

/// An empty list.
pub(super) async fn nothing() -> Response {
    raw(b"[]")
}
