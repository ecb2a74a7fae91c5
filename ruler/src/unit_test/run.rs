//! One test, tick by tick.

use std::collections::BTreeMap;

use nightjar_model::duration::format_duration_ms;
use nightjar_model::histogram;
use nightjar_model::labels::quote;
use nightjar_model::{Labels, TimestampMs};
use nightjar_platform::ManualClock;
use nightjar_query::parser::parse_metric;
use nightjar_query::{Engine, EngineOptions, Uninterrupted};

use super::compare::{FiringAlert, Found, alerts_text, same, samples_text};
use super::diff::alerts_diff;
use super::file::{ExpectedSample, QueryTest, Test, TestFile};
use super::series::Samples;
use super::time::go_duration;
use super::{RunOptions, series};
use crate::alert::AlertState;
use crate::file::RuleFile;
use crate::group::{Group, World};
use crate::memory::Memory;
use crate::query::{EngineQuery, Query};
use crate::settings::Settings;
use crate::texts::Texts;
use crate::workers::Alone;

/// Samples a query of a test may hold, as in promtool.
const MAX_SAMPLES: usize = 10_000;

pub(super) struct Run<'a> {
    pub(super) file: &'a TestFile,
    pub(super) test: &'a Test,
    pub(super) rules: &'a [(String, RuleFile)],
    pub(super) options: &'a RunOptions,
}

impl Run<'_> {
    /// Runs the test; answers what is not as expected.
    pub(super) fn errors(&self) -> Vec<String> {
        let input = match series::read(self.test) {
            Ok(input) => input,
            Err(error) => return vec![error],
        };
        if let Some(nameless) = self.test.alerts.iter().find(|alert| alert.alertname.is_empty()) {
            let place =
                if self.test.name.is_empty() { String::new() } else { format!(" (in TestGroup {})", self.test.name) };
            let at = format_duration_ms(nameless.at_ms);
            return vec![format!(
                "an item under alert_rule_test misses required attribute alertname at eval_time {at}{place}"
            )];
        }
        let engine = Engine::new(EngineOptions {
            max_samples: MAX_SAMPLES,
            lookback_ms: 300_000,
            default_subquery_step_ms: self.file.interval_ms,
            features: self.options.features,
        });
        let memory = Memory::default();
        let query = EngineQuery { engine: &engine, storage: &memory, interrupt: &Uninterrupted };
        let mut errors = Vec::new();
        if self.ticks(input, &memory, &query, &mut errors) {
            errors.extend(self.test.queries.iter().filter_map(|test| self.query_error(test, &query).err()));
        }
        errors
    }

    fn settings(&self) -> Settings {
        Settings {
            external_labels: Labels::from_pairs(self.test.external_labels.iter()),
            external_url: self.test.external_url.clone(),
            interval_ms: self.test.interval_ms,
            ..Settings::default()
        }
    }

    /// The groups in order of evaluation.
    fn groups(&self, settings: &Settings) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for (path, file) in self.rules {
            groups.extend(file.groups.iter().map(|spec| Group::new(path, spec, settings, false, self.test.start)));
        }
        let order = &self.file.group_order;
        groups.sort_by_key(|group| order.iter().position(|name| **name == *group.key().name).unwrap_or(0));
        groups
    }

    /// Evaluates all groups tick by tick. Answers whether the test goes on.
    fn ticks(
        &self,
        mut input: BTreeMap<Labels, Samples>,
        memory: &Memory,
        query: &dyn Query,
        errors: &mut Vec<String>,
    ) -> bool {
        let settings = self.settings();
        let mut groups = self.groups(&settings);
        let alert_times = self.test.alerts.iter().map(|alert| alert.at_ms);
        let last = alert_times.chain(self.test.queries.iter().map(|query| query.at_ms)).max().unwrap_or(0).max(0);
        let mut since_start = 0;
        while since_start <= last {
            let ts = self.test.start + since_start;
            match load(&mut input, memory, ts) {
                Err(error) => errors.push(error),
                Ok(()) => {
                    let failures = evaluate(&mut groups, ts, memory, query, &settings);
                    if !failures.is_empty() {
                        errors.extend(failures);
                        return false;
                    }
                }
            }
            self.check_alerts(&groups, since_start, errors);
            since_start += self.file.interval_ms;
        }
        true
    }

    /// Compares alerts whose time lies between this tick and the next.
    fn check_alerts(&self, groups: &[Group], tick: i64, errors: &mut Vec<String>) {
        let due = |at: i64| tick <= at && at < tick + self.file.interval_ms;
        let mut tests: Vec<_> = self.test.alerts.iter().filter(|test| due(test.at_ms)).collect();
        tests.sort_by_key(|test| test.at_ms);
        for test in tests {
            let found = firing(groups, &test.alertname);
            let named = Texts::from_pairs([("alertname", &test.alertname)]);
            let mut expected: Vec<FiringAlert> =
                test.expected.iter().map(|(labels, texts)| (labels.overlaid(&named), texts.clone())).collect();
            expected.sort();
            if expected == found {
                continue;
            }
            let name =
                if self.test.name.is_empty() { String::new() } else { format!("    name: {},\n", self.test.name) };
            let differs = match self.options.diff {
                true => format!("diff: {}", alerts_diff(&expected, &found, "            ")),
                false => format!("exp:{}, \n        got:{}", alerts_text(&expected), alerts_text(&found)),
            };
            let time = format_duration_ms(test.at_ms);
            errors.push(format!("{name}    alertname: {}, time: {time}, \n        {differs}", test.alertname));
        }
    }

    fn query_error(&self, test: &QueryTest, query: &dyn Query) -> Result<(), String> {
        let place = format!("    expr: {}, time: {},", quote(&test.expr), format_duration_ms(test.at_ms));
        let failed = |e: String| format!("{place} err: {e}");
        let found = query.text(&test.expr, self.test.start + test.at_ms).map_err(failed)?;
        let mut found: Vec<Found> = found.into_iter().map(|s| Found::new(s.labels, &s.value)).collect();
        let mut wanted = Vec::new();
        for sample in &test.expected {
            let one = expected(sample).map_err(|e| failed(format!("labels {}: {e}", quote(&sample.labels))))?;
            wanted.push(one);
        }
        wanted.sort_by(|a, b| a.labels.cmp(&b.labels));
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        if same(&wanted, &found, self.file.fuzzy) {
            return Ok(());
        }
        Err(format!("{place}\n        exp: {}\n        got: {}", samples_text(&wanted), samples_text(&found)))
    }
}

/// Appends what comes until `ts`.
fn load(input: &mut BTreeMap<Labels, Samples>, memory: &Memory, ts: TimestampMs) -> Result<(), String> {
    for (labels, samples) in input.iter_mut() {
        let due = samples.partition_point(|(t, _)| *t <= ts);
        for (timestamp, value) in samples.drain(..due) {
            memory.append(labels, timestamp, value)?;
        }
    }
    Ok(())
}

/// Evaluates all groups at `ts`; answers the rules that failed.
fn evaluate(
    groups: &mut [Group],
    ts: TimestampMs,
    memory: &Memory,
    query: &dyn Query,
    settings: &Settings,
) -> Vec<String> {
    let (mut failures, mut sink, clock) = (Vec::new(), memory.clone(), ManualClock::new(ts));
    for group in groups {
        group.evaluate(ts, &mut World { query, sink: &mut sink, settings, clock: &clock, workers: &Alone });
        for rule in group.view().rules {
            if let Some(error) = rule.last_error {
                failures.push(format!("    rule: {}, time: {}, err: {error}", rule.name, go_duration(ts)));
            }
        }
    }
    failures
}

/// Labels and annotations of all firing alerts of this name, sorted.
fn firing(groups: &[Group], alertname: &str) -> Vec<FiringAlert> {
    let mut found = Vec::new();
    for rule in groups.iter().flat_map(|group| group.view().rules) {
        let Some(alerting) = rule.alerting.filter(|_| *rule.name == *alertname) else { continue };
        let firing = alerting.alerts.into_iter().filter(|alert| alert.state == AlertState::Firing);
        found.extend(firing.map(|alert| {
            let labels = alert.labels.iter().map(|l| (l.name, l.value));
            (Texts::from_pairs(labels), alert.annotations)
        }));
    }
    found.sort();
    found
}

fn expected(sample: &ExpectedSample) -> Result<Found, String> {
    let labels = match sample.labels.trim() {
        "" => Labels::empty(),
        text => parse_metric(text).map_err(|e| e.to_string())?,
    };
    if sample.histogram.is_empty() {
        return Ok(Found { labels, value: sample.value, histogram: String::new() });
    }
    let described = histogram::parse(sample.histogram.trim()).map_err(|e| e.to_string())?;
    Ok(Found::histogram(labels, sample.value, &described.histogram))
}
