//! Alertmanager's API under `/api/v2`, answers and complaints as its clients know them, and what it cannot tell.

mod alerts;
mod filter;
mod groups;
mod guard;
mod insight;
mod post;
mod silences;
mod status;
mod trial;
mod view;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post as posted};

use crate::alerting::service::Alerting;

/// All routes of the API.
pub(super) fn routes(alerting: &Arc<Alerting>) -> Router {
    Router::new()
        .route("/api/v2/status", get(status::status))
        .route("/api/v2/receivers", get(status::receivers))
        .route("/api/v2/alerts", get(alerts::alerts).merge(posted(post::alerts)))
        .route("/api/v2/alerts/groups", get(groups::groups))
        .route("/api/v2/silences", get(silences::list).merge(posted(silences::set)))
        .route("/api/v2/silence/{silenceID}", get(silences::one).merge(axum::routing::delete(silences::expire)))
        .route("/api/v1/alerts/explain", get(insight::explain))
        .route("/api/v1/alerts/history", get(insight::alert_history))
        .route("/api/v1/notifications", get(insight::notifications))
        .route("/api/v1/silences/preview", get(insight::preview))
        .route("/api/v1/receivers/{name}/test", posted(trial::test))
        .route("/api/v1/routes/dry-run", posted(trial::dry_run))
        .method_not_allowed_fallback(wire::method_not_allowed)
        .layer(from_fn(guard::guard))
        .with_state(Arc::clone(alerting))
}
