//! Words of a command line: labels, conditions, times.

use nightjar_alertmanager::matcher::{MatchOp, Matcher, MatcherMode};
use nightjar_model::TimestampMs;
use nightjar_model::labels::quote;
use nightjar_platform::{Clock, RealClock};
use serde_json::{Map, Value, json};

/// Conditions; a first word without an operator is an alert name.
pub(super) fn matchers(words: &[String]) -> Result<Vec<Matcher>, String> {
    let one = |(i, word): (usize, &String)| {
        let bare = i == 0 && !word.contains('=');
        let text = if bare { format!("alertname={}", quote(word)) } else { word.clone() };
        MatcherMode::Fallback.matcher(&text)
    };
    words.iter().enumerate().map(one).collect()
}

/// Labels of an alert.
pub(super) fn labels(words: &[String]) -> Result<Map<String, Value>, String> {
    let mut labels = Map::new();
    for matcher in matchers(words)? {
        if matcher.op != MatchOp::Equal {
            return Err(format!("{matcher} is no label; write name=value"));
        }
        labels.insert(matcher.name.to_string(), matcher.value.to_string().into());
    }
    Ok(labels)
}

/// `name=text` pairs.
pub(super) fn pairs(words: &[String]) -> Result<Map<String, Value>, String> {
    let pair = |word: &String| {
        let (name, text) = word.split_once('=').ok_or_else(|| format!("{word:?} is not name=text"))?;
        Ok((name.to_owned(), Value::from(text)))
    };
    words.iter().map(pair).collect()
}

/// A condition as the API takes it.
pub(super) fn condition(matcher: &Matcher) -> Value {
    let is_regex = matches!(matcher.op, MatchOp::Regex | MatchOp::NotRegex);
    let is_equal = matches!(matcher.op, MatchOp::Regex | MatchOp::Equal);
    json!({"name": &*matcher.name, "value": &*matcher.value, "isRegex": is_regex, "isEqual": is_equal})
}

/// A condition of the API as people write it.
pub(super) fn shown(condition: &Value) -> String {
    let is = |name: &str, default| condition[name].as_bool().unwrap_or(default);
    let op = match (is("isEqual", true), is("isRegex", false)) {
        (true, false) => "=",
        (true, true) => "=~",
        (false, false) => "!=",
        (false, true) => "!~",
    };
    let text = |name: &str| condition[name].as_str().unwrap_or("");
    format!("{}{op}{}", text("name"), quote(text("value")))
}

/// A time as the API takes it.
pub(super) fn time(at: TimestampMs) -> String {
    format!("{:.3}", jiff::Timestamp::from_millisecond(at).unwrap_or_default())
}

/// A time of a command line.
pub(super) fn read_time(text: &str) -> Result<TimestampMs, String> {
    let parsed = text.parse::<jiff::Timestamp>();
    parsed.map(|at| at.as_millisecond()).map_err(|_| format!("{text:?} is not a time as 2026-01-02T15:04:05Z"))
}

/// Now.
pub(super) fn now() -> TimestampMs {
    RealClock::new().wall_ms()
}
