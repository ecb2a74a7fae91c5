//! From files to a running database.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use nightjar_model::TimestampMs;
use nightjar_platform::{Disk, DiskFile, OpenMode};

use super::deletions::{Deletions, HeadCut};
use super::directory::{Directory, Entry, Position};
use super::keeping::{BLOCKS, block_path, remove};
use super::{quarantine, snapshot};
use crate::block::{Block, BlockCache};
use crate::head::state::Head;
use crate::manifest::{self, ManifestError, Scalars, State};
use crate::wal::scan::{Expect, Found, scan};
use crate::wal::section::{Kind, read_definitions, read_metadata};
use crate::wal::segment::{self, HEADER, HeaderState, Segment, SegmentHeader};

/// Why a database was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{path} is locked: another process uses this data directory; stop it, or choose another directory")]
    Locked {
        /// The lock file.
        path: String,
    },
    /// A newer version wrote it.
    #[error(
        "{path} has format version {found}, this program knows {known}: start the newer version again; nothing was changed"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its version.
        found: u32,
        /// The newest known version.
        known: u32,
    },
    /// What must not be lost cannot be read.
    #[error("{path} is damaged: {what}; restore it from a backup, or move it away to start without what it lists")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        what: String,
    },
    /// Reading or writing failed.
    #[error("{path}: {error}")]
    Io {
        /// The file or directory.
        path: String,
        /// What the system said.
        error: io::Error,
    },
}

/// How far opening has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the log looked at.
    pub done_bytes: u64,
    /// Bytes of the log in all.
    pub total_bytes: u64,
}

/// What is found in the log.
pub(crate) struct Recovered<F> {
    pub(crate) segments: BTreeMap<u32, Arc<Segment<F>>>,
    pub(crate) directory: Directory,
    /// First place after everything found.
    pub(crate) horizon: Position,
    pub(crate) next_segment: u32,
    /// Number of the newest frame.
    pub(crate) durable: u64,
    /// Holes and unreadable definitions.
    pub(crate) damaged: u64,
}

/// A segment before it is scanned.
pub(crate) struct Unscanned<F> {
    pub(crate) number: u32,
    pub(crate) files: Segment<F>,
    pub(crate) len: u64,
    pub(crate) header: Option<SegmentHeader>,
    /// Number of its first frame, if any can be read.
    pub(crate) first_lsn: Option<u64>,
}

impl OpenError {
    /// What went wrong with the manifest.
    pub(crate) fn manifest<D: Disk>(disk: &D, error: ManifestError) -> OpenError {
        let path = format!("{}/MANIFEST", disk.display_root());
        match error {
            ManifestError::Newer(found) => OpenError::Newer { path, found, known: manifest::VERSION },
            ManifestError::Damaged(what) => OpenError::Damaged { path, what },
            ManifestError::Io(error) => OpenError::Io { path, error },
        }
    }
}

/// Names a path in errors.
pub(crate) fn io_error<D: Disk>(disk: &D, path: &Path) -> impl Fn(io::Error) -> OpenError {
    let path = format!("{}/{}", disk.display_root(), path.display());
    move |error| OpenError::Io { path: path.clone(), error }
}

/// Reads the log from segment `first` on into `head`.
pub(crate) fn recover<D: Disk>(
    disk: &D,
    head: &mut Head,
    first: u32,
    progress: &mut dyn FnMut(Progress),
) -> Result<Recovered<D::File>, OpenError> {
    let dir = Path::new(segment::DIR);
    let entries = disk.list(dir).map_err(io_error(disk, dir))?;
    let segments = entries.iter().filter(|e| e.name.ends_with(".seg"));
    let numbers: Vec<u32> = segments.filter_map(|e| segment::number_of(&e.name)).collect();
    let mut out = Recovered {
        segments: BTreeMap::new(),
        directory: Directory::default(),
        horizon: Position::default(),
        next_segment: numbers.iter().max().map_or(first, |n| n + 1).max(first),
        durable: 0,
        damaged: 0,
    };
    let mut segments = Vec::new();
    for number in numbers.into_iter().filter(|n| *n >= first) {
        segments.push(open_segment(disk, number)?);
    }
    let total_bytes = segments.iter().map(|s| s.len).sum();
    let mut done_bytes = 0;
    out.durable = segments.iter().find_map(|s: &Unscanned<_>| s.first_lsn).map_or(0, |lsn| lsn.saturating_sub(1));
    for i in 0..segments.len() {
        let end_lsn = segments[i + 1..].iter().find_map(|s| s.first_lsn);
        let s = &segments[i];
        if let Some(first_lsn) = s.first_lsn {
            let expect = Expect { salt: s.header.map(|h| h.salt), first_lsn, end_lsn };
            let found = scan(&s.files, expect).map_err(io_error(disk, &segment::path(s.number)))?;
            out.damaged += found.damaged + u64::from(s.header.is_none());
            take_frames(s, &found.frames, head, &mut out);
        }
        done_bytes += s.len;
        progress(Progress { done_bytes, total_bytes });
    }
    if let Some(last) = segments.last_mut() {
        // Whoever wrote it may not have come to closing it.
        last.files.complete_parity(disk, last.number, last.header.map_or(0, |h| h.salt));
    }
    out.segments = segments.into_iter().map(|s| (s.number, Arc::new(s.files))).collect();
    take_times(head, &out);
    Ok(out)
}

/// Reads the newest snapshot into `head`; the number of frames that neither of its files has.
pub(crate) fn restore_snapshot<D: Disk>(disk: &D, head: &mut Head, state: &State) -> Result<u64, OpenError> {
    let Scalars { snapshot: number, snapshot_frames: frames, .. } = state.scalars;
    let mut damaged = 0;
    if number == 0 {
        return Ok(damaged);
    }
    for copy in snapshot::COPIES {
        let path = snapshot::path(number, copy);
        damaged = match disk.open(&path, OpenMode::Read) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => frames.max(1),
            Err(e) => return Err(io_error(disk, &path)(e)),
            Ok(file) => {
                let file = Segment { file, parity: None, repaired: AtomicU64::new(0) };
                let expect = Expect { salt: None, first_lsn: 1, end_lsn: Some(frames + 1) };
                let found = scan(&file, expect).map_err(io_error(disk, &path))?;
                let read = found.frames.iter().filter(|f| take_words(&file, f, head).is_some()).count() as u64;
                frames.saturating_sub(read)
            }
        };
        if damaged == 0 {
            break;
        }
    }
    Ok(damaged)
}

/// Opens the blocks that count; those that cannot be read are told in the second list.
pub(crate) fn open_blocks<D: Disk>(
    disk: &D,
    state: &State,
    cache: &Arc<BlockCache>,
) -> (BTreeMap<u64, Arc<Block<D>>>, Vec<String>) {
    let (mut blocks, mut unreadable) = (BTreeMap::new(), Vec::new());
    for number in &state.blocks {
        match Block::open_with_cache(disk, &block_path(*number), Arc::clone(cache)) {
            Ok(block) => {
                blocks.insert(*number, Arc::new(block));
            }
            Err(error) => {
                tracing::error!(%error, "a block cannot be read; its samples are missing from answers");
                unreadable.push(format!("{error}; its samples are missing"));
            }
        }
    }
    (blocks, unreadable)
}

/// What is deleted of blocks and of what the head knows.
pub(crate) fn deletions<D: Disk>(state: &State, head: &Head, blocks: &BTreeMap<u64, Arc<Block<D>>>) -> Deletions {
    let mut deletions = Deletions::default();
    for (number, tombstone) in &state.tombstones {
        deletions.add(*number, tombstone.clone(), HeadCut::new(head, tombstone), blocks.iter());
    }
    deletions
}

/// Puts aside or removes what the manifest does not name; at most about `limit` bytes are kept aside.
pub(crate) fn sweep<D: Disk>(disk: &D, state: &State, limit: u64) -> io::Result<()> {
    for entry in disk.list(Path::new(BLOCKS))? {
        let path = Path::new(BLOCKS).join(&entry.name);
        let is_garbage = state.garbage.iter().any(|n| block_path(*n) == path);
        if entry.name.ends_with(".tmp") || is_garbage {
            remove(disk, &path)?;
        } else if !state.blocks.iter().any(|n| block_path(*n) == path) {
            quarantine::put(disk, &path, limit)?;
        }
    }
    if !state.garbage.is_empty() {
        disk.sync_dir(Path::new(BLOCKS))?;
    }
    for entry in disk.list(Path::new(snapshot::DIR))? {
        let path = Path::new(snapshot::DIR).join(&entry.name);
        if !snapshot::COPIES.iter().any(|copy| snapshot::path(state.scalars.snapshot, copy) == path) {
            remove(disk, &path)?;
        }
    }
    super::copies::sweep(disk)?;
    for entry in disk.list(Path::new(segment::DIR))? {
        let path = Path::new(segment::DIR).join(&entry.name);
        match segment::number_of(&entry.name) {
            Some(number) if number < state.scalars.first_segment => remove(disk, &path)?,
            Some(_) => {}
            None => quarantine::put(disk, &path, limit)?,
        }
    }
    Ok(())
}

/// Opens a segment and reads its header.
pub(crate) fn open_segment<D: Disk>(disk: &D, number: u32) -> Result<Unscanned<D::File>, OpenError> {
    let path = segment::path(number);
    let io = io_error(disk, &path);
    let files = Segment::open(disk, number).map_err(&io)?;
    let len = files.file.len().map_err(&io)?;
    let mut bytes = [0; HEADER as usize];
    if len >= HEADER {
        files.file.read_exact_at(&mut bytes, 0).map_err(&io)?;
    }
    let header = match SegmentHeader::read(&bytes) {
        HeaderState::Good(header) => Some(header),
        HeaderState::Newer(found) => {
            let path = format!("{}/{}", disk.display_root(), path.display());
            return Err(OpenError::Newer { path, found, known: segment::VERSION });
        }
        HeaderState::Damaged => None,
    };
    let first_lsn = match header {
        Some(header) => Some(header.first_lsn),
        None => {
            let anything = Expect { salt: None, first_lsn: 0, end_lsn: None };
            scan(&files, anything).map_err(&io)?.frames.first().map(|f| f.header.lsn)
        }
    };
    Ok(Unscanned { number, files, len, header, first_lsn })
}

fn take_frames<F: DiskFile>(s: &Unscanned<F>, frames: &[Found], head: &mut Head, out: &mut Recovered<F>) {
    for found in frames {
        let offset = found.offset as u32;
        let position = Position::new(s.number, offset);
        let header = &found.header;
        // Also between segments: the first frames of one may continue an epoch of the one before.
        if header.lsn != out.durable + 1 {
            out.directory.add_break(position);
        }
        let inner = |k: Kind| matches!(k, Kind::Definitions | Kind::Metadata);
        if header.sections.iter().any(|l| inner(l.kind)) && take_words(&s.files, found, head).is_none() {
            out.damaged += 1;
        }
        for (number, line) in header.sections.iter().enumerate().filter(|(_, l)| !inner(l.kind)) {
            let entry = Entry::new(s.number, offset, header.frame_len(), number as u16, line);
            out.directory.add(line.timeline, entry);
        }
        out.durable = header.lsn;
        out.horizon = Position::new(s.number, offset + header.frame_len() as u32);
    }
}

/// Reads definitions and metadata; `None` when they are damaged.
fn take_words<F: DiskFile>(segment: &Segment<F>, found: &Found, head: &mut Head) -> Option<()> {
    let mut frame = vec![0; found.header.frame_len() as usize];
    let read = segment.frame(found.offset, &mut frame)?;
    let (header, payload) = (&read.header, read.payload(&frame));
    for line in &header.sections {
        let bytes = &payload[line.offset as usize..(line.offset + line.len) as usize];
        match line.kind {
            Kind::Definitions => {
                read_definitions(bytes, |index, spelling| head.restore(spelling, line.timeline, index)).ok()?;
            }
            Kind::Metadata => read_metadata(bytes, |metric, metadata| {
                head.side.note_metadata(metric, &metadata, usize::MAX);
            })
            .ok()?,
            _ => {}
        }
    }
    Some(())
}

/// Tells the head how far each timeline has come.
fn take_times<F>(head: &mut Head, out: &Recovered<F>) {
    for (number, entries) in out.directory.iter() {
        let max_t = entries.iter().map(Entry::t_max).max().unwrap_or(TimestampMs::MIN);
        head.max_t = head.max_t.max(max_t);
        head.timelines.reserve_number(number);
        if let Some(timeline) = head.timelines.get_mut(number) {
            timeline.max_t = max_t;
            timeline.bound = max_t;
        }
    }
    head.next_lsn = out.durable + 1;
}
