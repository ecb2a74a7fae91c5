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

/// What sets one kind of journal apart.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// What errors call it, with its article.
    pub name: &'static str,
    /// What a file begins with: format and version.
    pub magic: [u8; 8],
    /// A file below this size is not worth replacing.
    pub small_bytes: u64,
    /// A file longer than so many snapshots is.
    pub growth: u64,
    /// A file longer than this is not read.
    pub max_bytes: u64,
    /// Room kept for a new file, so that a full disk does not stop it at once.
    pub reserve_bytes: u64,
}

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
    form: Form,
    file: Option<D::File>,
    number: u64,
    len: u64,
    snapshot_len: u64,
    successor: Option<Successor<D::File>>,
}

/// A file that is being made beside the one in force, to replace it.
struct Successor<F> {
    file: F,
    len: u64,
}

/// What was found in a journal, besides its bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Bytes at the end that were never acknowledged; they are cut off.
    pub torn_bytes: u64,
    /// Places that cannot be read although later ones can: media damage. The file was set aside under `.damaged`.
    pub damaged: u64,
}

impl<D: Disk> Journal<D> {
    /// Opens the journal in a directory, making both if they are missing. `take` gets the bodies in order; one it answers
    /// with false counts as unreadable.
    pub fn open(
        disk: D,
        dir: &Path,
        form: Form,
        take: &mut dyn FnMut(&[u8]) -> bool,
    ) -> io::Result<(Journal<D>, Found)> {
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
        let mut journal = Journal {
            disk,
            dir: dir.to_owned(),
            form,
            file: None,
            number: 0,
            len: 0,
            snapshot_len: 0,
            successor: None,
        };
        let Some(newest) = numbers.pop() else { return Ok((journal, Found::default())) };
        journal.number = newest;
        let found = journal.recover(take)?;
        for old in numbers {
            journal.disk.remove_file(&journal.path(old))?;
        }
        Ok((journal, found))
    }

    fn path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{number:08}.log"))
    }

    fn recover(&mut self, take: &mut dyn FnMut(&[u8]) -> bool) -> io::Result<Found> {
        let path = self.path(self.number);
        let file = self.disk.open(&path, OpenMode::ReadWrite)?;
        let (found, end) = scan(&self.content(&file, &path)?, &self.form.magic, take);
        if found.damaged > 0 {
            // Evidence stays; the next snapshot begins a new file with what could be read.
            self.disk.rename(&path, &path.with_extension("damaged"))?;
            self.disk.sync_dir(&self.dir)?;
            return Ok(found);
        }
        if found.torn_bytes > 0 {
            file.set_len(end)?;
            file.sync_data()?;
        }
        (self.file, self.len, self.snapshot_len) = (Some(file), end, end);
        Ok(found)
    }

    fn content(&self, file: &D::File, path: &Path) -> io::Result<Vec<u8>> {
        let len = file.len()?;
        if len > self.form.max_bytes {
            let why = format!("{} is {len} bytes long, more than {} can be", path.display(), self.form.name);
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let mut bytes = vec![0; len as usize];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Gives `take` the bodies of the file in force, for a snapshot of them.
    pub fn read(&self, take: &mut dyn FnMut(&[u8]) -> bool) -> io::Result<()> {
        let path = self.path(self.number);
        match self.disk.open(&path, OpenMode::Read) {
            Ok(file) => {
                scan(&self.content(&file, &path)?, &self.form.magic, take);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Appends bodies with one write. After a failed one nothing can be appended until the journal is
    /// [rewritten](Journal::rewrite).
    pub fn append(
        &mut self,
        bodies: impl IntoIterator<Item = io::Result<Vec<u8>>>,
        durability: Durability,
    ) -> io::Result<()> {
        let unusable = || io::Error::other(format!("{} has no usable file", self.form.name));
        let file = self.file.as_ref().ok_or_else(unusable)?;
        let mut bytes = Vec::new();
        bodies.into_iter().try_for_each(|body| frame(&body?, &mut bytes))?;
        let mut written = file.write_all_at(&bytes, self.len);
        if durability == Durability::Now {
            written = written.and_then(|()| file.sync_data());
        }
        match written {
            Ok(()) => {
                self.len += bytes.len() as u64;
                // Without it the file in force still has everything.
                self.successor.take_if(|successor| successor.write(&bytes).is_err());
            }
            // What a failed write or sync left behind is unknown: this file is never touched again.
            Err(_) => self.file = None,
        }
        written
    }

    /// Whether the file must or should be replaced by a snapshot.
    pub fn wants_rewrite(&self) -> bool {
        self.file.is_none() || self.len > (self.snapshot_len * self.form.growth).max(self.form.small_bytes)
    }

    /// Whether bodies can be appended.
    pub fn is_usable(&self) -> bool {
        self.file.is_some()
    }

    /// Replaces the file by one with these bodies. Until this returns `Ok` the old one holds.
    pub fn rewrite(&mut self, bodies: impl IntoIterator<Item = io::Result<Vec<u8>>>) -> io::Result<()> {
        let mut bytes = self.form.magic.to_vec();
        bodies.into_iter().try_for_each(|body| frame(&body?, &mut bytes))?;
        let mut successor = self.new_file(bytes.len() as u64)?;
        successor.write(&bytes)?;
        self.replace_by(successor)
    }

    /// Begins to replace the file bit by bit: what is appended from now on goes into both files. Until
    /// [`Journal::succeed`] the old one holds, and an error anywhere only means that it goes on to.
    pub fn begin_successor(&mut self) -> io::Result<()> {
        let mut successor = self.new_file(self.snapshot_len)?;
        successor.write(&self.form.magic)?;
        self.successor = Some(successor);
        Ok(())
    }

    /// Puts bodies into the new file only, and makes them durable there, so that little is left to do in the end.
    pub fn extend_successor(&mut self, bodies: impl IntoIterator<Item = io::Result<Vec<u8>>>) -> io::Result<()> {
        let mut successor = self.successor.take().ok_or_else(|| io::Error::other("there is no new file"))?;
        let mut bytes = Vec::new();
        bodies.into_iter().try_for_each(|body| frame(&body?, &mut bytes))?;
        successor.write(&bytes)?;
        successor.file.sync_data()?;
        self.successor = Some(successor);
        Ok(())
    }

    /// The new file takes the place of the old one.
    pub fn succeed(&mut self) -> io::Result<()> {
        let successor = self.successor.take().ok_or_else(|| io::Error::other("there is no new file"))?;
        self.replace_by(successor)
    }

    fn new_file(&mut self, len: u64) -> io::Result<Successor<D::File>> {
        self.successor = None;
        let part = self.path(self.number + 1).with_extension("tmp");
        match self.disk.remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = self.disk.open(&part, OpenMode::CreateNew)?;
        if self.form.reserve_bytes > 0 {
            // Without the reserve it works as well, until the disk is full.
            let _ = file.allocate(len + self.form.reserve_bytes);
        }
        Ok(Successor { file, len: 0 })
    }

    fn replace_by(&mut self, successor: Successor<D::File>) -> io::Result<()> {
        let Successor { file, len } = successor;
        let path = self.path(self.number + 1);
        file.sync_data()?;
        self.disk.rename(&path.with_extension("tmp"), &path)?;
        self.disk.sync_dir(&self.dir)?;
        (self.file, self.len, self.snapshot_len) = (Some(file), len, len);
        // Left behind it is removed when the journal is opened.
        let _ = self.disk.remove_file(&self.path(self.number));
        self.number += 1;
        Ok(())
    }

    /// Size of the file in bytes.
    pub fn len_bytes(&self) -> u64 {
        self.len
    }
}

impl<F: DiskFile> Successor<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.len)?;
        self.len += bytes.len() as u64;
        Ok(())
    }
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
fn scan(bytes: &[u8], magic: &[u8; 8], take: &mut dyn FnMut(&[u8]) -> bool) -> (Found, u64) {
    let mut found = Found { damaged: u64::from(!bytes.starts_with(magic)), ..Found::default() };
    let mut end = magic.len().min(bytes.len());
    let mut at = end;
    while at < bytes.len() {
        match body(&bytes[at..]).filter(|body| take(body)) {
            Some(body) => {
                found.damaged += u64::from(at > end);
                at += HEADER_BYTES + body.len();
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

    const FORM: Form = Form {
        name: "the journal",
        magic: *b"NJTESTS1",
        small_bytes: 1 << 20,
        growth: 3,
        max_bytes: 1 << 30,
        reserve_bytes: 0,
    };

    /// Opens it; answers its bodies as texts, too.
    fn open(disk: &SimDisk) -> (Journal<SimDisk>, Vec<String>, Found) {
        let mut texts = Vec::new();
        let (journal, found) = Journal::open(disk.clone(), Path::new("j"), FORM, &mut into(&mut texts)).unwrap();
        (journal, texts, found)
    }

    fn into(texts: &mut Vec<String>) -> impl FnMut(&[u8]) -> bool {
        |body| {
            texts.push(String::from_utf8(body.to_vec()).unwrap());
            true
        }
    }

    fn bodies<T: AsRef<str>>(texts: &[T]) -> impl Iterator<Item = io::Result<Vec<u8>>> {
        texts.iter().map(|text| Ok(text.as_ref().as_bytes().to_vec()))
    }

    fn filled(disk: &SimDisk) -> Journal<SimDisk> {
        let (mut journal, texts, found) = open(disk);
        assert_eq!((texts.len(), found), (0, Found::default()));
        assert!(journal.wants_rewrite());
        journal.rewrite(bodies(&["snapshot"])).unwrap();
        journal.append(bodies(&["a"]), Durability::Now).unwrap();
        journal.append(bodies(&["b"]), Durability::Later).unwrap();
        journal
    }

    #[test]
    fn what_is_durable_survives_a_power_cut() {
        let disk = SimDisk::new();
        let journal = filled(&disk);
        let mut texts = Vec::new();
        journal.read(&mut into(&mut texts)).unwrap();
        assert_eq!(texts, ["snapshot", "a", "b"]);
        assert_eq!(open(&disk.kill()).1, ["snapshot", "a", "b"]);
        assert_eq!(open(&disk.crash(Crash::LoseUnsynced)).1, ["snapshot", "a"]);
    }

    #[test]
    fn torn_ends_are_cut_and_damage_is_set_aside() {
        let disk = SimDisk::new();
        let journal = filled(&disk);
        let (path, len) = (journal.path(1), journal.len_bytes());
        drop(journal);
        let torn = disk.kill();
        torn.open(&path, OpenMode::ReadWrite).unwrap().set_len(len - 1).unwrap();
        let (mut journal, texts, found) = open(&torn);
        assert_eq!(texts, ["snapshot", "a"]);
        assert_eq!((found.torn_bytes, found.damaged), (12, 0));
        journal.append(bodies(&["c"]), Durability::Now).unwrap();
        drop(journal);
        assert_eq!(open(&torn).1, ["snapshot", "a", "c"]);

        let damaged = disk.kill();
        damaged.flip(&path, 8 + 12 + 2, 0x10).unwrap();
        let (mut journal, texts, found) = open(&damaged);
        assert_eq!(texts, ["a", "b"]);
        assert_eq!(found.damaged, 1);
        assert!(journal.append(bodies(&["d"]), Durability::Now).is_err() && journal.wants_rewrite());
        journal.rewrite(bodies(&texts)).unwrap();
        drop(journal);
        assert_eq!(open(&damaged).1, ["a", "b"]);
        let names: Vec<_> = damaged.list(Path::new("j")).unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["00000001.damaged", "00000002.log"]);
    }

    #[test]
    fn every_power_cut_leaves_a_prefix_with_all_that_was_durable() {
        let disk = SimDisk::new();
        disk.record();
        let (mut journal, ..) = open(&disk);
        journal.rewrite(bodies(&["0"])).unwrap();
        disk.mark(1);
        for i in 1..5u64 {
            journal.append(bodies(&[i.to_string()]), Durability::Now).unwrap();
            disk.mark(i + 1);
        }
        journal.rewrite(bodies(&["0", "1", "2", "3", "4"])).unwrap();
        let recording = disk.recording();
        for (point, disk) in recording.crashes(500, 1) {
            let (_, texts, found) = open(&disk);
            let texts = texts.join("");
            assert!("01234".starts_with(&texts) && texts.len() as u64 >= point.mark.unwrap_or(0), "{point:?}: {texts}");
            assert_eq!(found.damaged, 0, "{point:?}");
        }
    }

    /// A file is replaced bit by bit while others are appended: whenever the power is cut, what was durable is there.
    #[test]
    fn every_power_cut_while_a_successor_is_made_keeps_what_was_durable() {
        let disk = SimDisk::new();
        disk.record();
        let (mut journal, ..) = open(&disk);
        journal.rewrite(bodies(&["0"])).unwrap();
        disk.mark(1);
        for i in 1..8u64 {
            match i {
                2 => journal.begin_successor().unwrap(),
                3..=5 => journal.extend_successor(bodies(&["s"])).unwrap(),
                6 => journal.succeed().unwrap(),
                _ => {}
            }
            journal.append(bodies(&[i.to_string()]), Durability::Now).unwrap();
            disk.mark(i + 1);
        }
        for (point, disk) in disk.recording().crashes(1_000, 2) {
            let (_, texts, found) = open(&disk);
            let (texts, mark) = (texts.join(""), point.mark.unwrap_or(0) as usize);
            let whole = ["01234567", "2s3s4s567"].into_iter().find(|all| all.starts_with(&texts));
            let kept = texts.chars().rfind(char::is_ascii_digit).map_or(0, |c| c as usize - '0' as usize + 1);
            assert!(whole.is_some() && kept >= mark, "{point:?}: {texts}");
            assert!(texts.starts_with('0') || texts.is_empty() || mark >= 6, "{point:?}: too early: {texts}");
            assert_eq!(found.damaged, 0, "{point:?}");
        }
    }

    #[test]
    fn a_successor_that_fails_leaves_the_file_in_force() {
        let disk = SimDisk::new();
        let mut journal = filled(&disk);
        assert!(journal.succeed().is_err() && journal.extend_successor(bodies(&["x"])).is_err());
        journal.begin_successor().unwrap();
        assert!(journal.extend_successor([Err(io::Error::other("no"))]).is_err() && journal.succeed().is_err());
        journal.append(bodies(&["c"]), Durability::Now).unwrap();
        assert_eq!(open(&disk).1, ["snapshot", "a", "b", "c"]);
    }
}
