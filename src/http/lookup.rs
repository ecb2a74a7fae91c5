//! `labels`, `label/<name>/values` and `series`: what is there, without samples.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use nightjar_model::storage::{Listing, Querier, SelectHints, StorageError};
use nightjar_model::{ClosedRange, Labels, Matcher};
use nightjar_query::{Interrupt, Reservation};

use super::error::ApiError;
use super::json;
use super::matchers::matcher_sets;
use super::params::Params;
use super::query::{not_run, open_store};
use super::respond::{self, PIECE_BYTES, Pieces};
use super::time::{MAX_TIME, MIN_TIME};
use super::unescape::unescape;
use crate::app::App;

const TRUNCATED: &str = "results truncated due to limit";

/// `GET|POST /api/v1/labels`.
pub(super) async fn label_names(State(app): State<Arc<App>>, params: Params) -> Result<Response, ApiError> {
    let limit = params.limit()?;
    let range = range(&params)?;
    let sets = matcher_sets(&params, &app.settings.parser).map_err(ApiError::bad_data)?;
    listing(&app, range, sets, limit, move |querier, matchers| querier.label_names(matchers, limit)).await
}

/// `GET /api/v1/label/<name>/values`.
pub(super) async fn label_values(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    params: Params,
) -> Result<Response, ApiError> {
    let name = unescape(&name);
    if name.is_empty() {
        return Err(ApiError::bad_data(format!("invalid label name: {}", nightjar_model::labels::quote(&name))));
    }
    let limit = params.limit()?;
    let range = range(&params)?;
    let sets = matcher_sets(&params, &app.settings.parser).map_err(ApiError::bad_data)?;
    listing(&app, range, sets, limit, move |querier, matchers| querier.label_values(&name, matchers, limit)).await
}

/// `GET|POST /api/v1/series`.
pub(super) async fn series(State(app): State<Arc<App>>, params: Params) -> Result<Response, ApiError> {
    if params.all("match[]").next().is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let limit = params.limit()?;
    let range = range(&params)?;
    let sets = matcher_sets(&params, &app.settings.parser).map_err(|e| ApiError::parameter("match[]", e))?;
    let (store, memory) = (open_store(&app)?, Arc::clone(&app.query_memory));
    let job = move |interrupt: &dyn Interrupt| -> Result<Response, ApiError> {
        let querier = store.querier(range)?;
        let mut memory = memory.reserve();
        memory.admit(need(&*querier, range, &sets, limit)?)?;
        let (found, warnings) = select(&*querier, range, &sets, limit, interrupt)?;
        Ok(respond::pieces(SeriesPieces { found, warnings, next: 0, _memory: memory }))
    };
    app.execution.run(None, job).await.map_err(not_run)?
}

/// About how many bytes the label sets take.
fn need(querier: &dyn Querier, range: ClosedRange, sets: &[Vec<Matcher>], limit: usize) -> Result<u64, StorageError> {
    let mut series = 0;
    for matchers in sets {
        series += querier.weigh(matchers, range)?.map_or(0, |weight| weight.series);
    }
    let limit = if limit > 0 { limit as u64 } else { u64::MAX };
    Ok(series.min(limit) * LABELS_BYTES)
}

/// Bytes of a label set, about.
const LABELS_BYTES: u64 = 250;

/// Label sets on their way out.
struct SeriesPieces {
    found: Vec<Labels>,
    warnings: Vec<String>,
    next: usize,
    _memory: Reservation,
}

impl Pieces for SeriesPieces {
    fn write_piece(&mut self, out: &mut Vec<u8>) -> bool {
        let limit = out.len() + PIECE_BYTES;
        if self.next == 0 {
            out.extend_from_slice(b"{\"status\":\"success\",\"data\":[");
        }
        while let Some(labels) = self.found.get(self.next) {
            if out.len() >= limit {
                return true;
            }
            if self.next > 0 {
                out.push(b',');
            }
            json::labels(out, labels);
            self.next += 1;
        }
        out.push(b']');
        respond::annotations(out, &self.warnings, &[]);
        out.push(b'}');
        false
    }
}

fn range(params: &Params) -> Result<ClosedRange, ApiError> {
    Ok(ClosedRange { start: params.time_or("start", MIN_TIME)?, end: params.time_or("end", MAX_TIME)? })
}

fn finished<T>(result: Result<Result<T, StorageError>, crate::execution::NotRun>) -> Result<T, ApiError> {
    result.map_err(not_run)?.map_err(ApiError::from)
}

/// Lists for each matcher set (or once for none), merged.
async fn listing(
    app: &Arc<App>,
    range: ClosedRange,
    sets: Vec<Vec<Matcher>>,
    limit: usize,
    list: impl Fn(&dyn Querier, &[Matcher]) -> Result<Listing, StorageError> + Send + 'static,
) -> Result<Response, ApiError> {
    let store = open_store(app)?;
    let job = move |_: &dyn Interrupt| {
        let querier = store.querier(range)?;
        let sets = if sets.is_empty() { vec![Vec::new()] } else { sets };
        let mut all = Listing::default();
        for matchers in &sets {
            let one = list(&*querier, matchers)?;
            all.truncated |= one.truncated;
            all.items.extend(one.items);
            all.warnings.extend(one.warnings);
        }
        if sets.len() > 1 {
            all.items.sort_unstable();
            all.items.dedup();
        }
        cut(&mut all.items, limit, &mut all.truncated);
        if all.truncated {
            all.warnings.push(TRUNCATED.to_owned());
        }
        Ok(respond::success_with(&all.warnings, |out| json::strings(out, &all.items)))
    };
    finished(app.execution.run(None, job).await)
}

fn cut<T>(items: &mut Vec<T>, limit: usize, truncated: &mut bool) {
    if limit > 0 && items.len() > limit {
        items.truncate(limit);
        *truncated = true;
    }
}

/// Label sets that satisfy any of the matcher lists, sorted, each once; and what to say about them.
fn select(
    querier: &dyn Querier,
    range: ClosedRange,
    sets: &[Vec<Matcher>],
    limit: usize,
    interrupt: &dyn Interrupt,
) -> Result<(Vec<Labels>, Vec<String>), StorageError> {
    // One more than asked for tells whether something was cut.
    let hints = SelectHints {
        labels_only: true,
        limit: limit.saturating_add(usize::from(limit > 0)),
        func: "series".to_owned(),
        ..SelectHints::range(range)
    };
    let (mut found, mut warnings) = (Vec::new(), Vec::new());
    for matchers in sets {
        let set = querier.select(matchers, &hints)?;
        for index in 0..set.len() {
            if index % 1024 == 0 && interrupt.check().is_some() {
                return Err(StorageError::Canceled);
            }
            if limit > 0 && index > limit {
                break;
            }
            found.push(set.labels(index));
        }
        warnings.extend(set.warnings());
    }
    if sets.len() > 1 {
        found.sort_unstable();
        found.dedup();
    }
    let mut truncated = false;
    cut(&mut found, limit, &mut truncated);
    if truncated {
        warnings.push(TRUNCATED.to_owned());
    }
    Ok((found, warnings))
}
