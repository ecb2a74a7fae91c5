//! People are told before a silence ends that still silences something: once, whatever happens meanwhile.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use nightjar_alertmanager::alert::Alert;
use nightjar_alertmanager::machine::{Event, Options};
use nightjar_platform::disk::Crash;
use world::{START_MS, World, delivered, failed};

const CONFIG: &str = "
global: {resolve_timeout: 100h}
silence_expiry_notice: {before: 30m, labels: {severity: info}}
route:
  receiver: all
  group_by: ['...']
  group_wait: 0s
  group_interval: 1m
  repeat_interval: 24h
  routes:
  - {matchers: [team=web], receiver: web}
receivers:
- {name: all, webhook_configs: [{url: 'http://all'}]}
- {name: web, webhook_configs: [{url: 'http://web'}]}
";

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// What was heard, as `minute receiver: alerts`.
fn heard(world: &World) -> Vec<String> {
    let receiver = |integration: &str| integration.split('/').next().unwrap_or("").to_owned();
    let one = |(at, integration, alerts): &(i64, String, String)| {
        format!("{} {}: {alerts}", *at as f64 / MINUTE as f64, receiver(integration))
    };
    world.heard.iter().map(one).collect()
}

/// The notices that fire.
fn notices(world: &World) -> Vec<Alert> {
    let alerts = world.router.machine().alerts(world.now());
    let notices = alerts.into_iter().filter(|view| view.alert.labels.value("alertname") == "SilenceExpiring");
    notices.map(|view| Alert::clone(&view.alert)).collect()
}

/// Whether the process is killed every few minutes.
fn told_once(crashes: bool) {
    let mut world = World::new(CONFIG);
    let id = world.silence("team=web", 0, 2 * HOUR);
    world.post("disk,team=web");
    for minute in 1..=200 {
        world.until(minute * MINUTE);
        if crashes && minute % 7 == 0 {
            world.crash(Some(Crash::LoseUnsynced), 1);
        }
        if minute == 100 {
            let [notice] = &notices(&world)[..] else { panic!("one notice") };
            assert_eq!((notice.labels.value("silence_id"), notice.labels.value("severity")), (id.as_str(), "info"));
            let said = "It silences 1 alert that fires: disk.";
            assert_eq!((notice.annotations.value("description"), notice.ends_at), (said, START_MS + 2 * HOUR));
        }
    }
    let expected = ["90 web: SilenceExpiring", "120 web: -SilenceExpiring"];
    let (of_silence, of_alert): (Vec<_>, Vec<_>) =
        heard(&world).into_iter().partition(|line| line.contains("SilenceExpiring"));
    assert_eq!(of_alert.len(), 1, "{of_alert:?}");
    let minutes =
        |line: &String| line.split_once(' ').map(|(at, rest)| format!("{} {rest}", at.parse::<f64>().unwrap().round()));
    assert_eq!(of_silence.iter().filter_map(minutes).collect::<Vec<_>>(), expected, "kills: {crashes}");
}

#[test]
fn told_before_and_at_the_end() {
    told_once(false);
}

#[test]
fn told_once_whatever_is_killed() {
    told_once(true);
}

#[test]
fn off_unless_configured() {
    let mut world = World::new(&CONFIG.replace("silence_expiry_notice", "# silence_expiry_notice"));
    world.silence("team=web", 0, 2 * HOUR);
    world.post("disk,team=web");
    world.until(3 * HOUR);
    assert_eq!(heard(&world), ["120 web: disk"]);
}

#[test]
fn nobody_hears_of_a_silence_that_silences_nothing() {
    let mut world = World::new(CONFIG);
    world.silence("team=web", 0, 2 * HOUR);
    world.post("disk,team=db");
    world.until(110 * MINUTE);
    assert_eq!(heard(&world), ["0 all: disk"]);
    world.post("cpu,team=web");
    world.until(111 * MINUTE);
    assert_eq!(heard(&world)[1..], ["110 web: SilenceExpiring"], "it silences something now");
    assert_eq!(notices(&world)[0].annotations.value("description"), "It silences 1 alert that fires: cpu.");
}

/// Nobody needs to hear of the end of what has just been made.
#[test]
fn a_short_silence_is_announced_in_its_second_half() {
    let mut world = World::new(CONFIG);
    world.silence("team=web", 0, 20 * MINUTE);
    world.post("disk,team=web");
    world.until(19 * MINUTE);
    assert_eq!(heard(&world), ["10 web: SilenceExpiring"]);
}

#[test]
fn a_notice_follows_its_silence() {
    let mut world = World::new(CONFIG);
    let id = world.silence("team=web", 0, 2 * HOUR);
    world.post("disk,team=web");
    world.until(100 * MINUTE);
    let edit = |world: &mut World, ends: i64| {
        let now = world.now();
        let mut silence = world.router.machine().silences().get(&id).unwrap().clone();
        silence.ends_at = START_MS + ends;
        world.router.set_silence(now, silence).unwrap();
        world.until(world.mono + 1);
    };
    edit(&mut world, 125 * MINUTE);
    assert_eq!(notices(&world)[0].ends_at, START_MS + 125 * MINUTE, "a little longer: the notice stands");
    edit(&mut world, 300 * MINUTE);
    assert_eq!(notices(&world), [], "much longer: it is over");
    world.until(280 * MINUTE);
    assert_eq!(notices(&world).len(), 1);
    world.expire(&id);
    world.until(300 * MINUTE);
    let told: Vec<_> = heard(&world).into_iter().filter(|line| line.contains("Expiring")).collect();
    let expected = [
        "90 web: SilenceExpiring",
        "101 web: -SilenceExpiring",
        "270 web: SilenceExpiring",
        "281 web: -SilenceExpiring",
    ];
    assert_eq!(told, expected);
}

/// A silence of everything would keep its own notice quiet, but not that of others.
#[test]
fn a_notice_is_not_silenced_by_what_it_announces() {
    let mut world = World::new(CONFIG);
    world.silence("alertname=~.+", 0, 2 * HOUR);
    world.post("disk,team=web");
    world.until(100 * MINUTE);
    assert_eq!(heard(&world), ["90 all: SilenceExpiring"]);
    world.silence("team=db", world.mono, world.mono + 10 * MINUTE);
    world.post("cpu,team=db");
    world.until(109 * MINUTE);
    assert_eq!((notices(&world).len(), heard(&world).len()), (2, 1), "silenced like any other alert");
}

/// The next time it would silence something.
#[test]
fn a_silence_that_recurs_is_announced_while_it_pauses() {
    let mut world = World::new(CONFIG);
    world.silence_that_recurs(
        "team=web",
        0,
        48 * HOUR,
        Some(r#"{"times": [{"start_time": "02:00", "end_time": "03:00"}]}"#),
    );
    world.until(49 * HOUR);
    assert_eq!(heard(&world), ["2850 web: SilenceExpiring", "2880 web: -SilenceExpiring"]);
    let said = world.sends[0].alerts[0].alert.annotations.value("description").to_owned();
    assert_eq!(said, "It silences nothing just now and recurs.");
}

#[test]
fn a_clock_that_is_set_forward_is_noticed() {
    let mut world = World::new(CONFIG);
    world.silence("team=web", 0, 20 * HOUR);
    world.post("disk,team=web");
    world.until(HOUR);
    world.wall_step = 19 * HOUR - 10 * MINUTE;
    world.router.handle_timeout(world.now());
    world.until(HOUR + 1);
    assert_eq!(heard(&world), ["60 web: SilenceExpiring"]);
}

#[test]
fn switched_on_it_tells_of_ends_that_are_near() {
    let mut world = World::new(&CONFIG.replace("silence_expiry_notice", "# silence_expiry_notice"));
    world.silence("team=web", 0, 2 * HOUR);
    world.post("disk,team=web");
    world.until(100 * MINUTE);
    world.reload(CONFIG);
    world.until(101 * MINUTE);
    assert_eq!(heard(&world), ["100 web: SilenceExpiring"]);
}

/// An outage of the receiver does not lose a notice; another instance that told it is believed.
#[test]
fn instances_tell_once() {
    let service = |now: i64| if now < 95 * MINUTE { failed() } else { delivered() };
    let mut one = World::with(CONFIG, Options::default(), move |now, _| (0, service(now)));
    let mut two = World::new(CONFIG);
    let now = two.now();
    two.router.handle_event(now, Event::Patience { wait_ms: HOUR });
    one.silence("team=web", 0, 2 * HOUR);
    for minute in 0..118 {
        if minute == 1 {
            [&mut one, &mut two].into_iter().for_each(|world| world.post("disk,team=web"));
        }
        one.until(minute * MINUTE);
        two.until(minute * MINUTE);
        let changes: Vec<_> = std::iter::from_fn(|| one.router.poll_shared()).collect();
        let now = two.now();
        two.router.handle_event(now, Event::Elsewhere(changes));
    }
    assert_eq!((heard(&one).len(), heard(&two).len()), (1, 0), "{:?} {:?}", heard(&one), heard(&two));
    assert_eq!((notices(&one).len(), notices(&two).len()), (1, 1), "both know");
}
