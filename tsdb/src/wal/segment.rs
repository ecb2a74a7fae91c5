//! A file of frames: `wal/<number>.seg`.

use std::io;
use std::path::{Path, PathBuf};

use nightjar_platform::{Disk, DiskFile, OpenMode};

use crate::bytes::{put_u32, put_u64};

/// The directory of segments.
pub(crate) const DIR: &str = "wal";
/// Bytes before the first frame.
pub(crate) const HEADER: u64 = 64;
const MAGIC: [u8; 8] = *b"NJWALSEG";
/// The newest format this version knows.
pub(crate) const VERSION: u32 = 1;

/// What a segment says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// Its number, the one in its name.
    pub(crate) number: u32,
    /// Every frame in it carries this.
    pub(crate) salt: u32,
    /// Frames of earlier segments with this number or a greater one were given up before it was begun.
    pub(crate) first_lsn: u64,
}

/// What the first bytes of a file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderState {
    /// A segment.
    Good(SegmentHeader),
    /// A segment of a format this version does not know.
    Newer(u32),
    /// Neither.
    Damaged,
}

/// The path of a segment.
pub(crate) fn path(number: u32) -> PathBuf {
    Path::new(DIR).join(format!("{number:08}.seg"))
}

/// The number in a file name, if it is a segment's.
pub(crate) fn number_of(name: &str) -> Option<u32> {
    let number = name.strip_suffix(".seg")?;
    (number.len() == 8 && number.bytes().all(|b| b.is_ascii_digit())).then(|| number.parse().ok())?
}

impl SegmentHeader {
    /// The header as bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER as usize);
        out.extend_from_slice(&MAGIC);
        put_u32(VERSION, &mut out);
        put_u32(self.number, &mut out);
        put_u32(self.salt, &mut out);
        put_u32(0, &mut out);
        put_u64(self.first_lsn, &mut out);
        out.resize(HEADER as usize - 4, 0);
        put_u32(crc32c::crc32c(&out), &mut out);
        out
    }

    /// Reads a header.
    pub(crate) fn read(bytes: &[u8; HEADER as usize]) -> HeaderState {
        let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if bytes[..8] != MAGIC || u32_at(60) != crc32c::crc32c(&bytes[..60]) {
            return HeaderState::Damaged;
        }
        if u32_at(8) != VERSION {
            return HeaderState::Newer(u32_at(8));
        }
        let first_lsn = u64::from(u32_at(24)) | u64::from(u32_at(28)) << 32;
        HeaderState::Good(SegmentHeader { number: u32_at(12), salt: u32_at(16), first_lsn })
    }

    /// Creates the segment with room for `room` bytes; durable when this returns.
    pub(crate) fn create<D: Disk>(&self, disk: &D, room: u64) -> io::Result<D::File> {
        let path = path(self.number);
        let file = disk.open(&path, OpenMode::CreateNew)?;
        let done = reserve(&file, room)
            .and_then(|()| file.write_all_at(&self.bytes(), 0))
            .and_then(|()| file.sync_data())
            .and_then(|()| disk.sync_dir(Path::new(DIR)));
        match done {
            Ok(()) => Ok(file),
            Err(e) => {
                // Nothing is in it, and its number is not used again.
                let _ = disk.remove_file(&path);
                Err(e)
            }
        }
    }
}

/// Reserves room where the file system can.
pub(crate) fn reserve<F: DiskFile>(file: &F, room: u64) -> io::Result<()> {
    match file.allocate(room) {
        Err(e) if matches!(e.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput) => Ok(()),
        done => done,
    }
}
