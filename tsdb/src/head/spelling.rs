//! Canonical spellings of our own, taken apart without looking into every pair.

use std::cmp::Ordering;

use nightjar_model::labels::SpellingPairs;

/// Bytes of the pair at the start, tag and length included; `None` at the end.
#[inline]
pub(crate) fn pair_len(bytes: &[u8]) -> Option<usize> {
    let mut len = 0;
    for (i, byte) in bytes.get(1..)?.iter().take(4).enumerate() {
        len |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some(len + i + 2).filter(|n| *n <= bytes.len());
        }
    }
    None
}

/// Names and values, unchecked: for spellings of our own.
pub(crate) fn raw_pairs(mut spelling: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        let len = pair_len(spelling)?;
        let (own, rest) = spelling.split_at(len);
        spelling = rest;
        let body = own.get(own.len() - body_len(own)?..)?;
        let name_end = pair_len(body)?;
        let name = body.get(name_end - body_len(body)?..name_end)?;
        let value = body.get(name_end..)?;
        Some((name, value.get(value.len() - body_len(value)?..)?))
    })
}

/// The length a tag and length at the start announce.
#[inline]
fn body_len(bytes: &[u8]) -> Option<usize> {
    let whole = pair_len(bytes)?;
    let head = 2 + bytes.get(1..)?.iter().take_while(|b| **b & 0x80 != 0).count();
    whole.checked_sub(head)
}

/// The name of one pair, tag and length included; the value is not looked at.
pub(crate) fn name(bytes: &[u8]) -> Option<&str> {
    let body = &bytes[bytes.len() - body_len(bytes)?..];
    let end = pair_len(body)?;
    std::str::from_utf8(body.get(end - body_len(body)?..end)?).ok()
}

/// Name and value of one pair, tag and length included.
pub(crate) fn pair(bytes: &[u8]) -> Option<(&str, &str)> {
    SpellingPairs::new(bytes).next()?.ok()
}

/// The order of two canonical spellings by their labels: that of the first pair in which they differ.
pub(crate) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let mut at = 0;
    loop {
        let (Some(len_a), Some(len_b)) = (pair_len(&a[at..]), pair_len(&b[at..])) else {
            return (a.len() - at).cmp(&(b.len() - at));
        };
        if len_a != len_b || a[at..at + len_a] != b[at..at + len_b] {
            return pair(&a[at..at + len_a]).cmp(&pair(&b[at..at + len_b]));
        }
        at += len_a;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightjar_model::Labels;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn spellings_are_ordered_as_labels(a in pairs(), b in pairs()) {
            let spell = |pairs: &[(String, String)]| {
                let labels = Labels::from_pairs(pairs.iter().cloned());
                let mut out = Vec::new();
                labels.spell(&mut out);
                (labels, out)
            };
            let ((labels_a, a), (labels_b, b)) = (spell(&a), spell(&b));
            prop_assert_eq!(compare(&a, &b), labels_a.cmp(&labels_b));
        }
    }

    fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
        prop::collection::vec(("[ab_]{1,3}", prop_oneof!["[xy]{1,2}", "z{120,140}"]), 0..4)
    }
}
