//! A Debian Alertmanager and we, the same configuration, the same random alerts and silences: what both send is compared.
//!
//! Every scenario has a route and a receiver of its own, so that sixty run at once. `NIGHTJAR_SCENARIOS` sets how many;
//! the whole promise is 200.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::listener::Listener;
use crate::pulse::Pulse;
use crate::router::{Router, silence, time};
use crate::support::http::Client;
use crate::support::process::Process;
use crate::support::{free_port, now_ms, setting, wait_until};

/// How many run at once, and how many there are when nobody asks for more.
const SCENARIOS: u64 = 60;
const STEPS: u64 = 8;

/// What happens must have happened well before the look that follows half a second later.
const TOO_LATE: Duration = Duration::from_millis(250);

/// How often a comparison that failed on a late machine is made again.
const ROUNDS: usize = 4;

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }
}

/// Looks fall on halves of seconds, what happens falls on whole ones.
fn config(scenarios: Range<u64>, listener: &Listener) -> String {
    let mut routes = String::new();
    let mut receivers = String::from("- name: default\n");
    for i in scenarios {
        let mut random = Random(i * 7 + 1);
        let group_by = random.pick(&["[alertname]", "[]", "['...']", "[zone]", "[alertname, zone]"]);
        let repeat = random.pick(&["1h", "1500ms", "2500ms"]);
        let resolved = random.pick(&["true", "true", "false"]);
        let mute = random.pick(&[
            "",
            "",
            "",
            ", mute_time_intervals: [always]",
            ", mute_time_intervals: [never]",
            ", active_time_intervals: [always]",
            ", active_time_intervals: [never]",
        ]);
        let child = match random.below(3) {
            0 => format!("\n    routes: [{{matchers: [zone=a], group_by: [alertname]{mute}}}]"),
            1 => format!(
                "\n    routes: [{{matchers: ['zone=~a|b'], continue: true, receiver: r{i}b}}, {{matchers: [zone!=c]}}]"
            ),
            _ => String::new(),
        };
        routes += &format!(
            "  - matchers: [scenario=\"{i}\"]\n    receiver: r{i}\n    group_by: {group_by}\n    repeat_interval: {repeat}{child}\n"
        );
        for (suffix, path) in [("", format!("{i}")), ("b", format!("{i}b"))] {
            receivers += &format!(
                "- name: r{i}{suffix}\n  webhook_configs: [{{url: '{}{path}', send_resolved: {resolved}}}]\n",
                listener.url()
            );
        }
    }
    format!(
        "route:\n  receiver: default\n  group_wait: 500ms\n  group_interval: 1s\n  routes:\n{routes}receivers:\n{receivers}\
         inhibit_rules: [{{source_matchers: [alertname=boss], target_matchers: ['alertname=~x|y'], equal: [scenario, zone]}}]\n\
         time_intervals: [{{name: always, time_intervals: [{{years: ['2000:2100']}}]}}, {{name: never, time_intervals: [{{years: ['1990:1999']}}]}}]\n"
    )
}

/// What happens in one second of one scenario: alerts, and whether a silence is made or ended.
fn alerts(random: &mut Random, i: u64, state: &mut BTreeMap<Value2, i64>) -> Vec<Value> {
    let now = now_ms();
    let mut posted = Vec::new();
    for _ in 0..random.below(3) {
        let key = (random.pick(&["x", "y", "z", "boss"]), random.pick(&["a", "b", "c"]));
        let labels = json!({"alertname": key.0, "zone": key.1, "scenario": i.to_string()});
        match (state.get(&key).copied(), random.below(2)) {
            (Some(begin), 0) => {
                state.remove(&key);
                posted.push(json!({"labels": labels, "startsAt": time(begin), "endsAt": time(now)}));
            }
            (begin, _) => {
                let begin = *state.entry(key).or_insert(begin.unwrap_or(now));
                posted.push(json!({"labels": labels, "startsAt": time(begin), "endsAt": time(now + 3_600_000)}));
            }
        }
    }
    posted
}

type Value2 = (&'static str, &'static str);

fn debian(dir: &Path, config: &str) -> (Process, u16) {
    std::fs::create_dir_all(dir).unwrap();
    std::fs::write(dir.join("alertmanager.yml"), config).unwrap();
    let port = free_port();
    let mut command = Command::new("prometheus-alertmanager");
    command.arg("--config.file").arg(dir.join("alertmanager.yml")).arg("--storage.path").arg(dir.join("data"));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--cluster.listen-address=");
    let process = Process::start(&mut command, &dir.join("log"));
    wait_until("Debian's Alertmanager answers", Duration::from_secs(20), || {
        Client::new(port).get("/api/v2/status").is_ok_and(|answer| answer.status == 200)
    });
    (process, port)
}

/// What a receiver was told of a group: messages in order, alerts sorted.
type Story = BTreeMap<(String, String), Vec<String>>;

fn story(listener: &Listener) -> Story {
    let mut story = Story::new();
    for message in listener.taken() {
        let alerts = message.body["alerts"].as_array().cloned().unwrap_or_default();
        let mut shown: Vec<String> = alerts
            .iter()
            .map(|a| format!("{} {}{}", a["status"].as_str().unwrap(), a["labels"]["alertname"], a["labels"]["zone"]))
            .collect();
        shown.sort();
        let group = message.body["groupKey"].as_str().unwrap_or("").to_owned();
        let line = format!("{}: {}", message.body["status"].as_str().unwrap_or(""), shown.join(", "));
        story.entry((message.path.clone(), group)).or_default().push(line);
    }
    story
}

#[test]
fn both_tell_the_same() {
    if Command::new("prometheus-alertmanager").arg("--version").output().is_err() {
        eprintln!("SKIPPED: prometheus-alertmanager is not installed");
        return;
    }
    let scenarios = setting("NIGHTJAR_SCENARIOS").unwrap_or(SCENARIOS);
    for from in (0..scenarios).step_by(SCENARIOS as usize) {
        agree(from..scenarios.min(from + SCENARIOS));
    }
}

fn agree(scenarios: Range<u64>) {
    for round in 1..=ROUNDS {
        let Comparison { differing, late } = compare(scenarios.clone());
        if differing.is_empty() {
            return;
        }
        assert!(late > TOO_LATE && round < ROUNDS, "{late:?} late; {}", differing.join("\n"));
        eprintln!("again: the machine was {late:?} late");
    }
}

/// What differs, and how late the machine was.
struct Comparison {
    differing: Vec<String>,
    late: Duration,
}

fn compare(scenarios: Range<u64>) -> Comparison {
    let dir = tempfile::tempdir().unwrap();
    let (theirs, ours) = (Listener::new(), Listener::new());
    let (_debian, debian_port) = debian(&dir.path().join("debian"), &config(scenarios.clone(), &theirs));
    let router =
        Router::start(&dir.path().join("ours"), &config(scenarios.clone(), &ours), &["--dispatch.strict-mutes"]);
    let send = |method: &str, path: &str, body: &Value| {
        let headers = [("Content-Type", "application/json")];
        let text = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        [debian_port, router.port].map(|port| Client::new(port).send(method, path, &headers, &text).unwrap().text())
    };
    let pulse = Pulse::of(vec![debian_port, router.port]);
    let mut late = Duration::ZERO;
    let zero = Instant::now() + Duration::from_millis(200);
    let mut worlds: Vec<_> = scenarios.clone().map(|i| (i, Random(i + 1), BTreeMap::new(), None)).collect();
    for step in 0..STEPS {
        let at = zero + Duration::from_secs(step);
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        let mut posted = Vec::new();
        for (i, random, state, silenced) in &mut worlds {
            posted.extend(alerts(random, *i, state));
            match (random.below(4), silenced.take()) {
                (0, None) => {
                    let mut body = silence("scenario", &i.to_string(), now_ms(), now_ms() + 3_600_000);
                    let zone = json!({"name": "zone", "value": "a|c", "isRegex": true, "isEqual": true});
                    body["matchers"].as_array_mut().unwrap().push(zone);
                    *silenced = Some(send("POST", "/api/v2/silences", &body));
                }
                (1, Some(texts)) => {
                    for (port, text) in [debian_port, router.port].into_iter().zip(texts) {
                        let id = serde_json::from_str::<Value>(&text).unwrap()["silenceID"].clone();
                        let path = format!("/api/v2/silence/{}", id.as_str().unwrap());
                        assert_eq!(Client::new(port).send("DELETE", &path, &[], b"").unwrap().status, 200);
                    }
                }
                (_, before) => *silenced = before,
            }
        }
        send("POST", "/api/v2/alerts", &Value::Array(posted));
        late = late.max(at.elapsed());
    }
    std::thread::sleep((zero + Duration::from_millis(STEPS * 1000 + 1250)).saturating_duration_since(Instant::now()));
    late = late.max(pulse.worst());
    let (theirs, ours) = (story(&theirs), story(&ours));
    let keys: std::collections::BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
    let differing: Vec<String> = keys
        .iter()
        .filter(|key| theirs.get(**key) != ours.get(**key))
        .map(|key| format!("{key:?}\n  theirs {:#?}\n  ours   {:#?}", theirs.get(*key), ours.get(*key)))
        .collect();
    let messages: usize = theirs.values().map(Vec::len).sum();
    eprintln!("scenarios {scenarios:?}: {} groups, {messages} messages, {} differ", keys.len(), differing.len());
    assert!(messages as u64 > scenarios.end - scenarios.start, "too little was told");
    Comparison { differing, late }
}
