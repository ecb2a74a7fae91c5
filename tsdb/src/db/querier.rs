//! Answers "which series?".

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;
use nightjar_model::labels::{SpellingPairs, spell_pair};
use nightjar_model::storage::{
    Buckets, Listing, LiveCount, LiveGroup, Querier, SelectHints, SeriesSet, StorageError, Weight,
};
use nightjar_model::{ClosedRange, Exemplar, Labels, Matcher};
use nightjar_platform::Disk;

use super::buckets::{Chosen, alone, choose, told};
use super::frames::FrameReader;
use super::inner::Inner;
use super::order::by_labels;
use super::set::{Place, Selected, Set};
use super::view::View;
use crate::block::{Block, BlockError};
use crate::wal::section::{Kind, read_exemplars};

/// A view for one time range.
pub(crate) struct DbQuerier<D: Disk> {
    pub(crate) inner: Arc<Inner<D>>,
    pub(crate) view: View<D>,
    pub(crate) range: ClosedRange,
}

/// A series of one source.
struct Candidate {
    spelling: std::ops::Range<usize>,
    member: Option<(u32, u32)>,
    place: Option<Place>,
}

fn intersect(a: ClosedRange, b: ClosedRange) -> ClosedRange {
    ClosedRange { start: a.start.max(b.start), end: a.end.min(b.end) }
}

/// The value, or a default and a warning when it is on a damaged page.
fn tolerate<T: Default>(result: Result<T, BlockError>, damage: &mut Vec<String>) -> Result<T, StorageError> {
    match result {
        Ok(value) => Ok(value),
        Err(BlockError::Damaged(d)) => {
            damage.push(d.to_string());
            Ok(T::default())
        }
        Err(e) => Err(StorageError::Io(e.to_string())),
    }
}

impl<D: Disk> DbQuerier<D> {
    /// Calls `each` with the spelling and the place of every series of the head that satisfies the matchers and whose
    /// timeline has samples in the range.
    fn head_series(&self, matchers: &[Matcher], range: ClosedRange, mut each: impl FnMut(&[u8], (u32, u32))) {
        let writer = self.inner.writer.read();
        let head = &writer.head;
        let ids = head.index.select(matchers);
        let directory = self.inner.directory.read();
        let mut has = HashMap::new();
        for id in ids {
            let slot = &head.table.slots[id as usize];
            let seal = &self.view.parts.seal;
            let exists = has
                .entry(slot.timeline)
                .or_insert_with(|| directory.has(slot.timeline, range, self.view.horizon, seal));
            if *exists {
                each(head.table.spelling(id), (slot.timeline, slot.index));
            }
        }
    }

    /// Blocks that overlap the range, in the order in which they count.
    pub(super) fn blocks(&self, range: ClosedRange) -> Vec<Arc<Block<D>>> {
        self.view.parts.blocks.values().filter(|b| range.overlaps(b.range())).cloned().collect()
    }

    /// The same, and those of buckets of which the samples are gone: whose series have names.
    fn named(&self, range: ClosedRange) -> Vec<Arc<Block<D>>> {
        let mut blocks = self.blocks(range);
        blocks.extend(alone(&self.view.parts, range).cloned());
        blocks
    }

    /// Calls `each` with the ids of a block's series that satisfy the matchers and have samples in the range.
    fn block_series(
        block: &Block<D>,
        matchers: &[Matcher],
        range: ClosedRange,
        damage: &mut Vec<String>,
    ) -> Result<Vec<u32>, StorageError> {
        let selected = match block.select(matchers) {
            Ok(ids) => ids,
            Err(BlockError::Damaged(d)) => {
                damage.push(d.to_string());
                return Ok(Vec::new());
            }
            Err(e) => return Err(StorageError::Io(e.to_string())),
        };
        let mut ids = selected.to_vec();
        let whole = range.start <= block.range().start && block.range().end <= range.end;
        if !whole {
            let inside = |t: Option<ClosedRange>| t.is_none_or(|t| t.start <= range.end && range.start <= t.end);
            ids.retain(|id| block.times(*id).map_or(true, inside));
        }
        Ok(ids)
    }

    fn set(&self, matchers: &[Matcher], hints: &SelectHints) -> Result<Set<D>, StorageError> {
        let range = intersect(self.range, hints.range);
        let (mut text, mut candidates, mut damage) = (Vec::new(), Vec::new(), Vec::new());
        self.head_series(matchers, range, |spelling, member| {
            let start = text.len();
            text.extend_from_slice(spelling);
            candidates.push(Candidate { spelling: start..text.len(), member: Some(member), place: None });
        });
        let mut blocks = self.blocks(range);
        let chosen = self.chosen(range, hints, &candidates);
        let first = blocks.len();
        blocks.extend(chosen.iter().map(|c| Arc::clone(&c.block)));
        if hints.labels_only {
            blocks.extend(alone(&self.view.parts, range).cloned());
        }
        for (number, block) in blocks.iter().enumerate() {
            let mut ids = Self::block_series(block, matchers, range, &mut damage)?;
            let (deletions, salt) = (&self.view.parts.deletions, block.summary().salt);
            if deletions.touches(salt) {
                ids.retain(|id| !deletions.buries(salt, *id, block.times(*id).ok().flatten()));
            }
            let mut own = ids.iter();
            let spelled = block.each_labels(&ids, |pairs| {
                let start = text.len();
                pairs.iter().for_each(|(name, value)| spell_pair(name, value, &mut text));
                let place = own.next().map(|id| (number, *id));
                candidates.push(Candidate { spelling: start..text.len(), member: None, place });
            });
            tolerate(spelled, &mut damage)?;
        }
        let (mut series, mut places) = unite(&text, candidates);
        if !chosen.is_empty() {
            places = self.prefer_buckets(&mut series, &places, &blocks[..first], &chosen);
        }
        if hints.limit > 0 {
            series.truncate(hints.limit);
        }
        let mut picks = HashMap::new();
        if !hints.labels_only {
            let directory = self.inner.directory.read();
            let (horizon, seal) = (self.view.horizon, &self.view.parts.seal);
            for (timeline, _) in series.iter().filter_map(|s| s.member) {
                picks.entry(timeline).or_insert_with(|| directory.pick(timeline, range, horizon, seal));
            }
        }
        let (inner, view) = (Arc::clone(&self.inner), self.view.clone());
        let (ahead, merger) = Default::default();
        let aggregate = hints.downsampled.filter(|_| !chosen.is_empty()).map(|wanted| wanted.aggregate);
        let buckets = match self.view.parts.tiers.is_empty() || hints.labels_only {
            true => Buckets::default(),
            false => told(&self.view.parts, range, matchers, &chosen),
        };
        Ok(Set { inner, view, text, series, blocks, chosen, aggregate, buckets, places, picks, ahead, merger, damage })
    }

    /// Blocks of buckets to be read instead of samples.
    fn chosen(&self, range: ClosedRange, hints: &SelectHints, candidates: &[Candidate]) -> Vec<Chosen<D>> {
        let Some(wanted) = hints.downsampled.filter(|_| !self.view.parts.tiers.is_empty()) else { return Vec::new() };
        let mut timelines: Vec<u32> =
            candidates.iter().filter_map(|c| c.member).map(|(timeline, _)| timeline).collect();
        timelines.sort_unstable();
        timelines.dedup();
        choose(&self.view.parts, range, wanted, |times| {
            let directory = self.inner.directory.read();
            let (horizon, seal) = (self.view.horizon, &self.view.parts.seal);
            timelines.iter().any(|timeline| directory.has(*timeline, times, horizon, seal))
        })
    }

    /// The places without samples for which buckets are read, and without buckets that do not say all of a series of which
    /// there are samples. `samples` are the blocks of samples, those of buckets follow.
    fn prefer_buckets(
        &self,
        series: &mut [Selected],
        places: &[Place],
        samples: &[Arc<Block<D>>],
        chosen: &[Chosen<D>],
    ) -> Vec<Place> {
        let number = |block: &Arc<Block<D>>| {
            let mut all = self.view.parts.blocks.iter();
            all.find(|(_, b)| Arc::ptr_eq(b, block)).map(|(number, _)| *number)
        };
        let numbers: Vec<Option<u64>> = samples.iter().map(number).collect();
        let says_all = |c: &Chosen<D>, id: u32| {
            c.replaces.is_empty() || !self.view.parts.deletions.cuts_series(c.block.summary().salt, id)
        };
        let mut kept = Vec::with_capacity(places.len());
        for s in series {
            let own = &places[s.places.clone()];
            let buckets = own.iter().filter(|(block, _)| *block >= samples.len());
            let read: Vec<usize> = buckets
                .filter(|(block, id)| says_all(&chosen[block - samples.len()], *id))
                .map(|(block, _)| *block)
                .collect();
            let replaced = |block: usize| {
                numbers[block].is_some_and(|n| read.iter().any(|b| chosen[b - samples.len()].replaces.contains(&n)))
            };
            let at = kept.len();
            kept.extend(own.iter().filter(|(block, _)| match *block >= samples.len() {
                true => read.contains(block),
                false => !replaced(*block),
            }));
            s.places = at..kept.len();
        }
        kept
    }

    fn listing(&self, items: BTreeSet<String>, limit: usize, mut damage: Vec<String>) -> Listing {
        let truncated = limit > 0 && items.len() > limit;
        let limit = if limit > 0 { limit } else { usize::MAX };
        damage.extend(self.view.parts.unreadable.iter().cloned());
        Listing { items: items.into_iter().take(limit).collect(), truncated, warnings: damage }
    }
}

/// Sorts candidates by labels and makes one series of equal ones.
fn unite(text: &[u8], candidates: Vec<Candidate>) -> (Vec<Selected>, Vec<Place>) {
    let block = |c: &Candidate| c.place.map(|(block, _)| block);
    // Those of one block are sorted already.
    let sorted = candidates.windows(2).all(|pair| block(&pair[0]).is_some() && block(&pair[0]) == block(&pair[1]));
    let order: Vec<u32> = match sorted {
        true => (0..candidates.len() as u32).collect(),
        false => {
            // Stable: blocks stay in the order in which they count.
            let spellings: Vec<_> = candidates.iter().map(|c| c.spelling.clone()).collect();
            by_labels(text, &spellings)
        }
    };
    let mut series: Vec<Selected> = Vec::with_capacity(candidates.len());
    let mut places = Vec::new();
    for c in order.into_iter().map(|i| &candidates[i as usize]) {
        let same = series.last().is_some_and(|s| text[s.spelling.clone()] == text[c.spelling.clone()]);
        if !same {
            let at = places.len();
            series.push(Selected { spelling: c.spelling.clone(), member: None, places: at..at });
        }
        if let Some(last) = series.last_mut() {
            places.extend(c.place);
            last.places.end = places.len();
            last.member = last.member.or(c.member);
        }
    }
    (series, places)
}

impl<D: Disk> Querier for DbQuerier<D> {
    fn select(&self, matchers: &[Matcher], hints: &SelectHints) -> Result<Box<dyn SeriesSet>, StorageError> {
        Ok(Box::new(self.set(matchers, hints)?))
    }

    fn bucket_widths(&self) -> Vec<i64> {
        let widths = self.view.parts.tiers.values().filter_map(|b| b.tier()).map(|tier| tier.width_ms);
        widths.collect::<BTreeSet<i64>>().into_iter().collect()
    }

    fn finds_soon(&self, matchers: &[Matcher]) -> bool {
        /// Series that are looked at in less than a millisecond.
        const FEW: usize = 30_000;
        let effort = self.inner.writer.read().head.index.effort(matchers);
        effort.is_some_and(|ids| ids <= FEW) && self.blocks(self.range).iter().all(|block| block.finds_soon(matchers))
    }

    fn weigh(&self, matchers: &[Matcher], range: ClosedRange) -> Result<Option<Weight>, StorageError> {
        self.weight(matchers, intersect(self.range, range)).map(Some)
    }

    fn label_names(&self, matchers: &[Matcher], limit: usize) -> Result<Listing, StorageError> {
        let (mut names, mut damage) = (BTreeSet::new(), Vec::new());
        for block in self.named(self.range) {
            names.extend(tolerate(block.label_names(matchers), &mut damage)?);
        }
        self.head_series(matchers, self.range, |spelling, _| {
            for (name, _) in SpellingPairs::new(spelling).flatten() {
                if !names.contains(name) {
                    names.insert(name.to_owned());
                }
            }
        });
        Ok(self.listing(names, limit, damage))
    }

    fn label_values(&self, name: &str, matchers: &[Matcher], limit: usize) -> Result<Listing, StorageError> {
        let (mut values, mut damage) = (BTreeSet::new(), Vec::new());
        // One more than asked for, to know whether something was cut.
        let enough = if limit > 0 { limit + 1 } else { 0 };
        for block in self.named(self.range) {
            values.extend(tolerate(block.label_values(name, matchers, enough), &mut damage)?);
        }
        self.head_series(matchers, self.range, |spelling, _| {
            for (_, value) in SpellingPairs::new(spelling).flatten().filter(|(n, _)| *n == name) {
                if !values.contains(value) {
                    values.insert(value.to_owned());
                }
            }
        });
        Ok(self.listing(values, limit, damage))
    }

    fn count_live(&self, question: &LiveCount<'_>) -> Option<Vec<LiveGroup>> {
        self.live(question)
    }

    fn exemplars(&self, matchers: &[Matcher]) -> Result<Vec<(Labels, Vec<Exemplar>)>, StorageError> {
        let set = self.set(matchers, &SelectHints::range(self.range))?;
        let mut found: HashMap<(u32, u32), Vec<Exemplar>> = HashMap::new();
        let mut reader = FrameReader::new(&self.view, &self.inner.counters.damaged);
        for (timeline, picks) in &set.picks {
            for pick in picks.iter().filter(|p| p.entry.kind() == Kind::Exemplars) {
                reader.section(&pick.entry, |_, bytes| {
                    read_exemplars(bytes, |index, exemplar| {
                        let (t, at) = (exemplar.timestamp, pick.entry.position());
                        let hidden = self.view.parts.deletions.hides(*timeline, index, t, at);
                        if self.range.contains(t) && t >= pick.floor && !hidden {
                            found.entry((*timeline, index)).or_default().push(exemplar);
                        }
                    })
                });
            }
        }
        let mut out = Vec::new();
        for (i, s) in set.series.iter().enumerate() {
            let mut list = s.member.and_then(|m| found.remove(&m)).unwrap_or_default();
            for (block, id) in &set.places[s.places.clone()] {
                let block = &set.blocks[*block];
                let own = tolerate(block.exemplars(&[*id]), &mut Vec::new())?;
                let mut own: Vec<Exemplar> = own.into_iter().flat_map(|(_, e)| e).collect();
                self.view.parts.deletions.apply_to_exemplars(block.summary().salt, *id, &mut own);
                list.extend(own.into_iter().filter(|e| self.range.contains(e.timestamp)));
            }
            if !list.is_empty() {
                list.sort_by_key(|e| e.timestamp);
                list.dedup();
                out.push((nightjar_model::storage::SeriesSet::labels(&set, i), list));
            }
        }
        Ok(out)
    }
}
