//! Reads files that people wrote.

use std::io;
use std::path::Path;

use nightjar_platform::{Disk, DiskFile, OpenMode, RealDisk};

/// Reads a whole file of at most `limit` bytes. A missing directory is not created.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name =
        path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "this is not a file name"))?;
    if !directory.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("{} is not a directory", directory.display())));
    }
    let file = RealDisk::new(directory)?.open(Path::new(name), OpenMode::Read)?;
    let len = file.len()?;
    if len > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("{len} bytes, the limit is {limit}")));
    }
    let mut bytes = vec![0; len as usize];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// The same for UTF-8 text.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read(path, limit)?).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not UTF-8"))
}
