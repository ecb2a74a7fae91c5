//! From labels to series.

use hashbrown::HashMap;
use nightjar_model::regex::Regex;
use nightjar_model::{MatchOp, Matcher};

use super::dictionary::Dictionary;
use super::found::{Found, MANY};
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
    values: Dictionary,
    /// Number of the pair by number of the value.
    pairs: Vec<u32>,
    found: Found,
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
        match name.values.find_or_add(value) {
            (value, false) => name.pairs[value as usize],
            (_, true) => {
                let number = self.postings.len() as u32;
                name.pairs.push(number);
                number
            }
        }
    }

    /// The values of a label and their series, in no order.
    fn values<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = (&'a str, &'a Postings)> + Clone {
        name.values.iter().zip(&name.pairs).map(|(value, number)| (value, &self.postings[*number as usize]))
    }

    /// Number of series with a label pair.
    pub(crate) fn count(&self, name: &str, value: &str) -> usize {
        let find = |entry: &Name| Some(entry.pairs[entry.values.find(value)? as usize]);
        self.names.get(name).and_then(find).map_or(0, |pair| self.postings[pair as usize].len())
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
            for (value, number) in entry.values.iter().zip(entry.pairs) {
                let Some(postings) = postings.get_mut(number as usize).and_then(Option::take) else { continue };
                match name.values.find_or_add(value) {
                    (own, false) => {
                        let own = &mut self.postings[name.pairs[own as usize] as usize];
                        postings.iter().for_each(|id| own.push(id));
                    }
                    (_, true) => {
                        name.pairs.push(self.postings.len() as u32);
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
        let (narrowing, widening): (Vec<_>, Vec<_>) = matchers.iter().partition(|m| !m.matches_empty());
        let mut lists = Vec::with_capacity(narrowing.len());
        for m in narrowing {
            let Some(name) = self.names.get(&*m.name) else { return Vec::new() };
            let list = match (m.op, name.values.find(&m.value)) {
                (MatchOp::Equal, None) => return Vec::new(),
                (MatchOp::Equal, Some(value)) => Ids::One(&self.postings[name.pairs[value as usize] as usize]),
                _ => Ids::Many(self.union(self.satisfying(name, m, true))),
            };
            lists.push(list);
        }
        // The shortest list first: the others only take away.
        lists.sort_by_cached_key(Ids::len);
        let mut lists = lists.into_iter();
        let mut ids = lists.next().map_or_else(|| (0..self.series).collect(), Ids::into_vec);
        for list in lists {
            match list {
                Ids::One(postings) => postings.retain(&mut ids, true),
                Ids::Many(union) => keep(&mut ids, &union, true),
            }
        }
        for m in widening {
            if let Some(name) = self.names.get(&*m.name) {
                let mut others = self.satisfying(name, m, false);
                match (others.next(), others.next()) {
                    (None, _) => {}
                    (Some(one), None) => one.retain(&mut ids, false),
                    (Some(a), Some(b)) => keep(&mut ids, &self.union([a, b].into_iter().chain(others)), false),
                }
            }
        }
        ids
    }

    /// About how many ids [`Index::select`] goes through; nothing when it must search many values for a pattern.
    pub(crate) fn effort(&self, matchers: &[Matcher]) -> Option<usize> {
        let (mut collected, mut candidates) = (0, self.series as usize);
        for m in matchers {
            let Some(name) = self.names.get(&*m.name) else { continue };
            let ids = match (m.op, m.regex()) {
                (MatchOp::Equal, _) => self.count(&m.name, &m.value),
                (_, Some(regex)) => {
                    let ids = self.hits(name, regex)?;
                    collected += ids;
                    ids
                }
                (_, None) => continue,
            };
            if matches!(m.op, MatchOp::Equal | MatchOp::Regex) && !m.matches_empty() {
                candidates = candidates.min(ids);
            }
        }
        Some(collected + candidates)
    }

    /// At most about how many series have a value that matches, if that is known without a search.
    fn hits(&self, name: &Name, regex: &Regex) -> Option<usize> {
        let ids = |value: u32| self.postings[name.pairs[value as usize] as usize].len();
        if let Some(literals) = regex.set_of_literals() {
            return Some(literals.iter().filter_map(|value| name.values.find(value)).map(ids).sum());
        }
        match name.found.known(&name.values, regex) {
            Some(values) => Some(values.into_iter().map(ids).sum()),
            None => (name.values.len() < MANY).then_some(self.series as usize),
        }
    }

    /// Series by value, for the values that satisfy a matcher, or for those that do not.
    fn satisfying<'a>(
        &'a self,
        name: &'a Name,
        m: &Matcher,
        satisfy: bool,
    ) -> Box<dyn Iterator<Item = &'a Postings> + 'a> {
        let negated = matches!(m.op, MatchOp::NotEqual | MatchOp::NotRegex);
        let hits = match m.regex() {
            None => name.values.find(&m.value).into_iter().collect(),
            Some(regex) if regex.matches_everything() || regex.matches_nonempty() => {
                return match negated == satisfy {
                    true => Box::new(std::iter::empty()),
                    false => Box::new(self.postings_of(name, 0..name.values.len())),
                };
            }
            Some(regex) => match regex.set_of_literals() {
                Some(literals) => {
                    let mut hits: Vec<u32> = literals.iter().filter_map(|value| name.values.find(value)).collect();
                    hits.sort_unstable();
                    hits
                }
                None => name.found.search(&name.values, regex),
            },
        };
        if negated != satisfy {
            return Box::new(self.postings_of(name, hits.into_iter()));
        }
        let mut hits = hits.into_iter().peekable();
        Box::new(self.postings_of(name, (0..name.values.len()).filter(move |n| hits.next_if_eq(n).is_none())))
    }

    fn postings_of<'a>(
        &'a self,
        name: &'a Name,
        values: impl Iterator<Item = u32> + 'a,
    ) -> impl Iterator<Item = &'a Postings> {
        values.map(|value| &self.postings[name.pairs[value as usize] as usize])
    }

    /// All ids of some lists, ascending, each once: a label has one value a series, so lists of one name are disjoint.
    fn union<'a>(&self, mut lists: impl Iterator<Item = &'a Postings>) -> Vec<u32> {
        let mut ids: Vec<u32> = lists.next().into_iter().flat_map(Postings::iter).collect();
        let first = ids.len();
        lists.for_each(|list| ids.extend(list.iter()));
        if ids.len() == first {
            return ids;
        }
        if ids.len() < self.series as usize / 16 {
            ids.sort_unstable();
            return ids;
        }
        let mut words = vec![0u64; self.series as usize / 64 + 1];
        ids.iter().for_each(|id| words[*id as usize / 64] |= 1 << (id % 64));
        ids.clear();
        for (number, word) in words.into_iter().enumerate() {
            ids.extend(crate::wal::rows::bits(word).map(|bit| number as u32 * 64 + bit));
        }
        ids
    }
}

/// Ascending ids on their way into a selection.
enum Ids<'a> {
    One(&'a Postings),
    Many(Vec<u32>),
}

impl Ids<'_> {
    fn len(&self) -> usize {
        match self {
            Ids::One(postings) => postings.len(),
            Ids::Many(ids) => ids.len(),
        }
    }

    fn into_vec(self) -> Vec<u32> {
        match self {
            Ids::One(postings) => postings.iter().collect(),
            Ids::Many(ids) => ids,
        }
    }
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
            assert!(index.effort(&matchers).unwrap() >= expected.len(), "{matchers:?}");
        }
    }
}
