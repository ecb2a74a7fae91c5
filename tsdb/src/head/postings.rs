//! Ascending lists of series.

/// The series that have one label pair. Ids are added in ascending order only.
///
/// Series arrive target by target, so `job` and `instance` are a few long ranges, while a metric name is scattered:
/// a list starts as ranges and turns into single ids when ranges do not pay.
#[derive(Clone, Debug)]
#[expect(
    clippy::box_collection,
    reason = "most lists are one id: sixteen bytes instead of twenty-four, a million times"
)]
pub(crate) enum Postings {
    /// One series.
    One(u32),
    /// Consecutive ids.
    Ranges(Box<Ranges>),
    /// Every id.
    List(Box<Vec<u32>>),
}

/// Ascending ranges.
#[derive(Clone, Debug)]
pub(crate) struct Ranges {
    /// First and last id of each.
    list: Vec<(u32, u32)>,
    /// Ids in all of them.
    len: u32,
}

impl Ranges {
    fn of(list: Vec<(u32, u32)>) -> Postings {
        Postings::Ranges(Box::new(Ranges { list, len: 2 }))
    }
}

/// Ranges are kept while they hold at least this many ids each.
const PAYS: usize = 3;
const JUDGED_FROM: usize = 16;

impl Postings {
    /// Adds an id greater than all before it; the last one again is ignored.
    pub(crate) fn push(&mut self, id: u32) {
        match self {
            Postings::One(only) if *only == id => {}
            Postings::One(only) if *only + 1 == id => *self = Ranges::of(vec![(*only, id)]),
            Postings::One(only) => *self = Ranges::of(vec![(*only, *only), (id, id)]),
            Postings::Ranges(ranges) => {
                match ranges.list.last_mut() {
                    Some((_, last)) if *last == id => return,
                    Some((_, last)) if *last + 1 == id => *last = id,
                    _ => ranges.list.push((id, id)),
                }
                ranges.len += 1;
                if ranges.list.len() == JUDGED_FROM && self.len() < JUDGED_FROM * PAYS {
                    *self = Postings::List(Box::new(self.iter().collect()));
                }
            }
            Postings::List(list) => {
                if list.last() != Some(&id) {
                    list.push(id);
                }
            }
        }
    }

    /// Number of series. Nothing is walked.
    pub(crate) fn len(&self) -> usize {
        match self {
            Postings::One(_) => 1,
            Postings::Ranges(ranges) => ranges.len as usize,
            Postings::List(list) => list.len(),
        }
    }

    /// Whether `id` is in the list.
    pub(crate) fn contains(&self, id: u32) -> bool {
        match self {
            Postings::One(only) => *only == id,
            Postings::Ranges(ranges) => {
                let next = ranges.list.partition_point(|(first, _)| *first <= id);
                next > 0 && id <= ranges.list[next - 1].1
            }
            Postings::List(list) => list.binary_search(&id).is_ok(),
        }
    }

    /// The ids, ascending.
    pub(crate) fn iter(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        match self {
            Postings::One(only) => Box::new(std::iter::once(*only)),
            Postings::Ranges(ranges) => Box::new(ranges.list.iter().flat_map(|(first, last)| *first..=*last)),
            Postings::List(list) => Box::new(list.iter().copied()),
        }
    }

    /// Keeps those of `ids` (ascending) that are in the list, or those that are not.
    pub(crate) fn retain(&self, ids: &mut Vec<u32>, inside: bool) {
        if self.len() / 16 > ids.len() {
            ids.retain(|id| self.contains(*id) == inside);
            return;
        }
        let mut own = self.iter().peekable();
        ids.retain(|id| {
            while own.next_if(|o| o < id).is_some() {}
            (own.peek() == Some(id)) == inside
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn a_sorted_set(steps in prop::collection::vec(prop_oneof![Just(1u32), 1..5u32, 1..1000u32], 1..200), probe: Vec<u16>) {
            let ids: Vec<u32> = steps.iter().scan(0, |at, step| { *at += step; Some(*at) }).collect();
            let mut postings = Postings::One(ids[0]);
            ids.iter().for_each(|id| postings.push(*id));
            prop_assert_eq!(postings.len(), ids.len());
            prop_assert_eq!(postings.iter().collect::<Vec<_>>(), ids.clone());
            let probe: BTreeSet<u32> = probe.into_iter().map(u32::from).chain(ids.iter().copied().step_by(3)).collect();
            for inside in [true, false] {
                let mut kept: Vec<u32> = probe.iter().copied().collect();
                postings.retain(&mut kept, inside);
                let expected: Vec<u32> = probe.iter().copied().filter(|id| ids.binary_search(id).is_ok() == inside).collect();
                prop_assert_eq!(kept, expected);
            }
        }
    }
}
