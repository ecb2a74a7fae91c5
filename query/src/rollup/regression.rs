//! `deriv`, `predict_linear`: least squares; `double_exponential_smoothing`.

use nightjar_model::TimestampMs;

use crate::kahan::Kahan;
use crate::rollup::series::{Chain, check_factors};
use crate::rollup::{Call, Outcome, Window, float};

/// `deriv`.
pub(crate) fn deriv(w: &Window<'_>, call: &Call<'_>) -> Outcome {
    if !enough(w, call) {
        return Ok(None);
    }
    float(line(w.t, w.v, w.t[0]).0)
}

/// `predict_linear`.
pub(crate) fn predict_linear(w: &Window<'_>, call: &Call<'_>) -> Outcome {
    if !enough(w, call) {
        return Ok(None);
    }
    let (slope, intercept) = line(w.t, w.v, w.time);
    float(slope * call.param(0, w) + intercept)
}

/// `double_exponential_smoothing`.
pub(crate) fn double_exponential_smoothing(w: &Window<'_>, call: &Call<'_>) -> Outcome {
    let (smoothing, trend) = (call.param(0, w), call.param(1, w));
    check_factors(smoothing, trend)?;
    if !enough(w, call) {
        return Ok(None);
    }
    float(Chain::over(w.v, smoothing, trend).finish())
}

/// Whether there are two floats; notes ignored histograms.
fn enough(w: &Window<'_>, call: &Call<'_>) -> bool {
    if !w.v.is_empty() && !w.h.is_empty() {
        call.histograms_ignored();
    }
    w.v.len() >= 2
}

/// Slope per second and value at `intercept` of the line of least squares.
fn line(t: &[TimestampMs], v: &[f64], intercept: TimestampMs) -> (f64, f64) {
    if v.iter().all(|value| *value == v[0]) {
        return if v[0].is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, v[0]) };
    }
    let [mut x, mut y, mut xy, mut xx] = [Kahan::default(); 4];
    let mut n = 0.0;
    for (time, value) in t.iter().zip(v) {
        n += 1.0;
        let at = (time - intercept) as f64 / 1e3;
        x.add(at);
        y.add(*value);
        xy.add(at * value);
        xx.add(at * at);
    }
    let [x, y, xy, xx] = [x.value(), y.value(), xy.value(), xx.value()];
    let slope = (xy - x * y / n) / (xx - x * x / n);
    (slope, y / n - slope * x / n)
}
