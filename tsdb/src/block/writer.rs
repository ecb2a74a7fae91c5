//! Writes a block file from front to back.

use std::io;
use std::path::{Path, PathBuf};

use nightjar_platform::{Disk, DiskFile, OpenMode};

use super::page::{MAX_PAGE_BYTES, checksum};
use super::section::PageRef;

const BUFFER_BYTES: usize = 1 << 20;
/// A large file is made durable piece by piece, so that the log's syncs never wait for all of it.
const SYNC_BYTES: u64 = 16 << 20;

/// A file under a temporary name that becomes visible whole or not at all.
pub(super) struct BlockWriter<D: Disk> {
    disk: D,
    temporary: PathBuf,
    file: D::File,
    salt: u64,
    compressor: zstd::bulk::Compressor<'static>,
    buffer: Vec<u8>,
    flushed: u64,
    synced: u64,
    published: bool,
}

impl<D: Disk> BlockWriter<D> {
    /// Starts a file that will be called `path`.
    pub(super) fn create(disk: &D, path: &Path, salt: u64, level: i32) -> io::Result<BlockWriter<D>> {
        let temporary = temporary_name(path)?;
        let file = create_afresh(disk, &temporary)?;
        let compressor = zstd::bulk::Compressor::new(level)?;
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        Ok(BlockWriter {
            disk: disk.clone(),
            temporary,
            file,
            salt,
            compressor,
            buffer,
            flushed: 0,
            synced: 0,
            published: false,
        })
    }

    /// Where the next byte goes.
    pub(super) fn offset(&self) -> u64 {
        self.flushed + self.buffer.len() as u64
    }

    /// Appends bytes as they are.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    /// Appends a page, compressed when that makes it smaller.
    pub(super) fn page(&mut self, raw: &[u8], first: u32, min: i64, max: i64) -> io::Result<PageRef> {
        let compressed = self.compressor.compress(raw)?;
        let stored = if compressed.len() < raw.len() { &compressed[..] } else { raw };
        self.stored(stored, raw.len() as u32, first, min, max)
    }

    /// Appends a page of `raw` bytes as it is stored.
    pub(super) fn stored(&mut self, stored: &[u8], raw: u32, first: u32, min: i64, max: i64) -> io::Result<PageRef> {
        if raw as usize > MAX_PAGE_BYTES {
            let message = format!("one series needs {raw} bytes in this block, the most is {MAX_PAGE_BYTES}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let offset = self.offset();
        let crc = checksum(self.salt, offset, stored);
        self.append(stored)?;
        Ok(PageRef { offset, stored: stored.len() as u32, raw, crc, first, min, max })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.buffer, self.flushed)?;
        self.flushed += self.buffer.len() as u64;
        self.buffer.clear();
        if self.flushed - self.synced >= SYNC_BYTES {
            self.file.sync_data()?;
            self.synced = self.flushed;
        }
        Ok(())
    }

    /// Makes the file durable under its name; answers its length.
    pub(super) fn publish(mut self, path: &Path) -> io::Result<u64> {
        self.flush()?;
        self.file.sync_data()?;
        self.disk.rename(&self.temporary, path)?;
        self.published = true;
        self.disk.sync_dir(directory_of(path))?;
        Ok(self.flushed)
    }
}

impl<D: Disk> Drop for BlockWriter<D> {
    fn drop(&mut self) {
        if !self.published {
            let _ = self.disk.remove_file(&self.temporary);
        }
    }
}

/// Creates a file, replacing what a crash may have left under its name.
pub(super) fn create_afresh<D: Disk>(disk: &D, path: &Path) -> io::Result<D::File> {
    match disk.open(path, OpenMode::CreateNew) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            disk.remove_file(path)?;
            disk.open(path, OpenMode::CreateNew)
        }
        result => result,
    }
}

fn temporary_name(path: &Path) -> io::Result<PathBuf> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(".tmp");
    Ok(path.with_file_name(name))
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
