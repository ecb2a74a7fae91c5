//! Prometheus' alert generator compliance, restated on a clock moved by hand: a whole server, samples by remote write
//! every 15 s, what the API says, and what arrives at a receiver. As in the suite a change may be one group interval
//! (30 s) late and 5 s on its way.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nightjar::serve::{Parts, Running};
use nightjar_platform::{Clock, ManualClock};
use serde_json::Value;
use support::http::Client;
use support::receiver::{Received, Receiver};
use support::write::{Series, post};
use support::{free_port, wait_until};

const START_MS: i64 = 1_700_000_000_000;
/// Between two samples.
const STEP_S: i64 = 15;
/// How late a change may be.
const TOLERANCE_S: i64 = 30 + 5;
const RESEND_S: i64 = 60;

/// Since when an alert is in a state, in seconds.
type Timeline = &'static [(i64, &'static str)];

/// What a server said about one group in 40 minutes.
struct Observed {
    /// Time, alert name, labels beyond it, state.
    states: Vec<(i64, Vec<Value>)>,
    received: Vec<Received>,
}

/// A series and its value at each time.
type Input = (Vec<(&'static str, String)>, Box<dyn Fn(i64) -> Option<f64>>);

fn series(group: &str, alert: &str, variant: &str, value: impl Fn(i64) -> Option<f64> + 'static) -> Input {
    let labels = [("alertname", alert), ("rulegroup", group), ("variant", variant)];
    let labels = labels.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, text.to_owned()));
    (labels.collect(), Box::new(value))
}

/// Runs a group of the suite for `minutes`; `None`, loudly, without the suite's rules.
fn observe(group: &str, inputs: &[Input], minutes: i64) -> Option<Observed> {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/compliance/alert_generator-rules.yaml");
    let Ok(suite) = suite.canonicalize() else {
        eprintln!("SKIPPED: no rules at {}", suite.display());
        return None;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let clock = ManualClock::new(START_MS);
    let hand = clock.clone();
    let receiver = Receiver::start(move || hand.wall_ms());
    let config = dir.path().join("prometheus.yml");
    let text = format!(
        "rule_files: ['{}']\nalerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{}']}}]}}]}}\n",
        suite.display(),
        receiver.port
    );
    std::fs::write(&config, text).expect("a file");
    let port = free_port();
    let flags = [
        "nightjar".to_owned(),
        format!("--config.file={}", config.display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
        format!("--storage.tsdb.path={}", dir.path().join("data").display()),
        "--log.level=error".to_owned(),
    ];
    let (cli, listing) = nightjar::flags::parse(flags).expect("flags");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    let open_store = nightjar::parts::real().open_store;
    let parts = Parts { open_store, clock: Arc::new(clock.clone()) };
    let running = runtime.block_on(Running::start(cli.serve, listing, parts)).expect("it starts");
    let mut client = Client::new(port);
    wait_until("ready", Duration::from_secs(60), || client.get("/-/ready").is_ok_and(|r| r.status == 200));
    let mut observed = Observed { states: Vec::new(), received: Vec::new() };
    for second in (0..minutes * 60).step_by(STEP_S as usize) {
        let now = START_MS + second * 1000;
        clock.advance(Duration::from_millis((now - clock.wall_ms()).unsigned_abs()));
        send(&mut client, inputs, second);
        running.app.rules.wake();
        let limit = Duration::from_secs(30);
        wait_until("all is evaluated", limit, || running.app.rules.is_caught_up(now));
        wait_until("all is sent", limit, || {
            let metrics = client.get("/metrics").expect("metrics").text();
            let mut lengths = metrics.lines().filter(|line| line.starts_with("prometheus_notifications_queue_length{"));
            lengths.all(|line| line.ends_with(" 0"))
        });
        let path = format!("/api/v1/rules?rule_group[]={group}");
        let groups = client.get(&path).expect("rules").json()["data"]["groups"].clone();
        observed.states.push((second, groups[0]["rules"].as_array().expect("rules").clone()));
    }
    let mine = |received: &Received| received.alert["labels"]["rulegroup"] == group;
    observed.received = receiver.received().into_iter().filter(mine).collect();
    runtime.block_on(running.shutdown());
    Some(observed)
}

fn send(client: &mut Client, inputs: &[Input], second: i64) {
    for (labels, value) in inputs {
        let Some(value) = value(second) else { continue };
        let mut pairs = vec![("__name__", "alert_generator_test_suite")];
        pairs.extend(labels.iter().map(|(name, text)| (*name, text.as_str())));
        let samples = [(START_MS + second * 1000, value)];
        let answer = post(client, &[Series { labels: &pairs, samples: &samples }]).expect("an answer");
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
}

/// Whether a state fits a timeline at a second, tolerance granted.
fn fits(timeline: Timeline, second: i64, state: &str) -> bool {
    let at = |s: i64| timeline.iter().rev().find(|(since, _)| *since <= s).map_or("inactive", |(_, state)| state);
    (second - TOLERANCE_S..=second).any(|s| at(s) == state)
}

impl Observed {
    /// The rule's state at all times, and those of its alerts.
    fn check_states(&self, rule: &str, timeline: Timeline) {
        for (second, rules) in &self.states {
            let found = rules.iter().find(|r| r["name"] == rule).unwrap_or_else(|| panic!("no rule {rule}"));
            let state = found["state"].as_str().expect("a state");
            // Before the first evaluation nobody knows.
            let known = if state == "unknown" { "inactive" } else { state };
            assert!(fits(timeline, *second, known), "{rule} is {state} at {second} s: {timeline:?}");
            assert!(found["health"] == "ok" || found["health"] == "unknown", "{found}");
        }
    }

    fn alerts(&self, rule: &str, variant: Option<&str>) -> Vec<&Received> {
        let of = |r: &&Received| {
            r.alert["labels"]["alertname"] == rule
                && r.alert["labels"].get("variant").and_then(Value::as_str) == variant
        };
        self.received.iter().filter(of).collect()
    }

    /// What arrives: from `fires` on each resend delay, resolved from `resolves` on for 15 minutes, nothing else.
    fn check_received(&self, alerts: &[&Received], fires: i64, resolves: Option<i64>) {
        let second = |r: &Received| (r.at_ms - START_MS) / 1000;
        let time = |r: &Received, name: &str| -> i64 {
            let text = r.alert[name].as_str().expect("a time");
            text.parse::<jiff::Timestamp>().expect("RFC 3339").as_millisecond()
        };
        let (first, last) = (alerts.first().expect("an alert"), alerts.last().expect("an alert"));
        assert!((fires..=fires + TOLERANCE_S).contains(&second(first)), "first at {} s", second(first));
        let end = self.states.last().expect("states").0;
        for pair in alerts.windows(2) {
            let gap = second(pair[1]) - second(pair[0]);
            let resolved = time(pair[1], "endsAt") <= pair[1].at_ms && time(pair[0], "endsAt") > pair[0].at_ms;
            // At the first multiple of the interval past the delay; a resolution does not wait.
            assert!(gap <= RESEND_S + TOLERANCE_S && (resolved || gap >= RESEND_S), "{gap} s between {pair:?}");
        }
        for received in alerts {
            assert_eq!(received.alert["startsAt"], first.alert["startsAt"]);
            let began = (time(received, "startsAt") - START_MS) / 1000;
            assert!((fires..=fires + TOLERANCE_S).contains(&began), "startsAt {began} s");
            let ends = time(received, "endsAt");
            match resolves.filter(|at| second(received) >= *at && ends <= received.at_ms) {
                Some(at) => assert!((at..=at + TOLERANCE_S).contains(&((ends - START_MS) / 1000)), "{received:?}"),
                // Two evaluations or deliveries may fail before it counts as resolved.
                None => {
                    let left = (ends - received.at_ms) / 1000;
                    assert!((4 * RESEND_S - TOLERANCE_S..=4 * RESEND_S).contains(&left), "{left} s left");
                    assert!(resolves.is_none_or(|at| second(received) <= at + TOLERANCE_S), "{received:?}");
                }
            }
        }
        let expected_end = resolves.map_or(end, |at| (at + 15 * 60).min(end));
        let lasted = expected_end - RESEND_S - TOLERANCE_S..=expected_end + TOLERANCE_S;
        assert!(lasted.contains(&second(last)), "last at {} s", second(last));
    }
}

#[test]
fn pending_and_firing_and_resolved() {
    let (group, alert) = ("PendingAndFiringAndResolved", "PendingAndFiringAndResolved_SimpleAlert");
    let value = |s| {
        Some([3.0, 5.0, 5.0, 5.0, 9.0, 9.0, 9.0, 9.0][..].get(s as usize / 15).copied().unwrap_or(if s < 780 {
            11.0
        } else {
            5.0
        }))
    };
    let Some(observed) = observe(group, &[series(group, alert, "", value)], 32) else { return };
    observed.check_states(alert, &[(0, "inactive"), (120, "pending"), (480, "firing"), (780, "inactive")]);
    let alerts = observed.alerts(alert, None);
    observed.check_received(&alerts, 480, Some(780));
    let alert = &alerts[0].alert;
    assert_eq!(alert["labels"]["foo"], "bar");
    assert_eq!(alert["annotations"]["summary"], "The value is 11 11");
    assert!(alert["generatorURL"].as_str().unwrap().contains("/graph?g0.expr="), "{alert}");
}

#[test]
fn pending_and_resolved_and_always_inactive() {
    let group = "PendingAndResolved_AlwaysInactive";
    let (pending, inactive) =
        ("PendingAndResolved_AlwaysInactive_PendingAlert", "PendingAndResolved_AlwaysInactive_InactiveAlert");
    let value = |s: i64| Some(if (30..150).contains(&s) { 11.0 } else { 5.0 });
    let inputs = [series(group, pending, "", value), series(group, inactive, "", value)];
    let Some(observed) = observe(group, &inputs, 12) else { return };
    observed.check_states(pending, &[(0, "inactive"), (30, "pending"), (150, "inactive")]);
    observed.check_states(inactive, &[(0, "inactive")]);
    assert!(observed.received.is_empty(), "{:?}", observed.received);
}

#[test]
fn zero_for_and_small_for() {
    let group = "ZeroFor_SmallFor";
    let (zero, small) = ("ZeroFor_SmallFor_ZeroFor", "ZeroFor_SmallFor_SmallFor");
    let high = |value: f64| move |s: i64| Some(if (30..360).contains(&s) { value } else { 5.0 });
    let mut inputs = vec![series(group, zero, "", high(11.0)), series(group, small, "", high(15.0))];
    for (id, value) in [("1", 7.0), ("2", 9.0)] {
        let labels = [("rulegroup", group), ("for", "template"), ("id", id)];
        let labels = labels.into_iter().map(|(name, text)| (name, text.to_owned())).collect();
        inputs.push((labels, Box::new(move |_| Some(value))));
    }
    let Some(observed) = observe(group, &inputs, 24) else { return };
    observed.check_states(zero, &[(0, "inactive"), (30, "firing"), (360, "inactive")]);
    observed.check_states(small, &[(0, "inactive"), (30, "pending"), (60, "firing"), (360, "inactive")]);
    let (zero, small) = (observed.alerts(zero, None), observed.alerts(small, None));
    observed.check_received(&zero, 30, Some(360));
    observed.check_received(&small, 60, Some(360));
    let text = |alert: &Received, name: &str| alert.alert["annotations"][name].as_str().unwrap_or("").to_owned();
    assert_eq!(text(zero[0], "template_query_test"), "Args are: foo bar 99. first_id:1,1:7,2:9,");
    assert_eq!(text(zero[0], "template_test"), "1.049M 1Mi 2m 15s 95.9% 2022-01-25 12:36:43 +0000 UTC");
    let expected = "This Part IS TESTING the strings. ::1 127.0.0.1. 7815. replaced text. .";
    assert_eq!(text(small[0], "template_test"), expected);
}

#[test]
fn new_alerts_and_order() {
    let group = "NewAlerts_OrderCheck";
    let (one, two) = ("NewAlerts_OrderCheck_Rule1", "NewAlerts_OrderCheck_Rule2");
    let second = |s: i64| Some(if s < 120 { 5.0 } else { 11.0 });
    let inputs = [series(group, one, "one", |_| Some(11.0)), series(group, one, "two", second)];
    let Some(observed) = observe(group, &inputs, 12) else { return };
    observed.check_states(one, &[(0, "pending"), (180, "firing")]);
    observed.check_states(two, &[(0, "inactive"), (300, "firing")]);
    observed.check_received(&observed.alerts(one, Some("one")), 180, None);
    observed.check_received(&observed.alerts(one, Some("two")), 300, None);
    let derived = observed.alerts(two, None);
    observed.check_received(&derived, 300, None);
    // The second rule sees what the first did in the same evaluation.
    assert_eq!(derived[0].alert["startsAt"], observed.alerts(one, Some("two"))[0].alert["startsAt"]);
    let text = format!("Based on ALERTS. Old alertname was {one}. foo was bar.");
    assert_eq!(derived[0].alert["annotations"]["description"], text);
}
