//! From what was added to the finished file: sort, number, page, publish.

use std::io;
use std::path::Path;

use nightjar_model::BlockRange;
use nightjar_platform::Disk;
use xxhash_rust::xxh3::Xxh3;

use super::assembly::{Assembly, Indexed, spilled};
use super::builder::{AddedColumn, AddedList, AddedSeries, BlockBuilder, invalid};
use super::directory::Directory;
use super::input::{BlockSummary, widen};
use super::section::Kind;
use super::symbols::SortedPairs;

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
        let directory = Directory::new(summary, timelines.segments.len() as u32, &sorted.names());
        let mut assembly = Assembly::begin(&disk, path, directory, options)?;

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
        assembly.timelines(&timelines, &spill)?;
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
        let walk = |each: &mut dyn FnMut(Indexed<'_>) -> io::Result<()>| {
            series.iter().try_for_each(|s| each(indexed(s, &pairs, &columns, &lists)))
        };
        assembly.facts(&walk)?;
        assembly.dictionary(|values| (0..sorted.len()).try_for_each(|place| values.push(sorted.get(place).1)))?;
        assembly.postings(&walk)?;
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

/// What the index says about an added series.
fn indexed<'a>(s: &AddedSeries, pairs: &'a [u32], columns: &[AddedColumn], lists: &[AddedList]) -> Indexed<'a> {
    let own = lists[s.lists.0 as usize..s.lists.1 as usize].iter().filter(|l| l.is_histogram);
    let columns = &columns[s.columns.0 as usize..s.columns.1 as usize];
    let (mut times, mut histograms) = (None, 0);
    for own in columns.iter().filter_map(|c| c.times) {
        widen(&mut times, own.start);
        widen(&mut times, own.end);
    }
    for list in own {
        widen(&mut times, list.times.start);
        widen(&mut times, list.times.end);
        histograms += u64::from(list.count);
    }
    Indexed { pairs: pairs_of(pairs, s), times, samples: u64::from(s.samples), histograms }
}
