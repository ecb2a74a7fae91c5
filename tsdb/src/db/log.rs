//! Writes frames to segments and makes them durable.

use std::io;
use std::sync::Arc;

use nightjar_platform::{Disk, DiskFile};

use crate::wal::frame;
use crate::wal::parity::ParityWriter;
use crate::wal::pending::Pending;
use crate::wal::segment::{self, HEADER, Segment, SegmentHeader};

/// The end of the log.
pub(crate) struct Log<D: Disk> {
    disk: D,
    segment_bytes: u64,
    next_segment: u32,
    durable: u64,
    salt: Box<dyn FnMut() -> u32 + Send>,
    open: Option<OpenSegment<D::File>>,
}

struct OpenSegment<F> {
    header: SegmentHeader,
    files: Arc<Segment<F>>,
    parity: ParityWriter,
    len: u64,
    /// Bytes the file system keeps for the file.
    reserved: u64,
}

/// Room is reserved in steps of this: few enough for fast syncs, small enough for a quiet server's disk.
const STEP: u64 = 8 << 20;

impl<F: DiskFile> OpenSegment<F> {
    /// Takes written bytes into the parity. A failure is told and costs nothing but protection.
    fn protect(&mut self, bytes: &[u8]) {
        if let Some(file) = &self.files.parity
            && let Err(error) = self.parity.push(bytes, file)
        {
            tracing::warn!(%error, segment = self.header.number, "parity could not be written");
        }
    }
}

/// Where frames were written.
pub(crate) struct Written<F> {
    /// The segment.
    pub(crate) segment: u32,
    /// First byte of the first frame.
    pub(crate) offset: u32,
    /// First byte after the last frame.
    pub(crate) end: u32,
    /// The segment's file, if it is new.
    pub(crate) new_file: Option<Arc<Segment<F>>>,
}

impl<D: Disk> Log<D> {
    /// A log that goes on after frame `durable` in a new segment `next_segment`.
    pub(crate) fn new(
        disk: D,
        segment_bytes: u64,
        next_segment: u32,
        durable: u64,
        salt: impl FnMut() -> u32 + Send + 'static,
    ) -> Log<D> {
        Log { disk, segment_bytes, next_segment, durable, salt: Box::new(salt), open: None }
    }

    /// Writes frames; they are durable when this returns `Ok`. After a failure the segment is left alone for good and
    /// the frames are written once more, to a new one. An `Err` means that they may or may not be found by a restart
    /// that comes before anything else is written, and never afterwards.
    pub(crate) fn write(&mut self, frames: &mut Pending) -> io::Result<Written<D::File>> {
        let mut new_file = self.roll_if_full(frames)?;
        let first = match self.try_write(frames) {
            Err(_) => {
                self.open = None;
                new_file = self.roll_if_full(frames)?;
                self.try_write(frames)
            }
            done => done,
        };
        match first {
            Ok((segment, offset, end)) => Ok(Written { segment, offset, end, new_file }),
            Err(e) => {
                self.open = None;
                Err(e)
            }
        }
    }

    fn try_write(&mut self, frames: &mut Pending) -> io::Result<(u32, u32, u32)> {
        let Some(open) = &mut self.open else { return Err(io::Error::other("no segment is open")) };
        for i in 0..frames.frames.len() {
            let (start, end) = (frames.frames[i], frames.end(i));
            frame::close(&mut frames.bytes[start..end], open.header.salt, self.durable);
        }
        let end = open.len + frames.bytes.len() as u64;
        if end > open.reserved {
            open.reserved = end.next_multiple_of(STEP);
            segment::reserve(&open.files.file, open.reserved)?;
        }
        open.files.file.write_all_at(&frames.bytes, open.len)?;
        open.files.file.sync_data()?;
        open.protect(&frames.bytes);
        let offset = open.len;
        open.len += frames.bytes.len() as u64;
        self.durable = frames.first_lsn + frames.frames.len() as u64 - 1;
        Ok((open.header.number, offset as u32, open.len as u32))
    }

    /// Opens a new segment when there is none or the open one is full.
    fn roll_if_full(&mut self, frames: &Pending) -> io::Result<Option<Arc<Segment<D::File>>>> {
        let bytes = frames.bytes.len() as u64;
        if self.open.as_ref().is_some_and(|s| s.len == HEADER || s.len + bytes <= self.segment_bytes) {
            return Ok(None);
        }
        self.close();
        let number = self.next_segment;
        if let Some(before) = number.checked_sub(1)
            && let Err(error) = segment::trim(&self.disk, before)
        {
            tracing::debug!(%error, segment = before, "the room reserved for a segment could not be given back");
        }
        // A number is used once, whatever comes of it.
        self.next_segment += 1;
        let header = SegmentHeader { number, salt: (self.salt)(), first_lsn: frames.first_lsn };
        let reserved = (HEADER + bytes).next_multiple_of(STEP);
        let files = Arc::new(header.create(&self.disk, reserved)?);
        let parity = ParityWriter::new(header.salt);
        let mut open = OpenSegment { header, files: Arc::clone(&files), parity, len: HEADER, reserved };
        open.protect(&header.bytes());
        self.open = Some(open);
        Ok(Some(files))
    }

    /// Ends the open segment.
    pub(crate) fn close(&mut self) {
        if let Some(mut open) = self.open.take()
            && let Some(file) = &open.files.parity
            && let Err(error) = open.parity.close(file)
        {
            tracing::warn!(%error, segment = open.header.number, "the parity of a segment could not be written");
        }
    }
}
