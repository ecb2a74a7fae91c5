//! Answers "which series?".

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;
use nightjar_model::labels::SpellingPairs;
use nightjar_model::storage::{Listing, Querier, SelectHints, SeriesSet, StorageError};
use nightjar_model::{ClosedRange, Exemplar, Labels, Matcher};
use nightjar_platform::Disk;
use parking_lot::Mutex;

use super::frames::FrameReader;
use super::inner::Inner;
use super::set::{Ahead, Selected, Set};
use super::view::View;
use crate::wal::section::{Kind, read_exemplars};

/// A view for one time range.
pub(crate) struct DbQuerier<D: Disk> {
    pub(crate) inner: Arc<Inner<D>>,
    pub(crate) view: View<D::File>,
    pub(crate) range: ClosedRange,
}

/// The order of two canonical spellings by their labels.
fn compare(a: &[u8], b: &[u8]) -> Ordering {
    SpellingPairs::new(a).flatten().cmp(SpellingPairs::new(b).flatten())
}

fn intersect(a: ClosedRange, b: ClosedRange) -> ClosedRange {
    ClosedRange { start: a.start.max(b.start), end: a.end.min(b.end) }
}

impl<D: Disk> DbQuerier<D> {
    /// Series of the head that satisfy the matchers and whose timeline has samples in the range.
    fn head_series(&self, matchers: &[Matcher], range: ClosedRange) -> (Vec<u8>, Vec<Selected>) {
        let writer = self.inner.writer.read();
        let head = &writer.head;
        let ids = head.index.select(matchers);
        let directory = self.inner.directory.read();
        let mut has = HashMap::new();
        let (mut text, mut series) = (Vec::new(), Vec::new());
        for id in ids {
            let slot = &head.table.slots[id as usize];
            let seal = &self.view.parts.seal;
            let exists = has
                .entry(slot.timeline)
                .or_insert_with(|| directory.has(slot.timeline, range, self.view.horizon, seal));
            if *exists {
                let start = text.len() as u32;
                text.extend_from_slice(head.table.spelling(id));
                series.push(Selected { start, end: text.len() as u32, member: Some((slot.timeline, slot.index)) });
            }
        }
        (text, series)
    }

    fn set(&self, matchers: &[Matcher], hints: &SelectHints) -> Set<D> {
        let range = intersect(self.range, hints.range);
        let (text, mut series) = self.head_series(matchers, range);
        let spelling = |s: &Selected| &text[s.start as usize..s.end as usize];
        series.sort_by(|a, b| compare(spelling(a), spelling(b)));
        if hints.limit > 0 {
            series.truncate(hints.limit);
        }
        let mut picks = HashMap::new();
        if !hints.labels_only {
            let directory = self.inner.directory.read();
            for (timeline, _) in series.iter().filter_map(|s| s.member) {
                picks
                    .entry(timeline)
                    .or_insert_with(|| directory.pick(timeline, range, self.view.horizon, &self.view.parts.seal));
            }
        }
        let (inner, view) = (Arc::clone(&self.inner), self.view.clone());
        Set { inner, view, text, series, picks, ahead: Mutex::new(Ahead::default()) }
    }
}

impl<D: Disk> Querier for DbQuerier<D> {
    fn select(&self, matchers: &[Matcher], hints: &SelectHints) -> Result<Box<dyn SeriesSet>, StorageError> {
        Ok(Box::new(self.set(matchers, hints)))
    }

    fn label_names(&self, matchers: &[Matcher], limit: usize) -> Result<Listing, StorageError> {
        let mut names = BTreeSet::new();
        let (text, series) = self.head_series(matchers, self.range);
        for s in series {
            for (name, _) in SpellingPairs::new(&text[s.start as usize..s.end as usize]).flatten() {
                if !names.contains(name) {
                    names.insert(name.to_owned());
                }
            }
        }
        Ok(listing(names, limit))
    }

    fn label_values(&self, name: &str, matchers: &[Matcher], limit: usize) -> Result<Listing, StorageError> {
        let mut values = BTreeSet::new();
        let (text, series) = self.head_series(matchers, self.range);
        for s in series {
            for (_, value) in
                SpellingPairs::new(&text[s.start as usize..s.end as usize]).flatten().filter(|(n, _)| *n == name)
            {
                if !values.contains(value) {
                    values.insert(value.to_owned());
                }
            }
        }
        Ok(listing(values, limit))
    }

    fn exemplars(&self, matchers: &[Matcher]) -> Result<Vec<(Labels, Vec<Exemplar>)>, StorageError> {
        let set = self.set(matchers, &SelectHints::range(self.range));
        let mut found: HashMap<(u32, u32), Vec<Exemplar>> = HashMap::new();
        let mut reader = FrameReader::new(&self.view, &self.inner.counters.damaged);
        for (timeline, picks) in &set.picks {
            for pick in picks.iter().filter(|p| p.entry.kind() == Kind::Exemplars) {
                reader.section(&pick.entry, |_, bytes| {
                    read_exemplars(bytes, |index, exemplar| {
                        if self.range.contains(exemplar.timestamp) {
                            found.entry((*timeline, index)).or_default().push(exemplar);
                        }
                    })
                });
            }
        }
        let mut out = Vec::new();
        for (i, s) in set.series.iter().enumerate() {
            if let Some(mut list) = s.member.and_then(|m| found.remove(&m)) {
                list.sort_by_key(|e| e.timestamp);
                list.dedup();
                out.push((set.labels(i), list));
            }
        }
        Ok(out)
    }
}

fn listing(items: BTreeSet<String>, limit: usize) -> Listing {
    let truncated = limit > 0 && items.len() > limit;
    let limit = if limit > 0 { limit } else { usize::MAX };
    Listing { items: items.into_iter().take(limit).collect(), truncated, warnings: Vec::new() }
}
