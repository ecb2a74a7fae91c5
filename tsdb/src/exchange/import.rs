//! From foreign forms to blocks of our own.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use hashbrown::HashMap;
use nightjar_model::metadata::{Metadata, MetricType};
use nightjar_model::{BlockRange, ClosedRange, Exemplar, Labels, TimestampMs};
use nightjar_platform::Disk;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::openmetrics::{Item, Lines, TextError};
use super::prometheus::{ChunkSamples, ForeignBlock, SeriesPlace};
use crate::block::{BlockBuilder, BlockSeries, Presence};
use crate::db::{Db, ImportedBlock};

const DAY_MS: i64 = 86_400_000;
/// More windows than this are no sensible history.
const MOST_WINDOWS: usize = 20_000;
/// Damage listed one by one.
const MOST_LISTED: usize = 100;
/// Samples of a text kept in memory at a time.
const TEXT_SAMPLES: u64 = 16 << 20;

/// How to import.
#[derive(Clone, Copy, Debug)]
pub struct ImportOptions {
    /// Width of the smallest block, in milliseconds.
    pub block_ms: i64,
    /// Leave out what is damaged instead of giving up.
    pub skip_damaged: bool,
}

/// How far an import has come.
#[derive(Clone, Copy, Debug)]
pub struct ImportProgress {
    /// Steps taken.
    pub done: u64,
    /// Steps in all.
    pub total: u64,
    /// Samples written so far.
    pub samples: u64,
}

/// What was imported.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// Blocks written.
    pub blocks: u64,
    /// Blocks that an earlier import had written.
    pub known: u64,
    /// Float samples and histograms written.
    pub samples: u64,
    /// Exemplars written.
    pub exemplars: u64,
    /// Samples left out because the text has another value for their time.
    pub contradictions: u64,
    /// First and last sample written.
    pub times: Option<ClosedRange>,
    /// Number of damaged places left out.
    pub damaged: u64,
    /// The first of them.
    pub damage: Vec<String>,
}

/// Why an import stopped. What was imported before stays and is not imported again.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Reading or writing failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The source is damaged.
    #[error("{0}")]
    Damaged(String),
    /// A line of text makes no sense.
    #[error("{0}")]
    Text(#[from] TextError),
}

impl Imported {
    fn take(&mut self, block: ImportedBlock) {
        match block {
            ImportedBlock::Known => self.known += 1,
            ImportedBlock::Empty => {}
            ImportedBlock::New(summary) => {
                self.blocks += 1;
                self.samples += summary.samples + summary.histograms;
                self.exemplars += summary.exemplars;
                let times = self.times.into_iter().chain(summary.times);
                self.times = times.reduce(|a, b| ClosedRange { start: a.start.min(b.start), end: a.end.max(b.end) });
            }
        }
    }

    /// Notes damage, or gives up because of it.
    fn damaged(&mut self, what: String, options: ImportOptions) -> Result<(), ImportError> {
        if !options.skip_damaged {
            return Err(ImportError::Damaged(what));
        }
        self.damaged += 1;
        if self.damage.len() < MOST_LISTED {
            self.damage.push(what);
        }
        Ok(())
    }
}

/// Imports the block of Prometheus at `path` of `disk`.
pub fn from_block<D: Disk, S: Disk>(
    db: &Db<D>,
    disk: &S,
    path: &Path,
    options: ImportOptions,
    progress: &mut dyn FnMut(ImportProgress),
) -> Result<Imported, ImportError> {
    let mut block = ForeignBlock::open(disk, path)?.map_err(ImportError::Damaged)?;
    let mut out = Imported::default();
    let mut windows = Windows::default();
    for i in 0..block.series_count() {
        match block.series(i)? {
            Ok(series) => series.chunks.iter().try_for_each(|c| windows.add(c.min, c.max))?,
            Err(what) => out.damaged(what, options)?,
        }
    }
    let windows = windows.cut(options.block_ms);
    let total = (windows.len() * block.series_count()) as u64;
    let ulid = block.meta().ulid.clone();
    for (n, window) in windows.into_iter().enumerate() {
        let samples = out.samples;
        let before = (n * block.series_count()) as u64;
        let mut step = |i: usize| progress(ImportProgress { done: before + i as u64, total, samples });
        let key = format!("{ulid}-{}", window.start);
        let made =
            db.import(&key, window, |builder| fill(builder, &mut block, window, options, &mut out, &mut step))?;
        out.take(made);
    }
    progress(ImportProgress { done: total, total, samples: out.samples });
    Ok(out)
}

/// Adds what a foreign block has in a window; whether that is anything.
fn fill<D: Disk, S: Disk>(
    builder: &mut BlockBuilder<D>,
    block: &mut ForeignBlock<S>,
    window: BlockRange,
    options: ImportOptions,
    out: &mut Imported,
    step: &mut dyn FnMut(usize),
) -> Result<bool, ImportError> {
    let mut samples = ChunkSamples::default();
    let mut timelines = Timelines::default();
    let mut any = false;
    for i in 0..block.series_count() {
        step(i);
        // What is wrong with the series itself was noted when windows were looked for.
        let Ok(series) = block.series(i)? else { continue };
        samples.clear();
        read(block, &series, window, options, out, &mut samples)?;
        if !samples.times.is_empty() || !samples.histograms.is_empty() {
            any = true;
            timelines.add(builder, series.labels, &samples, &[])?;
        }
    }
    Ok(any)
}

/// Reads the samples of a series in a window, ascending.
fn read<S: Disk>(
    block: &mut ForeignBlock<S>,
    series: &SeriesPlace,
    window: BlockRange,
    options: ImportOptions,
    out: &mut Imported,
    samples: &mut ChunkSamples,
) -> Result<(), ImportError> {
    for chunk in series.chunks.iter().filter(|c| c.min < window.end && c.max >= window.start) {
        if let Err(what) = block.read(series, *chunk, samples)? {
            // A chunk on the border of two windows is read for both.
            if window.contains(chunk.min) {
                out.damaged(format!("{what} (series {})", series.labels), options)?;
            }
        }
    }
    tidy(samples, window);
    Ok(())
}

/// Sorts, of equal times keeps the first, and keeps only what is in the window.
fn tidy(samples: &mut ChunkSamples, window: BlockRange) {
    let ChunkSamples { times, values, starts, histograms } = samples;
    let fine = times.is_sorted_by(|a, b| a < b) && times.iter().all(|t| window.contains(*t));
    if !fine {
        let mut all: Vec<_> =
            times.iter().zip(values.iter()).zip(starts.iter()).map(|((t, v), s)| (*t, *v, *s)).collect();
        all.retain(|(t, _, _)| window.contains(*t));
        all.sort_by_key(|(t, _, _)| *t);
        all.dedup_by_key(|(t, _, _)| *t);
        *times = all.iter().map(|(t, _, _)| *t).collect();
        *values = all.iter().map(|(_, v, _)| *v).collect();
        *starts = all.iter().map(|(_, _, s)| *s).collect();
    }
    histograms.retain(|h| window.contains(h.timestamp) && times.binary_search(&h.timestamp).is_err());
    histograms.sort_by_key(|h| h.timestamp);
    histograms.dedup_by_key(|h| h.timestamp);
}

/// Times of whole targets, so that a series that misses some of them does not store times of its own.
#[derive(Default)]
struct Timelines {
    known: HashMap<u64, Vec<TimestampMs>>,
    bytes: usize,
    bitmap: Vec<u64>,
}

/// Times remembered at once, in bytes.
const TIMELINES_BYTES: usize = 64 << 20;

impl Timelines {
    fn add<D: Disk>(
        &mut self,
        builder: &mut BlockBuilder<D>,
        labels: Labels,
        samples: &ChunkSamples,
        exemplars: &[Exemplar],
    ) -> io::Result<()> {
        let mut hash = Xxh3::new();
        for name in ["job", "instance"] {
            hash.update(labels.value(name).as_bytes());
            hash.update(&[0]);
        }
        let starts = samples.starts.iter().any(|s| *s != 0).then_some(&samples.starts[..]);
        let (values, histograms) = (&samples.values, &samples.histograms);
        let series = |presence| BlockSeries { labels, presence, values, starts, histograms, exemplars };
        let key = hash.digest();
        match self.known.get(&key).filter(|known| positions(&samples.times, known, &mut self.bitmap)) {
            Some(known) => builder.add_target(known, &[series(Presence::Bitmap(&self.bitmap))]),
            None => {
                builder.add_target(&samples.times, &[series(Presence::All)])?;
                if self.bytes > TIMELINES_BYTES {
                    self.known.clear();
                    self.bytes = 0;
                }
                let known = self.known.entry(key).or_default();
                if samples.times.len() > known.len() {
                    self.bytes += 8 * (samples.times.len() - known.len());
                    known.clone_from(&samples.times);
                }
                Ok(())
            }
        }
    }
}

/// Whether all `times` are among `known`; `bitmap` then says which.
fn positions(times: &[TimestampMs], known: &[TimestampMs], bitmap: &mut Vec<u64>) -> bool {
    // A series with few samples of many is better off with its own times.
    if times.len() > known.len() || times.len() * 8 < known.len() {
        return false;
    }
    bitmap.clear();
    bitmap.resize(known.len().div_ceil(64), 0);
    let mut at = 0;
    for t in times {
        while at < known.len() && known[at] < *t {
            at += 1;
        }
        if known.get(at) != Some(t) {
            return false;
        }
        bitmap[at / 64] |= 1 << (at % 64);
    }
    true
}

/// Days in which there is something.
#[derive(Default)]
struct Windows {
    days: BTreeSet<i64>,
    times: Option<ClosedRange>,
}

impl Windows {
    fn add(&mut self, min: TimestampMs, max: TimestampMs) -> Result<(), ImportError> {
        let mut day = BlockRange::aligned(min, DAY_MS);
        while day.start <= max {
            self.days.insert(day.start);
            if self.days.len() > MOST_WINDOWS || min > max {
                let what = format!("a chunk from {min} to {max}: all together cover more than {MOST_WINDOWS} days");
                return Err(ImportError::Damaged(what));
            }
            day = BlockRange::aligned(day.end, DAY_MS);
        }
        let times = self.times.get_or_insert(ClosedRange { start: min, end: max });
        (times.start, times.end) = (times.start.min(min), times.end.max(max));
        Ok(())
    }

    /// One window of `block_ms` when everything is inside, else days.
    fn cut(self, block_ms: i64) -> Vec<BlockRange> {
        let one = self.times.map(|times| (BlockRange::aligned(times.start, block_ms), times.end));
        match one {
            Some((window, end)) if window.contains(end) => vec![window],
            _ => self.days.into_iter().map(|day| BlockRange { start: day, end: day + DAY_MS }).collect(),
        }
    }
}

/// Imports a file of OpenMetrics text whose every sample has a time. The file is read once to check it and again for
/// every part that fits into memory.
pub fn from_text<D: Disk, S: Disk>(
    db: &Db<D>,
    disk: &S,
    path: &Path,
    options: ImportOptions,
    progress: &mut dyn FnMut(ImportProgress),
) -> Result<Imported, ImportError> {
    let (mut windows, mut per_day) = (Windows::default(), HashMap::<i64, u64>::new());
    let mut text = Lines::open(disk, path)?;
    let mut metadata = HashMap::new();
    while let Some(item) = text.next()? {
        match item {
            Item::Sample { timestamp, .. } => {
                windows.add(timestamp, timestamp)?;
                *per_day.entry(BlockRange::aligned(timestamp, DAY_MS).start).or_default() += 1;
            }
            Item::Metadata { metric, metadata: found } => {
                let known: &mut Metadata = metadata.entry(metric).or_default();
                let Metadata { metric_type, help, unit } = found;
                known.metric_type = if metric_type == MetricType::Unknown { known.metric_type } else { metric_type };
                known.help = if help.is_empty() { std::mem::take(&mut known.help) } else { help };
                known.unit = if unit.is_empty() { std::mem::take(&mut known.unit) } else { unit };
            }
        }
    }
    let (hash, bytes) = (text.hash(), text.len());
    let mut parts = Vec::new();
    for window in windows.cut(options.block_ms) {
        let samples = per_day.get(&BlockRange::aligned(window.start, DAY_MS).start).copied().unwrap_or(0);
        let of = samples.div_ceil(TEXT_SAMPLES).max(1);
        parts.extend((0..of).map(|n| (window, n, of)));
    }
    let mut out = Imported::default();
    let total = bytes * parts.len() as u64;
    for (i, (window, n, of)) in parts.into_iter().enumerate() {
        let key = format!("text-{hash:016x}-{bytes}-{}-{n}-{of}", window.start);
        let samples = out.samples;
        let mut step = |at: u64| progress(ImportProgress { done: bytes * i as u64 + at, total, samples });
        let mut contradictions = 0;
        let made = db.import(&key, window, |builder| {
            let wanted = |spelling: &[u8]| of == 1 || xxh3_64(spelling) % of == n;
            let series = collect(disk, path, window, &wanted, &mut step)?;
            let any = !series.is_empty();
            metadata.iter().for_each(|(metric, m)| builder.add_metadata(metric, m));
            contradictions += add_text(builder, series)?;
            Ok::<bool, ImportError>(any)
        })?;
        out.contradictions += contradictions;
        out.take(made);
    }
    progress(ImportProgress { done: total, total, samples: out.samples });
    Ok(out)
}

/// The samples of one series of a text, in the text's order.
#[derive(Default)]
struct TextSeries {
    samples: Vec<(TimestampMs, f64)>,
    exemplars: Vec<Exemplar>,
}

fn collect<S: Disk>(
    disk: &S,
    path: &Path,
    window: BlockRange,
    wanted: &dyn Fn(&[u8]) -> bool,
    step: &mut dyn FnMut(u64),
) -> Result<HashMap<Vec<u8>, TextSeries>, ImportError> {
    let mut series: HashMap<Vec<u8>, TextSeries> = HashMap::new();
    let mut text = Lines::open(disk, path)?;
    while let Some(item) = text.next()? {
        let Item::Sample { labels, timestamp, value, exemplar } = item else { continue };
        step(text.at());
        if !window.contains(timestamp) {
            continue;
        }
        let mut spelling = Vec::new();
        labels.spell(&mut spelling);
        if wanted(&spelling) {
            let own = series.entry(spelling).or_default();
            own.samples.push((timestamp, value));
            own.exemplars.extend(exemplar.filter(|e| window.contains(e.timestamp)));
        }
    }
    Ok(series)
}

/// Adds the series of a text; answers how many samples contradict an earlier one.
fn add_text<D: Disk>(builder: &mut BlockBuilder<D>, series: HashMap<Vec<u8>, TextSeries>) -> io::Result<u64> {
    let mut timelines = Timelines::default();
    let mut contradictions = 0;
    for (spelling, mut own) in series {
        let labels = Labels::from_spelling(&spelling).map_err(io::Error::other)?;
        own.samples.sort_by_key(|(t, _)| *t);
        own.samples.dedup_by(|b, a| {
            contradictions += u64::from(a.0 == b.0 && a.1.to_bits() != b.1.to_bits());
            a.0 == b.0
        });
        own.exemplars.sort_by_key(|e| e.timestamp);
        let samples = ChunkSamples {
            times: own.samples.iter().map(|(t, _)| *t).collect(),
            values: own.samples.iter().map(|(_, v)| *v).collect(),
            starts: vec![0; own.samples.len()],
            histograms: Vec::new(),
        };
        timelines.add(builder, labels, &samples, &own.exemplars)?;
    }
    Ok(contradictions)
}
