//! `format_query` and `parse_query`: about the text of a query, not its answer.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use nightjar_query::ast::Expr;
use nightjar_query::printer::pretty;

use super::error::ApiError;
use super::json;
use super::params::Params;
use super::respond;
use super::tree::tree;
use crate::app::App;

/// `GET|POST /api/v1/format_query`.
pub(super) async fn format_query(State(app): State<Arc<App>>, params: Params) -> Result<Response, ApiError> {
    let text = pretty(&parse(&app, &params)?);
    Ok(respond::success(|out| json::string(out, &text)))
}

/// `GET|POST /api/v1/parse_query`.
pub(super) async fn parse_query(State(app): State<Arc<App>>, params: Params) -> Result<Response, ApiError> {
    let tree = tree(&parse(&app, &params)?).to_string();
    Ok(respond::success(|out| out.extend_from_slice(tree.as_bytes())))
}

fn parse(app: &App, params: &Params) -> Result<Expr, ApiError> {
    nightjar_query::parse(params.get("query"), &app.settings.parser).map_err(|e| ApiError::parameter("query", e))
}
