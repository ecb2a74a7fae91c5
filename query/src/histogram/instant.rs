//! `irate` and `idelta` on native histograms.

use nightjar_model::histogram::CounterResetHint;
use nightjar_model::{FloatHistogram, TimestampMs};

use super::note::{Note, Noted, Operation, note};
use super::range::combine;
use crate::start_time::is_start_reset;

/// What is asked about the last two samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InstantKind {
    /// `irate`: how much a counter grew per second.
    Irate,
    /// `idelta`: how much a gauge changed.
    Idelta,
}

/// `irate` or `idelta` from the last two samples of a series, each time, start timestamp (0 = unknown or not to be
/// used) and histogram. `None`: both are of the same time, or do not fit together.
pub(crate) fn instant_rate(
    kind: InstantKind,
    previous: (TimestampMs, TimestampMs, &FloatHistogram),
    last: (TimestampMs, TimestampMs, &FloatHistogram),
) -> Noted<Option<FloatHistogram>> {
    let ((previous_time, previous_start, before), (time, start, now)) = (previous, last);
    if time == previous_time {
        return Noted::plain(None);
    }
    let gauges = [before, now].map(|h| h.counter_reset_hint == CounterResetHint::Gauge);
    let mut notes = Vec::new();
    let is_rate = kind == InstantKind::Irate;
    if is_rate && gauges.contains(&true) {
        note(&mut notes, Note::NotCounter);
    }
    if !is_rate && gauges.contains(&false) {
        note(&mut notes, Note::NotGauge);
    }
    let mut result = now.clone();
    let reset = is_rate && (is_start_reset(previous_start, previous_time, start, time) || now.detect_reset(before));
    if !reset && !combine(&mut result, before, Operation::Subtraction, &mut notes) {
        return Noted::new(None, notes);
    }
    result.counter_reset_hint = CounterResetHint::Gauge;
    result.compact(0);
    if is_rate {
        result.div((time - previous_time) as f64 / 1000.0);
    }
    Noted::new(Some(result), notes)
}
