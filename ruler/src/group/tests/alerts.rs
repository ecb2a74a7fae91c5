//! Alerting rules.

use crate::group::Group;
use crate::stage::Stage;

/// One alert on `m > 0`, with these further lines.
fn alert_on_m(lines: &str, stage: &Stage) -> Group {
    let text = format!("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: m > 0\n{lines}");
    Group::only(&text, &stage.settings)
}

#[test]
fn pending_firing_resolved() {
    let mut stage = Stage::new();
    stage.load("30s", &["m 0 1x5 0x50"]);
    let mut group = alert_on_m("    for: 1m\n", &stage);
    for (until, status) in [
        ("0s", "A ok"),
        ("30s", "A ok pending@30"),
        ("1m", "A ok pending@30"),
        ("1m30s", "A ok firing@30"),
        ("3m", "A ok firing@30"),
        ("3m30s", "A ok"),
    ] {
        stage.evaluate(&mut group, "30s", until);
        assert_eq!(group.status(), [status], "{until}");
    }
    stage.evaluate(&mut group, "30s", "25m");
    let sent = stage.sent();
    let expected = [
        r#"1m30s firing {alertname="A"} from 1m30s to 5m30s"#,
        // Sent again at the first evaluation more than the resend delay later.
        r#"3m firing {alertname="A"} from 1m30s to 7m"#,
        r#"3m30s resolved {alertname="A"} from 1m30s to 3m30s"#,
        r#"5m resolved {alertname="A"} from 1m30s to 3m30s"#,
    ];
    assert_eq!(sent[..4], expected);
    // Repeated for 15 minutes.
    assert_eq!(sent.last().map(String::as_str), Some(r#"18m30s resolved {alertname="A"} from 1m30s to 3m30s"#));
}

#[test]
fn series_of_alerts() {
    let mut stage = Stage::new();
    stage.load("30s", &["m{i=\"x\"} 1x4 0x9"]);
    let mut group = alert_on_m("    for: 1m\n    labels: {severity: page, i: ''}\n", &stage);
    stage.evaluate(&mut group, "30s", "5m");
    let alert =
        |state: &str| format!("{{__name__=\"ALERTS\", alertname=\"A\", alertstate=\"{state}\", severity=\"page\"}} 1");
    assert_eq!(stage.query("ALERTS", "30s"), alert("pending"));
    // The change of state ends one series and begins another.
    assert_eq!(stage.query("ALERTS", "1m"), alert("firing"));
    assert_eq!(stage.query("ALERTS", "2m"), alert("firing"));
    assert_eq!(stage.query("ALERTS or ALERTS_FOR_STATE", "2m30s"), "");
    let for_state = r#"{__name__="ALERTS_FOR_STATE", alertname="A", severity="page"} 0"#;
    assert_eq!(stage.query("ALERTS_FOR_STATE", "2m"), for_state);
}

#[test]
fn keep_firing_for() {
    let mut stage = Stage::new();
    stage.load("30s", &["m 1x1 0x2 1 0x9"]);
    let mut group = alert_on_m("    keep_firing_for: 2m\n", &stage);
    stage.evaluate(&mut group, "30s", "1m");
    let alert = |group: &Group| group.view().rules[0].alerting.clone().unwrap().alerts.remove(0);
    assert_eq!(alert(&group).keep_firing_since, Some(60_000));
    stage.evaluate(&mut group, "30s", "2m30s");
    assert_eq!((alert(&group).keep_firing_since, group.status()), (None, vec!["A ok firing@0".to_owned()]));
    stage.evaluate(&mut group, "30s", "4m30s");
    assert_eq!(group.status(), ["A ok firing@0"]);
    stage.evaluate(&mut group, "30s", "5m");
    assert_eq!(group.status(), ["A ok"]);
    let sent = stage.sent();
    assert!(sent.iter().all(|line| line.contains("firing") || line.starts_with("5m ")), "{sent:?}");
}

#[test]
fn an_alert_that_comes_back_is_a_new_one() {
    let mut stage = Stage::new();
    stage.load("30s", &["m 1 0 1 1"]);
    let mut group = alert_on_m("", &stage);
    stage.evaluate(&mut group, "30s", "1m30s");
    let expected = [
        r#"0s firing {alertname="A"} from 0s to 4m"#,
        r#"30s resolved {alertname="A"} from 0s to 30s"#,
        r#"1m firing {alertname="A"} from 1m to 5m"#,
    ];
    assert_eq!(stage.sent(), expected);
}

#[test]
fn templates() {
    let mut stage = Stage::new();
    stage.settings.external_url = "http://n/x".to_owned();
    stage.settings.external_labels = nightjar_model::Labels::from_pairs([("cluster", "c")]);
    stage.load("30s", &["m{i=\"1\"} 1.5x9", "other 7x9"]);
    let lines = "    labels: {severity: '{{ if gt $value 1.0 }}page{{ end }}', empty: '{{ .Labels.nope }}'}
    annotations:
      a: '{{ $labels.i }} {{ $externalLabels.cluster }} {{ $externalURL }} {{ $value | humanize }}'
      b: '{{ with query \"other\" }}{{ . | first | value }}{{ end }}'
      c: '{{ first (query \"nothing\") }}'
      d: plain
";
    let mut group = alert_on_m(lines, &stage);
    stage.evaluate(&mut group, "30s", "0s");
    let view = group.view().rules[0].alerting.clone().unwrap();
    assert_eq!(view.alerts[0].labels.to_string(), r#"{alertname="A", i="1", severity="page"}"#);
    let text = |name| view.alerts[0].annotations.get(name).unwrap().to_owned();
    assert_eq!((text("a").as_str(), text("b").as_str(), text("d").as_str()), ("1 c http://n/x 1.5", "7", "plain"));
    let start = "<error expanding template: error executing template __alert_A: template: __alert_A:1:";
    let end = "error calling first: first() called on vector with no elements>";
    assert!(text("c").starts_with(start) && text("c").ends_with(end), "{}", text("c"));
}

#[test]
fn duplicates_and_limits() {
    let mut stage = Stage::new();
    stage.load("30s", &["m{i=\"1\"} 1x9", "m{i=\"2\"} _x2 1x9"]);
    let mut twins = alert_on_m("    labels: {i: ''}\n", &stage);
    let mut limited = alert_on_m("  limit: 1\n", &stage);
    stage.evaluate(&mut twins, "30s", "30s");
    assert_eq!(twins.status(), ["A ok firing@0"]);
    stage.evaluate(&mut twins, "30s", "1m30s");
    let error = "A err vector contains metrics with the same labelset after applying alert labels firing@0";
    assert_eq!(twins.status(), [error]);
    stage.sent();
    stage.evaluate(&mut limited, "30s", "2m");
    assert_eq!(limited.status(), ["A err exceeded limit of 1 with 2 alerts"]);
    assert_eq!(stage.sent(), Vec::<String>::new());
}
