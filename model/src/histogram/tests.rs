//! Histograms as an algebra: what must hold whatever the layout.

use proptest::prelude::*;

use super::*;

fn exponential(
    schema: i32,
    zero_threshold: f64,
    zero_count: u32,
    positive: &[u32],
    negative: &[u32],
) -> FloatHistogram {
    let floats = |counts: &[u32]| counts.iter().map(|c| f64::from(*c)).collect::<Vec<_>>();
    let first = (-30..40).find(|i| exponential_bound(i - 1, schema) >= zero_threshold.max(0.1)).unwrap();
    let span = |counts: &[u32]| vec![Span { offset: first, length: counts.len() as u32 }];
    let count = f64::from(zero_count) + positive.iter().chain(negative).map(|c| f64::from(*c)).sum::<f64>();
    FloatHistogram {
        schema,
        zero_threshold,
        zero_count: f64::from(zero_count),
        count,
        sum: count * 1.5,
        positive_spans: span(positive),
        negative_spans: span(negative),
        positive_buckets: floats(positive),
        negative_buckets: floats(negative),
        ..FloatHistogram::default()
    }
}

fn some_exponential() -> impl Strategy<Value = FloatHistogram> {
    let counts = || prop::collection::vec(0u32..50, 1..12);
    let threshold = prop_oneof![Just(0.0), Just(0.001), Just(0.5), Just(1.0), Just(3.0)];
    (-2..4i32, threshold, 0u32..9, counts(), counts()).prop_map(|(s, z, zc, p, n)| exponential(s, z, zc, &p, &n))
}

fn some_custom() -> impl Strategy<Value = FloatHistogram> {
    (prop::collection::btree_set(0u8..9, 0..6), prop::collection::vec(0u32..50, 7)).prop_map(|(bounds, counts)| {
        let bounds: Vec<f64> = bounds.into_iter().map(f64::from).collect();
        let counts: Vec<f64> = counts[..bounds.len() + 1].iter().map(|c| f64::from(*c)).collect();
        FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count: counts.iter().sum(),
            sum: 1.0,
            positive_spans: vec![Span { offset: 0, length: counts.len() as u32 }],
            positive_buckets: counts,
            custom_values: Some(bounds.into()),
            ..FloatHistogram::default()
        }
    })
}

/// All observations, bucket by bucket.
fn observations(h: &FloatHistogram) -> f64 {
    h.buckets().iter().map(|bucket| bucket.count).sum()
}

proptest! {
    #[test]
    fn sums_commute_and_lose_nothing(a in some_exponential(), b in some_exponential()) {
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab.add(&b).unwrap();
        ba.add(&a).unwrap();
        ab.compact();
        ba.compact();
        prop_assert!(ab.equals(&ba), "{ab} {ba}");
        prop_assert_eq!(observations(&ab), observations(&a) + observations(&b));
        prop_assert_eq!(ab.count, a.count + b.count);
        prop_assert!(ab.schema <= a.schema.min(b.schema) && ab.zero_threshold >= a.zero_threshold.max(b.zero_threshold));
    }

    #[test]
    fn what_was_added_can_be_subtracted(a in some_exponential(), b in some_exponential()) {
        let mut sum = a.clone();
        sum.add(&b).unwrap();
        // Widening a zero bucket below the resolution of both looks like a reset, as it does in Prometheus.
        prop_assert!(a.zero_threshold != b.zero_threshold || !sum.detect_reset(&a));
        let mut rest = sum.clone();
        rest.subtract(&b).unwrap();
        prop_assert_eq!(observations(&rest), observations(&a));
        prop_assert!(observations(&b) == 0.0 || a.detect_reset(&sum));
    }

    #[test]
    fn custom_bounds_are_reconciled(a in some_custom(), b in some_custom()) {
        let mut sum = a.clone();
        let done = sum.add(&b).unwrap();
        prop_assert_eq!(done.bounds_reconciled, a.custom_values != b.custom_values);
        prop_assert_eq!(observations(&sum), observations(&a) + observations(&b));
        prop_assert!(!sum.detect_reset(&b) || a.custom_values != b.custom_values);
    }

    #[test]
    fn lower_resolution_keeps_all_observations(h in some_exponential(), by in 0..4i32) {
        let low = h.at_schema(h.schema - by);
        prop_assert_eq!(observations(&low), observations(&h));
        prop_assert!(!h.at_schema(h.schema).detect_reset(&h));
    }

    #[test]
    fn trimming_splits_a_histogram_in_two(h in some_exponential(), at in -9.0..9.0f64) {
        let (mut below, mut above) = (h.clone(), h.clone());
        below.trim(at, Keep::Below);
        above.trim(at, Keep::Above);
        prop_assert!((observations(&below) + observations(&above) - observations(&h)).abs() < 1e-6);
    }

    #[test]
    fn a_compensated_sum_is_the_sum(all in prop::collection::vec(some_exponential(), 1..6)) {
        let (mut exact, mut plain) = (HistogramSum::new(&all[0]), all[0].clone());
        for h in &all[1..] {
            exact.add(h).unwrap();
            plain.add(h).unwrap();
        }
        let (mut exact, _) = (exact.finish(), plain.compact());
        exact.compact();
        prop_assert!(exact.equals(&plain), "{exact} {plain}");
    }
}

#[test]
fn kinds_do_not_mix() {
    let (mut a, b) = (
        exponential(0, 0.0, 0, &[1], &[]),
        FloatHistogram { schema: CUSTOM_BUCKETS_SCHEMA, ..FloatHistogram::default() },
    );
    assert_eq!(a.add(&b), Err(IncompatibleBuckets));
    assert!(a.detect_reset(&b) && b.detect_reset(&FloatHistogram::default()));
}

#[test]
fn bounds_are_powers_of_two() {
    assert_eq!([-1, 0, 1, 2].map(|i| exponential_bound(i, 0)), [0.5, 1.0, 2.0, 4.0]);
    assert_eq!([0, 1, 2].map(|i| exponential_bound(i, -2)), [1.0, 16.0, 256.0]);
    assert_eq!(
        [0, 1, 2].map(|i| exponential_bound(i, 1)),
        [1.0, std::f64::consts::SQRT_2 - 2.220446049250313e-16, 2.0]
    );
    assert_eq!(exponential_bound(1024, 0), f64::MAX);
    assert_eq!(exponential_bound(i32::MAX, 8), f64::INFINITY);
    assert_eq!(exponential_bound(i32::MIN, -4), 0.0);
}

#[test]
fn text_is_that_of_prometheus() {
    let h = exponential(0, 0.5, 1, &[2], &[0, 3]);
    assert_eq!(h.to_string(), "{count:6, sum:9, [-2,-1):3, [-0.5,0.5]:1, (0.5,1]:2}");
}

#[test]
fn hints_meet() {
    use CounterResetHint::{Gauge, NotReset, Reset, Unknown};
    let hinted = |hint| FloatHistogram { counter_reset_hint: hint, ..FloatHistogram::default() };
    let table = [
        (Reset, NotReset, Unknown, true),
        (Reset, Reset, Reset, false),
        (Gauge, Reset, Gauge, false),
        (NotReset, Gauge, Gauge, false),
        (Unknown, Reset, Unknown, false),
        (NotReset, Unknown, Unknown, false),
    ];
    for (a, b, result, collided) in table {
        let mut sum = hinted(a);
        assert_eq!(sum.add(&hinted(b)).unwrap().hints_collided, collided);
        assert_eq!(sum.counter_reset_hint, result);
    }
}
