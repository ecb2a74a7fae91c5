//! The scenarios of Alertmanager's own acceptance tests, restated, on a real clock with their tolerances.

use std::sync::Barrier;
use std::time::Duration;

use serde_json::json;

use crate::listener::Deed;
use crate::router::{Router, silence};
use crate::scenario::{Scenario, run};
use crate::support::now_ms;

/// One route to one receiver with a webhook.
macro_rules! one {
    ($settings:literal) => {
        concat!(
            "route: {receiver: default, ",
            $settings,
            "}\nreceivers: [{name: default, webhook_configs: [{url: '{0}'}]}]\n"
        )
    };
}

/// The same with two webhooks.
macro_rules! two {
    ($settings:literal, $first:literal, $second:literal) => {
        concat!(
            "global: {resolve_timeout: 10s}\nroute: {receiver: default, ",
            $settings,
            "}\nreceivers: [{name: default, webhook_configs: [{url: '{0}'",
            $first,
            "}, {url: '{1}'",
            $second,
            "}]}]\n"
        )
    };
}

const INHIBITING: &str = concat!(
    one!("group_by: [], group_wait: 1s, group_interval: 1s, repeat_interval: 1s"),
    "inhibit_rules: [{source_match: {alertname: JobDown}, target_match: {alertname: InstanceDown}, equal: [job, zone]}]\n"
);

fn scenarios() -> Vec<Scenario> {
    let base = Scenario::default;
    vec![
        Scenario {
            name: "merge",
            config: one!("group_by: [alertname], group_wait: 1s, group_interval: 1s, repeat_interval: 1ms"),
            script: "
                1    push  test@1.1
                1.2  push  test@1
                2-2.5  want  test@1
                2.1  push  test@2!ann=v1
                3-3.5  want  test@1!ann=v1
                3.6  push  test@1.5!ann=v2
                4-4.5  want  test@1!ann=v2
                4.6  push  test@3~4.5!ann=v2
                4.8  push  test@2.9~4.8!ann=v3
                4.8  push  test@2.9~4.1!ann=v3
                5-5.5  want  test@1~4.8!ann=v3
                5.3  push  test@5
                6-6.5  want  test@5",
            ..base()
        },
        Scenario {
            name: "merge with ends",
            config: one!("group_by: [alertname], group_wait: 1s, group_interval: 1s, repeat_interval: 1ms"),
            script: "
                1    push  test@1.1~4.1
                1.2  push  test@1
                2-2.5  want  test@1
                2.1  push  test@2~5!ann=v1
                3-3.5  want  test@1!ann=v1
                3.6  push  test@1.5~4.5!ann=v2
                4-4.5  want  test@1!ann=v2
                4.6  push  test@3~4.5!ann=v2
                4.8  push  test@2.9~4.8!ann=v3
                4.8  push  test@2.9~4.1!ann=v3
                5-5.5  want  test@1~4.8!ann=v3
                5.3  push  test@5~8
                6-6.5  want  test@5",
            ..base()
        },
        Scenario {
            name: "repeat",
            config: one!("group_by: [alertname], group_wait: 1s, group_interval: 1s, repeat_interval: 1ms"),
            script: "
                1    push  test@1
                3.5  push  test@1~3
                2-2.5  want  test@1
                3-3.5  want  test@1
                4-4.5  want  test@1~3",
            ..base()
        },
        Scenario {
            name: "retry",
            config: two!("group_by: [alertname], group_wait: 1s, group_interval: 2s, repeat_interval: 3s", "", ""),
            deed: |receiver, at| if receiver == 1 && at < 4.5 { Deed::Forget } else { Deed::Take },
            script: "
                1  push  test1
                2-2.5  want  test1@1
                6-6.5  want  test1@1
                6-6.5  want1  test1@1",
            ..base()
        },
        Scenario {
            name: "retry of errors",
            config: two!("group_by: [alertname], group_wait: 1s, group_interval: 30s, repeat_interval: 1h", "", ""),
            deed: |receiver, at| if receiver == 1 && at < 3.5 { Deed::Answer(500) } else { Deed::Take },
            script: "
                1  push  test1
                2-2.5  want  test1@1
                3.5-5.5  want1  test1@1",
            ..base()
        },
        Scenario {
            name: "batching",
            config: one!("group_by: [], group_wait: 1s, group_interval: 1s, repeat_interval: 4900ms"),
            script: "
                1.1  push  test1@1
                1.7  push  test5@1
                2-2.5  want  test1@1 test5@1
                3.3  push  test2@1.5 test3@1.5 test4@1.6
                4.1-4.5  want  test1@1 test5@1 test2@1.5 test3@1.5 test4@1.6
                9.1-9.5  want  test1@1 test5@1 test2@1.5 test3@1.5 test4@1.6",
            ..base()
        },
        Scenario { name: "resolved", config: RESOLVED, script: RESOLVED_SCRIPT, ..base() },
        Scenario { name: "resolved again", config: RESOLVED, script: RESOLVED_SCRIPT, ..base() },
        Scenario {
            name: "resolved filter",
            config: two!(
                "group_by: [alertname], group_wait: 1s, group_interval: 5s",
                ", send_resolved: true",
                ", send_resolved: false"
            ),
            script: "
                1  push  test,lbl=v1 test,lbl=v2
                3  push  test,lbl=v1@1~4 test,lbl=v3
                8  push  test,lbl=v3@3
                2-2.5  want  test,lbl=v1@1 test,lbl=v2@1
                7-7.5  want  test,lbl=v1@1~4 test,lbl=v2@1 test,lbl=v3@3
                12-12.5  want  test,lbl=v2@1~11 test,lbl=v3@3
                2-2.5  want1  test,lbl=v1@1 test,lbl=v2@1
                7-7.5  want1  test,lbl=v2@1 test,lbl=v3@3
                12-12.5  none1",
            ..base()
        },
        Scenario {
            name: "reload",
            config: one!("group_by: [], group_wait: 1s, group_interval: 6s, repeat_interval: 10m"),
            script: "
                1  push  test1
                3  reload
                4  push  test2
                2-2.5  want  test1@1
                9-9.5  want  test1@1 test2@4",
            ..base()
        },
        Scenario {
            name: "webhook timeout",
            config: "route: {receiver: default, group_by: [alertname], group_wait: 1s, group_interval: 1m, repeat_interval: 1m}\nreceivers: [{name: default, webhook_configs: [{url: '{0}', timeout: 500ms}]}]\n",
            deed: |_, at| if at < 3.0 { Deed::Sleep(Duration::from_secs(1)) } else { Deed::Take },
            script: "
                1  push  test1
                3-4  want  test1@1",
            ..base()
        },
        Scenario {
            name: "inhibiting",
            config: INHIBITING,
            script: "
                1    push  test1,job=j,zone=aa InstanceDown,job=j,zone=aa InstanceDown,job=j,zone=ab
                2.2  push  JobDown,job=j,zone=aa
                3.6  push  JobDown,job=j,zone=aa@2.2~3.6
                2-2.5  want  test1,job=j,zone=aa@1 InstanceDown,job=j,zone=aa@1 InstanceDown,job=j,zone=ab@1
                3-3.5  want  test1,job=j,zone=aa@1 InstanceDown,job=j,zone=ab@1 JobDown,job=j,zone=aa@2.2
                4-4.5  want  test1,job=j,zone=aa@1 InstanceDown,job=j,zone=aa@1 InstanceDown,job=j,zone=ab@1 JobDown,job=j,zone=aa@2.2~3.6",
            ..base()
        },
        Scenario {
            name: "always inhibiting",
            config: INHIBITING,
            script: "
                1    push  InstanceDown,job=j,zone=aa JobDown,job=j,zone=aa
                2.6  push  JobDown,job=j,zone=aa@1~2.6
                2.6  push  InstanceDown,job=j,zone=aa@1~2.6
                2-2.5  want  JobDown,job=j,zone=aa@1
                3-3.5  want  InstanceDown,job=j,zone=aa@1~2.6 JobDown,job=j,zone=aa@1~2.6",
            ..base()
        },
        Scenario {
            name: "empty inhibition rule",
            config: concat!(one!("group_by: []"), "inhibit_rules:\n-\n"),
            script: "0-1  none",
            ..base()
        },
        Scenario {
            name: "silencing",
            config: one!("group_by: [], group_wait: 1s, group_interval: 1s, repeat_interval: 1ms"),
            script: "
                1    push  test1@1 test2@1
                2.3  silence  s 2.5~4.5 alertname=test1
                2-2.5  want  test1@1 test2@1
                3-3.5  want  test2@1
                4-4.5  want  test2@1
                5-5.5  want  test1@1 test2@1",
            ..base()
        },
        Scenario {
            name: "silence delete",
            config: one!("group_by: [], group_wait: 1s, group_interval: 1s, repeat_interval: 1ms"),
            script: "
                1    push  test1@1 test2@1
                1.3  silence  s 1.5~100 alertname=~.+
                3.5  delete  s
                3.5-4.5  want  test1@1 test2@1",
            ..base()
        },
        Scenario {
            name: "UTF-8 route",
            config: "route: {receiver: default, routes: [{receiver: webhook, matchers: ['foo🙂=bar'], group_by: ['foo🙂'], group_wait: 1s}]}\nreceivers: [{name: default}, {name: webhook, webhook_configs: [{url: '{0}'}]}]\n",
            script: "
                1  push  foo🙂=bar@1
                2-2.5  want  foo🙂=bar@1",
            ..base()
        },
        Scenario {
            name: "three instances tell once",
            config: one!("group_by: [], group_wait: 1s, group_interval: 1s, repeat_interval: 1h"),
            instances: 3,
            tolerance_s: 1.0,
            script: "
                1  push  test1
                2-3  want  test1@1",
            ..base()
        },
        Scenario { name: "one instance", config: FIVE, script: FIVE_SCRIPT, tolerance_s: 2.0, ..base() },
        Scenario { name: "as three", config: FIVE, script: FIVE_SCRIPT, tolerance_s: 2.0, instances: 3, ..base() },
        Scenario {
            name: "web with prefix",
            config: "route: {receiver: default}\nreceivers: [{name: default}]\n",
            flags: &["--web.route-prefix", "/foo"],
            script: "0-0.1  none",
            ..base()
        },
    ]
}

const RESOLVED: &str =
    concat!("global: {resolve_timeout: 10s}\n", one!("group_by: [alertname], group_wait: 1s, group_interval: 5s"));

const RESOLVED_SCRIPT: &str = "
    1  push  test,lbl=v1 test,lbl=v2 test,lbl=v3
    2-2.5  want  test,lbl=v1@1 test,lbl=v2@1 test,lbl=v3@1
    12-13  want  test,lbl=v1@1~11 test,lbl=v2@1~11 test,lbl=v3@1~11";

const FIVE: &str = one!("group_by: [alertname], group_wait: 1s, group_interval: 1s, repeat_interval: 1h");

const FIVE_SCRIPT: &str = "
    0  push  test1-0
    2  push  test1-2
    4  push  test1-4
    6  push  test1-6
    8  push  test1-8
    0-5  want  test1-0@0
    2-7  want  test1-2@2
    4-9  want  test1-4@4
    6-11  want  test1-6@6
    8-13  want  test1-8@8";

/// Nothing is told before the delay is over, which counts from the start of the process.
#[test]
fn a_cold_start() {
    let base = Scenario::default;
    let scenario = Scenario {
        name: "cold start",
        config: one!("group_by: [], group_wait: 1s, group_interval: 6s, repeat_interval: 10m"),
        flags: &["--dispatch.start-delay", "5s"],
        script: "
                1  push  test1@-100
                2  push  test2
                4-5.5  want  test1@-100 test2@2
                5  reload
                6  push  test3@-100
                7  push  test4
                11-11.5  want  test1@-100 test2@2 test3@-100 test4@7",
        ..base()
    };
    let dir = tempfile::tempdir().unwrap();
    run(&scenario, dir.path(), &Barrier::new(1)).unwrap();
}

/// All at once: they mostly wait.
#[test]
fn the_scenarios_of_the_acceptance_tests() {
    let dir = tempfile::tempdir().unwrap();
    let scenarios = scenarios();
    let ready = Barrier::new(scenarios.len());
    let failures: Vec<String> = std::thread::scope(|scope| {
        let run = |scenario: &Scenario| {
            let place = dir.path().join(scenario.name);
            run(scenario, &place, &ready).err().map(|why| format!("{}: {why}", scenario.name))
        };
        let running: Vec<_> = scenarios.iter().map(|scenario| scope.spawn(move || run(scenario))).collect();
        running.into_iter().filter_map(|thread| thread.join().unwrap_or(Some("it panicked".to_owned()))).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

const QUIET: &str = "route: {receiver: default, group_by: [], group_wait: 1s, group_interval: 10m, repeat_interval: 1h}\n\
    inhibit_rules: [{source_match: {severity: critical}, target_match: {severity: warning}, equal: [alertname]}]\n\
    receivers: [{name: default, webhook_configs: [{url: 'http://127.0.0.1:1/'}]}]\n";

#[test]
fn the_status_of_an_alert_is_current() {
    let dir = tempfile::tempdir().unwrap();
    let router = Router::start(dir.path(), QUIET, &[]);
    let post = |severity: &str| router.post(&json!([{"labels": {"alertname": "test1", "severity": severity}}]));
    let state = |severity: &str| {
        let alert = router.alerts(&[&format!("severity={severity}")])[0].clone();
        (alert["status"]["state"].as_str().unwrap().to_owned(), alert)
    };
    post("warning");
    assert_eq!(state("warning").0, "active");
    let id = router.silence("alertname", "test1", 300);
    let (silenced, alert) = state("warning");
    assert_eq!((silenced.as_str(), &alert["status"]["silencedBy"]), ("suppressed", &json!([id])));
    post("critical");
    let source = state("critical").1["fingerprint"].clone();
    let (_, alert) = state("warning");
    assert_eq!((&alert["status"]["silencedBy"], &alert["status"]["inhibitedBy"]), (&json!([id]), &json!([source])));
    assert_eq!(router.send("DELETE", &format!("/api/v2/silence/{id}"), &json!(null)).0, 200);
    assert_eq!(state("critical").0, "active");
    let (inhibited, alert) = state("warning");
    assert_eq!((inhibited.as_str(), &alert["status"]["silencedBy"]), ("suppressed", &json!([])));
}

#[test]
fn filters_and_utf8() {
    let dir = tempfile::tempdir().unwrap();
    let router = Router::start(dir.path(), QUIET, &[]);
    let labels = json!({"a": "a", "00": "b", "Σ": "c", "🙂": "dΘ"});
    router.post(&json!([
        {"labels": {"alertname": "test1", "severity": "warning"}},
        {"labels": {"system": "foo", "severity": "critical"}},
        {"labels": labels},
    ]));
    assert_eq!(router.alerts(&["alertname=test1", "severity=warning"]).len(), 1);
    let found = router.alerts(&["00=b", "Σ=c", r#""\xf0\x9f\x99\x82"=dΘ"#]);
    assert_eq!((found.len(), &found[0]["labels"]), (1, &labels));
    let groups = router.get("/api/v2/alerts/groups?filter=00%3Db");
    assert_eq!((groups.as_array().unwrap().len(), &groups[0]["alerts"][0]["labels"]), (1, &labels));
    let now = now_ms();
    let (status, text) = router.send("POST", "/api/v2/silences", &silence("fooΣ", "bar🙂", now, now + 60_000));
    assert_eq!(status, 200, "{text}");
    let silences = router.get(&format!("/api/v2/silences?filter={}", crate::support::http::escape("fooΣ=bar🙂")));
    assert_eq!(silences[0]["matchers"][0]["value"], "bar🙂");
}

#[test]
fn classic_mode() {
    let dir = tempfile::tempdir().unwrap();
    let router = Router::start(dir.path(), QUIET, &["--enable-feature", "classic-mode"]);
    router.post(&json!([{"labels": {"a": "b", "b": "Σ", "c": "🙂", "d": "eΘ"}}]));
    let (status, text) = router.send("POST", "/api/v2/alerts", &json!([{"labels": {"Σ": "c"}}]));
    assert!(status == 400 && text.contains("invalid label set"), "{status} {text}");
    let now = now_ms();
    router.silence("foo", "bar", 86_400);
    let (status, text) = router.send("POST", "/api/v2/silences", &silence("fooΣ", "bar🙂", now, now + 60_000));
    assert!(status == 400 && text.contains("invalid silence: invalid label matcher"), "{status} {text}");
}
