//! `/-/reload` and `/-/quit`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tokio::sync::oneshot;

use super::respond;
use crate::app::{App, Control};

fn forbidden() -> Response {
    respond::text(StatusCode::FORBIDDEN, "Lifecycle API is not enabled.")
}

/// Other methods on these routes.
pub(super) async fn wrong_method() -> Response {
    respond::text(StatusCode::METHOD_NOT_ALLOWED, "Only POST or PUT requests allowed")
}

/// `POST|PUT /-/reload`.
pub(super) async fn reload(State(app): State<Arc<App>>) -> Response {
    if !app.settings.enable_lifecycle {
        return forbidden();
    }
    let (done, outcome) = oneshot::channel();
    let sent = app.control.send(Control::Reload(done)).await.is_ok();
    match (sent, outcome.await) {
        (true, Ok(Ok(()))) => respond::text(StatusCode::OK, ""),
        (true, Ok(Err(reason))) => {
            respond::text(StatusCode::INTERNAL_SERVER_ERROR, format!("failed to reload config: {reason}\n"))
        }
        _ => respond::text(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping\n"),
    }
}

/// `POST|PUT /-/quit`.
pub(super) async fn quit(State(app): State<Arc<App>>) -> Response {
    if !app.settings.enable_lifecycle {
        return forbidden();
    }
    let _ = app.control.send(Control::Quit).await;
    respond::text(StatusCode::OK, "Requesting termination... Goodbye!")
}
