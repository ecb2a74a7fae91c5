//! Eight faults that were measured in the real Alertmanager, and that this one has not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use nightjar_alertmanager::machine::{Decision, Options, Outcome, Verdict};
use nightjar_platform::disk::{Call, Crash, Fault, FaultKind};
use world::{World, delivered, failed};

const ONE: &str = r#"
global: {resolve_timeout: 1h}
route: {receiver: a, group_by: [], group_wait: 1s, group_interval: 10s, repeat_interval: 4h}
receivers: [{name: a, webhook_configs: [{url: 'http://a'}]}]
"#;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

#[test]
fn f1_a_silence_survives_a_kill() {
    for crash in [None, Some(Crash::LoseUnsynced)] {
        let mut world = World::new(ONE);
        world.silence("alertname=disk", 0, HOUR);
        world.crash(crash, 5_000);
        world.post("disk");
        world.until(30 * MINUTE);
        assert_eq!(world.story(), [""; 0]);
        assert_eq!(world.router.machine().silences().len(), 1);
    }
}

#[test]
fn f2_what_was_told_is_not_told_again_after_a_kill() {
    for crash in [None, Some(Crash::LoseUnsynced)] {
        let mut world = World::new(ONE);
        world.post("disk");
        world.until(15_000);
        world.crash(crash, 20_000);
        world.post("disk");
        world.until(40 * MINUTE);
        assert_eq!(world.story(), ["1: disk"]);
    }
}

#[test]
fn f3_an_alert_that_ends_while_the_receiver_is_down_is_told_from_beginning_to_end() {
    for outage in [MINUTE, HOUR, 6 * HOUR, 25 * HOUR] {
        let mut world =
            World::with(ONE, Options::default(), move |now, _| (0, if now < outage { failed() } else { delivered() }));
        world.post("disk");
        world.until(20_000);
        world.post("-disk");
        world.until(outage + 30_000);
        let heard: Vec<_> = world.heard.iter().map(|(_, _, alerts)| alerts.as_str()).collect();
        assert_eq!(heard, ["disk", "-disk"]);
        assert!(world.heard[0].0 <= outage + 12_000, "{:?}", world.heard);
        assert_eq!(world.router.machine().outbox().0, 0);
        assert!(world.router.machine().groups(world.now()).is_empty());
    }
}

#[test]
fn f3_survives_kills_during_the_outage() {
    let mut world = World::with(ONE, Options::default(), |now, _| (5, if now < HOUR { failed() } else { delivered() }));
    world.post("disk");
    world.until(20_000);
    world.crash(Some(Crash::LoseUnsynced), 1_000);
    world.post("-disk");
    world.until(30_000);
    world.crash(None, 10 * MINUTE);
    world.until(HOUR + 30_000);
    let heard: Vec<_> = world.heard.iter().map(|(_, _, alerts)| alerts.as_str()).collect();
    assert_eq!(heard, ["disk", "-disk"]);
}

#[test]
fn f4_whoever_was_paged_hears_the_end_even_through_a_silence() {
    let mut world = World::new(ONE);
    world.post("disk cpu");
    world.until(5_000);
    world.silence("alertname=disk", 5_000, HOUR);
    world.until(25_000);
    world.post("-disk");
    world.until(MINUTE);
    world.post("-cpu");
    world.until(30 * MINUTE);
    assert_eq!(world.story(), ["1: cpu disk", "31: cpu -disk", "61: -cpu"]);
}

#[test]
fn f4_nobody_hears_of_an_alert_that_was_silenced_from_beginning_to_end() {
    let mut world = World::new(ONE);
    world.silence("alertname=disk", 0, HOUR);
    world.post("disk");
    world.until(25_000);
    world.post("-disk");
    world.until(HOUR * 2);
    assert_eq!(world.story(), [""; 0]);
}

#[test]
fn f4_as_alertmanager_does_it_when_asked_to() {
    let mut world = World::with(ONE, Options { strict_mutes: true, ..Options::default() }, |_, _| (0, delivered()));
    world.post("disk");
    world.until(5_000);
    world.silence("alertname=disk", 5_000, HOUR);
    world.post("-disk");
    world.until(30 * MINUTE);
    assert_eq!(world.story(), ["1: disk"]);
}

#[test]
fn f4_an_end_that_was_silenced_is_not_made_up_for_as_in_alertmanager() {
    for crash in [false, true] {
        let options = Options { strict_mutes: true, ..Options::default() };
        let mut world = World::with(ONE, options, |_, _| (0, delivered()));
        world.post("disk cpu");
        world.until(5_000);
        let silence = world.silence("alertname=disk", 5_000, HOUR);
        world.post("-disk");
        world.until(15_000);
        if crash {
            world.crash(Some(Crash::LoseUnsynced), 0);
        }
        world.expire(&silence);
        world.post("fan");
        world.until(25_000);
        assert_eq!(world.story(), ["1: cpu disk", "21: cpu fan"]);
    }
}

#[test]
fn a_try_that_timed_out_is_followed_by_the_next_at_once() {
    let text = ONE.replace("'http://a'", "'http://a', timeout: 5s");
    let mut world = World::with(&text, Options::default(), |now, send| match now < 8_000 {
        true => (send.timeout_ms, failed()),
        false => (0, delivered()),
    });
    world.post("disk");
    world.until(MINUTE);
    assert_eq!(world.story(), ["11.002: disk"], "1 s, 6 s and 11 s");
}

#[test]
fn f5_every_source_inhibits() {
    let text = format!(
        "{ONE}\ninhibit_rules: [{{source_matchers: [kind=source], target_matchers: [kind=target], equal: [zone]}}]"
    );
    let mut world = World::new(&text);
    world.post("s1,kind=source,zone=a s2,kind=source,zone=a target,kind=target,zone=a");
    world.until(15_000);
    world.post("-s2,kind=source,zone=a");
    world.until(MINUTE);
    world.post("-s1,kind=source,zone=a");
    world.until(2 * MINUTE);
    assert_eq!(world.story(), ["1: s1 s2", "21: s1 -s2", "61: -s1 target"]);
}

#[test]
fn f6_the_last_word_about_an_alert_is_the_last_one_posted() {
    let mut world = World::new(ONE);
    let names: Vec<String> = (0..2_000).flat_map(|n| [format!("a{n}"), format!("-a{n}")]).collect();
    world.post(&names.join(" "));
    assert!(world.router.machine().alerts(world.now()).is_empty());
    let again: Vec<String> = (0..2_000).flat_map(|n| [format!("-a{n}"), format!("a{n}")]).collect();
    world.post(&again.join(" "));
    assert_eq!(world.router.machine().alerts(world.now()).len(), 2_000);
}

#[test]
fn f7_clock_steps_neither_add_nor_swallow_pages() {
    for step in [-HOUR, HOUR, -26 * HOUR, 26 * HOUR] {
        let mut world = World::new(ONE);
        world.post("disk");
        world.until(MINUTE);
        world.wall_step = step;
        world.until(5 * MINUTE);
        world.post("disk");
        world.until(10 * MINUTE);
        world.wall_step = 0;
        world.post("disk");
        world.until(30 * MINUTE);
        world.post("disk cpu");
        world.until(40 * MINUTE);
        world.post("-disk");
        world.until(50 * MINUTE);
        assert_eq!(world.story(), ["1: disk", "1801: cpu disk", "2401: cpu -disk"], "{step}");
    }
}

#[test]
fn f8_a_silent_service_delays_nobody_else() {
    let text = r#"
route: {receiver: a, group_by: [], group_wait: 1s, group_interval: 10s, repeat_interval: 4h}
receivers: [{name: a, webhook_configs: [{url: 'http://a'}, {url: 'http://b'}]}]
"#;
    let mut world = World::with(text, Options::default(), |_, send| match send.line.index {
        0 => (send.timeout_ms, failed()),
        _ => (0, delivered()),
    });
    world.post("disk");
    world.until(5_000);
    world.post("cpu");
    world.until(MINUTE);
    assert_eq!(world.story(), ["1: disk", "11: cpu disk"]);
    assert!(world.sends.iter().all(|send| send.timeout_ms <= MINUTE), "every try has an end");
}

#[test]
fn a_service_that_asks_for_a_pause_gets_it() {
    let mut asked = false;
    let mut world = World::with(ONE, Options::default(), move |_, _| {
        let first = !std::mem::replace(&mut asked, true);
        let pause = Outcome::Retry { after_ms: Some(90_000), error: "429".to_owned() };
        (0, if first { pause } else { delivered() })
    });
    world.post("disk");
    world.until(5 * MINUTE);
    assert_eq!(world.story(), ["91: disk"]);
    assert_eq!(world.sends[0].idempotency_key, world.sends[1].idempotency_key);
}

#[test]
fn every_alert_of_a_group_gets_a_verdict_with_its_cause() {
    let text =
        format!("{ONE}\ninhibit_rules: [{{source_matchers: [alertname=boss], target_matchers: [alertname=boy]}}]");
    let mut world = World::new(&text);
    let id = world.silence("alertname=hush", 0, HOUR);
    world.post("boss boy hush");
    world.until(2_000);
    let mut verdicts = Vec::new();
    while let Some(decision) = world.router.poll_decision() {
        if let Decision::Flushed { alerts, .. } = decision {
            verdicts.extend(alerts.into_iter().map(|(_, verdict)| verdict));
        }
    }
    assert_eq!(verdicts.len(), 3);
    assert_eq!(verdicts[0], Verdict::Passed);
    assert!(matches!(&verdicts[1], Verdict::Inhibited { .. }));
    assert_eq!(verdicts[2], Verdict::Silenced(vec![id]));
    assert_eq!(world.story(), ["1: boss"]);
}

#[test]
fn a_failing_disk_stops_acknowledgements_but_no_page_and_heals() {
    let mut world = World::new(ONE);
    world.post("disk");
    world.until(5_000);
    world.disk_may_fail = true;
    let fault = |call| Fault { call, path: None, after: 0, sticky: true, kind: FaultKind::Io };
    world.disk.inject(fault(Some(Call::SyncData)));
    world.post("cpu");
    assert!(!world.durable, "nobody may be told that this is kept");
    world.until(15_000);
    assert_eq!(world.story(), ["1: disk", "11: cpu disk"]);
    world.disk.clear_faults();
    world.until(25_000);
    world.post("net");
    assert!(world.durable);
    world.crash(Some(Crash::LoseUnsynced), 1_000);
    world.until(MINUTE);
    assert_eq!(world.story(), ["1: disk", "11: cpu disk", "31: cpu disk net"]);
}
