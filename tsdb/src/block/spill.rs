//! Encoded columns between being added and being sorted: in memory while they are few, else in a scratch file.

use std::io;
use std::path::{Path, PathBuf};

use nightjar_platform::{Disk, DiskFile};
use xxhash_rust::xxh3::Xxh3;

use super::writer::create_afresh;

/// Where spilled bytes lie.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    offset: u64,
    pub(super) len: u32,
}

/// Bytes that are written once and read once, in another order.
pub(super) struct Spill<D: Disk> {
    disk: D,
    path: PathBuf,
    file: Option<D::File>,
    memory_bytes: usize,
    buffer: Vec<u8>,
    flushed: u64,
    hash: Xxh3,
}

impl<D: Disk> Spill<D> {
    /// Keeps at most about `memory_bytes` in memory; creates `path` only when that is not enough.
    pub(super) fn new(disk: &D, path: &Path, memory_bytes: usize) -> Spill<D> {
        let (path, buffer, hash) = (path.to_owned(), Vec::new(), Xxh3::new());
        Spill { disk: disk.clone(), path, file: None, memory_bytes, buffer, flushed: 0, hash }
    }

    /// Keeps `bytes`.
    pub(super) fn put(&mut self, bytes: &[u8]) -> io::Result<Extent> {
        let len = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.hash.update(bytes);
        if self.buffer.len() + bytes.len() > self.memory_bytes && !self.buffer.is_empty() {
            self.flush()?;
        }
        let offset = self.flushed + self.buffer.len() as u64;
        self.buffer.extend_from_slice(bytes);
        Ok(Extent { offset, len })
    }

    /// Appends kept bytes to `out`.
    pub(super) fn get(&self, extent: Extent, out: &mut Vec<u8>) -> io::Result<()> {
        let len = extent.len as usize;
        if let Some(start) = extent.offset.checked_sub(self.flushed) {
            out.extend_from_slice(&self.buffer[start as usize..start as usize + len]);
            return Ok(());
        }
        let Some(file) = &self.file else { return Err(io::ErrorKind::NotFound.into()) };
        let start = out.len();
        out.resize(start + len, 0);
        file.read_exact_at(&mut out[start..], extent.offset)
    }

    /// A hash of everything kept so far.
    pub(super) fn hash(&self) -> u64 {
        self.hash.digest()
    }

    fn flush(&mut self) -> io::Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => create_afresh(&self.disk, &self.path)?,
        };
        let written = file.write_all_at(&self.buffer, self.flushed);
        self.file = Some(file);
        written?;
        self.flushed += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

impl<D: Disk> Drop for Spill<D> {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = self.disk.remove_file(&self.path);
        }
    }
}
