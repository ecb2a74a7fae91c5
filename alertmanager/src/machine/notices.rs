//! Notices that a silence is about to end, as alerts of our own.
//!
//! An end is announced when it is near and the silence silences something, once: as long as the notice fires nothing
//! is announced again. So the alerts are all there is to remember, and they are in the log.

use std::collections::BTreeMap;

use nightjar_model::{Labels, TimestampMs};

use crate::alert::Alert;
use crate::config::ExpiryNotice;
use crate::fingerprint::Fingerprint;
use crate::record::Steady;
use crate::silence::{Silence, Silences, notice};

use super::{Machine, Now};

/// Silences whose end is near and was not announced, because they silence nothing.
#[derive(Debug)]
pub(super) struct Nearing {
    silences: Silences,
    /// When another end will be near, or one of these will have come, by both clocks.
    next: (TimestampMs, Steady),
}

impl Default for Nearing {
    /// Looks at once.
    fn default() -> Nearing {
        Nearing { silences: Silences::default(), next: (TimestampMs::MIN, Steady::MIN) }
    }
}

impl Nearing {
    /// When to look again.
    pub(super) fn next(&self) -> Steady {
        self.next.1
    }

    /// Whether to look again; the wall clock may have been set.
    pub(super) fn is_due(&self, now: Now, steady: Steady) -> bool {
        self.next.0 <= now.wall_ms || self.next.1 <= steady
    }

    fn look_at(&mut self, at: TimestampMs, now: Now, steady: Steady) {
        let left = at.saturating_sub(now.wall_ms);
        self.next = (self.next.0.min(at), self.next.1.min(steady.saturating_add(left)));
    }
}

impl Machine {
    /// Looks for silences whose end is near, and announces it.
    pub(super) fn look_for_ends(&mut self, now: Now) {
        self.nearing = Nearing { silences: Silences::default(), next: (TimestampMs::MAX, Steady::MAX) };
        let (config, steady) = (self.config.clone(), self.steady(now));
        let Some(settings) = &config.silence_expiry_notice else { return };
        let mut near = Silences::default();
        for silence in self.silences.iter().filter(|silence| now.wall_ms < silence.ends_at) {
            self.nearing.look_at(notice::next_change(silence, settings, now.wall_ms), now, steady);
            if notice::is_near(silence, settings, now.wall_ms) && !self.is_announced(silence, settings) {
                near.put(silence.clone());
            }
        }
        self.announce(now, settings, near);
    }

    /// A silence has changed, and its notice with it.
    pub(super) fn end_has_moved(&mut self, now: Now, old: Option<Silence>, silence: &Silence) {
        let (config, steady) = (self.config.clone(), self.steady(now));
        let Some(settings) = &config.silence_expiry_notice else { return };
        self.nearing.silences.remove(&silence.id);
        let near = notice::is_near(silence, settings, now.wall_ms);
        if let Some(old) = old.map(|old| notice::labels(&old, settings))
            && let Some(stored) = self.alerts.get(&Fingerprint::of(&old)).filter(|stored| stored.firing)
            && !(near && old == notice::labels(silence, settings))
        {
            let ended = Alert { ends_at: now.wall_ms, updated_at: now.wall_ms, ..Alert::clone(&stored.alert) };
            self.take(now, ended);
        }
        if now.wall_ms < silence.ends_at {
            self.nearing.look_at(notice::next_change(silence, settings, now.wall_ms), now, steady);
        }
        if near && !self.is_announced(silence, settings) {
            let mut one = Silences::default();
            one.put(silence.clone());
            self.announce(now, settings, one);
        }
    }

    /// An alert has begun to fire: a silence that was of no account may be of account now.
    pub(super) fn announce_ends_for(&mut self, now: Now, labels: &Labels) {
        if self.nearing.silences.is_empty() || notice::announced(labels).is_some() {
            return;
        }
        let config = self.config.clone();
        let Some(settings) = &config.silence_expiry_notice else { return };
        for id in self.nearing.silences.silencing(labels, now.wall_ms, &config.time_intervals) {
            if let Some(silence) = self.nearing.silences.get(&id).cloned() {
                self.nearing.silences.remove(&id);
                self.take(now, notice::alert(&silence, settings, now.wall_ms, &[labels.value("alertname")]));
            }
        }
    }

    /// Announces the end of those that silence something, and remembers the others.
    fn announce(&mut self, now: Now, settings: &ExpiryNotice, mut near: Silences) {
        for (id, names) in self.silenced(now, &near) {
            let Some(silence) = near.get(&id).cloned() else { continue };
            near.remove(&id);
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            self.take(now, notice::alert(&silence, settings, now.wall_ms, &names));
        }
        near.iter().for_each(|silence| self.nearing.silences.put(silence.clone()));
    }

    /// Whether the notice fires, and says when the silence ends.
    fn is_announced(&self, silence: &Silence, settings: &ExpiryNotice) -> bool {
        let notice = self.alerts.get(&Fingerprint::of(&notice::labels(silence, settings)));
        notice.is_some_and(|stored| stored.firing && stored.alert.ends_at == silence.ends_at)
    }

    /// The names of the alerts that each of these silences silences, by its id. Those that silence nothing are left out,
    /// unless they recur: next time they would. Notices do not count.
    fn silenced(&self, now: Now, silences: &Silences) -> BTreeMap<String, Vec<String>> {
        let recurring = silences.iter().filter(|silence| silence.schedule.is_some());
        let mut names: BTreeMap<String, Vec<String>> =
            recurring.map(|silence| (silence.id.clone(), Vec::new())).collect();
        if silences.is_empty() {
            return names;
        }
        for stored in self.alerts.values().filter(|stored| stored.firing) {
            let labels = &stored.alert.labels;
            if notice::announced(labels).is_none() {
                for id in silences.silencing(labels, now.wall_ms, &self.config.time_intervals) {
                    names.entry(id).or_default().push(labels.value("alertname").to_owned());
                }
            }
        }
        names
    }
}
