//! The files with chunks.

use std::io;
use std::path::{Path, PathBuf};

use nightjar_platform::Disk;

use super::chunk::{ChunkSamples, Encoding, decode};
use super::crc::{be32, mismatch};
use super::index::ChunkPlace;
use super::window::Window;
use crate::bytes::Cursor;

const MAGIC: u32 = 0x85bd_40dd;
pub(super) const HEADER: u64 = 8;
/// A longer chunk is none. Prometheus' have about a kilobyte.
const MAX_CHUNK_BYTES: u64 = 4 << 20;
/// Length, and encoding and checksum around the data.
const LENGTH_BYTES: usize = 5;

/// The first bytes of a file.
pub(super) fn header() -> [u8; HEADER as usize] {
    let mut out = [0; HEADER as usize];
    out[..4].copy_from_slice(&MAGIC.to_be_bytes());
    out[4] = 1;
    out
}

/// The name of file `number`, counted from 0, in a block.
pub(super) fn path(block: &Path, number: usize) -> PathBuf {
    block.join("chunks").join(format!("{:06}", number + 1))
}

/// All files of a block.
pub(super) struct ChunkFiles<D: Disk>(Vec<Window<D>>);

impl<D: Disk> ChunkFiles<D> {
    pub(super) fn open(disk: &D, block: &Path) -> io::Result<Result<ChunkFiles<D>, String>> {
        let mut files = Vec::new();
        loop {
            let mut file = match Window::open(disk, &path(block, files.len())) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => break,
                other => other?,
            };
            let place = file.place(0);
            let good = file.get(0, HEADER as usize)?.is_some_and(|h| be32(h) == MAGIC && h[4] == 1);
            if !good {
                return Ok(Err(format!("{place}: this is no file of chunks")));
            }
            files.push(file);
        }
        Ok(Ok(ChunkFiles(files)))
    }

    /// Appends the samples of a chunk to `out`; the inner error says what is wrong with it and where.
    pub(super) fn read(&mut self, at: ChunkPlace, out: &mut ChunkSamples) -> io::Result<Result<(), String>> {
        let (number, offset) = ((at.reference >> 32) as usize, at.reference & 0xffff_ffff);
        let Some(file) = self.0.get_mut(number) else {
            return Ok(Err(format!("chunk file {:06} is missing", number + 1)));
        };
        let place = file.place(offset);
        let mut c = Cursor::new(file.up_to(offset, LENGTH_BYTES)?);
        let len = match c.varint("chunk length") {
            Ok(len) if len <= MAX_CHUNK_BYTES => len as usize,
            Ok(len) => return Ok(Err(format!("{place}: a chunk of {len} bytes, the most is {MAX_CHUNK_BYTES}"))),
            Err(e) => return Ok(Err(format!("{place}: {e}"))),
        };
        let start = offset + c.at() as u64;
        let Some(bytes) = file.get(start, len + 5)? else {
            return Ok(Err(format!("{place}: the file ends inside a chunk")));
        };
        let (body, crc) = bytes.split_at(len + 1);
        if let Some(wrong) = mismatch(body, crc, &place) {
            return Ok(Err(wrong));
        }
        let Some(encoding) = Encoding::of(body[0]) else {
            return Ok(Err(format!("{place}: chunk encoding {} is not known", body[0])));
        };
        Ok(decode(encoding, &body[1..], out).map_err(|e| format!("{place}: {e}")))
    }
}
