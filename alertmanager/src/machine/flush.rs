//! A group looks for news: filters first, then every integration by itself.

use std::sync::Arc;

use crate::alert::message_order;
use crate::config::Integration;
use crate::fingerprint::Fingerprint;
use crate::record::{GroupId, Intent, LineId, Mention, Record};
use crate::time_interval;

use super::groups::GroupNumber;
use super::line::{Advice, Line, Pending, Wishes};
use super::{Decision, LineStatus, Machine, Now, Verdict};

impl Machine {
    /// The group looks for news and waits for the next interval.
    pub(super) fn flush(&mut self, now: Now, number: GroupNumber) {
        let steady = self.steady(now);
        let Some(group) = self.groups.get_mut(number) else { return };
        let (id, route) = (group.id.clone(), group.route);
        // Looks keep their rhythm, whether one came late or was added by a restart.
        let interval = self.tree.get(group.route).group_interval_ms.max(1);
        let looks = (steady.saturating_sub(group.first_flush) / interval).saturating_add(1);
        group.next_flush = group.first_flush.saturating_add(looks.saturating_mul(interval));
        self.flushes.insert((group.next_flush, number));
        let alerts = self.filter(now, number);
        let config = self.config.clone();
        let integrations = self.integrations(&config, route);
        let lines = integrations
            .iter()
            .map(|integration| {
                let line = self.line_id(&id, route, integration);
                let status = self.consider(now, &line, route, integration, &alerts);
                (line.kind, line.index, status)
            })
            .collect();
        let alerts = alerts.into_iter().map(|(fingerprint, verdict, _)| (fingerprint, verdict)).collect();
        self.decide(Decision::Flushed { group: id, alerts, lines });
        self.settle(number);
    }

    /// One line looks again at a group that had news while its message was on the way.
    pub(super) fn look_again(&mut self, now: Now, id: &LineId) {
        let Some(number) = self.groups.number(&id.group) else { return };
        let Some(route) = self.groups.get(number).map(|group| group.route) else { return };
        let config = self.config.clone();
        let integrations = self.integrations(&config, route);
        if let Some(integration) = integrations.iter().find(|i| *i.kind() == *id.kind && i.index == id.index as usize) {
            let alerts = self.filter(now, number);
            self.consider(now, id, route, integration, &alerts);
        }
    }

    pub(super) fn integrations<'a>(&self, config: &'a crate::config::Config, route: usize) -> &'a [Integration] {
        config.receiver(&self.tree.get(route).receiver).map_or(&[], |receiver| &receiver.integrations)
    }

    pub(super) fn line_id(&self, group: &GroupId, route: usize, integration: &Integration) -> LineId {
        let receiver = self.tree.get(route).receiver.as_str().into();
        let (kind, index) = (Arc::from(integration.kind()), integration.index as u32);
        LineId { group: group.clone(), receiver, kind, index }
    }

    /// What the filters say about every alert of a group, in the order of messages.
    fn filter(&mut self, now: Now, number: GroupNumber) -> Vec<(Fingerprint, Verdict, Mention)> {
        let Some(group) = self.groups.get(number) else { return Vec::new() };
        let id = group.id.clone();
        let route = self.tree.get(group.route);
        let intervals = &self.config.time_intervals;
        let active = time_interval::active(&route.active_time_intervals, intervals, now.wall_ms);
        let mute = time_interval::active(&route.mute_time_intervals, intervals, now.wall_ms);
        let by_time = match (route.active_time_intervals.is_empty() || !active.is_empty(), mute.is_empty()) {
            (false, _) => Some(Verdict::Inactive(route.active_time_intervals.clone())),
            (true, false) => Some(Verdict::Muted(mute.into_iter().map(str::to_owned).collect())),
            (true, true) => None,
        };
        let mut alerts: Vec<_> = group
            .members
            .iter()
            .filter_map(|(fingerprint, _)| Some((fingerprint, self.alerts.get(&fingerprint)?)))
            .map(|(fingerprint, stored)| {
                let labels = &stored.alert.labels;
                let silences = || self.silencing(now, labels);
                let verdict = match (self.inhibitor.inhibits(labels), &by_time) {
                    (Some((by, rule)), _) => Verdict::Inhibited { by, rule: rule.to_owned() },
                    (None, Some(by_time)) => by_time.clone(),
                    (None, None) => match silences() {
                        ids if ids.is_empty() => Verdict::Passed,
                        ids => Verdict::Silenced(ids),
                    },
                };
                let (resolved, alert) = (!stored.firing, &stored.alert);
                let ends_at = if resolved { alert.ends_at } else { 0 };
                (alert.clone(), verdict, Mention { fingerprint, resolved, starts_at: alert.starts_at, ends_at })
            })
            .collect();
        alerts.sort_by(|a, b| message_order(&a.0.labels, &b.0.labels));
        let alerts: Vec<_> =
            alerts.into_iter().map(|(_, verdict, mention)| (mention.fingerprint, verdict, mention)).collect();
        let Some(group) = self.groups.get_mut(number) else { return Vec::new() };
        group.muted_by = match by_time {
            Some(Verdict::Inactive(names) | Verdict::Muted(names)) => names,
            _ => Vec::new(),
        };
        let mut judged = Vec::new();
        for (fingerprint, verdict, mention) in &alerts {
            if let Some(member) = group.members.get_mut(*fingerprint) {
                if member.verdict() != Some(verdict) {
                    judged.push((*fingerprint, verdict.clone()));
                    member.judge(verdict);
                }
                member.end_seen = mention.resolved;
            }
        }
        for (fingerprint, verdict) in judged {
            self.decide(Decision::Judged { group: id.clone(), fingerprint, verdict });
        }
        alerts
    }

    fn consider(
        &mut self,
        now: Now,
        id: &LineId,
        route: usize,
        integration: &Integration,
        alerts: &[(Fingerprint, Verdict, Mention)],
    ) -> LineStatus {
        let steady = self.steady(now);
        let repeat_interval_ms = self.tree.get(route).repeat_interval_ms;
        let wishes = Wishes { send_resolved: integration.send_resolved(), repeat_interval_ms };
        let strict = self.options.strict_mutes;
        if strict {
            self.swallow_ends(id, alerts);
        }
        let line = self.lines.entry(id.clone()).or_default();
        // Who heard that an alert fires hears that it has ended, whatever keeps it quiet now.
        let passes = |(fingerprint, verdict, mention): &&(Fingerprint, Verdict, Mention)| {
            *verdict == Verdict::Passed || (!strict && mention.resolved && line.owes_end(*fingerprint))
        };
        let mentions: Vec<Mention> = alerts.iter().filter(passes).map(|(_, _, mention)| *mention).collect();
        let ended: Vec<_> = mentions.iter().filter(|mention| mention.resolved).map(|m| m.fingerprint).collect();
        let advice = line.advise(mentions, wishes, steady);
        if !wishes.send_resolved {
            line.close(&ended);
        }
        line.missed = advice == Advice::Wait;
        match advice {
            Advice::Unchanged => LineStatus::Unchanged,
            Advice::Wait => LineStatus::Waiting,
            Advice::Quiet(mentions) => {
                line.hear(&mentions, steady);
                self.record_told(id);
                self.share_told(id);
                LineStatus::Quiet
            }
            Advice::Tell(reason, mentions) => {
                let seq = line.next_seq;
                let intent = Intent { line: id.clone(), seq, reason, at: steady, wall: now.wall_ms, alerts: mentions };
                self.supersede(now, id);
                self.records.push_back(Record::Intent(intent.clone()));
                self.insert_intent(intent, steady.saturating_add(self.wait_ms));
                LineStatus::Telling(seq)
            }
        }
    }

    /// An end that is kept quiet when it is first seen is never told, as in Alertmanager.
    fn swallow_ends(&mut self, id: &LineId, alerts: &[(Fingerprint, Verdict, Mention)]) {
        let quiet = alerts.iter().filter(|(_, verdict, mention)| mention.resolved && *verdict != Verdict::Passed);
        let quiet: Vec<_> = quiet.map(|(fingerprint, ..)| *fingerprint).collect();
        if self.lines.get_mut(id).is_some_and(|line| line.close(&quiet)) {
            self.record_told(id);
        }
    }

    pub(super) fn record_told(&mut self, id: &LineId) {
        if let Some(Line { told: Some(told), next_seq, .. }) = self.lines.get(id) {
            let (line, told, next_seq) = (id.clone(), told.clone(), *next_seq);
            self.records.push_back(Record::Told { line, told, next_seq });
        }
    }

    /// Puts a message on its way, first tried at `next_attempt`.
    pub(super) fn insert_intent(&mut self, intent: Intent, next_attempt: i64) {
        for mention in &intent.alerts {
            if let Some(stored) = self.alerts.get_mut(&mention.fingerprint) {
                stored.mentions += 1;
            }
        }
        self.attempts.insert((next_attempt, intent.line.clone()));
        let line = self.lines.entry(intent.line.clone()).or_default();
        line.next_seq = intent.seq + 1;
        line.pending = Some(Pending { intent, attempts: 0, begun: next_attempt, next_attempt, in_flight: false });
    }
}
