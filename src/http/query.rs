//! `query` and `query_range`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use nightjar_query::{Answer, QueryError, QueryOptions, Steps, Value};

use super::answer::AnswerPieces;
use super::error::{ApiError, ErrorType};
use super::params::Params;
use super::respond;
use super::stats::{self, Timings};
use super::time;
use crate::app::App;
use crate::execution::NotRun;
use crate::store::Store;

/// Most points of one series in an answer.
const MAX_POINTS: i64 = 11_000;

/// `GET|POST /api/v1/query`.
pub(super) async fn instant(State(app): State<Arc<App>>, params: Params) -> Result<Response, ApiError> {
    let limit = params.limit()?;
    let at = params.time_or("time", app.clock.wall_ms())?;
    let timeout = timeout(&params)?;
    let options = options(&params)?;
    let (store, engine) = (open_store(&app)?, app.engine());
    let query = params.get("query").to_owned();
    let evaluate =
        move |interrupt: &dyn nightjar_query::Interrupt| engine.instant(&*store, &query, at, &options, interrupt);
    answer(&app, &params, limit, timeout, evaluate).await
}

/// `GET|POST /api/v1/query_range`.
pub(super) async fn range(State(app): State<Arc<App>>, params: Params) -> Result<Response, ApiError> {
    let limit = params.limit()?;
    let steps = steps(&params)?;
    let timeout = timeout(&params)?;
    let options = options(&params)?;
    let (store, engine) = (open_store(&app)?, app.engine());
    let query = params.get("query").to_owned();
    let evaluate =
        move |interrupt: &dyn nightjar_query::Interrupt| engine.range(&*store, &query, steps, &options, interrupt);
    answer(&app, &params, limit, timeout, evaluate).await
}

fn steps(params: &Params) -> Result<Steps, ApiError> {
    let (start, end) = (params.time("start")?, params.time("end")?);
    if end < start {
        return Err(ApiError::parameter("end", "end timestamp must not be before start time"));
    }
    let step_ms = time::parse_duration_ms(params.get("step")).map_err(|e| ApiError::parameter("step", e))?;
    if step_ms <= 0.0 {
        let reason = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(ApiError::parameter("step", reason));
    }
    // Prometheus takes a step below a millisecond for 0 ms and then never ends; one millisecond is the least here.
    let step_ms = (step_ms as i64).max(1);
    if end.saturating_sub(start) / step_ms > MAX_POINTS {
        return Err(ApiError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ));
    }
    Ok(Steps { start, end, step_ms })
}

fn timeout(params: &Params) -> Result<Option<Duration>, ApiError> {
    match params.get("timeout") {
        "" => Ok(None),
        text => time::parse_timeout(text).map(Some).map_err(|e| ApiError::parameter("timeout", e)),
    }
}

fn options(params: &Params) -> Result<QueryOptions, ApiError> {
    let lookback_ms = match params.get("lookback_delta") {
        "" => None,
        text => {
            let ms = time::parse_duration_ms(text)
                .map_err(|e| ApiError::bad_data(format!("error parsing lookback delta duration: {e}")))?;
            Some(ms as i64).filter(|ms| *ms > 0)
        }
    };
    Ok(QueryOptions { lookback_ms, per_step_stats: params.get("stats") == "all" })
}

/// The open store; routes that need it are not called before it is open.
pub(super) fn open_store(app: &App) -> Result<Arc<dyn Store>, ApiError> {
    app.store.get().cloned().ok_or_else(|| ApiError::new(ErrorType::Unavailable, "the database is being opened"))
}

/// Why a job has no result, as an answer.
pub(super) fn not_run(reason: NotRun) -> ApiError {
    match reason {
        NotRun::QueueTimeout => ApiError::new(ErrorType::Timeout, "query timed out in query queue"),
        NotRun::Panicked => {
            ApiError::new(ErrorType::Internal, "the query met a bug of this server; its log has details")
        }
    }
}

async fn answer(
    app: &Arc<App>,
    params: &Params,
    limit: usize,
    timeout: Option<Duration>,
    evaluate: impl FnOnce(&dyn nightjar_query::Interrupt) -> Result<Answer, QueryError> + Send + 'static,
) -> Result<Response, ApiError> {
    let wanted = params.get("stats").to_owned();
    let (clock, queued) = (Arc::clone(&app.clock), app.clock.monotonic());
    let metrics = Arc::clone(&app.metrics);
    let job = move |interrupt: &dyn nightjar_query::Interrupt| {
        let begin = clock.monotonic();
        let mut answer = evaluate(interrupt).inspect_err(|_| metrics.query.failed.add(1))?;
        metrics.query.samples.add(answer.stats.total_samples);
        let timings = Timings { queue: begin.saturating_sub(queued), eval: clock.monotonic().saturating_sub(begin) };
        truncate(&mut answer, limit);
        answer.warnings.extend(stats::deprecated(&wanted));
        let stats = stats::json(&wanted, &answer.stats, timings);
        Ok(respond::pieces(AnswerPieces::new(answer, stats)))
    };
    match app.execution.run(timeout, job).await {
        Ok(result) => result.map_err(|e: QueryError| e.into()),
        Err(reason) => Err(not_run(reason)),
    }
}

/// Keeps the first `limit` series (0 = all) and says so.
fn truncate(answer: &mut Answer, limit: usize) {
    let before = match &mut answer.value {
        Value::Vector(samples) if limit > 0 => {
            let before = samples.len();
            samples.truncate(limit);
            before
        }
        Value::Matrix(series) if limit > 0 => {
            let before = series.len();
            series.truncate(limit);
            before
        }
        _ => return,
    };
    if before > limit {
        answer.warnings.push("results truncated due to limit".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(query: &str) -> String {
        steps(&Params::parse(query)).unwrap_err().message
    }

    #[test]
    fn ranges_and_their_sentences() {
        let good = steps(&Params::parse("start=0&end=11000&step=1")).unwrap();
        assert_eq!(good, Steps { start: 0, end: 11_000_000, step_ms: 1000 });
        assert_eq!(steps(&Params::parse("start=1&end=1&step=1h30m")).unwrap().step_ms, 5_400_000);
        assert_eq!(steps(&Params::parse("start=1&end=1&step=0.0001")).unwrap().step_ms, 1);
        let table = [
            ("start=2&end=1&step=1", "invalid parameter \"end\": end timestamp must not be before start time"),
            ("end=1&step=1", "invalid parameter \"start\": cannot parse \"\" to a valid timestamp"),
            ("start=1&end=1&step=x", "invalid parameter \"step\": cannot parse \"x\" to a valid duration"),
            (
                "start=1&end=1&step=0",
                "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
            ),
            (
                "start=0&end=11001&step=1",
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
            ),
        ];
        for (query, message) in table {
            assert_eq!(refused(query), message);
        }
    }
}
