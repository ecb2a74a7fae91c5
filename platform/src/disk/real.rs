//! The machine's disk, below one root directory.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "this is the door")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Disk, DiskFile, Entry, OpenMode};

/// The machine's disk, below one root directory.
#[derive(Clone, Debug)]
pub struct RealDisk {
    root: Arc<PathBuf>,
}

/// A file of a [`RealDisk`].
#[derive(Debug)]
pub struct RealFile(File);

impl RealDisk {
    /// A disk whose root is `root`; creates the directory when it does not exist.
    pub fn new(root: impl Into<PathBuf>) -> io::Result<RealDisk> {
        let root = root.into();
        std::fs::create_dir_all(&root)?;
        Ok(RealDisk { root: Arc::new(root) })
    }

    fn path(&self, path: &Path) -> io::Result<PathBuf> {
        let inside =
            path.components().all(|c| matches!(c, std::path::Component::Normal(_) | std::path::Component::CurDir));
        if inside {
            Ok(self.root.join(path))
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} leaves the data directory", path.display())))
        }
    }
}

impl Disk for RealDisk {
    type File = RealFile;

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<RealFile> {
        let mut options = OpenOptions::new();
        options.read(true);
        match mode {
            OpenMode::Read => {}
            OpenMode::ReadWrite => {
                options.write(true);
            }
            OpenMode::CreateNew => {
                options.write(true).create_new(true);
            }
        }
        options.open(self.path(path)?).map(RealFile)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir_all(self.path(path)?)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(self.path(from)?, self.path(to)?)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::hard_link(self.path(from)?, self.path(to)?)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(self.path(path)?)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_dir(self.path(path)?)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(self.path(path)?)?.sync_all()
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(self.path(path)?)? {
            let entry = entry?;
            let meta = match entry.metadata() {
                Ok(meta) => meta,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(e),
            };
            if let Ok(name) = entry.file_name().into_string() {
                let is_dir = meta.is_dir();
                entries.push(Entry { name, len: if is_dir { 0 } else { meta.len() }, is_dir });
            }
        }
        entries.sort();
        Ok(entries)
    }

    fn size_bytes(&self) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(self.root.as_path())?;
        Ok(stat.f_blocks.saturating_mul(stat.f_frsize))
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(self.root.as_path())?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn lock(&self, path: &Path) -> io::Result<Option<RealFile>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(self.path(path)?)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(RealFile(file))),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(e)) => Err(e),
        }
    }

    fn display_root(&self) -> String {
        self.root.display().to_string()
    }
}

impl DiskFile for RealFile {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buf, offset)
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(buf, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        rustix::fs::fallocate(&self.0, rustix::fs::FallocateFlags::KEEP_SIZE, 0, len).map_err(io::Error::from)
    }

    fn len(&self) -> io::Result<u64> {
        self.0.metadata().map(|m| m.len())
    }
}
