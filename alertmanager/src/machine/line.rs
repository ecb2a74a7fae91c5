//! One line: what an integration was told about a group, what it is being told, and what it should hear next.

use std::collections::BTreeSet;

use crate::fingerprint::Fingerprint;
use crate::record::{Ending, Intent, Mention, Reason, Steady, Told};

/// State of a line.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) told: Option<Told>,
    pub(super) pending: Option<Pending>,
    pub(super) next_seq: u64,
    /// News came while a message was on its way; look again when it has arrived.
    pub(super) missed: bool,
}

/// A message on its way.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) intent: Intent,
    pub(super) attempts: u32,
    /// When the last try began.
    pub(super) begun: Steady,
    pub(super) next_attempt: Steady,
    pub(super) in_flight: bool,
}

/// What a line should do about the alerts that passed all filters.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Advice {
    /// Nothing is new.
    Unchanged,
    /// Tell this.
    Tell(Reason, Vec<Mention>),
    /// Remember it as told, but do not tell: the integration does not want to hear of ends.
    Quiet(Vec<Mention>),
    /// A message is on its way and must arrive first.
    Wait,
}

/// What of the integration matters here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wishes {
    pub(super) send_resolved: bool,
    pub(super) repeat_interval_ms: i64,
}

impl Line {
    /// Whether the line has told an alert as firing and not yet as ended.
    pub(super) fn is_open(&self, alert: Fingerprint) -> bool {
        self.told.as_ref().is_some_and(|told| told.open.contains(&alert))
    }

    /// Whether an end must be told although it would be kept quiet: its beginning was told, or is on its way.
    pub(super) fn owes_end(&self, alert: Fingerprint) -> bool {
        let pending = self.pending.iter().flat_map(|pending| &pending.intent.alerts);
        self.is_open(alert) || pending.into_iter().any(|m| m.fingerprint == alert && !m.resolved)
    }

    /// What to do about a group whose alerts that passed are `mentions`.
    pub(super) fn advise(&self, mentions: Vec<Mention>, wishes: Wishes, now: Steady) -> Advice {
        let set = |resolved| mentions.iter().filter(move |m| m.resolved == resolved).map(|m| m.fingerprint).collect();
        let (firing, resolved): (BTreeSet<_>, BTreeSet<_>) = (set(false), set(true));
        if let Some(pending) = &self.pending {
            let same = pending.intent.alerts.iter().map(key).eq(mentions.iter().map(key));
            // A message may be replaced by one that says at least as much: an end must not swallow its beginning.
            let covered = pending.intent.alerts.iter().all(|m| match m.resolved {
                true => resolved.contains(&m.fingerprint),
                false => firing.contains(&m.fingerprint),
            });
            if pending.in_flight || same || !covered {
                return Advice::Wait;
            }
        }
        match self.reason(&firing, &resolved, wishes, now) {
            None => Advice::Unchanged,
            Some(_) if firing.is_empty() && !wishes.send_resolved => Advice::Quiet(mentions),
            Some(reason) => Advice::Tell(reason, mentions),
        }
    }

    /// Why the line should tell this, if it should.
    pub(super) fn reason(
        &self,
        firing: &BTreeSet<Fingerprint>,
        resolved: &BTreeSet<Fingerprint>,
        wishes: Wishes,
        now: Steady,
    ) -> Option<Reason> {
        let Some(told) = &self.told else {
            return (!firing.is_empty()).then_some(Reason::First);
        };
        if !firing.is_subset(&told.firing) {
            return Some(if told.firing.is_empty() { Reason::First } else { Reason::NewAlerts });
        }
        let ended = resolved.iter().any(|alert| told.open.contains(alert));
        if firing.is_empty() {
            return (!told.firing.is_empty() && !resolved.is_empty() || ended).then_some(Reason::AllResolved);
        }
        if wishes.send_resolved && (ended || !resolved.is_subset(&told.resolved)) {
            return Some(Reason::SomeResolved);
        }
        (told.at < now.saturating_sub(wishes.repeat_interval_ms)).then_some(Reason::Repeat)
    }

    /// Ends the pending message, if it is this one, and remembers what was told. Returns the message.
    pub(super) fn end(&mut self, seq: u64, at: Steady, ending: &Ending) -> Option<Intent> {
        let pending = self.pending.take_if(|pending| pending.intent.seq == seq)?;
        if let Ending::Delivered(thread) = ending {
            self.hear(&pending.intent.alerts, at);
            if let Some(told) = &mut self.told {
                told.thread.extend(thread.clone());
            }
        }
        if let (Ending::GaveUp(_), Some(told)) = (ending, &mut self.told) {
            pending.intent.alerts.iter().filter(|m| m.resolved).for_each(|m| {
                told.open.remove(&m.fingerprint);
            });
        }
        Some(pending.intent)
    }

    /// Remembers alerts as told.
    pub(super) fn hear(&mut self, alerts: &[Mention], at: Steady) {
        let mut told = self.told.take().unwrap_or_default();
        if told.firing.is_empty() {
            told.thread.clear();
            (told.count, told.lasting_ms) = (0, 0);
        } else {
            told.lasting_ms = told.lasting_ms.saturating_add(at.saturating_sub(told.at));
        }
        told.count += 1;
        let set = |resolved| alerts.iter().filter(move |m| m.resolved == resolved).map(|m| m.fingerprint);
        told.at = at;
        told.firing = set(false).collect();
        told.resolved = set(true).collect();
        told.open.extend(&told.firing);
        set(true).for_each(|alert| {
            told.open.remove(&alert);
        });
        self.told = Some(told);
    }

    /// Alerts have ended, and the line does not want to tell that. Answers whether it had told any of them.
    pub(super) fn close(&mut self, ended: &[Fingerprint]) -> bool {
        let Some(told) = &mut self.told else { return false };
        let before = told.open.len();
        ended.iter().for_each(|alert| {
            told.open.remove(alert);
        });
        told.open.len() < before
    }

    /// Whether the line has nothing more to say about an alert that has ended.
    pub(super) fn is_done_with(&self, alert: Fingerprint) -> bool {
        self.pending.is_none() && !self.missed && !self.is_open(alert)
    }
}

fn key(mention: &Mention) -> (Fingerprint, bool) {
    (mention.fingerprint, mention.resolved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{GroupId, LineId};

    fn mentions(text: &str) -> Vec<Mention> {
        let mention = |c: char| Mention {
            fingerprint: Fingerprint(u64::from(c.to_ascii_lowercase() as u32)),
            resolved: c.is_ascii_lowercase(),
            starts_at: 0,
            ends_at: 0,
        };
        text.chars().map(mention).collect()
    }

    fn line(told: &[&str]) -> Line {
        let mut line = Line::default();
        told.iter().for_each(|alerts| line.hear(&mentions(alerts), 100));
        line
    }

    fn pending(alerts: &str, in_flight: bool) -> Option<Pending> {
        let group = GroupId { route: "r".into(), labels: Default::default() };
        let line = LineId { group, receiver: "x".into(), kind: "webhook".into(), index: 0 };
        let intent = Intent { line, seq: 0, reason: Reason::First, at: 0, wall: 0, alerts: mentions(alerts) };
        Some(Pending { intent, attempts: 1, begun: 0, next_attempt: 0, in_flight })
    }

    /// Upper case fires, lower case has ended.
    #[test]
    fn news() {
        let wishes = Wishes { send_resolved: true, repeat_interval_ms: 50 };
        let table: [(&[&str], &str, i64, Option<Reason>); 14] = [
            (&[], "A", 100, Some(Reason::First)),
            (&[], "a", 100, None),
            (&["A"], "A", 150, None),
            (&["A"], "A", 151, Some(Reason::Repeat)),
            (&["A"], "AB", 100, Some(Reason::NewAlerts)),
            (&["A"], "a", 100, Some(Reason::AllResolved)),
            (&["AB"], "Ab", 100, Some(Reason::SomeResolved)),
            (&["AB", "Ab"], "Ab", 100, None),
            (&["AB"], "A", 100, None),
            (&["A", "a"], "a", 100, None),
            (&["A", "a"], "A", 100, Some(Reason::First)),
            // Told as firing, left out because silenced, ends while silenced.
            (&["AB", "B"], "Ba", 100, Some(Reason::SomeResolved)),
            (&["AB", "B", "b"], "a", 100, Some(Reason::AllResolved)),
            (&["A"], "", 100, None),
        ];
        for (told, now_is, now, expected) in table {
            let expected = expected.map_or(Advice::Unchanged, |reason| Advice::Tell(reason, mentions(now_is)));
            assert_eq!(line(told).advise(mentions(now_is), wishes, now), expected, "{told:?} {now_is} {now}");
        }
    }

    #[test]
    fn ends_nobody_wants_to_hear_are_remembered() {
        let wishes = Wishes { send_resolved: false, repeat_interval_ms: 50 };
        assert_eq!(line(&["A"]).advise(mentions("a"), wishes, 100), Advice::Quiet(mentions("a")));
        assert_eq!(line(&["AB"]).advise(mentions("Ab"), wishes, 100), Advice::Unchanged);
    }

    #[test]
    fn a_message_on_its_way_is_replaced_only_by_one_that_says_as_much() {
        let wishes = Wishes { send_resolved: true, repeat_interval_ms: 50 };
        let table = [
            ("A", "A", false, Advice::Wait),
            ("A", "AB", false, Advice::Tell(Reason::First, mentions("AB"))),
            ("A", "AB", true, Advice::Wait),
            ("A", "a", false, Advice::Wait),
            ("AB", "Ab", false, Advice::Wait),
        ];
        for (on_its_way, now_is, in_flight, expected) in table {
            let line = Line { pending: pending(on_its_way, in_flight), ..Line::default() };
            assert_eq!(line.advise(mentions(now_is), wishes, 100), expected, "{on_its_way} {now_is}");
        }
    }
}
