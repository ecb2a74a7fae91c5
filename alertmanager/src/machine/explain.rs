//! Why an alert is told or not: every stage on its way, for people.

use std::collections::BTreeMap;
use std::sync::Arc;

use nightjar_model::Labels;

use crate::alert::{Alert, message_order};
use crate::config::Integration;
use crate::fingerprint::Fingerprint;
use crate::record::{GroupId, LineId, Mention, Reason, Told};
use crate::time_interval;

use super::{Before, Change, Machine, Now, Send, SentAlert, Verdict};

/// What one route does with an alert.
#[derive(Clone, Debug)]
pub struct RouteView {
    /// [`crate::route::Route::id`].
    pub route: String,
    /// Who is told.
    pub receiver: String,
    /// The name of the group, as receivers know it.
    pub group_key: String,
    /// When the group looks for news next, in monotonic milliseconds; `None` when there is no such group yet.
    pub next_look_ms: Option<i64>,
    /// What the filters say now.
    pub verdict: Verdict,
    /// What was and will be told, by integration.
    pub lines: Vec<LineView>,
}

/// What an integration was told of a group.
#[derive(Clone, Debug)]
pub struct LineView {
    /// Kind of integration.
    pub kind: Arc<str>,
    /// Position among those of its kind.
    pub index: u32,
    /// When it was told last, in monotonic milliseconds.
    pub told_ms: Option<i64>,
    /// Whether it was told that the alert fires, and not that it has ended.
    pub open: bool,
    /// Tries of the message on its way, and when the next one is due, in monotonic milliseconds.
    pub pending: Option<(u32, i64)>,
    /// The message it would be told next if something were new.
    pub message: Send,
}

impl Machine {
    /// What becomes of an alert with these labels, whether there is one or not. Nothing changes.
    pub fn explain(&self, now: Now, labels: &Labels) -> Vec<RouteView> {
        let routes = self.tree.matches(labels);
        routes.into_iter().map(|route| self.explain_route(now, route, labels)).collect()
    }

    fn explain_route(&self, now: Now, index: usize, labels: &Labels) -> RouteView {
        let (route, id) = (self.tree.get(index), self.group_of(index, labels));
        let receiver = self.config.receiver(&route.receiver);
        let integrations = receiver.map_or(&[][..], |receiver| &receiver.integrations);
        let alerts = self.would_be_told(now, &id, labels);
        let line = |integration: &Integration| self.explain_line(now, &id, integration, labels, &alerts);
        RouteView {
            route: route.id.to_string(),
            receiver: route.receiver.clone(),
            group_key: route.group_key(&id.labels),
            next_look_ms: self.groups.by_id(&id).map(|group| group.next_flush.saturating_sub(self.offset)),
            verdict: self.verdict(now, index, labels),
            lines: integrations.iter().map(line).collect(),
        }
    }

    /// What the filters say about an alert of a route.
    fn verdict(&self, now: Now, index: usize, labels: &Labels) -> Verdict {
        let (route, intervals) = (self.tree.get(index), &self.config.time_intervals);
        if let Some((by, rule)) = self.inhibitor.inhibits(labels) {
            return Verdict::Inhibited { by, rule: rule.to_owned() };
        }
        let active = time_interval::active(&route.active_time_intervals, intervals, now.wall_ms);
        if !route.active_time_intervals.is_empty() && active.is_empty() {
            return Verdict::Inactive(route.active_time_intervals.clone());
        }
        let mute = time_interval::active(&route.mute_time_intervals, intervals, now.wall_ms);
        if !mute.is_empty() {
            return Verdict::Muted(mute.into_iter().map(str::to_owned).collect());
        }
        match self.silencing(now, labels) {
            ids if ids.is_empty() => Verdict::Passed,
            ids => Verdict::Silenced(ids),
        }
    }

    /// The alerts a message would hold now, with one of these labels among them.
    fn would_be_told(&self, now: Now, id: &GroupId, labels: &Labels) -> Vec<SentAlert> {
        let asked = Fingerprint::of(labels);
        let members = self.groups.by_id(id).into_iter().flat_map(|group| group.members.iter().map(|(alert, _)| alert));
        let known = members.filter(|f| *f != asked).filter_map(|f| Some((f, self.alerts.get(&f)?)));
        let passing = known.filter(|(_, stored)| {
            self.inhibitor.inhibits(&stored.alert.labels).is_none()
                && self.silencing(now, &stored.alert.labels).is_empty()
        });
        let mut alerts: Vec<SentAlert> = passing
            .map(|(fingerprint, stored)| {
                let ends_at = if stored.firing { 0 } else { stored.alert.ends_at };
                let alert = Alert { ends_at, ..Alert::clone(&stored.alert) };
                SentAlert { alert, fingerprint, resolved: !stored.firing, change: Change::None }
            })
            .collect();
        let alert = match self.alerts.get(&asked) {
            Some(stored) => Alert { ends_at: 0, ..Alert::clone(&stored.alert) },
            None => Alert {
                labels: labels.clone(),
                annotations: Labels::empty(),
                starts_at: now.wall_ms,
                ends_at: 0,
                updated_at: now.wall_ms,
                timeout: true,
                generator_url: String::new(),
            },
        };
        alerts.push(SentAlert { alert, fingerprint: asked, resolved: false, change: Change::None });
        alerts.sort_by(|a, b| message_order(&a.alert.labels, &b.alert.labels));
        alerts
    }

    fn explain_line(
        &self,
        now: Now,
        id: &GroupId,
        integration: &Integration,
        labels: &Labels,
        alerts: &[SentAlert],
    ) -> LineView {
        let route = self.tree.by_id(&id.route).map(|(_, route)| route);
        let receiver = route.map_or("", |route| route.receiver.as_str());
        let (kind, index) = (Arc::<str>::from(integration.kind()), integration.index as u32);
        let line_id = LineId { group: id.clone(), receiver: receiver.into(), kind: kind.clone(), index };
        let line = self.lines.get(&line_id);
        let told = line.and_then(|line| line.told.as_ref());
        let pending = line.and_then(|line| line.pending.as_ref());
        let message = Send {
            seq: line.map_or(0, |line| line.next_seq),
            attempt: 1,
            idempotency_key: String::new(),
            group_key: route.map(|route| route.group_key(&id.labels)).unwrap_or_default(),
            route_labels: route.map(|route| route.labels.clone()).unwrap_or_default(),
            reason: if told.is_some_and(|told| !told.firing.is_empty()) { Reason::NewAlerts } else { Reason::First },
            decided_at: now.wall_ms,
            before: Before::of(told, now.monotonic_ms.saturating_add(self.offset), now.wall_ms),
            alerts: alerts.iter().map(|sent| news(told, sent)).collect(),
            thread: told.map_or_else(BTreeMap::new, |told| told.thread.clone()),
            timeout_ms: 10_000,
            line: line_id,
        };
        LineView {
            kind,
            index,
            told_ms: told.map(|told| told.at.saturating_sub(self.offset)),
            open: line.is_some_and(|line| line.is_open(Fingerprint::of(labels))),
            pending: pending.map(|p| (p.attempts, p.next_attempt.saturating_sub(self.offset))),
            message,
        }
    }
}

/// An alert as a line would tell it that was told this before.
fn news(told: Option<&Told>, sent: &SentAlert) -> SentAlert {
    let (fingerprint, resolved) = (sent.fingerprint, sent.resolved);
    let mention = Mention { fingerprint, resolved, starts_at: sent.alert.starts_at, ends_at: sent.alert.ends_at };
    SentAlert { change: Change::of(told, &mention), ..sent.clone() }
}
