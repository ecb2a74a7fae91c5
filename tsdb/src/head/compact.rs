//! Forgets series that have no samples in frames.

use super::index::Index;
use super::state::Head;
use super::table::{NOBODY, Slot, Table};

/// Nothing is done for fewer than one dead series in so many.
const WORTH: usize = 8;

impl Head {
    /// Numbers the series anew without those that are not defined in the log, when there are enough of them.
    pub(crate) fn compact(&mut self) {
        let dead = self.table.slots.iter().filter(|s| s.flags & Slot::DEFINED == 0).count();
        if dead == 0 || dead * WORTH < self.table.len() {
            return;
        }
        let mut table = Table::new(self.table.seed());
        let mut index = Index::default();
        let mut scales = Vec::with_capacity(self.table.len() - dead);
        let mut places = vec![NOBODY; self.table.len()];
        for (old, slot) in self.table.slots.iter().enumerate().filter(|(_, s)| s.flags & Slot::DEFINED != 0) {
            let spelling = self.table.spelling(old as u32);
            let Some(new) = table.add(spelling, slot.timeline, slot.index) else { return };
            index.add(new, spelling);
            scales.push(self.scales[old]);
            places[old] = new;
        }
        for (old, slot) in self.table.slots.iter().enumerate() {
            if let Some(new) = table.slots.get_mut(places[old] as usize) {
                let (last_t, last, epoch, flags) = (slot.last_t, slot.last, slot.epoch, slot.flags);
                (new.last_t, new.last, new.epoch, new.flags) = (last_t, last, epoch, flags);
            }
        }
        for (old, slot) in self.table.slots.iter().enumerate() {
            if let (Some(new), Some(next)) = (places.get(old), places.get(slot.successor() as usize))
                && *next != NOBODY
            {
                table.learn(*new, *next);
            }
        }
        self.churn.removed += dead as u64;
        self.timelines.renumber(&places);
        self.side.renumber(&places);
        (self.table, self.index, self.scales) = (table, index, scales);
    }
}
