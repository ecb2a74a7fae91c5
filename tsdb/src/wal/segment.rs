//! A file of frames: `wal/<number>.seg`.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use nightjar_platform::{Disk, DiskFile, OpenMode};

use super::frame::Header;
use super::parity::{PAGE, complete, rebuild};
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

/// The path of a segment's parity.
pub(crate) fn parity_path(number: u32) -> PathBuf {
    Path::new(DIR).join(format!("{number:08}.par"))
}

/// The number in a file name, if it is a segment's or its parity's.
pub(crate) fn number_of(name: &str) -> Option<u32> {
    let number = name.strip_suffix(".seg").or_else(|| name.strip_suffix(".par"))?;
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
    pub(crate) fn create<D: Disk>(&self, disk: &D, room: u64) -> io::Result<Segment<D::File>> {
        let path = path(self.number);
        let file = disk.open(&path, OpenMode::CreateNew)?;
        // Without it the log is as durable, only not as hard to damage.
        let parity = disk.open(&parity_path(self.number), OpenMode::CreateNew).ok();
        let done = reserve(&file, room)
            .and_then(|()| file.write_all_at(&self.bytes(), 0))
            .and_then(|()| file.sync_data())
            .and_then(|()| disk.sync_dir(Path::new(DIR)));
        match done {
            Ok(()) => Ok(Segment { file, parity, repaired: AtomicU64::new(0) }),
            Err(e) => {
                // Nothing is in it, and its number is not used again.
                let _ = disk.remove_file(&path);
                let _ = disk.remove_file(&parity_path(self.number));
                Err(e)
            }
        }
    }
}

/// The files of a segment, to be read.
pub(crate) struct Segment<F> {
    /// The frames.
    pub(crate) file: F,
    /// What helps to repair them, if it is there.
    pub(crate) parity: Option<F>,
    /// Reads that needed it.
    pub(crate) repaired: AtomicU64,
}

impl<F: DiskFile> Segment<F> {
    /// Opens the segment `number` for reading.
    pub(crate) fn open<D: Disk<File = F>>(disk: &D, number: u32) -> io::Result<Segment<F>> {
        let file = disk.open(&path(number), OpenMode::Read)?;
        let parity = disk.open(&parity_path(number), OpenMode::Read).ok();
        Ok(Segment { file, parity, repaired: AtomicU64::new(0) })
    }

    /// Computes what parity is missing. The segment must not grow afterwards. Failing costs only protection.
    pub(crate) fn complete_parity<D: Disk<File = F>>(&mut self, disk: &D, number: u32, salt: u32) {
        let path = parity_path(number);
        let file = match self.parity {
            Some(_) => disk.open(&path, OpenMode::ReadWrite),
            None => disk.open(&path, OpenMode::CreateNew),
        };
        match file.and_then(|file| complete(&self.file, &file, salt).map(|()| file)) {
            Ok(file) => self.parity = Some(file),
            Err(error) => tracing::warn!(%error, segment = number, "the parity of a segment could not be completed"),
        }
    }

    /// Reads the frame at `offset` into `buffer`, which has its length, and repairs it if need be. Answers its header
    /// and payload if both are what was written.
    pub(crate) fn frame(&self, offset: u64, buffer: &mut [u8]) -> Option<Frame> {
        let read = self.file.read_exact_at(buffer, offset).is_ok();
        self.checked(offset, buffer, read)
    }

    /// The same when `buffer` has been filled already, or that has failed.
    pub(crate) fn checked(&self, offset: u64, buffer: &mut [u8], read: bool) -> Option<Frame> {
        match read.then(|| Frame::check(buffer)).flatten() {
            None => self.repair(offset, buffer),
            whole => whole,
        }
    }

    /// Puts the content of one page that overlaps the frame right; `None` when that does not help.
    #[cold]
    fn repair(&self, offset: u64, buffer: &mut [u8]) -> Option<Frame> {
        let parity = self.parity.as_ref()?;
        let pages = offset / PAGE as u64..=(offset + buffer.len() as u64 - 1) / PAGE as u64;
        for page in pages.clone() {
            // A page that cannot be read at all may be the one.
            let _ = with_page(offset, buffer, page, |part, at| self.file.read_exact_at(part, at));
        }
        for page in pages {
            let Some(rebuilt) = rebuild(&self.file, parity, page) else { continue };
            let before = buffer.to_vec();
            let _ = with_page(offset, buffer, page, |part, at| {
                let from = (at % PAGE as u64) as usize;
                part.copy_from_slice(&rebuilt[from..from + part.len()]);
                Ok(())
            });
            if let Some(frame) = Frame::check(buffer) {
                self.repaired.fetch_add(1, Ordering::Relaxed);
                return Some(frame);
            }
            buffer.copy_from_slice(&before);
        }
        None
    }

    /// The header at `offset` after repair, when it cannot be read as it is.
    #[cold]
    pub(crate) fn repaired_header(&self, offset: u64) -> Option<Header> {
        let parity = self.parity.as_ref()?;
        let room = self.file.len().ok()?.saturating_sub(offset).min(2 * PAGE as u64);
        let mut buffer = vec![0; room as usize];
        let first = offset / PAGE as u64;
        for page in [first, first + 1] {
            self.file.read_exact_at(&mut buffer, offset).ok()?;
            let Some(rebuilt) = rebuild(&self.file, parity, page) else { continue };
            let _ = with_page(offset, &mut buffer, page, |part, at| {
                let from = (at % PAGE as u64) as usize;
                part.copy_from_slice(&rebuilt[from..from + part.len()]);
                Ok(())
            });
            if let Ok(header) = Header::read(&buffer) {
                return Some(header);
            }
        }
        None
    }
}

/// A frame that was read and checked; its bytes stay where they were read to.
pub(crate) struct Frame {
    pub(crate) header: Header,
    /// The payload, unless it is stored as it is.
    unpacked: Option<Vec<u8>>,
}

impl Frame {
    fn check(bytes: &[u8]) -> Option<Frame> {
        let header = Header::read(bytes).ok()?;
        let unpacked = match header.payload(bytes)? {
            Cow::Borrowed(_) => None,
            Cow::Owned(payload) => Some(payload),
        };
        Some(Frame { header, unpacked })
    }

    /// The payload; `bytes` are those the frame was read to.
    pub(crate) fn payload<'a>(&'a self, bytes: &'a [u8]) -> &'a [u8] {
        let start = self.header.header_len as usize;
        self.unpacked.as_deref().unwrap_or_else(|| &bytes[start..start + self.header.stored_len as usize])
    }
}

/// Hands the part of `buffer`, which lies at `offset`, that is on `page` to `f`, with its place in the file.
fn with_page(
    offset: u64,
    buffer: &mut [u8],
    page: u64,
    f: impl FnOnce(&mut [u8], u64) -> io::Result<()>,
) -> io::Result<()> {
    let start = (page * PAGE as u64).max(offset);
    let end = ((page + 1) * PAGE as u64).min(offset + buffer.len() as u64);
    match end > start {
        true => f(&mut buffer[(start - offset) as usize..(end - offset) as usize], start),
        false => Ok(()),
    }
}

/// Gives back the room that was reserved for a segment and is not needed, whoever wrote it and however that ended.
pub(crate) fn trim<D: Disk>(disk: &D, number: u32) -> io::Result<()> {
    match disk.open(&path(number), OpenMode::ReadWrite) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        file => file.and_then(|file| file.set_len(file.len()?)),
    }
}

/// Reserves room where the file system can.
pub(crate) fn reserve<F: DiskFile>(file: &F, room: u64) -> io::Result<()> {
    match file.allocate(room) {
        Err(e) if matches!(e.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput) => Ok(()),
        done => done,
    }
}
