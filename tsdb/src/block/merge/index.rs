//! What the index will say about merged series, waiting in the spill.

use std::io;

use nightjar_model::ClosedRange;
use nightjar_platform::Disk;

use crate::block::assembly::Indexed;
use crate::block::spill::{Extent, Spill};
use crate::bytes::{Corrupt, Cursor, put_varint, put_zigzag};

/// Records are spilled in pieces of this.
const PIECE_BYTES: usize = 64 << 10;

/// Records of series in order of labels.
#[derive(Default)]
pub(super) struct IndexSpool {
    piece: Vec<u8>,
    pieces: Vec<Extent>,
}

impl IndexSpool {
    /// Adds the next series.
    pub(super) fn push<D: Disk>(&mut self, s: Indexed<'_>, spill: &mut Spill<D>) -> io::Result<()> {
        let out = &mut self.piece;
        put_varint(s.pairs.len() as u64, out);
        let mut last = 0;
        for pair in s.pairs {
            put_varint(u64::from(pair - std::mem::replace(&mut last, *pair)), out);
        }
        let times = s.times.unwrap_or(ClosedRange { start: 1, end: 0 });
        put_zigzag(times.start, out);
        put_zigzag(times.end, out);
        put_varint(s.samples, out);
        put_varint(s.histograms, out);
        if out.len() >= PIECE_BYTES { self.flush(spill) } else { Ok(()) }
    }

    /// Ends the last piece.
    pub(super) fn flush<D: Disk>(&mut self, spill: &mut Spill<D>) -> io::Result<()> {
        if !self.piece.is_empty() {
            self.pieces.push(spill.put(&self.piece)?);
            self.piece.clear();
        }
        Ok(())
    }

    /// Calls `each` with every series; pair `n` is told as `numbers[n]`.
    pub(super) fn walk<D: Disk>(
        &self,
        spill: &Spill<D>,
        numbers: &[u32],
        each: &mut dyn FnMut(Indexed<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let (mut bytes, mut pairs) = (Vec::new(), Vec::new());
        for piece in &self.pieces {
            bytes.clear();
            spill.get(*piece, &mut bytes)?;
            let mut cursor = Cursor::new(&bytes);
            while !cursor.is_empty() {
                let (times, samples, histograms) = read(&mut cursor, numbers, &mut pairs).map_err(io::Error::other)?;
                each(Indexed { pairs: &pairs, times, samples, histograms })?;
            }
        }
        Ok(())
    }
}

fn read(
    cursor: &mut Cursor<'_>,
    numbers: &[u32],
    pairs: &mut Vec<u32>,
) -> Result<(Option<ClosedRange>, u64, u64), Corrupt> {
    const WHAT: &str = "spilled series";
    let corrupt = cursor.corrupt(WHAT);
    let mut pair = 0;
    pairs.clear();
    for _ in 0..cursor.count(1, WHAT)? {
        pair += cursor.varint(WHAT)? as usize;
        pairs.push(*numbers.get(pair).ok_or(corrupt)?);
    }
    let times = ClosedRange { start: cursor.zigzag(WHAT)?, end: cursor.zigzag(WHAT)? };
    let times = (times.start <= times.end).then_some(times);
    Ok((times, cursor.varint(WHAT)?, cursor.varint(WHAT)?))
}
