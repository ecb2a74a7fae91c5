//! From labels to series.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use nightjar_model::Matcher;

use super::postings::Postings;
use super::spelling::{pair, pair_len};

/// Series by label pair.
#[derive(Debug, Default)]
pub(crate) struct Index {
    names: HashMap<Box<str>, Name>,
    /// Series by number of the pair.
    postings: Vec<Postings>,
    /// The series added last: most of its pairs are those of the next one.
    previous: Vec<u8>,
    /// End within `previous` and number of each of its pairs.
    previous_pairs: Vec<(u32, u32)>,
    series: u32,
}

/// What is known about one label name.
#[derive(Debug, Default)]
pub(crate) struct Name {
    /// Number of the pair by value.
    values: HashMap<Box<str>, u32>,
}

impl Index {
    /// Adds the next series (ids count up from 0 without gaps) by its canonical spelling.
    pub(crate) fn add(&mut self, id: u32, spelling: &[u8]) {
        self.series = id + 1;
        let mut pairs = Vec::with_capacity(self.previous_pairs.len());
        let (mut at, mut before) = (0, 0);
        while let Some(len) = pair_len(&spelling[at..]) {
            let bytes = &spelling[at..at + len];
            at += len;
            let same = self.previous_pairs.get(pairs.len()).map(|(end, number)| {
                let same = &self.previous[before..*end as usize] == bytes;
                before = *end as usize;
                (same, *number)
            });
            let number = match same {
                Some((true, number)) => number,
                _ => self.pair_number(bytes),
            };
            match self.postings.get_mut(number as usize) {
                Some(postings) => postings.push(id),
                None => self.postings.push(Postings::One(id)),
            }
            pairs.push((at as u32, number));
        }
        self.previous.clear();
        self.previous.extend_from_slice(spelling);
        self.previous_pairs = pairs;
    }

    /// The number of a pair, the next one if it is new.
    fn pair_number(&mut self, bytes: &[u8]) -> u32 {
        let (name, value) = pair(bytes).unwrap_or(("", ""));
        let name = match self.names.get_mut(name) {
            Some(name) => name,
            None => self.names.entry(name.into()).or_default(),
        };
        match name.values.get(value) {
            Some(number) => *number,
            None => {
                let number = self.postings.len() as u32;
                name.values.insert(value.into(), number);
                number
            }
        }
    }

    /// The values of a label and their series, in no order.
    fn values<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = (&'a str, &'a Postings)> + Clone {
        name.values.iter().map(|(value, number)| (&**value, &self.postings[*number as usize]))
    }

    /// Number of series with a label pair.
    pub(crate) fn count(&self, name: &str, value: &str) -> usize {
        let number = self.names.get(name).and_then(|entry| entry.values.get(value));
        number.map_or(0, |number| self.postings[*number as usize].len())
    }

    /// All label names, and the values of each with their series, in no order.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = (&str, &Postings)> + Clone)> {
        self.names.iter().map(|(name, entry)| (&**name, self.values(entry)))
    }

    /// Takes in an index whose ids come after all of this one's.
    pub(crate) fn absorb(&mut self, later: Index) {
        self.series = self.series.max(later.series);
        let mut postings: Vec<Option<Postings>> = later.postings.into_iter().map(Some).collect();
        for (name, entry) in later.names {
            let name = self.names.entry(name).or_default();
            for (value, number) in entry.values {
                let Some(postings) = postings.get_mut(number as usize).and_then(Option::take) else { continue };
                match name.values.entry(value) {
                    Entry::Occupied(own) => {
                        let own = &mut self.postings[*own.get() as usize];
                        postings.iter().for_each(|id| own.push(id));
                    }
                    Entry::Vacant(free) => {
                        free.insert(self.postings.len() as u32);
                        self.postings.push(postings);
                    }
                }
            }
        }
        self.previous.clear();
        self.previous_pairs.clear();
    }

    /// Series that satisfy all matchers, ascending.
    pub(crate) fn select(&self, matchers: &[Matcher]) -> Vec<u32> {
        // What requires a label narrows; what tolerates its absence only takes away.
        let (mut narrowing, widening): (Vec<_>, Vec<_>) = matchers.iter().partition(|m| !m.matches_empty());
        narrowing.sort_by_key(|m| m.op as u8);
        let mut ids: Option<Vec<u32>> = None;
        for m in narrowing {
            let Some(name) = self.names.get(&*m.name) else { return Vec::new() };
            if m.op == nightjar_model::MatchOp::Equal {
                let Some(number) = name.values.get(&*m.value) else { return Vec::new() };
                let postings = &self.postings[*number as usize];
                match &mut ids {
                    None => ids = Some(postings.iter().collect()),
                    Some(ids) => postings.retain(ids, true),
                }
            } else {
                let union = union(self.values(name).filter(|(v, _)| m.matches(v)).map(|(_, p)| p));
                match &mut ids {
                    None => ids = Some(union),
                    Some(ids) => keep(ids, &union, true),
                }
            }
            if ids.as_ref().is_some_and(Vec::is_empty) {
                return Vec::new();
            }
        }
        let mut ids = ids.unwrap_or_else(|| (0..self.series).collect());
        for m in widening {
            if let Some(name) = self.names.get(&*m.name) {
                let mut others = self.values(name).filter(|(v, _)| !m.matches(v)).map(|(_, p)| p);
                match (others.next(), others.next()) {
                    (None, _) => {}
                    (Some(one), None) => one.retain(&mut ids, false),
                    (Some(a), Some(b)) => keep(&mut ids, &union([a, b].into_iter().chain(others)), false),
                }
            }
        }
        ids
    }
}

/// All ids of some lists, ascending, each once: a label has one value a series, so lists of one name are disjoint.
fn union<'a>(lists: impl Iterator<Item = &'a Postings>) -> Vec<u32> {
    let mut ids = Vec::new();
    lists.for_each(|list| ids.extend(list.iter()));
    ids.sort_unstable();
    ids
}

/// Keeps those of `ids` that are in `other`, or those that are not; both ascending.
fn keep(ids: &mut Vec<u32>, other: &[u32], inside: bool) {
    let mut at = 0;
    ids.retain(|id| {
        while other.get(at).is_some_and(|o| o < id) {
            at += 1;
        }
        (other.get(at) == Some(id)) == inside
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightjar_model::{MatchOp, Matcher};

    #[test]
    fn matchers() {
        let mut index = Index::default();
        for (id, pairs) in
            [&[("a", "1"), ("b", "x")][..], &[("a", "2")], &[("a", "1")], &[("b", "y")]].iter().enumerate()
        {
            let mut spelling = Vec::new();
            nightjar_model::Labels::from_pairs(pairs.iter().copied()).spell(&mut spelling);
            index.add(id as u32, &spelling);
        }
        let m = |op, name: &str, value: &str| Matcher::new(op, name, value).unwrap();
        use MatchOp::*;
        for (matchers, expected) in [
            (vec![], vec![0, 1, 2, 3]),
            (vec![m(Equal, "a", "1")], vec![0, 2]),
            (vec![m(Equal, "a", "1"), m(Equal, "b", "")], vec![2]),
            (vec![m(Regex, "a", "1|2"), m(NotEqual, "b", "x")], vec![1, 2]),
            (vec![m(Regex, "a", ".*")], vec![0, 1, 2, 3]),
            (vec![m(Regex, "a", ".+"), m(NotRegex, "b", "x|z")], vec![1, 2]),
            (vec![m(NotEqual, "a", "")], vec![0, 1, 2]),
            (vec![m(NotRegex, "b", ".+")], vec![1, 2]),
            (vec![m(Equal, "c", "1")], vec![]),
            (vec![m(Equal, "c", "")], vec![0, 1, 2, 3]),
        ] {
            assert_eq!(index.select(&matchers), expected, "{matchers:?}");
        }
    }
}
