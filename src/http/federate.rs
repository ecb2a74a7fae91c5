//! `/federate`: the newest samples of selected series, as another Prometheus scrapes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use nightjar_model::labels::METRIC_NAME;
use nightjar_model::number::format_g;
use nightjar_model::storage::{SelectHints, StorageError};
use nightjar_model::{ClosedRange, Labels, Matcher, TimestampMs, is_stale};
use nightjar_query::Interrupt;

use super::error::ApiError;
use super::matchers::matcher_sets;
use super::params::Params;
use super::query::{not_run, open_store};
use super::respond;
use crate::app::App;
use crate::exposition;
use crate::store::Store;

/// Series read at once.
const TILE: usize = 64;

/// Bytes of a line, about.
const LINE_BYTES: u64 = 250;

/// The newest sample of a series.
struct Newest {
    labels: Labels,
    time: TimestampMs,
    value: f64,
}

/// `GET /federate`.
pub(super) async fn federate(State(app): State<Arc<App>>, params: Params) -> Result<Response, ApiError> {
    let sets = matcher_sets(&params, &app.settings.parser).map_err(ApiError::bad_data)?;
    let (store, memory) = (open_store(&app)?, Arc::clone(&app.query_memory));
    let external = app.loaded.read().config.external_labels.clone();
    let now = app.clock.wall_ms();
    let range = ClosedRange { start: now - app.engine().options().lookback_ms, end: now };
    let job = move |interrupt: &dyn Interrupt| -> Result<String, ApiError> {
        let mut memory = memory.reserve();
        let querier = store.querier(range)?;
        let mut series = 0;
        for matchers in &sets {
            series += querier.weigh(matchers, range)?.map_or(0, |weight| weight.series);
        }
        memory.admit(series * LINE_BYTES)?;
        Ok(text(newest(&*store, &sets, range, interrupt)?, &external))
    };
    let text = app.execution.run(None, job).await.map_err(not_run)??;
    Ok(respond::with_type(StatusCode::OK, exposition::CONTENT_TYPE, Body::from(text)))
}

/// The newest float of every selected series, each once, sorted by metric name.
fn newest(
    store: &dyn Store,
    sets: &[Vec<Matcher>],
    range: ClosedRange,
    interrupt: &dyn Interrupt,
) -> Result<Vec<Newest>, StorageError> {
    let querier = store.querier(range)?;
    let (mut found, mut tile) = (Vec::new(), Vec::new());
    for matchers in sets {
        let set = querier.select(matchers, &SelectHints::range(range))?;
        for start in (0..set.len()).step_by(TILE) {
            if interrupt.check().is_some() {
                return Err(StorageError::Canceled);
            }
            let end = (start + TILE).min(set.len());
            tile.clear();
            set.read(start..end, range, &mut tile)?;
            for (index, data) in (start..end).zip(&tile) {
                let last = data.floats.timestamps.last().copied().zip(data.floats.values.last().copied());
                let newer = data.histograms.timestamps.last().copied();
                found.extend(
                    last.filter(|(time, value)| !is_stale(*value) && newer.is_none_or(|t| t < *time))
                        .map(|(time, value)| Newest { labels: set.labels(index), time, value }),
                );
            }
        }
    }
    let name = |newest: &Newest| newest.labels.metric_name().to_owned();
    found.sort_by(|a, b| name(a).cmp(&name(b)).then_with(|| a.labels.cmp(&b.labels)));
    found.dedup_by(|a, b| a.labels == b.labels);
    Ok(found)
}

fn text(samples: Vec<Newest>, external: &BTreeMap<String, String>) -> String {
    let (mut out, mut family) = (String::new(), String::new());
    for Newest { labels, time, value } in samples {
        let name = plain(labels.metric_name());
        if name.is_empty() {
            continue;
        }
        if name != family {
            out.push_str(&format!("# TYPE {name} untyped\n"));
            family.clone_from(&name);
        }
        let own = labels.iter().filter(|l| l.name != METRIC_NAME).map(|l| (plain(l.name), l.value));
        let mut pairs: Vec<(String, &str)> = own.collect();
        // A target without an instance must not get that of the one who is scraped here.
        let instance = (!external.contains_key("instance")).then_some(("instance", ""));
        let rest = external.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(instance);
        let mut rest: Vec<_> = rest.filter(|(name, _)| labels.get(name).is_none()).collect();
        rest.sort_unstable();
        pairs.extend(rest.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
        out.push_str(&format!("{name}{{{}}} {} {time}\n", pairs.join(","), format_g(value)));
    }
    out
}

/// A name as the text format without quotes spells it.
fn plain(name: &str) -> String {
    let fits = |(i, c): (usize, char)| {
        if c == '_' || c == ':' || c.is_ascii_alphabetic() || (i > 0 && c.is_ascii_digit()) { c } else { '_' }
    };
    name.chars().enumerate().map(fits).collect()
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let sample = |pairs: &[(&str, &str)], value| Newest {
            labels: Labels::from_pairs(pairs.iter().copied()),
            time: 6_000_000,
            value,
        };
        let samples = || {
            vec![
                sample(&[("__name__", "a.b"), ("foo", "q\"\\\n"), ("instance", "i")], 10_000.0),
                sample(&[("__name__", "c")], f64::NAN),
                sample(&[("__name__", "c"), ("zone", "own")], f64::INFINITY),
            ]
        };
        assert_eq!(
            text(samples(), &BTreeMap::new()),
            "# TYPE a_b untyped\na_b{foo=\"q\\\"\\\\\\n\",instance=\"i\"} 10000 6000000\n\
             # TYPE c untyped\nc{instance=\"\"} NaN 6000000\nc{zone=\"own\",instance=\"\"} +Inf 6000000\n"
        );
        let external = BTreeMap::from([("zone".to_owned(), "ie".to_owned())]);
        assert!(text(samples(), &external).contains("c{instance=\"\",zone=\"ie\"} NaN"));
    }
}
