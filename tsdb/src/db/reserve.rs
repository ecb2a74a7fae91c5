//! Room on the disk for the time when there is none: a file of zeros that is given up when the disk is full, so that
//! whatever is not ingest (notes, manifests, other logs on the same disk) can still be written.

use std::io;
use std::path::Path;

use nightjar_platform::{Disk, OpenMode};

use super::keeping::remove;

const PATH: &str = "reserve";
/// Of a small disk at most one byte in so many is kept.
const SHARE: u64 = 8;

/// Room on the disk.
pub(crate) struct Reserve<D: Disk> {
    disk: D,
    bytes: u64,
    /// Whether the disk was full and has not had room again since.
    spent: bool,
    held: bool,
}

impl<D: Disk> Reserve<D> {
    /// The reserve of a directory that is being opened, `new` or not. What there is of it is given up at once when there
    /// is little room, so that opening succeeds on a full disk.
    pub(crate) fn open(disk: &D, bytes: u64, new: bool) -> io::Result<Reserve<D>> {
        let bytes = bytes.min(disk.size_bytes()? / SHARE);
        let exists = disk.list(Path::new(""))?.iter().any(|e| e.name == PATH);
        let full = disk.free_bytes()? < bytes;
        if exists && (bytes == 0 || full) {
            remove(disk, Path::new(PATH))?;
        }
        // That it is missing says that the disk was full and nobody has seen since that it is not.
        let spent = bytes > 0 && (full || !exists && !new);
        Ok(Reserve { disk: disk.clone(), bytes, spent, held: false })
    }

    /// Bytes that are kept right now.
    pub(crate) fn held(&self) -> u64 {
        if self.held { self.bytes } else { 0 }
    }

    /// Gives the room up: the disk is full.
    pub(crate) fn give_up(&mut self) {
        self.spent = self.bytes > 0;
        self.held = false;
        if let Err(error) = remove(&self.disk, Path::new(PATH)) {
            tracing::error!(%error, "the reserve could not be given up");
        }
    }

    /// Takes the room back if there is enough; the error says how much is missing.
    pub(crate) fn take_back(&mut self) -> Result<(), String> {
        if self.held || self.bytes == 0 {
            return Ok(());
        }
        let free = self.disk.free_bytes().map_err(|e| e.to_string())?;
        // Samples need room too, or the next one gives the reserve up again.
        let needed = 2 * self.bytes;
        if free < needed && self.spent {
            return Err(format!("the disk is full: {free} bytes are free, ingest goes on when there are {needed}"));
        }
        self.allocate().map_err(|e| format!("the disk is full: no room for a reserve: {e}"))?;
        self.spent = false;
        self.held = true;
        Ok(())
    }

    fn allocate(&self) -> io::Result<()> {
        remove(&self.disk, Path::new(PATH))?;
        let file = self.disk.open(Path::new(PATH), OpenMode::CreateNew)?;
        crate::wal::segment::reserve(&file, self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightjar_platform::{DiskFile, SimDisk};

    #[test]
    fn given_up_and_taken_back() {
        let disk = SimDisk::new();
        disk.set_capacity(10_000);
        let mut reserve = Reserve::open(&disk, 1_000, true).unwrap();
        reserve.take_back().unwrap();
        assert_eq!((reserve.held(), disk.used_bytes()), (1_000, 1_000));
        let ballast = disk.open(Path::new("ballast"), OpenMode::CreateNew).unwrap();
        ballast.write_all_at(&[1; 9_000], 0).unwrap();
        assert!(ballast.write_all_at(&[1], 9_000).is_err());
        reserve.give_up();
        assert!(ballast.write_all_at(&[1], 9_000).is_ok(), "there is room for small things");
        assert!(reserve.take_back().unwrap_err().contains("999 bytes are free, ingest goes on when there are 2000"));
        ballast.set_len(8_000).unwrap();
        reserve.take_back().unwrap();
        assert_eq!(reserve.held(), 1_000);
        // A start on a full disk gives it up.
        drop(reserve);
        ballast.write_all_at(&[1; 1_000], 8_000).unwrap();
        let mut reserve = Reserve::open(&disk, 1_000, false).unwrap();
        assert_eq!((reserve.held(), disk.used_bytes()), (0, 9_000));
        assert!(reserve.take_back().is_err(), "what was given up is not for samples");
        // Neither after a crash.
        let mut reserve = Reserve::open(&disk, 1_000, false).unwrap();
        assert!(reserve.take_back().is_err());
        ballast.set_len(8_000).unwrap();
        reserve.take_back().unwrap();
    }
}
