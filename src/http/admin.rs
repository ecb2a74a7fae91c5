//! `admin/tsdb/*`: deleting series, carrying deletes out in files, snapshots.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use nightjar_model::labels::quote;
use nightjar_model::{ClosedRange, TimestampMs};
use nightjar_platform::{Entropy, RealEntropy};
use nightjar_query::parse_selector;

use super::error::{ApiError, ErrorType};
use super::json;
use super::params::Params;
use super::query::open_store;
use super::respond;
use super::time::{MAX_TIME, MIN_TIME};
use crate::app::App;
use crate::store::Store;

/// Runs something slow with the store, if the admin API is on.
async fn with_store<T: Send + 'static>(
    app: &App,
    job: impl FnOnce(&dyn Store) -> Result<T, String> + Send + 'static,
) -> Result<T, ApiError> {
    allowed(app)?;
    let store = open_store(app)?;
    let done = tokio::task::spawn_blocking(move || job(&*store)).await;
    let done = done.unwrap_or_else(|_| Err("the server met a bug; its log has details".to_owned()));
    done.map_err(|reason| ApiError::new(ErrorType::Internal, reason))
}

fn allowed(app: &App) -> Result<(), ApiError> {
    match app.settings.enable_admin_api {
        true => Ok(()),
        false => Err(ApiError::new(ErrorType::Disabled, "admin APIs disabled")),
    }
}

/// `POST|PUT /api/v1/admin/tsdb/delete_series`.
pub(super) async fn delete_series(State(app): State<Arc<App>>, params: Params) -> Result<Response, ApiError> {
    allowed(&app)?;
    if params.all("match[]").next().is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let range = ClosedRange { start: params.time_or("start", MIN_TIME)?, end: params.time_or("end", MAX_TIME)? };
    let sets: Result<Vec<_>, _> =
        params.all("match[]").map(|text| parse_selector(text, &app.settings.parser)).collect();
    let sets = sets.map_err(|e| ApiError::parameter("match[]", e))?;
    with_store(&app, move |store| sets.iter().try_for_each(|matchers| store.delete(matchers, range))).await?;
    Ok(respond::empty(StatusCode::NO_CONTENT))
}

/// `POST|PUT /api/v1/admin/tsdb/clean_tombstones`.
pub(super) async fn clean_tombstones(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    with_store(&app, |store| store.clean_tombstones()).await?;
    Ok(respond::empty(StatusCode::NO_CONTENT))
}

/// `POST|PUT /api/v1/admin/tsdb/snapshot`.
pub(super) async fn snapshot(State(app): State<Arc<App>>, params: Params) -> Result<Response, ApiError> {
    allowed(&app)?;
    let skip_head = match params.get("skip_head") {
        "" => false,
        text => {
            parse_bool(text).map_err(|e| ApiError::parameter("skip_head", format!("unable to parse boolean: {e}")))?
        }
    };
    let name = name(app.clock.wall_ms());
    let name = with_store(&app, move |store| {
        store.snapshot(&name, skip_head).map_err(|e| format!("create snapshot: {e}"))?;
        Ok(name)
    })
    .await?;
    Ok(respond::success(|out| {
        out.extend_from_slice(b"{\"name\":");
        json::string(out, &name);
        out.push(b'}');
    }))
}

/// `20260102T150405Z-` and 16 digits nobody guesses.
fn name(now: TimestampMs) -> String {
    let time = jiff::Timestamp::from_millisecond(now).unwrap_or_default();
    format!("{}-{:016x}", time.strftime("%Y%m%dT%H%M%SZ"), RealEntropy.next_u64() >> 1)
}

/// With the words of Go's `strconv.ParseBool`.
fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {}: invalid syntax", quote(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_look_like_those_of_prometheus() {
        let name = name(1_512_940_464_000);
        assert_eq!(&name[..17], "20171210T211424Z-");
        assert!(name.len() == 33 && name[17..].bytes().all(|b| b.is_ascii_hexdigit()), "{name}");
        assert_eq!((parse_bool("t"), parse_bool("False")), (Ok(true), Ok(false)));
        assert_eq!(parse_bool("maybe").unwrap_err(), "strconv.ParseBool: parsing \"maybe\": invalid syntax");
    }
}
