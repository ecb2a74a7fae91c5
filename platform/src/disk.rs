//! Files, with the durability of every call spelled out.
//!
//! Paths are relative to the disk's root and never leave it. Data is durable after [`DiskFile::sync_data`]; a created,
//! renamed, linked or removed *name* is durable after [`Disk::sync_dir`] of its directory, not before.

mod overlay;
mod real;
mod sim;

use std::io;
use std::path::Path;

pub use overlay::{Overlay, OverlayFile};
pub use real::{RealDisk, RealFile};
pub use sim::{Call, Crash, CrashPoint, Fault, FaultKind, Recording, SimDisk, SimFile};

/// How to open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// Reading only; the file must exist.
    Read,
    /// Reading and writing; the file must exist.
    ReadWrite,
    /// Reading and writing a new file; fails with `AlreadyExists`.
    CreateNew,
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// File name without directories.
    pub name: String,
    /// Size in bytes, 0 for directories.
    pub len: u64,
    /// Whether it is a directory.
    pub is_dir: bool,
}

/// A tree of files.
pub trait Disk: Clone + Send + Sync + 'static {
    /// An open file.
    type File: DiskFile;

    /// Opens a file.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Self::File>;

    /// Creates a directory and its missing parents; not an error when it exists.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Renames a file or directory, replacing a file of the new name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file a second name.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty directory.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes names created, renamed or removed in `path` durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// The entries of a directory, sorted by name.
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>>;

    /// Bytes the disk has in all.
    fn size_bytes(&self) -> io::Result<u64>;

    /// Bytes that can still be written.
    fn free_bytes(&self) -> io::Result<u64>;

    /// Takes an exclusive lock on a file, creating it. `Ok(None)`: somebody else holds it. Dropping the file unlocks.
    fn lock(&self, path: &Path) -> io::Result<Option<Self::File>>;

    /// The root for people, for error messages.
    fn display_root(&self) -> String;
}

/// An open file. Positions are explicit; a file has no cursor.
pub trait DiskFile: Send + Sync + 'static {
    /// Fills `buf` from `offset`; `UnexpectedEof` when the file ends before.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all of `buf` at `offset`, growing the file as needed. Not durable before [`DiskFile::sync_data`].
    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the content and length durable (`fdatasync`). After a failure the state of unsynced data is unknown:
    /// never call it again on this file to find out, write the data elsewhere.
    fn sync_data(&self) -> io::Result<()>;

    /// Cuts or extends (with zeros) the file.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Reserves room for the first `len` bytes without changing the length.
    fn allocate(&self, len: u64) -> io::Result<()>;

    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file has no content.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}
