//! Samples of a series to buckets.

use nightjar_model::histogram::kahan_add;
use nightjar_model::storage::FloatColumn;
use nightjar_model::{TimestampMs, is_stale};

use super::bucket;
use crate::block::section::Kind;
use crate::bytes::put_f64;
use crate::codec::column::Encoder;

/// A column is that of the last values.
pub(super) const AS_LAST: u8 = 0;
/// A column follows.
pub(super) const OWN: u8 = 1;

/// All buckets of a series in a block, as columns of equal length.
#[derive(Debug, Default, PartialEq)]
pub(in crate::block) struct Bucketed {
    /// Times of the last samples.
    pub(in crate::block) times: Vec<TimestampMs>,
    pub(in crate::block) last: Vec<f64>,
    pub(super) counts: Vec<f64>,
    pub(super) sums: Vec<f64>,
    pub(super) minima: Vec<f64>,
    pub(super) maxima: Vec<f64>,
    pub(super) counters: Vec<f64>,
    /// The first sample of the series in the block.
    pub(super) first: f64,
}

/// The bucket being filled.
struct Open {
    number: i64,
    time: TimestampMs,
    last: f64,
    count: f64,
    sum: (f64, f64),
    min: f64,
    max: f64,
    counter: f64,
}

impl Open {
    fn new(number: i64, time: TimestampMs, value: f64) -> Open {
        Open { number, time, last: value, count: 0.0, sum: (0.0, 0.0), min: value, max: value, counter: value }
    }

    fn add(&mut self, time: TimestampMs, value: f64, counter: f64) {
        (self.time, self.last, self.counter) = (time, value, counter);
        self.count += 1.0;
        self.sum = kahan_add(value, self.sum.0, self.sum.1);
        if value < self.min || self.min.is_nan() {
            self.min = value;
        }
        if value > self.max || self.max.is_nan() {
            self.max = value;
        }
    }
}

impl Bucketed {
    /// Folds samples; stale markers are none.
    pub(in crate::block) fn fold(floats: &FloatColumn, width_ms: i64) -> Bucketed {
        let mut out = Bucketed::default();
        let samples = floats.timestamps.iter().copied().zip(floats.values.iter().copied());
        let mut open: Option<Open> = None;
        let (mut before, mut lost) = (f64::NAN, 0.0);
        for (t, value) in samples.filter(|(_, value)| !is_stale(*value)) {
            let number = bucket(t, width_ms);
            if value < before {
                lost += before;
            }
            before = value;
            let counter = if lost == 0.0 { value } else { value + lost };
            match &mut open {
                Some(bucket) if bucket.number == number => {}
                _ => {
                    match open.replace(Open::new(number, t, value)) {
                        Some(full) => out.push(&full),
                        None => out.first = value,
                    };
                }
            }
            if let Some(open) = &mut open {
                open.add(t, value, counter);
            }
        }
        open.iter().for_each(|last| out.push(last));
        out
    }

    fn push(&mut self, full: &Open) {
        let (sum, lost) = full.sum;
        self.times.push(full.time);
        self.last.push(full.last);
        self.counts.push(full.count);
        self.sums.push(if sum.is_infinite() { sum } else { sum + lost });
        self.minima.push(full.min);
        self.maxima.push(full.max);
        self.counters.push(full.counter);
    }

    /// Appends what a section says of them.
    pub(in crate::block) fn encode(&self, kind: Kind, encoder: &mut Encoder, out: &mut Vec<u8>) {
        let column = match kind {
            Kind::Counts => return encoder.floats(&self.counts, out),
            Kind::Sums => return encoder.floats(&self.sums, out),
            Kind::Minima => &self.minima,
            Kind::Maxima => &self.maxima,
            _ => {
                put_f64(self.first, out);
                &self.counters
            }
        };
        // Constants, counters without a reset and their maxima say the same as the last values.
        let same = column.iter().zip(&self.last).all(|(a, b)| a.to_bits() == b.to_bits());
        out.push(if same { AS_LAST } else { OWN });
        if !same {
            encoder.floats(column, out);
        }
    }

    /// Takes buckets out: all that stand within `times`.
    pub(in crate::block) fn cut(&mut self, times: nightjar_model::ClosedRange) {
        let start = self.times.partition_point(|t| *t < times.start);
        let gone = start..self.times.partition_point(|t| *t <= times.end).max(start);
        self.times.drain(gone.clone());
        let Bucketed { last, counts, sums, minima, maxima, counters, .. } = self;
        [last, counts, sums, minima, maxima, counters].into_iter().for_each(|c| drop(c.drain(gone.clone())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightjar_model::STALE_NAN;

    fn fold(samples: &[(i64, f64)], width: i64) -> Bucketed {
        let (timestamps, values): (Vec<_>, Vec<_>) = samples.iter().copied().unzip();
        Bucketed::fold(&FloatColumn { timestamps: timestamps.into(), values, starts: None }, width)
    }

    #[test]
    fn a_bucket_ends_with_its_last_time() {
        let samples = [(0, 5.0), (1, 1.0), (7, 4.0), (10, 2.0), (11, 3.0), (15, STALE_NAN), (40, 9.0)];
        let folded = fold(&samples, 10);
        assert_eq!(folded.times, [0, 10, 11, 40]);
        assert_eq!(folded.last, [5.0, 2.0, 3.0, 9.0]);
        assert_eq!(folded.counts, [1.0, 3.0, 1.0, 1.0]);
        assert_eq!(folded.sums, [5.0, 7.0, 3.0, 9.0]);
        assert_eq!(folded.minima, [5.0, 1.0, 3.0, 9.0]);
        assert_eq!(folded.maxima, [5.0, 4.0, 3.0, 9.0]);
        // 5, reset, 1, 4, reset, 2, 3, 9: 5, 6, 9, 11, 12, 18.
        assert_eq!((folded.first, folded.counters), (5.0, vec![5.0, 11.0, 12.0, 18.0]));
    }

    #[test]
    fn nothing_of_nothing() {
        assert_eq!(fold(&[], 10), Bucketed::default());
        assert_eq!(fold(&[(1, STALE_NAN)], 10), Bucketed::default());
    }

    #[test]
    fn only_numbers_are_extremes_unless_there_are_none() {
        let folded = fold(&[(1, f64::NAN), (2, -0.0), (3, 0.0), (11, f64::NAN)], 10);
        assert_eq!(
            (folded.minima[0].to_bits(), folded.maxima[0].to_bits()),
            ((-0.0f64).to_bits(), (-0.0f64).to_bits())
        );
        assert!(folded.minima[1].is_nan() && folded.maxima[1].is_nan());
    }
}
