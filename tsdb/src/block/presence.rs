//! Which timestamps of a timeline a series has samples at, as runs.

use std::ops::Range;

use crate::bytes::{Corrupt, Cursor, put_varint};
use crate::codec::column::{Encoder, decode_i64};

/// Ascending, disjoint, not touching runs of timeline positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Runs(Vec<Range<usize>>);

impl Runs {
    /// All of `n` positions.
    pub(super) fn all(n: usize) -> Runs {
        Runs(std::iter::once(0..n).filter(|run| !run.is_empty()).collect())
    }

    /// The set bits among the first `n`; `None` when a later bit is set.
    pub(super) fn from_bitmap(words: &[u64], n: usize) -> Option<Runs> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for (i, word) in words.iter().enumerate() {
            let mut left = *word;
            while left != 0 {
                let at = left.trailing_zeros() as usize;
                let len = (left >> at).trailing_ones() as usize;
                let start = i * 64 + at;
                match runs.last_mut() {
                    Some(last) if last.end == start => last.end += len,
                    _ => runs.push(start..start + len),
                }
                left = if at + len == 64 { 0 } else { left & (u64::MAX << (at + len)) };
            }
        }
        runs.last().is_none_or(|last| last.end <= n).then_some(Runs(runs))
    }

    /// The positions of `times` within `all`, of which they are a part; both ascend.
    pub(super) fn of(times: &[i64], all: &[i64]) -> Runs {
        if times.len() == all.len() {
            return Runs::all(all.len());
        }
        let mut runs: Vec<Range<usize>> = Vec::new();
        let mut at = 0;
        for t in times {
            while at < all.len() && all[at] < *t {
                at += 1;
            }
            match runs.last_mut() {
                Some(last) if last.end == at => last.end += 1,
                _ => runs.push(at..at + 1),
            }
            at += 1;
        }
        Runs(runs)
    }

    /// The runs.
    pub(super) fn as_slice(&self) -> &[Range<usize>] {
        &self.0
    }

    /// Number of positions.
    pub(super) fn count(&self) -> usize {
        self.0.iter().map(ExactSizeIterator::len).sum()
    }

    /// Whether these are the first `n` positions without a gap.
    pub(super) fn is_all(&self, n: usize) -> bool {
        matches!(self.0.as_slice(), [run] if *run == (0..n))
    }

    /// The runs inside `window`, and how many positions come before it.
    pub(super) fn clip(&self, window: Range<usize>) -> (Runs, usize) {
        let before = self.0.iter().map(|r| r.end.min(window.start).saturating_sub(r.start)).sum();
        let clipped = self.0.iter().map(|r| r.start.max(window.start)..r.end.min(window.end));
        (Runs(clipped.filter(|r| !r.is_empty()).collect()), before)
    }

    /// The same runs, counted from `origin` (not above the first).
    pub(super) fn shifted_down(self, origin: usize) -> Runs {
        Runs(self.0.into_iter().map(|r| r.start - origin..r.end - origin).collect())
    }

    /// Appends the number of runs, the gaps before them and their lengths.
    pub(super) fn encode(&self, encoder: &mut Encoder, out: &mut Vec<u8>) {
        put_varint(self.0.len() as u64, out);
        let mut end = 0;
        let gaps: Vec<i64> = self.0.iter().map(|r| (r.start - std::mem::replace(&mut end, r.end)) as i64).collect();
        let lens: Vec<i64> = self.0.iter().map(|r| r.len() as i64).collect();
        encoder.integers(&gaps, out);
        encoder.integers(&lens, out);
    }

    /// Reads what [`Runs::encode`] wrote for a timeline of `n` positions.
    pub(super) fn decode(cursor: &mut Cursor<'_>, n: usize) -> Result<Runs, Corrupt> {
        let corrupt = cursor.corrupt("presence");
        let count = usize::try_from(cursor.varint("presence")?).ok().filter(|c| *c <= n).ok_or(corrupt)?;
        let (mut gaps, mut lens) = (Vec::new(), Vec::new());
        decode_i64(cursor, count, &mut gaps)?;
        decode_i64(cursor, count, &mut lens)?;
        let mut runs = Vec::with_capacity(count);
        let mut end = 0usize;
        for (i, (gap, len)) in gaps.into_iter().zip(lens).enumerate() {
            let positive = |v: i64, least: i64| usize::try_from(v).ok().filter(|_| v >= least).ok_or(corrupt);
            let start = end.checked_add(positive(gap, i64::from(i > 0))?).ok_or(corrupt)?;
            end = start.checked_add(positive(len, 1)?).filter(|e| *e <= n).ok_or(corrupt)?;
            runs.push(start..end);
        }
        Ok(Runs(runs))
    }
}
