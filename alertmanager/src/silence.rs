//! Silences: conditions under which nobody is told, for a while.

use std::collections::{BTreeMap, HashMap};

use nightjar_model::{Labels, TimestampMs};
use serde::{Deserialize, Serialize};

use crate::matcher::{MatchOp, Matcher, MatcherMode, Matchers};

/// What a silence is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SilenceState {
    /// It silences.
    Active,
    /// It will.
    Pending,
    /// It did.
    Expired,
}

impl SilenceState {
    /// Alertmanager's word.
    pub fn as_str(self) -> &'static str {
        match self {
            SilenceState::Active => "active",
            SilenceState::Pending => "pending",
            SilenceState::Expired => "expired",
        }
    }
}

/// One condition of a silence, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Label name.
    pub name: String,
    /// Text or pattern.
    pub value: String,
    /// Whether the value is a pattern.
    pub is_regex: bool,
    /// Whether it must match, or must not.
    pub is_equal: bool,
}

impl Condition {
    /// The matcher, or why there is none.
    pub fn matcher(&self) -> Result<Matcher, String> {
        let op = match (self.is_equal, self.is_regex) {
            (true, false) => MatchOp::Equal,
            (false, false) => MatchOp::NotEqual,
            (true, true) => MatchOp::Regex,
            (false, true) => MatchOp::NotRegex,
        };
        Matcher::new(op, &self.name, &self.value)
            .map_err(|error| format!("invalid regular expression {:?}: {error}", self.value))
    }
}

/// A silence. Times are of the wall clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// A UUID; empty for one that is new.
    pub id: String,
    /// Conditions that must all hold.
    pub matchers: Vec<Condition>,
    /// First instant of silence.
    pub starts_at: TimestampMs,
    /// First instant after it.
    pub ends_at: TimestampMs,
    /// Last change.
    pub updated_at: TimestampMs,
    /// Who made it.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// More about it.
    pub annotations: BTreeMap<String, String>,
}

impl Silence {
    /// What it is doing.
    pub fn state(&self, now: TimestampMs) -> SilenceState {
        match (now < self.starts_at, now < self.ends_at) {
            (true, _) => SilenceState::Pending,
            (_, true) => SilenceState::Active,
            _ => SilenceState::Expired,
        }
    }

    fn check(&self, mode: MatcherMode) -> Result<Matchers, String> {
        if self.matchers.is_empty() {
            return Err("matcher set 0 is empty".to_owned());
        }
        let mut matchers = Vec::new();
        for (i, condition) in self.matchers.iter().enumerate() {
            let bad = |why: String| format!("invalid label matcher {i} in set 0: {why}");
            if !mode.is_label_name(&condition.name) {
                return Err(bad(format!("invalid label name {:?}", condition.name)));
            }
            matchers.push(condition.matcher().map_err(bad)?);
        }
        if matchers.iter().all(|matcher| matcher.matches("")) {
            return Err("matcher set 0: at least one matcher must not match the empty string".to_owned());
        }
        if self.ends_at < self.starts_at {
            return Err("end time must not be before start time".to_owned());
        }
        Ok(Matchers::new(matchers))
    }

    /// Whether `new` is an edit of this one, not another silence.
    fn can_become(&self, new: &Silence, now: TimestampMs) -> bool {
        self.matchers == new.matchers
            && match self.state(now) {
                SilenceState::Active => self.starts_at / 1000 == new.starts_at / 1000 && new.ends_at >= now,
                SilenceState::Pending => new.starts_at >= now,
                SilenceState::Expired => false,
            }
    }
}

/// Why a silence is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    /// No silence has this id.
    #[error("silence not found")]
    NotFound,
    /// It makes no sense.
    #[error("invalid silence: {0}")]
    Invalid(String),
    /// There are too many.
    #[error("exceeded maximum number of silences: {count} (limit: {limit})")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
}

/// All silences.
#[derive(Clone, Debug, Default)]
pub struct Silences {
    all: BTreeMap<String, (Silence, Matchers)>,
    /// Ids by a label value that an alert must have, so that most silences are never looked at.
    by_value: HashMap<(String, String), Vec<String>>,
    rest: Vec<String>,
}

impl Silences {
    /// What setting a silence changes, without changing it: up to two silences to [`Silences::put`], the new one last.
    pub fn plan_set(
        &self,
        mut new: Silence,
        now: TimestampMs,
        mode: MatcherMode,
        limit: usize,
        new_id: impl FnOnce() -> String,
    ) -> Result<Vec<Silence>, SilenceError> {
        if new.starts_at == 0 {
            new.starts_at = now;
        }
        new.check(mode).map_err(SilenceError::Invalid)?;
        new.updated_at = now;
        let previous = self.all.get(&new.id).map(|(silence, _)| silence);
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
        let ended = previous.and_then(|previous| expired(previous, now));
        Ok(ended.into_iter().chain([new]).collect())
    }

    /// What expiring a silence changes: nothing if it has expired before.
    pub fn plan_expire(&self, id: &str, now: TimestampMs) -> Result<Option<Silence>, SilenceError> {
        let (silence, _) = self.all.get(id).ok_or(SilenceError::NotFound)?;
        Ok(expired(silence, now))
    }

    /// Takes a silence, replacing the one of its id. One whose patterns no longer compile silences nothing.
    pub fn put(&mut self, silence: Silence) {
        self.remove(&silence.id.clone());
        let compiled: Result<Vec<_>, _> = silence.matchers.iter().map(Condition::matcher).collect();
        let matchers = compiled.unwrap_or_default();
        if !matchers.is_empty() {
            match matchers.iter().find(|matcher| matcher.op == MatchOp::Equal && !matcher.value.is_empty()) {
                Some(m) => {
                    self.by_value.entry((m.name.to_string(), m.value.to_string())).or_default().push(silence.id.clone())
                }
                None => self.rest.push(silence.id.clone()),
            }
        }
        self.all.insert(silence.id.clone(), (silence, Matchers::new(matchers)));
    }

    /// Forgets a silence.
    pub fn remove(&mut self, id: &str) {
        if self.all.remove(id).is_some() {
            self.rest.retain(|other| other != id);
            self.by_value.retain(|_, ids| {
                ids.retain(|other| other != id);
                !ids.is_empty()
            });
        }
    }

    /// Ids of active silences that match, sorted.
    pub fn silencing(&self, labels: &Labels, now: TimestampMs) -> Vec<String> {
        let by_value = labels.iter().filter_map(|label| {
            // Borrowing would need a key type of its own; alerts have few labels.
            (!self.by_value.is_empty()).then(|| self.by_value.get(&(label.name.to_owned(), label.value.to_owned())))?
        });
        let matches = |id: &&String| {
            self.all.get(*id).is_some_and(|(silence, matchers)| {
                silence.state(now) == SilenceState::Active && matchers.matches(labels)
            })
        };
        let mut ids: Vec<String> = by_value.flatten().chain(&self.rest).filter(matches).cloned().collect();
        ids.sort_unstable();
        ids
    }

    /// The silence of an id.
    pub fn get(&self, id: &str) -> Option<&Silence> {
        self.all.get(id).map(|(silence, _)| silence)
    }

    /// All silences by id.
    pub fn iter(&self) -> impl Iterator<Item = &Silence> {
        self.all.values().map(|(silence, _)| silence)
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

/// The silence ended now, if it has not ended before.
fn expired(silence: &Silence, now: TimestampMs) -> Option<Silence> {
    let mut ended = silence.clone();
    match silence.state(now) {
        SilenceState::Expired => return None,
        SilenceState::Active => ended.ends_at = now,
        SilenceState::Pending => (ended.starts_at, ended.ends_at) = (now, now),
    }
    ended.updated_at = now;
    Some(ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silence(id: &str, matcher: &str, starts_at: i64, ends_at: i64) -> Silence {
        let matcher = MatcherMode::Fallback.matcher(matcher).unwrap();
        let condition = Condition {
            name: matcher.name.to_string(),
            value: matcher.value.to_string(),
            is_regex: matches!(matcher.op, MatchOp::Regex | MatchOp::NotRegex),
            is_equal: matches!(matcher.op, MatchOp::Regex | MatchOp::Equal),
        };
        Silence { id: id.to_owned(), matchers: vec![condition], starts_at, ends_at, ..Silence::default() }
    }

    fn plan(all: &Silences, new: Silence, now: i64) -> Result<Vec<(String, i64, i64)>, String> {
        let planned = all.plan_set(new, now, MatcherMode::Fallback, 3, || "new".to_owned());
        planned
            .map(|changes| changes.into_iter().map(|s| (s.id, s.starts_at, s.ends_at)).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn edits_and_replacements() {
        let mut all = Silences::default();
        all.put(silence("on", "a=1", 10_000, 90_000));
        all.put(silence("soon", "a=1", 60_000, 90_000));
        let new = |starts, ends| vec![("new".to_owned(), starts, ends)];
        let table = [
            (silence("", "a=1", 0, 70_000), Ok(new(50_000, 70_000))),
            (silence("", "a=1", 20_000, 70_000), Ok(new(50_000, 70_000))),
            (silence("on", "a=1", 10_000, 70_000), Ok(vec![("on".to_owned(), 10_000, 70_000)])),
            (
                silence("on", "a=2", 10_000, 70_000),
                Ok(vec![("on".to_owned(), 10_000, 50_000), ("new".to_owned(), 50_000, 70_000)]),
            ),
            (silence("soon", "a=1", 55_000, 70_000), Ok(vec![("soon".to_owned(), 55_000, 70_000)])),
            (
                silence("soon", "a=2", 55_000, 70_000),
                Ok(vec![("soon".to_owned(), 50_000, 50_000), ("new".to_owned(), 55_000, 70_000)]),
            ),
            (silence("gone", "a=1", 0, 70_000), Err("silence not found")),
            (
                silence("", "a=", 0, 70_000),
                Err("invalid silence: matcher set 0: at least one matcher must not match the empty string"),
            ),
            (silence("", "a=1", 0, 40_000), Err("invalid silence: end time must not be before start time")),
        ];
        for (new, expected) in table {
            assert_eq!(plan(&all, new.clone(), 50_000), expected.map_err(str::to_owned), "{new:?}");
        }
        all.put(silence("third", "a=1", 0, 1));
        let full = "exceeded maximum number of silences: 3 (limit: 3)";
        assert_eq!(plan(&all, silence("", "a=1", 0, 70_000), 50_000), Err(full.to_owned()));
    }

    #[test]
    fn only_active_ones_silence() {
        let mut all = Silences::default();
        for (id, matcher, starts, ends) in [
            ("a", "x=1", 10, 20),
            ("b", "x=~1|2", 0, 15),
            ("c", "x!=1", 0, 100),
            ("d", "y=", 0, 100),
            ("e", "x=2", 0, 100),
        ] {
            all.put(silence(id, matcher, starts, ends));
        }
        let labels = Labels::from_pairs([("x", "1")]);
        let table = [(0, "bd"), (10, "abd"), (15, "ad"), (20, "d")];
        for (now, ids) in table {
            assert_eq!(all.silencing(&labels, now).concat(), ids, "{now}");
        }
        let ended = all.plan_expire("a", 12).unwrap().unwrap();
        all.put(ended);
        assert_eq!(all.silencing(&labels, 12).concat(), "bd");
        assert_eq!(all.plan_expire("a", 13), Ok(None));
        assert_eq!(all.forgettable(118, 100), ["a", "b"]);
    }
}
