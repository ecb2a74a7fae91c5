//! Comparing answers with expectations, by Prometheus' rules.

use nightjar_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use nightjar_model::{FloatHistogram, Labels, TimestampMs, is_stale};
use nightjar_query::value::{MatrixSeries, SampleValue, Value as Answer, VectorSample};

use crate::script::{Eval, Pattern, When};
use crate::series::{Series, Value};

const EPSILON: f64 = 1e-6;

type Checked = Result<(), String>;

/// Equal within the tolerance; next to zero only if practically equal.
pub fn almost_equal(a: f64, b: f64) -> bool {
    if is_stale(a) || is_stale(b) {
        return is_stale(a) && is_stale(b);
    }
    if (a.is_nan() && b.is_nan()) || a == b {
        return true;
    }
    let (sum, diff) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return diff < EPSILON * f64::MIN_POSITIVE;
    }
    diff / sum.min(f64::MAX) < EPSILON
}

fn histograms_equal(expected: &FloatHistogram, actual: &FloatHistogram, hint: bool) -> bool {
    let compacted = |h: &FloatHistogram| {
        let mut h = h.clone();
        h.compact(0);
        h
    };
    let (a, b) = (compacted(expected), compacted(actual));
    let all_almost = |x: &[f64], y: &[f64]| x.len() == y.len() && x.iter().zip(y).all(|(x, y)| almost_equal(*x, *y));
    a.schema == b.schema
        && (a.schema != CUSTOM_BUCKETS_SCHEMA
            || a.custom_values.as_deref().unwrap_or(&[]) == b.custom_values.as_deref().unwrap_or(&[]))
        && a.zero_threshold == b.zero_threshold
        && almost_equal(a.count, b.count)
        && almost_equal(a.sum, b.sum)
        && almost_equal(a.zero_count, b.zero_count)
        && a.positive_spans == b.positive_spans
        && a.negative_spans == b.negative_spans
        && all_almost(&a.positive_buckets, &b.positive_buckets)
        && all_almost(&a.negative_buckets, &b.negative_buckets)
        && (!hint || a.counter_reset_hint == b.counter_reset_hint)
}

fn check_value(labels: &Labels, expected: Option<&Value>, actual: &SampleValue) -> Checked {
    let equal = match (expected, actual) {
        (Some(Value::Float(e)), SampleValue::Float(a)) => almost_equal(*e, *a),
        (Some(Value::Histogram(e, hint)), SampleValue::Histogram(a)) => histograms_equal(e, a, *hint),
        _ => false,
    };
    if equal { Ok(()) } else { Err(format!("{labels}: expected {expected:?}, got {actual:?}")) }
}

fn expected<'a>(eval: &'a Eval, labels: &Labels) -> Result<(usize, &'a Series), String> {
    let found = eval.series.iter().enumerate().rev().find(|(_, series)| series.labels == *labels);
    found.ok_or_else(|| format!("unexpected series {labels}"))
}

fn check_all_there<'a>(eval: &Eval, mut there: impl FnMut(&Labels) -> bool + 'a) -> Checked {
    match eval.series.iter().find(|series| !there(&series.labels)) {
        Some(series) => Err(format!("series {} is missing", series.labels)),
        None => Ok(()),
    }
}

pub fn check_vector(eval: &Eval, samples: &[VectorSample]) -> Checked {
    if eval.scalar.is_some() {
        return Err("expected a scalar, got a vector".to_owned());
    }
    for (position, sample) in samples.iter().enumerate() {
        let (at, series) = expected(eval, &sample.labels)?;
        if eval.ordered && at != position {
            return Err(format!("{} is at position {position} instead of {at}", sample.labels));
        }
        check_value(&sample.labels, series.values.first().and_then(Option::as_ref), &sample.value)?;
    }
    check_all_there(eval, |labels| samples.iter().any(|sample| sample.labels == *labels))
}

fn check_matrix(eval: &Eval, matrix: &[MatrixSeries]) -> Checked {
    if eval.ordered || eval.scalar.is_some() {
        return Err("got a matrix".to_owned());
    }
    check_sorted(matrix)?;
    let (start, end, step_ms) = match (eval.grid, eval.when) {
        (Some(grid), _) => grid,
        (None, When::Range { start, end, step_ms }) => (start, end, step_ms),
        (None, When::Instant(at)) => (at, at, 1),
    };
    for series in matrix {
        let (_, wanted) = expected(eval, &series.labels)?;
        let times: Vec<(TimestampMs, &Value)> = wanted
            .values
            .iter()
            .enumerate()
            .filter_map(|(i, value)| Some((start + i as i64 * step_ms, value.as_ref()?)))
            .collect();
        if start + (wanted.values.len() as i64 - 1) * step_ms > end {
            return Err(format!("{}: more points expected than the range has", series.labels));
        }
        let points = points(series);
        if points.len() != times.len() || points.iter().zip(&times).any(|(a, b)| a.0 != b.0) {
            return Err(format!("{}: expected points {times:?}, got {points:?}", series.labels));
        }
        for ((t, value), (_, actual)) in times.iter().zip(&points) {
            check_value(&series.labels, Some(value), actual).map_err(|e| format!("at {t}: {e}"))?;
        }
    }
    check_all_there(eval, |labels| matrix.iter().any(|series| series.labels == *labels))
}

/// All points of a series, ascending.
pub fn points(series: &MatrixSeries) -> Vec<(TimestampMs, SampleValue)> {
    let floats = series.floats.iter().map(|(t, v)| (*t, SampleValue::Float(*v)));
    let histograms = series.histograms.iter().map(|(t, h)| (*t, SampleValue::Histogram(h.clone())));
    let mut points: Vec<_> = floats.chain(histograms).collect();
    points.sort_by_key(|point| point.0);
    points
}

pub fn check_sorted(matrix: &[MatrixSeries]) -> Checked {
    if matrix.is_sorted_by(|a, b| a.labels <= b.labels) { Ok(()) } else { Err("matrix is not sorted".to_owned()) }
}

pub fn check_scalar(eval: &Eval, value: f64) -> Checked {
    match eval.scalar {
        Some(expected) if almost_equal(expected, value) => Ok(()),
        other => Err(format!("expected {other:?}, got scalar {value}")),
    }
}

pub fn check_answer(eval: &Eval, answer: &Answer) -> Checked {
    match answer {
        Answer::Scalar(_, value) => check_scalar(eval, *value),
        Answer::String(_, text) if eval.string.as_ref() == Some(text) => Ok(()),
        Answer::String(_, text) => Err(format!("expected {:?}, got string {text:?}", eval.string)),
        Answer::Vector(samples) => check_vector(eval, samples),
        Answer::Matrix(matrix) => check_matrix(eval, matrix),
    }
}

pub fn check_notes(eval: &Eval, warnings: &[String], infos: &[String]) -> Checked {
    let kinds = [
        ("warning", &eval.warn, eval.some_warn, eval.no_warn, warnings),
        ("info", &eval.info, eval.some_info, eval.no_info, infos),
    ];
    for (kind, expected, some, none, notes) in kinds {
        if (none && !notes.is_empty()) || (some && notes.is_empty()) {
            return Err(format!("{kind}s: {notes:?}"));
        }
        check_patterns(expected, notes).map_err(|e| format!("{kind}s: {e}"))?;
    }
    Ok(())
}

fn check_patterns(expected: &[Pattern], notes: &[String]) -> Checked {
    if let Some(pattern) = expected.iter().find(|pattern| !notes.iter().any(|note| pattern.matches(note))) {
        return Err(format!("nothing like {pattern:?} in {notes:?}"));
    }
    match notes.iter().find(|note| !expected.iter().any(|pattern| pattern.matches(note))) {
        Some(note) if !expected.is_empty() => Err(format!("unexpected {note:?}")),
        _ => Ok(()),
    }
}
