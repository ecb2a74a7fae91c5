//! A week of three instances that act as one, with receivers that are away, partitions, kills, power cuts, reloads, steps
//! of the clocks and storms of alerts. `NIGHTJAR_STORM_ALERTS` says how many alerts a storm has (100000 is meant, with
//! `--release`), `NIGHTJAR_WEEK_SEED` which week it is.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use nightjar_alertmanager::machine::{Decision, Event, LineStatus, Options, Shared};
use nightjar_alertmanager::record::LineId;
use nightjar_platform::SplitMix;
use nightjar_platform::disk::Crash;
use world::{World, alert, delivered, failed};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// How often instances that hear of each other do.
const STEP: i64 = 20_000;
/// How long one instance waits for the one before it.
const TURN: i64 = 60_000;
/// Nothing begins to fire any more.
const LAST: i64 = 6 * DAY;
/// How long whoever posts repeats a change, as Prometheus does.
const REPEATED: i64 = 15;

fn config(group_interval: &str) -> String {
    format!(
        "global: {{resolve_timeout: 1h}}\n\
         route: {{receiver: a, group_by: [team], group_wait: 30s, group_interval: {group_interval}, repeat_interval: 12h}}\n\
         receivers: [{{name: a, webhook_configs: [{{url: 'http://a'}}, {{url: 'http://b'}}]}}]\n"
    )
}

/// A span of time in which something is wrong with one of them.
#[derive(Clone, Copy)]
struct Trouble {
    from: i64,
    to: i64,
    which: usize,
}

impl Trouble {
    fn some(random: &mut SplitMix, count: usize, longest: i64, which: u64) -> Vec<Trouble> {
        let one = |_| {
            let from = random.below(LAST as u64 - 2 * HOUR as u64) as i64;
            let to = from + MINUTE + random.below(longest as u64) as i64;
            Trouble { from, to, which: random.below(which) as usize }
        };
        (0..count).map(one).collect()
    }

    fn now(all: &[Trouble], at: i64, which: usize) -> bool {
        all.iter().any(|t| t.which == which && t.from <= at && at < t.to)
    }
}

/// What a service was told: when, by which instance, on which line, which message, and of which alerts that they fire.
type Told = (i64, usize, LineId, u64, Vec<(String, bool)>);

/// An alert in the world outside.
struct Source {
    name: String,
    firing: bool,
    /// In minutes.
    changed: i64,
    /// When it ends by itself, as those of a storm do; in minutes.
    until: i64,
    fired: usize,
}

struct Week {
    seed: u64,
    random: SplitMix,
    worlds: Vec<World>,
    told: Arc<Mutex<Vec<Told>>>,
    partitions: Vec<Trouble>,
    /// Who heard of all others at the last exchange.
    together: Vec<bool>,
    sources: Vec<Source>,
    /// Messages by line, number and time of the decision: a line that is forgotten counts from 0 again.
    ended: Vec<BTreeMap<(LineId, u64, i64), u32>>,
    begun: Vec<BTreeSet<(LineId, u64, i64)>>,
    crashes: usize,
}

impl Week {
    fn new(seed: u64) -> Week {
        let mut random = SplitMix::new(seed);
        let outages = Trouble::some(&mut random, 6, 8 * HOUR, 2);
        let partitions = Trouble::some(&mut random, 8, 6 * HOUR, 3);
        let told: Arc<Mutex<Vec<Told>>> = Arc::default();
        let world = |i: usize| {
            let (told, outages) = (told.clone(), outages.clone());
            let options = Options { seed: seed * 10 + i as u64, ..Options::default() };
            World::with(&config("5m"), options, move |at, send| {
                if Trouble::now(&outages, at, send.line.index as usize) {
                    return (20, failed());
                }
                let one = |sent: &nightjar_alertmanager::machine::SentAlert| {
                    (sent.alert.labels.value("alertname").to_owned(), !sent.resolved)
                };
                let alerts = send.alerts.iter().map(one).collect();
                told.lock().unwrap().push((at, i, send.line.clone(), send.seq, alerts));
                (20, delivered())
            })
        };
        let source = |n: usize| Source::new(format!("alert{n},team=t{}", n % 3), i64::MAX);
        let mut week = Week {
            seed,
            worlds: (0..3).map(world).collect(),
            random,
            told,
            partitions,
            together: vec![true; 3],
            sources: (0..6).map(source).collect(),
            ended: vec![BTreeMap::new(); 3],
            begun: vec![BTreeSet::new(); 3],
            crashes: 0,
        };
        (0..3).for_each(|i| week.wait_in_turn(i));
        week
    }

    fn wait_in_turn(&mut self, i: usize) {
        let now = self.worlds[i].now();
        self.worlds[i].router.handle_event(now, Event::Patience { wait_ms: TURN * i as i64 });
    }

    fn run(mut self, storm: usize) -> Vec<Told> {
        let storms: Vec<i64> = (0..3).map(|n| n * 2 * 24 * 60 + 60 + self.random.below(600) as i64).collect();
        for minute in 1..=8 * 24 * 60 {
            for part in 0..MINUTE / STEP {
                self.pass((minute - 1) * MINUTE + (part + 1) * STEP);
            }
            if minute * MINUTE < 7 * DAY {
                if storms.contains(&minute) {
                    let name = |n: usize| format!("storm{minute}-{n},team=s{}", n % 50);
                    self.sources.extend((0..storm).map(|n| Source::new(name(n), minute + 60)));
                }
                self.change(minute);
                self.post(minute);
                self.trouble(minute);
            }
            self.note();
        }
        self.check();
        std::mem::take(&mut *self.told.lock().unwrap())
    }

    /// Time goes on for whoever is not down, and those that can hear each other.
    fn pass(&mut self, at: i64) {
        for world in self.worlds.iter_mut().filter(|world| world.mono <= at) {
            world.until(at);
        }
        let apart = |i: usize| self.worlds[i].mono > at || Trouble::now(&self.partitions, at, i);
        let together: Vec<bool> = (0..3).map(|i| !apart(i)).collect();
        // Whoever is back says and hears everything.
        let all = (0..3).any(|i| together[i] && !self.together[i]);
        let changes: Vec<Vec<Shared>> = self
            .worlds
            .iter_mut()
            .map(|world| {
                let news: Vec<_> = std::iter::from_fn(|| world.router.poll_shared()).collect();
                if all { world.router.machine().all_shared() } else { news }
            })
            .collect();
        for (i, changes) in changes.into_iter().enumerate().filter(|(i, changes)| together[*i] && !changes.is_empty()) {
            let others = self.worlds.iter_mut().enumerate().filter(|(j, _)| *j != i && together[*j]);
            for (_, world) in others {
                let now = world.now();
                world.router.handle_event(now, Event::Elsewhere(changes.clone()));
            }
        }
        self.together = together;
    }

    /// What happens outside.
    fn change(&mut self, minute: i64) {
        let over = minute * MINUTE >= LAST;
        for source in &mut self.sources {
            let settled = minute - source.changed > 20;
            let turns = match source.until {
                i64::MAX => settled && (source.firing && over || !over && self.random.one_in(300)),
                until => !source.firing && source.fired == 0 || source.firing && minute >= until,
            };
            if turns {
                (source.firing, source.changed) = (!source.firing, minute);
                source.fired += usize::from(source.firing);
            }
        }
    }

    /// Everybody who is there hears what changed lately, and now and then what fires.
    fn post(&mut self, minute: i64) {
        let due = |source: &&Source| {
            source.fired > 0 && (minute - source.changed <= REPEATED || source.firing && minute % 10 == 0)
        };
        // What changed long ago is repeated seldom, so that a storm is bearable.
        let due = |source: &&Source| due(source) && (source.until == i64::MAX || (minute - source.changed) % 5 == 0);
        let names: Vec<String> = self.sources.iter().filter(due).map(Source::posted).collect();
        for world in self.worlds.iter_mut().filter(|world| world.mono == minute * MINUTE) {
            let wall = world.now().wall_ms;
            for names in names.chunks(1_000) {
                world.post_alerts(names.iter().map(|name| alert(name, wall, HOUR)).collect());
            }
        }
    }

    fn trouble(&mut self, minute: i64) {
        let i = self.random.below(3) as usize;
        if self.worlds[i].mono != minute * MINUTE {
            return;
        }
        if self.random.one_in(600) {
            let crash = [None, Some(Crash::LoseUnsynced), Some(Crash::Torn { seed: minute as u64 })];
            let (crash, down) = (crash[self.random.below(3) as usize], self.random.below(5 * MINUTE as u64) as i64);
            self.note();
            self.worlds[i].crash(crash, down);
            self.together[i] = false;
            self.wait_in_turn(i);
            self.crashes += 1;
        } else if self.random.one_in(1_000) {
            let text = config(if self.random.one_in(2) { "5m" } else { "7m" });
            self.worlds[i].reload(&text);
        } else if self.random.one_in(1_000) {
            self.worlds[i].wall_step += self.random.below(2 * HOUR as u64) as i64 - HOUR;
        }
    }

    /// Every look gives every alert one verdict; every message ends once.
    fn note(&mut self) {
        for (i, world) in self.worlds.iter_mut().enumerate() {
            self.begun[i].extend(world.sends.drain(..).map(|send| (send.line, send.seq, send.decided_at)));
            world.heard.clear();
            while let Some(decision) = world.router.poll_decision() {
                match decision {
                    Decision::Flushed { alerts, lines, .. } => {
                        let distinct: BTreeSet<_> = alerts.iter().map(|(fingerprint, _)| *fingerprint).collect();
                        assert_eq!(distinct.len(), alerts.len(), "an alert with two verdicts");
                        let told = lines.iter().filter(|(.., status)| matches!(status, LineStatus::Telling(_)));
                        assert!(told.count() <= 2, "{lines:?}");
                    }
                    Decision::Ended { intent, .. } => {
                        *self.ended[i].entry((intent.line, intent.seq, intent.wall)).or_default() += 1;
                    }
                    _ => {}
                }
            }
        }
    }

    fn check(&self) {
        let seed = self.seed;
        for (i, world) in self.worlds.iter().enumerate() {
            assert_eq!(world.router.machine().outbox().0, 0, "seed {seed}: instance {i} has something to tell");
            assert!(world.router.machine().groups(world.now()).is_empty(), "seed {seed}: instance {i}");
            assert!(self.ended[i].values().all(|count| *count == 1), "seed {seed}: a message of {i} ended twice");
            let endless = self.begun[i].iter().find(|message| !self.ended[i].contains_key(message));
            assert_eq!(endless, None, "seed {seed}: a message of {i} without an end");
        }
        let told = self.told.lock().unwrap();
        // By integration and alert: what was heard, in order; and by instance and line the numbers of messages.
        let mut heard: BTreeMap<(u32, &str), Vec<bool>> = BTreeMap::new();
        let mut last: BTreeMap<(usize, &LineId), u64> = BTreeMap::new();
        let mut in_order: Vec<&Told> = told.iter().collect();
        in_order.sort_by_key(|(at, ..)| *at);
        for (_, instance, line, seq, alerts) in in_order {
            let last = last.entry((*instance, line)).or_insert(*seq);
            assert!(*last <= *seq || *seq == 0, "seed {seed}: message {seq} of {line:?} after {last}");
            *last = *seq;
            for (name, firing) in alerts {
                heard.entry((line.index, name)).or_default().push(*firing);
            }
        }
        for source in self.sources.iter().filter(|source| source.fired > 0) {
            for index in 0..2 {
                let name = source.name.split(',').next().unwrap();
                let heard = heard.get(&(index, name)).map_or(&[][..], Vec::as_slice);
                assert_eq!(heard.first(), Some(&true), "seed {seed}: {index} heard of {name} {heard:?}");
                assert_eq!(heard.last(), Some(&false), "seed {seed}: {index} never heard that {name} ended");
            }
        }
        assert!(self.crashes > 3, "seed {seed}: {}", self.crashes);
    }
}

impl Source {
    fn new(name: String, until: i64) -> Source {
        Source { name, firing: false, changed: 0, until, fired: 0 }
    }

    fn posted(&self) -> String {
        format!("{}{}", if self.firing { "" } else { "-" }, self.name)
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn a_week_of_three_instances() {
    let (seed, storm) = (number("NIGHTJAR_WEEK_SEED", 1), number("NIGHTJAR_STORM_ALERTS", 100) as usize);
    let trace = Week::new(seed).run(storm);
    println!("seed {seed}: {} messages", trace.len());
    assert!(trace == Week::new(seed).run(storm), "the same seed tells another story");
}
