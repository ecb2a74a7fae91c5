//! What only housekeeping touches.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Weak;

use nightjar_model::TimestampMs;
use nightjar_platform::Disk;

use crate::block::Block;
use crate::manifest::{Change, Manifest, Scalars};

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
    /// Blocks that do not count any more and may still be read.
    pub(crate) garbage: Vec<(u64, Weak<Block<D>>)>,
    /// Blocks whose files are gone, to be told with the next record.
    pub(crate) forgotten: Vec<u64>,
    /// Up to where each rule of retention was carried out.
    pub(crate) ruled: Vec<TimestampMs>,
}

impl<D: Disk> Housekeeping<D> {
    /// The newest scalars, and how far numbers are used.
    pub(crate) fn scalars(&self) -> Scalars {
        Scalars { next_file: self.next_file, ..self.manifest.state().scalars }
    }

    /// Makes a change durable. After an error it may or may not be found by a restart.
    pub(crate) fn record(&mut self, change: Change) -> io::Result<()> {
        self.manifest.append(Change { forget: self.forgotten.clone(), ..change })?;
        self.forgotten.clear();
        Ok(())
    }

    /// Removes files of blocks that do not count any more, once nobody reads them.
    pub(crate) fn collect_garbage(&mut self, disk: &D) -> io::Result<()> {
        let (free, read): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.garbage).into_iter().partition(|(_, block)| block.strong_count() == 0);
        self.garbage = read;
        if free.is_empty() {
            return Ok(());
        }
        let removed = free.iter().try_for_each(|(number, _)| remove(disk, &block_path(*number)));
        // A name must not come back after a record has said that it is gone.
        match removed.and_then(|()| disk.sync_dir(Path::new(BLOCKS))) {
            Ok(()) => self.forgotten.extend(free.iter().map(|(number, _)| *number)),
            Err(error) => {
                self.garbage.extend(free);
                return Err(error);
            }
        }
        Ok(())
    }
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
