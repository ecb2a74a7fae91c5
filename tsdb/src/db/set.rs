//! Selected series and their samples.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;
use nightjar_model::labels::SpellingPairs;
use nightjar_model::storage::{Aggregate, Buckets, SeriesData, SeriesSet, StorageError};
use nightjar_model::{ClosedRange, Labels};
use nightjar_platform::Disk;
use parking_lot::Mutex;

use super::buckets::{Chosen, agree, samples_of};
use super::columns::{Shared, Waiting, waiting_bytes};
use super::directory::Pick;
use super::frames::FrameReader;
use super::inner::Inner;
use super::merge::Merger;
use super::tracks::{Wanted, read_many};
use super::view::View;
use crate::block::{Block, BlockError, BucketColumn, Joint};

/// A series and where its samples are.
#[derive(Clone, Debug)]
pub(crate) struct Selected {
    /// Its spelling within the set's text.
    pub(crate) spelling: Range<usize>,
    /// Its timeline in the head and its number there.
    pub(crate) member: Option<(u32, u32)>,
    /// Its places in blocks, within the set's places.
    pub(crate) places: Range<usize>,
}

/// A series in a block: index into the set's blocks, and id there.
pub(crate) type Place = (usize, u32);

/// Selected series, sorted by labels.
pub(crate) struct Set<D: Disk> {
    pub(crate) inner: Arc<Inner<D>>,
    pub(crate) view: View<D>,
    /// The spellings.
    pub(crate) text: Vec<u8>,
    pub(crate) series: Vec<Selected>,
    /// Blocks that overlap the range, in the order in which they count; then those of buckets that are read.
    pub(crate) blocks: Vec<Arc<Block<D>>>,
    /// The last of the blocks: those of buckets.
    pub(crate) chosen: Vec<Chosen<D>>,
    /// What is read of buckets; `None` = there are none.
    pub(crate) aggregate: Option<Aggregate>,
    /// What is told of buckets.
    pub(crate) buckets: Buckets,
    pub(crate) places: Vec<Place>,
    /// Sections of each timeline.
    pub(crate) picks: HashMap<u32, Vec<Pick>>,
    pub(crate) ahead: Mutex<Ahead>,
    pub(crate) merger: Mutex<Merger>,
    /// Damage met while selecting.
    pub(crate) damage: Vec<String>,
}

/// Samples that were read before they were asked for.
#[derive(Default)]
pub(crate) struct Ahead {
    range: Option<ClosedRange>,
    /// Timeline and samples by index; taken out when asked for.
    ready: BTreeMap<usize, (u32, Waiting)>,
    /// By timeline.
    shared: HashMap<u32, Arc<Mutex<Shared>>>,
    /// Sections of the log that could not be read.
    lost: u64,
    /// Series of blocks that miss something.
    missing: u64,
}

impl Ahead {
    /// Takes out what was read of a series.
    fn take(&mut self, index: usize) -> Option<(Arc<Mutex<Shared>>, Waiting)> {
        let (timeline, waiting) = self.ready.remove(&index)?;
        Some((Arc::clone(self.shared.entry(timeline).or_default()), waiting))
    }
}

/// What blocks have of some series.
struct FromBlocks {
    /// A list of parts for each series, in the order in which they count.
    parts: Vec<Vec<SeriesData>>,
    /// Where buckets are read: for each of these parts how its buckets go on, `None` for samples.
    joints: Vec<Vec<Option<Joint>>>,
    /// Series that miss something.
    missing: u64,
}

impl<D: Disk> Set<D> {
    /// Reads series from `indices.start` on: all that are asked for, and as many of those behind them as memory allows,
    /// because neighbours by label are members of many timelines and reading one member costs nearly as much as all.
    fn read_ahead(&self, ahead: &mut Ahead, indices: Range<usize>, range: ClosedRange) {
        let budget = self.inner.options.read_ahead_bytes;
        let samples = |timeline| self.picks.get(&timeline).map_or(0, Vec::len);
        let plain = |s: &Selected| s.member.map_or(0, |(timeline, _)| waiting_bytes(samples(timeline), false));
        let bytes = self.series[indices.start..].iter().map(plain).sum::<usize>();
        let pack = bytes > budget;
        // What would push everything else out is not kept.
        let epochs = (bytes < self.inner.options.frame_cache_bytes / 3).then_some(&self.inner.epochs);
        let mut budget = budget;
        let mut by_timeline: BTreeMap<u32, Vec<(u32, usize)>> = BTreeMap::new();
        for index in indices.start..self.series.len() {
            let Some((timeline, member)) = self.series[index].member else { continue };
            if ahead.ready.contains_key(&index) {
                continue;
            }
            let cost = waiting_bytes(samples(timeline), pack);
            if index >= indices.end && cost > budget {
                break;
            }
            budget = budget.saturating_sub(cost);
            by_timeline.entry(timeline).or_default().push((member, index));
        }
        let mut reader = FrameReader::new(&self.view, &self.inner.counters.damaged);
        let (mut wanted, mut indices) = (Vec::new(), Vec::new());
        for (timeline, mut members) in by_timeline {
            let Some(picks) = self.picks.get(&timeline) else { continue };
            members.sort_unstable();
            wanted.push(Wanted { timeline, picks, members: members.iter().map(|(member, _)| *member).collect() });
            indices.extend(members.iter().map(|(_, index)| (*index, timeline)));
        }
        let waiting = read_many(&mut reader, &wanted, range, pack, epochs).into_iter().flatten();
        let ready = indices.into_iter().zip(waiting).map(|((index, timeline), waiting)| (index, (timeline, waiting)));
        ahead.ready.extend(ready);
        ahead.lost += reader.lost;
    }

    /// Reads what blocks have of the series in `indices`.
    fn read_blocks(&self, indices: Range<usize>, range: ClosedRange) -> Result<FromBlocks, StorageError> {
        let mut parts: Vec<Vec<SeriesData>> = vec![Vec::new(); indices.len()];
        let mut joints = vec![Vec::new(); if self.aggregate.is_some() { indices.len() } else { 0 }];
        let indices_start = indices.start;
        let mut wanted: Vec<(Vec<u32>, Vec<usize>)> = vec![Default::default(); self.blocks.len()];
        for (i, index) in indices.enumerate() {
            for (block, id) in &self.places[self.series[index].places.clone()] {
                wanted[*block].0.push(*id);
                wanted[*block].1.push(i);
            }
        }
        let mut missing = 0;
        let mut data = Vec::new();
        let samples = self.blocks.len() - self.chosen.len();
        let blocks = self.blocks[..samples].iter().zip(&wanted);
        for (block, (ids, at)) in blocks.filter(|(_, (ids, _))| !ids.is_empty()) {
            data.clear();
            let read = block.read_intact(ids, range, &mut data).map_err(|e| StorageError::Io(e.to_string()))?;
            missing += read as u64;
            if self.aggregate.is_some() {
                at.iter().for_each(|i| joints[*i].push(None));
            }
            let (deletions, salt) = (&self.view.parts.deletions, block.summary().salt);
            if deletions.touches(salt) {
                data.iter_mut().zip(ids).for_each(|(data, id)| deletions.apply(salt, *id, data));
            }
            data.drain(..).zip(at).for_each(|(data, i)| parts[*i].push(data));
        }
        let mut all = FromBlocks { parts, joints, missing };
        for (chosen, (ids, at)) in self.chosen.iter().zip(&wanted[samples..]).filter(|(_, (ids, _))| !ids.is_empty()) {
            self.read_buckets(chosen, ids, at, (indices_start, range), &mut all)?;
        }
        Ok(all)
    }

    /// Reads buckets of the series at `at` behind `first`. Of a series whose buckets are damaged samples are read, if there
    /// are any.
    fn read_buckets(
        &self,
        chosen: &Chosen<D>,
        ids: &[u32],
        at: &[usize],
        (first, range): (usize, ClosedRange),
        out: &mut FromBlocks,
    ) -> Result<(), StorageError> {
        let Some(aggregate) = self.aggregate else { return Ok(()) };
        let io = |e: BlockError| StorageError::Io(e.to_string());
        let (deletions, salt) = (&self.view.parts.deletions, chosen.block.summary().salt);
        let mut columns = Vec::with_capacity(ids.len());
        chosen.block.read_buckets(ids, aggregate, range, &mut columns).map_err(io)?;
        for ((column, id), i) in columns.into_iter().zip(ids).zip(at) {
            let Some(BucketColumn { floats, joint }) = column else {
                let labels = SeriesSet::labels(self, first + i);
                out.missing += u64::from(chosen.replaces.is_empty());
                for data in samples_of(&self.view.parts, chosen, &labels, range, &mut out.missing).map_err(io)? {
                    out.joints[*i].push(None);
                    out.parts[*i].push(data);
                }
                continue;
            };
            let mut data = SeriesData { floats, ..SeriesData::default() };
            deletions.apply(salt, *id, &mut data);
            out.joints[*i].push(Some(joint));
            out.parts[*i].push(data);
        }
        Ok(())
    }
}

impl<D: Disk> SeriesSet for Set<D> {
    fn len(&self) -> usize {
        self.series.len()
    }

    fn labels(&self, index: usize) -> Labels {
        Labels::from_spelling(&self.text[self.series[index].spelling.clone()]).unwrap_or_default()
    }

    fn has_label(&self, names: &[&str]) -> bool {
        // The names stand in no text where they are not; elsewhere they may be values.
        let somewhere = |name: &&str| memchr::memmem::find(&self.text, name.as_bytes()).is_some();
        if !names.iter().any(somewhere) {
            return false;
        }
        let pairs = |spelling: Range<usize>| SpellingPairs::new(&self.text[spelling]).map_while(Result::ok);
        self.series.iter().any(|one| pairs(one.spelling.clone()).any(|(name, _)| names.contains(&name)))
    }

    fn read(&self, indices: Range<usize>, range: ClosedRange, out: &mut Vec<SeriesData>) -> Result<(), StorageError> {
        let FromBlocks { parts, joints, missing } = self.read_blocks(indices.clone(), range)?;
        let mut ahead = self.ahead.lock();
        ahead.missing += missing;
        if ahead.range != Some(range) {
            ahead.range = Some(range);
            ahead.ready.clear();
            ahead.shared.clear();
        }
        let unread = |i: &usize| self.series[*i].member.is_some() && !ahead.ready.contains_key(i);
        if let Some(first) = indices.clone().find(unread) {
            self.read_ahead(&mut ahead, first..indices.end, range);
        }
        let taken: Vec<_> = indices.map(|index| ahead.take(index)).collect();
        drop(ahead);
        for (i, (taken, mut parts)) in taken.into_iter().zip(parts).enumerate() {
            if let Some((shared, waiting)) = taken {
                parts.push(waiting.finish(&mut shared.lock()).into_data());
            }
            if let Some(aggregate) = self.aggregate {
                agree(&mut parts, &joints[i], aggregate);
            }
            out.push(self.merger.lock().merge(parts));
        }
        Ok(())
    }

    fn buckets(&self) -> Buckets {
        self.buckets.clone()
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = self.view.parts.unreadable.clone();
        warnings.extend(self.damage.iter().cloned());
        let ahead = self.ahead.lock();
        if ahead.lost > 0 {
            let n = ahead.lost;
            warnings.push(format!("{n} damaged sections of the write-ahead log were left out: samples are missing"));
        }
        if ahead.missing > 0 {
            warnings.extend(self.blocks.iter().flat_map(|b| b.damage()).filter(|d| !d.harmless).map(|d| d.to_string()));
        }
        warnings
    }
}
