//! What holds for all histograms, strangers' ones included.

use std::sync::Arc;

use nightjar_model::FloatHistogram;
use nightjar_model::histogram::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint, Span};
use proptest::prelude::*;

use super::super::*;

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        (0..10u8).prop_map(f64::from),
        prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MAX]),
    ]
}

fn stranger() -> impl Strategy<Value = FloatHistogram> {
    let offset = prop_oneof![-5..5i32, any::<i32>()];
    let length = prop_oneof![0..5u32, Just(u32::MAX)];
    let span = (offset, length).prop_map(|(offset, length)| Span { offset, length });
    let side = || (prop::collection::vec(span.clone(), 0..4), prop::collection::vec(number(), 0..6));
    let schema = prop_oneof![-4..=8i32, Just(CUSTOM_BUCKETS_SCHEMA), any::<i32>()];
    let hint = prop::sample::select(vec![CounterResetHint::Unknown, CounterResetHint::Gauge, CounterResetHint::Reset]);
    let bounds = prop::option::of(prop::collection::vec(number(), 0..4));
    (schema, hint, [number(), number(), number(), number()], side(), side(), bounds).prop_map(
        |(schema, counter_reset_hint, [width, zero, count, sum], positive, negative, bounds)| FloatHistogram {
            counter_reset_hint,
            schema,
            zero_threshold: width,
            zero_count: zero,
            count,
            sum,
            positive_spans: positive.0,
            positive_buckets: positive.1,
            negative_spans: negative.0,
            negative_buckets: negative.1,
            custom_values: bounds.map(Into::into),
        },
    )
}

/// A histogram as clients send it: whole counts, buckets beyond the zero bucket.
fn sensible() -> impl Strategy<Value = FloatHistogram> {
    let counts = || prop::collection::vec(0..9u8, 0..8);
    (-4..=8i32, 0..9u8, 0..30i32, counts(), counts()).prop_map(|(schema, zero, offset, positive, negative)| {
        let span = |counts: &[u8]| vec![Span { offset, length: counts.len() as u32 }];
        let all = positive.iter().chain(&negative).map(|c| f64::from(*c)).sum::<f64>() + f64::from(zero);
        FloatHistogram {
            schema,
            zero_threshold: 1e-9,
            zero_count: zero.into(),
            count: all,
            sum: 1.0,
            positive_spans: span(&positive),
            negative_spans: span(&negative),
            positive_buckets: positive.into_iter().map(f64::from).collect(),
            negative_buckets: negative.into_iter().map(f64::from).collect(),
            ..FloatHistogram::default()
        }
    })
}

fn samples(h: &FloatHistogram, times: usize) -> Vec<Arc<FloatHistogram>> {
    (0..times).map(|_| Arc::new(h.clone())).collect()
}

proptest! {
    #[test]
    fn nothing_panics(all in prop::collection::vec(stranger(), 0..5), x in number(), y in number(), smoothed in any::<bool>()) {
        for h in &all {
            let _ = (quantile(x, h), quantile(0.3, h), quantile(0.7, h), fraction(x, y, h), stddev(h));
            let _ = (trim(h, x, TrimSide::Above), trim(h, x, TrimSide::Below), multiply(h, x), divide(h, x));
        }
        let histograms: Vec<_> = all.into_iter().map(Arc::new).collect();
        let times: Vec<i64> = (1..).map(|i| i * 1000).take(histograms.len()).collect();
        let starts: Vec<i64> = times.iter().map(|t| t - 1500).collect();
        for starts in [&[][..], &starts] {
            let window = Window { times: &times, histograms: &histograms, starts, range_start: 0, range_end: 4500 };
            for kind in [RangeKind::Rate, RangeKind::Increase, RangeKind::Delta] {
                let _ = (rate(window, kind), extended_rate(Window { range_start: 2500, ..window }, kind, smoothed));
            }
        }
        for pair in histograms.windows(2) {
            let _ = (is_reset((1, 0, &pair[0]), (2, 1, &pair[1])), pair[0].equals(&pair[1]));
        }
        let _ = (sum_over_time(&histograms), avg_over_time(&histograms));
        let mut stats = StatsOnly::default();
        histograms.iter().for_each(|h| drop(stats.next(h)));
    }

    #[test]
    fn fractions_undo_quantiles(h in sensible(), q in 0.01..0.99f64) {
        prop_assume!(h.count > 0.0);
        let at = quantile(q, &h).value;
        // Between two populated buckets every value is as good as the other, so only below and above can be said.
        let below = fraction(f64::NEG_INFINITY, at.next_down(), &h).value;
        let up_to = fraction(f64::NEG_INFINITY, at.next_up(), &h).value;
        prop_assert!(below <= q + 1e-6 && q <= up_to + 1e-6, "{q} is {at}: {below} to {up_to}");
    }

    #[test]
    fn trims_share_the_observations(h in sensible(), at in -100.0..100.0f64) {
        let (low, high) = (trim(&h, at, TrimSide::Above), trim(&h, at, TrimSide::Below));
        prop_assert!((low.count + high.count - h.count).abs() <= 1e-9 * h.count.max(1.0));
        prop_assert!(low.descending().all(|b| b.lower <= at || b.count == 0.0));
        prop_assert!(high.ascending().all(|b| b.upper >= at || b.count == 0.0));
    }

    #[test]
    fn the_average_of_equals_is_that(h in sensible(), times in 1..6usize) {
        let all = samples(&h, times);
        let average = avg_over_time(&all).value.unwrap();
        prop_assert!(average.equals(&h), "{} not {}", average, h);
        let mut sum = sum_over_time(&all).value.unwrap();
        sum.div(times as f64);
        prop_assert!(sum.equals(&h));
    }
}
