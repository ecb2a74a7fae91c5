//! What patterns found lately among many values. Values are only ever added, so what was found stays found, and only
//! new values are looked at.

use nightjar_model::regex::Regex;
use parking_lot::Mutex;

use super::dictionary::Dictionary;

/// Below so many values it is not worth it.
pub(crate) const MANY: u32 = 4096;
/// Patterns remembered,
const PATTERNS: usize = 32;
/// with at most so many values each.
const VALUES: usize = 1 << 16;

/// Patterns and what they found, the one used last at the end.
#[derive(Debug, Default)]
pub(crate) struct Found(Mutex<Vec<Entry>>);

#[derive(Clone, Debug)]
struct Entry {
    pattern: String,
    /// Values looked at.
    seen: u32,
    numbers: Vec<u32>,
}

impl Found {
    /// The numbers of the values that match, ascending.
    pub(crate) fn search(&self, values: &Dictionary, regex: &Regex) -> Vec<u32> {
        if values.len() < MANY {
            return search(values, regex, 0);
        }
        let mut entry = self.take(regex.pattern());
        if entry.seen < values.len() {
            entry.numbers.extend(search(values, regex, entry.seen));
            entry.seen = values.len();
        }
        let numbers = entry.numbers.clone();
        if numbers.len() <= VALUES {
            let mut entries = self.0.lock();
            if entries.len() == PATTERNS {
                entries.remove(0);
            }
            entries.push(entry);
        }
        numbers
    }

    /// What [`Found::search`] would find, if it is few and remembered.
    pub(crate) fn known(&self, values: &Dictionary, regex: &Regex) -> Option<Vec<u32>> {
        let entries = self.0.lock();
        let entry = entries.iter().find(|entry| entry.pattern == regex.pattern() && entry.seen == values.len())?;
        (entry.numbers.len() < MANY as usize).then(|| entry.numbers.clone())
    }

    fn take(&self, pattern: &str) -> Entry {
        let mut entries = self.0.lock();
        match entries.iter().position(|entry| entry.pattern == pattern) {
            Some(at) => entries.remove(at),
            None => Entry { pattern: pattern.to_owned(), seen: 0, numbers: Vec::new() },
        }
    }
}

fn search(values: &Dictionary, regex: &Regex, from: u32) -> Vec<u32> {
    let (mut numbers, mut finder) = (Vec::new(), None);
    for (first, texts) in values.runs(from) {
        let finder = finder.get_or_insert_with(|| regex.finder(texts));
        finder.find(texts, |i| {
            let number = first + i as u32;
            if number >= from {
                numbers.push(number);
            }
        });
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_values_are_found_and_old_ones_remembered() {
        let (mut values, found) = (Dictionary::default(), Found::default());
        let regex = Regex::anchored(".*[05]7").unwrap();
        let add = |values: &mut Dictionary, range: std::ops::Range<u32>| {
            range.for_each(|i| {
                values.find_or_add(&i.to_string());
            });
        };
        for end in [10, 5000, 9999, 10_000, 10_100] {
            add(&mut values, 0..end);
            let expected: Vec<u32> = (0..end).filter(|i| i % 50 == 7 && *i > 50 || *i == 57).collect();
            assert_eq!(found.search(&values, &regex), expected, "{end}");
            let known = found.known(&values, &regex);
            assert_eq!(known, (end >= MANY).then_some(expected), "{end}");
        }
        for i in 0..2 * PATTERNS {
            found.search(&values, &Regex::anchored(&format!("{i}.+")).unwrap());
        }
        assert_eq!(found.0.lock().len(), PATTERNS);
    }
}
