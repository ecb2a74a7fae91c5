//! Edits, replacements, pauses, and which silences silence.

use nightjar_model::Labels;

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
    assert_eq!((edited.len(), &edited[0].schedule), (1, &schedule(&["odd"], &[])), "who does not know of it keeps it");
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
    for (id, matcher, starts, ends) in
        [("a", "x=1", 10, 20), ("b", "x=~1|2", 0, 15), ("c", "x!=1", 0, 100), ("d", "y=", 0, 100), ("e", "x=2", 0, 100)]
    {
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
