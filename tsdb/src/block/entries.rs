//! A page of keyed entries: how many, their keys, their lengths, then their bytes one after the other.

use std::ops::Range;

use crate::bytes::{Corrupt, Cursor, put_varint};
use crate::codec::column::{Encoder, decode_i64};

/// The most entries in a page.
pub(super) const MAX_ENTRIES: usize = 1 << 16;

/// A page being filled.
#[derive(Debug, Default)]
pub(super) struct EntriesBuilder {
    keys: Vec<i64>,
    lens: Vec<i64>,
    bytes: Vec<u8>,
    encoder: Encoder,
}

impl EntriesBuilder {
    /// Whether nothing more fits.
    pub(super) fn is_full(&self, page_bytes: usize) -> bool {
        self.bytes.len() >= page_bytes || self.keys.len() >= MAX_ENTRIES
    }

    /// The smallest key; `None` when empty.
    pub(super) fn first(&self) -> Option<u32> {
        self.keys.first().map(|k| *k as u32)
    }

    /// Adds what `write` appends under `key` (not below the last).
    pub(super) fn push<E>(&mut self, key: u32, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        let start = self.bytes.len();
        write(&mut self.bytes)?;
        self.keys.push(i64::from(key));
        self.lens.push((self.bytes.len() - start) as i64);
        Ok(())
    }

    /// Appends the page to `out` and starts the next.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        put_varint(self.keys.len() as u64, out);
        self.encoder.integers(&self.keys, out);
        self.encoder.integers(&self.lens, out);
        out.extend_from_slice(&self.bytes);
        self.keys.clear();
        self.lens.clear();
        self.bytes.clear();
    }
}

/// A page being read.
#[derive(Debug)]
pub(super) struct Entries {
    bytes: Vec<u8>,
    keys: Vec<u32>,
    ends: Vec<u32>,
    body: usize,
}

impl Entries {
    /// Reads the head of a page.
    pub(super) fn parse(bytes: Vec<u8>) -> Result<Entries, Corrupt> {
        const WHAT: &str = "page head";
        let mut cursor = Cursor::new(&bytes);
        let corrupt = cursor.corrupt(WHAT);
        let n = usize::try_from(cursor.varint(WHAT)?).ok().filter(|n| *n <= MAX_ENTRIES).ok_or(corrupt)?;
        let (mut keys, mut lens) = (Vec::new(), Vec::new());
        decode_i64(&mut cursor, n, &mut keys)?;
        decode_i64(&mut cursor, n, &mut lens)?;
        let left = cursor.remaining();
        let keys: Vec<u32> = keys.into_iter().map(u32::try_from).collect::<Result<_, _>>().map_err(|_| corrupt)?;
        let mut end = 0usize;
        let mut ends = Vec::with_capacity(n);
        for len in lens {
            let len = usize::try_from(len).map_err(|_| corrupt)?;
            end = end.checked_add(len).filter(|end| *end <= left).ok_or(corrupt)?;
            ends.push(end as u32);
        }
        if end != left || !keys.is_sorted() {
            return Err(corrupt);
        }
        Ok(Entries { body: cursor.at(), bytes, keys, ends })
    }

    /// The keys, ascending.
    pub(super) fn keys(&self) -> &[u32] {
        &self.keys
    }

    /// Positions of the entries of `key`.
    pub(super) fn find(&self, key: u32) -> Range<usize> {
        let start = self.keys.partition_point(|k| *k < key);
        let len = self.keys[start..].iter().take_while(|k| **k == key).count();
        start..start + len
    }

    /// The bytes of entry `i` (< number of keys).
    pub(super) fn get(&self, i: usize) -> &[u8] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] as usize };
        &self.bytes[self.body + start..self.body + self.ends[i] as usize]
    }

    /// Bytes held in memory.
    pub(super) fn weight(&self) -> usize {
        self.bytes.len() + 8 * self.keys.len()
    }
}
