//! Matchers to sets of series.
//!
//! A matcher asks a question about each value of one label. Values that satisfy it are ranges of the sorted dictionary;
//! their postings are disjoint, so the union of most values is the whole label without the few others.

use std::ops::Range;

use croaring::Bitmap;
use nightjar_model::regex::Regex;
use nightjar_model::{MatchOp, Matcher};
use nightjar_platform::Disk;

use super::dictionary::Dictionary;
use super::directory::Name;
use super::entries::Entries;
use super::error::BlockError;
use super::postings;
use super::reader::Block;
use super::section::Kind;

/// What a matcher does to a selection.
enum Narrow {
    Nothing,
    Only(Bitmap),
    Without(Bitmap),
}

/// Pairs of one label, as ascending ranges of pair numbers.
#[derive(Default)]
struct Hits(Vec<Range<u32>>);

impl Hits {
    fn one(pair: u32) -> Hits {
        let mut hits = Hits::default();
        hits.push(pair);
        hits
    }

    fn push(&mut self, pair: u32) {
        match self.0.last_mut() {
            Some(last) if last.end == pair => last.end += 1,
            _ => self.0.push(pair..pair + 1),
        }
    }

    fn count(&self) -> u32 {
        self.0.iter().map(|r| r.end - r.start).sum()
    }

    /// All other pairs of the label.
    fn others(&self, name: &Name) -> Hits {
        let mut others = Vec::with_capacity(self.0.len() + 1);
        let mut start = name.base;
        for hit in &self.0 {
            others.push(start..hit.start);
            start = hit.end;
        }
        others.push(start..name.base + name.count);
        others.retain(|r| !r.is_empty());
        Hits(others)
    }
}

impl<D: Disk> Block<D> {
    /// Ids of the series that satisfy all `matchers`. Without matchers: all.
    pub fn select(&self, matchers: &[Matcher]) -> Result<Bitmap, BlockError> {
        let mut selection: Option<Bitmap> = None;
        let mut without = Vec::new();
        for matcher in matchers {
            match self.narrow(matcher)? {
                Narrow::Nothing => {}
                Narrow::Only(only) => match &mut selection {
                    Some(selection) => selection.and_inplace(&only),
                    None => selection = Some(only),
                },
                Narrow::Without(bitmap) => without.push(bitmap),
            }
            if selection.as_ref().is_some_and(Bitmap::is_empty) {
                return Ok(Bitmap::new());
            }
        }
        let mut selection = selection.unwrap_or_else(|| Bitmap::from_range(0..self.series()));
        without.iter().for_each(|bitmap| selection.andnot_inplace(bitmap));
        Ok(selection)
    }

    /// Whether no matcher makes it try many values.
    pub(crate) fn finds_soon(&self, matchers: &[Matcher]) -> bool {
        const MANY: u32 = 4096;
        matchers.iter().all(|m| {
            let searches = m.regex().is_some_and(|regex| regex.set_of_literals().is_none());
            !searches || self.directory.find_name(&m.name).is_none_or(|(_, name)| name.count < MANY)
        })
    }

    fn narrow(&self, matcher: &Matcher) -> Result<Narrow, BlockError> {
        let absent_matches = matcher.matches_empty();
        let Some((_, name)) = self.directory.find_name(&matcher.name) else {
            return Ok(if absent_matches { Narrow::Nothing } else { Narrow::Only(Bitmap::new()) });
        };
        let negated = matches!(matcher.op, MatchOp::NotEqual | MatchOp::NotRegex);
        let hits = match (matcher.op, matcher.regex()) {
            (MatchOp::Regex | MatchOp::NotRegex, Some(regex)) => self.regex_hits(name, regex)?,
            _ => self.find_value(name, &matcher.value)?.map_or_else(Hits::default, Hits::one),
        };
        // When a series without the label matches, the matcher only takes away; else it only lets through.
        let set = if absent_matches == negated { self.union(name, &hits)? } else { self.union_of_others(name, &hits)? };
        Ok(match absent_matches {
            true if set.is_empty() => Narrow::Nothing,
            true => Narrow::Without(set),
            false => Narrow::Only(set),
        })
    }

    /// Series with one of the pairs.
    fn union(&self, name: &Name, hits: &Hits) -> Result<Bitmap, BlockError> {
        if hits.count() > name.count / 2 {
            let mut all = self.series_with_name(name)?;
            all.andnot_inplace(&self.sum(&hits.others(name))?);
            return Ok(all);
        }
        self.sum(hits)
    }

    /// Series that have the label, but with none of the pairs.
    fn union_of_others(&self, name: &Name, hits: &Hits) -> Result<Bitmap, BlockError> {
        self.union(name, &hits.others(name))
    }

    fn sum(&self, hits: &Hits) -> Result<Bitmap, BlockError> {
        let mut sum = Bitmap::new();
        let mut page: Option<(usize, std::sync::Arc<Entries>)> = None;
        for pair in hits.0.iter().cloned().flatten() {
            self.add_postings(pair, &mut page, &mut sum)?;
        }
        Ok(sum)
    }

    /// All series that have a label.
    pub(super) fn series_with_name(&self, name: &Name) -> Result<Bitmap, BlockError> {
        let place = self.directory.names.partition_point(|n| n.text < name.text);
        let mut set = Bitmap::new();
        self.add_postings(self.directory.pairs + place as u32, &mut None, &mut set)?;
        Ok(set)
    }

    /// Adds the postings filed under `key` to `sum`; `page` remembers the last page.
    pub(super) fn add_postings(
        &self,
        key: u32,
        page: &mut Option<(usize, std::sync::Arc<Entries>)>,
        sum: &mut Bitmap,
    ) -> Result<(), BlockError> {
        let kind = Kind::Postings;
        let Some(number) = self.directory.section(kind).page_of(key) else { return Ok(()) };
        if page.as_ref().is_none_or(|(known, _)| *known != number) {
            *page = Some((number, self.page::<Entries>(kind, number)?));
        }
        let Some((_, entries)) = page else { return Ok(()) };
        for i in entries.find(key) {
            let decoded = postings::decode_into(entries.get(i), self.series(), sum);
            decoded.map_err(|e| self.corrupt(kind, number, e))?;
        }
        Ok(())
    }

    /// The pair with this value; `None` when no series has it.
    pub(super) fn find_value(&self, name: &Name, value: &str) -> Result<Option<u32>, BlockError> {
        let pair = self.lower_bound(name, value)?;
        if pair == name.base + name.count {
            return Ok(None);
        }
        let mut found = false;
        self.each_value(pair..pair + 1, |_, text| {
            found = text == value;
            true
        })?;
        Ok(found.then_some(pair))
    }

    /// The first pair of the label whose value is not below `value`.
    pub(super) fn lower_bound(&self, name: &Name, value: &str) -> Result<u32, BlockError> {
        let end = name.base + name.count;
        let pages = &self.directory.section(Kind::Dictionary).pages;
        let first = pages.partition_point(|p| p.first <= name.base);
        let last = pages.partition_point(|p| p.first < end);
        let later = self.directory.first_values[first..last.max(first)].partition_point(|v| v.as_str() <= value);
        let Some(number) = (first + later).checked_sub(1) else { return Ok(end) };
        let dictionary = self.page::<Dictionary>(Kind::Dictionary, number)?;
        let start = pages[number].first;
        let from = name.base.saturating_sub(start) as usize;
        let to = dictionary.len().min((end - start) as usize);
        let (mut low, mut high) = (from, to);
        while low < high {
            let middle = low + (high - low) / 2;
            if dictionary.get(middle).is_some_and(|v| v < value) { low = middle + 1 } else { high = middle }
        }
        Ok(start + low as u32)
    }

    /// Calls `f` for each pair of a range and its value until it answers false.
    pub(super) fn each_value(&self, pairs: Range<u32>, mut f: impl FnMut(u32, &str) -> bool) -> Result<(), BlockError> {
        let mut next = pairs.start;
        while next < pairs.end {
            let kind = Kind::Dictionary;
            let Some(number) = self.directory.section(kind).page_of(next) else { return Ok(()) };
            let dictionary = self.page::<Dictionary>(kind, number)?;
            let first = self.page_ref(kind, number).first;
            let before = next;
            while next < pairs.end
                && let Some(value) = dictionary.get((next - first) as usize)
            {
                if !f(next, value) {
                    return Ok(());
                }
                next += 1;
            }
            if next == before {
                let what = crate::bytes::Corrupt { what: "dictionary size", at: 0 };
                return Err(self.corrupt(kind, number, what));
            }
        }
        Ok(())
    }

    /// The pairs whose value matches: looked up when the values are known, else tried from the known prefix on.
    fn regex_hits(&self, name: &Name, regex: &Regex) -> Result<Hits, BlockError> {
        let mut hits = Hits::default();
        if regex.matches_everything() || regex.matches_nonempty() {
            return Ok(hits.others(name));
        }
        if let Some(literals) = regex.set_of_literals() {
            for literal in literals {
                self.find_value(name, literal)?.into_iter().for_each(|pair| hits.push(pair));
            }
            return Ok(hits);
        }
        let prefix = regex.prefix().unwrap_or("");
        let start = if prefix.is_empty() { name.base } else { self.lower_bound(name, prefix)? };
        let (end, kind) = (name.base + name.count, Kind::Dictionary);
        let (mut next, mut finder) = (start, None);
        while next < end {
            let Some(number) = self.directory.section(kind).page_of(next) else { break };
            let dictionary = self.page::<Dictionary>(kind, number)?;
            let first = self.page_ref(kind, number).first;
            let last = end.min(first + dictionary.len() as u32);
            let Some(newest) = (next < last).then(|| dictionary.get((last - 1 - first) as usize)).flatten() else {
                let what = crate::bytes::Corrupt { what: "dictionary size", at: 0 };
                return Err(self.corrupt(kind, number, what));
            };
            let finder = finder.get_or_insert_with(|| regex.finder(dictionary.texts()));
            finder.find(dictionary.texts(), |i| {
                let pair = first + i as u32;
                if (next..last).contains(&pair) {
                    hits.push(pair);
                }
            });
            // Values are sorted: those with the prefix end here.
            if !newest.starts_with(prefix) {
                break;
            }
            next = last;
        }
        Ok(hits)
    }
}
