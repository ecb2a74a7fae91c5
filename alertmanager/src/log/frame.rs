//! Frames: a few records under one checksum.
//!
//! `magic u32 | length u32 | crc32c u32 | JSON array of records`, integers little-endian, the checksum over the length and
//! the array.

use std::io;

use crate::record::Record;

const FRAME_MAGIC: [u8; 4] = *b"\xA1Frm";
const HEADER_BYTES: usize = 12;
/// Records are cut into frames about this long.
const TARGET_BYTES: usize = 256 << 10;

/// Appends records as frames.
pub(super) fn write(records: &[Record], out: &mut Vec<u8>) -> io::Result<()> {
    let mut rest = records;
    while !rest.is_empty() {
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_BYTES]);
        let mut taken = 0;
        for record in rest {
            out.push(if taken == 0 { b'[' } else { b',' });
            serde_json::to_writer(&mut *out, record)?;
            taken += 1;
            if out.len() - start >= TARGET_BYTES {
                break;
            }
        }
        out.push(b']');
        rest = &rest[taken..];
        let len = u32::try_from(out.len() - start - HEADER_BYTES).map_err(io::Error::other)?.to_le_bytes();
        let sum = checksum(len, &out[start + HEADER_BYTES..]);
        out[start..start + 4].copy_from_slice(&FRAME_MAGIC);
        out[start + 4..start + 8].copy_from_slice(&len);
        out[start + 8..start + HEADER_BYTES].copy_from_slice(&sum.to_le_bytes());
    }
    Ok(())
}

fn checksum(len: [u8; 4], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&len), body)
}

/// What is in a file.
pub(super) struct Scan {
    pub(super) records: Vec<Record>,
    /// Behind the last good frame.
    pub(super) end: usize,
    /// Gaps between good frames.
    pub(super) damaged: u64,
}

/// Reads frames from an offset on. What is unreadable is skipped if there is a good frame behind it.
pub(super) fn scan(bytes: &[u8], from: usize) -> Scan {
    let mut scan = Scan { records: Vec::new(), end: from.min(bytes.len()), damaged: 0 };
    let mut at = scan.end;
    while at < bytes.len() {
        match frame(&bytes[at..]) {
            Some((records, len)) => {
                scan.damaged += u64::from(at > scan.end);
                scan.records.extend(records);
                at += len;
                scan.end = at;
            }
            None => match bytes[at + 1..].windows(4).position(|window| window == FRAME_MAGIC) {
                Some(next) => at += 1 + next,
                None => break,
            },
        }
    }
    scan
}

fn frame(bytes: &[u8]) -> Option<(Vec<Record>, usize)> {
    let header = bytes.get(..HEADER_BYTES)?;
    let len: [u8; 4] = header[4..8].try_into().ok()?;
    let sum = u32::from_le_bytes(header[8..].try_into().ok()?);
    let end = HEADER_BYTES.checked_add(u32::from_le_bytes(len) as usize)?;
    let body = bytes.get(HEADER_BYTES..end)?;
    if header[..4] != FRAME_MAGIC || checksum(len, body) != sum {
        return None;
    }
    Some((serde_json::from_slice(body).ok()?, end))
}
