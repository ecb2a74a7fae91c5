//! The files tests stand in.

use std::collections::BTreeSet;

use nightjar_model::TimestampMs;

use crate::texts::Texts;
use crate::unit_test::time;
use crate::yaml::decode::{Fields, Problems, text};
use crate::yaml::{self, Node};

/// A file of tests.
#[derive(Clone, Debug)]
pub struct TestFile {
    /// Patterns of rule files, relative to the file.
    pub rule_files: Vec<String>,
    pub(super) interval_ms: i64,
    pub(super) group_order: Vec<String>,
    pub(super) tests: Vec<Test>,
    pub(super) fuzzy: bool,
}

/// One test.
#[derive(Clone, Debug)]
pub(super) struct Test {
    pub(super) name: String,
    pub(super) interval_ms: i64,
    pub(super) start: TimestampMs,
    /// Each series with its values, as written.
    pub(super) series: Vec<(String, String)>,
    pub(super) external_labels: Texts,
    pub(super) external_url: String,
    pub(super) alerts: Vec<AlertTest>,
    pub(super) queries: Vec<QueryTest>,
}

/// Alerts that shall fire at a time.
#[derive(Clone, Debug)]
pub(super) struct AlertTest {
    pub(super) at_ms: i64,
    pub(super) alertname: String,
    /// Labels without `alertname`, and annotations.
    pub(super) expected: Vec<(Texts, Texts)>,
}

/// What a query shall answer at a time.
#[derive(Clone, Debug)]
pub(super) struct QueryTest {
    pub(super) expr: String,
    pub(super) at_ms: i64,
    pub(super) expected: Vec<ExpectedSample>,
}

#[derive(Clone, Debug)]
pub(super) struct ExpectedSample {
    pub(super) labels: String,
    pub(super) value: f64,
    pub(super) histogram: String,
}

impl TestFile {
    /// Reads the text of a test file.
    pub fn parse(source: &str, ignore_unknown_fields: bool) -> Result<TestFile, String> {
        let document = yaml::parse(source)?;
        let mut problems = Problems::new(ignore_unknown_fields);
        let p = &mut problems;
        let empty = yaml::parse("{}")?.root;
        let root = document.root.or(empty).ok_or("empty document")?;
        const KNOWN: [&str; 5] = ["rule_files", "evaluation_interval", "group_eval_order", "tests", "fuzzy_compare"];
        let fields = Fields::of(&root, "main.unitTestFile", &KNOWN, p);
        let names = |name, p: &mut Problems| -> Vec<String> {
            fields.list(name, "[]string", p).into_iter().map(|node| text(node, p)).collect()
        };
        let (rule_files, group_order) = (names("rule_files", p), names("group_eval_order", p));
        let interval_ms = fields.duration_ms("evaluation_interval", p).filter(|ms| *ms > 0).unwrap_or(60_000);
        let fuzzy = fields.truth("fuzzy_compare", p);
        let tests = fields.list("tests", "[]main.testGroup", p);
        let tests: Result<Vec<_>, _> = tests.into_iter().map(|node| test(node, interval_ms, p)).collect();
        let tests = tests?;
        if let Some(message) = problems.message() {
            return Err(message);
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = group_order.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(format!("group name repeated in evaluation order: {twice}"));
        }
        Ok(TestFile { rule_files, interval_ms, group_order, tests, fuzzy })
    }
}

fn test(node: &Node, interval_ms: i64, p: &mut Problems) -> Result<Test, String> {
    const KNOWN: [&str; 8] = [
        "interval",
        "input_series",
        "alert_rule_test",
        "promql_expr_test",
        "external_labels",
        "external_url",
        "name",
        "start_timestamp",
    ];
    let fields = Fields::of(node, "main.testGroup", &KNOWN, p);
    let start = fields.text("start_timestamp", p);
    let series = fields.list("input_series", "[]main.series", p).into_iter().map(|node| {
        let series = Fields::of(node, "main.series", &["series", "values"], p);
        (series.text("series", p), series.text("values", p))
    });
    let series = series.collect();
    let alerts = fields.list("alert_rule_test", "[]main.alertTestCase", p);
    let alerts = alerts.into_iter().map(|node| alert_test(node, p)).collect();
    let queries = fields.list("promql_expr_test", "[]main.promqlTestCase", p);
    let queries = queries.into_iter().map(|node| query_test(node, p)).collect();
    Ok(Test {
        name: fields.text("name", p),
        interval_ms: fields.duration_ms("interval", p).filter(|ms| *ms > 0).unwrap_or(interval_ms),
        start: if start.is_empty() { 0 } else { time::parse(&start)? },
        series,
        external_labels: fields.texts("external_labels", p),
        external_url: fields.text("external_url", p),
        alerts,
        queries,
    })
}

fn alert_test(node: &Node, p: &mut Problems) -> AlertTest {
    let fields = Fields::of(node, "main.alertTestCase", &["eval_time", "alertname", "exp_alerts"], p);
    let expected = fields.list("exp_alerts", "[]main.alert", p).into_iter().map(|node| {
        let alert = Fields::of(node, "main.alert", &["exp_labels", "exp_annotations"], p);
        (alert.texts("exp_labels", p), alert.texts("exp_annotations", p))
    });
    let expected = expected.collect();
    AlertTest {
        at_ms: fields.duration_ms("eval_time", p).unwrap_or(0),
        alertname: fields.text("alertname", p),
        expected,
    }
}

fn query_test(node: &Node, p: &mut Problems) -> QueryTest {
    let fields = Fields::of(node, "main.promqlTestCase", &["expr", "eval_time", "exp_samples"], p);
    let expected = fields.list("exp_samples", "[]main.sample", p).into_iter().map(|node| {
        let sample = Fields::of(node, "main.sample", &["labels", "value", "histogram"], p);
        ExpectedSample {
            labels: sample.text("labels", p),
            value: sample.float("value", p),
            histogram: sample.text("histogram", p),
        }
    });
    let expected = expected.collect();
    QueryTest { expr: fields.text("expr", p), at_ms: fields.duration_ms("eval_time", p).unwrap_or(0), expected }
}
