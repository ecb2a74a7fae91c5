//! `rate`, `increase`, `delta` of native histograms.

use std::sync::Arc;

use nightjar_model::FloatHistogram;
use nightjar_model::histogram::{Combined, CounterResetHint, IncompatibleBuckets};

use crate::annotations::HistogramOperation;
use crate::rollup::reach::{Extrapolation, Family};
use crate::rollup::start_time::{is_start_reset, overlaps};
use crate::rollup::{Call, Window};

/// One window of histograms.
pub(super) fn window(family: Family, w: &Window<'_>, call: &Call<'_>) -> Option<FloatHistogram> {
    let mut change = if w.h.len() > 1 { Some(change(family, w, call)?) } else { None };
    let times = Extrapolation::new(w.ht, w.range_end, w.range_end - w.range_start);
    let begins = w.hst.first().filter(|_| family.counter).copied().unwrap_or(0);
    let factor = if begins != 0 && begins > w.range_start && begins < w.ht[0] {
        match &mut change {
            None => change = Some(FloatHistogram::clone(&w.h[0])),
            Some(change) => {
                if !noted(change.add(&w.h[0]), HistogramOperation::Addition, call) {
                    return None;
                }
            }
        }
        super::from_start(begins, w.ht, w.range_end)
    } else {
        let count = change.as_ref()?.count;
        let zero =
            (family.counter && count > 0.0 && w.h[0].count >= 0.0).then(|| times.sampled * (w.h[0].count / count));
        times.factor(zero)
    };
    let mut change = change?;
    change.multiply(if family.per_second { factor / call.range_seconds } else { factor });
    Some(change)
}

/// Notes what happened when two histograms were combined; false when they could not be.
fn noted(result: Result<Combined, IncompatibleBuckets>, operation: HistogramOperation, call: &Call<'_>) -> bool {
    match result {
        Ok(Combined { bounds_reconciled, .. }) => {
            if bounds_reconciled {
                call.notes.mismatched_custom_buckets(operation, call.span);
            }
            true
        }
        Err(IncompatibleBuckets) => {
            call.notes.mixed_exponential_custom(&call.metric(), call.span);
            false
        }
    }
}

/// The change from first to last histogram, resets added. Needs two.
fn change(family: Family, w: &Window<'_>, call: &Call<'_>) -> Option<FloatHistogram> {
    let (first, last) = (&w.h[0], &w.h[w.h.len() - 1]);
    let gauge = |h: &FloatHistogram| h.counter_reset_hint == CounterResetHint::Gauge;
    if family.counter && w.h.iter().any(|h| gauge(h)) {
        call.notes.native_not_counter(&call.metric(), call.span);
    }
    let started_anew = |i: usize| w.hst.len() > i && is_start_reset(w.hst[i - 1], w.ht[i - 1], w.hst[i], w.ht[i]);
    let mut previous: Arc<FloatHistogram> = Arc::clone(first);
    if family.counter && (started_anew(1) || w.h[1].detect_reset(first)) {
        // The first sample does not count then; an empty one takes its place.
        previous = Arc::new(FloatHistogram {
            schema: w.h[1].schema,
            custom_values: w.h[1].custom_values.clone(),
            ..FloatHistogram::default()
        });
    }
    let custom = previous.uses_custom_buckets();
    let between = if family.counter { &w.h[1..w.h.len() - 1] } else { &[] };
    if between.iter().chain([last]).any(|h| h.uses_custom_buckets() != custom) {
        call.notes.mixed_exponential_custom(&call.metric(), call.span);
        return None;
    }
    let schema = between.iter().map(|h| h.schema).chain([last.schema, previous.schema]).min()?;
    let mut change = last.at_schema(schema);
    if !noted(change.subtract(&previous), HistogramOperation::Subtraction, call) {
        return None;
    }
    if family.counter {
        note_overlap(w, call);
        for (i, h) in w.h.iter().enumerate().skip(1) {
            if (started_anew(i) || h.detect_reset(&previous))
                && !noted(change.add(&previous), HistogramOperation::Addition, call)
            {
                return None;
            }
            previous = Arc::clone(h);
        }
    } else if !gauge(first) || !gauge(last) {
        call.notes.native_not_gauge(&call.metric(), call.span);
    }
    change.counter_reset_hint = CounterResetHint::Gauge;
    change.compact();
    Some(change)
}

fn note_overlap(w: &Window<'_>, call: &Call<'_>) {
    if (1..w.hst.len()).any(|i| overlaps(w.hst[i - 1], w.ht[i - 1], w.hst[i])) {
        call.notes.start_time_overlap(&call.metric(), call.span);
    }
}
