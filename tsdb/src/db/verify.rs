//! Walks every checksum of a data directory without changing anything in it.

use std::io;
use std::path::Path;

use nightjar_platform::{Disk, DiskFile, OpenMode};

use super::keeping::{BLOCKS, block_path};
use super::open::{OpenError, Unscanned, io_error, open_segment};
use super::snapshot;
use crate::block::{Block, BlockError};
use crate::manifest::{Manifest, Peeked, State};
use crate::wal::scan::{Expect, scan};
use crate::wal::section::Kind;
use crate::wal::segment::{self, Segment};

/// Bytes of a block checked at a time.
const STEP_BYTES: u64 = 8 << 20;

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, relative to the data directory.
    pub file: String,
    /// First byte and number of bytes; `None` = all of it.
    pub place: Option<(u64, u64)>,
    /// What is wrong.
    pub what: String,
    /// What is missing from answers; `None` = nothing, since it exists twice or can be computed.
    pub lost: Option<String>,
}

/// What was looked at, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Blocks that count.
    pub blocks: u64,
    /// Segments of the log.
    pub segments: u64,
    /// Frames in them.
    pub frames: u64,
    /// Bytes of all files that were read.
    pub bytes: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// One walk.
struct Walk<'a, D: Disk> {
    disk: &'a D,
    out: Verified,
    total: u64,
    progress: &'a mut dyn FnMut(u64, u64),
}

/// Checks every file of the data directory at the root of `disk`. `progress` gets bytes done and bytes in all.
pub fn verify<D: Disk>(disk: &D, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, OpenError> {
    let found = Manifest::peek(disk).map_err(|e| OpenError::manifest(disk, e))?;
    let Some(Peeked { state, whole, .. }) = found else {
        let path = format!("{}/MANIFEST", disk.display_root());
        return Err(OpenError::Io {
            path,
            error: io::Error::new(io::ErrorKind::NotFound, "this is no data directory"),
        });
    };
    let mut walk = Walk { disk, out: Verified::default(), total: 0, progress };
    walk.total =
        walk.size(Path::new(BLOCKS)) + walk.size(Path::new(segment::DIR)) + walk.size(Path::new(snapshot::DIR));
    if !whole {
        let what = "a record is damaged, or its copy ends differently: the last change was interrupted";
        walk.find("MANIFEST", None, what, None);
    }
    for number in &state.blocks {
        walk.block(*number)?;
    }
    walk.series(&state)?;
    walk.log(&state)?;
    walk.out.bytes = walk.total;
    Ok(walk.out)
}

impl<D: Disk> Walk<'_, D> {
    fn size(&self, directory: &Path) -> u64 {
        self.disk.list(directory).map_or(0, |files| files.iter().map(|e| e.len).sum())
    }

    fn find(&mut self, file: &str, place: Option<(u64, u64)>, what: impl Into<String>, lost: Option<String>) {
        self.out.findings.push(Finding { file: file.to_owned(), place, what: what.into(), lost });
    }

    fn advance(&mut self, bytes: u64) {
        self.out.bytes += bytes;
        (self.progress)(self.out.bytes.min(self.total), self.total);
    }

    fn block(&mut self, number: u64) -> Result<(), OpenError> {
        self.out.blocks += 1;
        let path = block_path(number);
        let name = path.display().to_string();
        let block = match Block::open(self.disk, &path) {
            Ok(block) => block,
            Err(error) => {
                self.find(&name, None, error.to_string(), Some("all samples of the block".to_owned()));
                return Ok(());
            }
        };
        let mut next = Some(0);
        while let Some(from) = next {
            let read = match block.scrub(from, STEP_BYTES) {
                Ok((after, read)) => {
                    next = after;
                    read
                }
                Err(BlockError::Io { source, .. }) => return Err(io_error(self.disk, &path)(source)),
                Err(_) => return Ok(()),
            };
            self.advance(read);
        }
        let range = block.range();
        for damage in block.damage() {
            let lost = format!("what {} page {} says about {} to {}", damage.part, damage.page, range.start, range.end);
            let what = format!("{} page {}: {}", damage.part, damage.page, damage.reason);
            self.find(&name, Some((damage.offset, damage.len)), what, (!damage.harmless).then_some(lost));
        }
        Ok(())
    }

    /// Both copies of the series snapshot.
    fn series(&mut self, state: &State) -> Result<(), OpenError> {
        let frames = state.scalars.snapshot_frames;
        if state.scalars.snapshot == 0 {
            return Ok(());
        }
        let mut readable = Vec::new();
        for copy in snapshot::COPIES {
            let path = snapshot::path(state.scalars.snapshot, copy);
            let whole = match self.disk.open(&path, OpenMode::Read) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => 0,
                Err(e) => return Err(io_error(self.disk, &path)(e)),
                Ok(file) => {
                    let bytes = file.len().map_err(io_error(self.disk, &path))?;
                    let file = Segment { file, parity: None, repaired: 0.into() };
                    let expect = Expect { salt: None, first_lsn: 1, end_lsn: Some(frames + 1) };
                    let found = scan(&file, expect).map_err(io_error(self.disk, &path))?;
                    self.advance(bytes);
                    found.frames.iter().filter(|f| whole_frame(&file, f.offset, f.header.frame_len())).count() as u64
                }
            };
            readable.push((path, whole));
        }
        let any_whole = readable.iter().any(|(_, whole)| *whole >= frames);
        for (path, whole) in readable.into_iter().filter(|(_, whole)| *whole < frames) {
            let what = format!("{} of {frames} frames are readable", whole);
            let lost = (!any_whole).then(|| "names of series, unless the other copy has them".to_owned());
            self.find(&path.display().to_string(), None, what, lost);
        }
        Ok(())
    }

    fn log(&mut self, state: &State) -> Result<(), OpenError> {
        let directory = Path::new(segment::DIR);
        let entries = self.disk.list(directory).map_err(io_error(self.disk, directory))?;
        let numbers = entries.iter().filter(|e| e.name.ends_with(".seg")).filter_map(|e| segment::number_of(&e.name));
        let needed = numbers.filter(|n| *n >= state.scalars.first_segment);
        let segments: Vec<Unscanned<D::File>> =
            needed.map(|number| open_segment(self.disk, number)).collect::<Result<_, _>>()?;
        for (i, segment) in segments.iter().enumerate() {
            let end_lsn = segments[i + 1..].iter().find_map(|s| s.first_lsn);
            self.segment(segment, end_lsn)?;
            self.advance(segment.len);
        }
        Ok(())
    }

    fn segment(&mut self, s: &Unscanned<D::File>, end_lsn: Option<u64>) -> Result<(), OpenError> {
        self.out.segments += 1;
        let path = segment::path(s.number);
        let name = path.display().to_string();
        let Some(first_lsn) = s.first_lsn else {
            // Nothing was ever written, or nothing of it can be read.
            let lost = (s.len > segment::HEADER).then(|| "whatever was in it".to_owned());
            self.find(&name, None, "no frame can be read", lost);
            return Ok(());
        };
        if s.header.is_none() {
            self.find(&name, Some((0, segment::HEADER)), "the header is damaged", None);
        }
        let expect = Expect { salt: s.header.map(|h| h.salt), first_lsn, end_lsn };
        let found = scan(&s.files, expect).map_err(io_error(self.disk, &path))?;
        let mut end = segment::HEADER;
        for frame in &found.frames {
            self.out.frames += 1;
            let len = frame.header.frame_len();
            if frame.after_damage {
                let place = Some((end, frame.offset - end));
                self.find(&name, place, "frames are missing", Some("the samples of these frames".to_owned()));
            }
            let repaired = || s.files.repaired.load(std::sync::atomic::Ordering::Relaxed);
            let before = repaired();
            let whole = whole_frame(&s.files, frame.offset, len);
            if !whole {
                let items = frame.header.sections.iter().filter(|s| !matches!(s.kind, Kind::Metadata));
                let lost = format!(
                    "{} items, and what follows them in their epochs",
                    items.map(|s| u64::from(s.items)).sum::<u64>()
                );
                self.find(&name, Some((frame.offset, len)), "the frame does not have its checksum", Some(lost));
            } else if repaired() > before {
                self.find(&name, Some((frame.offset, len)), "damaged, and computed from its parity", None);
            }
            end = frame.offset + len;
        }
        let told: u64 = found.frames.iter().map(|f| u64::from(f.after_damage)).sum();
        if found.damaged > told {
            self.find(
                &name,
                Some((end, s.len.saturating_sub(end))),
                "frames at the end are missing",
                Some("the samples of these frames".to_owned()),
            );
        }
        Ok(())
    }
}

fn whole_frame<F: DiskFile>(file: &Segment<F>, offset: u64, len: u64) -> bool {
    file.frame(offset, &mut vec![0; len as usize]).is_some()
}
