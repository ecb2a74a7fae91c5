//! `/graph`: the page that links in alerts open. An expression, its answer as a table, and how to ask again; no scripts.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use nightjar_model::number::format_f;
use nightjar_query::{QueryOptions, SampleValue, Value};

use super::pages::escape;
use super::params::Params;
use super::respond;
use crate::app::App;

/// Most rows of an answer that are shown.
const MOST_ROWS: usize = 1_000;

/// `GET /graph?g0.expr=...`.
pub(super) async fn graph(State(app): State<Arc<App>>, params: Params) -> Response {
    let expr = params.get("g0.expr").to_owned();
    let at = params.time_or("g0.end_input", app.clock.wall_ms()).unwrap_or_else(|_| app.clock.wall_ms());
    let answer = if expr.trim().is_empty() { String::new() } else { answer(&app, expr.clone(), at).await };
    let (title, base) = (escape(&app.settings.page_title), escape(&app.settings.external_path));
    let page = format!(
        "<!doctype html><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><h1>{title}</h1><form action=\"{base}/graph\">\
         <p><label>Expression<br><textarea name=\"g0.expr\" rows=\"4\" cols=\"100\">{}</textarea></label>\
         <p><button>Ask</button></form>{answer}\n",
        escape(&expr)
    );
    let mut response = respond::with_type(StatusCode::OK, "text/html; charset=utf-8", Body::from(page));
    let policy = "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

/// The answer as a piece of a page.
async fn answer(app: &Arc<App>, expr: String, at: i64) -> String {
    let Some(store) = app.store.get().map(Arc::clone) else { return "<p>The data is still being opened.".to_owned() };
    let engine = app.engine();
    let ask = move |interrupt: &dyn nightjar_query::Interrupt| {
        engine.instant(&*store, &expr, at, &QueryOptions::default(), interrupt)
    };
    match app.execution.run(None, ask).await {
        Ok(Ok(answer)) => table(&answer.value),
        Ok(Err(error)) => format!("<p>{}", escape(&error.to_string())),
        Err(_) => "<p>The query could not be run in time.".to_owned(),
    }
}

fn table(value: &Value) -> String {
    match value {
        Value::Vector(samples) => {
            let shown = |value: &SampleValue| match value {
                SampleValue::Float(v) => format_f(*v),
                SampleValue::Histogram(h) => h.to_string(),
            };
            let row = |(labels, value): (String, String)| format!("<tr><td>{}<td>{}", escape(&labels), escape(&value));
            let rows = samples.iter().take(MOST_ROWS).map(|s| row((s.labels.to_string(), shown(&s.value))));
            let more = match samples.len().saturating_sub(MOST_ROWS) {
                0 => String::new(),
                rest => format!("<p>{rest} more"),
            };
            format!("<table>{}</table><p>{} series{more}", rows.collect::<String>(), samples.len())
        }
        Value::Scalar(_, v) => format!("<p>{}", format_f(*v)),
        _ => "<p>Ask for a range of this through /api/v1/query_range.".to_owned(),
    }
}
