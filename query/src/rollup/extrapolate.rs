//! `rate`, `increase`, `delta`: the change over a window, extrapolated to its ends.

use nightjar_model::TimestampMs;

use crate::eval::Column;
use crate::histogram;
use crate::rollup::reach::{Extrapolation, Family};
use crate::rollup::window::{Timeline, WindowSpec};
use crate::rollup::{Call, Outcome, Window, float};
use crate::start_time::{is_start_reset, starts_overlap};

/// The float samples of a series with the windows over them.
pub(crate) struct FloatSeries<'a> {
    pub(crate) spec: &'a WindowSpec,
    pub(crate) timeline: &'a Timeline,
    pub(crate) t: &'a [TimestampMs],
    pub(crate) v: &'a [f64],
    /// Empty = not known or not asked for.
    pub(crate) st: &'a [TimestampMs],
}

/// All steps of a series without histograms.
pub(crate) fn floats(family: Family, series: &FloatSeries<'_>, call: &Call<'_>, out: &mut Column) {
    let resets = if family.counter { resets(series) } else { Vec::new() };
    let overlapping = if family.counter { overlapping(series) } else { Vec::new() };
    if resets.is_empty() && series.st.is_empty() {
        return steady(family, series, call.range_seconds, out);
    }
    let (mut reset, mut overlap) = (0, 0);
    let extrapolations = series.timeline.extrapolations(series.spec);
    let (v, st) = (series.v, series.st);
    for (step, (extent, times)) in series.timeline.extents.iter().zip(extrapolations).enumerate() {
        if extent.is_empty() {
            continue;
        }
        let (first, last) = (extent.from as usize, extent.to as usize - 1);
        let mut change = v[last] - v[first];
        while resets.get(reset).is_some_and(|r| *r <= first) {
            reset += 1;
        }
        for r in resets[reset..].iter().take_while(|r| **r <= last) {
            change += v[r - 1];
        }
        while overlapping.get(overlap).is_some_and(|o| *o <= first) {
            overlap += 1;
        }
        if overlapping.get(overlap).is_some_and(|o| *o <= last) {
            call.notes.start_time_overlap(&call.metric(), call.span);
        }
        let range_end = series.spec.range_end(step);
        let begins = st.get(first).filter(|_| family.counter).copied().unwrap_or(0);
        let factor = if begins != 0 && begins > range_end - series.spec.range_ms && begins < series.t[first] {
            change += v[first];
            from_start(begins, &series.t[extent.range()], range_end)
        } else if first == last {
            continue;
        } else {
            let zero = (family.counter && change > 0.0 && v[first] >= 0.0).then(|| times.sampled * (v[first] / change));
            times.factor(zero)
        };
        let factor = if family.per_second { factor / call.range_seconds } else { factor };
        out.set(step, change * factor);
    }
}

/// The usual case: no resets, no start times.
fn steady(family: Family, series: &FloatSeries<'_>, range_seconds: f64, out: &mut Column) {
    let extrapolations = series.timeline.extrapolations(series.spec);
    let v = series.v;
    out.present.clone_from(series.timeline.pairs());
    for ((value, extent), times) in out.values.iter_mut().zip(&series.timeline.extents).zip(extrapolations) {
        if extent.len() < 2 {
            continue;
        }
        let first = v[extent.from as usize];
        let change = v[extent.to as usize - 1] - first;
        let zero = times.sampled * (first / change);
        let known = family.counter && change > 0.0 && first >= 0.0;
        let to_start = if known && zero < times.to_start { zero } else { times.to_start };
        let factor = (times.sampled + to_start + times.to_end) / times.sampled;
        *value = change * if family.per_second { factor / range_seconds } else { factor };
    }
}

/// The factor when counting began inside the window: no extrapolation to the left.
fn from_start(begins: TimestampMs, times: &[TimestampMs], range_end: TimestampMs) -> f64 {
    let last = times[times.len() - 1];
    let between = Extrapolation::new(times, range_end, 0);
    let sampled = (last - begins) as f64 / 1000.0;
    Extrapolation { sampled, to_start: 0.0, to_end: between.to_end }.factor(None)
}

/// Indices of samples before which the counter was reset.
fn resets(series: &FloatSeries<'_>) -> Vec<usize> {
    let FloatSeries { t, v, st, .. } = series;
    let mut out: Vec<usize> = Vec::new();
    if st.is_empty() {
        out.extend((1..v.len()).filter(|i| v[*i] < v[i - 1]));
    } else {
        out.extend((1..v.len()).filter(|i| v[*i] < v[i - 1] || is_start_reset(st[i - 1], t[i - 1], st[*i], t[*i])));
    }
    out
}

/// Indices of samples whose start time overlaps with the sample before.
fn overlapping(series: &FloatSeries<'_>) -> Vec<usize> {
    let FloatSeries { t, st, .. } = series;
    (1..st.len()).filter(|i| starts_overlap(st[i - 1], t[i - 1], st[*i])).collect()
}

/// One window of a series that has histograms.
pub(crate) fn window(family: Family, w: &Window<'_>, call: &Call<'_>) -> Outcome {
    match (w.v.is_empty(), w.h.is_empty()) {
        (false, false) => {
            call.mixed();
            Ok(None)
        }
        (true, true) => Ok(None),
        (true, false) => call.answer(histogram::rate(w.histograms(), family.kind())),
        (false, true) => single(family, w, call),
    }
}

/// One window of floats.
fn single(family: Family, w: &Window<'_>, call: &Call<'_>) -> Outcome {
    let grid = crate::eval::Grid::instant(w.range_end);
    let range_ms = w.range_end - w.range_start;
    let spec = WindowSpec { grid, at: None, offset_ms: 0, range_ms, before_ms: 0, after_ms: 0 };
    let timeline = Timeline::new(&spec, w.t.into());
    let mut out = Column::new(1);
    floats(family, &FloatSeries { spec: &spec, timeline: &timeline, t: w.t, v: w.v, st: w.st }, call, &mut out);
    out.float(0).map_or(Ok(None), float)
}
