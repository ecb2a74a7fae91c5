//! Limits, interruption, statistics and odd shapes: what scripts cannot say.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "promqltest/memory.rs"]
#[allow(unreachable_pub, dead_code)]
mod memory;
#[path = "promqltest/series.rs"]
#[allow(unreachable_pub, dead_code)]
mod series;

use std::sync::atomic::{AtomicUsize, Ordering};

use memory::Memory;
use nightjar_model::{Labels, TimestampMs};
use nightjar_query::{
    Answer, Engine, EngineOptions, Features, Interrupt, QueryError, QueryOptions, Steps, Stop, Uninterrupted, Value,
};

/// `m{i="0"}` to `m{i="<series>"}`, `samples` samples each, one a minute.
fn storage(series: usize, samples: i64) -> Memory {
    let mut memory = Memory::default();
    for i in 0..series {
        let labels = Labels::from_pairs([("__name__", "m"), ("i", i.to_string().as_str())]);
        let sample = |k: i64| (k * 60_000, 0, series::Value::Float(k as f64));
        memory.load(labels, (0..samples).map(sample).collect());
    }
    memory
}

fn engine(max_samples: usize) -> Engine {
    let features = Features::default();
    Engine::new(EngineOptions { max_samples, lookback_ms: 300_000, default_subquery_step_ms: 60_000, features })
}

fn range(engine: &Engine, storage: &Memory, query: &str, end: TimestampMs) -> Result<Answer, QueryError> {
    let options = QueryOptions { per_step_stats: true, ..QueryOptions::default() };
    engine.range(storage, query, Steps { start: 0, end, step_ms: 60_000 }, &options, &Uninterrupted)
}

#[test]
fn too_many_samples_are_refused() {
    let storage = storage(100, 11);
    for query in ["m", "m + m", "rate(m[5m])", "sum by (i) (m)", "topk(100, m)"] {
        let error = range(&engine(500), &storage, query, 600_000).unwrap_err();
        let text = "query processing would load too many samples into memory in query execution";
        assert_eq!(error.to_string(), text, "{query}");
        assert!(matches!(error, QueryError::Execution(_)));
        assert!(range(&engine(5_000), &storage, query, 600_000).is_ok(), "{query}");
    }
}

#[test]
fn a_computed_duration_is_complained_of_without_its_parentheses() {
    let table = [
        ("m offset (2 * 17s - 4) / (0 - 0 * 1)", "10:35: division by zero"),
        ("m offset (2 * 17s - 4) / NaN", "10:28: duration is NaN or infinite"),
        ("m offset (2 * 17s - 4) ^ 100", "10:28: duration is out of range"),
        ("rate(m[(1m - 2m)])", "8:15: duration must be greater than 0"),
        // From the outside in.
        ("sum_over_time(rate(m[(1m - 2m)])[5m:(1m - 1m)])", "37:44: duration must be greater than 0"),
        ("rate(m[(1m - 2m)] offset (2 * 17s - 4) ^ 100)", "8:15: duration must be greater than 0"),
    ];
    for (query, expected) in table {
        let error = range(&engine(5_000), &storage(1, 1), query, 600_000).unwrap_err().to_string();
        assert!(error.contains(expected), "{query}: {error}");
    }
}

/// Stops at the given question.
struct StopAt(AtomicUsize, Stop);

impl Interrupt for StopAt {
    fn check(&self) -> Option<Stop> {
        let left = self.0.load(Ordering::Relaxed);
        self.0.store(left.saturating_sub(1), Ordering::Relaxed);
        (left == 0).then_some(self.1)
    }
}

#[test]
fn a_query_stops_when_told() {
    let storage = storage(200, 100);
    let engine = engine(1_000_000);
    let steps = Steps { start: 0, end: 6_000_000, step_ms: 60_000 };
    for query in ["m", "sum(rate(m[5m]))", "m * on (i) m", "count_values(\"v\", m)", "max_over_time(sum(m)[1h:])"] {
        let mut stopped = 0;
        for at in 0.. {
            let stop = StopAt(AtomicUsize::new(at), Stop::Canceled);
            match engine.range(&storage, query, steps, &QueryOptions::default(), &stop) {
                Err(QueryError::Canceled) => stopped += 1,
                Ok(_) => break,
                Err(other) => panic!("{query}: {other}"),
            }
        }
        assert!(stopped > 2, "{query} asks only {stopped} times");
    }
    let stop = StopAt(AtomicUsize::new(0), Stop::Timeout(std::time::Duration::from_secs(1)));
    let error = engine.instant(&storage, "m", 0, &QueryOptions::default(), &stop).unwrap_err();
    assert_eq!(error.to_string(), "query timed out in expression evaluation");
}

#[test]
fn statistics_count_what_each_step_sees() {
    let storage = storage(2, 11);
    let answer = range(&engine(10_000), &storage, "sum_over_time(m[3m])", 180_000).unwrap();
    let per_step: Vec<u64> = answer.stats.per_step.unwrap().into_iter().map(|(_, samples)| samples).collect();
    assert_eq!(per_step, [2, 4, 6, 6]);
    assert_eq!((answer.stats.total_samples, answer.stats.samples_read), (18, 8));
    let answer = range(&engine(10_000), &storage, "m @ 60", 180_000).unwrap();
    assert_eq!((answer.stats.total_samples, answer.stats.samples_read), (8, 2));
    assert!(answer.stats.peak_samples >= 8);
}

/// The parser allows operators nested this deep; nothing below it may fall over.
#[test]
fn deep_expressions_are_evaluated() {
    let storage = storage(1, 2);
    let engine = engine(1_000_000);
    let chain = |operand: &str, operator: &str, depth: usize| vec![operand; depth].join(operator);
    for query in [chain("m", " + ", 1000), chain("m", " or ", 1000), chain("1", " + ", 1000), chain("m", " ^ ", 200)] {
        range(&engine, &storage, &query, 60_000).unwrap();
    }
    let parens = format!("{}m{}", "(-".repeat(120), ")".repeat(120));
    range(&engine, &storage, &parens, 60_000).unwrap();
}

#[test]
fn types_are_checked_and_empty_ranges_answer_nothing() {
    let storage = storage(1, 2);
    let engine = engine(1_000);
    let text = "invalid expression type \"range vector\" for range query, must be Scalar or instant Vector";
    assert_eq!(range(&engine, &storage, "m[5m]", 0).unwrap_err().to_string(), text);
    let text = "invalid expression type \"string\" for range query, must be Scalar or instant Vector";
    assert_eq!(range(&engine, &storage, "\"a\"", 0).unwrap_err().to_string(), text);
    for query in ["m", "rate(m[5m])", "sum(m)", "m + m", "max_over_time(m[5m:1m])", "sort(m)", "m @ 0", "absent(m)"] {
        let Value::Matrix(matrix) = range(&engine, &storage, query, -60_000).unwrap().value else { panic!() };
        assert!(matrix.is_empty(), "{query}");
    }
}

#[test]
fn a_query_may_override_the_lookback() {
    let storage = storage(1, 1);
    let options = QueryOptions { lookback_ms: Some(60_000), ..QueryOptions::default() };
    let count = |at| {
        let answer = engine(100).instant(&storage, "m", at, &options, &Uninterrupted).unwrap();
        let Value::Vector(vector) = answer.value else { panic!() };
        vector.len()
    };
    assert_eq!([0, 59_999, 60_000].map(count), [1, 1, 0]);
}

#[test]
fn the_ends_of_time_are_no_trouble() {
    let storage = storage(1, 3);
    let options = QueryOptions::default();
    for query in [
        "m",
        "rate(m[5m])",
        "m offset 100y",
        "m offset -100y",
        "m @ 9223372036854770",
        "rate(m[5m] @ -9223372036854770)",
        "max_over_time(m[5m:1m] @ 9223372036854770 offset -100y)",
        "sum_over_time(m[100y])",
        "absent(m)",
        "range()",
    ] {
        for at in [TimestampMs::MIN, -1, 0, TimestampMs::MAX] {
            let parsed = nightjar_query::parse(query, &nightjar_query::ParserOptions::ALL).unwrap();
            let _ = engine(1_000).instant_expr(&storage, &parsed, query, at, &options, &Uninterrupted);
            let steps = Steps { start: at, end: at.saturating_add(120_000), step_ms: 60_000 };
            let _ = engine(1_000).range_expr(&storage, &parsed, query, steps, &options, &Uninterrupted);
        }
        let steps = Steps { start: TimestampMs::MIN, end: TimestampMs::MAX, step_ms: 1 };
        assert!(engine(1_000).range(&storage, "m", steps, &options, &Uninterrupted).is_err());
    }
    let huge = engine(1_000).instant(&storage, "max_over_time(m[100y:1ms])", 0, &options, &Uninterrupted).unwrap_err();
    assert!(huge.to_string().contains("too many samples"));
}

/// One sample a series, at 0.
fn single(metric: &str, label: &str, samples: &[(&str, f64)]) -> Memory {
    let mut memory = Memory::default();
    for (text, value) in samples {
        let labels = Labels::from_pairs([("__name__", metric), (label, *text)]);
        memory.load(labels, vec![(0, 0, series::Value::Float(*value))]);
    }
    memory
}

fn instant(storage: &Memory, query: &str, features: Features) -> Result<Answer, QueryError> {
    let options = EngineOptions { max_samples: 1000, lookback_ms: 300_000, default_subquery_step_ms: 60_000, features };
    Engine::new(options).instant(storage, query, 0, &QueryOptions::default(), &Uninterrupted)
}

#[test]
fn a_limit_around_a_limit_takes_the_least() {
    let features = Features { experimental_functions: true, ..Features::default() };
    let storage = single("m", "i", &[("a", 5.0), ("b", 3.0), ("c", 4.0)]);
    let answer = instant(&storage, "limitk(1, limit_ratio(1, m))", features).unwrap();
    let Value::Vector(samples) = answer.value else { panic!("{:?}", answer.value) };
    assert_eq!(samples.iter().map(|s| s.labels.value("i")).collect::<Vec<_>>(), ["b"]);
}

#[test]
fn twice_the_same_quantile_is_one_too_many_unless_something_makes_one_of_both() {
    let late = Features { experimental_functions: true, delayed_name_removal: true, ..Features::default() };
    let storage = single("b_bucket", "le", &[("1", 1.0), ("+Inf", 2.0)]);
    let twice = "histogram_quantiles(b_bucket, \"q\", 0.5, 0.5)";
    let error = instant(&storage, twice, late).unwrap_err();
    assert_eq!(error.to_string(), "vector cannot contain metrics with the same labelset");
    let Value::Vector(samples) = instant(&storage, &format!("count({twice})"), late).unwrap().value else { panic!() };
    assert!(matches!(samples[0].value, nightjar_query::SampleValue::Float(2.0)));
}

#[test]
fn what_is_wrong_with_the_elements_comes_before_what_is_wrong_with_their_number() {
    let features = Features { experimental_functions: true, ..Features::default() };
    let storage = single("m", "i", &[("a", 5.0)]);
    for number in ["limit_ratio(NaN", "limitk(NaN", "topk(1e300"] {
        let query = format!("{number}, double_exponential_smoothing(m[2m:30s], 1, 0.5))");
        let error = instant(&storage, &query, features).unwrap_err().to_string();
        assert_eq!(error, "invalid smoothing factor. Expected: 0 < sf < 1, got: 1.000000", "{query}");
    }
}

#[test]
fn what_is_smoothed_is_not_counted_and_a_subquery_that_is_the_query_is() {
    let features = Features { extended_range_selectors: true, ..Features::default() };
    let storage = single("m", "i", &[("a", 5.0), ("b", 3.0)]);
    for (query, samples) in [("m smoothed", 0), ("m", 2), ("m[2m:1m]", 2)] {
        assert_eq!(instant(&storage, query, features).unwrap().stats.total_samples, samples, "{query}");
    }
}
