//! `anchored` and `smoothed` ranges of native histograms.

use std::sync::Arc;

use nightjar_model::histogram::{Combined, CounterResetHint, IncompatibleBuckets};
use nightjar_model::{FloatHistogram, TimestampMs};

use super::Ends;
use crate::annotations::{HistogramOperation, Notes};
use crate::ast::{RangeMode, Span};
use crate::rollup::reach::Family;
use crate::rollup::{Call, Window};

/// One window of histograms.
pub(super) fn window(family: Family, w: &Window<'_>, call: &Call<'_>) -> Option<FloatHistogram> {
    let smoothed = call.mode == Some(RangeMode::Smoothed);
    let Ends { first, last } = Ends::of(w.ht, w.range_start, w.range_end, smoothed)?;
    if !check(family, &w.h[first..=last], call) {
        return None;
    }
    let at = |i: usize, t| {
        interpolate([&w.h[i], &w.h[i + 1]], [w.ht[i], w.ht[i + 1]], t, family.counter, call.notes, call.span)
    };
    let left = if smoothed && w.ht[first] < w.range_start {
        incompatible(at(first, w.range_start), call)?
    } else {
        FloatHistogram::clone(&w.h[first])
    };
    let right = if smoothed && last > 0 && w.ht[last] > w.range_end {
        incompatible(at(last - 1, w.range_end), call)?
    } else {
        FloatHistogram::clone(&w.h[last])
    };
    let gauge = |h: &FloatHistogram| h.counter_reset_hint == CounterResetHint::Gauge;
    let gauges = gauge(&left) && gauge(&right);
    if !family.counter && !gauges {
        call.notes.native_not_gauge(&call.metric(), call.span);
    }
    let mut change = right.clone();
    let subtracted = change.subtract(&left);
    noted(incompatible(subtracted, call)?, HistogramOperation::Subtraction, call.notes, call.span);
    if family.counter
        && let Some(correction) = correction(w, Ends { first, last }, &left, &right, smoothed, call)?
    {
        let added = change.add(&correction);
        noted(incompatible(added, call)?, HistogramOperation::Addition, call.notes, call.span);
    }
    if family.per_second {
        change.divide(call.range_seconds);
    }
    change.counter_reset_hint = CounterResetHint::Gauge;
    change.compact();
    Some(change)
}

/// Whether the histograms fit together; notes gauges among counters.
fn check(family: Family, h: &[Arc<FloatHistogram>], call: &Call<'_>) -> bool {
    for one in h {
        if one.uses_custom_buckets() != h[0].uses_custom_buckets() {
            call.notes.mixed_exponential_custom(&call.metric(), call.span);
            return false;
        }
        if family.counter && one.counter_reset_hint == CounterResetHint::Gauge {
            call.notes.native_not_counter(&call.metric(), call.span);
        }
    }
    true
}

/// The histogram at `t` between two; a counter that was reset between them rose from nothing.
pub(crate) fn interpolate(
    h: [&FloatHistogram; 2],
    times: [TimestampMs; 2],
    t: TimestampMs,
    counter: bool,
    notes: &Notes,
    span: Span,
) -> Result<FloatHistogram, IncompatibleBuckets> {
    if let Some(i) = times.iter().position(|time| *time == t) {
        return Ok(h[i].clone());
    }
    let fraction = (t - times[0]) as f64 / (times[1] - times[0]) as f64;
    let mut result = h[1].clone();
    if counter && h[1].detect_reset(h[0]) {
        result.multiply(fraction);
        return Ok(result);
    }
    noted(result.subtract(h[0])?, HistogramOperation::Subtraction, notes, span);
    result.multiply(fraction);
    noted(result.add(h[0])?, HistogramOperation::Addition, notes, span);
    Ok(result)
}

/// What the counter had counted before each reset; outer `None` when histograms do not fit together.
fn correction(
    w: &Window<'_>,
    ends: Ends,
    left: &FloatHistogram,
    right: &FloatHistogram,
    smoothed: bool,
    call: &Call<'_>,
) -> Option<Option<FloatHistogram>> {
    let (mut from, mut previous) = (ends.first + 1, left);
    if smoothed
        && w.ht[ends.first] < w.range_start
        && w.h.get(from).is_some_and(|second| second.detect_reset(&w.h[ends.first]))
    {
        previous = &w.h[from];
        from += 1;
    }
    if from > ends.last {
        return Some(None);
    }
    let mut correction: Option<FloatHistogram> = None;
    for h in w.h[from..ends.last].iter().map(|h| &**h).chain([right]) {
        if h.detect_reset(previous) {
            match &mut correction {
                None => correction = Some(previous.clone()),
                Some(sum) => {
                    let added = sum.add(previous);
                    noted(incompatible(added, call)?, HistogramOperation::Addition, call.notes, call.span);
                }
            }
        }
        previous = h;
    }
    Some(correction)
}

fn noted(done: Combined, operation: HistogramOperation, notes: &Notes, span: Span) {
    if done.bounds_reconciled {
        notes.mismatched_custom_buckets(operation, span);
    }
}

fn incompatible<T>(result: Result<T, IncompatibleBuckets>, call: &Call<'_>) -> Option<T> {
    if result.is_err() {
        call.notes.mixed_exponential_custom(&call.metric(), call.span);
    }
    result.ok()
}
