//! What a message says beside its alerts: which one it is, how long that lasts, and what is new. All of it follows from
//! the log, so neither restarts nor further tries change it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use nightjar_alertmanager::machine::{Options, Send};
use nightjar_platform::disk::Crash;
use world::{START_MS, World, delivered, failed};

const CONFIG: &str = "
global: {resolve_timeout: 12h}
route: {receiver: a, group_by: [], group_wait: 1s, group_interval: 10s, repeat_interval: 1h}
receivers: [{name: a, webhook_configs: [{url: 'http://a'}]}]
";

const MINUTE: i64 = 60_000;

/// `number kind first..last: name change, ...`, times in seconds since the beginning.
fn spell(send: &Send) -> String {
    let seconds = |at: Option<i64>| at.map_or_else(|| "-".to_owned(), |at| ((at - START_MS) / 1000).to_string());
    let alert = |sent: &nightjar_alertmanager::machine::SentAlert| {
        format!("{} {}", sent.alert.labels.value("alertname"), sent.change.as_str()).trim_end().to_owned()
    };
    let alerts: Vec<_> = send.alerts.iter().map(alert).collect();
    let (kind, before) = (send.reason.kind(), &send.before);
    let (first, last) = (seconds(before.first_at), seconds(before.last_at));
    format!("{} {kind} {first}..{last}: {}", before.count + 1, alerts.join(", "))
}

/// Whether the process is killed between all steps.
fn story(crashes: bool) -> Vec<String> {
    let mut world = World::new(CONFIG);
    let script = [(0, "x y"), (5_000, "-x z"), (70 * MINUTE, "-y"), (150 * MINUTE, "-z"), (151 * MINUTE, "x")];
    for (at, names) in script {
        world.until(at);
        if crashes {
            world.crash(Some(Crash::LoseUnsynced), 0);
        }
        world.post(names);
    }
    world.until(152 * MINUTE);
    world.sends.iter().map(spell).collect()
}

#[test]
fn messages_say_which_they_are_and_what_is_new() {
    let expected = [
        "1 first -..-: x new, y new",
        "2 changed 1..1: x resolved, y, z new",
        "3 repeat 1..11: y, z",
        "4 changed 1..3621: y resolved, z",
        "5 repeat 1..4201: z",
        "6 resolved 1..7811: z resolved",
        "1 first -..-: x new",
    ];
    assert_eq!(story(false), expected);
    assert_eq!(story(true), expected, "with kills");
}

/// What was not heard is still new, however often it was tried.
#[test]
fn what_nobody_heard_stays_new() {
    let mut world =
        World::with(CONFIG, Options::default(), |now, _| (0, if now < 5 * MINUTE { failed() } else { delivered() }));
    world.post("x");
    world.until(20_000);
    world.post("y");
    world.until(10 * MINUTE);
    let all: Vec<_> = world.sends.iter().map(spell).collect();
    assert_eq!(all.first().unwrap(), "1 first -..-: x new");
    assert_eq!(all.last().unwrap(), "1 first -..-: x new, y new");
    assert_eq!(world.heard.len(), 1);
}

/// An instance that hears from another what was told goes on counting there.
#[test]
fn instances_count_together() {
    use nightjar_alertmanager::machine::Event;
    let (mut one, mut two) = (World::new(CONFIG), World::new(CONFIG));
    let now = two.now();
    two.router.handle_event(now, Event::Patience { wait_ms: 15_000 });
    for world in [&mut one, &mut two] {
        world.post("x");
        world.until(1_000);
    }
    let changes: Vec<_> = std::iter::from_fn(|| one.router.poll_shared()).collect();
    let now = two.now();
    two.router.handle_event(now, Event::Elsewhere(changes));
    two.until(6_000);
    two.post("y");
    two.until(MINUTE);
    assert_eq!(two.sends.iter().map(spell).collect::<Vec<_>>(), ["2 changed 1..1: x, y new"]);
}
