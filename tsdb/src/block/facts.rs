//! What is known about each series without reading its samples: labels, first and last time, number of samples.
//!
//! A page holds up to [`PAGE_SERIES`] consecutive series. Labels are pair numbers (see `symbols`), stored by position: all
//! first labels, all second labels, and so on, which makes neighbours nearly equal.

use nightjar_model::{ClosedRange, TimestampMs};

use crate::bytes::{Corrupt, Cursor, put_varint};
use crate::codec::column::{Encoder, decode_i64};

/// The most series on a page.
const PAGE_SERIES: usize = 1024;
/// A page is full with so many labels.
const PAGE_LABELS: usize = 1 << 16;

/// A page being filled.
#[derive(Debug, Default)]
pub(super) struct FactsBuilder {
    label_counts: Vec<i64>,
    pairs: Vec<u32>,
    mins: Vec<i64>,
    maxs: Vec<i64>,
    samples: Vec<i64>,
    histograms: Vec<i64>,
    encoder: Encoder,
}

impl FactsBuilder {
    /// Number of series so far.
    pub(super) fn len(&self) -> usize {
        self.label_counts.len()
    }

    /// Whether the next series belongs on another page.
    pub(super) fn is_full(&self) -> bool {
        self.len() >= PAGE_SERIES || self.pairs.len() >= PAGE_LABELS
    }

    /// Adds a series. `pairs` ascend.
    pub(super) fn push(&mut self, pairs: &[u32], times: Option<ClosedRange>, samples: u64, histograms: u64) {
        self.label_counts.push(pairs.len() as i64);
        self.pairs.extend_from_slice(pairs);
        let times = times.unwrap_or(ClosedRange { start: 1, end: 0 });
        self.mins.push(times.start);
        self.maxs.push(times.end);
        self.samples.push(samples as i64);
        self.histograms.push(histograms as i64);
    }

    /// Appends the page to `out` and starts the next.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        let FactsBuilder { label_counts, pairs, mins, maxs, samples, histograms, encoder } = self;
        put_varint(label_counts.len() as u64, out);
        encoder.integers(label_counts, out);
        let most = label_counts.iter().copied().max().unwrap_or(0);
        let mut column = Vec::new();
        for position in 0..most {
            column.clear();
            let mut start = 0;
            for count in label_counts.iter() {
                if position < *count {
                    column.push(i64::from(pairs[start + position as usize]));
                }
                start += *count as usize;
            }
            encoder.integers(&column, out);
        }
        for column in [&*mins, maxs, samples, histograms] {
            encoder.integers(column, out);
        }
        for column in [label_counts, mins, maxs, samples, histograms] {
            column.clear();
        }
        pairs.clear();
    }
}

/// A page being read.
#[derive(Debug)]
pub(super) struct Facts {
    pairs: Vec<u32>,
    ends: Vec<u32>,
    times: Vec<(TimestampMs, TimestampMs)>,
}

impl Facts {
    /// Reads a page; pair numbers must be below `pair_count`.
    pub(super) fn parse(bytes: &[u8], pair_count: u32) -> Result<Facts, Corrupt> {
        Ok(Facts::parse_all(bytes, pair_count)?.0)
    }

    /// Reads a page with the numbers of float samples and of histograms of each series.
    pub(super) fn parse_all(bytes: &[u8], pair_count: u32) -> Result<(Facts, Vec<i64>, Vec<i64>), Corrupt> {
        const WHAT: &str = "series facts";
        let mut cursor = Cursor::new(bytes);
        let corrupt = cursor.corrupt(WHAT);
        let n = usize::try_from(cursor.varint(WHAT)?).ok().filter(|n| *n <= PAGE_SERIES).ok_or(corrupt)?;
        let mut counts = Vec::new();
        decode_i64(&mut cursor, n, &mut counts)?;
        let most = counts.iter().copied().max().unwrap_or(0);
        // Every position takes at least two bytes, so this bounds the room reserved below.
        if counts.iter().any(|c| *c < 0) || most as usize > cursor.remaining() / 2 {
            return Err(corrupt);
        }
        let mut end = 0u32;
        let mut ends = Vec::with_capacity(n);
        for count in &counts {
            end = end.checked_add(*count as u32).ok_or(corrupt)?;
            ends.push(end);
        }
        if end as usize > PAGE_LABELS + most as usize {
            return Err(corrupt);
        }
        let mut pairs = vec![0; end as usize];
        let mut column = Vec::new();
        for position in 0..most {
            column.clear();
            decode_i64(&mut cursor, counts.iter().filter(|c| **c > position).count(), &mut column)?;
            let owners = (0..n).filter(|i| counts[*i] > position);
            for (i, pair) in owners.zip(&column) {
                let slot = ends[i] as usize - counts[i] as usize + position as usize;
                pairs[slot] = u32::try_from(*pair).ok().filter(|p| *p < pair_count).ok_or(corrupt)?;
                if position > 0 && pairs[slot - 1] >= pairs[slot] {
                    return Err(corrupt);
                }
            }
        }
        let mut columns: [Vec<i64>; 4] = Default::default();
        for column in &mut columns {
            decode_i64(&mut cursor, n, column)?;
        }
        cursor.finish(WHAT)?;
        let [mins, maxs, samples, histograms] = columns;
        Ok((Facts { pairs, ends, times: mins.into_iter().zip(maxs).collect() }, samples, histograms))
    }

    /// Number of series.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Pair numbers of series `i`, ascending; empty past the end.
    pub(super) fn pairs(&self, i: usize) -> &[u32] {
        let Some(end) = self.ends.get(i) else { return &[] };
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.pairs[start as usize..*end as usize]
    }

    /// First and last sample of series `i`; `None` without samples.
    pub(super) fn times(&self, i: usize) -> Option<ClosedRange> {
        let (start, end) = *self.times.get(i)?;
        (start <= end).then_some(ClosedRange { start, end })
    }

    /// Bytes held in memory.
    pub(super) fn weight(&self) -> usize {
        4 * self.pairs.len() + 20 * self.ends.len()
    }
}
