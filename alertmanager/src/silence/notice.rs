//! The alert by which people hear that a silence is about to end.
//!
//! It is an alert like any other: routed, grouped, repeated, shown, and told as resolved when the silence has ended or
//! holds for longer. Everything about it follows from the silence and the configuration, so instances that act as one
//! make the same alert.

use nightjar_model::{Labels, TimestampMs};

use crate::alert::Alert;
use crate::config::ExpiryNotice;
use crate::matcher::Matchers;

use super::{Condition, Silence};

/// `alertname` of all notices.
pub const ALERT_NAME: &str = "SilenceExpiring";

/// The label that holds the id of the silence.
pub const SILENCE_ID: &str = "silence_id";

/// Names of alerts in a notice at most.
const MAX_NAMES: usize = 10;

/// The silence whose end an alert announces, if it is a notice.
pub fn announced(labels: &Labels) -> Option<&str> {
    labels.get(SILENCE_ID).filter(|_| labels.value("alertname") == ALERT_NAME)
}

/// Whether the end of a silence is near: as near as configured, but not before the second half of the silence.
pub fn is_near(silence: &Silence, notice: &ExpiryNotice, now: TimestampMs) -> bool {
    near_from(silence, notice) <= now && now < silence.ends_at
}

/// When the end of a silence will be near, or if it is, when it comes.
pub fn next_change(silence: &Silence, notice: &ExpiryNotice, now: TimestampMs) -> TimestampMs {
    if is_near(silence, notice, now) { silence.ends_at } else { near_from(silence, notice) }
}

fn near_from(silence: &Silence, notice: &ExpiryNotice) -> TimestampMs {
    let half = silence.ends_at.saturating_sub(silence.starts_at) / 2;
    silence.ends_at.saturating_sub(notice.before_ms.min(half))
}

/// The labels of the notice: those the silence asks for, so that it takes the way of the alerts it is about; those that
/// are configured; its own.
pub fn labels(silence: &Silence, notice: &ExpiryNotice) -> Labels {
    let asked = silence.matchers.iter().filter(|condition| condition.is_equal && !condition.is_regex);
    let asked = asked.map(|condition| (condition.name.as_str(), condition.value.as_str()));
    let configured = notice.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let own =
        [("alertname", ALERT_NAME), (SILENCE_ID, silence.id.as_str()), ("created_by", silence.created_by.as_str())];
    Labels::from_pairs(asked.chain(configured).chain(own))
}

/// The notice, made at `now`. `names` are the names of the alerts it silences, one each.
pub fn alert(silence: &Silence, notice: &ExpiryNotice, now: TimestampMs, names: &[&str]) -> Alert {
    let ends_at = jiff::Timestamp::from_millisecond(silence.ends_at).unwrap_or_default();
    let matchers = Matchers::new(silence.matchers.iter().filter_map(|c| Condition::matcher(c).ok()).collect());
    let by = if silence.created_by.is_empty() { "somebody" } else { silence.created_by.as_str() };
    let (summary, ends_at) = (format!("The silence {matchers} of {by} ends at {ends_at:.0}"), format!("{ends_at:.0}"));
    let description = silences_now(names);
    let own = [("summary", &summary), ("description", &description), ("comment", &silence.comment)];
    let of_silence = silence.annotations.iter().map(|(name, text)| (name.as_str(), text));
    Alert {
        labels: labels(silence, notice),
        annotations: Labels::from_pairs(of_silence.chain(own).chain([("ends_at", &ends_at)])),
        starts_at: now,
        ends_at: silence.ends_at,
        updated_at: now,
        // What is said later about its end holds, whether that is earlier or later.
        timeout: true,
        generator_url: String::new(),
    }
}

fn silences_now(names: &[&str]) -> String {
    let count = match names.len() {
        0 => return "It silences nothing just now and recurs.".to_owned(),
        1 => "1 alert that fires".to_owned(),
        count => format!("{count} alerts that fire"),
    };
    let mut distinct: Vec<&str> = names.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let more = if distinct.len() > MAX_NAMES { ", ..." } else { "" };
    distinct.truncate(MAX_NAMES);
    format!("It silences {count}: {}{more}.", distinct.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silence(conditions: &[(&str, &str, bool)], starts_at: TimestampMs, ends_at: TimestampMs) -> Silence {
        let condition = |(name, value, is_regex): &(&str, &str, bool)| Condition {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
            is_regex: *is_regex,
            is_equal: true,
        };
        let matchers = conditions.iter().map(condition).collect();
        let (id, created_by, comment) = ("an-id".to_owned(), "alice".to_owned(), "disk".to_owned());
        Silence { id, created_by, comment, matchers, starts_at, ends_at, ..Silence::default() }
    }

    fn notice(before_ms: i64) -> ExpiryNotice {
        ExpiryNotice { before_ms, labels: [("severity".to_owned(), "info".to_owned())].into() }
    }

    #[test]
    fn an_end_is_near_in_the_second_half_at_most() {
        let table =
            [((0, 100, 10), 90), ((0, 100, 50), 50), ((0, 100, 80), 50), ((40, 100, 80), 70), ((100, 100, 9), 100)];
        for ((starts_at, ends_at, before), from) in table {
            let silence = silence(&[("a", "1", false)], starts_at, ends_at);
            let near: Vec<_> = (0..110).filter(|now| is_near(&silence, &notice(before), *now)).collect();
            assert_eq!(near, (from..ends_at).collect::<Vec<_>>(), "{starts_at} {ends_at} {before}");
        }
    }

    #[test]
    fn a_notice_looks_like_what_it_is_about() {
        let conditions =
            [("team", "web", false), ("severity", "page", false), ("alertname", "Disk", false), ("x", "y.*", true)];
        let mut silence = silence(&conditions, 0, 1_767_571_200_000);
        silence.annotations =
            [("ticket".to_owned(), "X-1".to_owned()), ("summary".to_owned(), "mine".to_owned())].into();
        let alert = alert(&silence, &notice(10), 5, &["B", "A", "B"]);
        let labels =
            r#"{alertname="SilenceExpiring", created_by="alice", severity="info", silence_id="an-id", team="web"}"#;
        assert_eq!(alert.labels.to_string(), labels);
        assert_eq!(announced(&alert.labels), Some("an-id"));
        let said: Vec<String> = alert.annotations.iter().map(|l| format!("{}: {}", l.name, l.value)).collect();
        let expected = [
            "comment: disk",
            "description: It silences 3 alerts that fire: A, B.",
            "ends_at: 2026-01-05T00:00:00Z",
            r#"summary: The silence {alertname="Disk",severity="page",team="web",x=~"y.*"} of alice ends at 2026-01-05T00:00:00Z"#,
            "ticket: X-1",
        ];
        assert_eq!(said, expected);
        assert_eq!((alert.starts_at, alert.ends_at), (5, 1_767_571_200_000));
    }

    #[test]
    fn others_are_no_notices() {
        assert_eq!(announced(&Labels::from_pairs([("alertname", "X"), ("silence_id", "an-id")])), None);
        assert_eq!(announced(&Labels::from_pairs([("alertname", ALERT_NAME)])), None);
    }
}
