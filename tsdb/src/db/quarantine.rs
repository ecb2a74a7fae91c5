//! What nobody refers to, or nobody can read, is put aside instead of removed.

use std::io;
use std::path::Path;

use nightjar_platform::Disk;

/// The directory of files put aside.
pub(crate) const DIR: &str = "quarantine";

/// Moves a file to the quarantine.
pub(crate) fn put<D: Disk>(disk: &D, path: &Path) -> io::Result<()> {
    disk.create_dir(Path::new(DIR))?;
    let name = path.to_string_lossy().replace('/', "-");
    let taken: Vec<String> = disk.list(Path::new(DIR))?.into_iter().map(|e| e.name).collect();
    let free = (0u32..).map(|n| if n == 0 { name.clone() } else { format!("{name}.{n}") }).find(|n| !taken.contains(n));
    let target = Path::new(DIR).join(free.unwrap_or(name));
    disk.rename(path, &target)?;
    disk.sync_dir(Path::new(DIR))?;
    tracing::warn!(from = %path.display(), to = %target.display(), "file put aside");
    match path.parent() {
        Some(parent) => disk.sync_dir(parent),
        None => Ok(()),
    }
}
