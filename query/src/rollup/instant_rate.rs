//! `irate` and `idelta`: the change between the last two samples.

use std::sync::Arc;

use nightjar_model::{FloatHistogram, TimestampMs};

use crate::eval::Column;
use crate::histogram::{InstantKind, instant_rate};
use crate::rollup::window::Extent;
use crate::rollup::{Call, Outcome, Window, float};
use crate::start_time::is_start_reset;

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
    match (a.histogram, b.histogram) {
        (None, None) => {
            let seconds = interval as f64 / 1000.0;
            let reset = rate && (b.value < a.value || is_start_reset(a.start, a.time, b.start, b.time));
            let change = if reset { b.value } else { b.value - a.value };
            float(if rate { change / seconds } else { change })
        }
        (Some(first), Some(last)) => {
            let kind = if rate { InstantKind::Irate } else { InstantKind::Idelta };
            call.answer(instant_rate(kind, (a.time, a.start, first), (b.time, b.start, last)))
        }
        _ => {
            call.notes.mixed_floats_histograms(&call.metric(), call.span);
            Ok(None)
        }
    }
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
