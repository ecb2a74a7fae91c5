//! A block file in the making: sections in their order, then directory and trailer.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use nightjar_model::metadata::Metadata;
use nightjar_model::{ClosedRange, TimestampMs};
use nightjar_platform::Disk;

use super::builder::BlockOptions;
use super::dictionary::DictionaryBuilder;
use super::directory::{Directory, HEADER_LEN, TRAILER_LEN, Trailer, header};
use super::entries::EntriesBuilder;
use super::facts::FactsBuilder;
use super::input::BlockSummary;
use super::postings;
use super::section::Kind;
use super::spill::{Extent, Spill};
use super::spool::Spool;
use super::timelines::Timelines;
use super::writer::BlockWriter;
use crate::bytes::put_text;
use crate::codec::metadata;

/// Series numbers kept in memory at a time while postings are gathered.
const POSTINGS_WINDOW: usize = 4 << 20;

/// No times: after its own end.
pub(super) const NEVER: ClosedRange = ClosedRange { start: TimestampMs::MAX, end: TimestampMs::MIN };

/// What the index says about a series.
#[derive(Clone, Copy, Debug)]
pub(super) struct Indexed<'a> {
    /// Numbers of its pairs, ascending.
    pub(super) pairs: &'a [u32],
    /// First and last sample.
    pub(super) times: Option<ClosedRange>,
    /// Number of float samples.
    pub(super) samples: u64,
    /// Number of histograms.
    pub(super) histograms: u64,
}

/// Calls what it is given for every series, in order of labels. It is asked several times.
pub(super) type Walk<'a> = dyn Fn(&mut dyn FnMut(Indexed<'_>) -> io::Result<()>) -> io::Result<()> + 'a;

/// Times as a page tells them.
fn bounds(times: ClosedRange) -> (TimestampMs, TimestampMs) {
    if times.start <= times.end { (times.start, times.end) } else { (1, 0) }
}

/// Appends what lies in the spill.
pub(super) fn spilled<D: Disk>(spill: &Spill<D>, extent: Extent) -> impl FnOnce(&mut Vec<u8>) -> io::Result<()> {
    move |out| spill.get(extent, out)
}

/// A file in the making.
pub(super) struct Assembly<D: Disk> {
    pub(super) out: BlockWriter<D>,
    pub(super) directory: Directory,
    options: BlockOptions,
    page: Vec<u8>,
}

impl<D: Disk> Assembly<D> {
    /// Begins a file that will be called `path`; the directory's summary has its salt.
    pub(super) fn begin(disk: &D, path: &Path, directory: Directory, options: BlockOptions) -> io::Result<Assembly<D>> {
        let salt = directory.summary.salt;
        let mut out = BlockWriter::create(disk, path, salt, options.zstd_level)?;
        out.append(&header(salt, directory.version()))?;
        Ok(Assembly { out, directory, options, page: Vec::new() })
    }

    /// Writes the pages of a section that waited elsewhere.
    pub(super) fn spooled(&mut self, spool: &Spool, spill: &Spill<D>) -> io::Result<()> {
        self.directory.section_mut(spool.kind).start_run();
        for page in &spool.pages {
            self.page.clear();
            spill.get(page.extent, &mut self.page)?;
            let (min, max) = bounds(page.times);
            let placed = self.out.stored(&self.page, page.raw, page.first, min, max)?;
            self.directory.section_mut(spool.kind).pages.push(placed);
        }
        self.page.clear();
        Ok(())
    }

    fn write_page(&mut self, kind: Kind, first: u32, times: ClosedRange) -> io::Result<()> {
        let (min, max) = bounds(times);
        let page = self.out.page(&self.page, first, min, max)?;
        self.directory.section_mut(kind).pages.push(page);
        self.page.clear();
        Ok(())
    }

    /// Writes a section of keyed entries; `fill` pushes them in order of key.
    pub(super) fn entries(
        &mut self,
        kind: Kind,
        fill: impl FnOnce(&mut EntryPages<'_, D>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut pages = EntryPages { assembly: self, kind, builder: EntriesBuilder::default(), times: NEVER };
        fill(&mut pages)?;
        pages.flush()
    }

    /// Writes the segments of all timelines.
    pub(super) fn timelines(&mut self, timelines: &Timelines, spill: &Spill<D>) -> io::Result<()> {
        self.entries(Kind::Timelines, |pages| {
            let mut segments = timelines.segments.iter().enumerate();
            segments.try_for_each(|(id, t)| pages.push(id as u32, Some(t.times), spilled(spill, t.column)))
        })
    }

    /// Writes what is known about metrics.
    pub(super) fn metadata(&mut self, metrics: &BTreeMap<String, Vec<Metadata>>) -> io::Result<()> {
        let all = metrics.iter().flat_map(|(metric, known)| known.iter().map(move |m| (metric, m)));
        self.entries(Kind::Metadata, |pages| {
            for (i, (metric, known)) in all.enumerate() {
                pages.push(i as u32, None, |out| {
                    put_text(metric, out);
                    metadata::encode(known, out);
                    Ok(())
                })?;
            }
            Ok(())
        })
    }

    /// Writes what is known about each series.
    pub(super) fn facts(&mut self, walk: &Walk<'_>) -> io::Result<()> {
        let mut facts = FactsBuilder::default();
        let mut id = 0;
        walk(&mut |s| {
            facts.push(s.pairs, s.times, s.samples, s.histograms);
            id += 1;
            if facts.is_full() { self.facts_page(&mut facts, id) } else { Ok(()) }
        })?;
        if facts.len() > 0 { self.facts_page(&mut facts, id) } else { Ok(()) }
    }

    fn facts_page(&mut self, facts: &mut FactsBuilder, end: u32) -> io::Result<()> {
        let first = end - facts.len() as u32;
        facts.finish(&mut self.page);
        self.write_page(Kind::Facts, first, NEVER)
    }

    /// Writes label values; `fill` pushes them in order of pair.
    pub(super) fn dictionary(
        &mut self,
        fill: impl FnOnce(&mut DictionaryPages<'_, D>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut pages = DictionaryPages { assembly: self, builder: DictionaryBuilder::default(), pushed: 0 };
        fill(&mut pages)?;
        if pages.builder.count() > 0 { pages.flush() } else { Ok(()) }
    }

    /// Series by pair, then by name.
    pub(super) fn postings(&mut self, walk: &Walk<'_>) -> io::Result<()> {
        let mut counts = vec![0u32; self.directory.pairs as usize];
        walk(&mut |s| {
            s.pairs.iter().for_each(|pair| counts[*pair as usize] += 1);
            Ok(())
        })?;
        let names = self.directory.names.clone();
        self.entries(Kind::Postings, |pages| {
            let mut by_name = vec![croaring::Bitmap::new(); names.len()];
            let mut name = 0;
            let mut push = |pages: &mut EntryPages<'_, D>, pair: u32, ids: &[u32]| {
                while pair >= names[name].base + names[name].count {
                    name += 1;
                }
                by_name[name].add_many(ids);
                pages.push(pair, None, |out| {
                    postings::encode(ids, out);
                    Ok(())
                })
            };
            let mut start = 0;
            while start < counts.len() {
                let end = window_end(&counts, start);
                let (ids, ends) = gather(walk, &counts[start..end], start)?;
                let mut from = 0;
                for (i, to) in ends.into_iter().enumerate() {
                    push(pages, (start + i) as u32, &ids[from..to])?;
                    from = to;
                }
                start = end;
            }
            for (i, bitmap) in by_name.iter_mut().enumerate() {
                pages.push((counts.len() + i) as u32, None, |out| {
                    postings::encode_bitmap(bitmap, out);
                    Ok(())
                })?;
            }
            Ok(())
        })
    }

    /// Writes directory and trailer and makes the file visible.
    pub(super) fn finish(mut self, path: &Path) -> io::Result<BlockSummary> {
        let raw = self.directory.encode();
        let first = self.out.page(&raw, 0, 0, 0)?;
        let second = self.out.page(&raw, 0, 0, 0)?;
        let file_len = self.out.offset() + 2 * TRAILER_LEN as u64;
        let trailer = Trailer {
            version: self.directory.version(),
            salt: self.directory.summary.salt,
            file_len,
            directory: [first.offset, second.offset],
            stored: first.stored,
            raw: first.raw,
            crc: [first.crc, second.crc],
        };
        debug_assert!(first.offset >= HEADER_LEN as u64);
        let trailer = trailer.encode();
        self.out.append(&trailer)?;
        self.out.append(&trailer)?;
        let file_len = self.out.publish(path)?;
        Ok(BlockSummary { file_len, ..self.directory.summary })
    }
}

/// The end of a run of pairs whose postings fit memory together.
fn window_end(counts: &[u32], start: usize) -> usize {
    let mut total = 0;
    let fits = counts[start..].iter().take_while(|count| {
        total += **count as usize;
        total <= POSTINGS_WINDOW
    });
    start + fits.count().max(1)
}

/// Series of the pairs `start..start + counts.len()`: all ids, and where each pair's end.
fn gather(walk: &Walk<'_>, counts: &[u32], start: usize) -> io::Result<(Vec<u32>, Vec<usize>)> {
    let mut total = 0usize;
    let mut next: Vec<usize> = counts
        .iter()
        .map(|count| {
            total += *count as usize;
            total - *count as usize
        })
        .collect();
    let mut ids = vec![0; total];
    let mut id = 0u32;
    walk(&mut |s| {
        let from = s.pairs.partition_point(|pair| (*pair as usize) < start);
        for pair in s.pairs[from..].iter().take_while(|pair| (**pair as usize) < start + counts.len()) {
            let slot = &mut next[*pair as usize - start];
            ids[*slot] = id;
            *slot += 1;
        }
        id += 1;
        Ok(())
    })?;
    Ok((ids, next))
}

/// Dictionary pages being written.
pub(super) struct DictionaryPages<'a, D: Disk> {
    assembly: &'a mut Assembly<D>,
    builder: DictionaryBuilder,
    pushed: usize,
}

impl<D: Disk> DictionaryPages<'_, D> {
    /// Adds the value of the next pair.
    pub(super) fn push(&mut self, value: &str) -> io::Result<()> {
        if self.builder.count() == 0 {
            self.assembly.directory.first_values.push(value.to_owned());
        }
        self.builder.push(value);
        self.pushed += 1;
        if self.builder.is_full() { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        let first = (self.pushed - self.builder.count()) as u32;
        self.builder.finish(&mut self.assembly.page);
        self.assembly.write_page(Kind::Dictionary, first, NEVER)
    }
}

/// Pages of keyed entries being written.
pub(super) struct EntryPages<'a, D: Disk> {
    assembly: &'a mut Assembly<D>,
    kind: Kind,
    builder: EntriesBuilder,
    times: ClosedRange,
}

impl<D: Disk> EntryPages<'_, D> {
    /// Adds what `write` appends under `key` (not below the last).
    pub(super) fn push(
        &mut self,
        key: u32,
        times: Option<ClosedRange>,
        write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
    ) -> io::Result<()> {
        self.builder.push(key, write)?;
        if let Some(times) = times {
            self.times.start = self.times.start.min(times.start);
            self.times.end = self.times.end.max(times.end);
        }
        if self.builder.is_full(self.assembly.options.page_bytes) { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(first) = self.builder.first() else { return Ok(()) };
        self.builder.finish(&mut self.assembly.page);
        let times = std::mem::replace(&mut self.times, NEVER);
        self.assembly.write_page(self.kind, first, times)
    }
}
