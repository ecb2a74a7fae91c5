//! The scenarios of Alertmanager's acceptance tests, on a simulated clock.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use nightjar_alertmanager::machine::{Options, Outcome};
use nightjar_platform::disk::Crash;
use world::{START_MS, World, alert, delivered};

fn route(settings: &str) -> String {
    format!(
        "global: {{resolve_timeout: 1h}}\nroute: {{receiver: default, {settings}}}\n\
         receivers: [{{name: default, webhook_configs: [{{url: 'http://a'}}]}}]\n"
    )
}

const FAST: &str = "group_by: [], group_wait: 1s, group_interval: 1s, repeat_interval: 1ms";

#[test]
fn batching() {
    let mut world = World::new(&route("group_by: [], group_wait: 1s, group_interval: 1s, repeat_interval: 4900ms"));
    world.until(1_100);
    world.post("test1");
    world.until(1_700);
    world.post("test5");
    world.until(3_000);
    world.post("test2 test3 test4");
    world.until(9_500);
    assert_eq!(
        world.story(),
        ["2.1: test1 test5", "3.1: test1 test2 test3 test4 test5", "8.1: test1 test2 test3 test4 test5"]
    );
}

#[test]
fn repeat_until_resolved() {
    let mut world = World::new(&route(FAST));
    world.until(1_000);
    world.post("test");
    world.until(4_500);
    world.post("-test");
    world.until(10_000);
    assert_eq!(world.story(), ["2: test", "3: test", "4: test", "5: -test"]);
    let end = &world.sends[3].alerts[0].alert;
    assert_eq!((end.starts_at - START_MS, end.ends_at - START_MS), (1_000, 4_500));
}

#[test]
fn resolve_timeout() {
    let text =
        route("group_by: [alertname], group_wait: 1s, group_interval: 5s, repeat_interval: 1h").replace("1h}", "10s}");
    let mut world = World::new(&text);
    world.until(1_000);
    world.post("test,l=v1 test,l=v2 test,l=v3");
    world.until(60_000);
    assert_eq!(world.story(), ["2: test test test", "12: -test -test -test"]);
    assert_eq!(world.sends[1].alerts[0].alert.ends_at, START_MS + 11_000);
}

#[test]
fn resolved_filter() {
    let text = "route: {receiver: default, group_by: [alertname], group_wait: 1s, group_interval: 1s, repeat_interval: 1h}\n\
        receivers: [{name: default, webhook_configs: [{url: 'http://a'}, {url: 'http://b', send_resolved: false}]}]\n";
    let mut world = World::new(text);
    world.post("test,l=v1 test,l=v2");
    world.until(3_500);
    world.post("-test,l=v1");
    world.until(6_500);
    world.post("-test,l=v2");
    world.until(60_000);
    let a = "default/webhook0";
    let b = "default/webhook1";
    let expected = [
        format!("1 {a}: test test"),
        format!("1 {b}: test test"),
        format!("4 {a}: -test test"),
        format!("7 {a}: -test"),
    ];
    assert_eq!(world.story(), expected);
}

#[test]
fn cold_start_and_reload() {
    let text = route("group_by: [], group_wait: 1s, group_interval: 6s, repeat_interval: 10m");
    let options = Options { start_delay_ms: 5_000, ..Options::default() };
    let mut world = World::with(&text, options, |_, _| (0, delivered()));
    world.until(500);
    let wall = START_MS + 500 - 100_000;
    world.post_alerts(vec![alert("old", wall, 3_600_000)]);
    world.until(7_000);
    world.post("new");
    world.until(10_000);
    assert_eq!(world.story(), ["5: old"]);
    world.until(12_000);
    assert_eq!(world.story(), ["5: old", "11: new old"]);
}

#[test]
fn a_reload_restarts_timers_and_repeats_nothing() {
    let text = route("group_by: [], group_wait: 1s, group_interval: 6s, repeat_interval: 10m");
    let mut world = World::new(&text);
    world.until(1_000);
    world.post("first");
    world.until(3_000);
    world.reload(&text);
    world.until(4_000);
    world.post("second");
    world.until(12_000);
    // The group is older than its wait, so it looked at once and the next look is an interval later.
    assert_eq!(world.story(), ["2: first", "9: first second"]);
}

#[test]
fn a_webhook_that_times_out_is_tried_again_inside_the_interval() {
    let text = route("group_by: [], group_wait: 1s, group_interval: 30s, repeat_interval: 1h")
        .replace("'http://a'", "'http://a', timeout: 500ms");
    let mut world = World::with(&text, Options::default(), |now, send| match now < 3_000 {
        true => (send.timeout_ms, Outcome::Retry { after_ms: None, error: "timeout".to_owned() }),
        false => (0, delivered()),
    });
    world.post("test");
    world.until(20_000);
    assert!(world.sends.len() > 1 && world.sends.iter().all(|send| send.timeout_ms == 500));
    assert!((3_000..6_000).contains(&world.heard[0].0), "{:?}", world.heard);
}

#[test]
fn inhibiting() {
    let text = route(FAST)
        + "inhibit_rules: [{source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [zone]}]\n";
    let mut world = World::new(&text);
    world.until(1_000);
    world.post("test1,severity=warning,zone=aa test2,severity=warning,zone=ab");
    world.until(2_200);
    world.post("boss,severity=critical,zone=aa");
    world.until(3_600);
    world.post("-boss,severity=critical,zone=aa");
    world.until(4_500);
    assert_eq!(world.story(), ["2: test1 test2", "3: boss test2", "4: -boss test1 test2"]);
}

/// Ours: every condition of `sources` must hold, and both alerts are named as the cause.
#[test]
fn inhibiting_by_several_sources_at_once() {
    let text = route(FAST)
        + "inhibit_rules: [{sources: [{matchers: [job=a], equal: [zone]}, {matchers: [job=b]}], target_matchers: [job=t]}]\n";
    let mut world = World::new(&text);
    world.until(1_000);
    world.post("a,job=a,zone=1 t,job=t,zone=1");
    world.until(2_200);
    world.post("b,job=b,zone=2");
    let alerts = world.router.machine().alerts(world.now());
    let target = alerts.iter().find(|view| view.alert.labels.value("job") == "t").unwrap();
    assert_eq!(target.status.inhibited_by.len(), 2);
    world.until(3_600);
    world.post("-b,job=b,zone=2");
    world.until(4_500);
    assert_eq!(world.story(), ["2: a t", "3: a b", "4: a -b t"]);
}

#[test]
fn source_and_target_that_end_together_are_told_together() {
    let text = route(FAST)
        + "inhibit_rules: [{source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [zone]}]\n";
    let mut world = World::new(&text);
    world.until(1_000);
    world.post("boss,severity=critical,zone=aa test1,severity=warning,zone=aa");
    world.until(2_600);
    world.post("-test1,severity=warning,zone=aa -boss,severity=critical,zone=aa");
    world.until(10_000);
    assert_eq!(world.story(), ["2: boss", "3: -boss -test1"]);
}

#[test]
fn silencing_and_deleting_the_silence() {
    let mut world = World::new(&route(FAST));
    world.until(1_000);
    world.post("test1 test2");
    world.until(2_200);
    let id = world.silence("alertname=~test1.*", 2_200, 60_000);
    world.until(4_500);
    world.expire(&id);
    world.until(5_500);
    assert_eq!(world.story(), ["2: test1 test2", "3: test2", "4: test2", "5: test1 test2"]);
}

/// Ours: the first minute of every day is quiet, across restarts, until the silence ends.
#[test]
fn a_silence_that_recurs() {
    let text = route("group_by: [], group_wait: 1s, group_interval: 10s, repeat_interval: 30d").replace("1h}", "30d}");
    let mut world = World::new(&text);
    let (day, minute) = (86_400_000, r#"{"times": [{"start_time": "00:00", "end_time": "00:01"}]}"#);
    world.silence_that_recurs("alertname=~.+", 0, 2 * day, Some(minute));
    for (at, name) in [(0, "a"), (day + 5_000, "b"), (2 * day + 5_000, "c")] {
        world.until(at);
        world.post(name);
        world.until(at + 30_000);
        world.crash(Some(Crash::LoseUnsynced), 0);
    }
    assert_eq!(world.story(), ["61: a", "86461: a b", "172811: a b c"]);
}

#[test]
fn alert_status_is_current() {
    let text = route(FAST)
        + "inhibit_rules: [{source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [alertname]}]\n";
    let mut world = World::new(&text);
    world.post("test,severity=warning");
    let status = |world: &World| {
        let alerts = world.router.machine().alerts(world.now());
        let view = alerts.iter().find(|view| view.alert.labels.value("severity") == "warning").unwrap();
        assert_eq!(view.receivers, ["default"]);
        (view.status.state(), view.status.silenced_by.len(), view.status.inhibited_by.clone())
    };
    assert_eq!(status(&world), ("active", 0, vec![]));
    let id = world.silence("severity=warning", 0, 60_000);
    assert_eq!(status(&world), ("suppressed", 1, vec![]));
    world.post("test,severity=critical");
    let source = world
        .router
        .machine()
        .alerts(world.now())
        .iter()
        .find(|v| v.alert.labels.value("severity") == "critical")
        .unwrap()
        .fingerprint;
    assert_eq!(status(&world), ("suppressed", 1, vec![source]));
    world.expire(&id);
    assert_eq!(status(&world), ("suppressed", 0, vec![source]));
    let groups = world.router.machine().groups(world.now());
    assert_eq!((groups.len(), groups[0].alerts.len(), groups[0].receiver.as_str()), (1, 2, "default"));
}
