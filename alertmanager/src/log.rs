//! The alert log: records in order, on disk before anybody is told that they are kept.
//!
//! One file holds a snapshot and everything since. It is replaced as a whole, by a new file that is complete before it
//! gets its name. Every byte is described in `docs/format/alert-log.md`.

mod frame;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use nightjar_platform::{Disk, DiskFile, OpenMode};

use crate::record::Record;

/// What a log file begins with.
const MAGIC: &[u8; 8] = b"NJALERT1";
/// A log below this size is not worth replacing.
const SMALL_BYTES: u64 = 4 << 20;
/// Room that is kept for the log when it is new, so that a full disk does not stop it at once.
const RESERVE_BYTES: u64 = 4 << 20;
/// A log longer than this is not read.
const MAX_BYTES: u64 = 4 << 30;

/// An open log.
pub struct Log<D: Disk> {
    disk: D,
    dir: PathBuf,
    file: Option<D::File>,
    number: u64,
    len: u64,
    snapshot_len: u64,
}

/// What was found when a log was opened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovered {
    /// The records, in order.
    pub records: Vec<Record>,
    /// Bytes at the end that were never acknowledged.
    pub torn_bytes: u64,
    /// Frames that cannot be read although later ones can: media damage. The file was set aside.
    pub damaged_frames: u64,
}

impl<D: Disk> Log<D> {
    /// Opens the log in a directory, making both if they are missing.
    pub fn open(disk: D, dir: &Path) -> io::Result<(Log<D>, Recovered)> {
        disk.create_dir(dir)?;
        dir.ancestors().skip(1).try_for_each(|parent| disk.sync_dir(parent))?;
        let mut numbers = Vec::new();
        for entry in disk.list(dir)? {
            match entry.name.strip_suffix(".log").and_then(|number| number.parse::<u64>().ok()) {
                Some(number) => numbers.push(number),
                None if entry.name.ends_with(".tmp") => disk.remove_file(&dir.join(&entry.name))?,
                None => {}
            }
        }
        numbers.sort_unstable();
        let mut log = Log { disk, dir: dir.to_owned(), file: None, number: 0, len: 0, snapshot_len: 0 };
        let Some(newest) = numbers.pop() else { return Ok((log, Recovered::default())) };
        log.number = newest;
        let recovered = log.read()?;
        for old in numbers {
            log.disk.remove_file(&log.path(old))?;
        }
        Ok((log, recovered))
    }

    fn path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{number:08}.log"))
    }

    fn read(&mut self) -> io::Result<Recovered> {
        let path = self.path(self.number);
        let file = self.disk.open(&path, OpenMode::ReadWrite)?;
        let len = file.len()?;
        if len > MAX_BYTES {
            let why = format!("{} is {len} bytes long, more than an alert log can be", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let mut bytes = vec![0; len as usize];
        file.read_exact_at(&mut bytes, 0)?;
        let scan = frame::scan(&bytes, MAGIC.len());
        let recovered = Recovered {
            records: scan.records,
            torn_bytes: if scan.damaged == 0 { len - scan.end as u64 } else { 0 },
            damaged_frames: scan.damaged + u64::from(!bytes.starts_with(MAGIC)),
        };
        if recovered.damaged_frames > 0 {
            // Evidence stays; the next commit begins a new file with what could be read.
            self.disk.rename(&path, &path.with_extension("damaged"))?;
            self.disk.sync_dir(&self.dir)?;
            return Ok(recovered);
        }
        if recovered.torn_bytes > 0 {
            file.set_len(scan.end as u64)?;
            file.sync_data()?;
        }
        (self.file, self.len, self.snapshot_len) = (Some(file), scan.end as u64, scan.end as u64);
        Ok(recovered)
    }

    /// Makes records durable; they are when this returns `Ok`. After an error the log takes nothing until it is
    /// [rewritten](Log::rewrite).
    pub fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let file = self.file.as_ref().ok_or_else(|| io::Error::other("the alert log has no usable file"))?;
        let mut bytes = Vec::new();
        frame::write(records, &mut bytes)?;
        let written = file.write_all_at(&bytes, self.len).and_then(|()| file.sync_data());
        match written {
            Ok(()) => {
                self.len += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                // What a failed write or sync left behind is unknown: never touch this file again.
                self.file = None;
                Err(error)
            }
        }
    }

    /// Whether a file must or should be replaced by a snapshot.
    pub fn wants_rewrite(&self) -> bool {
        self.file.is_none() || self.len > (self.snapshot_len * 2).max(SMALL_BYTES)
    }

    /// Whether records can be appended.
    pub fn is_usable(&self) -> bool {
        self.file.is_some()
    }

    /// Replaces the log by a snapshot. Until this returns `Ok` the old one holds.
    pub fn rewrite(&mut self, snapshot: &[Record]) -> io::Result<()> {
        let number = self.number + 1;
        let (path, part) = (self.path(number), self.path(number).with_extension("tmp"));
        let mut bytes = MAGIC.to_vec();
        frame::write(snapshot, &mut bytes)?;
        if let Err(error) = self.disk.remove_file(&part)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let file = self.disk.open(&part, OpenMode::CreateNew)?;
        // Without the reserve the log works as well, until the disk is full.
        let _ = file.allocate(bytes.len() as u64 + RESERVE_BYTES);
        file.write_all_at(&bytes, 0)?;
        file.sync_data()?;
        self.disk.rename(&part, &path)?;
        self.disk.sync_dir(&self.dir)?;
        let old = std::mem::replace(&mut self.number, number);
        (self.file, self.len) = (Some(file), bytes.len() as u64);
        self.snapshot_len = self.len;
        // Left behind it is removed when the log is opened.
        let _ = self.disk.remove_file(&self.path(old));
        Ok(())
    }

    /// Size of the file in bytes.
    pub fn len_bytes(&self) -> u64 {
        self.len
    }
}
