//! What nobody refers to, or nobody can read, is put aside instead of removed; there is a bound to what is kept.

use std::io;
use std::path::Path;

use nightjar_platform::{Disk, disk::Entry};

/// The directory of files put aside.
pub(crate) const DIR: &str = "quarantine";

/// Moves a file to the quarantine under the next number, and lets the oldest ones there go while all together have more
/// than `limit` bytes.
pub(crate) fn put<D: Disk>(disk: &D, path: &Path, limit: u64) -> io::Result<()> {
    disk.create_dir(Path::new(DIR))?;
    let number = disk.list(Path::new(DIR))?.iter().filter_map(number).max().map_or(1, |n| n + 1);
    let target = Path::new(DIR).join(format!("{number:08}-{}", path.to_string_lossy().replace('/', "-")));
    disk.rename(path, &target)?;
    disk.sync_dir(Path::new(DIR))?;
    tracing::warn!(from = %path.display(), to = %target.display(), "file put aside");
    if let Some(parent) = path.parent() {
        disk.sync_dir(parent)?;
    }
    shrink(disk, limit)
}

/// Bytes of all files put aside.
pub(crate) fn bytes<D: Disk>(disk: &D) -> u64 {
    disk.list(Path::new(DIR)).map_or(0, |files| files.iter().map(|f| f.len).sum())
}

/// By what files are ordered: the number before the first `-`.
fn number(entry: &Entry) -> Option<u64> {
    entry.name.split_once('-')?.0.parse().ok()
}

fn shrink<D: Disk>(disk: &D, limit: u64) -> io::Result<()> {
    let mut files = disk.list(Path::new(DIR))?;
    files.sort_by_key(|f| number(f).unwrap_or(0));
    // The newest stays, however large it is: somebody may want to look at it.
    files.pop();
    let mut bytes = bytes(disk);
    for file in files {
        if bytes <= limit {
            break;
        }
        tracing::warn!(
            file = file.name,
            bytes = file.len,
            "the quarantine is full: a file put aside earlier is removed"
        );
        disk.remove_file(&Path::new(DIR).join(&file.name))?;
        bytes -= file.len;
    }
    disk.sync_dir(Path::new(DIR))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightjar_platform::{DiskFile, OpenMode, SimDisk};

    #[test]
    fn the_oldest_go_first() {
        let disk = SimDisk::new();
        for i in 0..5 {
            let path = Path::new("x.seg");
            disk.open(path, OpenMode::CreateNew).unwrap().write_all_at(&[i; 10], 0).unwrap();
            put(&disk, path, 30).unwrap();
        }
        let names: Vec<_> = disk.list(Path::new(DIR)).unwrap().into_iter().map(|f| f.name).collect();
        assert_eq!(names, ["00000003-x.seg", "00000004-x.seg", "00000005-x.seg"]);
        assert_eq!(bytes(&disk), 30);
        disk.open(Path::new("large"), OpenMode::CreateNew).unwrap().write_all_at(&[0; 100], 0).unwrap();
        put(&disk, Path::new("large"), 30).unwrap();
        assert_eq!(bytes(&disk), 100);
    }
}
