//! Reads a file in order, through a window that moves along.

use std::fmt;
use std::io;
use std::path::Path;

use nightjar_platform::{Disk, DiskFile, OpenMode};

/// Bytes read at once.
const WINDOW: usize = 256 << 10;

/// A place in a file, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The byte.
    pub offset: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.file, self.offset)
    }
}

/// An open file and what was last read of it.
pub(super) struct Window<D: Disk> {
    file: D::File,
    name: String,
    len: u64,
    start: u64,
    buffer: Vec<u8>,
}

impl<D: Disk> Window<D> {
    pub(super) fn open(disk: &D, path: &Path) -> io::Result<Window<D>> {
        let file = disk.open(path, OpenMode::Read)?;
        let len = file.len()?;
        let name = format!("{}/{}", disk.display_root(), path.display());
        Ok(Window { file, name, len, start: 0, buffer: Vec::new() })
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn place(&self, offset: u64) -> Place {
        Place { file: self.name.clone(), offset }
    }

    /// `len` bytes from `offset`; `None` when the file ends before.
    pub(super) fn get(&mut self, offset: u64, len: usize) -> io::Result<Option<&[u8]>> {
        if offset.checked_add(len as u64).is_none_or(|end| end > self.len) {
            return Ok(None);
        }
        let inside = offset >= self.start && offset + len as u64 <= self.start + self.buffer.len() as u64;
        if !inside {
            let want = (self.len - offset).min(len.max(WINDOW) as u64) as usize;
            self.buffer.resize(want, 0);
            self.start = offset;
            if let Err(e) = self.file.read_exact_at(&mut self.buffer, offset) {
                self.buffer.clear();
                return Err(e);
            }
        }
        let at = (offset - self.start) as usize;
        Ok(Some(&self.buffer[at..at + len]))
    }

    /// At most `len` bytes from `offset`, fewer at the end of the file.
    pub(super) fn up_to(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        let len = self.len.saturating_sub(offset).min(len as u64) as usize;
        self.get(offset, len).map(Option::unwrap_or_default)
    }
}
