//! A week with outages, kills, power cuts and clock steps: whoever should hear, hears; nobody hears twice.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use nightjar_alertmanager::machine::Options;
use nightjar_platform::SplitMix;
use nightjar_platform::disk::Crash;
use world::{World, delivered, failed};

const CONFIG: &str = r#"
global: {resolve_timeout: 30m}
route:
  receiver: a
  group_by: [team]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 4h
receivers:
- name: a
  webhook_configs: [{url: 'http://a'}, {url: 'http://b'}]
"#;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// What one integration heard of one alert, in order: true is firing.
type Heard = BTreeMap<(u32, String), Vec<bool>>;

fn week(seed: u64) {
    let mut random = SplitMix::new(seed);
    let outages: Vec<(i64, i64, u32)> = (0..6)
        .map(|_| {
            let from = random.below(6 * DAY as u64) as i64;
            (from, from + random.below(10 * 60 * MINUTE as u64) as i64, random.below(3) as u32)
        })
        .collect();
    // The journal of the services: by idempotency key, and in order.
    let journal: Arc<Mutex<(BTreeMap<String, u32>, Heard)>> = Arc::default();
    let written = journal.clone();
    let mut world = World::with(CONFIG, Options { seed, ..Options::default() }, move |now, send| {
        let down = |(from, to, which): &(i64, i64, u32)| {
            *from <= now && now < *to && (*which == 2 || *which == send.line.index)
        };
        if outages.iter().any(down) {
            return (20, failed());
        }
        let mut journal = written.lock().unwrap();
        *journal.0.entry(format!("{:?} {}", send.line, send.idempotency_key)).or_default() += 1;
        for sent in &send.alerts {
            let name = sent.alert.labels.value("alertname").to_owned();
            let heard = journal.1.entry((send.line.index, name)).or_default();
            if heard.last() != Some(&!sent.resolved) {
                heard.push(!sent.resolved);
            }
        }
        (20, delivered())
    });
    let names: Vec<String> = (0..12).map(|n| format!("alert{n},team=t{}", n % 3)).collect();
    let mut firing = vec![false; names.len()];
    let mut changed = vec![0; names.len()];
    let mut fired: BTreeMap<String, usize> = BTreeMap::new();
    let (mut crashes, mut minute) = (0_u32, 0);
    while minute < 7 * 24 * 60 {
        minute += 1;
        // A process that was down all through this minute lost it.
        if world.mono > minute * MINUTE {
            continue;
        }
        world.until(minute * MINUTE);
        for (i, name) in names.iter().enumerate() {
            // An alert keeps its state longer than a group interval, so that nobody may miss it.
            if minute - changed[i] > 15 && minute < 6 * 24 * 60 && random.one_in(200) {
                firing[i] = !firing[i];
                changed[i] = minute;
                *fired.entry(name.split(',').next().unwrap().to_owned()).or_default() += usize::from(firing[i]);
                if !firing[i] {
                    world.post(&format!("-{name}"));
                }
            }
            if firing[i] && minute >= 6 * 24 * 60 {
                firing[i] = false;
                world.post(&format!("-{name}"));
            }
            if firing[i] && (minute % 5 == 0 || changed[i] == minute) {
                world.post(name);
            }
        }
        if random.one_in(300) {
            let crash =
                [None, Some(Crash::LoseUnsynced), Some(Crash::Torn { seed: minute as u64 })][random.below(3) as usize];
            world.crash(crash, random.below(3 * MINUTE as u64) as i64);
            crashes += 1;
        }
        if random.one_in(1000) {
            world.wall_step += random.below(2 * 60 * MINUTE as u64) as i64 - 60 * MINUTE;
        }
    }
    world.until(8 * DAY);
    let journal = journal.lock().unwrap();
    let doubled: u32 = journal.0.values().map(|count| count - 1).sum();
    assert!(doubled <= crashes, "seed {seed}: {doubled} messages came twice after {crashes} crashes");
    for index in 0..2 {
        for (name, times) in &fired {
            let heard = journal.1.get(&(index, name.clone())).cloned().unwrap_or_default();
            // After an outage several beginnings may have become one, but every alert was heard, and its end last.
            assert!(*times == 0 || !heard.is_empty(), "seed {seed}: {index} never heard of {name}");
            assert!(heard.last() != Some(&true), "seed {seed}: {index} never heard that {name} ended: {heard:?}");
            assert!(
                heard.iter().filter(|firing| **firing).count() <= *times,
                "seed {seed}: {index} {name} {times} {heard:?}"
            );
        }
    }
    assert_eq!(world.router.machine().outbox().0, 0, "seed {seed}");
    assert!(world.router.machine().groups(world.now()).is_empty(), "seed {seed}");
    assert!(crashes > 10);
}

#[test]
fn a_week_of_trouble() {
    (1..=4).for_each(week);
}

/// A restart at any moment changes nothing that anybody hears.
#[test]
fn the_story_with_a_restart_equals_the_story_without() {
    let story = |restart: Option<i64>| {
        let mut world = World::new(CONFIG);
        let script = [
            (0, "a,team=x"),
            (10_000, "b,team=x"),
            (200_000, "c,team=x"),
            (500_000, "-a,team=x -c,team=x"),
            (900_000, "d,team=y"),
        ];
        let mut done = false;
        for (at, names) in script.into_iter().chain([(5 * 3_600_000, "b,team=x d,team=y")]) {
            if let Some(restart) = restart.filter(|restart| !done && *restart < at) {
                world.until(restart);
                world.crash(Some(Crash::LoseUnsynced), 0);
                done = true;
            }
            if at > 3_600_000 {
                // Somebody keeps them alive.
                for quarter in 0..18 {
                    world.until(1_000_000 + quarter * 900_000);
                    world.post("b,team=x d,team=y");
                }
            }
            world.until(at);
            world.post(names);
        }
        world.until(6 * 3_600_000);
        world.story()
    };
    let golden = story(None);
    assert!(golden.len() >= 5, "{golden:?}");
    for restart in [1, 5_000, 29_999, 30_000, 30_001, 100_000, 329_999, 330_001, 499_999, 629_000, 900_001, 931_000] {
        assert_eq!(story(Some(restart)), golden, "{restart}");
    }
}
