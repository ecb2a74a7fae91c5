//! From labels to series.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use nightjar_model::Matcher;

use super::postings::Postings;

/// Series by label pair.
#[derive(Debug, Default)]
pub(crate) struct Index {
    names: HashMap<Box<str>, Name>,
    series: u32,
}

/// What is known about one label name.
#[derive(Debug, Default)]
pub(crate) struct Name {
    /// Series by value.
    pub(crate) values: HashMap<Box<str>, Postings>,
}

impl Index {
    /// Adds the next series (ids count up from 0 without gaps).
    pub(crate) fn add<'a>(&mut self, id: u32, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
        self.series = id + 1;
        for (name, value) in pairs {
            let name = match self.names.get_mut(name) {
                Some(name) => name,
                None => self.names.entry(name.into()).or_default(),
            };
            match name.values.get_mut(value) {
                Some(postings) => postings.push(id),
                None => {
                    name.values.insert(value.into(), Postings::One(id));
                }
            }
        }
    }

    /// All label names, in no order.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, &Name)> {
        self.names.iter().map(|(name, entry)| (&**name, entry))
    }

    /// Takes in an index whose ids come after all of this one's.
    pub(crate) fn absorb(&mut self, later: Index) {
        self.series = self.series.max(later.series);
        for (name, entry) in later.names {
            let name = self.names.entry(name).or_default();
            for (value, postings) in entry.values {
                match name.values.entry(value) {
                    Entry::Occupied(mut own) => postings.iter().for_each(|id| own.get_mut().push(id)),
                    Entry::Vacant(free) => {
                        free.insert(postings);
                    }
                }
            }
        }
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
                let Some(postings) = name.values.get(&*m.value) else { return Vec::new() };
                match &mut ids {
                    None => ids = Some(postings.iter().collect()),
                    Some(ids) => postings.retain(ids, true),
                }
            } else {
                let union = union(name.values.iter().filter(|(v, _)| m.matches(v)).map(|(_, p)| p));
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
                let mut others = name.values.iter().filter(|(v, _)| !m.matches(v)).map(|(_, p)| p);
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
            index.add(id as u32, pairs.iter().copied());
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
