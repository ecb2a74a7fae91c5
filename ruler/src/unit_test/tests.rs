//! Test files by their verdict.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

use std::path::Path;

use super::*;

/// The test files beside the repository; `None`, loudly, if they are absent.
fn shared(path: &str) -> Option<String> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/promtool")).join(path);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(_) => {
            println!("SKIPPED: no test data at {}", path.display());
            None
        }
    }
}

/// Names of failed tests; the reason if the file cannot be run.
fn failed(path: &str) -> Option<Result<Vec<String>, String>> {
    let file = match TestFile::parse(&shared(path)?, false) {
        Ok(file) => file,
        Err(reason) => return Some(Err(reason)),
    };
    let rules: Vec<_> = file.rule_files.iter().map(|path| (path.clone(), shared(path).unwrap_or_default())).collect();
    let outcomes = run(&file, &rules, &ReadOptions::default(), &RunOptions::default(), &|_| true);
    Some(Ok(outcomes.into_iter().filter(|o| !o.errors.is_empty()).map(|o| o.name).collect()))
}

#[test]
fn promtools_files() {
    let table: [(&str, &[&str]); 14] = [
        ("unittest.yml", &[]),
        ("at-modifier-test.yml", &[]),
        ("long-period.yml", &[]),
        ("negative-offset-test.yml", &[]),
        ("no-test-group-interval.yml", &[]),
        ("start-time-test.yml", &[]),
        ("bad-input-series.yml", &["unnamed#0"]),
        ("bad-promql.yml", &["unnamed#0"]),
        ("bad-rules-error-test.yml", &["unnamed#0"]),
        ("bad-rules-syntax-test.yml", &["unnamed#0"]),
        ("failing.yml", &["Failing test", "Failing alert test"]),
        ("rules_run.yml", &["wrong test"]),
        ("rules_run_fuzzy.yml", &["wrong fuzzy match"]),
        ("rules_run_no_fuzzy.yml", &["correct fuzzy match"]),
    ];
    for (path, expected) in table {
        let Some(failed) = failed(path) else { return };
        assert_eq!(failed.as_deref(), Ok(&expected.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()[..]), "{path}");
    }
}

const RULES: &str = "
groups:
- name: g
  rules:
  - alert: Down
    expr: up == 0
    for: 2m
    labels: {severity: page}
    annotations: {summary: '{{ $labels.job }} is down'}
";

#[test]
fn what_differs_is_told_in_promtools_words() {
    let text = "
rule_files: [r.yml]
tests:
- name: t
  interval: 1m
  input_series: [{series: 'up{job=\"x\"}', values: '0x10'}]
  alert_rule_test:
  - {eval_time: 1m, alertname: Down}
  - {eval_time: 2m30s, alertname: Down, exp_alerts: [{exp_labels: {severity: page, job: y}}]}
  promql_expr_test:
  - {expr: up, eval_time: 1m, exp_samples: [{labels: 'up{job=\"x\"}', value: 1}]}
  - {expr: 'count(ALERTS)', eval_time: 1m, exp_samples: [{value: 1}]}
";
    let file = TestFile::parse(text, false).unwrap();
    let rules = [("r.yml".to_owned(), RULES.to_owned())];
    let outcomes = run(&file, &rules, &ReadOptions::default(), &RunOptions::default(), &|_| true);
    let alert = "    name: t,\n    alertname: Down, time: 2m30s, \n        exp:[\n            0:\n              \
         Labels:{alertname=\"Down\", job=\"y\", severity=\"page\"}\n              Annotations:{}\n            ], \n        \
         got:[\n            0:\n              Labels:{alertname=\"Down\", job=\"x\", severity=\"page\"}\n              \
         Annotations:{summary=\"x is down\"}\n            ]";
    let sample = "    expr: \"up\", time: 1m,\n        exp: {__name__=\"up\", job=\"x\"} 1E+00\n        \
         got: {__name__=\"up\", job=\"x\"} 0E+00";
    assert_eq!(outcomes, [TestOutcome { name: "t".to_owned(), errors: vec![alert.to_owned(), sample.to_owned()] }]);
    assert!(run(&file, &rules, &ReadOptions::default(), &RunOptions::default(), &|name| name != "t").is_empty());
    let report = junit([("a<b", None, &outcomes[..]), ("c", Some("no"), &[])]);
    assert!(report.contains("<testsuite name=\"a&lt;b\" tests=\"1\" failures=\"1\" errors=\"0\">"), "{report}");
    assert!(report.contains("<error>no</error>"), "{report}");
}

#[test]
fn files_that_are_no_tests() {
    let table = [
        ("tests: [{x: 1}]", "yaml: unmarshal errors:\n  line 1: field x not found in type main.testGroup"),
        ("group_eval_order: [a, b, a]", "group name repeated in evaluation order: a"),
        ("tests: [{start_timestamp: soon}]", "cannot parse \"soon\" to a valid timestamp"),
    ];
    for (text, expected) in table {
        assert_eq!(TestFile::parse(text, false).map(|_| ()), Err(expected.to_owned()), "{text}");
    }
    let nameless = TestFile::parse("tests: [{alert_rule_test: [{eval_time: 5m}]}]", false).unwrap();
    let outcomes = run(&nameless, &[], &ReadOptions::default(), &RunOptions::default(), &|_| true);
    let expected = "an item under alert_rule_test misses required attribute alertname at eval_time 5m";
    assert_eq!(outcomes[0].errors, [expected]);
}

#[test]
fn our_own_files_pass() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/rules"));
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let file = TestFile::parse(&text("availability.test.yml"), false).unwrap();
    let rules: Vec<_> = file.rule_files.iter().map(|path| (path.clone(), text(path))).collect();
    let outcomes = run(&file, &rules, &ReadOptions::default(), &RunOptions::default(), &|_| true);
    assert_eq!(outcomes, [TestOutcome { name: "one of two goes down".to_owned(), errors: vec![] }]);
}
