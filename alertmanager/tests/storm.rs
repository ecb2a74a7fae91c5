//! A hundred thousand alerts. Slow without optimisation: run with `--release -- --ignored --nocapture`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

mod world;

use nightjar_platform::{Clock, RealClock};
use world::{World, alert};

fn storm(group_by: &str) {
    let clock = RealClock::new();
    let text = format!(
        "global: {{resolve_timeout: 1h}}\nroute: {{receiver: a, group_by: ['{group_by}'], group_wait: 1s, group_interval: 10s}}\n\
         receivers: [{{name: a, webhook_configs: [{{url: 'http://a'}}]}}]\n"
    );
    let mut world = World::new(&text);
    let make = |wall: i64| -> Vec<_> {
        let name =
            |n: usize| format!("a{},instance=i{n},job=j{},dc=d{},severity=page,team=t,env=prod", n % 100, n % 7, n % 3);
        (0..100_000).map(|n| alert(&name(n), wall, 3_600_000)).collect()
    };
    let mut laps = Vec::new();
    for _ in 0..2 {
        let batches: Vec<Vec<_>> = make(world.now().wall_ms).chunks(256).map(<[_]>::to_vec).collect();
        let start = clock.monotonic();
        batches.into_iter().for_each(|batch| world.post_alerts(batch));
        laps.push(clock.monotonic() - start);
        let start = clock.monotonic();
        world.until(world.mono + 15_000);
        laps.push(clock.monotonic() - start);
    }
    let start = clock.monotonic();
    assert_eq!(world.router.machine().alerts(world.now()).len(), 100_000);
    laps.push(clock.monotonic() - start);
    let log = world.router.log().len_bytes();
    world.heard.clear();
    world.sends.clear();
    let start = clock.monotonic();
    world.crash(None, 1);
    laps.push(clock.monotonic() - start);
    assert_eq!(world.router.machine().alerts(world.now()).len(), 100_000);
    eprintln!("group_by [{group_by}]: in, flushes, in again, flushes, list, restart: {laps:?}; log {log} bytes");
}

#[test]
#[ignore = "slow without optimisation"]
fn a_storm() {
    storm("alertname");
    storm("...");
}
