//! Samples of series in a range of time.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;
use nightjar_model::storage::{FloatColumn, HistogramColumn, SeriesData};
use nightjar_model::{ClosedRange, HistogramSample, TimestampMs};
use nightjar_platform::Disk;

use super::cache::CacheKey;
use super::column_entry::OpenEntry;
use super::entries::Entries;
use super::error::BlockError;
use super::listing::read_all;
use super::presence::Runs;
use super::reader::Block;
use super::section::{Kind, MAX_SEGMENT_SAMPLES};
use crate::bytes::{Corrupt, Cursor};
use crate::codec::column::decode_i64;
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
pub(super) struct SampleReader<'b, D: Disk> {
    block: &'b Block<D>,
    range: ClosedRange,
    /// Where the samples read last came from.
    pieces: Vec<Piece>,
    segments: Vec<Segment>,
    windows: HashMap<u32, Window>,
    shared: HashMap<Stretch, Arc<[TimestampMs]>>,
}

/// The pages of one segment of all timelines.
struct Segment {
    pages: Range<usize>,
    /// The page last read.
    page: Option<(usize, Arc<Entries>)>,
}

/// A timeline segment and the positions inside the range.
#[derive(Clone)]
struct Window {
    times: Arc<[TimestampMs]>,
    inside: Range<usize>,
}

/// Consecutive timestamps: from a position of one timeline segment to before a position of the same or a later one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Stretch {
    first: u32,
    start: usize,
    last: u32,
    end: usize,
}

/// What was read of one segment.
struct Piece {
    timeline: u32,
    times: Arc<[TimestampMs]>,
    runs: Runs,
}

/// What the cache holds of timelines.
struct CachedTimes(Arc<[TimestampMs]>);

impl<'b, D: Disk> SampleReader<'b, D> {
    /// A reader of samples in `range`.
    pub(super) fn new(block: &'b Block<D>, range: ClosedRange) -> SampleReader<'b, D> {
        let runs = block.directory.section(Kind::Columns).runs();
        let segments = runs.map(|pages| Segment { pages, page: None }).collect();
        SampleReader { block, range, pieces: Vec::new(), segments, windows: HashMap::new(), shared: HashMap::new() }
    }

    fn series(&mut self, id: u32) -> Result<SeriesData, BlockError> {
        let mut data = SeriesData::default();
        if id < self.block.series() && self.floats(id, &mut data.floats)? {
            self.histograms(id, &mut data.histograms)?;
        }
        Ok(data)
    }

    /// Reads the float samples of a series of this block into an empty column; whether it may have histograms.
    pub(super) fn floats(&mut self, id: u32, out: &mut FloatColumn) -> Result<bool, BlockError> {
        // Only the first segment says whether there are histograms.
        let mut histograms = !self.block.directory.section(Kind::Histograms).pages.is_empty();
        let mut starts = Vec::new();
        let mut pieces = std::mem::take(&mut self.pieces);
        pieces.clear();
        for segment in 0..self.segments.len() {
            let said = self.segment(segment, id, &mut out.values, &mut starts, &mut pieces)?;
            histograms &= segment > 0 || said.unwrap_or(true);
        }
        pieces.retain(|piece| !piece.runs.as_slice().is_empty());
        out.timestamps = self.timestamps(&pieces);
        self.pieces = pieces;
        if !starts.is_empty() {
            starts.resize(out.values.len(), 0);
            out.starts = Some(starts.into());
        }
        Ok(histograms)
    }

    /// The timeline segments in which the series read last had samples: number and all timestamps.
    pub(super) fn timelines(&self) -> impl Iterator<Item = (u32, &Arc<[TimestampMs]>)> {
        self.pieces.iter().map(|piece| (piece.timeline, &piece.times))
    }

    fn overlaps(&self, kind: Kind, page: usize) -> bool {
        let place = self.block.page_ref(kind, page);
        self.range.start <= place.max && place.min <= self.range.end
    }

    /// Reads the samples of one segment; answers whether the series has histograms, if it had to look.
    fn segment(
        &mut self,
        segment: usize,
        id: u32,
        values: &mut Vec<f64>,
        starts: &mut Vec<TimestampMs>,
        pieces: &mut Vec<Piece>,
    ) -> Result<Option<bool>, BlockError> {
        let kind = Kind::Columns;
        let run = self.segments[segment].pages.clone();
        let Some(number) = self.block.directory.section(kind).page_in(run, id) else { return Ok(None) };
        if !self.overlaps(kind, number) {
            return Ok(None);
        }
        let entries = match &self.segments[segment].page {
            Some((known, entries)) if *known == number => entries.clone(),
            _ => self.block.page::<Entries>(kind, number)?,
        };
        self.segments[segment].page = Some((number, entries.clone()));
        let Some(place) = entries.find(id).next() else { return Ok(None) };
        let corrupt = |e| self.block.corrupt(kind, number, e);
        let entry = OpenEntry::open(entries.get(place)).map_err(corrupt)?;
        let histograms = entry.histograms();
        if let Some(timeline) = entry.timeline {
            let (timeline, window) = self.window(timeline, number)?;
            if !window.inside.is_empty() {
                let read = entry.read(window.times.len(), window.inside, values, starts);
                let runs = read.map_err(|e| self.block.corrupt(kind, number, e))?;
                pieces.push(Piece { timeline, times: window.times, runs });
            }
        }
        Ok(Some(histograms))
    }

    /// A timeline segment and what of it lies inside the range.
    fn window(&mut self, timeline: u64, page: usize) -> Result<(u32, Window), BlockError> {
        let timeline = self.block.timeline_number(timeline, page)?;
        if let Some(window) = self.windows.get(&timeline) {
            return Ok((timeline, window.clone()));
        }
        let times = self.block.timeline(timeline)?;
        let start = times.partition_point(|t| *t < self.range.start);
        let end = times.partition_point(|t| *t <= self.range.end).max(start);
        let window = Window { times, inside: start..end };
        self.windows.insert(timeline, window.clone());
        Ok((timeline, window))
    }

    /// The times of all pieces; one allocation for all series that have the same without a gap.
    fn timestamps(&mut self, pieces: &[Piece]) -> Arc<[TimestampMs]> {
        let Some(stretch) = stretch(pieces) else { return joined(pieces) };
        if let [piece] = pieces
            && piece.runs.is_all(piece.times.len())
        {
            return piece.times.clone();
        }
        let shared = self.shared.entry(stretch);
        shared.or_insert_with(|| self.block.shared_times(stretch, pieces)).clone()
    }

    fn histograms(&self, id: u32, out: &mut HistogramColumn) -> Result<(), BlockError> {
        let samples = self.histogram_samples(id)?;
        out.timestamps = samples.iter().map(|s| s.timestamp).collect();
        if samples.iter().any(|s| s.start != 0) {
            out.starts = Some(samples.iter().map(|s| s.start).collect());
        }
        out.values = samples.into_iter().map(|s| Arc::new(s.histogram)).collect();
        Ok(())
    }

    /// The histograms of a series, as they were written.
    pub(super) fn histogram_samples(&self, id: u32) -> Result<Vec<HistogramSample>, BlockError> {
        let kind = Kind::Histograms;
        let mut samples: Vec<HistogramSample> = Vec::new();
        let pages = self.block.directory.section(kind).pages_with(id);
        if pages.clone().any(|page| self.overlaps(kind, page)) {
            self.block.each_entry(kind, id, |bytes| read_all(bytes, histogram::decode, &mut samples))?;
            samples.retain(|s| self.range.contains(s.timestamp));
        }
        Ok(samples)
    }
}

/// The stretch the pieces make up; `None` when there is a gap in or between them, or no piece.
fn stretch(pieces: &[Piece]) -> Option<Stretch> {
    let mut stretch: Option<Stretch> = None;
    for (i, piece) in pieces.iter().enumerate() {
        let [run] = piece.runs.as_slice() else { return None };
        let Stretch { first, start, last, .. } =
            stretch.unwrap_or(Stretch { first: piece.timeline, start: run.start, last: piece.timeline, end: 0 });
        let continues = i == 0 || (piece.timeline == last + 1 && run.start == 0);
        let goes_on = i + 1 == pieces.len() || run.end == piece.times.len();
        if !continues || !goes_on {
            return None;
        }
        stretch = Some(Stretch { first, start, last: piece.timeline, end: run.end });
    }
    stretch
}

/// All times of the pieces.
fn joined(pieces: &[Piece]) -> Arc<[TimestampMs]> {
    let runs = pieces.iter().flat_map(|p| p.runs.as_slice().iter().map(|run| &p.times[run.clone()]));
    let runs: Vec<&[TimestampMs]> = runs.collect();
    runs.concat().into()
}

impl<D: Disk> Block<D> {
    fn times_key(&self, stretch: Stretch) -> CacheKey {
        let Stretch { first, start, last, end } = stretch;
        let part = (start as u32, end as u32);
        CacheKey { salt: self.trailer.salt, kind: TIMES, number: first, part, last }
    }

    /// The number of a timeline segment that stands on a page of columns.
    pub(super) fn timeline_number(&self, number: u64, page: usize) -> Result<u32, BlockError> {
        let known = u32::try_from(number).ok().filter(|t| *t < self.directory.timelines);
        known.ok_or_else(|| self.corrupt(Kind::Columns, page, Corrupt { what: "timeline number", at: 0 }))
    }

    /// All timestamps of a timeline segment.
    pub(super) fn timeline(&self, timeline: u32) -> Result<Arc<[TimestampMs]>, BlockError> {
        let key = self.times_key(Stretch { first: timeline, start: 0, last: timeline, end: 0 });
        if let Some(cached) = self.cache.get::<CachedTimes>(key) {
            return Ok(cached.0.clone());
        }
        let mut times = Vec::new();
        self.each_entry(Kind::Timelines, timeline, |bytes| {
            let mut cursor = Cursor::new(bytes);
            let corrupt = cursor.corrupt("timeline");
            let n = cursor.varint("timeline")?;
            if n > MAX_SEGMENT_SAMPLES as u64 {
                return Err(corrupt);
            }
            decode_i64(&mut cursor, n as usize, &mut times)?;
            if times.is_sorted_by(|a, b| a < b) { Ok(()) } else { Err(corrupt) }
        })?;
        let times: Arc<[TimestampMs]> = times.into();
        self.cache.put(key, Arc::new(CachedTimes(times.clone())), 8 * times.len());
        Ok(times)
    }

    /// The timestamps of a stretch, shared between calls.
    fn shared_times(&self, stretch: Stretch, pieces: &[Piece]) -> Arc<[TimestampMs]> {
        let key = self.times_key(stretch);
        if let Some(cached) = self.cache.get::<CachedTimes>(key) {
            return cached.0.clone();
        }
        let times = joined(pieces);
        self.cache.put(key, Arc::new(CachedTimes(times.clone())), 8 * times.len());
        times
    }
}
