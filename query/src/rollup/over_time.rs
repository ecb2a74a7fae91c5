//! `*_over_time`: folds of the values of a window.

use std::sync::Arc;

use nightjar_model::TimestampMs;

use crate::histogram::{avg_over_time, sum_over_time};
use crate::kahan::{Kahan, Mean};
use crate::quantile::quantile;
use crate::rollup::{Call, Outcome, Window, float};
use crate::value::SampleValue;

/// `avg_over_time` of floats.
pub(crate) fn average(_: &[TimestampMs], v: &[f64]) -> f64 {
    let mut mean = Mean::new(v[0]);
    v[1..].iter().for_each(|value| mean.add(*value));
    mean.value()
}

/// `sum_over_time` of floats.
pub(crate) fn sum(_: &[TimestampMs], v: &[f64]) -> f64 {
    let mut sum = Kahan::default();
    v.iter().for_each(|value| sum.add(*value));
    if sum.sum.is_infinite() { sum.sum } else { sum.value() }
}

/// `avg_over_time` of histograms.
pub(crate) fn average_histograms(w: &Window<'_>, call: &Call<'_>) -> Outcome {
    call.answer(avg_over_time(w.h))
}

/// `sum_over_time` of histograms.
pub(crate) fn sum_histograms(w: &Window<'_>, call: &Call<'_>) -> Outcome {
    call.answer(sum_over_time(w.h))
}

/// `max_over_time`; NaN only when there is nothing else.
pub(crate) fn max(_: &[TimestampMs], v: &[f64]) -> f64 {
    v.iter().copied().fold(v[0], |max, value| if value > max || max.is_nan() { value } else { max })
}

/// `min_over_time`; NaN only when there is nothing else.
pub(crate) fn min(_: &[TimestampMs], v: &[f64]) -> f64 {
    v.iter().copied().fold(v[0], |min, value| if value < min || min.is_nan() { value } else { min })
}

/// `ts_of_max_over_time`: seconds of the last greatest value.
pub(crate) fn time_of_max(t: &[TimestampMs], v: &[f64]) -> f64 {
    time_of(t, v, |value, best| value >= best)
}

/// `ts_of_min_over_time`: seconds of the last least value.
pub(crate) fn time_of_min(t: &[TimestampMs], v: &[f64]) -> f64 {
    time_of(t, v, |value, best| value <= best)
}

fn time_of(t: &[TimestampMs], v: &[f64], better: impl Fn(f64, f64) -> bool) -> f64 {
    let (mut best, mut at) = (v[0], t[0]);
    for (time, value) in t.iter().zip(v) {
        if better(*value, best) || best.is_nan() {
            (best, at) = (*value, *time);
        }
    }
    at as f64 / 1000.0
}

/// `stdvar_over_time`.
pub(crate) fn variance(_: &[TimestampMs], v: &[f64]) -> f64 {
    let (mut count, mut mean, mut squares) = (0.0, Kahan::default(), Kahan::default());
    for value in v {
        count += 1.0;
        let delta = value - mean.value();
        mean.add(delta / count);
        squares.add(delta * (value - mean.value()));
    }
    squares.value() / count
}

/// `stddev_over_time`.
pub(crate) fn deviation(t: &[TimestampMs], v: &[f64]) -> f64 {
    variance(t, v).sqrt()
}

/// `mad_over_time`: median distance from the median.
pub(crate) fn median_deviation(_: &[TimestampMs], v: &[f64]) -> f64 {
    if v.iter().any(|value| value.is_nan()) {
        return f64::NAN;
    }
    let mut values = v.to_vec();
    let median = quantile(0.5, &mut values);
    values.iter_mut().for_each(|value| *value = (*value - median).abs());
    quantile(0.5, &mut values)
}

/// `quantile_over_time`.
pub(crate) fn quantile_over_time(w: &Window<'_>, call: &Call<'_>) -> Outcome {
    if w.v.is_empty() {
        return Ok(None);
    }
    let q = call.param(0, w);
    if !(0.0..=1.0).contains(&q) {
        call.notes.invalid_quantile(q, call.span);
    }
    if !w.h.is_empty() {
        call.histograms_ignored();
    }
    float(quantile(q, &mut w.v.to_vec()))
}

/// `count_over_time`.
pub(crate) fn count(w: &Window<'_>, _: &Call<'_>) -> Outcome {
    float((w.v.len() + w.h.len()) as f64)
}

/// `count_over_time` of buckets, and histograms that are not in any.
pub(crate) fn count_buckets(w: &Window<'_>, _: &Call<'_>) -> Outcome {
    float(w.v.iter().sum::<f64>() + w.h.len() as f64)
}

/// `present_over_time`, and `absent_over_time` before it is turned round.
pub(crate) fn present(_: &Window<'_>, _: &Call<'_>) -> Outcome {
    float(1.0)
}

/// `first_over_time`.
pub(crate) fn first(w: &Window<'_>, _: &Call<'_>) -> Outcome {
    Ok(match (w.t.first(), w.ht.first()) {
        (Some(f), Some(h)) if f < h => Some(SampleValue::Float(w.v[0])),
        (_, Some(_)) => Some(SampleValue::Histogram(Arc::clone(&w.h[0]))),
        (Some(_), None) => Some(SampleValue::Float(w.v[0])),
        (None, None) => None,
    })
}

/// `last_over_time`.
pub(crate) fn last(w: &Window<'_>, _: &Call<'_>) -> Outcome {
    Ok(match (w.t.last(), w.ht.last()) {
        (Some(f), Some(h)) if h < f => w.v.last().copied().map(SampleValue::Float),
        (_, Some(_)) => w.h.last().cloned().map(SampleValue::Histogram),
        (Some(_), None) => w.v.last().copied().map(SampleValue::Float),
        (None, None) => None,
    })
}

/// `ts_of_first_over_time`.
pub(crate) fn time_of_first(w: &Window<'_>, _: &Call<'_>) -> Outcome {
    let first = w.t.first().into_iter().chain(w.ht.first()).min();
    first.map_or(Ok(None), |t| float(*t as f64 / 1000.0))
}

/// `ts_of_last_over_time`.
pub(crate) fn time_of_last(w: &Window<'_>, _: &Call<'_>) -> Outcome {
    let last = w.t.last().into_iter().chain(w.ht.last()).max();
    last.map_or(Ok(None), |t| float(*t as f64 / 1000.0))
}
