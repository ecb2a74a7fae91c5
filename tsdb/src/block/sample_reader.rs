//! Samples of series in a range of time.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;
use nightjar_model::storage::{FloatColumn, HistogramColumn, SeriesData};
use nightjar_model::{ClosedRange, HistogramSample, TimestampMs};
use nightjar_platform::Disk;

use super::builder::{HAS_HISTOGRAMS, HAS_STARTS, PRESENCE_MASK, PRESENT_ALL, PRESENT_NONE, PRESENT_RUNS};
use super::cache::CacheKey;
use super::entries::Entries;
use super::error::BlockError;
use super::listing::read_all;
use super::presence::Runs;
use super::reader::Block;
use super::section::Kind;
use crate::bytes::{Corrupt, Cursor};
use crate::codec::column::{decode_i64, decode_prefix};
use crate::codec::histogram;

/// Cache kind of decoded timelines and parts of them; page kinds are small.
const TIMES: u8 = 0x80;

impl<D: Disk> Block<D> {
    /// Appends the samples of each of `ids` (ascending is fastest) with times in `range`, one entry an id; nothing for
    /// an id that is not one of this block. On an error `out` is as before.
    pub fn read(&self, ids: &[u32], range: ClosedRange, out: &mut Vec<SeriesData>) -> Result<(), BlockError> {
        let before = out.len();
        let mut reader = SampleReader::new(self, range);
        for id in ids {
            match reader.series(*id) {
                Ok(data) => out.push(data),
                Err(e) => {
                    out.truncate(before);
                    return Err(e);
                }
            }
        }
        Ok(())
    }

    /// Like [`Block::read`], but what lies on damaged pages is left out instead of failing. Answers how many series
    /// miss something; [`Block::damage`] then says why. Fails only when the disk does.
    pub fn read_intact(&self, ids: &[u32], range: ClosedRange, out: &mut Vec<SeriesData>) -> Result<usize, BlockError> {
        let before = out.len();
        let mut reader = SampleReader::new(self, range);
        let mut missing = 0;
        for id in ids {
            match reader.series(*id) {
                Ok(data) => out.push(data),
                Err(BlockError::Damaged(_)) => {
                    missing += 1;
                    out.push(SeriesData::default());
                }
                Err(e) => {
                    out.truncate(before);
                    return Err(e);
                }
            }
        }
        Ok(missing)
    }
}

/// One call's memory of pages and timelines.
struct SampleReader<'b, D: Disk> {
    block: &'b Block<D>,
    range: ClosedRange,
    page: Option<(usize, Arc<Entries>)>,
    windows: HashMap<u32, Window>,
    shared: HashMap<(u32, usize, usize), Arc<[TimestampMs]>>,
}

/// A timeline and the positions inside the range.
#[derive(Clone)]
struct Window {
    times: Arc<[TimestampMs]>,
    inside: Range<usize>,
}

/// What the cache holds of timelines.
struct CachedTimes(Arc<[TimestampMs]>);

impl<'b, D: Disk> SampleReader<'b, D> {
    fn new(block: &'b Block<D>, range: ClosedRange) -> SampleReader<'b, D> {
        SampleReader { block, range, page: None, windows: HashMap::new(), shared: HashMap::new() }
    }

    fn series(&mut self, id: u32) -> Result<SeriesData, BlockError> {
        let mut data = SeriesData::default();
        if id >= self.block.series() {
            return Ok(data);
        }
        let histograms = self.floats(id, &mut data.floats)?;
        if histograms {
            self.histograms(id, &mut data.histograms)?;
        }
        Ok(data)
    }

    fn overlaps(&self, kind: Kind, page: usize) -> bool {
        let place = self.block.page_ref(kind, page);
        self.range.start <= place.max && place.min <= self.range.end
    }

    /// Reads the float column; answers whether the series may have histograms.
    fn floats(&mut self, id: u32, out: &mut FloatColumn) -> Result<bool, BlockError> {
        let kind = Kind::Columns;
        let any_histograms = !self.block.directory.section(Kind::Histograms).pages.is_empty();
        let Some(number) = self.block.directory.section(kind).page_of(id) else { return Ok(false) };
        if !self.overlaps(kind, number) {
            return Ok(any_histograms);
        }
        if self.page.as_ref().is_none_or(|(known, _)| *known != number) {
            self.page = Some((number, self.block.page(kind, number)?));
        }
        let Some((_, entries)) = self.page.clone() else { return Ok(false) };
        let Some(entry) = entries.find(id).next() else { return Ok(false) };
        let bytes = entries.get(entry);
        let corrupt = |e| self.block.corrupt(kind, number, e);
        let mut cursor = Cursor::new(bytes);
        let flags = cursor.u8("column flags").map_err(corrupt)?;
        if flags & PRESENCE_MASK != PRESENT_NONE {
            let timeline = cursor.varint("timeline").map_err(corrupt)?;
            let window = self.window(timeline, number)?;
            let part = Part { flags, cursor, window };
            match part.decode().map_err(|e| self.block.corrupt(kind, number, e))? {
                Some((runs, window, values, starts)) => {
                    *out = FloatColumn { timestamps: self.timestamps(timeline as u32, &window, &runs), values, starts };
                }
                None => *out = FloatColumn::default(),
            }
        }
        Ok(flags & HAS_HISTOGRAMS != 0)
    }

    /// A timeline and what of it lies inside the range.
    fn window(&mut self, timeline: u64, page: usize) -> Result<Window, BlockError> {
        let known = u32::try_from(timeline).ok().filter(|t| *t < self.block.directory.timelines);
        let Some(timeline) = known else {
            return Err(self.block.corrupt(Kind::Columns, page, Corrupt { what: "timeline number", at: 0 }));
        };
        if let Some(window) = self.windows.get(&timeline) {
            return Ok(window.clone());
        }
        let times = self.block.timeline(timeline)?;
        let start = times.partition_point(|t| *t < self.range.start);
        let end = times.partition_point(|t| *t <= self.range.end).max(start);
        let window = Window { times, inside: start..end };
        self.windows.insert(timeline, window.clone());
        Ok(window)
    }

    /// The times of some runs of a timeline; one allocation for all series that have the same single run.
    fn timestamps(&mut self, timeline: u32, window: &Window, runs: &Runs) -> Arc<[TimestampMs]> {
        let times = &window.times;
        match runs.as_slice() {
            [run] if run.len() == times.len() => times.clone(),
            [run] => {
                let part = self.shared.entry((timeline, run.start, run.end));
                part.or_insert_with(|| self.block.timeline_part(timeline, times, run.clone())).clone()
            }
            runs => runs.iter().flat_map(|run| times[run.clone()].iter().copied()).collect(),
        }
    }

    fn histograms(&self, id: u32, out: &mut HistogramColumn) -> Result<(), BlockError> {
        let kind = Kind::Histograms;
        let mut samples: Vec<HistogramSample> = Vec::new();
        let pages = self.block.directory.section(kind).pages_with(id);
        if !pages.clone().any(|page| self.overlaps(kind, page)) {
            return Ok(());
        }
        self.block.each_entry(kind, id, |bytes| read_all(bytes, histogram::decode, &mut samples))?;
        samples.retain(|s| self.range.contains(s.timestamp));
        out.timestamps = samples.iter().map(|s| s.timestamp).collect();
        if samples.iter().any(|s| s.start != 0) {
            out.starts = Some(samples.iter().map(|s| s.start).collect());
        }
        out.values = samples.into_iter().map(|s| Arc::new(s.histogram)).collect();
        Ok(())
    }
}

/// A column entry after its timeline number.
struct Part<'a> {
    flags: u8,
    cursor: Cursor<'a>,
    window: Window,
}

type Decoded = (Runs, Window, Vec<f64>, Option<Arc<[TimestampMs]>>);

impl Part<'_> {
    /// The samples inside the window; `None` when there are none.
    fn decode(mut self) -> Result<Option<Decoded>, Corrupt> {
        let n = self.window.times.len();
        let runs = match self.flags & PRESENCE_MASK {
            PRESENT_ALL => Runs::all(n),
            PRESENT_RUNS => Runs::decode(&mut self.cursor, n)?,
            _ => return Err(self.cursor.corrupt("presence")),
        };
        let total = runs.count();
        let (runs, before) = runs.clip(self.window.inside.clone());
        let wanted = before..before + runs.count();
        if wanted.is_empty() {
            return Ok(None);
        }
        let mut starts = None;
        if self.flags & HAS_STARTS != 0 {
            let mut all = Vec::new();
            decode_i64(&mut self.cursor, total, &mut all)?;
            starts = Some(Arc::from(&all[wanted.clone()]));
        }
        let mut values = Vec::new();
        decode_prefix(self.cursor.rest(), total, wanted.end, &mut values)?;
        values.drain(..wanted.start);
        Ok(Some((runs, self.window, values, starts)))
    }
}

impl<D: Disk> Block<D> {
    fn times_key(&self, timeline: u32, part: Range<usize>) -> CacheKey {
        let part = (part.start as u32, part.end as u32);
        CacheKey { salt: self.trailer.salt, kind: TIMES, number: timeline, part }
    }

    /// All timestamps of a timeline.
    fn timeline(&self, timeline: u32) -> Result<Arc<[TimestampMs]>, BlockError> {
        let key = self.times_key(timeline, 0..0);
        if let Some(cached) = self.cache.get::<CachedTimes>(key) {
            return Ok(cached.0.clone());
        }
        let range = self.range();
        let most = range.end.abs_diff(range.start).min(u64::from(u32::MAX));
        let mut times = Vec::new();
        self.each_entry(Kind::Timelines, timeline, |bytes| {
            let mut cursor = Cursor::new(bytes);
            let corrupt = cursor.corrupt("timeline");
            let n = cursor.varint("timeline")?;
            // Times ascend inside the block, so there cannot be more than milliseconds.
            if n > most {
                return Err(corrupt);
            }
            decode_i64(&mut cursor, n as usize, &mut times)?;
            if times.is_sorted_by(|a, b| a < b) { Ok(()) } else { Err(corrupt) }
        })?;
        let times: Arc<[TimestampMs]> = times.into();
        self.cache.put(key, Arc::new(CachedTimes(times.clone())), 8 * times.len());
        Ok(times)
    }

    /// Some consecutive timestamps of a timeline, shared between calls.
    fn timeline_part(&self, timeline: u32, times: &[TimestampMs], part: Range<usize>) -> Arc<[TimestampMs]> {
        let key = self.times_key(timeline, part.clone());
        if let Some(cached) = self.cache.get::<CachedTimes>(key) {
            return cached.0.clone();
        }
        let times: Arc<[TimestampMs]> = times[part].into();
        self.cache.put(key, Arc::new(CachedTimes(times.clone())), 8 * times.len());
        times
    }
}
