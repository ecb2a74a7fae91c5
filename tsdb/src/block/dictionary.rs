//! Sorted label values, front-coded: each says how much it shares with the one before.
//!
//! A page is where front-coding restarts, so finding a value is a binary search over first values, one page, and a
//! binary search in it.

use nightjar_model::regex::Texts;

use crate::bytes::{Corrupt, Cursor, put_text, put_varint};

/// The most bytes of decoded text in a page of many values.
pub(super) const PAGE_TEXT_BYTES: usize = 64 << 10;

/// A page being filled.
#[derive(Debug, Default)]
pub(super) struct DictionaryBuilder {
    count: usize,
    text_len: usize,
    last: String,
    bytes: Vec<u8>,
}

impl DictionaryBuilder {
    /// Whether the next value belongs on another page.
    pub(super) fn is_full(&self) -> bool {
        self.text_len >= PAGE_TEXT_BYTES || self.count >= PAGE_TEXT_BYTES
    }

    /// Number of values so far.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Adds a value.
    pub(super) fn push(&mut self, value: &str) {
        let mut shared = self.last.bytes().zip(value.bytes()).take_while(|(a, b)| a == b).count();
        while !value.is_char_boundary(shared) {
            shared -= 1;
        }
        put_varint(shared as u64, &mut self.bytes);
        put_text(&value[shared..], &mut self.bytes);
        value.clone_into(&mut self.last);
        self.count += 1;
        self.text_len += value.len();
    }

    /// Appends the page to `out` and starts the next.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        put_varint(self.count as u64, out);
        put_varint(self.text_len as u64, out);
        out.extend_from_slice(&self.bytes);
        *self = DictionaryBuilder::default();
    }
}

/// A page being read: its values in one string.
#[derive(Debug)]
pub(super) struct Dictionary {
    text: String,
    ends: Vec<u32>,
}

impl Dictionary {
    /// Reads a page.
    pub(super) fn parse(bytes: &[u8]) -> Result<Dictionary, Corrupt> {
        const WHAT: &str = "dictionary";
        let mut cursor = Cursor::new(bytes);
        let corrupt = cursor.corrupt(WHAT);
        let count = cursor.count(2, WHAT)?;
        let text_len = usize::try_from(cursor.varint(WHAT)?).ok();
        let text_len = text_len.filter(|n| *n <= super::page::MAX_PAGE_BYTES).ok_or(corrupt)?;
        // Text is validated once, as a whole: that is several times faster than value by value.
        let mut text: Vec<u8> = Vec::with_capacity(text_len.min(2 * PAGE_TEXT_BYTES));
        let mut ends = Vec::with_capacity(count);
        let mut last = 0;
        for _ in 0..count {
            let shared = usize::try_from(cursor.varint(WHAT)?).map_err(|_| corrupt)?;
            let suffix = cursor.blob(WHAT)?;
            let start = text.len();
            let shared_end = shared.checked_add(last).filter(|end| *end <= start).ok_or(corrupt)?;
            if start + shared + suffix.len() > text_len {
                return Err(corrupt);
            }
            text.extend_from_within(last..shared_end);
            text.extend_from_slice(suffix);
            ends.push(text.len() as u32);
            last = start;
        }
        cursor.finish(WHAT)?;
        let text = String::from_utf8(text).map_err(|_| corrupt)?;
        let whole = ends.iter().all(|end| text.is_char_boundary(*end as usize));
        if whole && text.len() == text_len { Ok(Dictionary { text, ends }) } else { Err(corrupt) }
    }

    /// Number of values.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Value `i`; `None` past the end.
    pub(super) fn get(&self, i: usize) -> Option<&str> {
        let end = *self.ends.get(i)? as usize;
        let start = if i == 0 { 0 } else { self.ends[i - 1] as usize };
        self.text.get(start..end)
    }

    /// All values.
    pub(super) fn texts(&self) -> Texts<'_> {
        Texts { text: &self.text, ends: &self.ends }
    }

    /// Bytes held in memory.
    pub(super) fn weight(&self) -> usize {
        self.text.len() + 4 * self.ends.len()
    }
}
