//! From what was added to the finished file: sort, number, page, publish.

use std::io;
use std::path::Path;

use nightjar_model::metadata::Metadata;
use nightjar_model::{BlockRange, ClosedRange, TimestampMs};
use nightjar_platform::Disk;
use xxhash_rust::xxh3::Xxh3;

use super::builder::{AddedColumn, AddedList, AddedSeries, BlockBuilder, BlockOptions, invalid};
use super::dictionary::DictionaryBuilder;
use super::directory::{Directory, HEADER_LEN, TRAILER_LEN, Trailer, VERSION, header};
use super::entries::EntriesBuilder;
use super::facts::FactsBuilder;
use super::input::{BlockSummary, widen};
use super::postings;
use super::section::Kind;
use super::spill::Spill;
use super::symbols::SortedPairs;
use super::writer::BlockWriter;
use crate::bytes::put_text;
use crate::codec::metadata;

/// Series numbers kept in memory at a time while postings are gathered.
const POSTINGS_WINDOW: usize = 4 << 20;

/// No times: after its own end.
const NEVER: ClosedRange = ClosedRange { start: TimestampMs::MAX, end: TimestampMs::MIN };

impl<D: Disk> BlockBuilder<D> {
    /// Writes the block to `path`. It appears there whole, durable, or not at all. The scratch file is removed.
    pub fn finish(self, path: &Path) -> io::Result<BlockSummary> {
        let BlockBuilder {
            disk,
            range,
            options,
            symbols,
            mut pairs,
            mut series,
            columns,
            timelines,
            lists,
            metadata,
            spill,
            ..
        } = self;
        let (sorted, places) = symbols.sort();
        pairs.iter_mut().for_each(|pair| *pair = places[*pair as usize]);
        drop(places);
        series.sort_unstable_by(|a, b| pairs_of(&pairs, a).cmp(pairs_of(&pairs, b)));
        reject_duplicates(&series, &pairs, &sorted)?;
        let mut summary = summarize(range, &series, &columns);
        for list in &lists {
            *(if list.is_histogram { &mut summary.histograms } else { &mut summary.exemplars }) +=
                u64::from(list.count);
            if list.is_histogram {
                widen(&mut summary.times, list.times.start);
                widen(&mut summary.times, list.times.end);
            }
        }
        summary.salt = salt(path, &summary, &sorted, spill.hash());
        let directory = Directory::new(summary, timelines.len() as u32, &sorted.names());
        let out = BlockWriter::create(&disk, path, summary.salt, options.zstd_level)?;
        let mut assembly = Assembly { out, directory, options, page: Vec::new() };
        assembly.out.append(&header(summary.salt))?;

        for segment in 0..=columns.iter().map(|c| c.segment).max().unwrap_or(0) {
            assembly.directory.section_mut(Kind::Columns).start_run();
            assembly.entries(Kind::Columns, |pages| {
                for (id, s) in series.iter().enumerate() {
                    let own = &columns[s.columns.0 as usize..s.columns.1 as usize];
                    if let Ok(i) = own.binary_search_by_key(&segment, |c| c.segment) {
                        pages.push(id as u32, own[i].times, spilled(&spill, own[i].column))?;
                    }
                }
                Ok(())
            })?;
        }
        assembly.entries(Kind::Timelines, |pages| {
            let mut timelines = timelines.iter().enumerate();
            timelines.try_for_each(|(id, t)| pages.push(id as u32, Some(t.times), spilled(&spill, t.column)))
        })?;
        for (kind, is_histogram) in [(Kind::Histograms, true), (Kind::Exemplars, false)] {
            assembly.entries(kind, |pages| {
                for (id, s) in series.iter().enumerate() {
                    let own = &lists[s.lists.0 as usize..s.lists.1 as usize];
                    for list in own.iter().filter(|l| l.is_histogram == is_histogram) {
                        pages.push(id as u32, Some(list.times), spilled(&spill, list.column))?;
                    }
                }
                Ok(())
            })?;
        }
        drop(spill);
        assembly.metadata(&metadata)?;
        assembly.facts(&series, &pairs, &columns, &lists)?;
        assembly.dictionary(&sorted)?;
        assembly.postings(&series, &pairs)?;
        assembly.finish(path)
    }
}

fn pairs_of<'a>(pairs: &'a [u32], series: &AddedSeries) -> &'a [u32] {
    let start = series.pairs.0 as usize;
    &pairs[start..start + series.pairs.1 as usize]
}

fn reject_duplicates(series: &[AddedSeries], pairs: &[u32], sorted: &SortedPairs) -> io::Result<()> {
    let twice = series.windows(2).find(|w| pairs_of(pairs, &w[0]) == pairs_of(pairs, &w[1]));
    twice.map_or(Ok(()), |w| {
        let labels = pairs_of(pairs, &w[0]).iter().map(|pair| sorted.get(*pair as usize));
        Err(invalid(format!("series {} was added twice", nightjar_model::Labels::from_pairs(labels))))
    })
}

fn summarize(range: BlockRange, series: &[AddedSeries], columns: &[AddedColumn]) -> BlockSummary {
    let mut times = None;
    for own in columns.iter().filter_map(|c| c.times) {
        widen(&mut times, own.start);
        widen(&mut times, own.end);
    }
    let samples = series.iter().map(|s| u64::from(s.samples)).sum();
    let series = series.len() as u64;
    BlockSummary { range, times, series, samples, histograms: 0, exemplars: 0, file_len: 0, salt: 0 }
}

/// Another file, another salt: a hash of name and content, so that a block can be built again byte by byte.
fn salt(path: &Path, summary: &BlockSummary, sorted: &SortedPairs, content: u64) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(path.to_string_lossy().as_bytes());
    hash.update(&content.to_le_bytes());
    hash.update(&summary.range.start.to_le_bytes());
    hash.update(&summary.range.end.to_le_bytes());
    for place in 0..sorted.len() {
        let (name, value) = sorted.get(place);
        hash.update(name.as_bytes());
        hash.update(value.as_bytes());
    }
    hash.digest()
}

fn spilled<D: Disk>(spill: &Spill<D>, extent: super::spill::Extent) -> impl FnOnce(&mut Vec<u8>) -> io::Result<()> {
    move |out| spill.get(extent, out)
}

/// A file in the making.
struct Assembly<D: Disk> {
    out: BlockWriter<D>,
    directory: Directory,
    options: BlockOptions,
    page: Vec<u8>,
}

impl<D: Disk> Assembly<D> {
    fn write_page(&mut self, kind: Kind, first: u32, times: ClosedRange) -> io::Result<()> {
        let (min, max) = if times.start <= times.end { (times.start, times.end) } else { (1, 0) };
        let page = self.out.page(&self.page, first, min, max)?;
        self.directory.section_mut(kind).pages.push(page);
        self.page.clear();
        Ok(())
    }

    /// Writes a section of keyed entries; `fill` pushes them in order of key.
    fn entries(&mut self, kind: Kind, fill: impl FnOnce(&mut EntryPages<'_, D>) -> io::Result<()>) -> io::Result<()> {
        let mut pages = EntryPages { assembly: self, kind, builder: EntriesBuilder::default(), times: NEVER };
        fill(&mut pages)?;
        pages.flush()
    }

    fn metadata(&mut self, metrics: &std::collections::BTreeMap<String, Vec<Metadata>>) -> io::Result<()> {
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

    fn facts(
        &mut self,
        series: &[AddedSeries],
        pairs: &[u32],
        columns: &[AddedColumn],
        lists: &[AddedList],
    ) -> io::Result<()> {
        let mut facts = FactsBuilder::default();
        for (id, s) in series.iter().enumerate() {
            let own = lists[s.lists.0 as usize..s.lists.1 as usize].iter().filter(|l| l.is_histogram);
            let columns = &columns[s.columns.0 as usize..s.columns.1 as usize];
            let mut times = None;
            let mut histograms = 0;
            for own in columns.iter().filter_map(|c| c.times) {
                widen(&mut times, own.start);
                widen(&mut times, own.end);
            }
            for list in own {
                widen(&mut times, list.times.start);
                widen(&mut times, list.times.end);
                histograms += u64::from(list.count);
            }
            facts.push(pairs_of(pairs, s), times, u64::from(s.samples), histograms);
            if facts.is_full() || id + 1 == series.len() {
                let first = (id + 1 - facts.len()) as u32;
                facts.finish(&mut self.page);
                self.write_page(Kind::Facts, first, NEVER)?;
            }
        }
        Ok(())
    }

    fn dictionary(&mut self, sorted: &SortedPairs) -> io::Result<()> {
        let mut dictionary = DictionaryBuilder::default();
        for place in 0..sorted.len() {
            let (_, value) = sorted.get(place);
            if dictionary.count() == 0 {
                self.directory.first_values.push(value.to_owned());
            }
            dictionary.push(value);
            if dictionary.is_full() || place + 1 == sorted.len() {
                let first = (place + 1 - dictionary.count()) as u32;
                dictionary.finish(&mut self.page);
                self.write_page(Kind::Dictionary, first, NEVER)?;
            }
        }
        Ok(())
    }

    /// Series by pair, then by name.
    fn postings(&mut self, series: &[AddedSeries], pairs: &[u32]) -> io::Result<()> {
        let mut counts = vec![0u32; self.directory.pairs as usize];
        pairs.iter().for_each(|pair| counts[*pair as usize] += 1);
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
                let (ids, ends) = gather(series, pairs, &counts[start..end], start);
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

    fn finish(mut self, path: &Path) -> io::Result<BlockSummary> {
        let raw = self.directory.encode();
        let first = self.out.page(&raw, 0, 0, 0)?;
        let second = self.out.page(&raw, 0, 0, 0)?;
        let file_len = self.out.offset() + 2 * TRAILER_LEN as u64;
        let trailer = Trailer {
            version: VERSION,
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
fn gather(series: &[AddedSeries], pairs: &[u32], counts: &[u32], start: usize) -> (Vec<u32>, Vec<usize>) {
    let mut total = 0usize;
    let mut next: Vec<usize> = counts
        .iter()
        .map(|count| {
            total += *count as usize;
            total - *count as usize
        })
        .collect();
    let mut ids = vec![0; total];
    for (id, s) in series.iter().enumerate() {
        let own = pairs_of(pairs, s);
        let from = own.partition_point(|pair| (*pair as usize) < start);
        for pair in own[from..].iter().take_while(|pair| (**pair as usize) < start + counts.len()) {
            let slot = &mut next[*pair as usize - start];
            ids[*slot] = id as u32;
            *slot += 1;
        }
    }
    (ids, next)
}

/// Pages of keyed entries being written.
struct EntryPages<'a, D: Disk> {
    assembly: &'a mut Assembly<D>,
    kind: Kind,
    builder: EntriesBuilder,
    times: ClosedRange,
}

impl<D: Disk> EntryPages<'_, D> {
    fn push(
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
