//! Deletes as a view sees them: which series of which block, and which members of which timeline.

use std::collections::BTreeMap;
use std::sync::Arc;

use croaring::Bitmap;
use hashbrown::HashMap;
use nightjar_model::storage::SeriesData;
use nightjar_model::{ClosedRange, Exemplar, Labels, TimestampMs};
use nightjar_platform::Disk;

use super::directory::{Directory, Position, Seal};
use crate::block::{Block, BlockError};
use crate::cut::{Cut, cut_data, cut_exemplars};
use crate::head::state::Head;
use crate::tombstone::Tombstone;

/// What a delete takes out of frames.
#[derive(Debug)]
pub(crate) struct HeadCut {
    times: ClosedRange,
    before: Position,
    /// Members by timeline, ascending.
    members: HashMap<u32, Vec<u32>>,
}

/// What a delete takes out of a block.
#[derive(Debug)]
struct BlockCut {
    tombstone: u64,
    cut: Cut,
}

/// All deletes in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deletions {
    tombstones: BTreeMap<u64, Arc<Tombstone>>,
    /// By salt of the block.
    blocks: HashMap<u64, Vec<Arc<BlockCut>>>,
    head: BTreeMap<u64, Arc<HeadCut>>,
}

impl HeadCut {
    /// What `tombstone` takes out of the frames of these series.
    pub(crate) fn new(head: &Head, tombstone: &Tombstone) -> HeadCut {
        let mut members: HashMap<u32, Vec<u32>> = HashMap::new();
        for id in head.index.select(&tombstone.matchers) {
            let slot = &head.table.slots[id as usize];
            members.entry(slot.timeline).or_default().push(slot.index);
        }
        members.values_mut().for_each(|list| list.sort_unstable());
        HeadCut { times: tombstone.times, before: Position::from_number(tombstone.before), members }
    }

    /// The timelines it concerns.
    pub(crate) fn timelines(&self) -> impl Iterator<Item = u32> + '_ {
        self.members.keys().copied()
    }

    /// Whether it takes this sample away.
    fn hides(&self, timeline: u32, member: u32, t: TimestampMs, at: Position) -> bool {
        at < self.before && self.times.contains(t) && self.has(timeline, member)
    }

    fn has(&self, timeline: u32, member: u32) -> bool {
        self.members.get(&timeline).is_some_and(|list| list.binary_search(&member).is_ok())
    }
}

impl Deletions {
    /// Adds a delete, and forgets those in which it has nothing left to say.
    pub(crate) fn add<'a, D: Disk>(
        &mut self,
        number: u64,
        tombstone: Tombstone,
        head: HeadCut,
        blocks: impl Iterator<Item = (&'a u64, &'a Arc<Block<D>>)>,
    ) {
        let tombstone = Arc::new(tombstone);
        for (file, block) in blocks {
            self.cut_block(number, &tombstone, *file, block);
        }
        if !head.members.is_empty() {
            self.head.insert(number, Arc::new(head));
        }
        self.tombstones.insert(number, tombstone);
    }

    /// Notes what all deletes take out of a block that comes.
    pub(crate) fn add_block<D: Disk>(&mut self, file: u64, block: &Block<D>) {
        for (number, tombstone) in self.tombstones.clone() {
            self.cut_block(number, &tombstone, file, block);
        }
    }

    fn cut_block<D: Disk>(&mut self, number: u64, tombstone: &Tombstone, file: u64, block: &Block<D>) {
        if file >= tombstone.files || !tombstone.times.overlaps(block.range()) {
            return;
        }
        let series = match select(block, tombstone) {
            Ok(series) => series,
            Err(error) => {
                tracing::error!(%error, "what was deleted from a block cannot be found out: it may be served");
                return;
            }
        };
        if !series.is_empty() {
            // A bucket of which a part is deleted is not told whole.
            let times = block.tier().map_or(tombstone.times, |tier| tier.widened(tombstone.times));
            let cut = Cut { series, times };
            let cuts = self.blocks.entry(block.summary().salt).or_default();
            cuts.push(Arc::new(BlockCut { tombstone: number, cut }));
        }
    }

    /// Forgets deletes, and blocks that are gone.
    pub(crate) fn retain<'a, D: Disk>(&mut self, lift: &[u64], blocks: impl Iterator<Item = &'a Arc<Block<D>>>) {
        self.tombstones.retain(|number, _| !lift.contains(number));
        self.head.retain(|number, _| !lift.contains(number));
        let alive: hashbrown::HashSet<u64> = blocks.map(|b| b.summary().salt).collect();
        self.blocks.retain(|salt, cuts| {
            cuts.retain(|c| !lift.contains(&c.tombstone));
            alive.contains(salt) && !cuts.is_empty()
        });
    }

    /// All deletes by number.
    pub(crate) fn tombstones(&self) -> &BTreeMap<u64, Arc<Tombstone>> {
        &self.tombstones
    }

    /// The number for another delete.
    pub(crate) fn next_number(&self) -> u64 {
        self.tombstones.keys().next_back().map_or(1, |n| n + 1)
    }

    /// Deletes that have nothing left to delete: no block has any of it, and no frame may.
    pub(crate) fn spent(&self, directory: &Directory, seal: &Seal) -> Vec<u64> {
        let in_blocks: hashbrown::HashSet<u64> = self.blocks.values().flatten().map(|c| c.tombstone).collect();
        let in_frames = |number: &u64| {
            self.head
                .get(number)
                .is_some_and(|cut| cut.timelines().any(|timeline| directory.has(timeline, cut.times, cut.before, seal)))
        };
        self.tombstones.keys().copied().filter(|n| !in_blocks.contains(n) && !in_frames(n)).collect()
    }

    fn of(&self, salt: u64) -> impl Iterator<Item = &Cut> {
        self.blocks.get(&salt).into_iter().flatten().map(|c| &c.cut)
    }

    /// What is deleted from a block.
    pub(crate) fn cuts(&self, salt: u64) -> Vec<Cut> {
        self.of(salt).cloned().collect()
    }

    /// Whether anything is deleted from a block.
    pub(crate) fn touches(&self, salt: u64) -> bool {
        self.blocks.contains_key(&salt)
    }

    /// Whether whatever is deleted of a block is all of a series; `times` are those of the block.
    pub(crate) fn cuts_whole(&self, salt: u64, times: ClosedRange) -> bool {
        self.of(salt).all(|cut| cut.times.start <= times.start && times.end <= cut.times.end)
    }

    /// Whether something of a series of a block is deleted.
    pub(crate) fn cuts_series(&self, salt: u64, id: u32) -> bool {
        self.of(salt).any(|cut| cut.series.contains(id))
    }

    /// Whether a series of a block with samples in `times` has none left.
    pub(crate) fn buries(&self, salt: u64, id: u32, times: Option<ClosedRange>) -> bool {
        let Some(times) = times else { return false };
        self.of(salt).any(|cut| cut.times.start <= times.start && times.end <= cut.times.end && cut.series.contains(id))
    }

    /// Takes what is deleted out of samples of a block's series.
    pub(crate) fn apply(&self, salt: u64, id: u32, data: &mut SeriesData) {
        self.of(salt).filter(|cut| cut.series.contains(id)).for_each(|cut| cut_data(data, cut.times));
    }

    /// Takes what is deleted out of exemplars of a block's series.
    pub(crate) fn apply_to_exemplars(&self, salt: u64, id: u32, exemplars: &mut Vec<Exemplar>) {
        self.of(salt).filter(|cut| cut.series.contains(id)).for_each(|cut| cut_exemplars(exemplars, cut.times));
    }

    /// Whether frames hold deleted samples.
    pub(crate) fn touches_frames(&self) -> bool {
        !self.head.is_empty()
    }

    /// Whether a member of a timeline may have deleted samples at or after `from` in frames.
    pub(crate) fn holds(&self, timeline: u32, member: u32, from: TimestampMs) -> bool {
        self.head.values().any(|cut| cut.times.end >= from && cut.has(timeline, member))
    }

    /// Whether a sample, or exemplar, in a frame is deleted.
    pub(crate) fn hides(&self, timeline: u32, member: u32, t: TimestampMs, at: Position) -> bool {
        self.head.values().any(|cut| cut.hides(timeline, member, t, at))
    }
}

/// Members of one timeline whose samples are looked at one after the other.
#[derive(Default)]
pub(crate) struct Hidden {
    cuts: Vec<(ClosedRange, Position, Vec<u64>)>,
}

impl Hidden {
    /// What is deleted of these `members` (ascending) of a timeline.
    pub(crate) fn new(deletions: &Deletions, timeline: u32, members: &[u32]) -> Hidden {
        let cut = |cut: &Arc<HeadCut>| {
            let mut columns = vec![0u64; members.len().div_ceil(64)];
            for member in cut.members.get(&timeline)? {
                if let Ok(column) = members.binary_search(member) {
                    columns[column / 64] |= 1 << (column % 64);
                }
            }
            columns.iter().any(|word| *word != 0).then_some((cut.times, cut.before, columns))
        };
        Hidden { cuts: deletions.head.values().filter_map(cut).collect() }
    }

    /// Whether nothing is deleted.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.cuts.is_empty()
    }

    /// Whether the sample of the member in `column` at `t`, written at `at`, is deleted.
    pub(crate) fn hides(&self, column: usize, t: TimestampMs, at: Position) -> bool {
        self.cuts.iter().any(|(times, before, columns)| {
            at < *before && times.contains(t) && columns[column / 64] >> (column % 64) & 1 == 1
        })
    }
}

/// The series of a block that a delete concerns. When the index is damaged, every series is looked at.
fn select<D: Disk>(block: &Block<D>, tombstone: &Tombstone) -> Result<Bitmap, BlockError> {
    match block.select(&tombstone.matchers) {
        Err(BlockError::Damaged(_)) => {}
        selected => return selected,
    }
    let ids: Vec<u32> = (0..block.summary().series as u32).collect();
    let mut labels: Vec<Labels> = Vec::new();
    block.labels_of(&ids, &mut labels)?;
    Ok(ids.into_iter().zip(&labels).filter(|(_, labels)| tombstone.matches(labels)).map(|(id, _)| id).collect())
}
