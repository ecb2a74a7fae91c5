//! Preparing stored samples: stale markers out, histograms reduced to count and sum where nobody wants buckets.

use std::sync::Arc;

use nightjar_model::histogram::CounterResetHint;
use nightjar_model::storage::{HistogramColumn, SeriesData};
use nightjar_model::{FloatHistogram, is_stale};

/// Removes stale markers.
pub(crate) fn drop_stale(data: &mut SeriesData) {
    let floats = &mut data.floats;
    if floats.values.iter().any(|v| is_stale(*v)) {
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

/// A histogram without buckets and with the given hint.
fn bare(h: &FloatHistogram, hint: CounterResetHint) -> Arc<FloatHistogram> {
    Arc::new(FloatHistogram {
        counter_reset_hint: hint,
        schema: h.schema,
        count: h.count,
        sum: h.sum,
        ..FloatHistogram::default()
    })
}

/// What the hint of `h` is when `last` was seen before it.
fn hint_after(h: &FloatHistogram, last: Option<&FloatHistogram>) -> CounterResetHint {
    match (h.counter_reset_hint, last) {
        (CounterResetHint::Unknown, Some(last)) if h.detect_reset(last) => CounterResetHint::Reset,
        (CounterResetHint::Unknown, Some(_)) => CounterResetHint::NotReset,
        (hint, _) => hint,
    }
}

/// Reduces a whole column, stale markers already gone.
pub(crate) fn reduce(histograms: &mut HistogramColumn) {
    let mut last: Option<Arc<FloatHistogram>> = None;
    for h in &mut histograms.values {
        let hint = hint_after(h, last.as_deref());
        let before = Arc::clone(h);
        *h = bare(h, hint);
        last = Some(Arc::new(FloatHistogram { counter_reset_hint: hint, ..(*before).clone() }));
    }
}

/// Histograms as instant selectors hand them out: as they are, or reduced.
pub(crate) struct Resets {
    reduced: Option<Vec<Option<Arc<FloatHistogram>>>>,
}

impl Resets {
    /// For a whole column, stale markers included.
    pub(crate) fn new(statistics_only: bool, histograms: &HistogramColumn) -> Resets {
        let reduced = statistics_only.then(|| {
            let mut last: Option<FloatHistogram> = None;
            let one = |h: &Arc<FloatHistogram>| {
                if h.is_stale() {
                    return None;
                }
                let hint = hint_after(h, last.as_ref());
                last = Some(FloatHistogram { counter_reset_hint: hint, ..(**h).clone() });
                Some(bare(h, hint))
            };
            histograms.values.iter().map(one).collect()
        });
        Resets { reduced }
    }

    /// Histogram `i` of the column.
    pub(crate) fn at(&self, i: usize, histograms: &HistogramColumn) -> Arc<FloatHistogram> {
        let reduced = self.reduced.as_ref().and_then(|reduced| reduced[i].clone());
        reduced.unwrap_or_else(|| Arc::clone(&histograms.values[i]))
    }
}
