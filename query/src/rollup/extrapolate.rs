//! `rate`, `increase`, `delta`: the change over a window, extrapolated to its ends.

use nightjar_model::TimestampMs;

use crate::eval::Column;
use crate::histogram;
use crate::rollup::reach::{Extrapolation, Extrapolations, Family};
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
    if series.st.is_empty() {
        return edges(family, series, &resets, call.range_seconds, out);
    }
    let (mut reset, mut overlap) = (0, 0);
    let extrapolations = series.timeline.extrapolations(series.spec);
    let (v, st) = (series.v, series.st);
    for (step, extent) in series.timeline.extents.iter().enumerate() {
        if extent.is_empty() {
            continue;
        }
        let times = extrapolations.get(step);
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

/// The usual case: no start times. What a step without two samples comes to does not count.
fn edges(family: Family, series: &FloatSeries<'_>, resets: &[usize], range_seconds: f64, out: &mut Column) {
    let extrapolations = series.timeline.extrapolations(series.spec);
    out.present.clone_from(series.timeline.pairs());
    let mut first = vec![0.0; out.values.len()];
    for stride in series.timeline.strides() {
        let steps = stride.steps.len();
        let (firsts, lasts) = (&series.v[stride.first..][..steps], &series.v[stride.last..][..steps]);
        let changes = out.values[stride.steps.clone()].iter_mut().zip(&mut first[stride.steps.clone()]);
        for ((change, first), (a, b)) in changes.zip(firsts.iter().zip(lasts)) {
            *first = *a;
            *change = b - a;
        }
    }
    add_resets(series, resets, &mut out.values);
    let extrapolate = match family {
        Family { counter: true, per_second: true } => extrapolate::<true, true>,
        Family { counter: true, per_second: false } => extrapolate::<true, false>,
        Family { counter: false, per_second: true } => extrapolate::<false, true>,
        Family { counter: false, per_second: false } => extrapolate::<false, false>,
    };
    extrapolate(&mut out.values, &first, extrapolations, range_seconds);
}

/// Adds what counters had reached before each reset to the changes of the windows that see it, in order.
fn add_resets(series: &FloatSeries<'_>, resets: &[usize], changes: &mut [f64]) {
    let extents = &series.timeline.extents;
    for reset in resets {
        let from = extents.partition_point(|extent| extent.to as usize <= *reset);
        let windows = changes[from..].iter_mut().zip(&extents[from..]);
        for (change, _) in windows.take_while(|(_, extent)| (extent.from as usize) < *reset) {
            *change += series.v[reset - 1];
        }
    }
}

/// Extrapolates changes from first values. Columns only and no branches: several steps at once.
fn extrapolate<const COUNTER: bool, const PER_SECOND: bool>(
    changes: &mut [f64],
    first: &[f64],
    times: &Extrapolations,
    range_seconds: f64,
) {
    let columns = first.iter().zip(&times.sampled).zip(times.to_start.iter().zip(&times.to_end));
    for (change, ((first, sampled), (to_start, to_end))) in changes.iter_mut().zip(columns) {
        let zero = sampled * (first / *change);
        let known = COUNTER & (*change > 0.0) & (*first >= 0.0) & (zero < *to_start);
        let to_start = if known { zero } else { *to_start };
        let factor = (sampled + to_start + to_end) / sampled;
        *change *= if PER_SECOND { factor / range_seconds } else { factor };
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
    // Mostly there is none; that is found out without a branch a value.
    let falls = v.iter().zip(v.iter().skip(1)).fold(false, |falls, (a, b)| falls | (b < a));
    if st.is_empty() && !falls {
        return out;
    }
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
