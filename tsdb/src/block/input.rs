//! What goes into a block, and what came of it.

use nightjar_model::{BlockRange, ClosedRange, Exemplar, HistogramSample, Labels, TimestampMs};

/// At which of its target's timestamps a series has a float sample.
#[derive(Clone, Copy, Debug)]
pub enum Presence<'a> {
    /// At all of them.
    All,
    /// Bit `i % 64` of word `i / 64` says whether at timestamp `i`. Missing words count as zeros.
    Bitmap(&'a [u64]),
}

/// One series of a target.
#[derive(Clone, Debug)]
pub struct BlockSeries<'a> {
    /// Its labels. A label set occurs once in a block.
    pub labels: Labels,
    /// Where it has float samples.
    pub presence: Presence<'a>,
    /// The float samples, one for each present timestamp.
    pub values: &'a [f64],
    /// When counting began, one for each value (0 = unknown); `None` = unknown for all.
    pub starts: Option<&'a [TimestampMs]>,
    /// Native-histogram samples, ascending in time, inside the block's range.
    pub histograms: &'a [HistogramSample],
    /// Exemplars, ascending in time.
    pub exemplars: &'a [Exemplar],
}

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockSummary {
    /// The interval the block stands for.
    pub range: BlockRange,
    /// First and last sample; `None` when there is no sample.
    pub times: Option<ClosedRange>,
    /// Number of series.
    pub series: u64,
    /// Number of float samples.
    pub samples: u64,
    /// Number of native-histogram samples.
    pub histograms: u64,
    /// Number of exemplars.
    pub exemplars: u64,
    /// Size of the file in bytes.
    pub file_len: u64,
    /// A number that tells this file from every other; part of every checksum.
    pub salt: u64,
}

/// Widens `times` to contain `t`.
pub(super) fn widen(times: &mut Option<ClosedRange>, t: TimestampMs) {
    *times = Some(
        times.map_or(ClosedRange { start: t, end: t }, |r| ClosedRange { start: r.start.min(t), end: r.end.max(t) }),
    );
}
