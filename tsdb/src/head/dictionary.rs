//! The values of one label, each once, numbered in order of arrival. They lie one after the other, so that a pattern is
//! searched in thousands of them at once.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use nightjar_model::regex::Texts;

/// Values that lie together.
const CHUNK: usize = 4096;

/// Numbered values.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    chunks: Vec<Chunk>,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

#[derive(Debug, Default)]
struct Chunk {
    text: String,
    ends: Vec<u32>,
}

impl Chunk {
    fn texts(&self) -> Texts<'_> {
        Texts { text: &self.text, ends: &self.ends }
    }
}

fn get(chunks: &[Chunk], number: u32) -> &str {
    let number = number as usize;
    chunks.get(number / CHUNK).map_or("", |chunk| chunk.texts().get(number % CHUNK))
}

impl Dictionary {
    /// How many values there are.
    pub(crate) fn len(&self) -> u32 {
        self.numbers.len() as u32
    }

    /// The value with this number; empty when there is none.
    pub(crate) fn get(&self, number: u32) -> &str {
        get(&self.chunks, number)
    }

    /// The number of a value.
    pub(crate) fn find(&self, value: &str) -> Option<u32> {
        self.numbers.find(self.hasher.hash_one(value), |number| self.get(*number) == value).copied()
    }

    /// The number of a value, which gets the next one if it is new; whether it is.
    pub(crate) fn find_or_add(&mut self, value: &str) -> (u32, bool) {
        if let Some(number) = self.find(value) {
            return (number, false);
        }
        let number = self.len();
        if self.chunks.last().is_none_or(|chunk| chunk.ends.len() == CHUNK) {
            self.chunks.push(Chunk::default());
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.text.push_str(value);
            chunk.ends.push(chunk.text.len() as u32);
        }
        let (hasher, chunks) = (&self.hasher, &self.chunks);
        let hash = |number: &u32| hasher.hash_one(get(chunks, *number));
        self.numbers.insert_unique(hasher.hash_one(value), number, hash);
        (number, true)
    }

    /// Values that lie together, and the number of the first; from the run on that holds `number`.
    pub(crate) fn runs(&self, number: u32) -> impl Iterator<Item = (u32, Texts<'_>)> {
        let chunks = self.chunks.iter().enumerate().skip(number as usize / CHUNK);
        chunks.map(|(i, chunk)| ((i * CHUNK) as u32, chunk.texts()))
    }

    /// All values by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        self.chunks.iter().flat_map(|chunk| (0..chunk.ends.len()).map(|i| chunk.texts().get(i)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_numbers() {
        let mut dictionary = Dictionary::default();
        for i in 0..3 * CHUNK as u32 {
            assert_eq!(dictionary.find_or_add(&format!("value {i}")), (i, true));
            assert_eq!(dictionary.find_or_add(&format!("value {}", i / 2)), (i / 2, false));
        }
        assert_eq!(dictionary.find("value 5000"), Some(5000));
        assert_eq!(dictionary.find("value"), None);
        assert_eq!(dictionary.len() as usize, dictionary.iter().count());
        let numbers: Vec<u32> = dictionary.runs(CHUNK as u32).map(|(first, _)| first).collect();
        assert_eq!(numbers, [CHUNK as u32, 2 * CHUNK as u32]);
        let runs = dictionary.runs(0).flat_map(|(_, texts)| (0..texts.ends.len()).map(move |i| texts.get(i)));
        assert!(runs.eq(dictionary.iter()));
    }
}
