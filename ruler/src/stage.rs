//! Where tests put rules on: a storage in memory, a clock moved by hand, and a trace of what is sent.

use std::path::Path;

use nightjar_model::duration::{format_duration_ms, parse_duration_ms};
use nightjar_model::{Labels, TimestampMs};
use nightjar_platform::disk::Crash;
use nightjar_platform::{ManualClock, SimDisk};
use nightjar_query::parser::{SeriesItem, parse_series};
use nightjar_query::{Engine, EngineOptions, Features, SampleValue, Uninterrupted};

use crate::file::{ReadOptions, RuleFile, parse};
use crate::group::{Group, World};
use crate::memory::Memory;
use crate::query::{EngineQuery, Query};
use crate::ruler::Ruler;
use crate::settings::Settings;
use crate::sink::{AlertBatch, Refusal, RuleSample, Sink};
use crate::state::StateChange;
use crate::state_log::StateLog;

/// Storage, clock and trace.
pub(crate) struct Stage {
    pub(crate) memory: Memory,
    pub(crate) settings: Settings,
    pub(crate) clock: ManualClock,
    pub(crate) trace: Vec<String>,
    /// Where the state of alerts is kept, if it is.
    log: Option<(SimDisk, StateLog<SimDisk>)>,
    engine: Engine,
    now: TimestampMs,
    /// Samples still to come: time, series, value.
    coming: Vec<(TimestampMs, Labels, f64)>,
}

struct Recorder<'a> {
    memory: Memory,
    trace: &'a mut Vec<String>,
    log: Option<&'a mut StateLog<SimDisk>>,
    now: TimestampMs,
}

impl Sink for Recorder<'_> {
    fn write(&mut self, samples: &[RuleSample]) -> Result<Vec<Refusal>, String> {
        self.memory.write(samples)
    }

    fn send(&mut self, batch: AlertBatch) {
        let time = format_duration_ms;
        self.trace.extend(batch.alerts.into_iter().map(|alert| {
            let state = if alert.resolved { "resolved" } else { "firing" };
            let (labels, from, to) = (&alert.labels, time(alert.starts_at), time(alert.ends_at));
            let annotations =
                if alert.annotations.is_empty() { String::new() } else { format!(" {}", alert.annotations) };
            format!("{} {state} {labels}{annotations} from {from} to {to}", time(self.now))
        }));
    }

    fn keep(&mut self, change: &StateChange) -> bool {
        self.log.as_mut().is_none_or(|log| log.keep(change).is_ok())
    }
}

pub(crate) fn rules(text: &str) -> RuleFile {
    parse(text, &ReadOptions::default()).unwrap()
}

impl Stage {
    pub(crate) fn new() -> Stage {
        let engine = Engine::new(EngineOptions {
            max_samples: 1_000_000,
            lookback_ms: 300_000,
            default_subquery_step_ms: 60_000,
            features: Features::default(),
        });
        Stage {
            memory: Memory::default(),
            settings: Settings { interval_ms: 30_000, ..Settings::default() },
            clock: ManualClock::new(0),
            trace: Vec::new(),
            log: None,
            engine,
            now: 0,
            coming: Vec::new(),
        }
    }

    /// Announces series whose values lie `interval` apart: `up{job="x"} 0 1x5 _ stale`.
    pub(crate) fn load(&mut self, interval: &str, series: &[&str]) {
        let interval = parse_duration_ms(interval).unwrap();
        for text in series {
            let description = parse_series(text).unwrap();
            let mut t = self.now;
            for item in description.items {
                match item {
                    SeriesItem::Omitted(n) => t += interval * n as i64,
                    SeriesItem::Floats { first, step, more } => {
                        for i in 0..=more {
                            let value = if step == 0.0 { first } else { first + step * i as f64 };
                            self.coming.push((t, description.labels.clone(), value));
                            t += interval;
                        }
                    }
                    SeriesItem::Histograms(_) => panic!("no histograms here"),
                }
            }
        }
        self.coming.sort_by_key(|sample| sample.0);
    }

    /// Announces samples.
    pub(crate) fn announce(&mut self, samples: Vec<(TimestampMs, Labels, f64)>) {
        self.coming.extend(samples);
        self.coming.sort_by_key(|sample| sample.0);
    }

    /// The disk the state of alerts is on.
    pub(crate) fn disk(&self) -> SimDisk {
        self.log.as_ref().map(|(disk, _)| disk.clone()).unwrap_or_default()
    }

    /// Moves the clock to `at`, and with it what comes until then.
    pub(crate) fn advance(&mut self, at: TimestampMs) {
        self.now = at;
        self.clock.set_wall_ms(at);
        let due = self.coming.partition_point(|sample| sample.0 <= at);
        for (t, labels, value) in self.coming.drain(..due) {
            self.memory.append(&labels, t, SampleValue::Float(value)).unwrap();
        }
    }

    /// A ruler as a server has it after a start: what the disk holds is taken up. What was not synced is lost with
    /// `power_cut`.
    pub(crate) fn started(&mut self, files: &[(String, RuleFile)], power_cut: bool) -> Ruler {
        let disk = match self.log.take() {
            Some((disk, _)) if power_cut => disk.crash(Crash::LoseUnsynced),
            Some((disk, _)) => disk.kill(),
            None => SimDisk::new(),
        };
        let (log, found) = StateLog::open(disk.clone(), Path::new("rules")).unwrap();
        assert_eq!(found.damaged, 0);
        self.log = Some((disk, log));
        let mut ruler = Ruler::resuming(found.state);
        ruler.load(files, &self.settings, self.now);
        ruler
    }

    /// Calls `act` with the world at the present.
    pub(crate) fn with<T>(&mut self, act: impl FnOnce(&mut World<'_>) -> T) -> T {
        let query = EngineQuery { engine: &self.engine, storage: &self.memory, interrupt: &Uninterrupted };
        let mut sink = Recorder {
            memory: self.memory.clone(),
            trace: &mut self.trace,
            log: self.log.as_mut().map(|(_, log)| log),
            now: self.now,
        };
        act(&mut World { query: &query, sink: &mut sink, settings: &self.settings, clock: &self.clock })
    }

    /// Evaluates a group every `step` from now until `end`, both included.
    pub(crate) fn evaluate(&mut self, group: &mut Group, step: &str, end: &str) {
        let (step, end) = (parse_duration_ms(step).unwrap(), parse_duration_ms(end).unwrap());
        while self.now <= end {
            let now = self.now;
            self.advance(now);
            self.with(|world| group.evaluate(now, world));
            self.now += step;
        }
    }

    /// The value of a query: `{a="b"} 1 | {...} 2`.
    pub(crate) fn query(&self, text: &str, at: &str) -> String {
        let query = EngineQuery { engine: &self.engine, storage: &self.memory, interrupt: &Uninterrupted };
        let found = query.text(text, parse_duration_ms(at).unwrap()).unwrap();
        let lines = found.iter().map(|sample| match &sample.value {
            SampleValue::Float(v) => format!("{} {v}", sample.labels),
            SampleValue::Histogram(_) => format!("{} histogram", sample.labels),
        });
        lines.collect::<Vec<_>>().join(" | ")
    }

    /// The trace so far, which begins anew.
    pub(crate) fn sent(&mut self) -> Vec<String> {
        std::mem::take(&mut self.trace)
    }
}

impl Group {
    /// The only group of a rule file, as it is when the server has run for a while.
    pub(crate) fn only(text: &str, settings: &Settings) -> Group {
        let file = rules(text);
        assert_eq!(file.groups.len(), 1);
        Group::new("f.yml", &file.groups[0], settings, false, 0)
    }

    /// What the last evaluation says about each rule: health, error, states.
    pub(crate) fn status(&self) -> Vec<String> {
        let rule = |rule: &crate::rule::RuleView| {
            let error = rule.last_error.as_deref().map(|e| format!(" {e}")).unwrap_or_default();
            let alerts = rule.alerting.iter().flat_map(|a| &a.alerts);
            let alerts: String = alerts.map(|a| format!(" {}@{}", a.state.as_str(), a.active_at / 1000)).collect();
            format!("{} {}{error}{alerts}", rule.name, rule.health.as_str())
        };
        self.view().rules.iter().map(rule).collect()
    }
}
