//! All silences, found by the labels of an alert.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use nightjar_model::{Labels, TimestampMs};

use crate::matcher::{MatchOp, Matcher, MatcherMode, Matchers};
use crate::time_interval::TimeInterval;

use super::{Condition, Named, Schedule, Silence, SilenceError, SilenceState};

/// All silences.
#[derive(Clone, Debug, Default)]
pub struct Silences {
    all: BTreeMap<String, Kept>,
    /// Ids by name and value of a label that an alert must have, so that most silences are never looked at.
    by_value: HashMap<Arc<str>, HashMap<Arc<str>, BTreeSet<String>>>,
    /// Ids of those that ask for no value.
    rest: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct Kept {
    silence: Silence,
    matchers: Matchers,
    /// Intervals of its own schedule.
    intervals: Vec<TimeInterval>,
}

impl Kept {
    /// A condition that only alerts with this very label value fulfil.
    fn value(&self) -> Option<&Matcher> {
        self.matchers.iter().find(|matcher| matcher.op == MatchOp::Equal && !matcher.value.is_empty())
    }

    fn state(&self, now: TimestampMs, named: &Named) -> SilenceState {
        let pauses = |schedule: &Schedule| !schedule.contains(&self.intervals, named, now);
        match self.silence.state(now) {
            SilenceState::Active if self.silence.schedule.as_ref().is_some_and(pauses) => SilenceState::Pending,
            state => state,
        }
    }
}

impl Silences {
    /// What setting a silence changes, without changing it: up to two silences to [`Silences::put`], the new one last.
    pub fn plan_set(
        &self,
        mut new: Silence,
        now: TimestampMs,
        mode: MatcherMode,
        named: &Named,
        limit: usize,
        new_id: impl FnOnce() -> String,
    ) -> Result<Vec<Silence>, SilenceError> {
        if new.starts_at == 0 {
            new.starts_at = now;
        }
        let previous = self.get(&new.id);
        if new.schedule.is_none() {
            // Tools that do not know of schedules must not make a silence hold all the time by changing its end.
            new.schedule = previous.and_then(|previous| previous.schedule.clone());
        }
        new.check(mode, named).map_err(SilenceError::Invalid)?;
        new.updated_at = now;
        if previous.is_none() && !new.id.is_empty() {
            return Err(SilenceError::NotFound);
        }
        if previous.is_some_and(|previous| previous.can_become(&new, now)) {
            return Ok(vec![new]);
        }
        if limit > 0 && self.all.len() >= limit {
            return Err(SilenceError::TooMany { count: self.all.len(), limit });
        }
        new.id = new_id();
        new.starts_at = new.starts_at.max(now);
        let ended = previous.and_then(|previous| previous.expired(now));
        Ok(ended.into_iter().chain([new]).collect())
    }

    /// What expiring a silence changes: nothing if it has expired before.
    pub fn plan_expire(&self, id: &str, now: TimestampMs) -> Result<Option<Silence>, SilenceError> {
        let silence = self.get(id).ok_or(SilenceError::NotFound)?;
        Ok(silence.expired(now))
    }

    /// Takes a silence, replacing the one of its id. One whose patterns or intervals are no longer understood silences
    /// nothing.
    pub fn put(&mut self, silence: Silence) {
        self.remove(&silence.id);
        let compiled: Result<Vec<_>, _> = silence.matchers.iter().map(Condition::matcher).collect();
        let own = silence.schedule.as_ref().map_or(Ok(Vec::new()), Schedule::own);
        let (matchers, intervals) = match (compiled, own) {
            (Ok(matchers), Ok(intervals)) => (matchers, intervals),
            _ => Default::default(),
        };
        let kept = Kept { silence, matchers: Matchers::new(matchers), intervals };
        let id = kept.silence.id.clone();
        match kept.value() {
            Some(m) => {
                let values = self.by_value.entry(m.name.clone()).or_default();
                values.entry(m.value.clone()).or_default().insert(id.clone());
            }
            None if kept.matchers.is_empty() => {}
            None => {
                self.rest.insert(id.clone());
            }
        }
        self.all.insert(id, kept);
    }

    /// Forgets a silence.
    pub fn remove(&mut self, id: &str) {
        let Some(kept) = self.all.remove(id) else { return };
        self.rest.remove(id);
        let Some(Matcher { name, value, .. }) = kept.value() else { return };
        let Some(values) = self.by_value.get_mut(name) else { return };
        if let Some(ids) = values.get_mut(value) {
            ids.remove(id);
            if ids.is_empty() {
                values.remove(value);
            }
        }
        if values.is_empty() {
            self.by_value.remove(name);
        }
    }

    /// Ids of active silences that match, sorted.
    pub fn silencing(&self, labels: &Labels, now: TimestampMs, named: &Named) -> Vec<String> {
        if self.all.is_empty() {
            return Vec::new();
        }
        let by_value = labels.iter().filter_map(|label| self.by_value.get(label.name)?.get(label.value));
        let matches = |id: &&String| {
            let holds = |kept: &Kept| kept.matchers.matches(labels) && kept.state(now, named) == SilenceState::Active;
            self.all.get(*id).is_some_and(holds)
        };
        let mut ids: Vec<String> = by_value.flatten().chain(&self.rest).filter(matches).cloned().collect();
        ids.sort_unstable();
        ids
    }

    /// What a silence is doing: one that recurs is pending while it pauses.
    pub fn state(&self, silence: &Silence, now: TimestampMs, named: &Named) -> SilenceState {
        self.all.get(&silence.id).map_or_else(|| silence.state(now), |kept| kept.state(now, named))
    }

    /// The silence of an id.
    pub fn get(&self, id: &str) -> Option<&Silence> {
        self.all.get(id).map(|kept| &kept.silence)
    }

    /// All silences by id.
    pub fn iter(&self) -> impl Iterator<Item = &Silence> {
        self.all.values().map(|kept| &kept.silence)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Those that ended more than `retention_ms` ago.
    pub fn forgettable(&self, now: TimestampMs, retention_ms: i64) -> Vec<String> {
        let old = |silence: &&Silence| silence.ends_at.saturating_add(retention_ms) < now;
        self.iter().filter(old).map(|silence| silence.id.clone()).collect()
    }
}
