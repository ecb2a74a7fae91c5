//! A disk whose changes stay in memory: what lies below is only read.
//!
//! For tools that look at the directory of somebody else, who may be at work in it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Disk, DiskFile, Entry, OpenMode, SimDisk, SimFile};

/// A disk over another one that is only read.
#[derive(Clone)]
pub struct Overlay<D: Disk> {
    below: D,
    above: SimDisk,
    changes: Arc<Mutex<Changes>>,
}

/// What happened to names of files below.
#[derive(Default)]
struct Changes {
    gone: BTreeSet<PathBuf>,
    /// Files below by their new names.
    moved: BTreeMap<PathBuf, PathBuf>,
}

/// A file of an [`Overlay`].
pub enum OverlayFile<F> {
    /// A file below; it cannot be written.
    Below(F),
    /// A file in memory.
    Above(SimFile),
}

impl<D: Disk> Overlay<D> {
    /// A disk that looks like `below` and changes nothing there.
    pub fn new(below: D) -> Overlay<D> {
        Overlay { below, above: SimDisk::new(), changes: Arc::default() }
    }

    /// The name below of a file that was not hidden.
    fn below(&self, path: &Path) -> io::Result<PathBuf> {
        let changes = self.changes.lock();
        match changes.moved.get(path) {
            Some(from) => Ok(from.clone()),
            None if changes.gone.contains(path) => Err(io::ErrorKind::NotFound.into()),
            None => Ok(path.to_owned()),
        }
    }

    fn make_parent(&self, path: &Path) -> io::Result<()> {
        path.parent().map_or(Ok(()), |parent| self.above.create_dir(parent))
    }

    fn open_below(&self, path: &Path) -> io::Result<D::File> {
        self.below.open(&self.below(path)?, OpenMode::Read)
    }

    /// Brings a file into memory.
    fn lift(&self, path: &Path) -> io::Result<SimFile> {
        let file = self.open_below(path)?;
        self.make_parent(path)?;
        let copy = self.above.open(path, OpenMode::CreateNew)?;
        let mut buffer = vec![0; 1 << 20];
        let (mut at, len) = (0, file.len()?);
        while at < len {
            let part = &mut buffer[..(len - at).min(1 << 20) as usize];
            file.read_exact_at(part, at)?;
            copy.write_all_at(part, at)?;
            at += part.len() as u64;
        }
        Ok(copy)
    }

    fn hide(&self, path: &Path) {
        let mut changes = self.changes.lock();
        changes.moved.remove(path);
        changes.gone.insert(path.to_owned());
    }

    fn is_above(&self, path: &Path) -> bool {
        self.above.open(path, OpenMode::Read).is_ok()
    }
}

impl<D: Disk> Disk for Overlay<D> {
    type File = OverlayFile<D::File>;

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Self::File> {
        if self.is_above(path) {
            return self.above.open(path, mode).map(OverlayFile::Above);
        }
        match mode {
            OpenMode::Read => self.open_below(path).map(OverlayFile::Below),
            OpenMode::ReadWrite => self.lift(path).map(OverlayFile::Above),
            OpenMode::CreateNew if self.open_below(path).is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
            OpenMode::CreateNew => {
                self.make_parent(path)?;
                self.above.open(path, mode).map(OverlayFile::Above)
            }
        }
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.above.create_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.is_above(from) {
            self.make_parent(to)?;
            self.above.rename(from, to)?;
            self.hide(from);
            return Ok(());
        }
        let origin = self.below(from)?;
        self.below.open(&origin, OpenMode::Read)?;
        if self.is_above(to) {
            self.above.remove_file(to)?;
        }
        self.hide(from);
        self.changes.lock().moved.insert(to.to_owned(), origin);
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.open(to, OpenMode::Read).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if self.is_above(from) {
            self.make_parent(to)?;
            return self.above.link(from, to);
        }
        let origin = self.below(from)?;
        self.below.open(&origin, OpenMode::Read)?;
        self.changes.lock().moved.insert(to.to_owned(), origin);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let is_above = self.is_above(path);
        if !is_above {
            self.open_below(path)?;
        } else {
            self.above.remove_file(path)?;
        }
        self.hide(path);
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        match self.list(path)?.is_empty() {
            true => self.above.remove_dir(path).or(Ok(())),
            false => Err(io::ErrorKind::DirectoryNotEmpty.into()),
        }
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let path: PathBuf = path.components().filter(|c| matches!(c, std::path::Component::Normal(_))).collect();
        let (below, above) = (self.below.list(&path), self.above.list(&path));
        if let (Err(_), Err(error)) = (&below, &above) {
            return Err(error.kind().into());
        }
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        let changes = self.changes.lock();
        let visible = below.unwrap_or_default().into_iter().filter(|e| !changes.gone.contains(&path.join(&e.name)));
        entries.extend(visible.map(|e| (e.name.clone(), e)));
        for (to, from) in changes.moved.iter().filter(|(to, _)| to.parent() == Some(&path)) {
            let len = self.below.open(from, OpenMode::Read).and_then(|f| f.len()).unwrap_or(0);
            let name = to.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            entries.insert(name.clone(), Entry { name, len, is_dir: false });
        }
        entries.extend(above.unwrap_or_default().into_iter().map(|e| (e.name.clone(), e)));
        Ok(entries.into_values().collect())
    }

    fn size_bytes(&self) -> io::Result<u64> {
        self.above.size_bytes()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.above.free_bytes()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Self::File>> {
        self.make_parent(path)?;
        Ok(self.above.lock(path)?.map(OverlayFile::Above))
    }

    fn display_root(&self) -> String {
        self.below.display_root()
    }
}

impl<F: DiskFile> DiskFile for OverlayFile<F> {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        match self {
            OverlayFile::Below(file) => file.read_exact_at(buf, offset),
            OverlayFile::Above(file) => file.read_exact_at(buf, offset),
        }
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.above()?.write_all_at(buf, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.above()?.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.above()?.set_len(len)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.above()?.allocate(len)
    }

    fn len(&self) -> io::Result<u64> {
        match self {
            OverlayFile::Below(file) => file.len(),
            OverlayFile::Above(file) => file.len(),
        }
    }
}

impl<F> OverlayFile<F> {
    fn above(&self) -> io::Result<&SimFile> {
        match self {
            OverlayFile::Above(file) => Ok(file),
            OverlayFile::Below(_) => Err(io::ErrorKind::PermissionDenied.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(disk: &impl Disk, path: &str, text: &str) {
        let file = disk.open(path.as_ref(), OpenMode::CreateNew).unwrap();
        file.write_all_at(text.as_bytes(), 0).unwrap();
    }

    fn get(disk: &impl Disk, path: &str) -> Option<String> {
        let file = disk.open(path.as_ref(), OpenMode::Read).ok()?;
        let mut bytes = vec![0; file.len().unwrap() as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        Some(String::from_utf8(bytes).unwrap())
    }

    fn names(disk: &impl Disk, path: &str) -> Vec<String> {
        disk.list(path.as_ref()).unwrap().into_iter().map(|e| e.name).collect()
    }

    #[test]
    fn what_lies_below_stays_as_it_is() {
        let below = SimDisk::new();
        below.create_dir("d".as_ref()).unwrap();
        ["d/a", "d/b", "d/c"].iter().for_each(|path| put(&below, path, path));
        let disk = Overlay::new(below.clone());
        disk.open("d/a".as_ref(), OpenMode::ReadWrite).unwrap().write_all_at(b"X", 0).unwrap();
        disk.rename("d/b".as_ref(), "d/z".as_ref()).unwrap();
        disk.remove_file("d/c".as_ref()).unwrap();
        disk.create_dir("e".as_ref()).unwrap();
        disk.rename("d/z".as_ref(), "e/z".as_ref()).unwrap();
        put(&disk, "d/new", "new");
        assert_eq!(names(&disk, "d"), ["a", "new"]);
        assert_eq!((names(&disk, "e"), names(&disk, "")), (vec!["z".to_owned()], vec!["d".to_owned(), "e".to_owned()]));
        assert_eq!(get(&disk, "d/a").as_deref(), Some("X/a"));
        assert_eq!((get(&disk, "e/z").as_deref(), get(&disk, "d/b"), get(&disk, "d/c")), (Some("d/b"), None, None));
        put(&disk, "d/c", "again");
        assert_eq!(get(&disk, "d/c").as_deref(), Some("again"));
        assert!(disk.open("d/a".as_ref(), OpenMode::CreateNew).is_err());
        assert!(disk.lock("lock".as_ref()).unwrap().is_some());
        assert_eq!(names(&below, "d"), ["a", "b", "c"]);
        assert_eq!((get(&below, "d/a").as_deref(), names(&below, "").len()), (Some("d/a"), 1));
    }
}
