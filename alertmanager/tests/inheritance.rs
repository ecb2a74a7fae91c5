//! A notification log that was taken over: what it says was told is not told again, and ends are told to who heard.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use nightjar_alertmanager::fingerprint::log_hash;
use nightjar_alertmanager::record::{Inherited, InheritedKey};
use nightjar_model::Labels;
use world::{START_MS, World};

const CONFIG: &str = "
route: {receiver: a, group_by: [], group_wait: 1s, group_interval: 10s, repeat_interval: 1h}
receivers: [{name: a, webhook_configs: [{url: 'http://a'}]}]
";

fn entry(firing: &[&str]) -> Inherited {
    let hash = |name: &&str| log_hash(&Labels::from_pairs([("alertname", *name)]));
    let key =
        InheritedKey { group_key: "{}:{}".to_owned(), receiver: "a".to_owned(), kind: "webhook".to_owned(), index: 0 };
    Inherited { key, at: 0, firing: firing.iter().map(hash).collect(), resolved: [].into(), thread: [].into() }
}

#[test]
fn nothing_is_told_again() {
    let mut world = World::new(CONFIG);
    let now = world.now();
    world.router.inherit(now, entry(&["x", "y", "z"]), START_MS - 60_000);
    world.post("x");
    world.until(15_000);
    world.crash(None, 0);
    world.post("y");
    world.until(60_000);
    assert_eq!(world.story(), [""; 0]);
    world.post("-z new");
    world.until(120_000);
    assert_eq!(world.story(), ["61: new x y -z"]);
}

#[test]
fn it_is_repeated_when_it_is_due() {
    let mut world = World::new(CONFIG);
    let now = world.now();
    world.router.inherit(now, entry(&["x"]), START_MS - 3_000_000);
    world.post("x");
    world.until(700_000);
    assert_eq!(world.story(), ["601: x"]);
}
