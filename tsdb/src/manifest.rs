//! The only truth about which files count: blocks, the series snapshot, the first segment.
//!
//! A log of checksummed records in two files, `MANIFEST` and `MANIFEST.copy`, each record written and made durable in
//! the one and then in the other. A record is a full state or a change; a damaged record in one file is read from the
//! other. Every byte is described in `docs/format/manifest.md`.

mod record;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use nightjar_platform::{Disk, DiskFile, OpenMode};

use crate::bytes::put_u32;
pub(crate) use record::{Change, Scalars, State};
use record::{FRAME, frame, read_frame};

const FILES: [&str; 2] = ["MANIFEST", "MANIFEST.copy"];
const TEMPORARY: &str = "MANIFEST.tmp";
const MAGIC: [u8; 8] = *b"NJMANIFS";
/// The newest format this version knows, and the one it writes.
pub(crate) const VERSION: u32 = 2;
const HEADER: u64 = 16;
/// A longer file is not a manifest.
const MAX_BYTES: u64 = 64 << 20;
/// The log is written anew when it has grown to this.
const REWRITE_BYTES: u64 = 256 << 10;

/// Why a manifest cannot be used.
#[derive(Debug)]
pub(crate) enum ManifestError {
    /// A newer version wrote it.
    Newer(u32),
    /// Both files are damaged in one place.
    Damaged(String),
    /// The disk failed.
    Io(io::Error),
}

impl From<io::Error> for ManifestError {
    fn from(error: io::Error) -> ManifestError {
        ManifestError::Io(error)
    }
}

/// An open manifest.
pub(crate) struct Manifest<D: Disk> {
    disk: D,
    state: State,
    /// Number of the newest record.
    number: u64,
    files: Vec<(D::File, u64)>,
    /// A write failed: what the files hold is not known, so they are written anew before anything else.
    doubtful: bool,
}

/// What both files together say.
#[derive(Debug, Default)]
pub(crate) struct Peeked {
    /// The newest state.
    pub(crate) state: State,
    /// Number of the newest record.
    number: u64,
    /// Whether both files are whole and say the same.
    pub(crate) whole: bool,
    /// Whether both have the format of this version.
    current: bool,
}

/// What one of the two files says.
#[derive(Default)]
struct Copy {
    exists: bool,
    readable: bool,
    records: BTreeMap<u64, Change>,
    /// Whether it ends with a whole record and nothing in it is damaged.
    clean: bool,
    /// Whether it has the format of this version.
    current: bool,
}

impl<D: Disk> Manifest<D> {
    /// The newest state on a disk, changing nothing; `None` when there is no manifest.
    pub(crate) fn peek(disk: &D) -> Result<Option<Peeked>, ManifestError> {
        let copies = [read_copy(disk, FILES[0])?, read_copy(disk, FILES[1])?];
        if copies.iter().all(|c| !c.exists) {
            return Ok(None);
        }
        if copies.iter().all(|c| !c.readable) {
            return Err(ManifestError::Damaged("neither it nor its copy begins as a manifest does".into()));
        }
        let whole = copies.iter().all(|c| c.clean) && copies[0].records.len() == copies[1].records.len();
        let current = copies.iter().all(|c| c.current);
        let mut records = BTreeMap::new();
        copies.into_iter().for_each(|copy| records.extend(copy.records));
        let full = records.iter().rev().find(|(_, r)| r.full).map(|(number, _)| *number);
        let Some(first) = full else {
            return Err(ManifestError::Damaged("no full state is readable in it or its copy".into()));
        };
        let mut state = State::default();
        let mut next = first;
        for (number, change) in records.range(first..) {
            if *number != next {
                return Err(ManifestError::Damaged(format!("record {next} is unreadable in it and in its copy")));
            }
            state.apply(change);
            next += 1;
        }
        Ok(Some(Peeked { state, number: next - 1, whole, current }))
    }

    /// Opens the manifest, creating it when there is none.
    pub(crate) fn open(disk: &D) -> Result<Manifest<D>, ManifestError> {
        let Peeked { state, number, whole, current } = Manifest::peek(disk)?.unwrap_or_default();
        // An older format is written anew before anything is added.
        let doubtful = !whole || !current;
        let mut manifest = Manifest { disk: disk.clone(), state, number, files: Vec::new(), doubtful };
        if manifest.doubtful {
            manifest.rewrite()?;
        } else {
            for name in FILES {
                let file = disk.open(Path::new(name), OpenMode::ReadWrite)?;
                let len = file.len()?;
                manifest.files.push((file, len));
            }
        }
        Ok(manifest)
    }

    /// The newest state.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Makes a change durable. After an error the change may or may not be found by a restart.
    pub(crate) fn append(&mut self, change: Change) -> io::Result<()> {
        if self.doubtful || self.files.iter().any(|(_, len)| *len > REWRITE_BYTES) {
            self.rewrite()?;
        }
        let bytes = frame(self.number + 1, &change);
        // Until both files have it nobody knows what a restart would find.
        self.doubtful = true;
        for (file, len) in &mut self.files {
            file.write_all_at(&bytes, *len)?;
            file.sync_data()?;
            *len += bytes.len() as u64;
        }
        self.doubtful = false;
        self.number += 1;
        self.state.apply(&change);
        Ok(())
    }

    /// Writes both files anew, holding only the current state, under a number no failed record can have.
    fn rewrite(&mut self) -> io::Result<()> {
        self.doubtful = true;
        self.number += 2;
        self.files.clear();
        self.files = write_anew(&self.disk, Path::new(""), self.number, &self.state)?;
        self.doubtful = false;
        Ok(())
    }

    /// Writes a manifest of its own for `state` into another directory, durable when this returns.
    pub(crate) fn write_copy(disk: &D, directory: &Path, state: &State) -> io::Result<()> {
        write_anew(disk, directory, 1, state).map(|_| ())
    }
}

/// Writes both files of a directory anew; answers them and their lengths.
fn write_anew<D: Disk>(disk: &D, directory: &Path, number: u64, state: &State) -> io::Result<Vec<(D::File, u64)>> {
    let mut bytes = header();
    bytes.extend(frame(number, &state.as_change()));
    let temporary = directory.join(TEMPORARY);
    let mut files = Vec::with_capacity(FILES.len());
    for name in FILES {
        match disk.remove_file(&temporary) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let file = disk.open(&temporary, OpenMode::CreateNew)?;
        file.write_all_at(&bytes, 0)?;
        file.sync_data()?;
        disk.rename(&temporary, &directory.join(name))?;
        disk.sync_dir(directory)?;
        files.push((file, bytes.len() as u64));
    }
    Ok(files)
}

fn header() -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    put_u32(VERSION, &mut out);
    put_u32(crc32c::crc32c(&out), &mut out);
    out
}

fn read_copy<D: Disk>(disk: &D, name: &str) -> Result<Copy, ManifestError> {
    let file = match disk.open(Path::new(name), OpenMode::Read) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Copy::default()),
        Err(e) => return Err(e.into()),
    };
    let len = file.len()?;
    let mut copy = Copy { exists: true, ..Copy::default() };
    if !(HEADER..=MAX_BYTES).contains(&len) {
        return Ok(copy);
    }
    let mut bytes = vec![0; len as usize];
    file.read_exact_at(&mut bytes, 0)?;
    let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    if bytes[..8] != MAGIC || word(12) != crc32c::crc32c(&bytes[..12]) {
        return Ok(copy);
    }
    if !(1..=VERSION).contains(&word(8)) {
        return Err(ManifestError::Newer(word(8)));
    }
    copy.readable = true;
    let mut at = HEADER as usize;
    copy.current = word(8) == VERSION;
    copy.clean = true;
    while at < bytes.len() {
        match read_frame(&bytes[at..]) {
            Some((number, change, len)) => {
                copy.records.insert(number, change);
                at += len;
            }
            None => {
                // Records are multiples of eight bytes: look for the next one.
                copy.clean = false;
                at += FRAME;
            }
        }
    }
    Ok(copy)
}
