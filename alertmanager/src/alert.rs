//! One alert: labels that are its identity, and what changes about it.

use nightjar_model::{Labels, TimestampMs};

use crate::matcher::MatcherMode;

/// An alert as somebody sends it.
#[derive(Clone, Debug, Default)]
pub struct PostedAlert {
    /// What it is.
    pub labels: Labels,
    /// What people should know.
    pub annotations: Labels,
    /// Since when; `None` is now.
    pub starts_at: Option<TimestampMs>,
    /// Until when; `None` is the resolve timeout from now.
    pub ends_at: Option<TimestampMs>,
    /// Where it comes from.
    pub generator_url: String,
}

/// An alert as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// What it is.
    pub labels: Labels,
    /// What people should know.
    pub annotations: Labels,
    /// Since when, wall clock.
    pub starts_at: TimestampMs,
    /// Until when, wall clock; it has ended when this has come.
    pub ends_at: TimestampMs,
    /// When it was last heard of, wall clock.
    pub updated_at: TimestampMs,
    /// Whether its end is a timeout that nobody asked for.
    pub timeout: bool,
    /// Where it comes from.
    pub generator_url: String,
}

impl PostedAlert {
    /// The alert to keep; a complaint in Alertmanager's words if it makes no sense.
    pub fn admit(self, now: TimestampMs, resolve_timeout_ms: i64, mode: MatcherMode) -> Result<Alert, String> {
        let starts_at = self.starts_at.or(self.ends_at).unwrap_or(now);
        let ends_at = self.ends_at.unwrap_or(now.saturating_add(resolve_timeout_ms));
        if ends_at < starts_at {
            return Err("start time must be before end time".to_owned());
        }
        if self.labels.is_empty() {
            return Err("at least one label pair required".to_owned());
        }
        let bad = |labels: &Labels| {
            labels.iter().find(|label| !mode.is_label_name(label.name)).map(|label| label.name.to_owned())
        };
        if let Some(name) = bad(&self.labels) {
            return Err(format!("invalid label set: invalid name {name:?}"));
        }
        if let Some(name) = bad(&self.annotations) {
            return Err(format!("invalid annotations: invalid name {name:?}"));
        }
        Ok(Alert {
            labels: self.labels,
            annotations: self.annotations,
            starts_at,
            ends_at,
            updated_at: now,
            timeout: self.ends_at.is_none(),
            generator_url: self.generator_url,
        })
    }
}

impl Alert {
    /// Whether it has ended.
    pub fn is_resolved(&self, now: TimestampMs) -> bool {
        self.ends_at <= now
    }

    /// What is known after hearing of the alert again at `now`, the wall clock.
    pub fn heard_again(&self, newer: Alert, now: TimestampMs) -> Alert {
        let overlap = (newer.ends_at > self.starts_at && newer.ends_at < self.ends_at)
            || (newer.starts_at > self.starts_at && newer.starts_at < self.ends_at);
        match overlap {
            true => self.merge(newer, now),
            false => newer,
        }
    }

    /// The newer one wins; but the earliest start, the latest of two ends, and no timeout against a wish.
    fn merge(&self, mut newer: Alert, now: TimestampMs) -> Alert {
        newer.starts_at = newer.starts_at.min(self.starts_at);
        let later = self.ends_at > newer.ends_at;
        let keep = match newer.is_resolved(now) {
            true => later && self.is_resolved(now),
            false => later && !self.timeout,
        };
        if keep {
            newer.ends_at = self.ends_at;
        }
        newer
    }
}

/// The order of alerts in messages: by job, by instance, by all labels.
pub fn message_order(a: &Labels, b: &Labels) -> std::cmp::Ordering {
    let by = |name: &str| match (a.get(name), b.get(name)) {
        (Some(a), Some(b)) => a.cmp(b),
        // One without the label comes behind.
        (a, b) => b.is_some().cmp(&a.is_some()),
    };
    by("job").then_with(|| by("instance")).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(starts_at: i64, ends_at: i64, timeout: bool) -> Alert {
        let labels = Labels::from_pairs([("a", "b")]);
        let annotations = Labels::empty();
        Alert { labels, annotations, starts_at, ends_at, updated_at: 0, timeout, generator_url: String::new() }
    }

    #[test]
    fn hearing_again() {
        // Old and new: start, end, timeout. Now is 100.
        let table = [
            ((10, 200, true), (50, 300, true), (10, 300)),
            ((10, 300, true), (50, 200, false), (10, 200)),
            ((10, 300, false), (50, 200, true), (10, 300)),
            ((10, 300, false), (50, 200, false), (10, 300)),
            ((10, 90, false), (50, 80, false), (10, 90)),
            ((10, 300, false), (50, 80, false), (10, 80)),
            ((10, 40, false), (50, 200, true), (50, 200)),
        ];
        for (old, new, expected) in table {
            let known = alert(old.0, old.1, old.2).heard_again(alert(new.0, new.1, new.2), 100);
            assert_eq!((known.starts_at, known.ends_at), expected, "{old:?} {new:?}");
        }
    }

    #[test]
    fn admission() {
        let post = |labels: &[(&str, &str)], starts_at, ends_at| {
            let labels = Labels::from_pairs(labels.iter().copied());
            let posted = PostedAlert { labels, starts_at, ends_at, ..PostedAlert::default() };
            posted.admit(100, 5, MatcherMode::Classic).map(|alert| (alert.starts_at, alert.ends_at, alert.timeout))
        };
        assert_eq!(post(&[("a", "b")], None, None), Ok((100, 105, true)));
        assert_eq!(post(&[("a", "b")], None, Some(50)), Ok((50, 50, false)));
        assert_eq!(post(&[("a", "b"), ("é", "")], Some(10), Some(50)), Ok((10, 50, false)));
        assert_eq!(post(&[("a", "b")], Some(60), Some(50)).unwrap_err(), "start time must be before end time");
        assert_eq!(post(&[("a", "")], None, None).unwrap_err(), "at least one label pair required");
        assert_eq!(post(&[("é", "x")], None, None).unwrap_err(), "invalid label set: invalid name \"é\"");
    }
}
