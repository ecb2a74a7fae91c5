//! `query` and `query_range`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use nightjar_query::{Answer, Interrupt, MaxSourceResolution, QueryError, QueryOptions, Steps, Value};

use super::answer::AnswerPieces;
use super::error::{ApiError, ErrorType};
use super::origin::Asker;
use super::params::Params;
use super::respond;
use super::stats;
use super::time;
use crate::app::App;
use crate::execution::NotRun;
use crate::queries::Kind;
use crate::store::Store;

/// Most points of one series in an answer.
const MAX_POINTS: i64 = 11_000;

/// `GET|POST /api/v1/query`.
pub(super) async fn instant(State(app): State<Arc<App>>, asker: Asker, params: Params) -> Result<Response, ApiError> {
    let limit = params.limit()?;
    let at = params.time_or("time", app.clock.wall_ms())?;
    let timeout = timeout(&params)?;
    let options = options(&app, &params)?;
    let (store, engine) = (open_store(&app)?, app.engine());
    let query = params.get("query").to_owned();
    let evaluate = move |interrupt: &dyn Interrupt| engine.instant(&*store, &query, at, &options, interrupt);
    let asked = Asked { params: &params, asker, kind: Kind::Instant(at), limit, timeout };
    answer(&app, asked, evaluate).await
}

/// `GET|POST /api/v1/query_range`.
pub(super) async fn range(State(app): State<Arc<App>>, asker: Asker, params: Params) -> Result<Response, ApiError> {
    let limit = params.limit()?;
    let steps = steps(&params)?;
    let timeout = timeout(&params)?;
    let options = options(&app, &params)?;
    let (store, engine) = (open_store(&app)?, app.engine());
    let query = params.get("query").to_owned();
    let evaluate = move |interrupt: &dyn Interrupt| engine.range(&*store, &query, steps, &options, interrupt);
    let asked = Asked { params: &params, asker, kind: Kind::Range(steps), limit, timeout };
    answer(&app, asked, evaluate).await
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

fn options(app: &App, params: &Params) -> Result<QueryOptions, ApiError> {
    let lookback_ms = match params.get("lookback_delta") {
        "" => None,
        text => {
            let ms = time::parse_duration_ms(text)
                .map_err(|e| ApiError::bad_data(format!("error parsing lookback delta duration: {e}")))?;
            Some(ms as i64).filter(|ms| *ms > 0)
        }
    };
    Ok(QueryOptions {
        lookback_ms,
        per_step_stats: app.settings.per_step_stats && params.get("stats") == "all",
        max_source_resolution: max_source_resolution(params.get(RESOLUTION), app.settings.max_source_resolution)?,
    })
}

/// Which downsampled samples a query may read, in the words of Thanos; `default` when it says nothing.
const RESOLUTION: &str = "max_source_resolution";

fn max_source_resolution(text: &str, default: MaxSourceResolution) -> Result<MaxSourceResolution, ApiError> {
    let ms = match text {
        "" => return Ok(default),
        "auto" => return Ok(MaxSourceResolution::Auto),
        text => time::parse_duration_ms(text).map_err(|e| ApiError::parameter(RESOLUTION, e))?,
    };
    match ms {
        ms if ms < 0.0 => Err(ApiError::parameter(RESOLUTION, "it is negative; write auto, or a duration as 5m")),
        ms if ms < 1.0 => Ok(MaxSourceResolution::Samples),
        ms => Ok(MaxSourceResolution::UpTo(ms as i64)),
    }
}

/// The open store; routes that need it are not called before it is open.
pub(super) fn open_store(app: &App) -> Result<Arc<dyn Store>, ApiError> {
    app.store.get().cloned().ok_or_else(|| ApiError::new(ErrorType::Unavailable, "the database is being opened"))
}

/// Why a job has no result, as an answer.
pub(super) fn not_run(reason: NotRun) -> ApiError {
    match reason {
        NotRun::QueueTimeout => ApiError::new(ErrorType::Timeout, "query timed out in query queue"),
        NotRun::Canceled => ApiError::stopped(),
        NotRun::Panicked => {
            ApiError::new(ErrorType::Internal, "the query met a bug of this server; its log has details")
        }
    }
}

/// A query as it was asked.
struct Asked<'a> {
    params: &'a Params,
    asker: Asker,
    kind: Kind,
    limit: usize,
    timeout: Option<Duration>,
}

async fn answer(
    app: &Arc<App>,
    asked: Asked<'_>,
    evaluate: impl Fn(&dyn Interrupt) -> Result<Answer, QueryError> + Send + 'static,
) -> Result<Response, ApiError> {
    let Asked { params, asker, kind, limit, timeout } = asked;
    let wanted = params.get("stats").to_owned();
    let ticket = app.queries.start(params.get("query"), kind, asker.into());
    let tracked = Arc::clone(ticket.tracked());
    let (clock, metrics) = (Arc::clone(&app.clock), Arc::clone(&app.metrics));
    let finish = move |answer: Result<Answer, QueryError>| {
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                metrics.query.failed.add(1);
                ticket.failed(&error.to_string());
                return Err(if ticket.tracked().is_canceled() { ApiError::stopped() } else { error.into() });
            }
        };
        metrics.query.samples.add(answer.stats.total_samples);
        truncate(&mut answer, limit);
        answer.warnings.extend(stats::deprecated(&wanted));
        let spent = ticket.tracked().snapshot(clock.monotonic()).spent;
        let stats = stats::json(&wanted, &answer.stats, &spent);
        ticket.done();
        Ok(respond::pieces(AnswerPieces::new(answer, stats, Some(ticket))))
    };
    app.execution.query(timeout, tracked, evaluate, finish).await.map_err(not_run)?
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

    #[test]
    fn resolutions() {
        let read = |text: &str| max_source_resolution(text, MaxSourceResolution::Auto).map_err(|e| e.message);
        for (text, expected) in [
            ("", MaxSourceResolution::Auto),
            ("auto", MaxSourceResolution::Auto),
            ("0s", MaxSourceResolution::Samples),
            ("5m", MaxSourceResolution::UpTo(300_000)),
            ("3600", MaxSourceResolution::UpTo(3_600_000)),
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
        for text in ["-1", "often"] {
            assert!(read(text).unwrap_err().contains("max_source_resolution"), "{text}");
        }
    }

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
