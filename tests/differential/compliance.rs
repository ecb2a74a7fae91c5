//! The queries of PromLabs' compliance test, over data like that of its demo service.
//!
//! Whether one should fail is left to the real Prometheus: two of the five that should do not since labels may have any name.

use std::path::Path;

use nightjar_model::Labels;
use serde::Deserialize;

use crate::data::{BASE_MS, Series, push};
use crate::explained::Buckets;
use crate::judge::{Judge, Question, When};
use crate::peer::{Pair, Setup};
use crate::rng::Rng;

const QUERIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/compliance/promql-test-queries.yml");
/// How many queries the templates stand for.
const EXPANSIONS: usize = 539;
const INTERVAL_MS: i64 = 5_000;
/// Ninety minutes: the longest window and the longest offset fit before the ten minutes that are asked.
const SAMPLES: i64 = 1_080;

#[derive(Deserialize)]
struct File {
    test_cases: Vec<Template>,
}

#[derive(Deserialize)]
struct Template {
    query: String,
    #[serde(default)]
    variant_args: Vec<String>,
}

/// What each variable of the templates stands for.
const VARIANTS: &[(&str, &str)] = &[
    ("range", "1s 15s 1m 5m 15m 1h"),
    ("offset", "1m 5m 10m"),
    ("simpleAggrOp", "sum avg max min count stddev stdvar"),
    ("simpleTimeAggrOp", "sum avg max min count stddev stdvar absent last"),
    ("topBottomOp", "topk bottomk"),
    ("quantile", "-0.5 0.1 0.5 0.75 0.95 0.90 0.99 1 1.5"),
    ("arithBinOp", "+ - * / % ^"),
    ("compBinOp", "== != < > <= >="),
    ("binOp", "+ - * / % ^ == != < > <= >="),
    ("simpleMathFunc", "abs ceil floor exp sqrt ln log2 log10 round"),
    ("extrapolatedRateFunc", "delta rate increase"),
    ("instantRateFunc", "idelta irate"),
    ("clampFunc", "clamp_min clamp_max"),
    ("dateFunc", "day_of_month day_of_week days_in_month hour minute month year"),
];

fn expand(template: &Template) -> Vec<String> {
    template.variant_args.iter().fold(vec![template.query.clone()], |queries, variable| {
        let (_, values) = VARIANTS.iter().find(|(name, _)| name == variable).expect("a known variable");
        let place = format!("{{{{.{variable}}}}}");
        queries.iter().flat_map(|query| values.split(' ').map(|value| query.replace(&place, value))).collect()
    })
}

pub fn compliance_queries() {
    if !Path::new(QUERIES).exists() {
        eprintln!("SKIPPED: {QUERIES} is absent");
        return;
    }
    let Some(pair) = Pair::start(Setup::Plain) else { return };
    let file: File =
        serde_saphyr::from_str(&std::fs::read_to_string(QUERIES).expect("it can be read")).expect("it is YAML");
    let mut both = pair.connect();
    push(&mut both, &mut demo_service());
    let judge = Judge::new(pair.version, Buckets::All);
    let end = BASE_MS / 1000 + SAMPLES * INTERVAL_MS / 1000;
    // Between the steps of subqueries: versions before 3.0 count those on a window's left edge in.
    let at = |seconds: i64| format!("{seconds}.5");
    let questions = [When::Range(at(end - 600), at(end), "10".to_owned()), When::Instant(at(end))];
    let (mut queries, mut failures) = (0, Vec::new());
    for template in &file.test_cases {
        for query in expand(template) {
            queries += 1;
            failures.extend(judge.syntax(&mut both, &query).err());
            for when in &questions {
                if let Err(e) = judge
                    .compare(&mut both, &Question { query: &query, when, lookback: None, limit: None, stats: false })
                {
                    failures.push(format!("{query} {when:?}\n    {e}"));
                }
            }
        }
    }
    eprintln!("{}", judge.report(&format!("{queries} compliance queries, instant and range")));
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(queries, EXPANSIONS);
}

/// What three instances of the demo service would have pushed, scraped every five seconds.
fn demo_service() -> Vec<Series> {
    let mut rng = Rng::new(7);
    let mut all = Vec::new();
    for port in 0..3i64 {
        let instance = format!("demo.promlabs.com:1000{port}");
        let mut add = |name: &str, more: &[(&str, &str)], value: &mut dyn FnMut(i64, i64) -> Option<f64>| {
            let own = [("__name__", name), ("instance", instance.as_str()), ("job", "demo")];
            let mut series = Series::new(Labels::from_pairs(own.iter().chain(more).copied()));
            for i in 0..SAMPLES + 5 {
                let t = BASE_MS + i * INTERVAL_MS + 137 + port * 1_311;
                if let Some(value) = value(i, t) {
                    series.float(t, value);
                }
            }
            all.push(series);
        };
        for kind in ["buffers", "cached", "free", "used"] {
            let mut bytes = rng.between(1 << 20, 1 << 30);
            add("demo_memory_usage_bytes", &[("type", kind)], &mut |_, _| {
                bytes += rng.between(-(1 << 16), 1 << 16);
                Some(bytes as f64)
            });
        }
        for mode in ["idle", "system", "user"] {
            let mut seconds = rng.below(1000) as f64;
            add("demo_cpu_usage_seconds_total", &[("mode", mode)], &mut |i, _| {
                seconds = if i == 700 { 0.0 } else { seconds + rng.below(5000) as f64 / 1000.0 };
                Some(seconds)
            });
        }
        add("demo_num_cpus", &[], &mut |_, _| Some(4.0));
        add("demo_disk_usage_bytes", &[], &mut |i, _| Some(1e9 + i as f64 * 1e4 + rng.below(9999) as f64));
        add("demo_disk_total_bytes", &[], &mut |_, _| Some(2.6e11));
        add("demo_intermittent_metric", &[], &mut |i, _| (i / 90 % 2 == 0).then_some(1.0));
        add("demo_batch_last_success_timestamp_seconds", &[], &mut |i, t| {
            Some((t / 1000 - i % 60 * 5) as f64 + port as f64 / 8.0)
        });
        for (method, path) in [("GET", "/api/foo"), ("GET", "/api/bar"), ("POST", "/api/foo")] {
            let labels = [("method", method), ("path", path), ("status", "200")];
            let speed = rng.between(1, 5);
            let total = move |i: i64, part: f64| ((i * speed * 20) as f64 * part).floor();
            let bounds = ["0.0001", "0.001", "0.01", "0.1", "1", "10", "+Inf"];
            for (b, le) in bounds.into_iter().enumerate() {
                let mut own = labels.to_vec();
                own.push(("le", le));
                let part = (b + 1) as f64 / bounds.len() as f64;
                add("demo_api_request_duration_seconds_bucket", &own, &mut |i, _| Some(total(i, part)));
            }
            add("demo_api_request_duration_seconds_count", &labels, &mut |i, _| Some(total(i, 1.0)));
            add("demo_api_request_duration_seconds_sum", &labels, &mut |i, _| Some(total(i, 1.0) * 0.03125));
        }
    }
    all
}
