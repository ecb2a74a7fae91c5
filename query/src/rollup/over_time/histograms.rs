//! Sum and average of the histograms of a window.

use nightjar_model::FloatHistogram;
use nightjar_model::histogram::{CounterResetHint, HistogramSum, IncompatibleBuckets};

use crate::annotations::HistogramOperation;
use crate::eval::average::HistogramMean;
use crate::rollup::{Call, Outcome, Window};

/// `sum_over_time` of histograms.
pub(crate) fn sum(w: &Window<'_>, call: &Call<'_>) -> Outcome {
    let mut sum = HistogramSum::new(&w.h[0]);
    folded(w, call, |h| Ok(sum.add(h)?.bounds_reconciled)).map_or(Ok(None), |()| Ok(Some(sum.finish().into())))
}

/// `avg_over_time` of histograms.
pub(crate) fn average(w: &Window<'_>, call: &Call<'_>) -> Outcome {
    let mut mean = HistogramMean::new(&w.h[0]);
    folded(w, call, |h| mean.add(h)).map_or(Ok(None), |()| Ok(Some(mean.finish().into())))
}

/// Feeds all histograms but the first to `add`, which answers whether bounds were reconciled; notes what happened.
fn folded(
    w: &Window<'_>,
    call: &Call<'_>,
    mut add: impl FnMut(&FloatHistogram) -> Result<bool, IncompatibleBuckets>,
) -> Option<()> {
    let mut reconciled = false;
    for h in &w.h[1..] {
        match add(h) {
            Ok(this) => reconciled |= this,
            Err(IncompatibleBuckets) => {
                call.notes.mixed_exponential_custom(&call.metric(), call.span);
                return None;
            }
        }
    }
    let hinted = |hint| w.h.iter().any(|h| h.counter_reset_hint == hint);
    if hinted(CounterResetHint::Reset) && hinted(CounterResetHint::NotReset) {
        call.notes.counter_reset_collision(HistogramOperation::Aggregation, call.span);
    }
    if reconciled {
        call.notes.mismatched_custom_buckets(HistogramOperation::Aggregation, call.span);
    }
    Some(())
}
