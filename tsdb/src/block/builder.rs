//! Takes scrape targets in any order and keeps what the file will need: encoded columns in a spill, and per series about
//! a hundred bytes.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use nightjar_model::metadata::Metadata;
use nightjar_model::{BlockRange, ClosedRange, TimestampMs};
use nightjar_platform::Disk;

use super::column_entry::Column;
use super::input::{BlockSeries, Presence, widen};
use super::presence::Runs;
use super::spill::{Extent, Spill};
use super::symbols::Symbols;
use super::timelines::Timelines;
use crate::codec::column::Encoder;
use crate::codec::{exemplar, histogram};

/// How a block is written.
#[derive(Clone, Copy, Debug)]
pub struct BlockOptions {
    /// Page size before compression, in bytes.
    pub page_bytes: usize,
    /// Encoded samples kept in memory before the scratch file is used, in bytes.
    pub memory_bytes: usize,
    /// zstd level of pages.
    pub zstd_level: i32,
    /// Longer timelines are cut into segments of so many timestamps, so that a question about a short time reads little
    /// of a long block. At most 65536 are used.
    pub segment_samples: usize,
}

impl Default for BlockOptions {
    fn default() -> BlockOptions {
        BlockOptions { page_bytes: 64 << 10, memory_bytes: 32 << 20, zstd_level: 1, segment_samples: 2048 }
    }
}

/// Collects the content of one block. Dropping it without [`BlockBuilder::finish`] leaves nothing behind.
pub struct BlockBuilder<D: Disk> {
    pub(super) disk: D,
    pub(super) range: BlockRange,
    pub(super) options: BlockOptions,
    pub(super) symbols: Symbols,
    /// Pair numbers of all series, one after the other.
    pub(super) pairs: Vec<u32>,
    pub(super) series: Vec<AddedSeries>,
    pub(super) columns: Vec<AddedColumn>,
    pub(super) timelines: Timelines,
    pub(super) lists: Vec<AddedList>,
    pub(super) metadata: BTreeMap<String, Vec<Metadata>>,
    pub(super) spill: Spill<D>,
    encoder: Encoder,
    buffer: Vec<u8>,
}

/// A series waiting in the spill.
#[derive(Clone, Copy, Debug)]
pub(super) struct AddedSeries {
    /// Where its pair numbers begin and end.
    pub(super) pairs: (u64, u32),
    pub(super) samples: u32,
    /// Its entries in `columns`, ascending by segment; the first is of segment 0.
    pub(super) columns: (u32, u32),
    /// Its entries in `lists`.
    pub(super) lists: (u32, u32),
}

/// The samples of a series in one segment of its timeline, waiting in the spill.
#[derive(Clone, Copy, Debug)]
pub(super) struct AddedColumn {
    pub(super) column: Extent,
    pub(super) segment: u32,
    /// First and last float sample; `None` when there is none.
    pub(super) times: Option<ClosedRange>,
}

/// Some histograms or exemplars of one series, waiting in the spill.
#[derive(Clone, Copy, Debug)]
pub(super) struct AddedList {
    pub(super) is_histogram: bool,
    pub(super) column: Extent,
    pub(super) count: u32,
    pub(super) times: ClosedRange,
}

impl<D: Disk> BlockBuilder<D> {
    /// A builder for a block of `range`. `scratch` names a file that is created only when memory is not enough, and
    /// removed in any case.
    pub fn create(disk: &D, scratch: &Path, range: BlockRange, options: BlockOptions) -> io::Result<Self> {
        if range.start >= range.end {
            return Err(invalid(format!("a block from {} to {} is empty", range.start, range.end)));
        }
        let scratch: PathBuf = scratch.to_owned();
        Ok(BlockBuilder {
            disk: disk.clone(),
            range,
            options,
            symbols: Symbols::default(),
            pairs: Vec::new(),
            series: Vec::new(),
            columns: Vec::new(),
            timelines: Timelines::new(options.segment_samples),
            lists: Vec::new(),
            metadata: BTreeMap::new(),
            spill: Spill::new(disk, &scratch, options.memory_bytes),
            encoder: Encoder::default(),
            buffer: Vec::new(),
        })
    }

    /// Adds series whose float samples share `timestamps` (strictly ascending, inside the block's range): a scrape target,
    /// or part of one, since equal timestamps are stored once. A label set may be added once. An error leaves the
    /// builder unusable.
    pub fn add_target(&mut self, timestamps: &[TimestampMs], series: &[BlockSeries<'_>]) -> io::Result<()> {
        if !timestamps.is_sorted_by(|a, b| a < b) {
            return Err(invalid("the timestamps of a target do not ascend".to_owned()));
        }
        for t in timestamps.first().into_iter().chain(timestamps.last()) {
            self.check_time(*t)?;
        }
        if self.series.len() + series.len() > u32::MAX as usize {
            return Err(invalid(format!("a block holds at most {} series", u32::MAX)));
        }
        let has_floats = series.iter().any(|s| !s.values.is_empty());
        let timeline = if has_floats { self.timelines.add(timestamps, &mut self.spill)? } else { 0 };
        series.iter().try_for_each(|s| self.add_series(timestamps, timeline, s))
    }

    /// Adds what is known about a metric; repetitions are stored once.
    pub fn add_metadata(&mut self, metric: &str, metadata: &Metadata) {
        let known = self.metadata.entry(metric.to_owned()).or_default();
        if !known.contains(metadata) {
            known.push(metadata.clone());
        }
    }

    fn check_time(&self, t: TimestampMs) -> io::Result<()> {
        if self.range.contains(t) {
            return Ok(());
        }
        let BlockRange { start, end } = self.range;
        Err(invalid(format!("time {t} is outside the block, which covers {start} to {end}")))
    }

    fn add_series(&mut self, timestamps: &[TimestampMs], timeline: u32, series: &BlockSeries<'_>) -> io::Result<()> {
        let runs = match series.presence {
            Presence::All => Some(Runs::all(timestamps.len())),
            Presence::Bitmap(words) => Runs::from_bitmap(words, timestamps.len()),
        };
        let n = series.values.len();
        // A series of histograms alone may say `All` although its target has timestamps.
        let runs = if n == 0 { Some(Runs::all(0)) } else { runs };
        let runs = runs.filter(|runs| runs.count() == n && series.starts.is_none_or(|starts| starts.len() == n));
        let Some(runs) = runs else {
            let labels = &series.labels;
            return Err(invalid(format!("presence, values and start times of {labels} do not agree")));
        };
        let lists = self.add_lists(series)?;
        let columns = self.add_columns(timestamps, timeline, series, &runs)?;
        let start = self.pairs.len();
        self.symbols.intern(&series.labels, &mut self.pairs);
        let pairs = (start as u64, (self.pairs.len() - start) as u32);
        self.series.push(AddedSeries { pairs, samples: n as u32, columns, lists });
        Ok(())
    }

    /// Spills the samples of a series by segment; an entry for segment 0 exists in any case.
    fn add_columns(
        &mut self,
        timestamps: &[TimestampMs],
        timeline: u32,
        series: &BlockSeries<'_>,
        runs: &Runs,
    ) -> io::Result<(u32, u32)> {
        let first = self.columns.len() as u32;
        let BlockBuilder { columns, spill, encoder, buffer, .. } = self;
        let column = Column {
            timestamps,
            timeline,
            runs,
            values: series.values,
            starts: series.starts,
            histograms: !series.histograms.is_empty(),
        };
        column.encode(self.timelines.width(), encoder, buffer, |segment, times, bytes| {
            let column = spill.put(bytes)?;
            columns.push(AddedColumn { column, segment, times });
            Ok(())
        })?;
        Ok((first, self.columns.len() as u32))
    }

    /// Spills histograms and exemplars in pieces of about a page.
    fn add_lists(&mut self, series: &BlockSeries<'_>) -> io::Result<(u32, u32)> {
        let first = self.lists.len() as u32;
        for sample in series.histograms {
            self.check_time(sample.timestamp)?;
        }
        let times = series.histograms.iter().map(|h| h.timestamp);
        if !times.clone().is_sorted_by(|a, b| a < b) || !series.exemplars.is_sorted_by_key(|e| e.timestamp) {
            return Err(invalid(format!("histograms or exemplars of {} do not ascend in time", series.labels)));
        }
        self.add_list(true, series.histograms, |h| h.timestamp, histogram::encode)?;
        self.add_list(false, series.exemplars, |e| e.timestamp, exemplar::encode)?;
        Ok((first, self.lists.len() as u32))
    }

    fn add_list<T>(
        &mut self,
        is_histogram: bool,
        items: &[T],
        time: impl Fn(&T) -> TimestampMs,
        encode: impl Fn(&T, &mut Vec<u8>),
    ) -> io::Result<()> {
        let mut left = items;
        while !left.is_empty() {
            self.buffer.clear();
            let mut times = None;
            let mut count = 0;
            for item in left {
                encode(item, &mut self.buffer);
                widen(&mut times, time(item));
                count += 1;
                if self.buffer.len() >= self.options.page_bytes {
                    break;
                }
            }
            left = &left[count as usize..];
            let column = self.spill.put(&self.buffer)?;
            if let Some(times) = times {
                self.lists.push(AddedList { is_histogram, column, count, times });
            }
        }
        Ok(())
    }
}

pub(super) fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
