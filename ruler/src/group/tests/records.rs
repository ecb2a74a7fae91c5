//! Recording rules.

use crate::group::Group;
use crate::stage::Stage;

#[test]
fn labels_and_ends_of_series() {
    let mut stage = Stage::new();
    stage.load("30s", &["up{job=\"x\",gone=\"a\"} 1x1 stale", "up{job=\"y\"} 2x9"]);
    let text = "
groups:
- name: g
  labels: {team: t, both: group}
  rules:
  - record: r
    expr: up
    labels: {gone: '', both: rule}
";
    let mut group = Group::only(text, &stage.settings);
    stage.evaluate(&mut group, "30s", "1m30s");
    let x = r#"{__name__="r", both="rule", job="x", team="t"}"#;
    let y = r#"{__name__="r", both="rule", job="y", team="t"}"#;
    assert_eq!(stage.query("r", "30s"), format!("{x} 1 | {y} 2"));
    // `up{job="x"}` ends at 1m and with it what was made of it.
    assert_eq!(stage.query("r", "1m"), format!("{y} 2"));
    assert_eq!(group.view().counters.last_samples, 1);
}

#[test]
fn failures_write_nothing_and_end_nothing() {
    let mut stage = Stage::new();
    stage.load("30s", &["a{x=\"1\"} 1x9", "a{x=\"2\"} _x2 1x9"]);
    let text = "
groups:
- name: g
  limit: 1
  rules:
  - {record: twins, expr: a, labels: {x: ''}}
  - {record: many, expr: a}
  - {record: after, expr: count(a)}
";
    let mut group = Group::only(text, &stage.settings);
    stage.evaluate(&mut group, "30s", "30s");
    assert_eq!(group.status(), ["twins ok", "many ok", "after ok"]);
    stage.evaluate(&mut group, "30s", "2m");
    assert_eq!(
        group.status(),
        [
            "twins err vector contains metrics with the same labelset after applying rule labels",
            "many err exceeded limit of 1 with 2 series",
            "after ok"
        ]
    );
    // The old value is still there, neither renewed nor ended.
    assert_eq!(stage.query("timestamp(twins)", "2m"), "{} 30");
    assert_eq!(stage.query("after", "2m"), r#"{__name__="after"} 2"#);
    assert_eq!(group.view().counters.evaluation_failures, 6);
}

#[test]
fn later_rules_see_earlier_ones() {
    let mut stage = Stage::new();
    let text = "
groups:
- name: g
  rules:
  - {record: a, expr: vector(1)}
  - {record: b, expr: a + 1}
  - {record: c, expr: 'sum({__name__=~\"a|b\"})'}
";
    let mut group = Group::only(text, &stage.settings);
    stage.evaluate(&mut group, "30s", "0s");
    assert_eq!(stage.query("c", "0s"), r#"{__name__="c"} 3"#);
}

#[test]
fn the_query_offset_moves_reading_and_writing() {
    let mut stage = Stage::new();
    stage.load("30s", &["a 0+1x20"]);
    let text = "groups: [{name: g, query_offset: 1m, rules: [{record: b, expr: a}, {alert: A, expr: a > 3}]}]";
    let mut group = Group::only(text, &stage.settings);
    stage.evaluate(&mut group, "30s", "3m");
    assert_eq!(stage.query("b", "2m"), r#"{__name__="b"} 4"#);
    assert_eq!(stage.query("timestamp(b)", "3m"), "{} 120");
    // The alert counts from the evaluation, its series from what was read.
    assert_eq!(stage.query("ALERTS_FOR_STATE", "2m"), r#"{__name__="ALERTS_FOR_STATE", alertname="A"} 180"#);
}

#[test]
fn refused_samples_are_failures() {
    let mut stage = Stage::new();
    stage.load("30s", &["a 1x9", "b 2x9"]);
    let text = "groups: [{name: g, rules: [{record: a, expr: a + 1}, {record: c, expr: b}]}]";
    let mut group = Group::only(text, &stage.settings);
    stage.evaluate(&mut group, "30s", "0s");
    assert_eq!(
        group.status(),
        ["a err duplicate sample for timestamp 0; overrides not allowed: existing 1, new value 2", "c ok"]
    );
}
