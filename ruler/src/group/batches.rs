//! Rules of a group that may be evaluated at once.
//!
//! A batch is a run of rules none of which may read what another of them writes. All of them see what was written before
//! the batch, in whatever order they are evaluated; what they make is handed on in their order. So the outcome is the one
//! of evaluating and writing rule by rule.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use nightjar_model::MatchOp;
use nightjar_model::labels::METRIC_NAME;
use nightjar_platform::Clock;
use parking_lot::Mutex;

use crate::alerting::Moment;
use crate::reads::{Known, Reads};
use crate::rule::Rule;
use crate::sink::RuleSample;
use crate::workers::Workers;

/// Batches that took less the last time are not worth a thread.
const WORTH_A_THREAD: Duration = Duration::from_millis(5);

/// Ends of the batches of a group, ascending.
pub(super) fn ends(rules: &[Rule]) -> Vec<usize> {
    let (mut ends, mut written) = (Vec::new(), Written::default());
    for (index, rule) in rules.iter().enumerate() {
        if written.concerns(&rule.reads) {
            ends.push(index);
            written = Written::default();
        }
        for series in rule.writes() {
            written.add(series);
        }
    }
    if !rules.is_empty() {
        ends.push(rules.len());
    }
    ends
}

/// What is known of the series that rules write, by metric.
#[derive(Default)]
struct Written<'r>(HashMap<&'r str, Vec<Vec<(&'r str, &'r str)>>>);

impl<'r> Written<'r> {
    fn add(&mut self, series: Vec<(&'r str, &'r str)>) {
        let metric = series.iter().find(|(name, _)| *name == METRIC_NAME).map_or("", |(_, value)| value);
        self.0.entry(metric).or_default().push(series);
    }

    fn concerns(&self, reads: &Reads) -> bool {
        let Reads::Selectors(selectors) = reads else { return !self.0.is_empty() };
        let may_read = |series: &Known<'_>| reads.may_read(series);
        selectors.iter().any(|matchers| {
            match matchers.iter().find(|m| m.op == MatchOp::Equal && &*m.name == METRIC_NAME) {
                Some(metric) => self.0.get(&*metric.value).is_some_and(|all| all.iter().any(|s| may_read(s))),
                None => self.0.values().flatten().any(|s| may_read(s)),
            }
        })
    }
}

/// What the evaluation of a rule gave.
pub(super) type Made = Result<Vec<RuleSample>, String>;

/// Evaluates the rules of a batch. `done` hears of each in their order, on this thread, as soon as those before it are
/// done; the number is its place among them.
pub(super) fn evaluate(
    rules: &mut [Rule],
    moment: &Moment<'_>,
    clock: &dyn Clock,
    workers: &dyn Workers,
    done: &mut dyn FnMut(usize, &mut Rule, Made),
) {
    let last: Duration = rules.iter().map(|rule| rule.evaluation).sum();
    let helped = rules.len() > 1 && last >= WORTH_A_THREAD;
    let left = Mutex::new(rules.iter_mut().enumerate());
    let made = Mutex::new(BTreeMap::new());
    let step = || {
        let Some((index, rule)) = left.lock().next() else { return false };
        let samples = timed(rule, moment, clock);
        made.lock().insert(index, (rule, samples));
        true
    };
    let mut next = 0;
    let mut settle = || {
        loop {
            let ready = made.lock().remove(&next);
            let Some((rule, samples)) = ready else { break };
            done(next, rule, samples);
            next += 1;
        }
    };
    let mut own = || {
        while step() {
            settle();
        }
    };
    if helped {
        workers.run(&step, &mut own)
    } else {
        own()
    }
    settle();
}

fn timed(rule: &mut Rule, moment: &Moment<'_>, clock: &dyn Clock) -> Made {
    let begin = clock.monotonic();
    rule.evaluated_at = Some(clock.wall_ms());
    let made = rule.evaluate(moment);
    rule.evaluation = clock.monotonic().saturating_sub(begin);
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{ReadOptions, parse};

    #[test]
    fn who_may_be_evaluated_together() {
        let table: [(&[&str], &[usize]); 9] = [
            (&["record: a, expr: x", "record: b, expr: y", "alert: C, expr: z > 1"], &[3]),
            // Chains: each link begins a batch, and takes what follows with it.
            (&["record: a, expr: x", "record: b, expr: a", "record: c, expr: y", "record: d, expr: c"], &[1, 3, 4]),
            // A later rule is read as it was at the evaluation before; a rule may read itself.
            (&["record: a, expr: b + a", "record: b, expr: x"], &[2]),
            (&["record: a, expr: x", "record: b, expr: '{__name__=~\"a|c\"}'"], &[1, 2]),
            (&["record: a, expr: x", "record: b, expr: '{__name__=~\"c|d\"}'"], &[2]),
            (&["record: a, expr: x", "record: b, expr: '{job=\"x\"}'"], &[1, 2]),
            (&["record: a, expr: x, labels: {team: y}", "record: b, expr: 'a{team=\"z\"}'"], &[2]),
            (
                &[
                    "alert: A, expr: x",
                    "record: b, expr: 'ALERTS{alertname=\"B\"}'",
                    "record: c, expr: ALERTS_FOR_STATE",
                ],
                &[2, 3],
            ),
            (&["record: a, expr: x", "alert: B, expr: y, annotations: {s: '{{ query \"a\" }}'}"], &[1, 2]),
        ];
        for (rules, expected) in table {
            let rules: Vec<String> = rules.iter().map(|rule| format!("{{{rule}}}")).collect();
            let text = format!("groups: [{{name: g, rules: [{}]}}]", rules.join(", "));
            let file = parse(&text, &ReadOptions::default()).unwrap();
            let group = &file.groups[0];
            let rules: Vec<Rule> = group.rules.iter().map(|rule| Rule::new(rule, &group.labels)).collect();
            assert_eq!(ends(&rules), expected, "{text}");
        }
    }
}
