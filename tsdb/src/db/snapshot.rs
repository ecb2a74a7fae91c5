//! The series of the head as a file, so that the segments which introduced them may go.
//!
//! The same frames as in a segment, in two files with one content: a name is too precious for one.

use std::io;
use std::path::{Path, PathBuf};

use nightjar_platform::{Disk, DiskFile, OpenMode};

use crate::head::state::Head;
use crate::wal::frame::{self, FrameBuilder};
use crate::wal::pending::Pending;
use crate::wal::section::{Kind, Section, put_definition, put_metadata};
use crate::wal::segment::{HEADER, SegmentHeader};

/// The directory of snapshots.
pub(crate) const DIR: &str = "series";
/// Extensions of the two files.
pub(crate) const COPIES: [&str; 2] = ["snap", "copy"];

/// The path of one of the two files of a snapshot.
pub(crate) fn path(number: u64, copy: &str) -> PathBuf {
    Path::new(DIR).join(format!("{number:08}.{copy}"))
}

/// Collects definitions and metadata.
#[derive(Default)]
pub(crate) struct SnapshotBuilder {
    frame: FrameBuilder,
    frames: Pending,
    lsn: u64,
}

fn line(kind: Kind, timeline: u32, items: u32) -> Section {
    Section { kind, epoch: false, timeline, offset: 0, len: 0, t_min: 0, t_max: 0, items }
}

impl SnapshotBuilder {
    /// Adds members of a timeline: number and spelling.
    pub(crate) fn timeline<'a>(&mut self, timeline: u32, members: impl Iterator<Item = (u32, &'a [u8])>) {
        let (mut at, mut items) = (self.frame.payload.len(), 0);
        for (index, spelling) in members {
            put_definition(index, spelling, &mut self.frame.payload);
            items += 1;
            if self.frame.is_full() {
                self.frame.add(line(Kind::Definitions, timeline, items), at);
                self.close();
                (at, items) = (0, 0);
            }
        }
        if items > 0 {
            self.frame.add(line(Kind::Definitions, timeline, items), at);
            if self.frame.is_full() {
                self.close();
            }
        }
    }

    /// Adds what is known about metrics.
    pub(crate) fn metadata(&mut self, head: &Head) {
        let (mut at, mut items) = (self.frame.payload.len(), 0);
        for (metric, known) in head.side.metadata() {
            for metadata in known {
                put_metadata(metric, metadata, &mut self.frame.payload);
                items += 1;
            }
            if self.frame.is_full() {
                self.frame.add(line(Kind::Metadata, 0, items), at);
                self.close();
                (at, items) = (0, 0);
            }
        }
        if items > 0 {
            self.frame.add(line(Kind::Metadata, 0, items), at);
        }
    }

    fn close(&mut self) {
        let mut next = self.lsn + 1;
        self.frames.add(&mut self.frame, &mut next, true);
        self.lsn = next - 1;
    }

    /// Writes both files; they are durable when this returns. Answers the number of frames.
    pub(crate) fn write<D: Disk>(mut self, disk: &D, number: u64, salt: u32) -> io::Result<u64> {
        self.close();
        for i in 0..self.frames.frames.len() {
            let (start, end) = (self.frames.frames[i], self.frames.end(i));
            frame::close(&mut self.frames.bytes[start..end], salt, 0);
        }
        for copy in COPIES {
            let file = disk.open(&path(number, copy), OpenMode::CreateNew)?;
            let header = SegmentHeader { number: number as u32, salt, first_lsn: 1 };
            file.write_all_at(&header.bytes(), 0)?;
            file.write_all_at(&self.frames.bytes, HEADER)?;
            file.sync_data()?;
        }
        disk.sync_dir(Path::new(DIR))?;
        Ok(self.lsn)
    }
}
