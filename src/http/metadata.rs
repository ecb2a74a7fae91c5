//! `metadata`: type, help and unit by metric name.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::error::ApiError;
use super::json;
use super::params::Params;
use super::query::open_store;
use super::respond;
use crate::app::App;

/// `GET /api/v1/metadata`. A metric without metadata is left out: Grafana cannot bear an empty list.
pub(super) async fn metadata(State(app): State<Arc<App>>, params: Params) -> Result<Response, ApiError> {
    let limit = count(&params, "limit")?;
    // Here 0 means "all" too.
    let per_metric = Some(count(&params, "limit_per_metric")?).filter(|n| *n > 0).unwrap_or(usize::MAX);
    let wanted = params.get("metric");
    let mut families = open_store(&app)?.metadata(Some(wanted).filter(|metric| !metric.is_empty()));
    families.retain(|(_, entries)| !entries.is_empty());
    families.truncate(limit);
    Ok(respond::success(|out| {
        out.push(b'{');
        for (i, (metric, entries)) in families.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            json::key(out, metric);
            json::array(out, entries.iter().take(per_metric), |out, entry| {
                out.extend_from_slice(b"{\"type\":");
                json::string(out, entry.metric_type.as_str());
                out.extend_from_slice(b",\"help\":");
                json::string(out, &entry.help);
                out.extend_from_slice(b",\"unit\":");
                json::string(out, &entry.unit);
                out.push(b'}');
            });
        }
        out.push(b'}');
    }))
}

/// A count; absent or negative means "all".
fn count(params: &Params, name: &str) -> Result<usize, ApiError> {
    match params.get(name) {
        "" => Ok(usize::MAX),
        text => {
            let n: i64 = text.parse().map_err(|_| ApiError::bad_data(format!("{name} must be a number")))?;
            Ok(usize::try_from(n).unwrap_or(usize::MAX))
        }
    }
}
