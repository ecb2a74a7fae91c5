//! When what is stored for a time has changed last.

use std::collections::BTreeMap;

use nightjar_model::{ClosedRange, TimestampMs};

/// Changes are told by stretches of this length,
const STRETCH_MS: i64 = 60_000;
/// and beyond so many pieces the older half is told as one.
const PIECES: usize = 1 << 14;

/// Numbers of changes over time: a piece holds from its key to the next one. There is always a first piece.
#[derive(Debug)]
pub(crate) struct Changes {
    pieces: BTreeMap<i64, u64>,
    newest: u64,
}

impl Default for Changes {
    fn default() -> Changes {
        Changes { pieces: BTreeMap::from([(i64::MIN, 0)]), newest: 0 }
    }
}

fn stretch(t: TimestampMs) -> i64 {
    t.div_euclid(STRETCH_MS)
}

impl Changes {
    /// Notes one change of everything in these ranges.
    pub(crate) fn note(&mut self, ranges: impl Iterator<Item = ClosedRange>) {
        self.newest += 1;
        let mut last = None;
        for range in ranges {
            let (first, end) = (stretch(range.start), stretch(range.end) + 1);
            if first < end && last != Some((first, end)) {
                self.set(first, end);
                last = Some((first, end));
            }
        }
        if self.pieces.len() > PIECES {
            self.thin();
        }
    }

    fn set(&mut self, first: i64, end: i64) {
        let behind = self.pieces.range(..=end).next_back().map_or(0, |(_, number)| *number);
        let inner: Vec<i64> = self.pieces.range(first..end).map(|(key, _)| *key).collect();
        inner.iter().for_each(|key| {
            self.pieces.remove(key);
        });
        self.pieces.insert(first, self.newest);
        self.pieces.entry(end).or_insert(behind);
    }

    fn thin(&mut self) {
        let Some(middle) = self.pieces.keys().nth(PIECES / 2).copied() else { return };
        let newer = self.pieces.split_off(&middle);
        let greatest = self.pieces.values().copied().max().unwrap_or(0);
        self.pieces = newer;
        self.pieces.insert(i64::MIN, greatest);
    }

    /// The number of the last change in `range`; 0 = none since the start.
    pub(crate) fn last(&self, range: ClosedRange) -> u64 {
        if range == ClosedRange::ALL {
            return self.newest;
        }
        let (first, last) = (stretch(range.start), stretch(range.end));
        if first > last {
            return 0;
        }
        let before = self.pieces.range(..=first).next_back().map_or(0, |(_, number)| *number);
        self.pieces.range(first..=last).map(|(_, number)| *number).fold(before, u64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn minutes(start: i64, end: i64) -> ClosedRange {
        ClosedRange { start: start * STRETCH_MS, end: end * STRETCH_MS }
    }

    #[test]
    fn only_what_changed_is_told() {
        let mut changes = Changes::default();
        changes.note([minutes(10, 12), minutes(20, 20)].into_iter());
        changes.note(std::iter::once(ClosedRange { start: i64::MIN, end: 10 * STRETCH_MS }));
        let table =
            [((0, 5), 2), ((11, 12), 1), ((12, 19), 1), ((13, 19), 0), ((13, 20), 1), ((21, 99), 0), ((0, 99), 2)];
        for ((start, end), number) in table {
            assert_eq!(changes.last(minutes(start, end)), number, "{start} to {end}");
        }
        changes.note(std::iter::once(ClosedRange::ALL));
        assert_eq!(changes.last(minutes(13, 19)), 3);
    }

    proptest! {
        #[test]
        fn as_if_each_minute_were_told(notes in prop::collection::vec((-40..40i64, 0..9i64), 0..60)) {
            let (mut changes, mut each) = (Changes::default(), BTreeMap::new());
            for (i, (start, len)) in notes.iter().enumerate() {
                changes.note(std::iter::once(minutes(*start, start + len)));
                (*start..=start + len).for_each(|minute| { each.insert(minute, i as u64 + 1); });
            }
            for minute in -50..60 {
                prop_assert_eq!(changes.last(minutes(minute, minute)), each.get(&minute).copied().unwrap_or(0));
            }
        }
    }

    #[test]
    fn many_pieces_become_fewer_and_miss_nothing() {
        let mut changes = Changes::default();
        for minute in 0..40_000 {
            changes.note(std::iter::once(minutes(3 * minute, 3 * minute)));
        }
        assert!(changes.pieces.len() <= PIECES + 1);
        assert!(changes.last(minutes(0, 0)) >= 1);
        assert_eq!(changes.last(minutes(3 * 39_999, i64::MAX / STRETCH_MS)), 40_000);
    }
}
