//! Several blocks become one, series by series.
//!
//! Labels are compared as numbers: the dictionaries of all sources are merged first, so that the order of pair numbers is
//! the order of labels. Then the series come in that order from every source at once, each page being read once, and go
//! out as finished pages into a spill; sections are put together at the end. Memory: four bytes a label pair of each
//! source, some decoded pages of each source, and the spill's buffer, whatever the number of samples.

mod buckets;
mod index;
mod order;
mod pairs;
mod part;
mod target;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use nightjar_model::metadata::Metadata;
use nightjar_model::{BlockRange, ClosedRange, TimestampMs};
use nightjar_platform::Disk;
use xxhash_rust::xxh3::Xxh3;

use super::assembly::{Assembly, Indexed};
use super::builder::BlockOptions;
use super::column_entry::Column;
use super::directory::Directory;
use super::input::{BlockSummary, widen};
use super::presence::Runs;
use super::reader::Block;
use super::sample_reader::SampleReader;
use super::section::Kind;
use super::spill::Spill;
use super::spool::{Press, Spool};
use super::tier::{self, Tier};
use crate::codec::column::Encoder;
use crate::codec::{exemplar, histogram};
use crate::cut::{Cut, cut_exemplars, cut_floats, cut_histograms};
use index::IndexSpool;
use order::Order;
use part::{Part, unite};
use target::{Key, Node, Targets};

/// A block that goes into another one.
pub struct MergeSource<'a, D: Disk> {
    /// The block.
    pub block: &'a Block<D>,
    /// What of it does not count any more.
    pub cuts: Vec<Cut>,
}

/// Merges `sources` into a block of `range` (which contains theirs) at `path`; of two samples of one series and time
/// that of the earlier source counts. `None` when nothing is left: then there is no file. `pause` is called before every
/// series and may end the merge. Damage in a source is an error and is listed in its [`Block::damage`].
pub fn merge<D: Disk>(
    disk: &D,
    path: &Path,
    range: BlockRange,
    sources: &[MergeSource<'_, D>],
    options: BlockOptions,
    pause: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<Option<BlockSummary>> {
    let numbered = pairs::merged_numbers(sources)?;
    let merge = Merge::new(disk, path, range, sources, options)?;
    let (merge, used) = merge.fill(sources, numbered, pause)?;
    if merge.summary.series == 0 {
        return Ok(None);
    }
    let metadata = metadata(sources)?;
    merge.finish(disk, path, sources, &used, &metadata).map(Some)
}

/// Like [`merge`], but what is written are the buckets of `tier` of these blocks; or those of a single source that has
/// such buckets, written again. Series with native histograms are left out; when nothing is left the block is empty.
pub fn downsample<D: Disk>(
    disk: &D,
    path: &Path,
    range: BlockRange,
    sources: &[MergeSource<'_, D>],
    options: BlockOptions,
    tier: Tier,
    pause: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<BlockSummary> {
    let numbered = pairs::merged_numbers(sources)?;
    let mut merge = Merge::new(disk, path, range, sources, options)?;
    merge.tier = Some(tier);
    let (merge, used) = merge.fill(sources, numbered, pause)?;
    merge.finish(disk, path, sources, &used, &BTreeMap::new())
}

fn metadata<D: Disk>(sources: &[MergeSource<'_, D>]) -> io::Result<BTreeMap<String, Vec<Metadata>>> {
    let mut all: BTreeMap<String, Vec<Metadata>> = BTreeMap::new();
    for source in sources {
        for (metric, metadata) in source.block.metadata()? {
            let known = all.entry(metric).or_default();
            if !known.contains(&metadata) {
                known.push(metadata);
            }
        }
    }
    Ok(all)
}

/// Finds the pairs of `job` and `instance` among merged numbers.
struct TargetKeys {
    job: Option<(u32, u32)>,
    instance: Option<(u32, u32)>,
}

impl TargetKeys {
    fn new<D: Disk>(sources: &[MergeSource<'_, D>], numbers: &[Vec<u32>]) -> TargetKeys {
        // Merged numbers of a name's values follow each other.
        let range = |name: &str| {
            let own = sources.iter().zip(numbers).filter_map(|(s, numbers)| {
                let (_, name) = s.block.directory.find_name(name).filter(|(_, n)| n.count > 0)?;
                Some((numbers[name.base as usize], numbers[(name.base + name.count - 1) as usize]))
            });
            own.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        };
        TargetKeys { job: range("job"), instance: range("instance") }
    }

    fn of(&self, pairs: &[u32]) -> Key {
        let find = |range: Option<(u32, u32)>| {
            let (first, last) = range?;
            pairs.iter().copied().find(|pair| (first..=last).contains(pair))
        };
        (find(self.job), find(self.instance))
    }
}

/// A merge under way.
struct Merge<'a, D: Disk> {
    readers: Vec<SampleReader<'a, D>>,
    sources: &'a [MergeSource<'a, D>],
    options: BlockOptions,
    targets: Targets,
    /// Columns by segment.
    columns: Vec<Spool>,
    histograms: Spool,
    exemplars: Spool,
    /// What buckets are to be written; `None` = samples.
    tier: Option<Tier>,
    /// What of buckets is not in columns.
    aggregates: [Spool; tier::SECTIONS.len()],
    index: IndexSpool,
    press: Press<D>,
    encoder: Encoder,
    buffer: Vec<u8>,
    summary: BlockSummary,
}

impl<'a, D: Disk> Merge<'a, D> {
    fn new(
        disk: &D,
        path: &Path,
        range: BlockRange,
        sources: &'a [MergeSource<'a, D>],
        options: BlockOptions,
    ) -> io::Result<Merge<'a, D>> {
        let spill = Spill::new(disk, &path.with_extension("tmp"), options.memory_bytes);
        let summary = BlockSummary {
            range,
            times: None,
            series: 0,
            samples: 0,
            histograms: 0,
            exemplars: 0,
            file_len: 0,
            salt: 0,
        };
        Ok(Merge {
            readers: sources.iter().map(|s| SampleReader::new(s.block, ClosedRange::ALL)).collect(),
            sources,
            options,
            targets: Targets::new(options.segment_samples),
            columns: Vec::new(),
            histograms: Spool::new(Kind::Histograms),
            exemplars: Spool::new(Kind::Exemplars),
            tier: None,
            aggregates: tier::SECTIONS.map(Spool::new),
            index: IndexSpool::default(),
            press: Press::new(spill, options.page_bytes, options.zstd_level)?,
            encoder: Encoder::default(),
            buffer: Vec::new(),
            summary,
        })
    }

    /// Takes all series of all sources; also answers which of the merged pairs any of them has.
    fn fill(
        mut self,
        sources: &[MergeSource<'_, D>],
        (numbers, pairs): (Vec<Vec<u32>>, u32),
        pause: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<(Self, Vec<bool>)> {
        let mut order = Order::new(sources, &numbers)?;
        let mut used = vec![false; pairs as usize];
        let keys = TargetKeys::new(sources, &numbers);
        while order.advance()? {
            pause()?;
            let added = if self.tier.is_some() {
                self.add_buckets(&order.places, &order.pairs)?
            } else {
                let (parts, nodes) = self.read(&order.places)?;
                self.add(keys.of(&order.pairs), &order.pairs, parts, &nodes)?
            };
            if added {
                order.pairs.iter().for_each(|pair| used[*pair as usize] = true);
            }
        }
        Ok((self, used))
    }

    /// What the sources have of the series at `places`, without what was cut, and the timelines it lies on.
    fn read(&mut self, places: &[(usize, u32)]) -> io::Result<(Vec<Part>, Vec<Node>)> {
        let (mut parts, mut nodes) = (Vec::with_capacity(places.len()), Vec::new());
        for (source, id) in places {
            let (reader, MergeSource { block, cuts }) = (&mut self.readers[*source], &self.sources[*source]);
            let mut part = Part::default();
            if reader.floats(*id, &mut part.floats)? {
                part.histograms = reader.histogram_samples(*id)?;
            }
            part.exemplars = block.exemplars(&[*id])?.pop().map(|(_, list)| list).unwrap_or_default();
            for cut in cuts.iter().filter(|cut| cut.series.contains(*id)) {
                cut_floats(&mut part.floats, cut.times);
                cut_histograms(&mut part.histograms, cut.times);
                cut_exemplars(&mut part.exemplars, cut.times);
            }
            if !part.floats.values.is_empty() {
                let own = reader.timelines().map(|(number, times)| Node {
                    source: *source as u32,
                    number,
                    times: times.clone(),
                });
                nodes.extend(own);
            }
            parts.push(part);
        }
        Ok((parts, nodes))
    }

    /// Adds the next series; whether anything is left of it.
    fn add(&mut self, target: Key, pairs: &[u32], parts: Vec<Part>, nodes: &[Node]) -> io::Result<bool> {
        let Part { floats, histograms, exemplars } = unite(parts);
        if floats.values.is_empty() && histograms.is_empty() && exemplars.is_empty() {
            return Ok(false);
        }
        let id = u32::try_from(self.summary.series).map_err(|_| io::Error::other("too many series for one block"))?;
        let (timeline, times) = match floats.values.is_empty() {
            true => (0, [].into()),
            false => self.targets.timeline(target, nodes, &mut self.press.spill)?,
        };
        let column = Column {
            timestamps: &times,
            timeline,
            runs: &Runs::of(&floats.timestamps, &times),
            values: &floats.values,
            starts: floats.starts.as_deref(),
            histograms: !histograms.is_empty(),
        };
        let Merge { columns, press, encoder, buffer, .. } = self;
        column.encode(self.targets.timelines.width(), encoder, buffer, |segment, times, bytes| {
            while columns.len() <= segment as usize {
                columns.push(Spool::new(Kind::Columns));
            }
            columns[segment as usize].push(id, times, bytes, press)
        })?;
        put_list(&mut self.histograms, id, &histograms, |h| h.timestamp, histogram::encode, press, buffer)?;
        put_list(&mut self.exemplars, id, &exemplars, |e| e.timestamp, exemplar::encode, press, buffer)?;
        let mut span = None;
        let ends = [floats.timestamps.first(), floats.timestamps.last()].into_iter().flatten().copied();
        ends.chain(histograms.iter().map(|h| h.timestamp)).for_each(|t| widen(&mut span, t));
        let (samples, histograms) = (floats.values.len() as u64, histograms.len() as u64);
        self.index.push(Indexed { pairs, times: span, samples, histograms }, &mut self.press.spill)?;
        self.count(span, samples, histograms, exemplars.len() as u64);
        Ok(true)
    }

    fn count(&mut self, span: Option<ClosedRange>, samples: u64, histograms: u64, exemplars: u64) {
        let summary = &mut self.summary;
        if let Some(span) = span {
            widen(&mut summary.times, span.start);
            widen(&mut summary.times, span.end);
        }
        summary.series += 1;
        summary.samples += samples;
        summary.histograms += histograms;
        summary.exemplars += exemplars;
    }

    /// Puts the sections together. `used` says which of the merged pairs any series has.
    fn finish(
        mut self,
        disk: &D,
        path: &Path,
        sources: &[MergeSource<'_, D>],
        used: &[bool],
        metadata: &BTreeMap<String, Vec<Metadata>>,
    ) -> io::Result<BlockSummary> {
        let lists = [&mut self.histograms, &mut self.exemplars];
        for spool in self.columns.iter_mut().chain(lists).chain(&mut self.aggregates) {
            spool.flush(&mut self.press)?;
        }
        self.index.flush(&mut self.press.spill)?;
        drop(self.readers);
        let spill = &self.press.spill;
        let mut summary = self.summary;
        summary.salt = salt(path, summary.range, spill.hash(), sources);
        let timelines = &self.targets.timelines;
        let mut directory = Directory::new(summary, timelines.segments.len() as u32, &[]);
        directory.tier = self.tier;
        let mut assembly = Assembly::begin(disk, path, directory, self.options)?;
        for spool in &self.columns {
            assembly.spooled(spool, spill)?;
        }
        assembly.timelines(timelines, spill)?;
        assembly.spooled(&self.histograms, spill)?;
        assembly.spooled(&self.exemplars, spill)?;
        for spool in &self.aggregates {
            assembly.spooled(spool, spill)?;
        }
        assembly.metadata(metadata)?;
        let numbers = ranks(used);
        assembly.directory.set_names(used_names(sources, used)?);
        let walk = |each: &mut dyn FnMut(Indexed<'_>) -> io::Result<()>| self.index.walk(spill, &numbers, each);
        assembly.facts(&walk)?;
        assembly.dictionary(|values| {
            let mut pair = 0;
            pairs::each_pair(sources, |_, value, _| {
                pair += 1;
                if used[pair - 1] { values.push(value) } else { Ok(()) }
            })
        })?;
        assembly.postings(&walk)?;
        assembly.finish(path)
    }
}

/// Names of the pairs in use, each with its number of values.
fn used_names<D: Disk>(sources: &[MergeSource<'_, D>], used: &[bool]) -> io::Result<Vec<(String, u32)>> {
    let mut names: Vec<(String, u32)> = Vec::new();
    let mut pair = 0;
    pairs::each_pair(sources, |name, _, _| {
        pair += 1;
        if used[pair - 1] {
            match names.last_mut() {
                Some((last, count)) if last == name => *count += 1,
                _ => names.push((name.to_owned(), 1)),
            }
        }
        Ok::<(), io::Error>(())
    })?;
    Ok(names)
}

/// For each pair the number of used ones before it.
fn ranks(used: &[bool]) -> Vec<u32> {
    let mut next = 0;
    let rank = |used: &bool| {
        let rank = next;
        next += u32::from(*used);
        rank
    };
    used.iter().map(rank).collect()
}

/// Another file, another salt; the same sources, path and cuts give the same file.
fn salt<D: Disk>(path: &Path, range: BlockRange, content: u64, sources: &[MergeSource<'_, D>]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(path.to_string_lossy().as_bytes());
    hash.update(&content.to_le_bytes());
    hash.update(&range.start.to_le_bytes());
    hash.update(&range.end.to_le_bytes());
    sources.iter().for_each(|s| hash.update(&s.block.summary().salt.to_le_bytes()));
    hash.digest()
}

/// Adds histograms or exemplars in pieces of about a page.
fn put_list<T, D: Disk>(
    spool: &mut Spool,
    id: u32,
    items: &[T],
    time: impl Fn(&T) -> TimestampMs,
    encode: impl Fn(&T, &mut Vec<u8>),
    press: &mut Press<D>,
    buffer: &mut Vec<u8>,
) -> io::Result<()> {
    const PIECE_BYTES: usize = 64 << 10;
    buffer.clear();
    let mut times = None;
    for (i, item) in items.iter().enumerate() {
        encode(item, buffer);
        widen(&mut times, time(item));
        if buffer.len() >= PIECE_BYTES || i + 1 == items.len() {
            spool.push(id, times.take(), buffer, press)?;
            buffer.clear();
        }
    }
    Ok(())
}
