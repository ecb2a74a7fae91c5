//! Alerts waiting for one Alertmanager.
//!
//! Unlike Prometheus, which drops a batch that fails, we send it again until something newer says the same: a page that
//! was due while the receiver was away is delivered when it is back.

use std::collections::VecDeque;

use nightjar_model::TimestampMs;
use nightjar_ruler::SentAlert;

/// Most alerts that wait.
pub(super) const CAPACITY: usize = 10_000;

/// Most alerts of one request.
const BATCH: usize = 256;

/// An alert with the link to its cause.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) alert: SentAlert,
    pub(super) generator_url: std::sync::Arc<str>,
}

/// Alerts in order of their coming.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Item>,
}

impl Outbox {
    /// Takes an alert; answers how many others were dropped because there are too many.
    pub(super) fn push(&mut self, item: Item) -> u64 {
        let same = |old: &Item| old.alert.resolved == item.alert.resolved && old.alert.labels == item.alert.labels;
        // Looking for an older version is only worth it, and only affordable, while few wait.
        if self.waiting.len() <= BATCH
            && let Some(old) = self.waiting.iter_mut().rfind(|old| same(old))
        {
            *old = item;
            return 0;
        }
        self.waiting.push_back(item);
        let surplus = self.waiting.len().saturating_sub(CAPACITY);
        self.waiting.drain(..surplus);
        surplus as u64
    }

    /// The alerts to send now. They stay until [`Outbox::sent`].
    pub(super) fn batch(&self) -> Vec<Item> {
        self.waiting.iter().take(BATCH).cloned().collect()
    }

    /// Forgets what was sent: the alerts of a batch, but for those that were renewed meanwhile.
    pub(super) fn sent(&mut self, batch: &[Item]) {
        for item in batch {
            if self.waiting.front() == Some(item) {
                self.waiting.pop_front();
            } else if let Some(at) = self.waiting.iter().take(2 * BATCH).position(|waiting| waiting == item) {
                self.waiting.remove(at);
            }
        }
    }

    /// Forgets firing alerts that say nothing any more because newer ones follow them; the receiver would take them
    /// for resolved.
    pub(super) fn expire(&mut self, now: TimestampMs) {
        self.waiting.retain(|item| item.alert.resolved || item.alert.ends_at > now);
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use nightjar_model::Labels;
    use nightjar_ruler::Texts;

    use super::*;

    fn item(name: &str, resolved: bool, ends_at: i64) -> Item {
        let labels = Labels::from_pairs([("alertname", name)]);
        let alert = SentAlert { labels, annotations: Texts::default(), starts_at: 0, ends_at, resolved };
        Item { alert, generator_url: "".into() }
    }

    #[test]
    fn what_waits_is_renewed_and_kept_until_it_is_sent() {
        let mut outbox = Outbox::default();
        outbox.push(item("a", false, 10));
        outbox.push(item("b", false, 10));
        let batch = outbox.batch();
        assert_eq!(outbox.push(item("a", false, 20)), 0);
        outbox.push(item("b", true, 15));
        outbox.sent(&batch);
        assert_eq!(outbox.batch(), [item("a", false, 20), item("b", true, 15)]);
        outbox.expire(30);
        assert_eq!(outbox.batch(), [item("b", true, 15)]);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let mut outbox = Outbox::default();
        let dropped: u64 = (0..CAPACITY + 3).map(|i| outbox.push(item(&i.to_string(), false, 10))).sum();
        assert_eq!((dropped, outbox.len()), (3, CAPACITY));
        assert_eq!(outbox.batch()[0], item("3", false, 10));
    }
}
