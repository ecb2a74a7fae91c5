//! The table of contents at the end of a block file, and the trailer that says where it is. Both exist twice.

use nightjar_model::{BlockRange, ClosedRange};

use super::input::BlockSummary;
use super::section::{Kind, MAX_PAGES, PageRef, Section};
use super::tier::Tier;
use crate::bytes::{Corrupt, Cursor, put_text, put_u32, put_u64, put_varint, put_zigzag};
use crate::codec::column::{Encoder, decode_i64};

/// The newest version this code reads, and the one of blocks of buckets.
pub(super) const VERSION: u32 = 2;
/// The version of blocks of samples.
const SAMPLES_VERSION: u32 = 1;
/// The first bytes of a block file.
const HEAD_MAGIC: [u8; 8] = *b"NIGHTBLK";
/// The first bytes of a trailer.
const TAIL_MAGIC: [u8; 8] = *b"NIGHTEND";
/// Bytes of the header.
pub(super) const HEADER_LEN: usize = 32;
/// Bytes of one trailer.
pub(super) const TRAILER_LEN: usize = 64;
/// Section codes from here on may be skipped by who does not know them.
const OPTIONAL_FROM: u64 = 0x8000;

/// The first bytes of the file. They repeat what the trailer says and are for people and tools.
pub(super) fn header(salt: u64, version: u32) -> [u8; HEADER_LEN] {
    let mut out = Vec::with_capacity(HEADER_LEN);
    out.extend_from_slice(&HEAD_MAGIC);
    put_u32(version, &mut out);
    put_u32(0, &mut out);
    put_u64(salt, &mut out);
    put_u32(crc32c::crc32c(&out), &mut out);
    let mut header = [0; HEADER_LEN];
    header[..out.len()].copy_from_slice(&out);
    header
}

/// Where the directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trailer {
    pub(super) version: u32,
    pub(super) salt: u64,
    pub(super) file_len: u64,
    /// Offsets of the two copies.
    pub(super) directory: [u64; 2],
    pub(super) stored: u32,
    pub(super) raw: u32,
    /// Checksums of the two copies, each with its own place.
    pub(super) crc: [u32; 2],
}

impl Trailer {
    /// The bytes of one trailer.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(TRAILER_LEN);
        out.extend_from_slice(&TAIL_MAGIC);
        put_u32(self.version, &mut out);
        put_u32(self.stored, &mut out);
        put_u64(self.salt, &mut out);
        put_u64(self.file_len, &mut out);
        put_u64(self.directory[0], &mut out);
        put_u64(self.directory[1], &mut out);
        put_u32(self.raw, &mut out);
        put_u32(self.crc[0], &mut out);
        put_u32(self.crc[1], &mut out);
        put_u32(crc32c::crc32c(&out), &mut out);
        out
    }

    /// Reads a trailer.
    pub(super) fn decode(bytes: &[u8]) -> Result<Trailer, Corrupt> {
        const WHAT: &str = "trailer";
        let corrupt = Corrupt { what: WHAT, at: 0 };
        let mut cursor = Cursor::new(bytes);
        if cursor.take(8, WHAT)? != TAIL_MAGIC || bytes.len() != TRAILER_LEN {
            return Err(corrupt);
        }
        let (body, crc) = bytes.split_at(TRAILER_LEN - 4);
        if crc32c::crc32c(body).to_le_bytes() != crc {
            return Err(corrupt);
        }
        let (version, stored) = (cursor.u32(WHAT)?, cursor.u32(WHAT)?);
        let (salt, file_len) = (cursor.u64(WHAT)?, cursor.u64(WHAT)?);
        let directory = [cursor.u64(WHAT)?, cursor.u64(WHAT)?];
        let (raw, crc) = (cursor.u32(WHAT)?, [cursor.u32(WHAT)?, cursor.u32(WHAT)?]);
        Ok(Trailer { version, salt, file_len, directory, stored, raw, crc })
    }
}

/// A label name and the pairs that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) text: String,
    /// Number of its first pair.
    pub(super) base: u32,
    /// Number of its values.
    pub(super) count: u32,
}

/// The table of contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) summary: BlockSummary,
    pub(super) timelines: u32,
    pub(super) pairs: u32,
    /// Sorted by text.
    pub(super) names: Vec<Name>,
    /// The first value of each dictionary page.
    pub(super) first_values: Vec<String>,
    /// What its buckets are; `None` for a block of samples.
    pub(super) tier: Option<Tier>,
    /// By kind code, from 1.
    sections: [Section; Kind::ALL.len()],
}

/// What a summary needs that the trailer already says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope {
    pub(super) salt: u64,
    pub(super) file_len: u64,
    /// Version of the file.
    pub(super) version: u32,
}

impl Directory {
    /// A directory without pages.
    pub(super) fn new(summary: BlockSummary, timelines: u32, names: &[(String, u32)]) -> Directory {
        let (names, pairs) = number_names(names.iter().map(|(text, count)| (text.clone(), *count)));
        let (first_values, sections) = Default::default();
        Directory { summary, timelines, pairs, names, first_values, tier: None, sections }
    }

    /// The version a file with it has.
    pub(super) fn version(&self) -> u32 {
        if self.tier.is_some() { VERSION } else { SAMPLES_VERSION }
    }

    /// Says which label names there are, sorted, each with its number of values.
    pub(super) fn set_names(&mut self, names: Vec<(String, u32)>) {
        (self.names, self.pairs) = number_names(names.into_iter());
    }

    /// The pages of a kind.
    pub(super) fn section(&self, kind: Kind) -> &Section {
        &self.sections[kind as usize - 1]
    }

    /// The pages of a kind, for building.
    pub(super) fn section_mut(&mut self, kind: Kind) -> &mut Section {
        &mut self.sections[kind as usize - 1]
    }

    /// The bytes of the directory, not compressed.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let s = &self.summary;
        put_zigzag(s.range.start, &mut out);
        put_zigzag(s.range.end, &mut out);
        let times = s.times.unwrap_or(ClosedRange { start: 1, end: 0 });
        put_zigzag(times.start, &mut out);
        put_zigzag(times.end, &mut out);
        for count in [s.series, s.samples, s.histograms, s.exemplars, u64::from(self.timelines)] {
            put_varint(count, &mut out);
        }
        put_varint(self.names.len() as u64, &mut out);
        for name in &self.names {
            put_text(&name.text, &mut out);
            put_varint(u64::from(name.count), &mut out);
        }
        put_varint(self.first_values.len() as u64, &mut out);
        self.first_values.iter().for_each(|value| put_text(value, &mut out));
        let runs = Kind::ALL.into_iter().flat_map(|kind| {
            let section = self.section(kind);
            section.runs().map(move |run| (kind, &section.pages[run]))
        });
        let runs: Vec<_> = runs.filter(|(_, pages)| !pages.is_empty()).collect();
        put_varint(runs.len() as u64, &mut out);
        runs.into_iter().for_each(|(kind, pages)| put_section(kind, pages, &mut out));
        if let Some(tier) = &self.tier {
            tier.encode(&mut out);
        }
        out
    }

    /// Reads a directory that passed its checksum.
    pub(super) fn decode(bytes: &[u8], envelope: Envelope) -> Result<Directory, Corrupt> {
        const WHAT: &str = "directory";
        let mut cursor = Cursor::new(bytes);
        let range = BlockRange { start: cursor.zigzag(WHAT)?, end: cursor.zigzag(WHAT)? };
        let times = ClosedRange { start: cursor.zigzag(WHAT)?, end: cursor.zigzag(WHAT)? };
        let mut counts = [0; 5];
        for count in &mut counts {
            *count = cursor.varint(WHAT)?;
        }
        let [series, samples, histograms, exemplars, timelines] = counts;
        let corrupt = cursor.corrupt(WHAT);
        let (names, pairs) = read_names(&mut cursor)?;
        let n = cursor.count(1, WHAT)?;
        let first_values: Vec<String> =
            (0..n).map(|_| cursor.text(WHAT).map(str::to_owned)).collect::<Result<_, _>>()?;
        let mut sections: [Section; Kind::ALL.len()] = Default::default();
        for _ in 0..cursor.count(2, WHAT)? {
            if let Some((kind, pages)) = read_section(&mut cursor, envelope.file_len)? {
                let section = &mut sections[kind as usize - 1];
                if kind != Kind::Columns && !section.pages.is_empty() {
                    return Err(corrupt);
                }
                section.start_run();
                section.pages.extend(pages);
            }
        }
        let Envelope { salt, file_len, version } = envelope;
        let tier = if version >= VERSION { Some(Tier::decode(&mut cursor)?) } else { None };
        let small = |n: u64| u32::try_from(n).map_err(|_| corrupt);
        let (timelines, _) = (small(timelines)?, small(series)?);
        if sections[Kind::Dictionary as usize - 1].pages.len() != first_values.len() {
            return Err(corrupt);
        }
        let times = (times.start <= times.end).then_some(times);
        let summary = BlockSummary { range, times, series, samples, histograms, exemplars, file_len, salt };
        Ok(Directory { summary, timelines, pairs, names, first_values, tier, sections })
    }

    /// The name a pair belongs to; `None` past the last pair.
    pub(super) fn name_of(&self, pair: u32) -> Option<&Name> {
        let name = &self.names[self.names.partition_point(|n| n.base <= pair).checked_sub(1)?];
        (pair - name.base < name.count).then_some(name)
    }

    /// A label name and its place among the names.
    pub(super) fn find_name(&self, text: &str) -> Option<(usize, &Name)> {
        let i = self.names.binary_search_by(|n| n.text.as_str().cmp(text)).ok()?;
        Some((i, &self.names[i]))
    }
}

fn number_names(names: impl Iterator<Item = (String, u32)>) -> (Vec<Name>, u32) {
    let mut base = 0u32;
    let names = names.map(|(text, count)| {
        let name = Name { text, base, count };
        base = base.saturating_add(count);
        name
    });
    (names.collect(), base)
}

fn read_names(cursor: &mut Cursor<'_>) -> Result<(Vec<Name>, u32), Corrupt> {
    const WHAT: &str = "label names";
    let corrupt = cursor.corrupt(WHAT);
    let n = cursor.count(2, WHAT)?;
    let mut names = Vec::with_capacity(n);
    let mut total = 0u32;
    for _ in 0..n {
        let text = cursor.text(WHAT)?.to_owned();
        let count = u32::try_from(cursor.varint(WHAT)?).map_err(|_| corrupt)?;
        total = total.checked_add(count).ok_or(corrupt)?;
        names.push((text, count));
    }
    // Postings of a name are filed behind those of the pairs.
    total.checked_add(n as u32).ok_or(corrupt)?;
    if !names.is_sorted_by(|a, b| a.0 < b.0) {
        return Err(corrupt);
    }
    Ok(number_names(names.into_iter()))
}

fn put_section(kind: Kind, pages: &[PageRef], out: &mut Vec<u8>) {
    let mut body = Vec::new();
    put_varint(pages.len() as u64, &mut body);
    put_varint(pages.first().map_or(0, |p| p.offset), &mut body);
    let mut encoder = Encoder::default();
    let columns: [fn(&PageRef) -> i64; 6] = [
        |p| i64::from(p.stored),
        |p| i64::from(p.raw),
        |p| i64::from(p.crc),
        |p| i64::from(p.first),
        |p| p.min,
        |p| p.max,
    ];
    for column in columns {
        let values: Vec<i64> = pages.iter().map(column).collect();
        encoder.integers(&values, &mut body);
    }
    put_varint(kind as u64, out);
    put_varint(body.len() as u64, out);
    out.extend_from_slice(&body);
}

/// `None` for a section that may be skipped.
fn read_section(cursor: &mut Cursor<'_>, file_len: u64) -> Result<Option<(Kind, Vec<PageRef>)>, Corrupt> {
    const WHAT: &str = "section";
    let corrupt = cursor.corrupt(WHAT);
    let code = cursor.varint(WHAT)?;
    let body = cursor.blob(WHAT)?;
    let kind = match Kind::from_code(code) {
        Some(kind) => kind,
        None if code >= OPTIONAL_FROM => return Ok(None),
        None => return Err(corrupt),
    };
    let mut cursor = Cursor::new(body);
    let n = cursor.varint(WHAT)?;
    let mut offset = cursor.varint(WHAT)?;
    // Every page takes at least one byte of the file.
    if n > file_len.saturating_sub(offset).min(MAX_PAGES) {
        return Err(corrupt);
    }
    let n = n as usize;
    let mut columns: [Vec<i64>; 6] = Default::default();
    for column in &mut columns {
        decode_i64(&mut cursor, n, column)?;
    }
    cursor.finish(WHAT)?;
    let small = |v: i64| u32::try_from(v).map_err(|_| corrupt);
    let [stored, raw, crc, first, min, max] = &columns;
    let mut pages = Vec::with_capacity(n);
    for (i, stored) in stored.iter().enumerate() {
        let stored = small(*stored)?;
        let (raw, crc, first) = (small(raw[i])?, small(crc[i])?, small(first[i])?);
        pages.push(PageRef { offset, stored, raw, crc, first, min: min[i], max: max[i] });
        offset = offset.checked_add(u64::from(stored)).filter(|end| stored > 0 && *end <= file_len).ok_or(corrupt)?;
    }
    if pages.is_sorted_by_key(|p| p.first) { Ok(Some((kind, pages))) } else { Err(corrupt) }
}
