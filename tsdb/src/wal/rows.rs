//! Rows: what one scrape target said at one time, 64 series a chunk.
//!
//! A chunk says which of its 64 members are present, which of those differ from their base, and by how much. It knows
//! its length, so a reader that wants a few series steps over the rest.

use std::collections::HashMap;

use nightjar_model::TimestampMs;

use super::value::{self, Base};
use crate::bytes::{Corrupt, Cursor, put_varint, put_zigzag};

/// Members of a timeline are numbered below this.
pub(crate) const MAX_MEMBERS: u32 = 1 << 13;
/// Members of one chunk.
pub(crate) const CHUNK: u32 = 64;

const ALL: u8 = 0;
const MASK: u8 = 1;
const ONE: u8 = 2;
const FIRST: u8 = 3;

const NONE: u8 = 0;
const EACH: u8 = 1;
const SOME: u8 = 2;
const FEW: u8 = 3;
const FEW_MAX: u32 = 6;

const STEP: u8 = 0x10;

/// One sample on its way into a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    /// Number within the timeline.
    pub(crate) index: u32,
    /// Where the writer keeps the series' scale.
    pub(crate) slot: u32,
    /// The value.
    pub(crate) bits: u64,
    /// The value it is told against.
    pub(crate) base: u64,
}

/// Writes runs.
#[derive(Debug, Default)]
pub(crate) struct RunEncoder {
    body: Vec<u8>,
}

/// A run's place in time and the start timestamps it changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunHead<'a> {
    /// Time of all samples.
    pub(crate) t: TimestampMs,
    /// Time of the run before in this section, or the section's first time.
    pub(crate) previous: TimestampMs,
    /// Start timestamps that differ from what the epoch knows: member and start, ascending by member.
    pub(crate) starts: &'a [(u32, TimestampMs)],
}

impl RunEncoder {
    /// Writes one run. `members` ascend by index, each once; `scales` are the writer's, by slot.
    pub(crate) fn encode(&mut self, head: RunHead<'_>, members: &[Member], scales: &mut [u8], out: &mut Vec<u8>) {
        put_zigzag(head.t.wrapping_sub(head.previous), out);
        let chunks = members.chunk_by(|a, b| a.index / CHUNK == b.index / CHUNK).count();
        put_varint((chunks as u64) << 1 | u64::from(!head.starts.is_empty()), out);
        if !head.starts.is_empty() {
            put_varint(head.starts.len() as u64, out);
            let mut next = 0;
            for (index, start) in head.starts {
                put_varint(u64::from(index - next), out);
                put_zigzag(head.t.wrapping_sub(*start), out);
                next = index + 1;
            }
        }
        let mut next = 0;
        for chunk in members.chunk_by(|a, b| a.index / CHUNK == b.index / CHUNK) {
            self.chunk(chunk, &mut next, scales, out);
        }
    }

    fn chunk(&mut self, members: &[Member], next: &mut u32, scales: &mut [u8], out: &mut Vec<u8>) {
        let (mut present, mut changed) = (0u64, 0u64);
        self.body.clear();
        for m in members {
            let bit = 1 << (m.index % CHUNK);
            present |= bit;
            if m.bits != m.base {
                changed |= bit;
                let mut base = Base { bits: m.base, scale: scales[m.slot as usize] };
                base.encode(m.bits, &mut self.body);
                scales[m.slot as usize] = base.scale;
            }
        }
        let number = members[0].index / CHUNK;
        let at = out.len();
        out.push(0);
        let mut flags = 0;
        if number != *next {
            flags |= STEP;
            put_varint(u64::from(number - *next), out);
        }
        *next = number + 1;
        flags |= put_present(present, out) | put_changed(present, changed, out) << 2;
        if changed != 0 {
            if flags & 3 != ONE {
                put_varint(self.body.len() as u64, out);
            }
            out.extend_from_slice(&self.body);
        }
        out[at] = flags;
    }
}

fn put_present(present: u64, out: &mut Vec<u8>) -> u8 {
    if present == u64::MAX {
        ALL
    } else if present.count_ones() == 1 {
        out.push(present.trailing_zeros() as u8);
        ONE
    } else if present & present.wrapping_add(1) == 0 {
        out.push(present.count_ones() as u8);
        FIRST
    } else {
        out.extend_from_slice(&present.to_le_bytes());
        MASK
    }
}

fn put_changed(present: u64, changed: u64, out: &mut Vec<u8>) -> u8 {
    if changed == 0 {
        NONE
    } else if changed == present {
        EACH
    } else if changed.count_ones() <= FEW_MAX {
        out.push(changed.count_ones() as u8);
        out.extend(bits(changed).map(|b| b as u8));
        FEW
    } else {
        out.extend_from_slice(&changed.to_le_bytes()[..mask_len(present)]);
        SOME
    }
}

/// Bytes of a mask over `present`.
fn mask_len(present: u64) -> usize {
    (64 - present.leading_zeros()).div_ceil(8) as usize
}

/// The positions of the set bits, ascending.
pub(crate) fn bits(mut mask: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        (mask != 0).then(|| {
            let bit = mask.trailing_zeros();
            mask &= mask - 1;
            bit
        })
    })
}

/// Calls `each` with time, chunk number, members present and those of them with a stale marker, for every chunk of a
/// section of rows in order. No value is decoded; a value that needs no look is not even stepped over.
pub(crate) fn presence(
    section: &[u8],
    t_min: TimestampMs,
    mut each: impl FnMut(TimestampMs, u32, u64, u64),
) -> Result<(), Corrupt> {
    let mut cursor = Cursor::new(section);
    let mut t = t_min;
    while !cursor.is_empty() {
        t = t.wrapping_add(cursor.zigzag("run time")?);
        let head = cursor.varint("run head")?;
        if head & 1 == 1 {
            read_starts(&mut cursor, t, &mut HashMap::new())?;
        }
        let mut next = 0u64;
        for _ in 0..head >> 1 {
            let chunk = ChunkHead::read(&mut cursor, &mut next)?;
            let stale = match chunk.changed {
                0 => 0,
                one if chunk.single => {
                    if Base::skip_stale(&mut cursor)? {
                        one
                    } else {
                        0
                    }
                }
                changed => stale_members(cursor.blob("chunk values")?, changed)?,
            };
            let number = u32::try_from(chunk.number).map_err(|_| cursor.corrupt("chunk number"))?;
            each(t, number, chunk.present, stale);
        }
    }
    Ok(())
}

/// Which of the changed members have a stale marker, by their values.
fn stale_members(values: &[u8], changed: u64) -> Result<u64, Corrupt> {
    if !values.contains(&value::STALE) {
        return Ok(0);
    }
    let (mut cursor, mut stale) = (Cursor::new(values), 0);
    for bit in bits(changed) {
        if Base::skip_stale(&mut cursor)? {
            stale |= 1 << bit;
        }
    }
    Ok(stale)
}

/// What stands before the values of a chunk.
struct ChunkHead {
    number: u64,
    present: u64,
    changed: u64,
    /// One member: its value has no length before it.
    single: bool,
}

impl ChunkHead {
    /// Reads the head of the next chunk; `next` is its number unless it says otherwise.
    fn read(cursor: &mut Cursor<'_>, next: &mut u64) -> Result<ChunkHead, Corrupt> {
        let flags = cursor.u8("chunk")?;
        if flags & STEP != 0 {
            *next = next.saturating_add(cursor.varint("chunk number")?);
        }
        let number = *next;
        *next = next.saturating_add(1);
        let present = read_present(cursor, flags & 3)?;
        let changed = read_changed(cursor, flags >> 2 & 3, present)?;
        Ok(ChunkHead { number, present, changed, single: flags & 3 == ONE })
    }
}

fn read_starts(c: &mut Cursor<'_>, t: TimestampMs, starts: &mut HashMap<u32, TimestampMs>) -> Result<(), Corrupt> {
    let mut next = 0u64;
    for _ in 0..c.count(2, "start count")? {
        let index = next.saturating_add(c.varint("start member")?);
        if index >= u64::from(MAX_MEMBERS) {
            return Err(c.corrupt("start member"));
        }
        next = index + 1;
        match t.wrapping_sub(c.zigzag("start time")?) {
            0 => starts.remove(&(index as u32)),
            start => starts.insert(index as u32, start),
        };
    }
    Ok(())
}

fn read_present(cursor: &mut Cursor<'_>, kind: u8) -> Result<u64, Corrupt> {
    Ok(match kind {
        ALL => u64::MAX,
        ONE => position(cursor)?,
        FIRST => match cursor.u8("member count")? {
            n @ 1..=63 => (1 << n) - 1,
            _ => return Err(cursor.corrupt("member count")),
        },
        _ => cursor.u64("members")?,
    })
}

fn read_changed(cursor: &mut Cursor<'_>, kind: u8, present: u64) -> Result<u64, Corrupt> {
    let mut changed = 0;
    match kind {
        NONE => {}
        EACH => changed = present,
        FEW => {
            for _ in 0..cursor.u8("changed count")? {
                changed |= position(cursor)?;
            }
        }
        _ => {
            let mut mask = [0; 8];
            let len = mask_len(present);
            mask[..len].copy_from_slice(cursor.take(len, "changed members")?);
            changed = u64::from_le_bytes(mask);
        }
    }
    if changed & !present == 0 { Ok(changed) } else { Err(cursor.corrupt("changed members")) }
}

fn position(cursor: &mut Cursor<'_>) -> Result<u64, Corrupt> {
    match cursor.u8("member")? {
        n @ 0..=63 => Ok(1 << n),
        _ => Err(cursor.corrupt("member")),
    }
}

mod chain;
#[cfg(test)]
mod tests;

pub(crate) use chain::{Chain, ChunkChain, RowSink, mask};
