//! `rate`, `increase` and `delta` on native histograms.

use nightjar_model::FloatHistogram;
use nightjar_model::histogram::CounterResetHint;

use super::note::{Note, Noted, Operation, note};
use super::window::{RangeKind, Window};
use crate::start_time::{is_start_reset, starts_overlap};

/// `rate`, `increase` or `delta` of the histograms in a range, extrapolated to its ends as those of floats are, with
/// the count in the role of the value. `None`: too few samples, or such that do not fit together.
pub(crate) fn rate(window: Window<'_>, kind: RangeKind) -> Noted<Option<FloatHistogram>> {
    let mut notes = Vec::new();
    let samples = window.len();
    if samples == 0 {
        return Noted::plain(None);
    }
    let mut grown = None;
    if samples > 1 {
        grown = growth(window, kind.is_counter(), &mut notes);
        if grown.is_none() {
            return Noted::new(None, notes);
        }
    }
    let first = window.at(0).1;
    let begin =
        window.starts.first().copied().filter(|start| {
            kind.is_counter() && *start != 0 && *start > window.range_start && *start < window.times[0]
        });
    let (mut histogram, factor) = match (begin, grown) {
        // Counting began inside the range: from zero at that time on, the first sample is growth, too.
        (Some(begin), grown) => {
            let histogram = match grown {
                None => first.clone(),
                Some(mut sum) => {
                    if !combine(&mut sum, first, Operation::Addition, &mut notes) {
                        return Noted::new(None, notes);
                    }
                    sum
                }
            };
            (histogram, extrapolation(window, Some(begin), 0.0))
        }
        (None, None) => return Noted::new(None, notes),
        (None, Some(grown)) => {
            // A counter cannot have been negative, so it did not grow at this pace before it was zero.
            let to_zero = if kind.is_counter() && grown.count > 0.0 && first.count >= 0.0 {
                first.count / grown.count
            } else {
                f64::INFINITY
            };
            let factor = extrapolation(window, None, to_zero);
            (grown, factor)
        }
    };
    let factor = if kind == RangeKind::Rate { factor / window.range_seconds() } else { factor };
    histogram.mul(factor);
    Noted::new(Some(histogram), notes)
}

/// How much longer the range is than what the samples cover, going by their usual distance. `to_zero`: after how many
/// times the covered length back the counter would have been zero.
fn extrapolation(window: Window<'_>, begin: Option<i64>, to_zero: f64) -> f64 {
    let last = window.len() - 1;
    let (first_time, last_time) = (window.times[0], window.times[last]);
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let mut to_start = seconds(first_time - window.range_start);
    let mut to_end = seconds(window.range_end - last_time);
    let mut covered = seconds(last_time - first_time);
    let distance = if last > 0 { covered / last as f64 } else { 0.0 };
    let threshold = distance * 1.1;
    if let Some(begin) = begin {
        to_start = 0.0;
        covered = seconds(last_time - begin);
    } else {
        if to_start >= threshold {
            to_start = distance / 2.0;
        }
        let zero = covered * to_zero;
        if zero < to_start {
            to_start = zero;
        }
    }
    if to_end >= threshold {
        to_end = distance / 2.0;
    }
    if covered == 0.0 { 1.0 } else { (covered + to_start + to_end) / covered }
}

/// Last minus first sample, for counters with everything added that resets took away. At least two samples. `None`:
/// they do not fit together.
fn growth(window: Window<'_>, is_counter: bool, notes: &mut Vec<Note>) -> Option<FloatHistogram> {
    let (first, last) = (window.at(0).1, window.at(window.len() - 1).1);
    if is_counter && is_gauge(first, last) {
        note(notes, Note::NotCounter);
    }
    // After a reset right behind the first sample that one need not fit to the others: it is as good as empty.
    let empty;
    let start = if is_counter && resets_at(window, 1, first) {
        let second = window.at(1).1;
        empty = FloatHistogram {
            schema: second.schema,
            custom_values: second.custom_values.clone(),
            ..FloatHistogram::default()
        };
        &empty
    } else {
        first
    };
    if last.uses_custom_buckets() != start.uses_custom_buckets() {
        note(notes, Note::MixedExponentialCustom);
        return None;
    }
    let schema = lowest_schema(window, is_counter, start, notes)?;
    let mut grown = last.at_schema(schema);
    if !combine(&mut grown, start, Operation::Subtraction, notes) {
        *notes = vec![Note::MixedExponentialCustom];
        return None;
    }
    if is_counter {
        make_up_for_resets(window, start, &mut grown, notes)?;
    } else if first.counter_reset_hint != CounterResetHint::Gauge || last.counter_reset_hint != CounterResetHint::Gauge
    {
        note(notes, Note::NotGauge);
    }
    grown.counter_reset_hint = CounterResetHint::Gauge;
    grown.compact(0);
    Some(grown)
}

fn is_gauge(first: &FloatHistogram, last: &FloatHistogram) -> bool {
    [first, last].iter().any(|h| h.counter_reset_hint == CounterResetHint::Gauge)
}

/// The lowest schema that has to be considered. `None`: a sample in between has buckets of the other kind.
fn lowest_schema(window: Window<'_>, is_counter: bool, start: &FloatHistogram, notes: &mut Vec<Note>) -> Option<i32> {
    let last = window.len() - 1;
    let mut lowest = window.at(last).1.schema.min(start.schema);
    if is_counter {
        for (_, histogram) in window.points().take(last).skip(1) {
            if histogram.counter_reset_hint == CounterResetHint::Gauge {
                note(notes, Note::NotCounter);
            }
            lowest = lowest.min(histogram.schema);
            if histogram.uses_custom_buckets() != start.uses_custom_buckets() {
                *notes = vec![Note::MixedExponentialCustom];
                return None;
            }
        }
    }
    Some(lowest)
}

/// Adds what the samples before a reset had counted.
fn make_up_for_resets(
    window: Window<'_>,
    start: &FloatHistogram,
    grown: &mut FloatHistogram,
    notes: &mut Vec<Note>,
) -> Option<()> {
    let mut previous = start;
    for (i, (_, histogram)) in window.points().enumerate().skip(1) {
        if let Some((before, start)) = window.starts_around(i)
            && starts_overlap(before, window.times[i - 1], start)
        {
            note(notes, Note::StartTimeOverlap);
        }
        if resets_at(window, i, previous) && !combine(grown, previous, Operation::Addition, notes) {
            *notes = vec![Note::MixedExponentialCustom];
            return None;
        }
        previous = histogram;
    }
    Some(())
}

/// Whether the counter began anew before sample `i`, given the histogram before it.
fn resets_at(window: Window<'_>, i: usize, previous: &FloatHistogram) -> bool {
    let (time, histogram) = window.at(i);
    window.starts_around(i).is_some_and(|(before, start)| is_start_reset(before, window.times[i - 1], start, time))
        || histogram.detect_reset(previous)
}

/// Adds or subtracts; notes what there is to note, except for colliding reset hints: resets are dealt with here.
/// `false`: they do not fit together.
pub(super) fn combine(
    sum: &mut FloatHistogram,
    other: &FloatHistogram,
    operation: Operation,
    notes: &mut Vec<Note>,
) -> bool {
    let combined = if operation == Operation::Subtraction { sum.sub(other) } else { sum.add(other) };
    match combined {
        Ok(combined) => {
            if combined.bounds_reconciled {
                note(notes, Note::BoundsReconciled(operation));
            }
            true
        }
        Err(_) => {
            note(notes, Note::MixedExponentialCustom);
            false
        }
    }
}
