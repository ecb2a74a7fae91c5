//! What is found in a segment: its frames, the holes between them, and where a torn tail begins.
//!
//! A hole is damage when a later frame says that what was there had been durable, and a torn tail otherwise: nothing
//! in a torn tail was acknowledged, so it ends there and what follows it is dropped.

use std::io;

use nightjar_platform::DiskFile;

use super::frame::{FIXED, Header, MAGIC, MAX_HEADER};
use super::segment::{HEADER, Segment};

const WINDOW: usize = 64 << 10;

/// A frame and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// First byte of the frame.
    pub(crate) offset: u64,
    /// Its header.
    pub(crate) header: Header,
    /// Whether frames are missing between this one and the one before it.
    pub(crate) after_damage: bool,
}

/// The content of a segment.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// The frames, ascending.
    pub(crate) frames: Vec<Found>,
    /// Holes that held durable frames.
    pub(crate) damaged: u64,
    /// Bytes of the torn tail.
    pub(crate) torn_bytes: u64,
}

/// What is known before a segment is scanned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expect {
    /// The salt of its frames; `None` when its header is damaged.
    pub(crate) salt: Option<u32>,
    /// Number of its first frame.
    pub(crate) first_lsn: u64,
    /// First number that belongs to a later segment; `None` for the last segment.
    pub(crate) end_lsn: Option<u64>,
}

/// Reads the headers of a segment, and the payloads of those frames of which nothing proves that they were durable.
pub(crate) fn scan<F: DiskFile>(segment: &Segment<F>, expect: Expect) -> io::Result<Scan> {
    let mut reader = Reader { segment, len: segment.file.len()?, start: 0, window: Vec::new() };
    let mut scan = Scan::default();
    let mut salt = expect.salt;
    let (mut at, mut next) = (HEADER, expect.first_lsn);
    while at + FIXED as u64 <= reader.len {
        let header = reader.header(at)?.filter(|h| {
            let known =
                salt.is_none_or(|s| s == h.salt) && h.lsn >= next && expect.end_lsn.is_none_or(|end| h.lsn < end);
            known && at + h.frame_len() <= reader.len
        });
        match header {
            Some(header) => {
                salt = Some(header.salt);
                let after_damage = header.lsn != next;
                next = header.lsn + 1;
                let offset = at;
                at += header.frame_len();
                scan.frames.push(Found { offset, header, after_damage });
            }
            None => match reader.find_magic(at + 8)? {
                Some(found) => at = found,
                None => break,
            },
        }
    }
    let proved = match expect.end_lsn {
        Some(end) => end.saturating_sub(1),
        None => scan.frames.iter().map(|f| f.header.durable).max().unwrap_or(0),
    };
    cut_torn_tail(&reader, &mut scan, expect.first_lsn, proved);
    let last = scan.frames.last().map_or(expect.first_lsn, |f| f.header.lsn + 1);
    scan.damaged = scan.frames.iter().filter(|f| f.after_damage).count() as u64 + u64::from(last <= proved);
    Ok(scan)
}

/// Drops everything from the first frame on that is incomplete and not proved to have been durable.
fn cut_torn_tail<F: DiskFile>(reader: &Reader<'_, F>, scan: &mut Scan, first_lsn: u64, proved: u64) {
    let mut next = first_lsn;
    let mut keep = 0;
    for found in &scan.frames {
        let lsn = found.header.lsn;
        let unproved_hole = lsn > next && lsn - 1 > proved;
        if unproved_hole || (lsn > proved && !reader.is_whole(found)) {
            break;
        }
        next = lsn + 1;
        keep += 1;
    }
    if let Some(cut) = scan.frames.get(keep) {
        scan.torn_bytes = reader.len - cut.offset;
    }
    scan.frames.truncate(keep);
}

/// Reads a file through a window that moves forward.
struct Reader<'a, F> {
    segment: &'a Segment<F>,
    len: u64,
    start: u64,
    window: Vec<u8>,
}

impl<F: DiskFile> Reader<'_, F> {
    /// At least `want` bytes from `at` on, fewer at the end of the file.
    fn bytes(&mut self, at: u64, want: usize) -> io::Result<&[u8]> {
        let end = (at + want as u64).min(self.len);
        if at < self.start || end > self.start + self.window.len() as u64 {
            let len = (self.len.saturating_sub(at)).min(want.max(WINDOW) as u64);
            self.window.resize(len as usize, 0);
            self.start = at;
            self.segment.file.read_exact_at(&mut self.window, at)?;
        }
        Ok(&self.window[(at - self.start) as usize..])
    }

    fn header(&mut self, at: u64) -> io::Result<Option<Header>> {
        let len = Header::probe(self.bytes(at, FIXED)?);
        if let Some(len) = len
            && let Ok(header) = Header::read(self.bytes(at, len.min(MAX_HEADER))?)
        {
            return Ok(Some(header));
        }
        Ok(self.segment.repaired_header(at))
    }

    fn find_magic(&mut self, mut at: u64) -> io::Result<Option<u64>> {
        while at + FIXED as u64 <= self.len {
            let bytes = self.bytes(at, FIXED)?;
            let here = bytes.chunks_exact(8).position(|word| word[..4] == MAGIC);
            match here {
                Some(words) => return Ok(Some(at + 8 * words as u64)),
                None => at += (bytes.len() / 8 * 8) as u64,
            }
        }
        Ok(None)
    }

    fn is_whole(&self, found: &Found) -> bool {
        let mut frame = vec![0; found.header.frame_len() as usize];
        self.segment.frame(found.offset, &mut frame).is_some()
    }
}
