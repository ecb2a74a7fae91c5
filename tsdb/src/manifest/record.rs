//! Records of the manifest.

use std::collections::{BTreeMap, BTreeSet};

use crate::bytes::{Corrupt, Cursor, put_u32, put_u64, put_varint, put_zigzag};
use crate::tombstone::Tombstone;

/// Records begin at multiples of this.
pub(super) const FRAME: usize = 8;
const MAGIC: u32 = 0x6d6a_4e52;
const MAX_RECORD: usize = 16 << 20;

/// What counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Numbers of the blocks.
    pub(crate) blocks: BTreeSet<u64>,
    /// Numbers of blocks that went and whose files may still be there.
    pub(crate) garbage: BTreeSet<u64>,
    /// Deletes in force.
    pub(crate) tombstones: BTreeMap<u64, Tombstone>,
    /// Everything else.
    pub(crate) scalars: Scalars,
}

/// What a change says anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scalars {
    /// Number of the series snapshot, 0 = none.
    pub(crate) snapshot: u64,
    /// Number of frames in it.
    pub(crate) snapshot_frames: u64,
    /// First segment that is needed.
    pub(crate) first_segment: u32,
    /// Up to where samples are in blocks, see [`crate::db`]: the place.
    pub(crate) seal_position: u64,
    /// The time; `MIN` before the first seal.
    pub(crate) seal_until: Option<i64>,
    /// Timelines below this were numbered.
    pub(crate) next_timeline: u32,
    /// Files below this were numbered.
    pub(crate) next_file: u64,
}

/// One step from state to state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// Whether it starts from nothing.
    pub(crate) full: bool,
    /// Blocks that come.
    pub(crate) add: Vec<u64>,
    /// Blocks that go; their files become garbage.
    pub(crate) remove: Vec<u64>,
    /// Garbage that is gone.
    pub(crate) forget: Vec<u64>,
    /// Deletes that come.
    pub(crate) bury: Vec<(u64, Tombstone)>,
    /// Deletes that have nothing left to delete.
    pub(crate) lift: Vec<u64>,
    /// Everything else.
    pub(crate) scalars: Scalars,
}

impl State {
    /// Takes a step.
    pub(crate) fn apply(&mut self, change: &Change) {
        if change.full {
            *self = State::default();
        }
        self.blocks.extend(&change.add);
        change.remove.iter().for_each(|number| {
            self.blocks.remove(number);
            self.garbage.insert(*number);
        });
        self.garbage.retain(|number| !change.forget.contains(number));
        self.tombstones.extend(change.bury.iter().cloned());
        self.tombstones.retain(|number, _| !change.lift.contains(number));
        self.scalars = change.scalars;
    }

    /// The step from nothing to here.
    pub(crate) fn as_change(&self) -> Change {
        Change {
            full: true,
            add: self.blocks.iter().copied().collect(),
            remove: self.garbage.iter().copied().collect(),
            bury: self.tombstones.iter().map(|(number, t)| (*number, t.clone())).collect(),
            scalars: self.scalars,
            ..Change::default()
        }
    }
}

/// A record: magic, length of the body, number, checksum, body, padding to eight bytes.
pub(super) fn frame(number: u64, change: &Change) -> Vec<u8> {
    let mut body = vec![u8::from(change.full)];
    for list in [&change.add, &change.remove] {
        put_varint(list.len() as u64, &mut body);
        list.iter().for_each(|n| put_varint(*n, &mut body));
    }
    let s = &change.scalars;
    for n in [s.snapshot, s.snapshot_frames, u64::from(s.first_segment), s.seal_position] {
        put_varint(n, &mut body);
    }
    body.push(u8::from(s.seal_until.is_some()));
    put_zigzag(s.seal_until.unwrap_or(0), &mut body);
    put_varint(u64::from(s.next_timeline), &mut body);
    put_varint(s.next_file, &mut body);
    for list in [&change.forget, &change.lift] {
        put_varint(list.len() as u64, &mut body);
        list.iter().for_each(|n| put_varint(*n, &mut body));
    }
    put_varint(change.bury.len() as u64, &mut body);
    for (number, tombstone) in &change.bury {
        put_varint(*number, &mut body);
        tombstone.put(&mut body);
    }
    let mut out = Vec::with_capacity(body.len() + 32);
    put_u32(MAGIC, &mut out);
    put_u32(body.len() as u32, &mut out);
    put_u64(number, &mut out);
    out.extend(body);
    put_u32(crc32c::crc32c(&out), &mut out);
    out.resize(out.len().next_multiple_of(FRAME), 0);
    out
}

/// The record at the start of `bytes`: its number, what it says, its length with padding.
pub(super) fn read_frame(bytes: &[u8]) -> Option<(u64, Change, usize)> {
    let mut c = Cursor::new(bytes);
    if c.u32("magic").ok()? != MAGIC {
        return None;
    }
    let len = c.u32("length").ok()? as usize;
    let number = c.u64("number").ok()?;
    if len > MAX_RECORD {
        return None;
    }
    let body = c.take(len, "body").ok()?;
    let sum = crc32c::crc32c(&bytes[..c.at()]);
    if c.u32("checksum").ok()? != sum {
        return None;
    }
    let change = read_body(body).ok()?;
    Some((number, change, c.at().next_multiple_of(FRAME)))
}

fn read_body(body: &[u8]) -> Result<Change, Corrupt> {
    let mut c = Cursor::new(body);
    let full = c.u8("full")? != 0;
    let add = numbers(&mut c)?;
    let remove = numbers(&mut c)?;
    let scalars = Scalars {
        snapshot: c.varint("snapshot")?,
        snapshot_frames: c.varint("snapshot frames")?,
        first_segment: c.varint("first segment")? as u32,
        seal_position: c.varint("seal position")?,
        seal_until: {
            let sealed = c.u8("sealed")? != 0;
            let until = c.zigzag("seal time")?;
            sealed.then_some(until)
        },
        next_timeline: c.varint("next timeline")? as u32,
        next_file: c.varint("next file")?,
    };
    let mut change = Change { full, add, remove, scalars, ..Change::default() };
    // Format 1 ends here.
    if !c.is_empty() {
        change.forget = numbers(&mut c)?;
        change.lift = numbers(&mut c)?;
        for _ in 0..c.count(6, "tombstone count")? {
            change.bury.push((c.varint("tombstone")?, Tombstone::read(&mut c)?));
        }
    }
    c.finish("record")?;
    Ok(change)
}

fn numbers(c: &mut Cursor<'_>) -> Result<Vec<u64>, Corrupt> {
    (0..c.count(1, "block count")?).map(|_| c.varint("block")).collect()
}
