//! Counts series that live, by what frames say of presence: no value is decoded.
//!
//! Rows in order ascend in time for each series, so the last row written that a time sees is the newest one: sections
//! are read from the newest backwards until every member has been met.

use hashbrown::HashMap;
use nightjar_model::storage::{LiveCount, LiveGroup};
use nightjar_model::{ClosedRange, Labels, TimestampMs};
use nightjar_platform::Disk;

use super::directory::{Directory, Entry, Position};
use super::frames::FrameReader;
use super::querier::DbQuerier;
use crate::block::{Block, Moments};
use crate::head::spelling::{compare, name, pair_len};
use crate::head::state::Head;
use crate::wal::rows::{MAX_MEMBERS, presence};
use crate::wal::section::Kind;

/// The selected members of one timeline.
struct Crew {
    timeline: u32,
    /// A bit for each selected member, 64 a word.
    members: Vec<u64>,
    /// Groups by member; empty when there is only one.
    groups: Vec<u32>,
    /// Rows to look at, newest first, and the time before which samples of each do not count.
    sections: Vec<(Entry, TimestampMs)>,
}

impl Crew {
    fn add(&mut self, member: u32, group: Option<u32>) {
        let word = (member / 64) as usize;
        if self.members.len() <= word {
            self.members.resize(word + 1, 0);
        }
        self.members[word] |= 1 << (member % 64);
        if let Some(group) = group {
            if self.groups.len() <= member as usize {
                self.groups.resize(member as usize + 1, 0);
            }
            self.groups[member as usize] = group;
        }
    }

    /// Counts the members of `bits`, which are those of `word`.
    fn count(&self, word: usize, mut bits: u64, counts: &mut [u64]) {
        if self.groups.is_empty() {
            counts[0] += u64::from(bits.count_ones());
            return;
        }
        while bits != 0 {
            let member = word * 64 + bits.trailing_zeros() as usize;
            bits &= bits - 1;
            counts[self.groups[member] as usize] += 1;
        }
    }
}

/// Groups of series while they are found.
#[derive(Default)]
struct Groups {
    numbers: HashMap<Vec<u8>, u32>,
    /// The first series of each group in the order of labels.
    first: Vec<u32>,
    key: Vec<u8>,
}

impl Groups {
    /// The group of a series.
    fn of(&mut self, head: &Head, id: u32, keeps: &dyn Fn(&str) -> bool) -> u32 {
        let mut rest = head.table.spelling(id);
        self.key.clear();
        while let Some(len) = pair_len(rest) {
            let (own, others) = rest.split_at(len);
            if name(own).is_some_and(keeps) {
                self.key.extend_from_slice(own);
            }
            rest = others;
        }
        match self.numbers.get(&self.key) {
            Some(group) => {
                let first = &mut self.first[*group as usize];
                if compare(head.table.spelling(id), head.table.spelling(*first)).is_lt() {
                    *first = id;
                }
                *group
            }
            None => {
                let group = self.first.len() as u32;
                self.first.push(id);
                self.numbers.insert(self.key.clone(), group);
                group
            }
        }
    }

    /// Labels and number of each group, in the order of their first series.
    fn in_order(self, head: &Head) -> Vec<(Labels, u32)> {
        let mut groups: Vec<_> = self.numbers.into_iter().collect();
        let spelling = |group: u32| head.table.spelling(self.first[group as usize]);
        groups.sort_by(|(_, a), (_, b)| compare(spelling(*a), spelling(*b)));
        groups.into_iter().map(|(key, group)| (Labels::from_spelling(&key).unwrap_or_default(), group)).collect()
    }
}

impl<D: Disk> DbQuerier<D> {
    /// See [`nightjar_model::storage::Querier::count_live`]. Nothing is said when late samples, histograms, deletes or
    /// damage are in play, or more than one block, or a block and the log.
    pub(super) fn live(&self, question: &LiveCount<'_>) -> Option<Vec<LiveGroup>> {
        let (first, last) = (*question.times.first()?, *question.times.last()?);
        let range = ClosedRange { start: first.checked_sub(question.lookback_ms)?.checked_add(1)?, end: last };
        let parts = &self.view.parts;
        if parts.deletions.touches_frames()
            || !parts.unreadable.is_empty()
            || self.range.start > range.start
            || self.range.end < range.end
        {
            return None;
        }
        let (crews, groups) = self.crews(question, range)?;
        match self.blocks(range).as_slice() {
            [] => {}
            [block] if crews.is_empty() => return self.live_in_block(block, question),
            _ => return None,
        }
        let mut reader = FrameReader::new(&self.view, &self.inner.counters.damaged);
        let mut counted = Vec::with_capacity(question.times.len());
        for t in question.times {
            let seen = ClosedRange { start: t - question.lookback_ms + 1, end: *t };
            let mut counts = vec![0; groups.len().max(1)];
            count(&mut reader, &crews, seen, &mut counts)?;
            counted.push(counts);
        }
        let counts = |group: u32| counted.iter().map(|counts| counts[group as usize]).collect();
        Some(groups.into_iter().map(|(labels, group)| LiveGroup { labels, counts: counts(group) }).collect())
    }

    /// The same where all that counts is in one block.
    fn live_in_block(&self, block: &Block<D>, question: &LiveCount<'_>) -> Option<Vec<LiveGroup>> {
        if self.view.parts.deletions.touches(block.summary().salt) {
            return None;
        }
        let ids = block.select(question.matchers).ok()?.to_vec();
        let moments = Moments { times: question.times, lookback_ms: question.lookback_ms };
        let lives = block.alive(&ids, moments).ok()??;
        let (groups, labels) = match question.keeps {
            Some(keeps) => block.groups_of(&ids, keeps).ok()?,
            None => (vec![0; ids.len()], vec![Labels::empty(); usize::from(!ids.is_empty())]),
        };
        let counts = vec![0; question.times.len()];
        let mut out: Vec<_> = labels.into_iter().map(|labels| LiveGroup { labels, counts: counts.clone() }).collect();
        for (alive, group) in lives.into_iter().zip(groups) {
            let counts = &mut out[group as usize].counts;
            counts.iter_mut().enumerate().for_each(|(i, count)| *count += alive >> i & 1);
        }
        Some(out)
    }

    /// The selected series by timeline, with the sections to look at, and their groups.
    #[allow(clippy::type_complexity, reason = "two lists that belong together only here")]
    fn crews(&self, question: &LiveCount<'_>, range: ClosedRange) -> Option<(Vec<Crew>, Vec<(Labels, u32)>)> {
        let writer = self.inner.writer.read();
        let head = &writer.head;
        let directory = self.inner.directory.read();
        if directory.has_breaks() {
            return None;
        }
        let mut crews: Vec<Crew> = Vec::new();
        let mut places: HashMap<u32, Option<usize>> = HashMap::new();
        let mut place = (u32::MAX, None);
        let mut groups = Groups::default();
        for id in head.index.select(question.matchers) {
            let slot = &head.table.slots[id as usize];
            if slot.timeline != place.0 {
                let known = match places.get(&slot.timeline) {
                    Some(known) => *known,
                    None => {
                        let sections = self.rows(&directory, slot.timeline, range)?;
                        let (members, groups) = (Vec::new(), Vec::new());
                        let place = (!sections.is_empty()).then_some(crews.len());
                        if place.is_some() {
                            crews.push(Crew { timeline: slot.timeline, members, groups, sections });
                        }
                        places.insert(slot.timeline, place);
                        place
                    }
                };
                place = (slot.timeline, known);
            }
            let Some(place) = place.1 else { continue };
            let group = question.keeps.map(|keeps| groups.of(head, id, keeps));
            debug_assert!(crews[place].timeline == slot.timeline && slot.index < MAX_MEMBERS);
            crews[place].add(slot.index, group);
        }
        let groups = match question.keeps {
            Some(_) => groups.in_order(head),
            None if crews.is_empty() => Vec::new(),
            None => vec![(Labels::empty(), 0)],
        };
        Some((crews, groups))
    }

    /// The rows of a timeline that overlap `range`, newest first; `None` when rows are not all there is.
    fn rows(&self, directory: &Directory, timeline: u32, range: ClosedRange) -> Option<Vec<(Entry, TimestampMs)>> {
        let mut rows = Vec::new();
        for entry in directory.since(timeline, range.start) {
            let floor = self.view.parts.seal.floor(entry.position());
            if entry.position() >= self.view.horizon || !entry.overlaps(range, floor) {
                continue;
            }
            match entry.kind() {
                Kind::Rows => rows.push((*entry, floor)),
                Kind::LateRows | Kind::Histograms => return None,
                Kind::Definitions | Kind::Exemplars | Kind::Metadata => {}
            }
        }
        Some(rows)
    }
}

/// Counts the members that live by what is seen in `range`; `None` when something cannot be read.
fn count<D: Disk>(
    reader: &mut FrameReader<'_, D>,
    crews: &[Crew],
    range: ClosedRange,
    counts: &mut [u64],
) -> Option<()> {
    let mut missing: Vec<Vec<u64>> = crews.iter().map(|crew| crew.members.clone()).collect();
    let mut sections: Vec<_> = crews.iter().map(|crew| crew.sections.iter()).collect();
    let mut found: Vec<(u64, u64)> = Vec::new();
    let mut round: Vec<(Position, usize, Entry, TimestampMs)> = Vec::new();
    loop {
        round.clear();
        for (number, sections) in sections.iter_mut().enumerate() {
            if missing[number].iter().any(|word| *word != 0) {
                let next = sections.find(|(entry, floor)| entry.overlaps(range, *floor));
                round.extend(next.map(|(entry, floor)| (entry.position(), number, *entry, *floor)));
            }
        }
        if round.is_empty() {
            return Some(());
        }
        round.sort_unstable_by_key(|(position, number, ..)| (*position, *number));
        for (_, number, entry, floor) in &round {
            let missing = &mut missing[*number];
            found.clear();
            found.resize(missing.len(), (0, 0));
            let read = reader.section(entry, |section, bytes| {
                presence(bytes, section.t_min, |t, chunk, present, stale| {
                    if let Some(found) = found.get_mut(chunk as usize)
                        && range.contains(t)
                        && t >= *floor
                    {
                        *found = (found.0 | present, found.1 & !present | stale);
                    }
                })
            });
            read.then_some(())?;
            for (word, (missing, (met, stale))) in missing.iter_mut().zip(&found).enumerate() {
                crews[*number].count(word, *missing & met & !stale, counts);
                *missing &= !met;
            }
        }
    }
}
