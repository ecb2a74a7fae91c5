//! Opens a block file: the directory at its end, and after that only the pages that are asked for.

use std::io;
use std::path::Path;
use std::sync::Arc;

use nightjar_model::{BlockRange, ClosedRange, Labels};
use nightjar_platform::{Disk, DiskFile, OpenMode};
use parking_lot::Mutex;

use super::cache::{BlockCache, CacheKey};
use super::dictionary::Dictionary;
use super::directory::{Directory, Envelope, HEADER_LEN, TRAILER_LEN, Trailer, VERSION, header};
use super::entries::Entries;
use super::error::{BlockError, Damage};
use super::facts::Facts;
use super::input::BlockSummary;
use super::page::{MAX_PAGE_BYTES, checksum, inflate};
use super::section::{Kind, PageRef};
use super::tier::Tier;
use crate::bytes::Corrupt;

/// Cache of a block that does not share one, in bytes.
const OWN_CACHE_BYTES: usize = 4 << 20;

/// An open block file. Ids of series are `0..summary().series`, in order of labels.
pub struct Block<D: Disk> {
    pub(super) file: D::File,
    pub(super) name: String,
    pub(super) trailer: Trailer,
    pub(super) directory: Directory,
    pub(super) cache: Arc<BlockCache>,
    damage: Mutex<Vec<Damage>>,
}

/// A decoded page.
pub(super) trait Content: Sized + Send + Sync + 'static {
    fn parse(raw: Vec<u8>, directory: &Directory) -> Result<Self, Corrupt>;
    fn weight(&self) -> usize;
}

impl Content for Entries {
    fn parse(raw: Vec<u8>, _: &Directory) -> Result<Entries, Corrupt> {
        Entries::parse(raw)
    }

    fn weight(&self) -> usize {
        self.weight()
    }
}

impl Content for Dictionary {
    fn parse(raw: Vec<u8>, _: &Directory) -> Result<Dictionary, Corrupt> {
        Dictionary::parse(&raw)
    }

    fn weight(&self) -> usize {
        self.weight()
    }
}

impl Content for Facts {
    fn parse(raw: Vec<u8>, directory: &Directory) -> Result<Facts, Corrupt> {
        Facts::parse(&raw, directory.pairs)
    }

    fn weight(&self) -> usize {
        self.weight()
    }
}

impl<D: Disk> Block<D> {
    /// Opens the block at `path` with a small cache of its own. Reads the directory only.
    pub fn open(disk: &D, path: &Path) -> Result<Block<D>, BlockError> {
        Block::open_with_cache(disk, path, BlockCache::new(OWN_CACHE_BYTES))
    }

    /// Opens the block at `path`; its decoded pages are kept in `cache`, together with those of other blocks.
    pub fn open_with_cache(disk: &D, path: &Path, cache: Arc<BlockCache>) -> Result<Block<D>, BlockError> {
        let name = format!("{}/{}", disk.display_root(), path.display());
        let io = |source| BlockError::Io { file: name.clone(), source };
        let file = disk.open(path, OpenMode::Read).map_err(io)?;
        let len = file.len().map_err(io)?;
        let mut damage = Vec::new();
        let trailer = read_trailer(&file, &name, len, &mut damage)?;
        check_header(&file, &name, &trailer, &mut damage)?;
        let directory = read_directory(&file, &name, &trailer, &mut damage)?;
        damage.iter().for_each(warn);
        Ok(Block { file, name, trailer, directory, cache, damage: Mutex::new(damage) })
    }

    /// The interval the block stands for.
    pub fn range(&self) -> BlockRange {
        self.directory.summary.range
    }

    /// What the block holds.
    pub fn summary(&self) -> BlockSummary {
        self.directory.summary
    }

    /// What its buckets are; `None` for a block of samples.
    pub fn tier(&self) -> Option<&Tier> {
        self.directory.tier.as_ref()
    }

    /// Bytes of the file by part, for people who wonder where they go.
    pub fn part_sizes(&self) -> Vec<(&'static str, u64)> {
        let size = |kind| self.directory.section(kind).pages.iter().map(|p| u64::from(p.stored)).sum();
        let mut sizes: Vec<_> = Kind::ALL.into_iter().map(|kind| (kind.as_str(), size(kind))).collect();
        sizes.push(("directory", 2 * u64::from(self.trailer.stored)));
        sizes.push(("ends", (HEADER_LEN + 2 * TRAILER_LEN) as u64));
        sizes
    }

    /// All damage met so far, each page once.
    pub fn damage(&self) -> Vec<Damage> {
        self.damage.lock().clone()
    }

    /// First and last sample of a series; `None` when it has none or the id is not one of this block.
    pub fn times(&self, id: u32) -> Result<Option<ClosedRange>, BlockError> {
        let Some(page) = self.directory.section(Kind::Facts).page_of(id) else { return Ok(None) };
        let first = self.page_ref(Kind::Facts, page).first;
        Ok(self.page::<Facts>(Kind::Facts, page)?.times((id - first) as usize))
    }

    /// The labels of a series. An id that is not one of this block has no labels.
    pub fn labels(&self, id: u32) -> Result<Labels, BlockError> {
        let mut labels = Vec::with_capacity(1);
        self.labels_of(&[id], &mut labels)?;
        Ok(labels.pop().unwrap_or_default())
    }

    /// Takes note of damage that somebody else has found in the file.
    pub(crate) fn note_damage(&self, damage: Damage) {
        self.record(damage);
    }

    /// Number of series.
    pub(super) fn series(&self) -> u32 {
        self.directory.summary.series as u32
    }

    /// Where a page lies.
    pub(super) fn page_ref(&self, kind: Kind, page: usize) -> PageRef {
        self.directory.section(kind).pages[page]
    }

    /// Number of the page that should have `key`.
    pub(super) fn page_with(&self, kind: Kind, key: u32) -> Result<usize, BlockError> {
        self.directory.section(kind).page_of(key).ok_or_else(|| BlockError::NotReadable {
            file: self.name.clone(),
            reason: format!("its directory names no page of {} for number {key}", kind.as_str()),
        })
    }

    /// A decoded page, from the cache or the file.
    pub(super) fn page<T: Content>(&self, kind: Kind, page: usize) -> Result<Arc<T>, BlockError> {
        let key = CacheKey { salt: self.trailer.salt, kind: kind as u8, number: page as u32, part: (0, 0), last: 0 };
        if let Some(content) = self.cache.get(key) {
            return Ok(content);
        }
        let raw = self.load(kind, page)?;
        let content = T::parse(raw, &self.directory).map_err(|e| self.corrupt(kind, page, e))?;
        let content = Arc::new(content);
        self.cache.put(key, content.clone(), content.weight());
        Ok(content)
    }

    /// The checked, decompressed bytes of a page.
    pub(super) fn load(&self, kind: Kind, page: usize) -> Result<Vec<u8>, BlockError> {
        let place = self.page_ref(kind, page);
        let read = read_stored(&self.file, self.trailer.salt, place.offset, place.stored, place.crc, place.raw);
        read.map_err(|e| match e {
            Unreadable::Io(source) => BlockError::Io { file: self.name.clone(), source },
            Unreadable::Damaged(reason) => self.damaged(kind, page, reason),
        })
    }

    /// The error for a page whose bytes passed the checksum but make no sense.
    pub(super) fn corrupt(&self, kind: Kind, page: usize, e: Corrupt) -> BlockError {
        self.damaged(kind, page, e.to_string())
    }

    fn damaged(&self, kind: Kind, page: usize, reason: String) -> BlockError {
        let PageRef { offset, stored, .. } = self.page_ref(kind, page);
        let (file, part, len) = (self.name.clone(), kind.as_str(), u64::from(stored));
        let damage = Damage { file, part, page, offset, len, reason, harmless: false };
        self.record(damage.clone());
        BlockError::Damaged(Box::new(damage))
    }

    /// Remembers damage; warns when it is new.
    pub(super) fn record(&self, damage: Damage) {
        let mut known = self.damage.lock();
        if !known.iter().any(|d| d.part == damage.part && d.page == damage.page) {
            warn(&damage);
            known.push(damage);
        }
    }
}

fn warn(damage: &Damage) {
    tracing::warn!("{damage}");
}

/// What a disk says of a sector it cannot read.
const EIO: i32 = 5;

/// Why stored bytes could not be had.
pub(super) enum Unreadable {
    Io(io::Error),
    Damaged(String),
}

/// Reads a page, checks it and undoes the compression.
pub(super) fn read_stored<F: DiskFile>(
    file: &F,
    salt: u64,
    offset: u64,
    stored: u32,
    crc: u32,
    raw: u32,
) -> Result<Vec<u8>, Unreadable> {
    if raw as usize > MAX_PAGE_BYTES {
        return Err(Unreadable::Damaged(format!("it claims {raw} bytes, the most is {MAX_PAGE_BYTES}")));
    }
    let mut bytes = vec![0; stored as usize];
    file.read_exact_at(&mut bytes, offset).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => Unreadable::Damaged("the file ends inside it".to_owned()),
        _ if e.raw_os_error() == Some(EIO) => Unreadable::Damaged(format!("the disk cannot read it: {e}")),
        _ => Unreadable::Io(e),
    })?;
    let found = checksum(salt, offset, &bytes);
    if found != crc {
        return Err(Unreadable::Damaged(format!("its checksum is {found:08x}, expected {crc:08x}")));
    }
    inflate(bytes, raw as usize).map_err(|e| Unreadable::Damaged(e.to_string()))
}

/// Harmless damage of something that exists twice.
fn harmless(file: &str, part: &'static str, page: usize, offset: u64, len: u64, reason: String) -> Damage {
    Damage { file: file.to_owned(), part, page, offset, len, reason, harmless: true }
}

fn read_trailer<F: DiskFile>(file: &F, name: &str, len: u64, damage: &mut Vec<Damage>) -> Result<Trailer, BlockError> {
    let not_readable = |reason: String| BlockError::NotReadable { file: name.to_owned(), reason };
    let Some(start) = len.checked_sub(2 * TRAILER_LEN as u64).filter(|start| *start >= HEADER_LEN as u64) else {
        return Err(not_readable(format!("it has only {len} bytes; replace it with an intact copy")));
    };
    let mut tail = [0; 2 * TRAILER_LEN];
    file.read_exact_at(&mut tail, start).map_err(|source| BlockError::Io { file: name.to_owned(), source })?;
    let (a, b) = tail.split_at(TRAILER_LEN);
    let copies = [Trailer::decode(a), Trailer::decode(b)];
    for (i, copy) in copies.iter().enumerate() {
        if let Err(e) = copy {
            let offset = start + (i * TRAILER_LEN) as u64;
            damage.push(harmless(name, "trailer", i, offset, TRAILER_LEN as u64, e.to_string()));
        }
    }
    let [a, b] = copies;
    let trailer = a.or(b).map_err(|_| {
        not_readable(
            "it does not end like a block: cut short, or not a block; replace it with an intact copy".to_owned(),
        )
    })?;
    if trailer.version > VERSION {
        let version = trailer.version;
        return Err(not_readable(format!(
            "it has format version {version}, this program reads up to {VERSION}; upgrade"
        )));
    }
    if trailer.file_len != len {
        let expected = trailer.file_len;
        return Err(not_readable(format!("it has {len} bytes instead of {expected}; replace it with an intact copy")));
    }
    Ok(trailer)
}

fn check_header<F: DiskFile>(
    file: &F,
    name: &str,
    trailer: &Trailer,
    damage: &mut Vec<Damage>,
) -> Result<(), BlockError> {
    let mut head = [0; HEADER_LEN];
    file.read_exact_at(&mut head, 0).map_err(|source| BlockError::Io { file: name.to_owned(), source })?;
    if head != header(trailer.salt, trailer.version) {
        let reason = "it is not what the trailer says".to_owned();
        damage.push(harmless(name, "header", 0, 0, HEADER_LEN as u64, reason));
    }
    Ok(())
}

fn read_directory<F: DiskFile>(
    file: &F,
    name: &str,
    trailer: &Trailer,
    damage: &mut Vec<Damage>,
) -> Result<Directory, BlockError> {
    for copy in 0..2 {
        match read_directory_copy(file, trailer, copy) {
            Ok(directory) => return Ok(directory),
            Err(Unreadable::Io(source)) => return Err(BlockError::Io { file: name.to_owned(), source }),
            Err(Unreadable::Damaged(reason)) => {
                let (offset, len) = (trailer.directory[copy], u64::from(trailer.stored));
                damage.push(harmless(name, "directory", copy, offset, len, reason));
            }
        }
    }
    let mut last = damage.pop().unwrap_or_else(|| harmless(name, "directory", 0, 0, 0, String::new()));
    last.harmless = false;
    Err(BlockError::Damaged(Box::new(last)))
}

/// Reads one copy of the directory.
pub(super) fn read_directory_copy<F: DiskFile>(
    file: &F,
    trailer: &Trailer,
    copy: usize,
) -> Result<Directory, Unreadable> {
    let Trailer { version, salt, file_len, stored, raw, .. } = *trailer;
    let offset = trailer.directory[copy];
    if offset.checked_add(u64::from(stored)).is_none_or(|end| end > file_len) {
        return Err(Unreadable::Damaged("it lies outside the file".to_owned()));
    }
    let raw = read_stored(file, salt, offset, stored, trailer.crc[copy], raw)?;
    Directory::decode(&raw, Envelope { salt, file_len, version }).map_err(|e| Unreadable::Damaged(e.to_string()))
}
