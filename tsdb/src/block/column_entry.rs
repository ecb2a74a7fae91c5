//! The float samples of one series in one segment of its timeline: flags, timeline, presence, start times, values.

use std::io;
use std::ops::Range;

use nightjar_model::{ClosedRange, TimestampMs};

use super::presence::Runs;
use crate::bytes::{Corrupt, Cursor, put_varint};
use crate::codec::column::{Encoder, decode_i64, decode_prefix, stale_at};

/// Bits of the first byte: how presence is spelled.
const PRESENCE_MASK: u8 = 3;
/// At every timestamp.
const PRESENT_ALL: u8 = 0;
/// In runs.
const PRESENT_RUNS: u8 = 1;
/// Nowhere; nothing follows.
const PRESENT_NONE: u8 = 2;
/// Set when start timestamps are stored.
const HAS_STARTS: u8 = 4;
/// Set when the series has native histograms.
const HAS_HISTOGRAMS: u8 = 8;

/// What an entry says.
#[derive(Clone, Debug)]
pub(super) struct ColumnEntry<'a> {
    /// Number of the timeline segment.
    pub(super) timeline: u32,
    /// Number of timestamps of the segment.
    pub(super) timestamps: usize,
    /// Where the samples are.
    pub(super) runs: Runs,
    /// The samples.
    pub(super) values: &'a [f64],
    /// When counting began, one for each value.
    pub(super) starts: Option<&'a [TimestampMs]>,
    /// Whether the series has native histograms, in whatever segment.
    pub(super) histograms: bool,
}

impl ColumnEntry<'_> {
    /// Appends the entry.
    pub(super) fn encode(&self, encoder: &mut Encoder, out: &mut Vec<u8>) {
        let starts = self.starts.filter(|starts| starts.iter().any(|s| *s != 0));
        let presence = match (self.values.len(), self.runs.is_all(self.timestamps)) {
            (0, _) => PRESENT_NONE,
            (_, true) => PRESENT_ALL,
            (_, false) => PRESENT_RUNS,
        };
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        out.push(presence | flag(starts.is_some(), HAS_STARTS) | flag(self.histograms, HAS_HISTOGRAMS));
        if presence == PRESENT_NONE {
            return;
        }
        put_varint(u64::from(self.timeline), out);
        if presence == PRESENT_RUNS {
            self.runs.encode(encoder, out);
        }
        if let Some(starts) = starts {
            encoder.integers(starts, out);
        }
        encoder.floats(self.values, out);
    }
}

/// The float samples of one series on a whole timeline.
pub(super) struct Column<'a> {
    /// All timestamps of the timeline.
    pub(super) timestamps: &'a [TimestampMs],
    /// Number of its first segment.
    pub(super) timeline: u32,
    /// At which of them the samples are.
    pub(super) runs: &'a Runs,
    /// The samples.
    pub(super) values: &'a [f64],
    /// When counting began, one for each value.
    pub(super) starts: Option<&'a [TimestampMs]>,
    /// Whether the series has native histograms.
    pub(super) histograms: bool,
}

impl Column<'_> {
    /// Hands segment, times and bytes of each entry to `put`: one for segment 0 in any case, others where there are
    /// samples. `width` is the number of timestamps in a segment.
    pub(super) fn encode(
        &self,
        width: usize,
        encoder: &mut Encoder,
        buffer: &mut Vec<u8>,
        mut put: impl FnMut(u32, Option<ClosedRange>, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        for segment in 0..self.timestamps.len().div_ceil(width).max(1) {
            let start = segment * width;
            let times = &self.timestamps[start..self.timestamps.len().min(start + width)];
            let (own, before) = self.runs.clip(start..start + times.len());
            let own = own.shifted_down(start);
            let samples = before..before + own.count();
            if samples.is_empty() && segment > 0 {
                continue;
            }
            let entry = ColumnEntry {
                timeline: self.timeline + segment as u32,
                timestamps: times.len(),
                values: &self.values[samples.clone()],
                starts: self.starts.map(|starts| &starts[samples]),
                histograms: self.histograms,
                runs: own,
            };
            buffer.clear();
            entry.encode(encoder, buffer);
            let bounds = entry.runs.as_slice().first().zip(entry.runs.as_slice().last());
            let times = bounds.map(|(a, b)| ClosedRange { start: times[a.start], end: times[b.end - 1] });
            put(segment as u32, times, buffer)?;
        }
        Ok(())
    }
}

/// An entry of which flags and timeline are read.
#[derive(Debug)]
pub(super) struct OpenEntry<'a> {
    flags: u8,
    cursor: Cursor<'a>,
    /// The timeline segment; `None` without float samples.
    pub(super) timeline: Option<u64>,
}

impl<'a> OpenEntry<'a> {
    /// Reads the beginning of an entry.
    pub(super) fn open(bytes: &'a [u8]) -> Result<OpenEntry<'a>, Corrupt> {
        let mut cursor = Cursor::new(bytes);
        let flags = cursor.u8("column flags")?;
        let timeline = match flags & PRESENCE_MASK {
            PRESENT_NONE => None,
            _ => Some(cursor.varint("timeline")?),
        };
        Ok(OpenEntry { flags, cursor, timeline })
    }

    /// Whether the series has native histograms.
    pub(super) fn histograms(&self) -> bool {
        self.flags & HAS_HISTOGRAMS != 0
    }

    /// Whether the last sample at the positions `window` of a segment of `timestamps` positions is a stale marker; `None`
    /// when there is none.
    pub(super) fn newest_is_stale(&self, timestamps: usize, window: Range<usize>) -> Result<Option<bool>, Corrupt> {
        let mut cursor = self.cursor.clone();
        let (total, newest) = match self.flags & PRESENCE_MASK {
            PRESENT_ALL => (timestamps, window.end - 1),
            PRESENT_RUNS => {
                let runs = Runs::decode(&mut cursor, timestamps)?;
                let total = runs.count();
                let (runs, before) = runs.clip(window);
                match runs.count() {
                    0 => return Ok(None),
                    seen => (total, before + seen - 1),
                }
            }
            _ => return Err(cursor.corrupt("presence")),
        };
        if self.flags & HAS_STARTS != 0 {
            decode_i64(&mut cursor, total, &mut Vec::new())?;
        }
        stale_at(cursor.rest(), total, newest).map(Some)
    }

    /// Appends the samples at the positions `inside` of a segment of `timestamps` positions, and answers where they are.
    /// `starts` is kept as long as `values` once it is needed.
    pub(super) fn read(
        mut self,
        timestamps: usize,
        inside: Range<usize>,
        values: &mut Vec<f64>,
        starts: &mut Vec<TimestampMs>,
    ) -> Result<Runs, Corrupt> {
        let runs = match self.flags & PRESENCE_MASK {
            PRESENT_ALL => Runs::all(timestamps),
            PRESENT_RUNS => Runs::decode(&mut self.cursor, timestamps)?,
            _ => return Err(self.cursor.corrupt("presence")),
        };
        let total = runs.count();
        let (runs, before) = runs.clip(inside);
        let wanted = before..before + runs.count();
        if wanted.is_empty() {
            return Ok(runs);
        }
        let base = values.len();
        if self.flags & HAS_STARTS != 0 {
            let mut all = Vec::new();
            decode_i64(&mut self.cursor, total, &mut all)?;
            starts.resize(base, 0);
            starts.extend_from_slice(&all[wanted.clone()]);
        }
        decode_prefix(self.cursor.rest(), total, wanted.end, values)?;
        values.drain(base..base + wanted.start);
        Ok(runs)
    }
}
