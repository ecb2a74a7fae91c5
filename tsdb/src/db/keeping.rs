//! What only housekeeping touches.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Weak;

use nightjar_platform::Disk;

use crate::manifest::Manifest;

/// The directory of blocks.
pub(crate) const BLOCKS: &str = "blocks";

/// The state of housekeeping.
pub(crate) struct Housekeeping<D: Disk> {
    pub(crate) manifest: Manifest<D>,
    /// Number of the next file; a number is used once, whatever comes of it.
    pub(crate) next_file: u64,
    /// The state before the last seal, until nobody looks at it any more.
    pub(crate) retired: Vec<Weak<()>>,
    /// Snapshot files that may be removed.
    pub(crate) old_snapshots: Vec<u64>,
    /// Whether the series released by the newest seal may be forgotten: it has succeeded.
    pub(crate) released: bool,
    /// Something may be left to clean up after the last seal.
    pub(crate) untidy: bool,
}

/// The path of a block.
pub(crate) fn block_path(number: u64) -> PathBuf {
    Path::new(BLOCKS).join(format!("{number:08}.blk"))
}

/// Removes a file; it may be gone already.
pub(crate) fn remove<D: Disk>(disk: &D, path: &Path) -> io::Result<()> {
    match disk.remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
