//! What becomes of a group when its file changes.

use std::collections::{BTreeSet, HashMap, VecDeque};

use nightjar_model::{Labels, TimestampMs};

use super::{Group, World};
use crate::sink::RuleSample;

impl Group {
    /// Whether the other group is the same in every respect but its state.
    pub(crate) fn is_same(&self, other: &Group) -> bool {
        self.key() == other.key()
            && self.interval_ms == other.interval_ms
            && self.query_offset_ms == other.query_offset_ms
            && self.limit == other.limit
            && self.rules.len() == other.rules.len()
            && self.rules.iter().zip(&other.rules).all(|(a, b)| a.is_same(b))
    }

    /// Takes over the state of its predecessor: of rules with equal name and labels, the first from the first, the
    /// second from the second.
    pub(crate) fn succeed(&mut self, from: Group) {
        self.evaluation = from.evaluation;
        self.evaluated_at = from.evaluated_at;
        self.counters = from.counters;
        self.restore_in = from.restore_in;
        self.departed = from.departed;
        self.saved_at = None;
        let mut left: HashMap<String, VecDeque<_>> = HashMap::new();
        for rule in from.rules {
            left.entry(rule.identity()).or_default().push_back(rule);
        }
        for rule in &mut self.rules {
            let Some(old) = left.get_mut(&rule.identity()).and_then(VecDeque::pop_front) else { continue };
            rule.series = old.series;
            if let (Some(alerting), Some(old)) = (&mut rule.alerting, old.alerting) {
                alerting.alerts = old.alerts;
                alerting.saved = old.saved;
                alerting.restored = old.restored;
            }
        }
        self.departed.extend(left.into_values().flatten().flat_map(|rule| rule.series));
    }

    /// Its rules are gone at `now`. It stays until a successor under another name had time to go on with its series.
    pub(crate) fn retire(&mut self, now: TimestampMs) {
        self.departed.extend(self.rules.drain(..).flat_map(|rule| rule.series));
        self.retired_at = Some(now);
        self.schedule.put_off(now + 2 * self.interval_ms);
    }

    /// Whether it only waits for its end.
    pub(crate) fn is_retired(&self) -> bool {
        self.retired_at.is_some()
    }

    /// Whether it has nothing left to do.
    pub(crate) fn is_over(&self) -> bool {
        self.is_retired() && self.departed.is_empty()
    }

    /// The series its rules write.
    pub(crate) fn series(&self) -> impl Iterator<Item = &Labels> {
        self.rules.iter().flat_map(|rule| &rule.series)
    }

    /// The series it has to end.
    pub(crate) fn departed_mut(&mut self) -> &mut BTreeSet<Labels> {
        &mut self.departed
    }

    pub(crate) fn realign(&mut self, now: TimestampMs) {
        self.schedule.realign(now);
    }

    /// Ends the series of rules that are gone.
    pub(super) fn end_departed(&mut self, at: TimestampMs, world: &mut World<'_>) {
        for rule in &self.rules {
            self.departed.retain(|series| !rule.series.contains(series));
        }
        if self.departed.is_empty() {
            return;
        }
        let ends: Vec<_> = self.departed.iter().map(|labels| RuleSample::stale(labels.clone(), at)).collect();
        // Refused ends belong to series that somebody goes on with.
        if world.sink.write(&ends).is_ok() {
            self.departed.clear();
        }
    }
}
