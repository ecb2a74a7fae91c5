//! `changes` and `resets`: how often a series changed its value, or fell.

use nightjar_model::{FloatHistogram, TimestampMs};

use crate::ast::RangeMode;
use crate::eval::Column;
use crate::histogram::is_reset;
use crate::rollup::window::Extent;
use crate::rollup::{Call, Outcome, Window, float};
use crate::start_time::is_start_reset;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Differ {
    /// `changes`
    Change,
    /// `resets`
    Reset,
}

/// All steps of a series without histograms. `st` may be empty.
pub(crate) fn floats(
    extents: &[Extent],
    t: &[TimestampMs],
    v: &[f64],
    st: &[TimestampMs],
    differ: Differ,
    out: &mut Column,
) {
    let differs = |i: usize| match differ {
        Differ::Change => v[i] != v[i - 1] && !(v[i].is_nan() && v[i - 1].is_nan()),
        Differ::Reset => v[i] < v[i - 1] || (!st.is_empty() && is_start_reset(st[i - 1], t[i - 1], st[i], t[i])),
    };
    let mut found = 0u32;
    let before: Vec<u32> = (0..v.len())
        .map(|i| {
            found += u32::from(i > 0 && differs(i));
            found
        })
        .collect();
    for (step, extent) in extents.iter().enumerate().filter(|(_, extent)| !extent.is_empty()) {
        out.set(step, f64::from(before[extent.to as usize - 1] - before[extent.from as usize]));
    }
}

/// One sample of either type.
#[derive(Clone, Copy)]
struct Seen<'a> {
    time: TimestampMs,
    start: TimestampMs,
    value: f64,
    histogram: Option<&'a FloatHistogram>,
}

/// `resets`.
pub(crate) fn resets(w: &Window<'_>, call: &Call<'_>) -> Outcome {
    count(w, call, |a, b| match (a.histogram, b.histogram) {
        (None, None) => b.value < a.value || is_start_reset(a.start, a.time, b.start, b.time),
        (Some(x), Some(y)) => is_reset((a.time, a.start, x), (b.time, b.start, y)),
        _ => true,
    })
}

/// `changes`.
pub(crate) fn changes(w: &Window<'_>, call: &Call<'_>) -> Outcome {
    count(w, call, |a, b| match (a.histogram, b.histogram) {
        (None, None) => a.value != b.value && !(a.value.is_nan() && b.value.is_nan()),
        (Some(x), Some(y)) => !y.equals(x),
        _ => true,
    })
}

/// Number of neighbours for which `differ` answers true.
fn count(w: &Window<'_>, call: &Call<'_>, differ: impl Fn(&Seen<'_>, &Seen<'_>) -> bool) -> Outcome {
    let Some((mut f, mut h)) = first_samples(w, call) else { return Ok(None) };
    let (mut previous, mut found): (Option<Seen<'_>>, u64) = (None, 0);
    while f < w.t.len() || h < w.ht.len() {
        let current = if h >= w.ht.len() || (f < w.t.len() && w.t[f] < w.ht[h]) {
            f += 1;
            let start = w.st.get(f - 1).copied().unwrap_or(0);
            Seen { time: w.t[f - 1], start, value: w.v[f - 1], histogram: None }
        } else {
            h += 1;
            let start = w.hst.get(h - 1).copied().unwrap_or(0);
            Seen { time: w.ht[h - 1], start, value: 0.0, histogram: Some(&w.h[h - 1]) }
        };
        if let Some(previous) = &previous
            && differ(previous, &current)
        {
            found += 1;
        }
        previous = Some(current);
    }
    float(found as f64)
}

/// Where to begin: at the first sample, or for anchored ranges at the last one before the range.
fn first_samples(w: &Window<'_>, call: &Call<'_>) -> Option<(usize, usize)> {
    if call.mode != Some(RangeMode::Anchored) {
        return Some((0, 0));
    }
    let f = w.t.partition_point(|t| *t <= w.range_start);
    let h = w.ht.partition_point(|t| *t <= w.range_start);
    if f >= w.t.len() && h >= w.ht.len() {
        return None;
    }
    Some(match (f.checked_sub(1), h.checked_sub(1)) {
        (None, None) => (0, 0),
        (Some(lf), None) => (lf, h),
        (Some(lf), Some(lh)) if w.t[lf] >= w.ht[lh] => (lf, h),
        (_, Some(lh)) => (f, lh),
    })
}
