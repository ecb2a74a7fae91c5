//! Values that wait to be asked for, small.

use nightjar_model::TimestampMs;

use crate::bytes::{Corrupt, Cursor, put_varint};
use crate::wal::value::Base;

/// Values of one series in order, told against the one before: how often it is repeated, then the next one.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    bytes: Vec<u8>,
    base: Base,
    last: u64,
    repeats: u64,
    len: usize,
}

impl Packed {
    /// Adds a value.
    #[inline]
    pub(crate) fn push(&mut self, bits: u64) {
        if bits == self.last && self.len > 0 {
            self.repeats += 1;
        } else {
            put_varint(self.repeats, &mut self.bytes);
            self.base.encode(bits, &mut self.bytes);
            (self.last, self.repeats) = (bits, 0);
        }
        self.len += 1;
    }

    /// Number of values.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// All values.
    pub(crate) fn unpack(&self) -> Vec<f64> {
        let mut values = Vec::with_capacity(self.len);
        // What was packed here comes back; if it did not, the columns would be too short, and nobody would crash.
        let _ = self.fill(&mut values);
        values.resize(self.len, f64::from_bits(self.last));
        values
    }

    fn fill(&self, values: &mut Vec<f64>) -> Result<(), Corrupt> {
        let mut cursor = Cursor::new(&self.bytes);
        let mut base = Base::default();
        while !cursor.is_empty() {
            let repeats = cursor.varint("repeats")? as usize;
            if let Some(last) = values.last().copied() {
                values.resize(values.len() + repeats, last);
            }
            values.push(f64::from_bits(base.decode(&mut cursor)?));
        }
        Ok(())
    }
}

/// Ascending places, mostly neighbours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    ranges: Vec<(u32, u32)>,
    /// Whether a place came that was not behind all others.
    pub(crate) disordered: bool,
}

impl Places {
    /// Adds a place.
    #[inline]
    pub(crate) fn push(&mut self, at: u32) {
        match self.ranges.last_mut() {
            Some((_, end)) if *end == at => *end = at + 1,
            Some((_, end)) => {
                self.disordered |= *end > at;
                self.ranges.push((at, at + 1));
            }
            None => self.ranges.push((at, at + 1)),
        }
    }

    /// Adds the places `start..end`, of which there is at least one.
    pub(crate) fn push_range(&mut self, start: u32, end: u32) {
        match self.ranges.last_mut() {
            Some((_, last)) if *last == start => *last = end,
            Some((_, last)) => {
                self.disordered |= *last > start;
                self.ranges.push((start, end));
            }
            None => self.ranges.push((start, end)),
        }
    }

    /// The places as ranges, in order.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        self.ranges.iter().map(|(start, end)| *start as usize..*end as usize)
    }

    /// Bytes held in memory.
    pub(crate) fn weight(&self) -> usize {
        8 * self.ranges.capacity()
    }

    /// The times at these places.
    pub(crate) fn times<'a>(&'a self, times: &'a [TimestampMs]) -> impl Iterator<Item = TimestampMs> + 'a {
        self.ranges.iter().flat_map(|(start, end)| times[*start as usize..*end as usize].iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn values_come_back(values in prop::collection::vec(prop_oneof![3 => 0..4u64, 1 => any::<u64>(), 1 => Just(nightjar_model::STALE_NAN_BITS)], 0..200)) {
            let mut packed = Packed::default();
            values.iter().for_each(|v| packed.push(*v));
            prop_assert_eq!(packed.unpack().into_iter().map(f64::to_bits).collect::<Vec<_>>(), values);
        }

        #[test]
        fn places_come_back(steps in prop::collection::vec(1..4u32, 0..50)) {
            let at: Vec<u32> = steps.iter().scan(0, |at, s| { *at += s; Some(*at) }).collect();
            let times: Vec<i64> = (0..400).collect();
            let mut places = Places::default();
            at.iter().for_each(|at| places.push(*at));
            prop_assert!(!places.disordered);
            prop_assert_eq!(places.times(&times).map(|t| t as u32).collect::<Vec<_>>(), at);
        }
    }
}
