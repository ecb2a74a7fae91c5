//! A data directory opened for a tool.

use std::path::{Path, PathBuf};

use clap::Args;
use nightjar_platform::{Clock, RealClock, RealDisk};
use nightjar_tsdb::{Db, Options};

/// Which data directory.
#[derive(Debug, Args)]
pub(super) struct DataDirectory {
    /// Directory of the data; its server must not be running.
    #[arg(
        long = "storage.tsdb.path",
        value_name = "DIRECTORY",
        env = "NIGHTJAR_STORAGE_TSDB_PATH",
        hide_env = true,
        default_value = "data"
    )]
    pub(super) path: PathBuf,
}

impl DataDirectory {
    /// Opens it; `must_exist` refuses to make a new one.
    pub(super) fn open(&self, must_exist: bool) -> Result<Db<RealDisk>, String> {
        let path = self.path.display();
        if must_exist && !self.path.is_dir() {
            return Err(format!("{path} is not a directory; --storage.tsdb.path says where the data is"));
        }
        let disk = RealDisk::new(&self.path).map_err(|e| format!("cannot use {path} as data directory: {e}"))?;
        Db::open(disk, Options::default(), RealClock::new().wall_ms(), &mut |_| {}).map_err(|e| e.to_string())
    }
}

/// The directory of a file and the file's name, to open it through a disk.
pub(super) fn split(path: &Path) -> Result<(RealDisk, PathBuf), String> {
    let name = path.file_name().ok_or_else(|| format!("{} is not a file", path.display()))?;
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let disk = RealDisk::new(parent).map_err(|e| format!("{}: {e}", parent.display()))?;
    Ok((disk, name.into()))
}
