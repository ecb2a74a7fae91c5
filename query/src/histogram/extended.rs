//! Range functions on `anchored` and `smoothed` selectors, which see samples beyond both ends of the range.

use nightjar_model::histogram::{CounterResetHint, IncompatibleSchemas};
use nightjar_model::{FloatHistogram, TimestampMs};

use super::note::{Note, Noted, Operation, note};
use super::range::combine;
use super::window::{RangeKind, Window};

/// The histogram at time `t` on the straight line between two samples. For counters a reset in between means that
/// counting began at zero at the first of them. Colliding hints and reconciled bounds are noted like those of `-`
/// and `+`.
///
/// # Errors
/// One has custom buckets and the other has not.
pub(crate) fn interpolate(
    (before, from): (TimestampMs, &FloatHistogram),
    (after, to): (TimestampMs, &FloatHistogram),
    t: TimestampMs,
    is_counter: bool,
) -> Result<Noted<FloatHistogram>, IncompatibleSchemas> {
    if t == before {
        return Ok(Noted::plain(from.clone()));
    }
    if t == after {
        return Ok(Noted::plain(to.clone()));
    }
    let fraction = (t - before) as f64 / (after - before) as f64;
    let mut result = to.clone();
    if is_counter && to.detect_reset(from) {
        result.mul(fraction);
        return Ok(Noted::plain(result));
    }
    let mut notes = Vec::new();
    if result.sub(from)?.bounds_reconciled {
        note(&mut notes, Note::BoundsReconciled(Operation::Subtraction));
    }
    result.mul(fraction);
    if result.add(from)?.bounds_reconciled {
        note(&mut notes, Note::BoundsReconciled(Operation::Addition));
    }
    Ok(Noted::new(result, notes))
}

/// `rate`, `increase` or `delta` between the very ends of a range. `window` has the samples inside it and, if there are
/// any, neighbours of it. Anchored: the last sample at or before the beginning stands for the beginning, the last
/// sample for the end. Smoothed: both are interpolated. `None`: nothing happened inside, or samples do not fit together.
pub(crate) fn extended_rate(window: Window<'_>, kind: RangeKind, smoothed: bool) -> Noted<Option<FloatHistogram>> {
    let mut notes = Vec::new();
    let result = extended(window, kind, smoothed, &mut notes);
    Noted::new(result, notes)
}

fn extended(window: Window<'_>, kind: RangeKind, smoothed: bool, notes: &mut Vec<Note>) -> Option<FloatHistogram> {
    let mut last = window.len().checked_sub(1)?;
    let times = &window.times[..last];
    let first = times.partition_point(|t| *t <= window.range_start).saturating_sub(1);
    if smoothed {
        last = times.partition_point(|t| *t < window.range_end);
    }
    if window.times[last] <= window.range_start || (smoothed && window.times[first] > window.range_end) {
        return None;
    }
    check(window, (first, last), kind.is_counter(), notes)?;
    let (left, right) = ends(window, (first, last), kind.is_counter(), smoothed, notes)?;
    let gauges = [&left, &right].map(|h| h.counter_reset_hint == CounterResetHint::Gauge);
    if !kind.is_counter() && gauges.contains(&false) {
        note(notes, Note::NotGauge);
    }
    let mut result = right.clone();
    if !combine(&mut result, &left, Operation::Subtraction, notes) {
        return None;
    }
    if kind.is_counter() {
        let lost = lost_in_resets(window, (first, last), (&left, &right), smoothed, notes)?;
        if let Some(lost) = lost
            && !combine(&mut result, &lost, Operation::Addition, notes)
        {
            return None;
        }
    }
    if kind == RangeKind::Rate {
        result.div(window.range_seconds());
    }
    result.counter_reset_hint = CounterResetHint::Gauge;
    result.compact(0);
    Some(result)
}

/// Buckets of one kind only, and counters where counters are expected.
fn check(window: Window<'_>, (first, last): (usize, usize), is_counter: bool, notes: &mut Vec<Note>) -> Option<()> {
    let custom = window.at(first).1.uses_custom_buckets();
    for (_, histogram) in window.points().take(last + 1).skip(first) {
        if histogram.uses_custom_buckets() != custom {
            note(notes, Note::MixedExponentialCustom);
            return None;
        }
        if is_counter && histogram.counter_reset_hint == CounterResetHint::Gauge {
            note(notes, Note::NotCounter);
        }
    }
    Some(())
}

/// The histograms at both ends of the range.
fn ends(
    window: Window<'_>,
    (first, last): (usize, usize),
    is_counter: bool,
    smoothed: bool,
    notes: &mut Vec<Note>,
) -> Option<(FloatHistogram, FloatHistogram)> {
    let mut between = |i: usize, t: TimestampMs| match interpolate(window.at(i), window.at(i + 1), t, is_counter) {
        Ok(noted) => {
            noted.notes.into_iter().for_each(|n| note(notes, n));
            Some(noted.value)
        }
        Err(_) => {
            note(notes, Note::MixedExponentialCustom);
            None
        }
    };
    let left = if smoothed && window.times[first] < window.range_start && first + 1 < window.len() {
        between(first, window.range_start)?
    } else {
        window.at(first).1.clone()
    };
    let right = if smoothed && last > 0 && window.times[last] > window.range_end {
        between(last - 1, window.range_end)?
    } else {
        window.at(last).1.clone()
    };
    Some((left, right))
}

/// What was counted before resets inside the range; `Some(None)`: there were none. `None`: it does not add up.
fn lost_in_resets(
    window: Window<'_>,
    (first, last): (usize, usize),
    (left, right): (&FloatHistogram, &FloatHistogram),
    smoothed: bool,
    notes: &mut Vec<Note>,
) -> Option<Option<FloatHistogram>> {
    let (mut from, mut previous) = (first + 1, left);
    if smoothed && window.times[first] < window.range_start && from < window.len() {
        let (before, after) = (window.at(first).1, window.at(from).1);
        if after.detect_reset(before) {
            // The left end was interpolated across this reset already.
            previous = after;
            from += 1;
        }
    }
    if from > last {
        return Some(None);
    }
    let mut lost: Option<FloatHistogram> = None;
    let inside = window.points().map(|(_, histogram)| histogram).take(last).skip(from);
    for histogram in inside.chain([right]) {
        if histogram.detect_reset(previous) {
            match &mut lost {
                None => lost = Some(previous.clone()),
                Some(sum) => combine(sum, previous, Operation::Addition, notes).then_some(())?,
            }
        }
        previous = histogram;
    }
    Some(lost)
}
