//! Which series live at certain times, told by presence and by what is stored apart: hardly a value is decoded.

use std::ops::Range;

use hashbrown::HashMap;
use nightjar_model::{ClosedRange, TimestampMs};
use nightjar_platform::Disk;

use super::column_entry::OpenEntry;
use super::entries::Entries;
use super::error::BlockError;
use super::reader::Block;
use super::section::Kind;

/// The times at which series are looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moments<'a> {
    /// Ascending, at most 64.
    pub(crate) times: &'a [TimestampMs],
    /// How far samples count; the edge does not.
    pub(crate) lookback_ms: i64,
}

impl Moments<'_> {
    /// The times of samples that are seen.
    fn seen(&self) -> ClosedRange {
        let first = self.times.first().map_or(0, |t| t - self.lookback_ms + 1);
        ClosedRange { start: first, end: self.times.last().map_or(-1, |t| *t) }
    }

    /// The positions among `timestamps` that each time sees.
    fn windows(&self, timestamps: &[TimestampMs]) -> Vec<Range<usize>> {
        let window = |t: &TimestampMs| {
            let end = timestamps.partition_point(|at| at <= t);
            timestamps[..end].partition_point(|at| *at <= t - self.lookback_ms)..end
        };
        self.times.iter().map(window).collect()
    }
}

/// A timeline segment as the times see it.
struct Seen {
    timestamps: usize,
    windows: Vec<Range<usize>>,
}

/// A series while its segments are walked, newest first.
#[derive(Clone, Copy)]
struct Life {
    /// A bit for each time at which no sample was met yet,
    open: u64,
    /// and for each at which the newest sample is no stale marker.
    alive: u64,
}

impl Life {
    fn meet(&mut self, entry: &OpenEntry<'_>, seen: &Seen) -> Result<(), crate::bytes::Corrupt> {
        for (i, window) in seen.windows.iter().enumerate() {
            let bit = 1 << i;
            if self.open & bit == 0 || window.is_empty() {
                continue;
            }
            if let Some(stale) = entry.newest_is_stale(seen.timestamps, window.clone())? {
                self.open &= !bit;
                self.alive |= if stale { 0 } else { bit };
            }
        }
        Ok(())
    }
}

impl<D: Disk> Block<D> {
    /// For each of `ids` (ascending) a bit for each of the times at which it lives: at which the newest sample that counts
    /// is no stale marker. `None` when samples must be read to know that.
    pub(crate) fn alive(&self, ids: &[u32], moments: Moments<'_>) -> Result<Option<Vec<u64>>, BlockError> {
        if !self.directory.section(Kind::Histograms).pages.is_empty() || moments.times.len() > 64 {
            return Ok(None);
        }
        let open = u64::MAX.checked_shr(64 - moments.times.len() as u32).unwrap_or(0);
        let mut lives = vec![Life { open, alive: 0 }; ids.len()];
        let (kind, range) = (Kind::Columns, moments.seen());
        let mut timelines: HashMap<u32, Seen> = HashMap::new();
        let runs: Vec<Range<usize>> = self.directory.section(kind).runs().collect();
        for number in runs.into_iter().rev().flatten() {
            let place = self.page_ref(kind, number);
            let from = ids.partition_point(|id| *id < place.first);
            if from == ids.len() || place.max < range.start || range.end < place.min {
                continue;
            }
            let entries = self.page::<Entries>(kind, number)?;
            let corrupt = |e| self.corrupt(kind, number, e);
            let mut wanted = ids[from..].iter().zip(&mut lives[from..]).peekable();
            for (at, key) in entries.keys().iter().enumerate() {
                while wanted.next_if(|(id, _)| *id < key).is_some() {}
                let Some((_, life)) = wanted.next_if(|(id, life)| *id == key && life.open != 0) else { continue };
                let entry = OpenEntry::open(entries.get(at)).map_err(corrupt)?;
                let Some(timeline) = entry.timeline else { continue };
                let timeline = self.timeline_number(timeline, number)?;
                let seen = match timelines.entry(timeline) {
                    hashbrown::hash_map::Entry::Occupied(known) => known.into_mut(),
                    hashbrown::hash_map::Entry::Vacant(new) => {
                        let times = self.timeline(timeline)?;
                        new.insert(Seen { timestamps: times.len(), windows: moments.windows(&times) })
                    }
                };
                life.meet(&entry, seen).map_err(corrupt)?;
            }
        }
        Ok(Some(lives.into_iter().map(|life| life.alive).collect()))
    }
}
