//! The symbol table of a 2.0 request, and labels spelled from references into it.
//!
//! A symbol keeps its bytes on the wire (key, length, text), so to spell it is one copy and another key. Neighbouring
//! series mostly differ in one label: what their references have in common is copied from the spelling before.

use crate::arena::{Arena, Spelling};
use crate::wire::{Reader, Wire, WireError};

/// What is copied of a short symbol, and so the room needed behind it.
const CHUNK: usize = 16;
/// What is copied at once of a run, and so the room needed behind it.
const RUN: usize = 32;
/// The most a pair takes beside its two symbols: key and length, and the room behind.
const AROUND: usize = 6 + 2 * CHUNK;

/// A symbol on the wire: its key, its length, its text.
#[derive(Clone, Copy, Debug)]
struct Symbol {
    start: u32,
    len: u32,
}

/// Where a pair of the series before ended, counted from the start of its references and of its spelling.
#[derive(Clone, Copy, Debug)]
struct PairEnd {
    refs: u32,
    spelled: u32,
}

/// The series before.
#[derive(Clone, Copy, Debug)]
struct Previous {
    refs_start: usize,
    refs_end: usize,
    spelling: Spelling,
}

/// The symbol table.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    list: Vec<Symbol>,
    previous: Option<Previous>,
    pairs: Vec<PairEnd>,
}

/// Why labels cannot be spelled.
pub(crate) enum SpellError {
    /// The number of references is odd.
    Odd,
    /// A reference of this pair leads out of the table.
    Outside(u32, u32),
    /// The spellings of the request take more than allowed.
    TooLarge,
    /// The references are not even numbers.
    Wire(WireError),
}

impl From<WireError> for SpellError {
    fn from(error: WireError) -> SpellError {
        SpellError::Wire(error)
    }
}

impl Symbols {
    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.forget_previous();
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether the first symbol, if there is one, is the empty string.
    pub(crate) fn starts_empty(&self) -> bool {
        self.list.first().is_none_or(|first| first.len == 2)
    }

    /// Adds the symbol whose field starts at `start`; `reader` stands behind the key.
    #[inline(always)]
    pub(crate) fn add(&mut self, start: usize, reader: &mut Reader<'_>) -> Result<(), WireError> {
        let key_len = reader.at() - start;
        let text = reader.bytes()?;
        let len = reader.at() - start;
        if key_len != 1 || len - key_len - text.len() > 4 {
            return Err(reader.error("a symbol's key or length is written in too many bytes"));
        }
        self.list.push(Symbol { start: start as u32, len: len as u32 });
        Ok(())
    }

    /// Puts what is wrong with `refs` into a sentence.
    #[cold]
    pub(crate) fn explain(&self, error: &SpellError, mut refs: Reader<'_>) -> String {
        let mut numbers = Vec::new();
        while let (false, Ok(number)) = (refs.is_done(), refs.varint()) {
            numbers.push(number as u32);
        }
        match error {
            SpellError::Odd => format!("invalid labelRefs length {}", numbers.len()),
            SpellError::Outside(name, value) => {
                let size = self.len();
                format!("labelRefs {name} (name) = {value} (value) outside of symbols table (size {size})")
            }
            SpellError::TooLarge => "the labels are too large".to_owned(),
            SpellError::Wire(error) => error.to_string(),
        }
    }

    /// The text of a symbol.
    pub(crate) fn text<'a>(&self, body: &'a [u8], reference: u32) -> Option<&'a [u8]> {
        let symbol = self.list.get(reference as usize)?;
        let field = &body[symbol.start as usize..][..symbol.len as usize];
        Reader::new(&field[1..]).bytes().ok()
    }

    /// The next series shares nothing with the one before, or that is gone from the arena.
    pub(crate) fn forget_previous(&mut self) {
        self.previous = None;
        self.pairs.clear();
    }

    /// Spells the labels of the next series. `refs` lies in `body`.
    #[inline(always)]
    pub(crate) fn spell_next(
        &mut self,
        body: &[u8],
        mut refs: Reader<'_>,
        arena: &mut Arena,
        limit: usize,
    ) -> Result<Spelling, SpellError> {
        let (start, refs_start) = (arena.len(), refs.at());
        let (mut at, mut pair) = (start, 0);
        let before = match self.previous.take() {
            Some(previous) => (&body[previous.refs_start..previous.refs_end], previous.spelling),
            None => (&body[..0], Spelling { start: 0, len: 0, in_arena: true }),
        };
        let same = common(refs.rest(), before.0) as u32;
        let same_end = common_end(refs.rest(), before.0);
        while self.pairs.get(pair).is_some_and(|end| end.refs <= same) {
            pair += 1;
        }
        if pair > 0 {
            let end = self.pairs[pair - 1];
            at = repeat(arena, before.1, 0..end.spelled as usize, at, limit)?;
            refs = refs.from(refs_start + end.refs as usize);
        }
        while !refs.is_done() {
            at = self.spell_pair(body, &mut refs, arena, at, limit)?;
            let end = PairEnd { refs: (refs.at() - refs_start) as u32, spelled: (at - start) as u32 };
            let Some(old) = self.pairs.get_mut(pair) else {
                self.pairs.push(end);
                pair += 1;
                continue;
            };
            let old = std::mem::replace(old, end);
            pair += 1;
            let left = refs.rest().len();
            if left <= same_end && left == before.0.len() - old.refs as usize {
                at = repeat(arena, before.1, old.spelled as usize..before.1.len as usize, at, limit)?;
                for later in &mut self.pairs[pair..] {
                    later.refs = later.refs - old.refs + end.refs;
                    later.spelled = later.spelled - old.spelled + end.spelled;
                }
                pair = self.pairs.len();
                break;
            }
        }
        self.pairs.truncate(pair);
        let spelling = arena.spelled(start, at);
        let refs_end = refs_start + refs.rest().len() + (refs.at() - refs_start);
        self.previous = Some(Previous { refs_start, refs_end, spelling });
        Ok(spelling)
    }

    /// Spells labels without regard to the series before, which stays what it is. `refs` may lie anywhere.
    pub(crate) fn spell_alone(
        &self,
        body: &[u8],
        mut refs: Reader<'_>,
        arena: &mut Arena,
        limit: usize,
    ) -> Result<Spelling, SpellError> {
        let start = arena.len();
        let mut at = start;
        while !refs.is_done() {
            at = self.spell_pair(body, &mut refs, arena, at, limit)?;
        }
        Ok(arena.spelled(start, at))
    }

    /// Spells one pair at `at` and answers where it ends.
    #[inline(always)]
    fn spell_pair(
        &self,
        body: &[u8],
        refs: &mut Reader<'_>,
        arena: &mut Arena,
        at: usize,
        limit: usize,
    ) -> Result<usize, SpellError> {
        let name_ref = refs.varint()? as u32;
        if refs.is_done() {
            return Err(SpellError::Odd);
        }
        let value_ref = refs.varint()? as u32;
        let found = (self.list.get(name_ref as usize), self.list.get(value_ref as usize));
        let (Some(&name), Some(&value)) = found else {
            return Err(SpellError::Outside(name_ref, value_ref));
        };
        let len = name.len as usize + value.len as usize;
        let bytes = arena.room(at + len + AROUND, limit).ok_or(SpellError::TooLarge)?;
        let at = put_head(bytes, at, len);
        let at = put_symbol(bytes, at, body, name, 0x0A);
        Ok(put_symbol(bytes, at, body, value, 0x12))
    }
}

/// All references of a message that does not have them in one packed field: the fields' contents joined.
pub(crate) fn gather(mut message: Reader<'_>) -> Result<Vec<u8>, WireError> {
    let mut refs = Vec::new();
    while let Some((number, wire)) = message.field()? {
        match (number, wire) {
            (1, Wire::Bytes) => refs.extend_from_slice(message.bytes()?),
            (1, Wire::Varint) => {
                let start = message;
                message.varint()?;
                refs.extend_from_slice(&start.rest()[..message.at() - start.at()]);
            }
            (1, _) => return Err(message.error("a known field has the wrong wire type")),
            _ => message.skip(wire)?,
        }
    }
    Ok(refs)
}

/// References as Go prints a slice, cut after 32.
pub(crate) fn listed(mut refs: Reader<'_>) -> String {
    let mut shown = Vec::new();
    while let (false, Ok(number)) = (refs.is_done(), refs.varint()) {
        if shown.len() == 32 {
            shown.push("...".to_owned());
            break;
        }
        shown.push((number as u32).to_string());
    }
    format!("[{}]", shown.join(" "))
}

/// How many bytes two slices have in common from their start.
#[inline(always)]
fn common(a: &[u8], b: &[u8]) -> usize {
    let mut same = 0;
    while let (Some(x), Some(y)) = (a[same..].first_chunk::<8>(), b[same..].first_chunk::<8>()) {
        let difference = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
        if difference != 0 {
            return same + difference.trailing_zeros() as usize / 8;
        }
        same += 8;
    }
    same + a[same..].iter().zip(&b[same..]).take_while(|(x, y)| x == y).count()
}

/// How many bytes two slices have in common at their end.
#[inline(always)]
fn common_end(a: &[u8], b: &[u8]) -> usize {
    let mut same = 0;
    while let (Some(x), Some(y)) = (a[..a.len() - same].last_chunk::<8>(), b[..b.len() - same].last_chunk::<8>()) {
        let difference = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
        if difference != 0 {
            return same + difference.leading_zeros() as usize / 8;
        }
        same += 8;
    }
    same + a[..a.len() - same].iter().rev().zip(b[..b.len() - same].iter().rev()).take_while(|(x, y)| x == y).count()
}

/// Copies a part of an earlier spelling to `at`, behind it.
#[inline(always)]
fn repeat(
    arena: &mut Arena,
    from: Spelling,
    part: std::ops::Range<usize>,
    at: usize,
    limit: usize,
) -> Result<usize, SpellError> {
    let len = part.len();
    let bytes = arena.room(at + len + RUN, limit).ok_or(SpellError::TooLarge)?;
    let start = from.start as usize + part.start;
    for done in (0..len).step_by(RUN) {
        bytes.copy_within(start + done..start + done + RUN, at + done);
    }
    Ok(at + len)
}

/// Writes the key and length of a pair.
#[inline(always)]
fn put_head(arena: &mut [u8], mut at: usize, mut len: usize) -> usize {
    arena[at] = 0x0A;
    at += 1;
    while len >= 0x80 {
        arena[at] = len as u8 | 0x80;
        len >>= 7;
        at += 1;
    }
    arena[at] = len as u8;
    at + 1
}

/// Copies a symbol under another key. Short ones are copied as a whole chunk; what is too much is overwritten next.
#[inline(always)]
fn put_symbol(arena: &mut [u8], at: usize, body: &[u8], symbol: Symbol, key: u8) -> usize {
    let (start, len) = (symbol.start as usize, symbol.len as usize);
    match body.get(start..start + CHUNK) {
        Some(chunk) if len <= CHUNK => arena[at..at + CHUNK].copy_from_slice(chunk),
        _ => arena[at..at + len].copy_from_slice(&body[start..start + len]),
    }
    arena[at] = key;
    at + len
}
