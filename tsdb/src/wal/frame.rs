//! The checksummed unit of the log: a header that lists its sections, and their bytes.
//!
//! The header has its own checksum, so a restart reads headers and leaves the payloads alone. The segment's salt and
//! the durable number are known only when the frame is written, so a frame is built open and closed by the committer.

use std::cell::RefCell;

use crate::bytes::{Corrupt, Cursor, put_u16, put_u32, put_u64};

use super::section::{self, MAX_SECTIONS, Section};

/// First bytes of a frame.
pub(crate) const MAGIC: [u8; 4] = *b"NJFR";
/// Bytes of a header before its table.
pub(crate) const FIXED: usize = 48;
/// A header with its table is never longer.
pub(crate) const MAX_HEADER: usize = 1 << 17;
/// A payload is never longer, neither as stored nor unpacked.
pub(crate) const MAX_PAYLOAD: usize = 1 << 22;
/// A builder that holds this much should be closed.
pub(crate) const FULL: usize = 60 << 10;
/// A frame without data: only header.
const VERSION: u16 = 1;
const PACKED: u16 = 1;

/// A frame's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The frame's number; ascends by one through all segments.
    pub(crate) lsn: u64,
    /// All frames up to this number were on stable storage when this one was written.
    pub(crate) durable: u64,
    /// The salt of the segment it was written to.
    pub(crate) salt: u32,
    /// Bytes of the header, padding included.
    pub(crate) header_len: u32,
    /// Bytes of the payload as stored, padding not included.
    pub(crate) stored_len: u32,
    /// Bytes of the payload as read.
    pub(crate) payload_len: u32,
    payload_crc: u32,
    packed: bool,
    /// What is in the payload.
    pub(crate) sections: Vec<Section>,
}

/// Rounds up to the next multiple of eight.
pub(crate) fn pad8(n: usize) -> usize {
    n.next_multiple_of(8)
}

impl Header {
    /// Bytes of the whole frame, padding included; a multiple of eight.
    pub(crate) fn frame_len(&self) -> u64 {
        u64::from(self.header_len) + pad8(self.stored_len as usize) as u64
    }

    /// Length of the header that starts here, from its fixed part; unchecked but for bounds.
    pub(crate) fn probe(fixed: &[u8]) -> Option<usize> {
        if fixed.len() < FIXED || fixed[..4] != MAGIC {
            return None;
        }
        let len = u32::from_le_bytes([fixed[36], fixed[37], fixed[38], fixed[39]]) as usize;
        (len >= FIXED && len.is_multiple_of(8) && len <= MAX_HEADER).then_some(len)
    }

    /// Reads a header from the start of `bytes`.
    pub(crate) fn read(bytes: &[u8]) -> Result<Header, Corrupt> {
        let mut c = Cursor::new(bytes);
        let header_len = Header::probe(bytes).filter(|n| *n <= bytes.len()).ok_or(c.corrupt("frame header"))?;
        c.take(4, "magic")?;
        if c.u32("header checksum")? != crc32c::crc32c(&bytes[8..header_len]) {
            return Err(c.corrupt("frame header"));
        }
        let (lsn, durable) = (c.u64("number")?, c.u64("durable number")?);
        let (salt, stored_len, payload_crc) = (c.u32("salt")?, c.u32("stored length")?, c.u32("payload checksum")?);
        c.u32("header length")?;
        let (version, flags, payload_len) = (c.u16("version")?, c.u16("flags")?, c.u32("payload length")?);
        let fits = stored_len.max(payload_len) as usize <= MAX_PAYLOAD;
        if version != VERSION || flags > PACKED || !fits {
            return Err(c.corrupt("frame header"));
        }
        let sections = section::read_table(&bytes[FIXED..header_len], payload_len)?;
        let packed = flags == PACKED;
        let header_len = header_len as u32;
        Ok(Header { lsn, durable, salt, header_len, stored_len, payload_len, payload_crc, packed, sections })
    }

    /// The payload of a frame given as a whole, if it is what was written.
    pub(crate) fn payload<'a>(&self, frame: &'a [u8]) -> Option<std::borrow::Cow<'a, [u8]>> {
        let start = self.header_len as usize;
        let stored = frame.get(start..start + self.stored_len as usize)?;
        if crc32c::crc32c(stored) != self.payload_crc {
            return None;
        }
        if !self.packed {
            return (stored.len() == self.payload_len as usize).then_some(stored.into());
        }
        let payload = unpack(stored, self.payload_len as usize)?;
        (payload.len() == self.payload_len as usize).then_some(payload.into())
    }
}

/// Undoes zstd. A restart unpacks thousands of frames, so the context is kept.
fn unpack(stored: &[u8], len: usize) -> Option<Vec<u8>> {
    thread_local! {
        static CONTEXT: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
    }
    CONTEXT.with_borrow_mut(|context| {
        if context.is_none() {
            *context = zstd::bulk::Decompressor::new().ok();
        }
        context.as_mut()?.decompress(stored, len).ok()
    })
}

/// Collects the sections of one frame.
#[derive(Default)]
pub(crate) struct FrameBuilder {
    /// The bytes of the sections so far.
    pub(crate) payload: Vec<u8>,
    /// The table so far.
    pub(crate) sections: Vec<Section>,
}

impl FrameBuilder {
    /// Whether nothing was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }

    /// Whether it is time to write the frame.
    pub(crate) fn is_full(&self) -> bool {
        self.payload.len() >= FULL || self.sections.len() >= MAX_SECTIONS
    }

    /// Adds to the table what was appended to `payload` since `offset`.
    pub(crate) fn add(&mut self, mut section: Section, offset: usize) {
        section.offset = offset as u32;
        section.len = (self.payload.len() - offset) as u32;
        self.sections.push(section);
    }

    /// Appends the frame, open, to `out` and starts over. Packs the payload if `pack` and that makes it smaller.
    pub(crate) fn finish(&mut self, lsn: u64, pack: bool, out: &mut Vec<u8>) {
        let packed = if pack { zstd::bulk::compress(&self.payload, 1).ok() } else { None };
        let packed = packed.filter(|p| p.len() < self.payload.len());
        let stored = packed.as_deref().unwrap_or(&self.payload);
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        put_u32(0, out);
        put_u64(lsn, out);
        put_u64(0, out);
        put_u32(0, out);
        put_u32(stored.len() as u32, out);
        put_u32(0, out);
        put_u32(0, out);
        put_u16(VERSION, out);
        put_u16(if packed.is_some() { PACKED } else { 0 }, out);
        put_u32(self.payload.len() as u32, out);
        section::put_table(&self.sections, out);
        let header_len = pad8(out.len() - start);
        out.resize(start + header_len, 0);
        out[start + 36..start + 40].copy_from_slice(&(header_len as u32).to_le_bytes());
        out.extend_from_slice(stored);
        out.resize(start + header_len + pad8(stored.len()), 0);
        self.payload.clear();
        self.sections.clear();
    }
}

/// Closes an open frame: fills in the salt and the durable number and computes the checksums.
pub(crate) fn close(frame: &mut [u8], salt: u32, durable: u64) {
    let word = |at: usize| u32::from_le_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]]) as usize;
    let (stored_len, header_len) = (word(28), word(36));
    let payload_crc = crc32c::crc32c(&frame[header_len..header_len + stored_len]);
    frame[16..24].copy_from_slice(&durable.to_le_bytes());
    frame[24..28].copy_from_slice(&salt.to_le_bytes());
    frame[32..36].copy_from_slice(&payload_crc.to_le_bytes());
    let header_crc = crc32c::crc32c(&frame[8..header_len]);
    frame[4..8].copy_from_slice(&header_crc.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wal::section::Kind;
    use proptest::prelude::*;

    fn sample(pack: bool) -> Vec<u8> {
        let mut builder = FrameBuilder::default();
        for (timeline, len) in [(3, 5), (1, 40), (1, 0)] {
            let at = builder.payload.len();
            builder.payload.resize(at + len, 7);
            let section = Section {
                kind: Kind::Rows,
                epoch: len == 5,
                timeline,
                offset: 0,
                len: 0,
                t_min: -5,
                t_max: 9,
                items: 2,
            };
            builder.add(section, at);
        }
        let mut out = Vec::new();
        builder.finish(42, pack, &mut out);
        close(&mut out, 9, 41);
        out
    }

    #[test]
    fn round_trip() {
        for pack in [false, true] {
            let frame = sample(pack);
            let header = Header::read(&frame).unwrap();
            assert_eq!((header.lsn, header.durable, header.salt, header.frame_len()), (42, 41, 9, frame.len() as u64));
            assert_eq!(
                header.sections.iter().map(|s| (s.timeline, s.offset, s.len)).collect::<Vec<_>>(),
                [(3, 0, 5), (1, 5, 40), (1, 45, 0)]
            );
            assert_eq!(header.payload(&frame).unwrap().as_ref(), [7; 45]);
        }
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed() {
        let frame = sample(true);
        for bit in 0..frame.len() * 8 {
            let mut bad = frame.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let seen = Header::read(&bad).ok().and_then(|h| h.payload(&bad).map(|p| p.into_owned()));
            assert!(seen.is_none() || seen.as_deref() == Some(&[7; 45]), "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn foreign_tables_never_panic(bytes: Vec<u8>, len in 0..100u32) {
            let _ = section::read_table(&bytes, len);
        }
    }
}
