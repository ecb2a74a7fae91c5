//! A journal: bodies in order, each under a checksum, in one file that is replaced as a whole.
//!
//! The newest complete file holds. A new one is written under another name, synced and renamed, so a file that carries
//! its final name always begins with a whole snapshot. What is behind the last good frame was never acknowledged.
//!
//! `file := magic frame*`, `frame := A1 46 72 6D | length u32 | CRC-32C of length and body u32 | body`, little-endian.

use std::io;
use std::path::{Path, PathBuf};

use crate::disk::{Disk, DiskFile, OpenMode};

const FRAME_MAGIC: [u8; 4] = *b"\xA1Frm";
const HEADER_BYTES: usize = 12;
/// A journal below this size is not worth replacing.
const SMALL_BYTES: u64 = 1 << 20;
/// A journal longer than this is not read.
const MAX_BYTES: u64 = 1 << 30;

/// When a body is on stable storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When the call returns.
    Now,
    /// With the next body that is; losing it costs nothing that was promised.
    Later,
}

/// An open journal in a directory of its own.
pub struct Journal<D: Disk> {
    disk: D,
    dir: PathBuf,
    magic: [u8; 8],
    file: Option<D::File>,
    number: u64,
    len: u64,
    snapshot_len: u64,
}

/// What was found in a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The bodies, in order.
    pub bodies: Vec<Vec<u8>>,
    /// Bytes at the end that were never acknowledged; they are cut off.
    pub torn_bytes: u64,
    /// Places that cannot be read although later ones can: media damage. The file was set aside under `.damaged`.
    pub damaged: u64,
}

impl<D: Disk> Journal<D> {
    /// Opens the journal in a directory, making both if they are missing; `magic` names format and version.
    pub fn open(disk: D, dir: &Path, magic: [u8; 8]) -> io::Result<(Journal<D>, Recovered)> {
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
        let mut journal = Journal { disk, dir: dir.to_owned(), magic, file: None, number: 0, len: 0, snapshot_len: 0 };
        let Some(newest) = numbers.pop() else { return Ok((journal, Recovered::default())) };
        journal.number = newest;
        let recovered = journal.recover()?;
        for old in numbers {
            journal.disk.remove_file(&journal.path(old))?;
        }
        Ok((journal, recovered))
    }

    fn path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{number:08}.log"))
    }

    fn recover(&mut self) -> io::Result<Recovered> {
        let path = self.path(self.number);
        let file = self.disk.open(&path, OpenMode::ReadWrite)?;
        let bytes = content(&file, &path)?;
        let (recovered, end) = scan(&bytes, &self.magic);
        if recovered.damaged > 0 {
            // Evidence stays; the next snapshot begins a new file with what could be read.
            self.disk.rename(&path, &path.with_extension("damaged"))?;
            self.disk.sync_dir(&self.dir)?;
            return Ok(recovered);
        }
        if recovered.torn_bytes > 0 {
            file.set_len(end)?;
            file.sync_data()?;
        }
        (self.file, self.len, self.snapshot_len) = (Some(file), end, end);
        Ok(recovered)
    }

    /// The bodies of the file in force, for a snapshot of them.
    pub fn bodies(&self) -> io::Result<Vec<Vec<u8>>> {
        let path = self.path(self.number);
        match self.disk.open(&path, OpenMode::Read) {
            Ok(file) => Ok(scan(&content(&file, &path)?, &self.magic).0.bodies),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Appends a body. After an error nothing can be appended until the journal is [rewritten](Journal::rewrite).
    pub fn append(&mut self, body: &[u8], durability: Durability) -> io::Result<()> {
        let file = self.file.as_ref().ok_or_else(|| io::Error::other("the journal has no usable file"))?;
        let mut bytes = Vec::with_capacity(body.len() + HEADER_BYTES);
        frame(body, &mut bytes)?;
        let mut written = file.write_all_at(&bytes, self.len);
        if durability == Durability::Now {
            written = written.and_then(|()| file.sync_data());
        }
        match written {
            Ok(()) => self.len += bytes.len() as u64,
            // What a failed write or sync left behind is unknown: this file is never touched again.
            Err(_) => self.file = None,
        }
        written
    }

    /// Whether the file must or should be replaced by a snapshot.
    pub fn wants_rewrite(&self) -> bool {
        self.file.is_none() || self.len > (self.snapshot_len * 3).max(SMALL_BYTES)
    }

    /// Replaces the file by one with these bodies. Until this returns `Ok` the old one holds.
    pub fn rewrite(&mut self, bodies: &[Vec<u8>]) -> io::Result<()> {
        let number = self.number + 1;
        let (path, part) = (self.path(number), self.path(number).with_extension("tmp"));
        let mut bytes = self.magic.to_vec();
        bodies.iter().try_for_each(|body| frame(body, &mut bytes))?;
        match self.disk.remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = self.disk.open(&part, OpenMode::CreateNew)?;
        file.write_all_at(&bytes, 0)?;
        file.sync_data()?;
        self.disk.rename(&part, &path)?;
        self.disk.sync_dir(&self.dir)?;
        let old = std::mem::replace(&mut self.number, number);
        (self.file, self.len, self.snapshot_len) = (Some(file), bytes.len() as u64, bytes.len() as u64);
        // Left behind it is removed when the journal is opened.
        let _ = self.disk.remove_file(&self.path(old));
        Ok(())
    }

    /// Size of the file in bytes.
    pub fn len_bytes(&self) -> u64 {
        self.len
    }
}

fn content(file: &impl DiskFile, path: &Path) -> io::Result<Vec<u8>> {
    let len = file.len()?;
    if len > MAX_BYTES {
        let why = format!("{} is {len} bytes long, more than a journal can be", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    let mut bytes = vec![0; len as usize];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

fn frame(body: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let len = u32::try_from(body.len()).map_err(io::Error::other)?.to_le_bytes();
    out.extend_from_slice(&FRAME_MAGIC);
    out.extend_from_slice(&len);
    out.extend_from_slice(&checksum(len, body).to_le_bytes());
    out.extend_from_slice(body);
    Ok(())
}

fn checksum(len: [u8; 4], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&len), body)
}

/// Reads frames; what is unreadable is skipped if there is a good frame behind it. Answers where the last good one ends.
fn scan(bytes: &[u8], magic: &[u8; 8]) -> (Recovered, u64) {
    let mut found = Recovered { damaged: u64::from(!bytes.starts_with(magic)), ..Recovered::default() };
    let mut end = magic.len().min(bytes.len());
    let mut at = end;
    while at < bytes.len() {
        match body(&bytes[at..]) {
            Some(body) => {
                found.damaged += u64::from(at > end);
                at += HEADER_BYTES + body.len();
                found.bodies.push(body.to_vec());
                end = at;
            }
            None => match bytes[at + 1..].windows(4).position(|window| window == FRAME_MAGIC) {
                Some(next) => at += 1 + next,
                None => break,
            },
        }
    }
    if found.damaged == 0 {
        found.torn_bytes = (bytes.len() - end) as u64;
    }
    (found, end as u64)
}

fn body(bytes: &[u8]) -> Option<&[u8]> {
    let header = bytes.get(..HEADER_BYTES)?;
    let len: [u8; 4] = header[4..8].try_into().ok()?;
    let sum = u32::from_le_bytes(header[8..].try_into().ok()?);
    let body = bytes.get(HEADER_BYTES..HEADER_BYTES.checked_add(u32::from_le_bytes(len) as usize)?)?;
    (header[..4] == FRAME_MAGIC && checksum(len, body) == sum).then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Crash, SimDisk};

    const MAGIC: [u8; 8] = *b"NJTESTS1";

    fn open(disk: &SimDisk) -> (Journal<SimDisk>, Recovered) {
        Journal::open(disk.clone(), Path::new("j"), MAGIC).unwrap()
    }

    fn texts(bodies: &[Vec<u8>]) -> Vec<&str> {
        bodies.iter().map(|body| std::str::from_utf8(body).unwrap()).collect()
    }

    fn filled(disk: &SimDisk) -> Journal<SimDisk> {
        let (mut journal, found) = open(disk);
        assert_eq!(found, Recovered::default());
        assert!(journal.wants_rewrite());
        journal.rewrite(&[b"snapshot".to_vec()]).unwrap();
        journal.append(b"a", Durability::Now).unwrap();
        journal.append(b"b", Durability::Later).unwrap();
        journal
    }

    #[test]
    fn what_is_durable_survives_a_power_cut() {
        let disk = SimDisk::new();
        let journal = filled(&disk);
        assert_eq!(texts(&journal.bodies().unwrap()), ["snapshot", "a", "b"]);
        assert_eq!(texts(&open(&disk.kill()).1.bodies), ["snapshot", "a", "b"]);
        let after = open(&disk.crash(Crash::LoseUnsynced)).1;
        assert_eq!(texts(&after.bodies), ["snapshot", "a"]);
    }

    #[test]
    fn torn_ends_are_cut_and_damage_is_set_aside() {
        let disk = SimDisk::new();
        let journal = filled(&disk);
        let (path, len) = (journal.path(1), journal.len_bytes());
        drop(journal);
        let torn = disk.kill();
        torn.open(&path, OpenMode::ReadWrite).unwrap().set_len(len - 1).unwrap();
        let (mut journal, found) = open(&torn);
        assert_eq!((texts(&found.bodies), found.torn_bytes, found.damaged), (vec!["snapshot", "a"], 12, 0));
        journal.append(b"c", Durability::Now).unwrap();
        drop(journal);
        assert_eq!(texts(&open(&torn).1.bodies), ["snapshot", "a", "c"]);

        let damaged = disk.kill();
        damaged.flip(&path, 8 + 12 + 2, 0x10).unwrap();
        let (mut journal, found) = open(&damaged);
        assert_eq!((texts(&found.bodies), found.damaged), (vec!["a", "b"], 1));
        assert!(journal.append(b"d", Durability::Now).is_err() && journal.wants_rewrite());
        journal.rewrite(&found.bodies).unwrap();
        drop(journal);
        assert_eq!(texts(&open(&damaged).1.bodies), ["a", "b"]);
        let names: Vec<_> = damaged.list(Path::new("j")).unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["00000001.damaged", "00000002.log"]);
    }

    #[test]
    fn every_power_cut_leaves_a_prefix_with_all_that_was_durable() {
        let disk = SimDisk::new();
        disk.record();
        let (mut journal, _) = open(&disk);
        journal.rewrite(&[b"0".to_vec()]).unwrap();
        disk.mark(1);
        for i in 1..5u64 {
            journal.append(i.to_string().as_bytes(), Durability::Now).unwrap();
            disk.mark(i + 1);
        }
        let all: Vec<Vec<u8>> = (0..5).map(|i: u64| i.to_string().into_bytes()).collect();
        journal.rewrite(&all).unwrap();
        let recording = disk.recording();
        for (point, disk) in recording.crashes(500, 1) {
            let found = open(&disk).1;
            let texts = texts(&found.bodies).join("");
            assert!("01234".starts_with(&texts) && texts.len() as u64 >= point.mark.unwrap_or(0), "{point:?}: {texts}");
            assert_eq!(found.damaged, 0, "{point:?}");
        }
    }
}
