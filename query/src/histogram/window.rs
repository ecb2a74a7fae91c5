//! The samples a range function looks at.

use std::sync::Arc;

use nightjar_model::{FloatHistogram, TimestampMs};

/// Histogram samples in a range, ascending in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'a> {
    /// When the samples were taken, one per histogram.
    pub(crate) times: &'a [TimestampMs],
    /// The samples.
    pub(crate) histograms: &'a [Arc<FloatHistogram>],
    /// When their counting began, 0 = unknown; empty where start timestamps are not to be used.
    pub(crate) starts: &'a [TimestampMs],
    /// Where the range begins, exclusive: evaluation time - offset - range.
    pub(crate) range_start: TimestampMs,
    /// Where the range ends, inclusive: evaluation time - offset.
    pub(crate) range_end: TimestampMs,
}

/// What is asked about a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RangeKind {
    /// `rate`: how much a counter grew per second.
    Rate,
    /// `increase`: how much a counter grew.
    Increase,
    /// `delta`: how much a gauge changed.
    Delta,
}

impl RangeKind {
    /// Whether resets have to be made up for.
    pub(crate) fn is_counter(self) -> bool {
        self != RangeKind::Delta
    }
}

impl<'a> Window<'a> {
    /// The samples with their times.
    pub(super) fn points(
        self,
    ) -> impl DoubleEndedIterator<Item = (TimestampMs, &'a FloatHistogram)> + ExactSizeIterator {
        self.times.iter().copied().zip(self.histograms.iter().map(Arc::as_ref))
    }

    /// Sample `i`.
    pub(super) fn at(self, i: usize) -> (TimestampMs, &'a FloatHistogram) {
        (self.times[i], &self.histograms[i])
    }

    /// Start timestamps of sample `i` and the one before it, if they are to be used.
    pub(super) fn starts_around(self, i: usize) -> Option<(TimestampMs, TimestampMs)> {
        Some((*self.starts.get(i - 1)?, *self.starts.get(i)?))
    }

    /// Length of the range in seconds, as Go divides durations.
    pub(super) fn range_seconds(self) -> f64 {
        let length = self.range_end - self.range_start;
        (length / 1000) as f64 + ((length % 1000) * 1_000_000) as f64 / 1e9
    }

    /// As many samples as there are of both kinds.
    pub(super) fn len(self) -> usize {
        self.times.len().min(self.histograms.len())
    }
}
