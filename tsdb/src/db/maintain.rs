//! One step of housekeeping at a time.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nightjar_model::TimestampMs;
use nightjar_platform::{Disk, DiskFile};

use super::inner::Inner;
use super::keeping::{Housekeeping, remove};
use super::plan;
use super::view::Parts;
use super::{quarantine, snapshot};
use crate::block::Block;
use crate::manifest::Change;
use crate::wal::segment;

/// What a step of housekeeping did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maintained {
    /// There was nothing to do.
    Nothing,
    /// Samples older than this were moved from frames to blocks.
    Sealed {
        /// The first time that was not moved.
        until: TimestampMs,
    },
    /// Blocks older than the retention were removed.
    Expired {
        /// How many.
        blocks: usize,
    },
    /// What rules of retention do not keep any more was deleted.
    Ruled,
}

impl<D: Disk> Inner<D> {
    /// Does one step. Failing is harmless: everything is as before and can be tried again.
    pub(crate) fn maintain(&self, now: TimestampMs) -> io::Result<Maintained> {
        let mut keeping = self.housekeeping.lock();
        self.tidy(&mut keeping)?;
        keeping.collect_garbage(&self.disk)?;
        if let Some(until) = self.seal_due() {
            return self.seal_step(&mut keeping, until);
        }
        // A clock that jumps ahead removes nothing: what is new is as old as the newest sample says.
        let now = now.min(self.writer.read().head.max_t);
        if self.bury_expired(&mut keeping, now)? {
            return Ok(Maintained::Ruled);
        }
        self.lift_spent(&mut keeping)?;
        self.expire(&mut keeping, now)
    }

    /// The end of the range to seal, if one is due. One seal waits for the queries that began before the last one.
    fn seal_due(&self) -> Option<TimestampMs> {
        let max_t = self.writer.read().head.max_t;
        let seal = self.view.read().parts.seal;
        let directory = self.directory.read();
        let due = plan::seal_until(&directory, &seal, max_t, &self.options);
        let limit = self.options.max_log_bytes;
        let early = limit > 0 && self.log_bytes() > limit || self.relief.swap(false, Ordering::Relaxed);
        due.or_else(|| if early { plan::seal_early(&directory, &seal, max_t) } else { None })
    }

    /// Bytes of the log's segments.
    fn log_bytes(&self) -> u64 {
        let parts = Arc::clone(&self.view.read().parts);
        parts.segments.values().map(|s| s.file.len().unwrap_or(0)).sum()
    }

    fn seal_step(&self, keeping: &mut Housekeeping<D>, until: TimestampMs) -> io::Result<Maintained> {
        let token = Arc::downgrade(&self.view.read().parts.token);
        let snapshot = keeping.manifest.state().scalars.snapshot;
        keeping.released = false;
        self.seal(keeping, until)?;
        keeping.released = true;
        self.counters.seals.fetch_add(1, Ordering::Relaxed);
        keeping.retired.push(token);
        keeping.old_snapshots.push(snapshot);
        keeping.untidy = true;
        self.tidy(keeping)?;
        Ok(Maintained::Sealed { until })
    }

    /// Removes what only queries needed that are over.
    fn tidy(&self, keeping: &mut Housekeeping<D>) -> io::Result<()> {
        keeping.retired.retain(|token| token.strong_count() > 0);
        if !keeping.untidy || !keeping.retired.is_empty() {
            return Ok(());
        }
        for number in std::mem::take(&mut keeping.old_snapshots).into_iter().filter(|n| *n > 0) {
            for copy in snapshot::COPIES {
                remove(&self.disk, &snapshot::path(number, copy))?;
            }
        }
        let seal = self.view.read().parts.seal;
        {
            let mut writer = self.writer.write();
            let head = &writer.head;
            let open = |number| head.timelines.get(number).is_some_and(|t| t.may_go_on(head.seal_generation));
            self.directory.write().prune(&seal, open);
            if std::mem::take(&mut keeping.released) {
                writer.head.compact();
            }
        }
        self.remove_segments(keeping.manifest.state().scalars.first_segment)?;
        keeping.untidy = false;
        Ok(())
    }

    fn remove_segments(&self, first: u32) -> io::Result<()> {
        let old: Vec<u32> = self.view.read().parts.segments.range(..first).map(|(number, _)| *number).collect();
        if old.is_empty() {
            return Ok(());
        }
        // What could not be read may still be in there.
        let doubt = self.counters.damaged.load(Ordering::Relaxed) > 0;
        for number in &old {
            let path = segment::path(*number);
            if doubt {
                quarantine::put(&self.disk, &path, self.options.quarantine_bytes)?
            } else {
                remove(&self.disk, &path)?
            }
            remove(&self.disk, &segment::parity_path(*number))?;
        }
        self.disk.sync_dir(Path::new(segment::DIR))?;
        let mut view = self.view.write();
        let mut parts = view.parts.copy();
        parts.segments.retain(|number, _| *number >= first);
        view.parts = Arc::new(parts);
        Ok(())
    }

    fn expire(&self, keeping: &mut Housekeeping<D>, now: TimestampMs) -> io::Result<Maintained> {
        let parts = Arc::clone(&self.view.read().parts);
        let aging = |number: &u64, block: &Arc<Block<D>>, made_of| plan::Aging {
            number: *number,
            range: block.range(),
            bytes: block.summary().file_len,
            made_of,
        };
        let samples = parts.blocks.iter().map(|(n, block)| aging(n, block, self.awaited(&parts, *n, block)));
        let buckets = parts.tiers.iter().filter_map(|(number, block)| {
            let width_ms = block.tier()?.width_ms;
            Some(aging(number, block, plan::MadeOf::Buckets(width_ms)))
        });
        let remove_now = plan::expired(samples.chain(buckets), now, &self.options);
        if remove_now.is_empty() {
            return Ok(Maintained::Nothing);
        }
        drop(parts);
        let scalars = keeping.scalars();
        keeping.record(Change { remove: remove_now.clone(), scalars, ..Change::default() })?;
        let mut gone = Vec::new();
        {
            let mut view = self.view.write();
            let mut parts = view.parts.copy();
            for number in &remove_now {
                if let Some(block) = parts.blocks.remove(number).or_else(|| parts.tiers.remove(number)) {
                    keeping.garbage.push((*number, Arc::downgrade(&block)));
                    gone.extend(block.summary().times);
                }
            }
            Arc::make_mut(&mut parts.deletions).retain(&[], parts.blocks.values().chain(parts.tiers.values()));
            view.parts = Arc::new(parts);
            self.changes.lock().note(gone.into_iter());
        }
        keeping.collect_garbage(&self.disk)?;
        Ok(Maintained::Expired { blocks: remove_now.len() })
    }

    /// Whether a tier is still to be made of a block of samples, as retention sees it.
    fn awaited(&self, parts: &Parts<D>, number: u64, block: &Block<D>) -> plan::MadeOf {
        let made = |width_ms: i64| {
            let mut tiers = parts.tiers.values().filter_map(|b| b.tier());
            tiers.any(|t| t.width_ms == width_ms && t.sources.contains(&number))
        };
        // Of what cannot be read no tier is ever made.
        let readable = block.damage().iter().all(|d| d.harmless);
        match readable && self.options.tiers.iter().any(|t| !made(t.width_ms)) {
            true => plan::MadeOf::Awaited,
            false => plan::MadeOf::Samples,
        }
    }
}
