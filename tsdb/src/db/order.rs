//! Sorts series by labels.

use std::cmp::Ordering;
use std::ops::Range;

use crate::head::spelling::{compare, raw_pairs};

/// Below this the preparations cost more than they save.
const WORTH: usize = 32;
/// Beyond so much text it is not written out a second time.
const TEXT_BYTES: usize = 64 << 20;
/// Bytes of a key.
const KEY: usize = 16;

/// A series to be sorted: the first bytes in which it differs from others, and where the rest is.
struct Keyed {
    key: u128,
    number: u32,
    rest: Range<u32>,
}

/// The numbers of `spellings` (ranges of `text`, canonical) in the order of their labels; equal ones stay in place.
pub(crate) fn by_labels(text: &[u8], spellings: &[Range<usize>]) -> Vec<u32> {
    let mut numbers: Vec<u32> = (0..spellings.len() as u32).collect();
    let bytes: usize = spellings.iter().map(Range::len).sum();
    let keyed = if spellings.len() < WORTH || bytes > TEXT_BYTES { None } else { keyed(text, spellings) };
    match keyed {
        Some((plain, mut keyed)) => {
            let rest = |k: &Keyed| &plain[k.rest.start as usize..k.rest.end as usize];
            keyed.sort_by(|a, b| match a.key.cmp(&b.key) {
                Ordering::Equal => rest(a).cmp(rest(b)),
                decided => decided,
            });
            numbers.clear();
            numbers.extend(keyed.into_iter().map(|k| k.number));
        }
        None => numbers
            .sort_by(|a, b| compare(&text[spellings[*a as usize].clone()], &text[spellings[*b as usize].clone()])),
    }
    numbers
}

/// The label sets written so that the order of bytes is the order of labels, and a key for each. `None` when a label
/// contains a zero byte, which is what ends names and values here, or when there is too much text.
fn keyed(text: &[u8], spellings: &[Range<usize>]) -> Option<(Vec<u8>, Vec<Keyed>)> {
    let mut plain = Vec::with_capacity(spellings.iter().map(Range::len).sum());
    let mut keyed = Vec::with_capacity(spellings.len());
    let mut shared = usize::MAX;
    for (number, spelling) in spellings.iter().enumerate() {
        let start = plain.len();
        for (name, value) in raw_pairs(&text[spelling.clone()]) {
            plain.extend_from_slice(name);
            plain.push(0);
            plain.extend_from_slice(value);
            plain.push(0);
        }
        let zeros = 2 * raw_pairs(&text[spelling.clone()]).count();
        if plain[start..].iter().filter(|b| **b == 0).count() != zeros {
            return None;
        }
        let range = u32::try_from(start).ok()?..u32::try_from(plain.len()).ok()?;
        let first: &Range<u32> = keyed.first().map_or(&range, |k: &Keyed| &k.rest);
        let (a, b) = (&plain[first.start as usize..first.end as usize], &plain[start..]);
        shared = shared.min(a.iter().zip(b).take(shared).take_while(|(a, b)| a == b).count());
        keyed.push(Keyed { key: 0, number: number as u32, rest: range });
    }
    for k in &mut keyed {
        let start = k.rest.start as usize + shared;
        let end = (start + KEY).min(k.rest.end as usize);
        let mut key = [0; KEY];
        key[..end - start].copy_from_slice(&plain[start..end]);
        k.key = u128::from_be_bytes(key);
        k.rest.start = end as u32;
    }
    Some((plain, keyed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightjar_model::Labels;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_order_is_that_of_labels(
            sets in prop::collection::vec(prop::collection::vec(("[ab_]{1,3}", prop_oneof![20 => "[xy]{1,2}", 20 => "z{120,140}x?", 1 => "\0|x\0"]), 0..4), 0..150),
        ) {
            let (mut text, mut spellings, mut labels) = (Vec::new(), Vec::new(), Vec::new());
            for (i, pairs) in sets.into_iter().enumerate() {
                let start = text.len();
                let set = Labels::from_pairs(pairs);
                set.spell(&mut text);
                spellings.push(start..text.len());
                labels.push((set, i as u32));
            }
            labels.sort();
            prop_assert_eq!(by_labels(&text, &spellings), labels.into_iter().map(|(_, i)| i).collect::<Vec<_>>());
        }
    }
}
