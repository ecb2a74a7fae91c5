//! `anchored` and `smoothed` ranges: values at the very ends of the range, no extrapolation.

use nightjar_model::TimestampMs;

use crate::ast::RangeMode;
use crate::histogram::extended_rate;
use crate::rollup::reach::Family;
use crate::rollup::{Call, Outcome, Window, float};

/// `rate`, `increase`, `delta` over one window.
pub(crate) fn window(family: Family, w: &Window<'_>, call: &Call<'_>) -> Outcome {
    match (w.v.is_empty(), w.h.is_empty()) {
        (false, false) => {
            call.mixed();
            Ok(None)
        }
        (true, true) => Ok(None),
        (true, false) => {
            let smoothed = call.mode == Some(RangeMode::Smoothed);
            call.answer(extended_rate(w.histograms(), family.kind(), smoothed))
        }
        (false, true) => change(family, w, call).map_or(Ok(None), float),
    }
}

/// The samples between which a range is measured.
#[derive(Clone, Copy, Debug)]
struct Ends {
    first: usize,
    last: usize,
}

impl Ends {
    /// For a range `(start, end]` over `t`, not empty; `None` when nothing is known about the range.
    fn of(t: &[TimestampMs], start: TimestampMs, end: TimestampMs, smoothed: bool) -> Option<Ends> {
        let mut last = t.len() - 1;
        let first = t[..last].partition_point(|t| *t <= start).saturating_sub(1);
        if smoothed {
            last = t[..last].partition_point(|t| *t < end);
        }
        let outside = t[last] <= start || (smoothed && t[first] > end);
        (!outside).then_some(Ends { first, last })
    }
}

/// Value at `at` on the line through samples `i` and `i + 1`; a counter that fell between them rose from 0.
fn between(t: &[TimestampMs], v: &[f64], i: usize, at: TimestampMs, counter: bool) -> f64 {
    let from = if counter && v[i + 1] < v[i] { 0.0 } else { v[i] };
    from + (v[i + 1] - from) * (at - t[i]) as f64 / (t[i + 1] - t[i]) as f64
}

/// Value at the left end of a range.
fn left(t: &[TimestampMs], v: &[f64], i: usize, start: TimestampMs, smoothed: bool, counter: bool) -> f64 {
    if smoothed && t[i] < start { between(t, v, i, start, counter) } else { v[i] }
}

/// Value at the right end of a range.
fn right(t: &[TimestampMs], v: &[f64], i: usize, end: TimestampMs, smoothed: bool, counter: bool) -> f64 {
    if smoothed && i > 0 && t[i] > end { between(t, v, i - 1, end, counter) } else { v[i] }
}

fn change(family: Family, w: &Window<'_>, call: &Call<'_>) -> Option<f64> {
    let smoothed = call.mode == Some(RangeMode::Smoothed);
    let Ends { first, last } = Ends::of(w.t, w.range_start, w.range_end, smoothed)?;
    let left = left(w.t, w.v, first, w.range_start, smoothed, family.counter);
    let right = right(w.t, w.v, last, w.range_end, smoothed, family.counter);
    let mut change = right - left;
    if family.counter {
        let from = first + usize::from(w.t[first] <= w.range_start);
        let to = last + usize::from(w.t[last] < w.range_end);
        change += resets(left, w.v.get(from..to).unwrap_or(&[]), right);
    }
    Some(if family.per_second { change / call.range_seconds } else { change })
}

/// What a counter had counted before each reset.
fn resets(left: f64, between: &[f64], right: f64) -> f64 {
    let (mut correction, mut previous) = (0.0, left);
    for value in between.iter().chain([&right]) {
        if *value < previous {
            correction += previous;
        }
        previous = *value;
    }
    correction
}

/// A range with points at its very ends, as a range selector by itself answers.
pub(crate) fn with_ends(
    t: &[TimestampMs],
    v: &[f64],
    start: TimestampMs,
    end: TimestampMs,
    smoothed: bool,
) -> Vec<(TimestampMs, f64)> {
    if t.is_empty() {
        return Vec::new();
    }
    let mut last = t.len() - 1;
    let first = t[..last].partition_point(|t| *t <= start).saturating_sub(1);
    if smoothed {
        last = t[..last].partition_point(|t| *t < end);
    }
    if t[last] <= start {
        return Vec::new();
    }
    let from = first + usize::from(t[first] <= start);
    let to = (last + usize::from(t[last] < end)).max(from);
    let inside = t[from..to].iter().copied().zip(v[from..to].iter().copied());
    std::iter::once((start, left(t, v, first, start, smoothed, false)))
        .chain(inside)
        .chain([(end, right(t, v, last, end, smoothed, false))])
        .collect()
}

/// `smoothed` instant selector: the value at `at`, on the line between its neighbours, or carried forward.
pub(crate) fn smoothed_at(t: &[TimestampMs], v: &[f64], at: TimestampMs) -> Option<f64> {
    let i = t.partition_point(|t| *t < at);
    match t.get(i) {
        Some(exact) if *exact == at => Some(v[i]),
        Some(_) if i > 0 => Some(between(t, v, i - 1, at, false)),
        None if i > 0 => Some(v[i - 1]),
        _ => None,
    }
}
