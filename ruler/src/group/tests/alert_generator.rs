//! The groups of the alert generator compliance suite, restated: 15 s between samples, 30 s between evaluations, 1 m
//! between sends.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

use std::path::Path;

use crate::group::Group;
use crate::stage::{Stage, rules};

/// The suite's rules; `None`, loudly, if they are absent.
fn suite(name: &str, stage: &Stage) -> Option<Group> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/compliance/alert_generator-rules.yaml"));
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("SKIPPED: no rules at {}", path.display());
        return None;
    };
    let spec = rules(&text).groups.into_iter().find(|group| group.name == name)?;
    Some(Group::new("f.yml", &spec, &stage.settings, false, 0))
}

fn series(group: &str, alert: &str, more: &str, values: &str) -> String {
    format!("alert_generator_test_suite{{alertname=\"{alert}\",rulegroup=\"{group}\"{more}}} {values}")
}

#[test]
fn pending_and_firing_and_resolved() {
    let mut stage = Stage::new();
    let (name, alert) = ("PendingAndFiringAndResolved", "PendingAndFiringAndResolved_SimpleAlert");
    let Some(mut group) = suite(name, &stage) else { return };
    stage.load("15s", &[&series(name, alert, "", "3 5 5 5 9 9 9 9 11x43 5x200")]);
    stage.evaluate(&mut group, "30s", "1m30s");
    assert_eq!(group.status(), [format!("{alert} ok")]);
    stage.evaluate(&mut group, "30s", "2m");
    assert_eq!(group.status(), [format!("{alert} ok pending@120")]);
    stage.evaluate(&mut group, "30s", "7m30s");
    assert_eq!(group.status(), [format!("{alert} ok pending@120")]);
    assert!(stage.sent().is_empty());
    stage.evaluate(&mut group, "30s", "12m30s");
    assert_eq!(group.status(), [format!("{alert} ok firing@120")]);
    let sent = stage.sent();
    let times: Vec<_> = sent.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(times, ["8m", "9m30s", "11m", "12m30s"]);
    assert!(sent[0].contains(r#"foo="bar""#) && sent[0].contains(r#"summary="The value is 11 11""#), "{}", sent[0]);
    assert!(sent[1].ends_with("from 8m to 13m30s"), "{}", sent[1]);
    stage.evaluate(&mut group, "30s", "40m");
    assert_eq!(group.status(), [format!("{alert} ok")]);
    let sent = stage.sent();
    assert!(sent[0].starts_with("13m resolved") && sent[0].ends_with("from 8m to 13m"), "{}", sent[0]);
    let last = sent.last().unwrap();
    assert!(last.starts_with("28m ") && last.ends_with("to 13m"), "{last}");
}

#[test]
fn pending_and_resolved_and_always_inactive() {
    let mut stage = Stage::new();
    let name = "PendingAndResolved_AlwaysInactive";
    let Some(mut group) = suite(name, &stage) else { return };
    let (pending, inactive) = (format!("{name}_PendingAlert"), format!("{name}_InactiveAlert"));
    let (a, b) = (series(name, &pending, "", "5 5 11x8 5x60"), series(name, &inactive, "", "5 5 11x8 5x60"));
    stage.load("15s", &[&a, &b]);
    stage.evaluate(&mut group, "30s", "30s");
    assert_eq!(group.status(), [format!("{pending} ok pending@30"), format!("{inactive} ok")]);
    stage.evaluate(&mut group, "30s", "15m");
    assert_eq!(group.status(), [format!("{pending} ok"), format!("{inactive} ok")]);
    assert!(stage.sent().is_empty());
}

#[test]
fn zero_for_and_small_for() {
    let mut stage = Stage::new();
    let name = "ZeroFor_SmallFor";
    let Some(mut group) = suite(name, &stage) else { return };
    let (zero, small) = (format!("{name}_ZeroFor"), format!("{name}_SmallFor"));
    let mut all = vec![series(name, &zero, "", "5 5 11x20"), series(name, &small, "", "5 5 15x20")];
    for (id, value) in [("1", "7"), ("2", "9")] {
        all.push(format!("alert_generator_test_suite{{rulegroup=\"{name}\",for=\"template\",id=\"{id}\"}} {value}x30"));
    }
    stage.load("15s", &all.iter().map(String::as_str).collect::<Vec<_>>());
    stage.evaluate(&mut group, "30s", "30s");
    assert_eq!(group.status(), [format!("{zero} ok firing@30"), format!("{small} ok pending@30")]);
    let sent = stage.sent();
    let expected = [
        r#"template_query_test="Args are: foo bar 99. first_id:1,1:7,2:9,""#,
        r#"template_test="1.049M 1Mi 2m 15s 95.9% 2022-01-25 12:36:43 +0000 UTC""#,
    ];
    assert!(expected.iter().all(|text| sent[0].contains(text)), "{}", sent[0]);
    stage.evaluate(&mut group, "30s", "1m");
    assert_eq!(group.status(), [format!("{zero} ok firing@30"), format!("{small} ok firing@30")]);
    let text = r#"template_test="This Part IS TESTING the strings. ::1 127.0.0.1. 7815. replaced text. .""#;
    assert!(stage.sent().iter().any(|line| line.contains(text)));
}

#[test]
fn new_alerts_and_order() {
    let mut stage = Stage::new();
    let name = "NewAlerts_OrderCheck";
    let Some(mut group) = suite(name, &stage) else { return };
    let (one, two) = (format!("{name}_Rule1"), format!("{name}_Rule2"));
    let first = series(name, &one, ",variant=\"one\"", "11x60");
    let second = series(name, &one, ",variant=\"two\"", "5x7 11x60");
    stage.load("15s", &[&first, &second]);
    stage.evaluate(&mut group, "30s", "3m");
    assert_eq!(group.status(), [format!("{one} ok firing@0 pending@120"), format!("{two} ok")]);
    stage.evaluate(&mut group, "30s", "4m30s");
    assert_eq!(group.status(), [format!("{one} ok firing@0 pending@120"), format!("{two} ok")]);
    // The second rule sees the second alert fire in the same evaluation.
    stage.evaluate(&mut group, "30s", "5m");
    assert_eq!(group.status(), [format!("{one} ok firing@0 firing@120"), format!("{two} ok firing@300")]);
    let sent = stage.sent();
    let text = format!("Based on ALERTS. Old alertname was {one}. foo was bar.");
    assert!(sent.last().is_some_and(|line| line.starts_with("5m ") && line.contains(&text)), "{sent:?}");
}
