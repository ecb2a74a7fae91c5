//! The `index` of a block: which series there are, and where their chunks lie.

use std::io;
use std::path::Path;

use nightjar_model::Labels;
use nightjar_platform::Disk;

use super::crc::{be32, mismatch};
use super::window::Window;
use crate::bytes::{Corrupt, Cursor};

pub(super) const MAGIC: u32 = 0xbaaa_d700;
pub(super) const HEADER: u64 = 5;
pub(super) const TOC_BYTES: usize = 52;
/// A longer series is none.
const MAX_SERIES_BYTES: u64 = 16 << 20;
/// Series of the second version begin at multiples of this.
pub(super) const SERIES_ALIGN: u64 = 16;

/// Where a chunk lies and what times it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkPlace {
    /// First time.
    pub min: i64,
    /// Last time.
    pub max: i64,
    /// File number in the upper half, byte in the lower.
    pub reference: u64,
}

/// How strings and series are referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum References {
    /// By byte (version 1).
    Bytes,
    /// Strings by number, series by sixteen bytes (later versions).
    Numbers,
}

/// An open index.
pub struct Index<D: Disk> {
    file: Window<D>,
    references: References,
    symbols: Symbols,
    /// Ids of all series, ascending.
    series: Vec<u32>,
}

/// All names and values.
struct Symbols {
    text: Vec<u8>,
    /// Where each begins in `text`: its length comes first.
    starts: Vec<u32>,
    /// Where `text` begins in the file.
    offset: u64,
}

impl Symbols {
    fn parse(text: Vec<u8>, offset: u64) -> Result<Symbols, Corrupt> {
        let mut c = Cursor::new(&text);
        let count = c.take(4, "number of symbols").map(be32)?;
        let mut starts = Vec::with_capacity((count as usize).min(text.len()));
        for _ in 0..count {
            starts.push(c.at() as u32);
            let len = c.varint("symbol length")?;
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            let bytes = c.take(len, "symbol")?;
            std::str::from_utf8(bytes).map_err(|_| c.corrupt("symbol (not UTF-8)"))?;
        }
        Ok(Symbols { text, starts, offset })
    }

    fn get(&self, reference: u64, by: References) -> Option<&str> {
        let start = match by {
            References::Numbers => *self.starts.get(usize::try_from(reference).ok()?)?,
            References::Bytes => {
                let at = u32::try_from(reference.checked_sub(self.offset)?).ok()?;
                self.starts.binary_search(&at).ok().map(|i| self.starts[i])?
            }
        };
        let mut c = Cursor::new(self.text.get(start as usize..)?);
        let len = c.varint("symbol").ok()? as usize;
        std::str::from_utf8(c.take(len, "symbol").ok()?).ok()
    }
}

/// Where the sections are.
struct Toc {
    symbols: u64,
    postings_table: u64,
}

impl<D: Disk> Index<D> {
    /// Opens the index of the block at `block`. `mislabelled` says that the version number is one too low, as some betas
    /// wrote it. The inner error says what is wrong and where.
    pub fn open(disk: &D, block: &Path, mislabelled: bool) -> io::Result<Result<Index<D>, String>> {
        let mut file = Window::open(disk, &block.join("index"))?;
        let place = file.place(0);
        let version = match file.get(0, HEADER as usize)? {
            Some(h) if be32(h) == MAGIC => h[4],
            _ => return Ok(Err(format!("{place}: this is no index"))),
        };
        let references = match version {
            1 if !mislabelled => References::Bytes,
            1..=3 => References::Numbers,
            _ => return Ok(Err(format!("{place}: index version {version} is not known, 1 to 3 are"))),
        };
        let toc = match read_toc(&mut file)? {
            Ok(toc) => toc,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let symbols = match section(&mut file, toc.symbols, "symbols")? {
            Ok(text) => Symbols::parse(text, toc.symbols + 4),
            Err(wrong) => return Ok(Err(wrong)),
        };
        let symbols = match symbols {
            Ok(symbols) => symbols,
            Err(e) => return Ok(Err(format!("{}: {e}", file.place(toc.symbols)))),
        };
        let series = match all_series(&mut file, toc.postings_table)? {
            Ok(series) => series,
            Err(wrong) => return Ok(Err(wrong)),
        };
        Ok(Ok(Index { file, references, symbols, series }))
    }

    /// Number of series.
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether there is no series.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// The id of series `i` (< `len`), as tombstones call it.
    pub fn id(&self, i: usize) -> u64 {
        u64::from(self.series[i])
    }

    /// Labels and chunks of series `i` (< `len`); chunks are appended to `chunks`. The inner error says what is wrong
    /// and where.
    pub fn series(&mut self, i: usize, chunks: &mut Vec<ChunkPlace>) -> io::Result<Result<Labels, String>> {
        let offset = match self.references {
            References::Bytes => self.id(i),
            References::Numbers => self.id(i) * SERIES_ALIGN,
        };
        let place = self.file.place(offset);
        let mut c = Cursor::new(self.file.up_to(offset, 10)?);
        let len = match c.varint("series length") {
            Ok(len) if len <= MAX_SERIES_BYTES => len as usize,
            Ok(len) => return Ok(Err(format!("{place}: a series of {len} bytes, the most is {MAX_SERIES_BYTES}"))),
            Err(e) => return Ok(Err(format!("{place}: {e}"))),
        };
        let start = offset + c.at() as u64;
        let Some(bytes) = self.file.get(start, len + 4)? else {
            return Ok(Err(format!("{place}: the file ends inside a series")));
        };
        let (body, crc) = bytes.split_at(len);
        if let Some(wrong) = mismatch(body, crc, &place) {
            return Ok(Err(wrong));
        }
        Ok(read_series(body, &self.symbols, self.references, chunks).map_err(|e| format!("{place}: {e}")))
    }
}

fn read_series(
    body: &[u8],
    symbols: &Symbols,
    by: References,
    chunks: &mut Vec<ChunkPlace>,
) -> Result<Labels, Corrupt> {
    let mut c = Cursor::new(body);
    let n = c.count(2, "number of labels")?;
    let mut pairs = Vec::with_capacity(n);
    for _ in 0..n {
        let error = c.corrupt("label");
        let (name, value) = (c.varint("label name")?, c.varint("label value")?);
        pairs.push((symbols.get(name, by).ok_or(error)?, symbols.get(value, by).ok_or(error)?));
    }
    let n = c.count(3, "number of chunks")?;
    let (mut end, mut reference) = (0i64, 0u64);
    for i in 0..n {
        let min = if i == 0 { c.zigzag("chunk time")? } else { end.wrapping_add(c.varint("chunk time")? as i64) };
        let max = min.wrapping_add(c.varint("chunk time")? as i64);
        reference =
            if i == 0 { c.varint("chunk place")? } else { reference.wrapping_add(c.zigzag("chunk place")? as u64) };
        end = max;
        chunks.push(ChunkPlace { min, max, reference });
    }
    Ok(Labels::from_pairs(pairs))
}

fn read_toc<D: Disk>(file: &mut Window<D>) -> io::Result<Result<Toc, String>> {
    let Some(offset) = file.len().checked_sub(TOC_BYTES as u64).filter(|o| *o >= HEADER) else {
        return Ok(Err(format!("{}: the index has only {} bytes", file.place(0), file.len())));
    };
    let place = file.place(offset);
    let Some(bytes) = file.get(offset, TOC_BYTES)? else { return Ok(Err(place.to_string())) };
    let (body, crc) = bytes.split_at(TOC_BYTES - 4);
    if let Some(wrong) = mismatch(body, crc, &place) {
        return Ok(Err(format!("table of contents, {wrong}")));
    }
    let entry = |i: usize| body[8 * i..].first_chunk().map_or(0, |b| u64::from_be_bytes(*b));
    Ok(Ok(Toc { symbols: entry(0), postings_table: entry(5) }))
}

/// The checked content of a section with a length of four bytes.
fn section<D: Disk>(file: &mut Window<D>, offset: u64, what: &str) -> io::Result<Result<Vec<u8>, String>> {
    let place = file.place(offset);
    let Some(len) = file.get(offset, 4)?.map(be32) else {
        return Ok(Err(format!("{what}, {place}: outside the file")));
    };
    let Some(bytes) = offset.checked_add(4).map(|at| file.get(at, len as usize + 4)).transpose()?.flatten() else {
        return Ok(Err(format!("{what}, {place}: the file ends inside it")));
    };
    let (body, crc) = bytes.split_at(len as usize);
    Ok(match mismatch(body, crc, &place) {
        Some(wrong) => Err(format!("{what}, {wrong}")),
        None => Ok(body.to_vec()),
    })
}

/// The ids under the empty label pair: those of all series.
fn all_series<D: Disk>(file: &mut Window<D>, table: u64) -> io::Result<Result<Vec<u32>, String>> {
    let place = file.place(table);
    let bytes = match section(file, table, "table of postings")? {
        Ok(bytes) => bytes,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let offset = match find_all(&bytes) {
        Ok(Some(offset)) => offset,
        Ok(None) => return Ok(Err(format!("{place}: there is no list of all series"))),
        Err(e) => return Ok(Err(format!("{place}: {e}"))),
    };
    let place = file.place(offset);
    let list = match section(file, offset, "list of all series")? {
        Ok(list) => list,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let (count, ids) = (be32(&list) as usize, list.get(4..).unwrap_or_default());
    if ids.len() / 4 != count || ids.len() % 4 != 0 {
        return Ok(Err(format!("{place}: a list of {count} series in {} bytes", list.len())));
    }
    Ok(Ok(ids.chunks_exact(4).map(be32).collect()))
}

fn find_all(table: &[u8]) -> Result<Option<u64>, Corrupt> {
    let mut c = Cursor::new(table);
    let count = c.take(4, "number of postings").map(be32)?;
    for _ in 0..count {
        let strings = c.u8("postings entry")?;
        let mut empty = true;
        for _ in 0..strings {
            let len = c.varint("postings entry")?;
            empty &= len == 0;
            c.take(usize::try_from(len).unwrap_or(usize::MAX), "postings entry")?;
        }
        let offset = c.varint("postings entry")?;
        if empty {
            return Ok(Some(offset));
        }
    }
    Ok(None)
}
