//! A simulated world: a router on a simulated disk, services that answer as told, and two clocks.
#![allow(dead_code, unreachable_pub, reason = "every test file uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use nightjar_alertmanager::alert::{Alert, PostedAlert};
use nightjar_alertmanager::config::Config;
use nightjar_alertmanager::machine::{Event, Now, Options, Outcome, Send};
use nightjar_alertmanager::matcher::{MatchOp, MatcherMode};
use nightjar_alertmanager::router::Router;
use nightjar_alertmanager::silence::{Condition, Schedule, Silence};
use nightjar_model::Labels;
use nightjar_platform::disk::{Crash, SimDisk};

/// The wall clock when the world begins: Monday, 2026-01-05 00:00:00 UTC.
pub const START_MS: i64 = 1_767_571_200_000;

/// What a service does with a message: how long it takes, and how it ends.
pub type Service = Box<dyn FnMut(i64, &Send) -> (i64, Outcome)>;

pub struct World {
    pub router: Router<SimDisk>,
    pub disk: SimDisk,
    pub config: Arc<Config>,
    pub options: Options,
    pub mono: i64,
    pub wall_step: i64,
    boot: i64,
    service: Service,
    answers: BTreeMap<(i64, u64), (Send, Outcome)>,
    count: u64,
    /// Delivered messages: time in ms, integration, alerts as `name` while firing and `-name` when ended.
    pub heard: Vec<(i64, String, String)>,
    pub sends: Vec<Send>,
    pub disk_may_fail: bool,
    /// Whether the last commit was one.
    pub durable: bool,
}

pub fn config(text: &str) -> Arc<Config> {
    Arc::new(Config::parse(text, MatcherMode::Fallback).unwrap_or_else(|error| panic!("{error}")))
}

pub fn delivered() -> Outcome {
    Outcome::Delivered(BTreeMap::new())
}

pub fn failed() -> Outcome {
    Outcome::Retry { after_ms: None, error: "500".to_owned() }
}

impl World {
    pub fn new(text: &str) -> World {
        World::with(text, Options::default(), |_, _| (0, delivered()))
    }

    pub fn with(text: &str, options: Options, service: impl FnMut(i64, &Send) -> (i64, Outcome) + 'static) -> World {
        let (disk, config) = (SimDisk::new(), config(text));
        let now = Now { wall_ms: START_MS, monotonic_ms: 0 };
        let (router, _) = Router::open(disk.clone(), Path::new("alerts"), config.clone(), options, now).unwrap();
        World {
            router,
            disk,
            config,
            options,
            mono: 0,
            wall_step: 0,
            boot: 0,
            service: Box::new(service),
            answers: BTreeMap::new(),
            count: 0,
            heard: Vec::new(),
            sends: Vec::new(),
            disk_may_fail: false,
            durable: true,
        }
    }

    pub fn now(&self) -> Now {
        Now { wall_ms: START_MS + self.mono + self.wall_step, monotonic_ms: self.mono - self.boot }
    }

    /// Lets time pass until `ms`, doing everything that is due on the way.
    pub fn until(&mut self, ms: i64) {
        loop {
            self.settle();
            let timer = self.router.poll_timeout() + self.boot;
            let answer = self.answers.keys().next().map_or(i64::MAX, |(at, _)| *at);
            let next = timer.min(answer);
            if next > ms {
                break;
            }
            self.mono = self.mono.max(next);
            if answer <= timer
                && let Some((_, (send, outcome))) = self.answers.pop_first()
            {
                let event = Event::Attempt { line: send.line.clone(), seq: send.seq, outcome };
                self.router.handle_event(self.now(), event);
            } else {
                self.router.handle_timeout(self.now());
            }
        }
        self.mono = ms;
    }

    fn settle(&mut self) {
        let result = self.router.commit(self.now());
        assert!(result.is_ok() || self.disk_may_fail, "{result:?}");
        self.durable = result.is_ok();
        while let Some(send) = self.router.poll_send() {
            let (takes, outcome) = (self.service)(self.mono, &send);
            if matches!(outcome, Outcome::Delivered(_)) {
                self.heard.push((self.mono + takes, integration(&send), spell(&send)));
            }
            self.sends.push(send.clone());
            self.count += 1;
            self.answers.insert((self.mono + takes, self.count), (send, outcome));
        }
    }

    /// Posts alerts now: `name` fires until told otherwise or the resolve timeout, `-name` has ended.
    pub fn post(&mut self, names: &str) {
        let wall = self.now().wall_ms;
        let alerts = names.split(' ').map(|name| alert(name, wall, self.config.global.resolve_timeout.0)).collect();
        self.router.handle_event(self.now(), Event::Alerts(alerts));
        self.settle();
    }

    pub fn post_alerts(&mut self, alerts: Vec<Alert>) {
        self.router.handle_event(self.now(), Event::Alerts(alerts));
        self.settle();
    }

    pub fn silence(&mut self, matcher: &str, from_ms: i64, to_ms: i64) -> String {
        self.silence_that_recurs(matcher, from_ms, to_ms, None)
    }

    /// One that holds only inside of an interval, written as JSON.
    pub fn silence_that_recurs(&mut self, matcher: &str, from_ms: i64, to_ms: i64, interval: Option<&str>) -> String {
        let schedule = interval
            .map(|text| Schedule { intervals: vec![serde_json::from_str(text).unwrap()], ..Schedule::default() });
        let matcher = MatcherMode::Fallback.matcher(matcher).unwrap();
        let condition = Condition {
            name: matcher.name.to_string(),
            value: matcher.value.to_string(),
            is_regex: matches!(matcher.op, MatchOp::Regex | MatchOp::NotRegex),
            is_equal: matches!(matcher.op, MatchOp::Regex | MatchOp::Equal),
        };
        let (starts_at, ends_at) = (START_MS + from_ms, START_MS + to_ms);
        let silence = Silence { matchers: vec![condition], starts_at, ends_at, schedule, ..Silence::default() };
        let id = self.router.set_silence(self.now(), silence).unwrap();
        self.settle();
        id
    }

    pub fn expire(&mut self, id: &str) {
        self.router.expire_silence(self.now(), id).unwrap();
        self.settle();
    }

    /// Reloads the configuration.
    pub fn reload(&mut self, text: &str) {
        self.config = config(text);
        self.router.handle_event(self.now(), Event::Configure(self.config.clone()));
        self.settle();
    }

    /// The process or the machine dies, and another begins after a while. Answers on their way are lost.
    pub fn crash(&mut self, crash: Option<Crash>, down_ms: i64) {
        self.disk = match crash {
            Some(crash) => self.disk.crash(crash),
            None => self.disk.kill(),
        };
        self.answers.clear();
        self.mono += down_ms;
        self.boot = self.mono;
        let (disk, config) = (self.disk.clone(), self.config.clone());
        let (router, opened) = Router::open(disk, Path::new("alerts"), config, self.options, self.now()).unwrap();
        assert_eq!(opened.damaged_frames, 0);
        self.router = router;
        self.settle();
    }

    /// What was heard, as `time:alerts` or `time integration:alerts`, times in seconds.
    pub fn story(&self) -> Vec<String> {
        let many = self.heard.iter().any(|(_, integration, _)| *integration != self.heard[0].1);
        let one = |(at, integration, alerts): &(i64, String, String)| {
            let seconds = *at as f64 / 1000.0;
            if many { format!("{seconds} {integration}: {alerts}") } else { format!("{seconds}: {alerts}") }
        };
        self.heard.iter().map(one).collect()
    }
}

/// `name` or `-name`, with labels behind commas: `disk,zone=a`.
pub fn alert(name: &str, wall: i64, timeout_ms: i64) -> Alert {
    let (ended, name) = match name.strip_prefix('-') {
        Some(name) => (true, name),
        None => (false, name),
    };
    let mut parts = name.split(',');
    let name = parts.next().unwrap_or("");
    let labels =
        Labels::from_pairs([("alertname", name)].into_iter().chain(parts.filter_map(|pair| pair.split_once('='))));
    let posted = PostedAlert { labels, ends_at: ended.then_some(wall), ..PostedAlert::default() };
    posted.admit(wall, timeout_ms, MatcherMode::Fallback).unwrap()
}

pub fn integration(send: &Send) -> String {
    format!("{}/{}{}", send.line.receiver, send.line.kind, send.line.index)
}

pub fn spell(send: &Send) -> String {
    let one = |sent: &nightjar_alertmanager::machine::SentAlert| {
        format!("{}{}", if sent.resolved { "-" } else { "" }, sent.alert.labels.value("alertname"))
    };
    send.alerts.iter().map(one).collect::<Vec<_>>().join(" ")
}
