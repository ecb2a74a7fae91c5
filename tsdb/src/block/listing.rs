//! Labels of series, names and values of labels.

use std::ops::Range;
use std::sync::Arc;

use croaring::Bitmap;
use hashbrown::HashMap;
use nightjar_model::metadata::Metadata;
use nightjar_model::{Exemplar, Labels, Matcher};
use nightjar_platform::Disk;

use super::dictionary::Dictionary;
use super::entries::Entries;
use super::error::BlockError;
use super::facts::Facts;
use super::reader::Block;
use super::section::Kind;
use crate::bytes::{Corrupt, Cursor};
use crate::codec::{exemplar, metadata};

/// Dictionary pages a listing holds on to besides the cache.
const HELD_PAGES: usize = 64;

impl<D: Disk> Block<D> {
    /// Appends the labels of each of `ids` (ascending is fastest). An id that is not one of this block has no labels.
    pub fn labels_of(&self, ids: &[u32], out: &mut Vec<Labels>) -> Result<(), BlockError> {
        out.reserve(ids.len());
        self.each_labels(ids, |texts| out.push(Labels::from_sorted(texts.iter().copied())))
    }

    /// Calls `each` with the sorted labels of each of `ids` (ascending is fastest).
    pub(crate) fn each_labels(&self, ids: &[u32], mut each: impl FnMut(&[(&str, &str)])) -> Result<(), BlockError> {
        let mut dictionaries: HashMap<usize, Arc<Dictionary>> = HashMap::new();
        self.each_pairs(ids.iter().copied(), |page, pairs| {
            if dictionaries.len() >= HELD_PAGES {
                dictionaries.clear();
            }
            for pair in pairs {
                self.hold(*pair, &mut dictionaries)?;
            }
            let mut texts = Vec::with_capacity(pairs.len());
            texts.extend(pairs.iter().map_while(|pair| self.text(*pair, &dictionaries)));
            if texts.len() < pairs.len() || !texts.is_sorted_by(|a, b| a.0 < b.0) {
                return Err(self.corrupt(Kind::Facts, page, Corrupt { what: "labels", at: 0 }));
            }
            each(&texts);
            Ok(())
        })
    }

    /// Puts `ids` (ascending) into groups of equal labels, as far as `keeps` says that they count: the group of each, and
    /// the labels that each group has. Groups are numbered in the order of their first series.
    pub(crate) fn groups_of(
        &self,
        ids: &[u32],
        keeps: &dyn Fn(&str) -> bool,
    ) -> Result<(Vec<u32>, Vec<Labels>), BlockError> {
        let mut kept: Vec<Range<u32>> = Vec::new();
        for name in self.directory.names.iter().filter(|name| keeps(&name.text)) {
            let end = name.base + name.count;
            match kept.last_mut() {
                Some(last) if last.end == name.base => last.end = end,
                _ => kept.push(name.base..end),
            }
        }
        let (mut groups, mut first, mut known) = (Vec::with_capacity(ids.len()), Vec::new(), HashMap::new());
        let (mut key, mut at): (Vec<u32>, _) = (Vec::new(), ids.iter());
        self.each_pairs(ids.iter().copied(), |_, pairs| {
            let id = at.next().copied().unwrap_or_default();
            key.clear();
            key.extend(pairs.iter().filter(|pair| kept.iter().any(|range| range.contains(pair))));
            let group = match known.get(key.as_slice()) {
                Some(group) => *group,
                None => {
                    let group = first.len() as u32;
                    first.push(id);
                    known.insert(key.clone(), group);
                    group
                }
            };
            groups.push(group);
            Ok(())
        })?;
        let mut labels = Vec::with_capacity(first.len());
        self.labels_of(&first, &mut labels)?;
        Ok((groups, labels.iter().map(|labels| labels.filter(|label| keeps(label.name))).collect()))
    }

    /// Gets the dictionary page of a pair.
    fn hold(&self, pair: u32, dictionaries: &mut HashMap<usize, Arc<Dictionary>>) -> Result<(), BlockError> {
        let kind = Kind::Dictionary;
        if let Some(number) = self.directory.section(kind).page_of(pair)
            && !dictionaries.contains_key(&number)
        {
            dictionaries.insert(number, self.page(kind, number)?);
        }
        Ok(())
    }

    /// Name and value of a pair whose dictionary page is held.
    fn text<'a>(&'a self, pair: u32, held: &'a HashMap<usize, Arc<Dictionary>>) -> Option<(&'a str, &'a str)> {
        let kind = Kind::Dictionary;
        let number = self.directory.section(kind).page_of(pair)?;
        let place = (pair - self.page_ref(kind, number).first) as usize;
        let value = held.get(&number)?.get(place).filter(|value| !value.is_empty())?;
        Some((&self.directory.name_of(pair)?.text, value))
    }

    /// Calls `f` with the page and the pair numbers of each of `ids`.
    fn each_pairs(
        &self,
        ids: impl Iterator<Item = u32>,
        mut f: impl FnMut(usize, &[u32]) -> Result<(), BlockError>,
    ) -> Result<(), BlockError> {
        let kind = Kind::Facts;
        let mut page: Option<(usize, u32, Arc<Facts>)> = None;
        for id in ids {
            let inside = |first: u32, facts: &Facts| id >= first && ((id - first) as usize) < facts.len();
            if !page.as_ref().is_some_and(|(_, first, facts)| inside(*first, facts)) {
                page = match self.directory.section(kind).page_of(id) {
                    Some(number) => Some((number, self.page_ref(kind, number).first, self.page(kind, number)?)),
                    None => None,
                };
            }
            match &page {
                Some((number, first, facts)) => f(*number, facts.pairs((id - first) as usize))?,
                None => f(0, &[])?,
            }
        }
        Ok(())
    }

    /// Sorted names of labels of series that satisfy all `matchers`.
    pub fn label_names(&self, matchers: &[Matcher]) -> Result<Vec<String>, BlockError> {
        let ids = if matchers.is_empty() { None } else { Some(self.select(matchers)?) };
        let mut names = Vec::with_capacity(self.directory.names.len());
        for name in &self.directory.names {
            let wanted = match &ids {
                Some(ids) => self.series_with_name(name)?.intersect(ids),
                None => true,
            };
            if wanted {
                names.push(name.text.clone());
            }
        }
        Ok(names)
    }

    /// Sorted values of label `name` over series that satisfy all `matchers`; the first `limit` of them (0 = all).
    pub fn label_values(&self, name: &str, matchers: &[Matcher], limit: usize) -> Result<Vec<String>, BlockError> {
        let Some((_, name)) = self.directory.find_name(name) else { return Ok(Vec::new()) };
        let pairs = name.base..name.base + name.count;
        let limit = if limit == 0 { usize::MAX } else { limit };
        let mut values = Vec::new();
        if matchers.is_empty() {
            self.each_value(pairs, |_, value| {
                values.push(value.to_owned());
                values.len() < limit
            })?;
            return Ok(values);
        }
        let ids = self.select(matchers)?;
        let hits = if ids.cardinality() < u64::from(name.count) {
            self.pairs_of_series(&ids, &pairs)?
        } else {
            self.pairs_that_meet(&ids, &pairs, limit)?
        };
        for pair in hits.iter().take(limit) {
            self.each_value(pair..pair + 1, |_, value| {
                values.push(value.to_owned());
                true
            })?;
        }
        Ok(values)
    }

    /// Which of `pairs` the series have, found by looking at the series.
    fn pairs_of_series(&self, ids: &Bitmap, pairs: &std::ops::Range<u32>) -> Result<Bitmap, BlockError> {
        let mut hits = Bitmap::new();
        self.each_pairs(ids.iter(), |_, own| {
            let at = own.partition_point(|pair| *pair < pairs.start);
            if let Some(pair) = own.get(at).filter(|pair| pairs.contains(pair)) {
                hits.add(*pair);
            }
            Ok(())
        })?;
        Ok(hits)
    }

    /// The first `limit` of `pairs` the series have, found by looking at the pairs.
    fn pairs_that_meet(&self, ids: &Bitmap, pairs: &std::ops::Range<u32>, limit: usize) -> Result<Bitmap, BlockError> {
        let mut hits = Bitmap::new();
        let (mut page, mut found) = (None, 0);
        for pair in pairs.clone() {
            let mut series = Bitmap::new();
            self.add_postings(pair, &mut page, &mut series)?;
            if series.intersect(ids) {
                hits.add(pair);
                found += 1;
                if found == limit {
                    break;
                }
            }
        }
        Ok(hits)
    }

    /// The exemplars of those of `ids` (ascending) that have some, by id, each list sorted by time.
    pub fn exemplars(&self, ids: &[u32]) -> Result<Vec<(u32, Vec<Exemplar>)>, BlockError> {
        let mut all = Vec::new();
        for id in ids {
            let mut own = Vec::new();
            self.each_entry(Kind::Exemplars, *id, |bytes| read_all(bytes, exemplar::decode, &mut own))?;
            if !own.is_empty() {
                all.push((*id, own));
            }
        }
        Ok(all)
    }

    /// Metadata of metrics, sorted by metric; a metric may have several.
    pub fn metadata(&self) -> Result<Vec<(String, Metadata)>, BlockError> {
        let kind = Kind::Metadata;
        let mut all = Vec::new();
        for number in 0..self.directory.section(kind).pages.len() {
            let entries = self.page::<Entries>(kind, number)?;
            for i in 0..entries.keys().len() {
                let mut cursor = Cursor::new(entries.get(i));
                let metric = cursor.text("metric").map_err(|e| self.corrupt(kind, number, e))?;
                let known = metadata::decode(&mut cursor).map_err(|e| self.corrupt(kind, number, e))?;
                all.push((metric.to_owned(), known));
            }
        }
        Ok(all)
    }

    /// Calls `f` with the bytes of each entry of series `id`.
    pub(super) fn each_entry(
        &self,
        kind: Kind,
        id: u32,
        mut f: impl FnMut(&[u8]) -> Result<(), Corrupt>,
    ) -> Result<(), BlockError> {
        for number in self.directory.section(kind).pages_with(id) {
            let entries = self.page::<Entries>(kind, number)?;
            for i in entries.find(id) {
                f(entries.get(i)).map_err(|e| self.corrupt(kind, number, e))?;
            }
        }
        Ok(())
    }
}

/// Decodes items until the bytes end.
pub(super) fn read_all<T>(
    bytes: &[u8],
    decode: impl Fn(&mut Cursor<'_>) -> Result<T, Corrupt>,
    out: &mut Vec<T>,
) -> Result<(), Corrupt> {
    let mut cursor = Cursor::new(bytes);
    while !cursor.is_empty() {
        out.push(decode(&mut cursor)?);
    }
    Ok(())
}
