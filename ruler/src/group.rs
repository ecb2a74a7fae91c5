//! A rule group: a state machine whose only clock is its caller.

mod output;
mod resume;
mod succession;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use nightjar_model::{Labels, TimestampMs};
use nightjar_platform::Clock;

use crate::alerting::Moment;
use crate::file::GroupSpec;
use crate::key::GroupKey;
use crate::query::{Expression, Query};
use crate::rule::{Health, Rule, RuleView};
use crate::schedule::Schedule;
use crate::settings::Settings;
use crate::sink::Sink;
use output::Output;

/// What an evaluation works with.
pub struct World<'a> {
    /// Reads.
    pub query: &'a dyn Query,
    /// Writes and sends.
    pub sink: &'a mut dyn Sink,
    /// What all groups share.
    pub settings: &'a Settings,
    /// Measures how long evaluations take; nothing else depends on it.
    pub clock: &'a dyn Clock,
}

/// What a group has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GroupCounters {
    /// Evaluations that were due.
    pub iterations: u64,
    /// Of those, how many did not take place because one before took too long.
    pub iterations_missed: u64,
    /// Rules evaluated.
    pub evaluations: u64,
    /// Of those, how many failed.
    pub evaluation_failures: u64,
    /// Samples of the last evaluation.
    pub last_samples: u64,
    /// How long taking up old state took.
    pub last_restore: Duration,
}

/// A rule group.
#[derive(Clone)]
pub struct Group {
    file: Arc<str>,
    name: Arc<str>,
    interval_ms: i64,
    query_offset_ms: Option<i64>,
    limit: i64,
    rules: Vec<Rule>,
    schedule: Schedule,
    /// Evaluations until state from before a restart is taken up; `None` when that is done.
    restore_in: Option<u8>,
    /// Series of rules that are gone.
    departed: BTreeSet<Labels>,
    /// It only waits to end its series, with this timestamp.
    retired_at: Option<TimestampMs>,
    evaluation: Duration,
    evaluated_at: Option<TimestampMs>,
    counters: GroupCounters,
    /// When its state was last written to disk.
    saved_at: Option<TimestampMs>,
}

impl Group {
    /// A group that was never evaluated. With `restores` it takes up state from before a restart after its second
    /// evaluation: by then recording rules have written what alerts may depend on.
    pub fn new(file: &str, spec: &GroupSpec, settings: &Settings, restores: bool, now: TimestampMs) -> Group {
        let interval_ms = spec.interval_ms.unwrap_or(settings.interval_ms);
        let mut rules: Vec<Rule> = spec.rules.iter().map(|rule| Rule::new(rule, &spec.labels)).collect();
        for alerting in rules.iter_mut().filter_map(|rule| rule.alerting.as_mut()) {
            alerting.restored = !restores;
        }
        Group {
            file: file.into(),
            name: spec.name.as_str().into(),
            interval_ms,
            query_offset_ms: spec.query_offset_ms,
            limit: spec.limit,
            rules,
            schedule: Schedule::new(file, &spec.name, interval_ms, now),
            restore_in: restores.then_some(2),
            departed: BTreeSet::new(),
            retired_at: None,
            evaluation: Duration::ZERO,
            evaluated_at: None,
            counters: GroupCounters::default(),
            saved_at: None,
        }
    }

    /// The file it stands in and its name: what identifies it.
    pub fn key(&self) -> GroupKey {
        GroupKey { file: Arc::clone(&self.file), name: Arc::clone(&self.name) }
    }

    /// When [`Group::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> TimestampMs {
        self.schedule.next()
    }

    /// Evaluates if that is due at `now`.
    pub fn handle_timeout(&mut self, now: TimestampMs, world: &mut World<'_>) {
        let Some((ts, missed)) = self.schedule.take(now) else { return };
        if let Some(retired_at) = self.retired_at {
            return self.end_departed(retired_at, world);
        }
        self.counters.iterations += 1 + missed;
        self.counters.iterations_missed += missed;
        self.evaluate(ts, world);
        if let Some(left) = self.restore_in {
            self.restore_in = left.checked_sub(1).filter(|left| *left > 0);
            if self.restore_in.is_none() {
                self.restore(world);
            }
        }
    }

    /// Evaluates all rules at `ts`, in order: each sees what those before it wrote.
    pub fn evaluate(&mut self, ts: TimestampMs, world: &mut World<'_>) {
        let begin = world.clock.monotonic();
        self.evaluated_at = Some(world.clock.wall_ms());
        let at = ts - self.query_offset_ms.unwrap_or(world.settings.query_offset_ms);
        let mut output = Output::default();
        self.counters.last_samples = 0;
        for index in 0..self.rules.len() {
            if output.concerns(&self.rules[index].reads) {
                self.flush(&mut output, world);
            }
            self.evaluate_rule(index, ts, at, &mut output, world);
        }
        self.flush(&mut output, world);
        self.end_departed(at, world);
        if let Some(change) = self.change(ts, world.settings)
            && world.sink.keep(&change)
        {
            self.saved(ts);
        }
        self.evaluation = world.clock.monotonic().saturating_sub(begin);
    }

    fn evaluate_rule(
        &mut self,
        index: usize,
        ts: TimestampMs,
        at: TimestampMs,
        output: &mut Output,
        world: &mut World<'_>,
    ) {
        let begin = world.clock.monotonic();
        let rule = &mut self.rules[index];
        rule.evaluated_at = Some(world.clock.wall_ms());
        self.counters.evaluations += 1;
        let moment = Moment { ts, at, limit: self.limit, query: world.query, settings: world.settings };
        match rule.evaluate(&moment) {
            Ok(samples) => {
                rule.health = Health::Ok;
                rule.unsent = false;
                rule.last_error = None;
                self.counters.last_samples += samples.len() as u64;
                let due = rule.alerting.as_mut().and_then(|a| a.due(ts, self.interval_ms, world.settings));
                if let Some(batch) = due {
                    world.sink.send(batch);
                }
                output.add(index, rule, samples, at);
            }
            Err(reason) => {
                self.counters.evaluation_failures += 1;
                rule.unsent = true;
                rule.failed(reason);
            }
        }
        rule.evaluation = world.clock.monotonic().saturating_sub(begin);
    }

    /// Writes what rules made so far.
    fn flush(&mut self, output: &mut Output, world: &mut World<'_>) {
        for failure in output.flush(world.sink) {
            self.counters.evaluation_failures += u64::from(failure.whole);
            self.rules[failure.rule].failed(failure.reason);
        }
        for (rule, series) in output.written() {
            self.rules[rule].series = series;
        }
    }

    /// Takes up alert state from before a restart.
    fn restore(&mut self, world: &mut World<'_>) {
        let begin = world.clock.monotonic();
        let now = world.clock.wall_ms();
        for rule in &mut self.rules {
            let restored = rule.alerting.as_mut().map(|a| a.restore(now, world.query, world.settings));
            if let Some(Err(reason)) = restored {
                rule.failed(format!("cannot take up the state of alerts: {reason}"));
            }
        }
        self.counters.last_restore = world.clock.monotonic().saturating_sub(begin);
    }

    /// What its rules evaluate, and their names, in order.
    pub fn rule_names(&self) -> Vec<(Arc<Expression>, Arc<str>)> {
        self.rules.iter().map(|rule| (Arc::clone(&rule.expr), Arc::clone(&rule.name))).collect()
    }

    /// What people see of it.
    pub fn view(&self) -> GroupView {
        GroupView {
            key: self.key(),
            interval_ms: self.interval_ms,
            limit: self.limit,
            evaluation: self.evaluation,
            evaluated_at: self.evaluated_at,
            counters: self.counters,
            rules: self.rules.iter().map(Rule::view).collect(),
        }
    }
}

/// What people see of a group.
#[derive(Clone, Debug)]
pub struct GroupView {
    /// What identifies it.
    pub key: GroupKey,
    /// Distance of evaluations.
    pub interval_ms: i64,
    /// Most series or alerts of one rule; none if <= 0.
    pub limit: i64,
    /// How long the last evaluation took.
    pub evaluation: Duration,
    /// When it was last evaluated, wall clock.
    pub evaluated_at: Option<TimestampMs>,
    /// What it has done so far.
    pub counters: GroupCounters,
    /// Its rules, in order.
    pub rules: Vec<RuleView>,
}

#[cfg(test)]
mod tests;
