//! Preparing stored samples: stale markers out, histograms reduced to count and sum where nobody wants buckets.

use std::sync::Arc;

use nightjar_model::storage::{HistogramColumn, SeriesData};
use nightjar_model::{FloatHistogram, is_stale};

use crate::histogram::StatsOnly;

/// Removes stale markers.
pub(crate) fn drop_stale(data: &mut SeriesData) {
    let floats = &mut data.floats;
    // Without a way out in the middle: several values at once.
    if floats.values.iter().fold(false, |stale, v| stale | is_stale(*v)) {
        let kept: Vec<usize> = (0..floats.values.len()).filter(|i| !is_stale(floats.values[*i])).collect();
        floats.timestamps = kept.iter().map(|i| floats.timestamps[*i]).collect();
        floats.starts = floats.starts.as_ref().map(|starts| kept.iter().map(|i| starts[*i]).collect());
        floats.values.retain(|v| !is_stale(*v));
    }
    let histograms = &mut data.histograms;
    if histograms.values.iter().any(|h| h.is_stale()) {
        let keep: Vec<bool> = histograms.values.iter().map(|h| !h.is_stale()).collect();
        let mut kept = keep.iter();
        histograms.timestamps.retain(|_| kept.next() == Some(&true));
        if let Some(starts) = &mut histograms.starts {
            let mut kept = keep.iter();
            starts.retain(|_| kept.next() == Some(&true));
        }
        histograms.values.retain(|h| !h.is_stale());
    }
}

/// Reduces a whole column, stale markers already gone.
pub(crate) fn reduce(histograms: &mut HistogramColumn) {
    let mut stats = StatsOnly::default();
    histograms.values.iter_mut().for_each(|h| *h = Arc::new(stats.next(h)));
}

/// Histograms as instant selectors hand them out: as they are, or reduced.
pub(crate) struct Resets {
    reduced: Option<Vec<Arc<FloatHistogram>>>,
}

impl Resets {
    /// For a whole column, stale markers included.
    pub(crate) fn new(statistics_only: bool, histograms: &HistogramColumn) -> Resets {
        let reduced = statistics_only.then(|| {
            let mut stats = StatsOnly::default();
            histograms.values.iter().map(|h| Arc::new(stats.next(h))).collect()
        });
        Resets { reduced }
    }

    /// Histogram `i` of the column.
    pub(crate) fn at(&self, i: usize, histograms: &HistogramColumn) -> Arc<FloatHistogram> {
        Arc::clone(&self.reduced.as_ref().unwrap_or(&histograms.values)[i])
    }
}
