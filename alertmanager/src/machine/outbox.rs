//! Messages on their way: tries, pauses between them, and how they end.

use std::fmt::Write;
use std::sync::Arc;

use crate::alert::Alert;
use crate::record::{Ending, GroupId, Intent, LineId, Record, Steady};

use super::line::Pending;
use super::{Before, Change, Decision, Machine, Now, Outcome, Send, SentAlert};

/// First pause between the beginnings of two tries, give or take half of it; each is half as long again.
const FIRST_PAUSE_MS: f64 = 500.0;
/// Longest pause while few messages wait for an integration, so that one that is back hears of it soon.
const SHORT_PAUSE_MS: f64 = 8_000.0;
/// Longest pause while many wait.
const LONG_PAUSE_MS: f64 = 60_000.0;
/// Longest a try may take when nothing is configured.
const MAX_TRY_MS: i64 = 60_000;

impl Machine {
    /// Lines of a group that exist.
    pub(super) fn lines_of(&self, id: &GroupId) -> Vec<LineId> {
        let first = LineId { group: id.clone(), receiver: "".into(), kind: "".into(), index: 0 };
        self.lines.range(first..).map(|(line, _)| line).take_while(|line| line.group == *id).cloned().collect()
    }

    /// Tries to tell.
    pub(super) fn attempt(&mut self, now: Now, id: &LineId) {
        let steady = self.steady(now);
        let outbox_ms = self.options.outbox_ms;
        let Some(pending) = self.lines.get_mut(id).and_then(|line| line.pending.as_mut()) else { return };
        if pending.intent.at.saturating_add(outbox_ms) < steady {
            let seq = pending.intent.seq;
            let why = format!("not delivered within {}", nightjar_model::duration::format_duration_ms(outbox_ms));
            self.finish(now, id, seq, Ending::GaveUp(why));
            self.settle_id(&id.group);
            return;
        }
        pending.attempts += 1;
        pending.begun = steady;
        pending.in_flight = true;
        let (intent, attempt) = (pending.intent.clone(), pending.attempts);
        match self.message(id, intent, attempt) {
            Ok(send) => self.sends.push_back(send),
            Err(seq) => self.finish(now, id, seq, Ending::GaveUp("the integration was removed".to_owned())),
        }
    }

    fn message(&self, id: &LineId, intent: Intent, attempt: u32) -> Result<Send, u64> {
        let seq = intent.seq;
        let receiver = self.config.receiver(&id.receiver).ok_or(seq)?;
        let is_this = |i: &&crate::config::Integration| *i.kind() == *id.kind && i.index == id.index as usize;
        let integration = receiver.integrations.iter().find(is_this).ok_or(seq)?;
        let (_, route) = self.tree.by_id(&id.group.route).ok_or(seq)?;
        let told = self.lines.get(id).and_then(|line| line.told.as_ref());
        let mentions = intent.alerts.iter().filter(|mention| integration.send_resolved() || !mention.resolved);
        let alerts = mentions.filter_map(|mention| {
            let stored = self.alerts.get(&mention.fingerprint)?;
            let (starts_at, ends_at) = (mention.starts_at, mention.ends_at);
            let alert = Alert { starts_at, ends_at, ..Alert::clone(&stored.alert) };
            let (fingerprint, resolved) = (mention.fingerprint, mention.resolved);
            Some(SentAlert { alert, fingerprint, resolved, change: Change::of(told, mention) })
        });
        Ok(Send {
            line: id.clone(),
            seq,
            attempt,
            idempotency_key: idempotency_key(&intent),
            group_key: route.group_key(&id.group.labels),
            route_labels: route.labels.clone(),
            reason: intent.reason,
            decided_at: intent.wall,
            before: Before::of(told, intent.at, intent.wall),
            alerts: alerts.collect(),
            thread: told.map(|told| told.thread.clone()).unwrap_or_default(),
            timeout_ms: match integration.settings.timeout_ms() {
                0 => route.group_interval_ms.clamp(10_000, MAX_TRY_MS),
                configured => configured,
            },
        })
    }

    /// A try has ended.
    pub(super) fn attempted(&mut self, now: Now, id: &LineId, seq: u64, outcome: Outcome) {
        let steady = self.steady(now);
        let Some(pending) = self.lines.get_mut(id).and_then(|line| line.pending.as_mut()) else { return };
        if pending.intent.seq != seq || !pending.in_flight {
            return;
        }
        pending.in_flight = false;
        let (begun, attempts) = (pending.begun, pending.attempts);
        let next = match outcome {
            Outcome::Delivered(thread) => {
                self.finish(now, id, seq, Ending::Delivered(thread));
                if self.down.remove(&integration_of(id)) {
                    self.wake_beside(steady, id);
                }
                return;
            }
            Outcome::Retry { after_ms, .. } => {
                self.down.insert(integration_of(id));
                let earliest = steady.saturating_add(after_ms.unwrap_or(0));
                begun.saturating_add(self.pause(id, attempts)).max(earliest)
            }
            Outcome::Refused { .. } => {
                let route = self.tree.by_id(&id.group.route);
                steady.saturating_add(route.map_or(LONG_PAUSE_MS as i64, |(_, route)| route.group_interval_ms))
            }
        };
        if let Some(pending) = self.lines.get_mut(id).and_then(|line| line.pending.as_mut()) {
            pending.next_attempt = next.max(steady.saturating_add(1));
            self.attempts.insert((pending.next_attempt, id.clone()));
        }
        // What came meanwhile may be said in one message with what was not heard.
        if self.lines.get(id).is_some_and(|line| line.missed) {
            self.look_again(now, id);
        }
    }

    /// From the beginning of a try that failed to the next one, so that a slow failure costs no further pause.
    fn pause(&mut self, id: &LineId, attempts: u32) -> i64 {
        let waiting = self.waiting_beside(id);
        let longest = (waiting as f64 * 500.0).clamp(SHORT_PAUSE_MS, LONG_PAUSE_MS);
        let exponent = attempts.saturating_sub(1).min(64) as i32;
        let pause = (FIRST_PAUSE_MS * 1.5_f64.powi(exponent)).min(longest);
        let jitter = 0.5 + self.random.below(1001) as f64 / 1000.0;
        (pause * jitter) as i64
    }

    /// A message is told no more.
    pub(super) fn finish(&mut self, now: Now, id: &LineId, seq: u64, ending: Ending) {
        let at = self.steady(now);
        self.records.push_back(Record::Ending { line: id.clone(), seq, at, ending: ending.clone() });
        let ended = self.end_intent(id, seq, at, &ending);
        if matches!(ending, Ending::Delivered(_)) {
            self.share_told(id);
        }
        if let Some((intent, attempts)) = ended {
            self.decide(Decision::Ended { intent, attempts, ending });
        }
        if self.lines.get(id).is_some_and(|line| line.missed) {
            self.look_again(now, id);
        }
        self.settle_id(&id.group);
    }

    /// Takes a message away and remembers what was told. Answers the message and how often it was tried.
    pub(super) fn end_intent(&mut self, id: &LineId, seq: u64, at: Steady, ending: &Ending) -> Option<(Intent, u32)> {
        let line = self.lines.get_mut(id)?;
        let mut attempts = 0;
        if let Some(pending) = line.pending.as_ref().filter(|pending| pending.intent.seq == seq) {
            self.attempts.remove(&(pending.next_attempt, id.clone()));
            attempts = pending.attempts;
        }
        let intent = line.end(seq, at, ending)?;
        for mention in &intent.alerts {
            if let Some(stored) = self.alerts.get_mut(&mention.fingerprint) {
                stored.mentions = stored.mentions.saturating_sub(1);
            }
        }
        Some((intent, attempts))
    }

    /// A message that waits gives way to a newer one.
    pub(super) fn supersede(&mut self, now: Now, id: &LineId) {
        let pending = self.lines.get(id).and_then(|line| line.pending.as_ref());
        if let Some(seq) = pending.map(|pending| pending.intent.seq) {
            let at = self.steady(now);
            let ending = Ending::Superseded;
            self.records.push_back(Record::Ending { line: id.clone(), seq, at, ending: ending.clone() });
            if let Some((intent, attempts)) = self.end_intent(id, seq, at, &ending) {
                self.decide(Decision::Ended { intent, attempts, ending });
            }
        }
    }

    /// Lines of one integration that wait for another try.
    fn beside<'a>(&'a self, id: &'a LineId) -> impl Iterator<Item = (&'a LineId, &'a Pending)> {
        let same = |other: &LineId| other.receiver == id.receiver && other.kind == id.kind && other.index == id.index;
        let waiting = self.attempts.iter().filter(move |(_, other)| same(other));
        waiting.filter_map(|(_, other)| Some((other, self.lines.get(other)?.pending.as_ref()?)))
    }

    fn waiting_beside(&self, id: &LineId) -> usize {
        self.beside(id).take(128).count()
    }

    /// The integration is back: whoever was waiting for it tries now.
    fn wake_beside(&mut self, steady: Steady, id: &LineId) {
        let due = |(_, pending): &(&LineId, &Pending)| pending.attempts > 0 && pending.next_attempt > steady;
        let lines: Vec<LineId> = self.beside(id).filter(due).map(|(line, _)| line.clone()).collect();
        for line in lines {
            if let Some(pending) = self.lines.get_mut(&line).and_then(|line| line.pending.as_mut()) {
                self.attempts.remove(&(pending.next_attempt, line.clone()));
                pending.next_attempt = steady;
                self.attempts.insert((steady, line));
            }
        }
    }

    /// Forgets what was told so long ago that it would be told again anyway.
    pub(super) fn forget_lines(&mut self, steady: Steady) {
        let retention = self.options.retention_ms;
        let old = |(id, line): &(&LineId, &super::line::Line)| {
            let repeat = self.tree.by_id(&id.group.route).map_or(0, |(_, route)| route.repeat_interval_ms);
            let keep = retention.min(repeat.saturating_mul(2)).max(3_600_000);
            let told = line.told.as_ref().is_none_or(|told| told.at.saturating_add(keep) < steady);
            line.pending.is_none() && told && self.groups.number(&id.group).is_none()
        };
        let gone: Vec<LineId> = self.lines.iter().filter(old).map(|(id, _)| id.clone()).collect();
        for id in gone {
            self.lines.remove(&id);
            self.records.push_back(Record::LineGone(id));
        }
    }
}

/// The integration that a line leads to.
fn integration_of(id: &LineId) -> (Arc<str>, Arc<str>, u32) {
    (id.receiver.clone(), id.kind.clone(), id.index)
}

/// A name for a message that all its tries share.
fn idempotency_key(intent: &Intent) -> String {
    let LineId { group, receiver, kind, index } = &intent.line;
    let mut name = format!("{}\0{receiver}\0{kind}\0{index}\0", group.route);
    let _ = write!(name, "{}\0{}\0{}", group.labels, intent.seq, intent.wall);
    let labels = nightjar_model::Labels::from_pairs([("message", name.as_str())]);
    format!("{}-{}", crate::fingerprint::Fingerprint::of(&labels), intent.seq)
}
