//! Deletes series, or parts of them.

use std::io;
use std::sync::Arc;

use nightjar_model::{ClosedRange, Matcher, TimestampMs};
use nightjar_platform::Disk;

use super::deletions::HeadCut;
use super::inner::Inner;
use super::keeping::Housekeeping;
use super::plan;
use crate::head::state::Head;
use crate::head::table::UNKNOWN;
use crate::manifest::Change;
use crate::tombstone::{MAX_BYTES, Tombstone};

/// The most deletes in force: each costs every query a little.
const MAX_TOMBSTONES: usize = 4096;

impl<D: Disk> Inner<D> {
    /// Deletes what is stored now of series that satisfy `matchers`, at times in `times`. It is gone for queries that
    /// begin afterwards, and for good, when this returns.
    pub(crate) fn delete(&self, matchers: Vec<Matcher>, times: ClosedRange) -> io::Result<()> {
        if times.start > times.end {
            return Ok(());
        }
        self.bury(&mut self.housekeeping.lock(), matchers, times)
    }

    /// Deletes what the rules of retention do not keep any more; whether there was anything.
    pub(crate) fn bury_expired(&self, keeping: &mut Housekeeping<D>, now: TimestampMs) -> io::Result<bool> {
        if self.options.retention_rules.is_empty() {
            return Ok(false);
        }
        let due = plan::overdue(&self.options, &keeping.ruled, self.oldest(), now);
        let any = !due.is_empty();
        keeping.ruled.resize(self.options.retention_rules.len(), TimestampMs::MIN);
        for (rule, times) in due {
            let matchers = &self.options.retention_rules[rule].matchers;
            tracing::info!(matchers = told(matchers), until = times.end, "samples have reached their retention");
            self.bury(keeping, matchers.clone(), times)?;
            keeping.ruled[rule] = times.end;
        }
        Ok(any)
    }

    /// Time of the oldest sample.
    fn oldest(&self) -> Option<TimestampMs> {
        let parts = Arc::clone(&self.view.read().parts);
        let files = parts.blocks.values().chain(parts.tiers.values());
        let blocks = files.filter_map(|b| b.summary().times).map(|t| t.start).min();
        let frames = self.directory.read().iter().flat_map(|(_, e)| e.iter().map(|e| e.t_min())).min();
        blocks.into_iter().chain(frames).min()
    }

    fn bury(&self, keeping: &mut Housekeeping<D>, matchers: Vec<Matcher>, times: ClosedRange) -> io::Result<()> {
        // Everything acknowledged lies before the horizon.
        let (horizon, deletions) = {
            let view = self.view.read();
            (view.horizon, Arc::clone(&view.parts.deletions))
        };
        let tombstone = Tombstone { matchers, times, before: horizon.number(), files: keeping.next_file };
        let lift: Vec<u64> =
            deletions.tombstones().iter().filter(|(_, t)| tombstone.covers(t)).map(|(number, _)| *number).collect();
        check(&tombstone, deletions.tombstones().len() - lift.len())?;
        let number = deletions.next_number();
        let scalars = keeping.scalars();
        let bury = vec![(number, tombstone.clone())];
        keeping.record(Change { bury, lift: lift.clone(), scalars, ..Change::default() })?;
        {
            let mut writer = self.writer.write();
            let cut = HeadCut::new(&writer.head, &tombstone);
            writer.head.forget_deleted(&cut, &tombstone);
            let mut view = self.view.write();
            let mut parts = view.parts.copy();
            let deletions = Arc::make_mut(&mut parts.deletions);
            deletions.add(number, tombstone, cut, parts.blocks.iter().chain(&parts.tiers));
            deletions.retain(&lift, parts.blocks.values().chain(parts.tiers.values()));
            view.parts = Arc::new(parts);
            self.changes.lock().note(std::iter::once(times));
        }
        Ok(())
    }

    /// Forgets deletes that have nothing left to delete.
    pub(crate) fn lift_spent(&self, keeping: &mut Housekeeping<D>) -> io::Result<()> {
        let parts = Arc::clone(&self.view.read().parts);
        // A block that cannot be read may come back.
        if parts.deletions.tombstones().is_empty() || !parts.unreadable.is_empty() {
            return Ok(());
        }
        let lift = parts.deletions.spent(&self.directory.read(), &parts.seal);
        if lift.is_empty() {
            return Ok(());
        }
        let scalars = keeping.scalars();
        keeping.record(Change { lift: lift.clone(), scalars, ..Change::default() })?;
        let mut view = self.view.write();
        let mut parts = view.parts.copy();
        Arc::make_mut(&mut parts.deletions).retain(&lift, parts.blocks.values().chain(parts.tiers.values()));
        view.parts = Arc::new(parts);
        Ok(())
    }
}

fn told(matchers: &[Matcher]) -> String {
    let list: Vec<String> = matchers.iter().map(Matcher::to_string).collect();
    format!("{{{}}}", list.join(","))
}

fn check(tombstone: &Tombstone, in_force: usize) -> io::Result<()> {
    let mut bytes = Vec::new();
    tombstone.put(&mut bytes);
    if bytes.len() > MAX_BYTES {
        let message = format!("the matchers of a delete take {} bytes, the most is {MAX_BYTES}", bytes.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    if in_force >= MAX_TOMBSTONES {
        let message = format!(
            "{MAX_TOMBSTONES} deletes wait to be carried out in blocks, which is the most; clean_tombstones does that now"
        );
        return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
    }
    Ok(())
}

impl Head {
    /// Forgets the newest samples of series that lose them, so that the same samples may come again.
    fn forget_deleted(&mut self, cut: &HeadCut, tombstone: &Tombstone) {
        let generation = self.generation;
        let mut timelines: Vec<u32> = cut.timelines().collect();
        timelines.sort_unstable();
        for id in self.index.select(&tombstone.matchers) {
            let slot = &mut self.table.slots[id as usize];
            if tombstone.times.contains(slot.last_t) && slot.last_t != UNKNOWN {
                slot.last_t = UNKNOWN;
            }
            self.side.forget_newest(id);
        }
        for number in timelines {
            if let Some(timeline) = self.timelines.get_mut(number) {
                timeline.bound = timeline.bound.max(timeline.max_t);
                // What is looked up in the log says nothing about the bases of an epoch under way.
                timeline.new_epoch(generation);
            }
        }
    }
}
