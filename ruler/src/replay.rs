//! Alerting rules over history: when each alert would have fired, and how often it would have paged.

use std::collections::{BTreeMap, HashMap};

use nightjar_model::{ClosedRange, Labels, Matcher, TimestampMs};
use nightjar_platform::ManualClock;
use nightjar_query::VectorSample;

use crate::file::GroupSpec;
use crate::group::{Group, World};
use crate::query::{Expression, NewestSample, Query};
use crate::settings::Settings;
use crate::sink::{AlertBatch, Refusal, RuleSample, Sink};
use crate::state::StateChange;
use crate::texts::Texts;

/// Evaluations read at once.
const STRIDE: i64 = 1_000;

/// What happened, as a server remembers it.
pub trait History {
    /// The values of an expression at `start`, `start + step`, ... up to `end`, by time.
    fn range(
        &self,
        expr: &Expression,
        start: TimestampMs,
        end: TimestampMs,
        step_ms: i64,
    ) -> Result<HashMap<TimestampMs, Vec<VectorSample>>, String>;

    /// The value of an expression at one time, as templates ask.
    fn text(&self, text: &str, at: TimestampMs) -> Result<Vec<VectorSample>, String>;
}

/// A stretch of time.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    /// First evaluation.
    pub start: TimestampMs,
    /// No evaluation after this.
    pub end: TimestampMs,
}

/// One time an alert would have fired.
#[derive(Clone, Debug, PartialEq)]
pub struct Firing {
    /// Its labels.
    pub labels: Labels,
    /// Its annotations when it began.
    pub annotations: Texts,
    /// When it began.
    pub from: TimestampMs,
    /// When it was resolved; `None`: it still fired at the end.
    pub to: Option<TimestampMs>,
}

/// What one group would have done.
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    /// Every time an alert would have fired, in order of time.
    pub firings: Vec<Firing>,
    /// Rules whose evaluation failed, each with its first reason.
    pub failures: BTreeMap<String, String>,
}

/// Replays the alerting rules of a group. What its recording rules record must be in the history already. `progress`
/// hears how far it is.
pub fn replay(
    spec: &GroupSpec,
    settings: &Settings,
    history: &dyn History,
    stretch: Stretch,
    progress: &mut dyn FnMut(TimestampMs),
) -> Result<Replayed, String> {
    let mut spec = spec.clone();
    spec.rules.retain(|rule| rule.alerting.is_some());
    let step_ms = spec.interval_ms.unwrap_or(settings.interval_ms).max(1);
    let offset_ms = spec.query_offset_ms.unwrap_or(settings.query_offset_ms);
    let mut group = Group::new("", &spec, settings, false, stretch.start);
    let mut replayed = Replayed::default();
    let mut pager = Pager::default();
    let mut from = stretch.start;
    while from <= stretch.end && !spec.rules.is_empty() {
        let to = stretch.end.min(from + (STRIDE - 1) * step_ms);
        let mut answers = Answers { history, values: HashMap::new() };
        for rule in &spec.rules {
            let found = history.range(&rule.expr, from - offset_ms, to - offset_ms, step_ms);
            answers.values.insert(rule.expr.printed.clone(), found);
        }
        for ts in (from..=to).step_by(usize::try_from(step_ms).unwrap_or(usize::MAX)) {
            pager.now = ts;
            let clock = ManualClock::new(ts);
            group.evaluate(ts, &mut World { query: &answers, sink: &mut pager, settings, clock: &clock });
            for rule in group.view().rules {
                if let Some(reason) = rule.last_error {
                    replayed.failures.entry(rule.name.to_string()).or_insert_with(|| reason.to_string());
                }
            }
        }
        progress(to);
        from = to + step_ms;
    }
    replayed.firings = pager.firings;
    Ok(replayed)
}

/// Values that were read ahead.
struct Answers<'a> {
    history: &'a dyn History,
    values: HashMap<String, Result<HashMap<TimestampMs, Vec<VectorSample>>, String>>,
}

impl Query for Answers<'_> {
    fn instant(&self, expr: &Expression, at: TimestampMs) -> Result<Vec<VectorSample>, String> {
        match self.values.get(&expr.printed) {
            // Rules with the same expression share its values.
            Some(Ok(values)) => Ok(values.get(&at).cloned().unwrap_or_default()),
            Some(Err(reason)) => Err(reason.clone()),
            None => Ok(Vec::new()),
        }
    }

    fn text(&self, text: &str, at: TimestampMs) -> Result<Vec<VectorSample>, String> {
        self.history.text(text, at)
    }

    fn newest(&self, _: &[Matcher], _: ClosedRange) -> Result<Vec<NewestSample>, String> {
        Ok(Vec::new())
    }
}

/// Notes what would have been sent.
#[derive(Default)]
struct Pager {
    now: TimestampMs,
    firings: Vec<Firing>,
    /// The firing of each alert that has not ended.
    open: HashMap<Labels, usize>,
}

impl Sink for Pager {
    fn write(&mut self, _: &[RuleSample]) -> Result<Vec<Refusal>, String> {
        Ok(Vec::new())
    }

    fn send(&mut self, batch: AlertBatch) {
        for alert in batch.alerts {
            let open = self.open.get(&alert.labels).copied();
            match (open, alert.resolved) {
                (Some(index), true) => {
                    self.firings[index].to = Some(alert.ends_at);
                    self.open.remove(&alert.labels);
                }
                (None, false) => {
                    self.open.insert(alert.labels.clone(), self.firings.len());
                    let (labels, annotations) = (alert.labels, alert.annotations);
                    self.firings.push(Firing { labels, annotations, from: self.now, to: None });
                }
                // Sent again.
                (Some(_), false) | (None, true) => {}
            }
        }
    }

    fn keep(&mut self, _: &StateChange) -> bool {
        // Nothing of it outlives this call; what is kept would only be compared each time.
        false
    }
}

#[cfg(test)]
mod tests {
    use nightjar_query::{ParserOptions, SampleValue};

    use super::*;
    use crate::file::{ReadOptions, parse};

    /// A metric that is 1 in some minutes.
    struct Minutes(Vec<i64>);

    impl History for Minutes {
        fn range(
            &self,
            _: &Expression,
            start: TimestampMs,
            end: TimestampMs,
            step_ms: i64,
        ) -> Result<HashMap<TimestampMs, Vec<VectorSample>>, String> {
            let labels = Labels::from_pairs([("instance", "a")]);
            let sample = |timestamp| VectorSample { labels: labels.clone(), timestamp, value: SampleValue::Float(1.0) };
            let times = (start..=end).step_by(step_ms as usize).filter(|t| self.0.contains(&(t / 60_000)));
            Ok(times.map(|t| (t, vec![sample(t)])).collect())
        }

        fn text(&self, text: &str, _: TimestampMs) -> Result<Vec<VectorSample>, String> {
            crate::query::Expression::parse(text, &ParserOptions::default())
                .map(|_| Vec::new())
                .map_err(|e| e.to_string())
        }
    }

    #[test]
    fn when_it_would_have_fired() {
        let text = "groups: [{name: g, rules: [{record: r, expr: m}, \
                    {alert: A, expr: m, for: 2m, annotations: {v: '{{ $value }}'}}]}]";
        let file = parse(text, &ReadOptions::default()).unwrap();
        let history = Minutes([&[5, 6][..], &[10, 11, 12, 13, 14], &[2000, 2001, 2002, 2003]].concat());
        let stretch = Stretch { start: 0, end: 2003 * 60_000 };
        let mut heard = Vec::new();
        let replayed =
            replay(&file.groups[0], &Settings::default(), &history, stretch, &mut |at| heard.push(at / 60_000));
        let replayed = replayed.unwrap();
        let minutes: Vec<_> = replayed.firings.iter().map(|f| (f.from / 60_000, f.to.map(|t| t / 60_000))).collect();
        assert_eq!(minutes, [(12, Some(15)), (2002, None)]);
        assert_eq!(replayed.firings[0].annotations.get("v"), Some("1"));
        assert_eq!(replayed.firings[0].labels.to_string(), r#"{alertname="A", instance="a"}"#);
        assert!(replayed.failures.is_empty());
        assert_eq!(heard, [999, 1999, 2003]);
    }
}
