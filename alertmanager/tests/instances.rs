//! Instances that act as one, on a simulated clock: told once, told twice by a partition, never lost.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use nightjar_alertmanager::machine::{Event, Options, Outcome, Shared};
use world::{World, delivered, failed};

const CONFIG: &str = "
route: {receiver: a, group_by: [alertname], group_wait: 1s, group_interval: 10s, repeat_interval: 1h}
receivers: [{name: a, webhook_configs: [{url: 'http://a'}]}]
";

/// How long the second waits for the first, and the third for the second.
const TURN_MS: i64 = 15_000;

struct Cluster {
    worlds: Vec<World>,
    now_ms: i64,
}

impl Cluster {
    fn new(service: fn(usize, i64) -> Outcome) -> Cluster {
        let world = |i: usize| {
            let mut world = World::with(CONFIG, Options::default(), move |at, _| (5, service(i, at)));
            let now = world.now();
            world.router.handle_event(now, Event::Patience { wait_ms: TURN_MS * i as i64 });
            world
        };
        Cluster { worlds: (0..3).map(world).collect(), now_ms: 0 }
    }

    /// Lets time pass; those whose link holds hear of each other every 100 ms.
    fn until(&mut self, ms: i64, linked: bool) {
        while self.now_ms < ms {
            self.now_ms = (self.now_ms + 100).min(ms);
            let now_ms = self.now_ms;
            self.worlds.iter_mut().for_each(|world| world.until(now_ms));
            if linked {
                self.exchange(false);
            }
        }
    }

    fn exchange(&mut self, all: bool) {
        let changes: Vec<Vec<Shared>> = self
            .worlds
            .iter_mut()
            .map(|world| {
                let news = std::iter::from_fn(|| world.router.poll_shared()).collect();
                if all { world.router.machine().all_shared() } else { news }
            })
            .collect();
        for (i, changes) in changes.into_iter().enumerate() {
            for (j, world) in self.worlds.iter_mut().enumerate().filter(|(j, _)| *j != i) {
                let now = world.now();
                assert_ne!(i, j);
                world.router.handle_event(now, Event::Elsewhere(changes.clone()));
            }
        }
    }

    fn post(&mut self, names: &str) {
        self.worlds.iter_mut().for_each(|world| world.post(names));
    }

    fn heard(&self) -> Vec<String> {
        let mut heard: Vec<_> = self.worlds.iter().flat_map(|world| world.heard.clone()).collect();
        heard.sort();
        heard.into_iter().map(|(at, _, alerts)| format!("{}: {alerts}", at / 1000)).collect()
    }
}

#[test]
fn one_tells_and_the_others_keep_quiet() {
    let mut cluster = Cluster::new(|_, _| delivered());
    cluster.post("x");
    cluster.until(60_000, true);
    cluster.post("-x");
    cluster.until(120_000, true);
    assert_eq!(cluster.heard(), ["1: x", "61: -x"]);
}

#[test]
fn when_the_first_cannot_tell_the_next_does() {
    let mut cluster = Cluster::new(|i, _| if i == 0 { failed() } else { delivered() });
    cluster.post("x");
    cluster.until(120_000, true);
    assert_eq!(cluster.heard(), ["16: x"]);
}

/// Every instance tries; the receiver that is back hears it once.
#[test]
fn a_receiver_that_was_away_hears_once() {
    let mut cluster = Cluster::new(|_, at| if at < 100_000 { failed() } else { delivered() });
    cluster.post("x");
    cluster.until(300_000, true);
    assert_eq!(cluster.heard().len(), 1, "{:?}", cluster.heard());
}

#[test]
fn a_partition_tells_again_and_loses_nothing() {
    let mut cluster = Cluster::new(|_, _| delivered());
    cluster.post("x");
    cluster.until(60_000, false);
    assert_eq!(cluster.heard(), ["1: x", "16: x", "31: x"]);
    cluster.exchange(true);
    cluster.post("-x");
    cluster.until(120_000, true);
    assert_eq!(cluster.heard().len(), 4, "{:?}", cluster.heard());
}

#[test]
fn silences_are_known_everywhere_and_the_later_change_holds() {
    let mut cluster = Cluster::new(|_, _| delivered());
    let id = cluster.worlds[0].silence("alertname=x", 0, 600_000);
    cluster.until(1_000, true);
    cluster.post("x");
    cluster.until(30_000, true);
    assert_eq!(cluster.heard(), [""; 0]);
    cluster.worlds[2].expire(&id);
    cluster.exchange(true);
    cluster.until(45_000, true);
    assert_eq!(cluster.heard().len(), 1, "{:?}", cluster.heard());
}
