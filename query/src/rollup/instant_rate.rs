//! `irate` and `idelta`: the change between the last two samples.

use std::sync::Arc;

use nightjar_model::histogram::CounterResetHint;
use nightjar_model::{FloatHistogram, TimestampMs};

use crate::annotations::HistogramOperation;
use crate::eval::Column;
use crate::rollup::start_time::is_start_reset;
use crate::rollup::window::Extent;
use crate::rollup::{Call, Outcome, Window, float};
use crate::value::SampleValue;

/// A sample with its times.
#[derive(Clone, Copy)]
struct Timed<'a> {
    time: TimestampMs,
    start: TimestampMs,
    value: f64,
    histogram: Option<&'a Arc<FloatHistogram>>,
}

/// All steps of a series without histograms and start times.
pub(crate) fn floats(rate: bool, extents: &[Extent], t: &[TimestampMs], v: &[f64], out: &mut Column) {
    for (step, extent) in extents.iter().enumerate().filter(|(_, extent)| extent.len() >= 2) {
        let (i, j) = (extent.to as usize - 2, extent.to as usize - 1);
        let change = if rate && v[j] < v[i] { v[j] } else { v[j] - v[i] };
        out.set(step, if rate { change / ((t[j] - t[i]) as f64 / 1000.0) } else { change });
    }
}

/// `irate` when `rate`, else `idelta`.
pub(crate) fn window(rate: bool, w: &Window<'_>, call: &Call<'_>) -> Outcome {
    let Some((a, b)) = last_two(w) else { return Ok(None) };
    let interval = b.time - a.time;
    if interval == 0 {
        return Ok(None);
    }
    let seconds = interval as f64 / 1000.0;
    let begun_anew = is_start_reset(a.start, a.time, b.start, b.time);
    match (a.histogram, b.histogram) {
        (None, None) => {
            let reset = rate && (b.value < a.value || begun_anew);
            let change = if reset { b.value } else { b.value - a.value };
            float(if rate { change / seconds } else { change })
        }
        (Some(first), Some(last)) => Ok(histograms(rate, first, last, begun_anew, seconds, call)),
        _ => {
            call.notes.mixed_floats_histograms(&call.metric(), call.span);
            Ok(None)
        }
    }
}

fn histograms(
    rate: bool,
    first: &FloatHistogram,
    last: &FloatHistogram,
    begun_anew: bool,
    seconds: f64,
    call: &Call<'_>,
) -> Option<SampleValue> {
    let gauge = |h: &FloatHistogram| h.counter_reset_hint == CounterResetHint::Gauge;
    if rate && (gauge(first) || gauge(last)) {
        call.notes.native_not_counter(&call.metric(), call.span);
    }
    let gauges = gauge(first) && gauge(last);
    if !rate && !gauges {
        call.notes.native_not_gauge(&call.metric(), call.span);
    }
    let mut change = last.clone();
    if !rate || (!begun_anew && !last.detect_reset(first)) {
        match change.subtract(first) {
            Ok(done) if done.bounds_reconciled => {
                call.notes.mismatched_custom_buckets(HistogramOperation::Subtraction, call.span);
            }
            Ok(_) => {}
            Err(_) => {
                call.notes.mixed_exponential_custom(&call.metric(), call.span);
                return None;
            }
        }
    }
    change.counter_reset_hint = CounterResetHint::Gauge;
    change.compact();
    if rate {
        change.divide(seconds);
    }
    Some(change.into())
}

/// The last two samples of either type.
fn last_two<'a>(w: &Window<'a>) -> Option<(Timed<'a>, Timed<'a>)> {
    let start = |st: &[TimestampMs], i: usize| st.get(i).copied().unwrap_or(0);
    let float = |i: usize| Timed { time: w.t[i], start: start(w.st, i), value: w.v[i], histogram: None };
    let histogram = |i: usize| Timed { time: w.ht[i], start: start(w.hst, i), value: 0.0, histogram: Some(&w.h[i]) };
    let (mut f, mut h) = (w.t.len(), w.ht.len());
    let mut back = || {
        if f > 0 && (h == 0 || w.t[f - 1] > w.ht[h - 1]) {
            f -= 1;
            Some(float(f))
        } else if h > 0 {
            h -= 1;
            Some(histogram(h))
        } else {
            None
        }
    };
    let last = back()?;
    Some((back()?, last))
}
