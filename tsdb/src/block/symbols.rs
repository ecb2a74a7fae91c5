//! Label pairs as numbers: first in order of appearance, at the end in order of name and value.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashTable};
use nightjar_model::Labels;
use std::hash::BuildHasher;

/// All pairs met so far.
#[derive(Default)]
pub(super) struct Symbols {
    names: Vec<String>,
    name_ids: HashMap<String, u32>,
    /// Values one after the other.
    text: String,
    pairs: Vec<Pair>,
    index: HashTable<u32>,
    state: FixedState,
}

#[derive(Clone, Copy)]
struct Pair {
    name: u32,
    len: u32,
    start: u64,
}

/// All pairs in order of name and value.
pub(super) struct SortedPairs {
    symbols: Symbols,
    /// Appearance numbers in order.
    order: Vec<u32>,
}

impl Symbols {
    /// Appends the numbers of the pairs of `labels`, in order of name.
    pub(super) fn intern(&mut self, labels: &Labels, out: &mut Vec<u32>) {
        for label in labels.iter() {
            let name = match self.name_ids.get(label.name) {
                Some(id) => *id,
                None => {
                    let id = self.names.len() as u32;
                    self.names.push(label.name.to_owned());
                    self.name_ids.insert(label.name.to_owned(), id);
                    id
                }
            };
            out.push(self.pair(name, label.value));
        }
    }

    fn pair(&mut self, name: u32, value: &str) -> u32 {
        let Symbols { text, pairs, index, state, .. } = self;
        let value_of = |p: Pair| &text[p.start as usize..p.start as usize + p.len as usize];
        let hash = state.hash_one((name, value));
        let same = |id: &u32| pairs[*id as usize].name == name && value_of(pairs[*id as usize]) == value;
        if let Some(id) = index.find(hash, same) {
            return *id;
        }
        let id = pairs.len() as u32;
        index.insert_unique(hash, id, |id| {
            let pair = pairs[*id as usize];
            state.hash_one((pair.name, value_of(pair)))
        });
        pairs.push(Pair { name, len: value.len() as u32, start: text.len() as u64 });
        text.push_str(value);
        id
    }

    /// Sorts. Also answers the place of each appearance number.
    pub(super) fn sort(mut self) -> (SortedPairs, Vec<u32>) {
        self.index = HashTable::new();
        let mut order: Vec<u32> = (0..self.pairs.len() as u32).collect();
        order.sort_unstable_by(|a, b| self.text_of(*a).cmp(&self.text_of(*b)));
        let mut places = vec![0; order.len()];
        for (place, id) in order.iter().enumerate() {
            places[*id as usize] = place as u32;
        }
        (SortedPairs { symbols: self, order }, places)
    }

    fn text_of(&self, id: u32) -> (&str, &str) {
        let pair = self.pairs[id as usize];
        let start = pair.start as usize;
        (&self.names[pair.name as usize], &self.text[start..start + pair.len as usize])
    }
}

impl SortedPairs {
    /// Number of pairs.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Name and value at a place.
    pub(super) fn get(&self, place: usize) -> (&str, &str) {
        self.symbols.text_of(self.order[place])
    }

    /// Names in order, each with its number of values.
    pub(super) fn names(&self) -> Vec<(String, u32)> {
        let mut names: Vec<(String, u32)> = Vec::new();
        for place in 0..self.len() {
            let (name, _) = self.get(place);
            match names.last_mut() {
                Some((last, count)) if last == name => *count += 1,
                _ => names.push((name.to_owned(), 1)),
            }
        }
        names
    }
}
