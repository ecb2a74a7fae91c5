//! A scenario: what is done at which second, and what receivers must have heard between which.
//!
//!     1.1  push  test,lbl=v1@1~3!ann=v1      labels, start and end in seconds, annotations
//!     2.3  silence  s 2.5~4.5 alertname=test1
//!     3.5  delete  s
//!     5    reload
//!     2-2.5  want  test@1                    one message to the first receiver; `want1`: to the second
//!     12-12.5  none1                         no message to the second receiver

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Barrier, OnceLock};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::listener::{Deed, Listener, Message};
use crate::router::{Router, time};
use crate::support::now_ms;

/// A scenario. `{0}`, `{1}` in the configuration are the receivers.
pub struct Scenario {
    pub name: &'static str,
    pub config: &'static str,
    pub flags: &'static [&'static str],
    pub instances: usize,
    pub tolerance_s: f64,
    /// What a receiver does at a second.
    pub deed: fn(usize, f64) -> Deed,
    pub script: &'static str,
}

impl Default for Scenario {
    fn default() -> Scenario {
        let deed = |_, _| Deed::Take;
        Scenario { name: "", config: "", flags: &[], instances: 1, tolerance_s: 0.15, deed, script: "" }
    }
}

/// When a scenario begins, by both clocks.
#[derive(Clone, Copy)]
struct Zero {
    instant: Instant,
    wall_ms: i64,
}

impl Zero {
    fn seconds(self, at: Instant) -> f64 {
        at.saturating_duration_since(self.instant).as_secs_f64()
    }

    fn wall(self, seconds: f64) -> i64 {
        self.wall_ms + (seconds * 1000.0) as i64
    }
}

/// Runs a scenario from when all are ready; the error tells what was expected and what came.
pub fn run(scenario: &Scenario, dir: &Path, ready: &Barrier) -> Result<(), String> {
    let zero: Arc<OnceLock<Zero>> = Arc::default();
    let listeners: Vec<Listener> = (0..2)
        .map(|i| {
            let (zero, deed) = (Arc::clone(&zero), scenario.deed);
            Listener::with(move |at| zero.get().map_or(Deed::Take, |zero| deed(i, zero.seconds(at))))
        })
        .collect();
    let config = listeners
        .iter()
        .enumerate()
        .fold(scenario.config.to_owned(), |config, (i, listener)| config.replace(&format!("{{{i}}}"), &listener.url()));
    // Starting costs more than what follows, so nobody begins before all have started.
    let routers = catch_unwind(AssertUnwindSafe(|| start(scenario, dir, &config)));
    ready.wait();
    let routers = routers.map_err(|_| "it did not start".to_owned())?;
    let zero = *zero.get_or_init(|| Zero { instant: Instant::now(), wall_ms: now_ms() });
    let lines: Vec<Vec<&str>> = scenario.script.lines().map(|l| l.split_whitespace().collect::<Vec<_>>()).collect();
    let lines: Vec<Vec<&str>> = lines.into_iter().filter(|words| words.len() > 1).collect();
    let mut ids = BTreeMap::new();
    let mut actions: Vec<_> = lines.iter().filter(|words| !words[0].contains('-')).collect();
    actions.sort_by(|a, b| a[0].parse::<f64>().unwrap().total_cmp(&b[0].parse::<f64>().unwrap()));
    for words in actions {
        let at = zero.instant + Duration::from_secs_f64(words[0].parse().unwrap());
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        act(words, &routers, zero, &mut ids);
    }
    let wants: Vec<_> = lines.iter().filter(|words| words[0].contains('-')).collect();
    let last = wants.iter().map(|words| interval(words[0]).1).fold(0.0, f64::max);
    let end = zero.instant + Duration::from_secs_f64(last + scenario.tolerance_s.min(0.5) + 0.1);
    std::thread::sleep(end.saturating_duration_since(Instant::now()));
    let outcome = (0..2).try_for_each(|i| check(scenario, &wants, i, &listeners[i].taken(), zero));
    for router in routers {
        if router.process.terminate() != Some(0) {
            return Err("the exit code is not 0".to_owned());
        }
    }
    outcome
}

/// All instances, which know each other before this returns.
fn start(scenario: &Scenario, dir: &Path, config: &str) -> Vec<Router> {
    let ports: Vec<String> =
        (0..scenario.instances).map(|_| format!("127.0.0.1:{}", crate::support::free_port())).collect();
    let routers: Vec<Router> = (0..scenario.instances)
        .map(|i| {
            let own = format!("--cluster.listen-address={}", ports[i]);
            let peers = ports.iter().take(i).map(|port| format!("--cluster.peer={port}"));
            let cluster: Vec<String> = std::iter::once(own).chain(peers).collect();
            let flags = scenario.flags.iter().copied().chain(cluster.iter().map(String::as_str));
            Router::start(&dir.join(i.to_string()), config, &flags.collect::<Vec<_>>())
        })
        .collect();
    for router in &routers {
        crate::support::wait_until("all instances know each other", Duration::from_secs(5), || {
            let peers = router.get("/api/v2/status")["cluster"]["peers"].clone();
            peers.as_array().is_some_and(|peers| peers.len() == scenario.instances && peers[0]["address"].is_string())
        });
    }
    routers
}

fn act(words: &[&str], routers: &[Router], zero: Zero, ids: &mut BTreeMap<String, String>) {
    match words[1] {
        "push" => {
            let alerts: Value = words[2..].iter().map(|text| posted(text, zero)).collect();
            routers.iter().for_each(|router| router.post(&alerts));
        }
        "silence" => {
            let (from, to) = words[3].split_once('~').unwrap();
            let at = |text: &str| zero.wall(text.parse().unwrap());
            let regex = words[4].contains("=~");
            let (name, value) = words[4].split_once(if regex { "=~" } else { "=" }).unwrap();
            let mut body = crate::router::silence(name, value, at(from), at(to));
            body["matchers"][0]["isRegex"] = regex.into();
            let (status, text) = routers[0].send("POST", "/api/v2/silences", &body);
            assert_eq!(status, 200, "{text}");
            let id = serde_json::from_str::<Value>(&text).unwrap()["silenceID"].as_str().unwrap().to_owned();
            ids.insert(words[2].to_owned(), id);
        }
        "delete" => {
            let path = format!("/api/v2/silence/{}", ids[words[2]]);
            assert_eq!(routers[0].send("DELETE", &path, &Value::Null).0, 200);
        }
        "reload" => routers.iter().for_each(|router| router.signal("-HUP")),
        other => panic!("{other}"),
    }
}

/// An alert of a script: labels, annotations, start, end.
struct Alert {
    labels: Map<String, Value>,
    annotations: Map<String, Value>,
    starts: Option<f64>,
    ends: Option<f64>,
}

fn alert(text: &str) -> Alert {
    let (text, annotations) = text.split_once('!').unwrap_or((text, ""));
    let (labels, times) = text.split_once('@').unwrap_or((text, ""));
    let mut alert = Alert { labels: Map::new(), annotations: Map::new(), starts: None, ends: None };
    for part in labels.split(',') {
        let (name, value) = part.split_once('=').unwrap_or(("alertname", part));
        alert.labels.insert(name.to_owned(), value.into());
    }
    for (name, value) in annotations.split('!').filter_map(|part| part.split_once('=')) {
        alert.annotations.insert(name.to_owned(), value.into());
    }
    let (starts, ends) = times.split_once('~').unwrap_or((times, ""));
    (alert.starts, alert.ends) = (starts.parse().ok(), ends.parse().ok());
    alert
}

fn posted(text: &str, zero: Zero) -> Value {
    let alert = alert(text);
    let mut json = json!({"labels": alert.labels, "annotations": alert.annotations});
    for (name, seconds) in [("startsAt", alert.starts), ("endsAt", alert.ends)] {
        json[name] = seconds.map_or("0001-01-01T00:00:00.000Z".to_owned(), |s| time(zero.wall(s))).into();
    }
    json
}

fn interval(text: &str) -> (f64, f64) {
    let (from, to) = text.split_once('-').unwrap();
    (from.parse().unwrap(), to.parse().unwrap())
}

fn check(
    scenario: &Scenario,
    wants: &[&Vec<&str>],
    receiver: usize,
    taken: &[Message],
    zero: Zero,
) -> Result<(), String> {
    let suffix = if receiver == 0 { "" } else { "1" };
    let heard = || {
        let line = |m: &Message| format!("{:.3} {}", zero.seconds(m.at), m.body["alerts"]);
        taken.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    let mut expected = 0;
    for words in wants {
        let (from, to) = interval(words[0]);
        let within: Vec<&Message> = taken.iter().filter(|m| (from..=to).contains(&zero.seconds(m.at))).collect();
        let fine = if words[1] == format!("want{suffix}") {
            let alerts: Vec<Alert> = words[2..].iter().map(|text| alert(text)).collect();
            expected += alerts.len();
            within.iter().any(|message| is(message, &alerts, zero, scenario.tolerance_s))
        } else if words[1] == format!("none{suffix}") {
            within.is_empty()
        } else {
            true
        };
        if !fine {
            return Err(format!("`{}` does not hold; heard:\n{}", words.join(" "), heard()));
        }
    }
    let got: usize = taken.iter().filter_map(|m| m.body["alerts"].as_array()).map(Vec::len).sum();
    match got == expected {
        true => Ok(()),
        false => Err(format!("{expected} alerts were expected, {got} came:\n{}", heard())),
    }
}

fn is(message: &Message, alerts: &[Alert], zero: Zero, tolerance_s: f64) -> bool {
    let Some(heard) = message.body["alerts"].as_array() else { return false };
    let near = |json: &Value, seconds: Option<f64>| {
        let text = json.as_str().unwrap_or("");
        match seconds {
            None => text == "0001-01-01T00:00:00Z",
            Some(seconds) => text
                .parse::<jiff::Timestamp>()
                .is_ok_and(|at| (at.as_millisecond() - zero.wall(seconds)).abs() as f64 <= tolerance_s * 1000.0),
        }
    };
    let same = |alert: &Alert, json: &Value| {
        json["labels"] == Value::Object(alert.labels.clone())
            && json["annotations"] == Value::Object(alert.annotations.clone())
            && near(&json["startsAt"], alert.starts)
            && near(&json["endsAt"], alert.ends)
    };
    heard.len() == alerts.len() && alerts.iter().all(|alert| heard.iter().any(|json| same(alert, json)))
}
