//! Writes an `index` of version 2 from front to back.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use nightjar_model::Labels;
use nightjar_platform::{Disk, DiskFile, OpenMode};

use super::index::{ChunkPlace, HEADER, MAGIC, SERIES_ALIGN};
use crate::bytes::{put_varint, put_zigzag};

const BUFFER_BYTES: usize = 1 << 20;
const VERSION: u8 = 2;

/// A file that grows at its end.
pub(super) struct Appending<D: Disk> {
    file: D::File,
    buffer: Vec<u8>,
    flushed: u64,
}

impl<D: Disk> Appending<D> {
    pub(super) fn create(disk: &D, path: &Path) -> io::Result<Appending<D>> {
        let file = disk.open(path, OpenMode::CreateNew)?;
        Ok(Appending { file, buffer: Vec::new(), flushed: 0 })
    }

    pub(super) fn offset(&self) -> u64 {
        self.flushed + self.buffer.len() as u64
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn pad(&mut self, align: u64) -> io::Result<()> {
        let missing = self.offset().next_multiple_of(align) - self.offset();
        self.put(&[0; 16][..missing as usize])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.buffer, self.flushed)?;
        self.flushed += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Makes everything durable.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.file.sync_data()
    }
}

/// Writes an index.
pub(super) struct IndexWriter<D: Disk> {
    out: Appending<D>,
    /// Numbers of the strings, which are in order.
    numbers: BTreeMap<String, u32>,
    symbols: u64,
    series: u64,
    all: Vec<u32>,
    /// Series by numbers of name and value.
    postings: BTreeMap<(u32, u32), Vec<u32>>,
    body: Vec<u8>,
}

impl<D: Disk> IndexWriter<D> {
    /// Starts an index with all strings its labels will need.
    pub(super) fn create(
        disk: &D,
        path: &Path,
        symbols: impl IntoIterator<Item = String>,
    ) -> io::Result<IndexWriter<D>> {
        let mut numbers: BTreeMap<String, u32> = symbols.into_iter().map(|s| (s, 0)).collect();
        numbers.values_mut().zip(0..).for_each(|(number, i)| *number = i);
        let mut out = Appending::create(disk, path)?;
        out.put(&MAGIC.to_be_bytes())?;
        out.put(&[VERSION])?;
        let mut body = (numbers.len() as u32).to_be_bytes().to_vec();
        for symbol in numbers.keys() {
            put_varint(symbol.len() as u64, &mut body);
            body.extend_from_slice(symbol.as_bytes());
        }
        section(&mut out, &body)?;
        out.pad(SERIES_ALIGN)?;
        let series = out.offset();
        Ok(IndexWriter { out, numbers, symbols: HEADER, series, all: Vec::new(), postings: BTreeMap::new(), body })
    }

    /// Adds a series; series come in order of labels, their chunks in order of time.
    pub(super) fn series(&mut self, labels: &Labels, chunks: &[ChunkPlace]) -> io::Result<()> {
        self.out.pad(SERIES_ALIGN)?;
        let id = u32::try_from(self.out.offset() / SERIES_ALIGN).map_err(|_| too_large("an index of 64 GiB"))?;
        self.all.push(id);
        self.body.clear();
        put_varint(labels.len() as u64, &mut self.body);
        for label in labels.iter() {
            let number = |text: &str| self.numbers.get(text).copied().ok_or_else(|| too_large("an unknown string"));
            let (name, value) = (number(label.name)?, number(label.value)?);
            put_varint(u64::from(name), &mut self.body);
            put_varint(u64::from(value), &mut self.body);
            self.postings.entry((name, value)).or_default().push(id);
        }
        put_varint(chunks.len() as u64, &mut self.body);
        let mut before: Option<ChunkPlace> = None;
        for chunk in chunks {
            match before {
                None => {
                    put_zigzag(chunk.min, &mut self.body);
                    put_varint((chunk.max - chunk.min) as u64, &mut self.body);
                    put_varint(chunk.reference, &mut self.body);
                }
                Some(before) => {
                    put_varint((chunk.min - before.max) as u64, &mut self.body);
                    put_varint((chunk.max - chunk.min) as u64, &mut self.body);
                    put_zigzag(chunk.reference.wrapping_sub(before.reference) as i64, &mut self.body);
                }
            }
            before = Some(*chunk);
        }
        let mut len = Vec::with_capacity(4);
        put_varint(self.body.len() as u64, &mut len);
        self.out.put(&len)?;
        self.out.put(&self.body)?;
        self.out.put(&crc32c::crc32c(&self.body).to_be_bytes())
    }

    /// Writes postings and the table of contents and makes everything durable.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.pad(4)?;
        let postings = self.out.offset();
        let names: Vec<&str> = self.numbers.keys().map(String::as_str).collect();
        let mut table = (self.postings.len() as u32 + 1).to_be_bytes().to_vec();
        let all = (("", ""), &self.all);
        let lists = self.postings.iter().map(|((n, v), ids)| ((names[*n as usize], names[*v as usize]), ids));
        for ((name, value), ids) in std::iter::once(all).chain(lists) {
            table.push(2);
            for text in [name, value] {
                put_varint(text.len() as u64, &mut table);
                table.extend_from_slice(text.as_bytes());
            }
            self.out.pad(4)?;
            put_varint(self.out.offset(), &mut table);
            self.body.clear();
            self.body.extend((ids.len() as u32).to_be_bytes());
            ids.iter().for_each(|id| self.body.extend(id.to_be_bytes()));
            section(&mut self.out, &self.body)?;
        }
        let postings_table = self.out.offset();
        section(&mut self.out, &table)?;
        // Label indices are no longer written: both places of theirs are those of what comes next.
        let places = [self.symbols, self.series, postings, postings_table, postings, postings_table];
        let toc: Vec<u8> = places.iter().flat_map(|p| p.to_be_bytes()).collect();
        self.out.put(&toc)?;
        self.out.put(&crc32c::crc32c(&toc).to_be_bytes())?;
        self.out.finish()
    }
}

fn section<D: Disk>(out: &mut Appending<D>, body: &[u8]) -> io::Result<()> {
    let len = u32::try_from(body.len()).map_err(|_| too_large("a section of 4 GiB"))?;
    out.put(&len.to_be_bytes())?;
    out.put(body)?;
    out.put(&crc32c::crc32c(body).to_be_bytes())
}

fn too_large(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("{what} is more than Prometheus' format can say"))
}
