//! What instances that act as one know of each other.

use std::collections::BTreeSet;

use crate::config::Integration;
use crate::fingerprint::Fingerprint;
use crate::record::{Ending, LineId, Told};

use super::line::Wishes;
use super::{Machine, Now, Shared};

/// Changes kept for a caller that does not ask.
const MAX_SHARED: usize = 65_536;

impl Machine {
    pub(super) fn share(&mut self, change: Shared) {
        if self.shared.len() == MAX_SHARED {
            self.shared.pop_front();
        }
        self.shared.push_back(change);
    }

    /// Other instances shall hear what a line was told.
    pub(super) fn share_told(&mut self, id: &LineId) {
        if let Some(told) = self.lines.get(id).and_then(|line| line.told.clone()) {
            let change = self.aged(id, told);
            self.share(change);
        }
    }

    fn aged(&self, id: &LineId, told: Told) -> Shared {
        let at = self.latest.saturating_sub(told.at).max(0);
        Shared::Told { line: id.clone(), told: Told { at, ..told } }
    }

    /// The next change that other instances shall hear of. Those nobody asks for are forgotten, the oldest first.
    pub fn poll_shared(&mut self) -> Option<Shared> {
        self.shared.pop_front()
    }

    /// Everything other instances may want to know.
    pub fn all_shared(&self) -> Vec<Shared> {
        let silences = self.silences.iter().cloned().map(Shared::Silence);
        let lines = self.lines.iter().filter_map(|(id, line)| Some((id, line.told.clone()?)));
        silences.chain(lines.map(|(id, told)| self.aged(id, told))).collect()
    }

    /// Another instance changed something.
    pub(super) fn elsewhere(&mut self, now: Now, change: Shared) {
        match change {
            Shared::Silence(silence) => self.import_silence(now, silence),
            Shared::Told { line, told } => self.told_elsewhere(now, line, told),
        }
    }

    fn told_elsewhere(&mut self, now: Now, id: LineId, told: Told) {
        let steady = self.steady(now);
        let at = steady.saturating_sub(told.at.max(0));
        let line = self.lines.entry(id.clone()).or_default();
        if line.told.as_ref().is_some_and(|own| own.at >= at) {
            return;
        }
        line.told = Some(Told { at, ..told });
        self.record_told(&id);
        self.give_up_what_was_told(now, &id);
        self.settle_id(&id.group);
    }

    /// A message that waits says nothing new any more.
    fn give_up_what_was_told(&mut self, now: Now, id: &LineId) {
        let Some(wishes) = self.wishes_of(id) else { return };
        let steady = self.steady(now);
        let Some(line) = self.lines.get(id) else { return };
        let Some(pending) = line.pending.as_ref().filter(|pending| !pending.in_flight) else { return };
        let set = |resolved| {
            let mentions = pending.intent.alerts.iter().filter(move |m| m.resolved == resolved);
            mentions.map(|m| m.fingerprint).collect::<BTreeSet<Fingerprint>>()
        };
        if line.reason(&set(false), &set(true), wishes, steady).is_none() {
            let seq = pending.intent.seq;
            self.finish(now, id, seq, Ending::Superseded);
        }
    }

    fn wishes_of(&self, id: &LineId) -> Option<Wishes> {
        let (_, route) = self.tree.by_id(&id.group.route)?;
        let is_this = |i: &&Integration| *i.kind() == *id.kind && i.index == id.index as usize;
        let integration = self.config.receiver(&id.receiver)?.integrations.iter().find(is_this)?;
        let repeat_interval_ms = route.repeat_interval_ms;
        Some(Wishes { send_resolved: integration.send_resolved(), repeat_interval_ms })
    }
}
