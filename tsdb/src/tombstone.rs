//! What was deleted: series, times, and up to where in the log and in the numbers of blocks.
//!
//! A delete concerns what was stored when it came: frames before a place, and blocks with lower numbers than any file
//! after it. What is written later is not touched, even under the same labels and times.

use nightjar_model::{ClosedRange, Labels, MatchOp, Matcher};

use crate::bytes::{Corrupt, Cursor, put_text, put_varint, put_zigzag};

/// The most bytes the record of one delete may have.
pub(crate) const MAX_BYTES: usize = 64 << 10;

/// A delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tombstone {
    /// The series: all that satisfy these.
    pub(crate) matchers: Vec<Matcher>,
    /// First and last time that is gone.
    pub(crate) times: ClosedRange,
    /// Frames from this place on are not touched.
    pub(crate) before: u64,
    /// Blocks with this number or a greater one are not touched.
    pub(crate) files: u64,
}

const OPS: [MatchOp; 4] = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex];

impl Tombstone {
    /// Whether a series is one of those deleted.
    pub(crate) fn matches(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|m| m.matches(labels.value(&m.name)))
    }

    /// Whether everything `other` deletes is deleted by this one too.
    pub(crate) fn covers(&self, other: &Tombstone) -> bool {
        let times = self.times.start <= other.times.start && other.times.end <= self.times.end;
        times && self.before >= other.before && self.files >= other.files && self.matchers == other.matchers
    }

    /// Appends it.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_zigzag(self.times.start, out);
        put_zigzag(self.times.end, out);
        put_varint(self.before, out);
        put_varint(self.files, out);
        put_varint(self.matchers.len() as u64, out);
        for m in &self.matchers {
            out.push(m.op as u8);
            put_text(&m.name, out);
            put_text(&m.value, out);
        }
    }

    /// Reads what [`Tombstone::put`] wrote.
    pub(crate) fn read(c: &mut Cursor<'_>) -> Result<Tombstone, Corrupt> {
        const WHAT: &str = "tombstone";
        let corrupt = c.corrupt(WHAT);
        let times = ClosedRange { start: c.zigzag(WHAT)?, end: c.zigzag(WHAT)? };
        let (before, files) = (c.varint(WHAT)?, c.varint(WHAT)?);
        let mut matchers = Vec::new();
        for _ in 0..c.count(3, WHAT)? {
            let op = *OPS.get(usize::from(c.u8(WHAT)?)).ok_or(corrupt)?;
            let (name, value) = (c.text(WHAT)?, c.text(WHAT)?);
            matchers.push(Matcher::new(op, name, value).map_err(|_| corrupt)?);
        }
        Ok(Tombstone { matchers, times, before, files })
    }
}
