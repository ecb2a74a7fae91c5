//! Silences: conditions under which nobody is told, for a while.

mod schedule;

use std::collections::{BTreeMap, HashMap};

use nightjar_model::{Labels, TimestampMs};
use serde::{Deserialize, Serialize};

use crate::matcher::{MatchOp, Matcher, MatcherMode, Matchers};
use crate::time_interval::TimeInterval;
pub use schedule::{Named, Schedule};

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
    /// When it holds between its beginning and its end; `None`: all the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
}

impl Silence {
    /// What it is doing, schedules aside: see [`Silences::state`].
    pub fn state(&self, now: TimestampMs) -> SilenceState {
        match (now < self.starts_at, now < self.ends_at) {
            (true, _) => SilenceState::Pending,
            (_, true) => SilenceState::Active,
            _ => SilenceState::Expired,
        }
    }

    fn check(&self, mode: MatcherMode, named: &Named) -> Result<(), String> {
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
        self.schedule.as_ref().map_or(Ok(()), |schedule| schedule.check(named))
    }

    /// Whether `new` is an edit of this one, not another silence.
    fn can_become(&self, new: &Silence, now: TimestampMs) -> bool {
        self.matchers == new.matchers
            && self.schedule == new.schedule
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
    all: BTreeMap<String, Kept>,
    /// Ids by a label value that an alert must have, so that most silences are never looked at.
    by_value: HashMap<(String, String), Vec<String>>,
    rest: Vec<String>,
}

#[derive(Clone, Debug)]
struct Kept {
    silence: Silence,
    matchers: Matchers,
    /// Intervals of its own schedule.
    intervals: Vec<TimeInterval>,
}

impl Kept {
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
        let ended = previous.and_then(|previous| expired(previous, now));
        Ok(ended.into_iter().chain([new]).collect())
    }

    /// What expiring a silence changes: nothing if it has expired before.
    pub fn plan_expire(&self, id: &str, now: TimestampMs) -> Result<Option<Silence>, SilenceError> {
        let silence = self.get(id).ok_or(SilenceError::NotFound)?;
        Ok(expired(silence, now))
    }

    /// Takes a silence, replacing the one of its id. One whose patterns or intervals are no longer understood silences
    /// nothing.
    pub fn put(&mut self, silence: Silence) {
        self.remove(&silence.id.clone());
        let compiled: Result<Vec<_>, _> = silence.matchers.iter().map(Condition::matcher).collect();
        let own = silence.schedule.as_ref().map_or(Ok(Vec::new()), Schedule::own);
        let (matchers, intervals) = match (compiled, own) {
            (Ok(matchers), Ok(intervals)) => (matchers, intervals),
            _ => Default::default(),
        };
        if !matchers.is_empty() {
            match matchers.iter().find(|matcher| matcher.op == MatchOp::Equal && !matcher.value.is_empty()) {
                Some(m) => {
                    self.by_value.entry((m.name.to_string(), m.value.to_string())).or_default().push(silence.id.clone())
                }
                None => self.rest.push(silence.id.clone()),
            }
        }
        let kept = Kept { silence, matchers: Matchers::new(matchers), intervals };
        self.all.insert(kept.silence.id.clone(), kept);
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
    pub fn silencing(&self, labels: &Labels, now: TimestampMs, named: &Named) -> Vec<String> {
        let by_value = labels.iter().filter_map(|label| {
            // Borrowing would need a key type of its own; alerts have few labels.
            (!self.by_value.is_empty()).then(|| self.by_value.get(&(label.name.to_owned(), label.value.to_owned())))?
        });
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

    /// `odd` is every odd minute of the first hour of a day.
    fn named() -> Named {
        let minute = |n: u32| format!(r#"{{"start_time": "00:{n:02}", "end_time": "00:{:02}"}}"#, n + 1);
        let times: Vec<String> = (0..29).map(|n| minute(2 * n + 1)).collect();
        let interval = serde_json::from_str(&format!(r#"{{"times": [{}]}}"#, times.join(","))).unwrap();
        [("odd".to_owned(), vec![interval])].into()
    }

    fn schedule(names: &[&str], intervals: &[&str]) -> Option<Schedule> {
        let intervals = intervals.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        Some(Schedule { time_intervals: names.iter().map(|name| (*name).to_owned()).collect(), intervals })
    }

    #[test]
    fn one_that_recurs_pauses() {
        let mut all = Silences::default();
        let tenth = r#"{"times": [{"start_time": "00:10", "end_time": "00:11"}], "location": "UTC"}"#;
        all.put(Silence { schedule: schedule(&["odd"], &[tenth]), ..silence("a", "x=1", 60_000, 1_800_000) });
        let labels = Labels::from_pairs([("x", "1")]);
        let mut holds = Vec::new();
        for minute in 0..32 {
            let at = minute * 60_000;
            let silencing = !all.silencing(&labels, at, &named()).is_empty();
            let state = all.state(all.get("a").unwrap(), at, &named());
            assert_eq!(silencing, state == SilenceState::Active, "{minute}");
            assert_eq!(state == SilenceState::Expired, minute >= 30, "{minute}");
            holds.extend(silencing.then_some(minute));
        }
        assert_eq!(holds, [1, 3, 5, 7, 9, 10, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29]);
        assert!(all.silencing(&labels, 60_000, &Named::new()).is_empty(), "the name is gone from the configuration");
    }

    #[test]
    fn schedules_are_checked_and_stay() {
        let mut all = Silences::default();
        all.put(Silence { schedule: schedule(&["odd"], &[]), ..silence("on", "a=1", 10_000, 90_000) });
        let table = [
            (schedule(&["even"], &[]), "undefined time interval \"even\""),
            (schedule(&[], &[]), "name time_intervals of the configuration or write intervals"),
            (schedule(&[], &[r#"{"weekdays": ["noday"]}"#]), "interval 0: noday is not a valid weekday"),
            (schedule(&[], &[r#"{"days": []}"#]), "interval 0: unknown field `days`"),
        ];
        for (schedule, complaint) in table {
            let new = Silence { schedule, ..silence("", "a=1", 0, 70_000) };
            let error = plan(&all, new, 50_000).unwrap_err();
            assert!(error.starts_with(&format!("invalid silence: schedule: {complaint}")), "{error}");
        }
        let planned = |new: Silence| all.plan_set(new, 50_000, MatcherMode::Fallback, &named(), 3, || "new".to_owned());
        let edited = planned(silence("on", "a=1", 10_000, 80_000)).unwrap();
        assert_eq!(
            (edited.len(), &edited[0].schedule),
            (1, &schedule(&["odd"], &[])),
            "who does not know of it keeps it"
        );
        let other = r#"{"weekdays": ["monday"]}"#;
        let changed = Silence { schedule: schedule(&[], &[other]), ..silence("on", "a=1", 10_000, 80_000) };
        assert_eq!(planned(changed).unwrap().len(), 2, "another schedule is another silence");
    }

    fn plan(all: &Silences, new: Silence, now: i64) -> Result<Vec<(String, i64, i64)>, String> {
        let planned = all.plan_set(new, now, MatcherMode::Fallback, &named(), 3, || "new".to_owned());
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
            assert_eq!(all.silencing(&labels, now, &named()).concat(), ids, "{now}");
        }
        let ended = all.plan_expire("a", 12).unwrap().unwrap();
        all.put(ended);
        assert_eq!(all.silencing(&labels, 12, &named()).concat(), "bd");
        assert_eq!(all.plan_expire("a", 13), Ok(None));
        assert_eq!(all.forgettable(118, 100), ["a", "b"]);
    }
}
