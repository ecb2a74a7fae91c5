//! When counting began, as encodings 4 to 6 remember it: one byte of header says whether the first sample has a start and
//! from which sample on every sample carries a difference.

use super::bits::BitReader;
use crate::bytes::Corrupt;

/// Reads start times.
#[derive(Default)]
pub(super) struct StartTimes {
    first_known: bool,
    changes_on: u64,
    difference: i64,
    start: i64,
}

impl StartTimes {
    /// From the header byte.
    pub(super) fn new(header: u8) -> StartTimes {
        StartTimes { first_known: header & 0x80 != 0, changes_on: u64::from(header & 0x7f), ..StartTimes::default() }
    }

    /// The start of sample `i`, taken at `t`, the one before it at `previous`.
    pub(super) fn read(&mut self, r: &mut BitReader<'_>, i: u64, t: i64, previous: i64) -> Result<i64, Corrupt> {
        const WHAT: &str = "chunk start time";
        if i == 0 {
            if self.first_known {
                self.difference = r.varint(WHAT)?;
                self.start = t.wrapping_sub(self.difference);
            }
        } else if self.changes_on > 0 && i >= self.changes_on {
            let read = r.varbit(WHAT)?;
            self.difference = if i == self.changes_on { read } else { self.difference.wrapping_add(read) };
            self.start = previous.wrapping_sub(self.difference);
        }
        Ok(self.start)
    }
}
