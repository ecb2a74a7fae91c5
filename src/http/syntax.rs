//! `format_query` and `parse_query`: about the text of a query, not its answer.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::error::{ApiError, ErrorType};
use super::params::Params;
use crate::app::App;

/// `GET|POST /api/v1/format_query`.
pub(super) async fn format_query(State(app): State<Arc<App>>, params: Params) -> Result<Response, ApiError> {
    parse(&app, &params)?;
    Err(ApiError::new(ErrorType::Unavailable, "formatting is not built in yet"))
}

/// `GET|POST /api/v1/parse_query`.
pub(super) async fn parse_query(State(app): State<Arc<App>>, params: Params) -> Result<Response, ApiError> {
    parse(&app, &params)?;
    Err(ApiError::new(ErrorType::Unavailable, "the syntax tree is not built in yet"))
}

fn parse(app: &App, params: &Params) -> Result<nightjar_query::ast::Expr, ApiError> {
    nightjar_query::parse(params.get("query"), &app.settings.parser).map_err(|e| ApiError::parameter("query", e))
}
