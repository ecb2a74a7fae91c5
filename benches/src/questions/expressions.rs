//! The expressions of Prometheus' own benchmark of range queries (`promql/bench_test.go`), over the same data: a day and
//! 10,000 steps of 10 s, of which most has long been packed.

use std::time::Duration;

use nightjar_model::Labels;

use crate::Outcome;
use crate::bench::Bench;
use crate::cost::{ask, range};
use crate::report::Report;
use crate::server::Kind;
use crate::synthetic::Synthetic;

const STEP_MS: i64 = 10_000;
/// Most of the data is old enough to be packed first; that is not what is asked about.
const PACKED_WITHIN: Duration = Duration::from_secs(60);

/// Expressions, and the steps they are asked for when that is not as usual: 1 and 1000. `X`: `one`, `hundred`.
const EXPRESSIONS: [(&str, Option<usize>); 43] = [
    ("a_X", None),
    ("rate(a_X[1m])", None),
    ("rate(a_X[1m])", Some(10_000)),
    ("rate(sparse[1m])", Some(10_000)),
    ("rate(a_X[1m] smoothed)", None),
    ("rate(a_X[1m] smoothed)", Some(10_000)),
    ("rate(sparse[1m] smoothed)", Some(10_000)),
    ("double_exponential_smoothing(a_X[1d], 0.3, 0.3)", None),
    ("changes(a_X[1d])", None),
    ("rate(a_X[1d])", None),
    ("absent_over_time(a_X[1d])", None),
    ("-a_X", None),
    ("a_X - b_X", None),
    ("a_X - b_X", Some(10_000)),
    ("a_X and b_X{l=~'.*[0-4]$'}", None),
    ("a_X or b_X{l=~'.*[0-4]$'}", None),
    ("a_X unless b_X{l=~'.*[0-4]$'}", None),
    ("a_X and b_X{l='notfound'}", None),
    ("abs(a_X)", None),
    ("label_replace(a_X, 'l2', '$1', 'l', '(.*)')", None),
    ("label_join(a_X, 'l2', '-', 'l', 'l')", None),
    ("sum(a_X)", None),
    ("avg(a_X)", None),
    ("sum without (l)(h_X)", None),
    ("sum without (le)(h_X)", None),
    ("sum by (l)(h_X)", None),
    ("sum by (le)(h_X)", None),
    ("count_values('value', h_X)", Some(100)),
    ("topk(1, a_X)", None),
    ("topk(5, a_X)", None),
    ("limitk(1, a_X)", None),
    ("limitk(5, a_X)", None),
    ("limit_ratio(0.1, a_X)", None),
    ("limit_ratio(0.5, a_X)", None),
    ("limit_ratio(-0.5, a_X)", None),
    ("rate(a_X[1m]) + rate(b_X[1m])", None),
    ("sum without (l)(rate(a_X[1m]))", None),
    ("sum without (l)(rate(a_X[1m])) / sum without (l)(rate(b_X[1m]))", None),
    ("histogram_quantile(0.9, rate(h_X[5m]))", None),
    ("a_X + on(l) group_right a_one", None),
    ("count({__name__!=\"\"})", Some(1)),
    ("count({__name__!=\"\",l=\"\"})", Some(1)),
    ("timestamp(a_X)", None),
];

pub(crate) fn measure(bench: &Bench<'_>, kind: &Kind, report: &mut Report) -> Outcome<()> {
    let (server, _) = bench.fresh(kind, "promql")?;
    let scrapes = bench.pick(2_500, 8_640 + 10_000);
    let (dense, points) = (series(), scrapes / 50);
    let (width, scale) = (dense.len(), dense.len() as f64);
    let series = [dense, sparse(scrapes / points)].concat();
    let data = Synthetic { series, end: bench.now, step_ms: STEP_MS, scrapes };
    data.send(&server, |series, scrape| match series.checked_sub(width) {
        None => Some(scrape as f64 + series as f64 / scale),
        Some(sparse) => (scrape / points == sparse).then(|| scrape as f64 / scale),
    })?;
    if kind.name == "victoria-metrics" {
        server.client()?.get("/internal/force_flush")?;
        server.client()?.get("/internal/force_merge")?;
    }
    server.settle(PACKED_WITHIN)?;
    let limit = Duration::from_millis(bench.pick(150, 400));
    for (expression, only) in EXPRESSIONS {
        for size in if expression.contains('X') { &["one", "hundred"][..] } else { &["one"] } {
            for steps in only.map_or(vec![1, 1000], |steps| vec![steps]) {
                let steps = steps.min(scrapes / 2);
                let query = expression.replace('X', size);
                let path = range(&spelled(&query, &kind.name), bench.now - steps as i64 * STEP_MS, bench.now, 10);
                ask(report, &server, "Prometheus' own expressions", &format!("{query}, {steps}"), &path, limit);
            }
        }
    }
    Ok(())
}

/// The expression as the server calls it.
fn spelled(query: &str, server: &str) -> String {
    if server == "nightjar" { query.to_owned() } else { query.replace("double_exponential_smoothing", "holt_winters") }
}

/// `a_`, `b_` with a series for each `l`, `h_` with eleven.
fn series() -> Vec<Labels> {
    let mut series = Vec::new();
    for (size, count) in [("one", 1), ("ten", 10), ("hundred", 100)] {
        for i in 0..count {
            let l = (count > 1).then(|| ("l".to_owned(), i.to_string()));
            let named = |name: &str, le: Option<String>| {
                let name = ("__name__".to_owned(), format!("{name}_{size}"));
                let le = le.map(|le| ("le".to_owned(), le));
                Labels::from_pairs([name].into_iter().chain(l.clone()).chain(le))
            };
            series.extend(["a", "b"].map(|name| named(name, None)));
            series.extend((0..10).map(|le| named("h", Some(le.to_string()))));
            series.push(named("h", Some("+Inf".to_owned())));
        }
    }
    series
}

/// Series of which each has samples for a fiftieth of the time.
fn sparse(count: usize) -> Vec<Labels> {
    let one = |l: usize| Labels::from_pairs([("__name__", "sparse".to_owned()), ("l", l.to_string())]);
    (0..=count).map(one).collect()
}
