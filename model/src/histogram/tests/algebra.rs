//! Addition, scaling, resolution, resets.

use proptest::prelude::*;

use super::super::*;
use super::h;

#[test]
fn sums_and_differences() {
    // a, b, a + b, a - b; all compacted.
    let table = [
        (
            "{{count:1 sum:2 buckets:[1 2]}}",
            "{{count:3 sum:1 buckets:[1 2] offset:1}}",
            "{{count:4 sum:3 buckets:[1 3 2]}}",
            "{{count:-2 sum:1 buckets:[1 1 -2]}}",
        ),
        // The lower resolution wins.
        ("{{schema:1 buckets:[1 2 3]}}", "{{schema:0 buckets:[4 5]}}", "{{buckets:[5 10]}}", "{{buckets:[-3]}}"),
        ("{{schema:0 buckets:[4 5]}}", "{{schema:1 buckets:[1 2 3]}}", "{{buckets:[5 10]}}", "{{buckets:[3]}}"),
        // The wider zero bucket wins and swallows what lies in it.
        (
            "{{z_bucket:1 z_bucket_w:0.001 buckets:[1 2]}}",
            "{{z_bucket:2 z_bucket_w:1 buckets:[5] offset:1}}",
            "{{z_bucket:4 z_bucket_w:1 offset:1 buckets:[7]}}",
            "{{z_bucket_w:1 offset:1 buckets:[-3]}}",
        ),
        // It grows to the end of a populated bucket it would cut, on either side.
        (
            "{{z_bucket:1 z_bucket_w:1.5}}",
            "{{z_bucket:2 buckets:[1 2 3]}}",
            "{{z_bucket:6 z_bucket_w:2 offset:2 buckets:[3]}}",
            "{{z_bucket:-4 z_bucket_w:2 offset:2 buckets:[-3]}}",
        ),
        (
            "{{z_bucket:2 buckets:[1 2 3] n_buckets:[1 1 1]}}",
            "{{z_bucket:1 z_bucket_w:1.5}}",
            "{{z_bucket:8 z_bucket_w:2 offset:2 buckets:[3] n_offset:2 n_buckets:[1]}}",
            "{{z_bucket:6 z_bucket_w:2 offset:2 buckets:[3] n_offset:2 n_buckets:[1]}}",
        ),
        // Custom bounds: those in both are left.
        (
            "{{schema:-53 custom_values:[1 2 3] buckets:[1 2 3 4]}}",
            "{{schema:-53 custom_values:[1 3 4] buckets:[1 1 1 1]}}",
            "{{schema:-53 custom_values:[1 3] buckets:[2 6 6]}}",
            "{{schema:-53 custom_values:[1 3] buckets:[0 4 2]}}",
        ),
        (
            "{{schema:-53 custom_values:[1] buckets:[1 2]}}",
            "{{schema:-53 custom_values:[2] buckets:[1 1]}}",
            "{{schema:-53 custom_values:[] buckets:[5]}}",
            "{{schema:-53 custom_values:[] buckets:[1]}}",
        ),
    ];
    for (a, b, sum, difference) in table {
        let (mut plus, mut minus, mut total) = (h(a), h(a), HistogramSum::new(&h(a)));
        let combined = plus.add(&h(b)).unwrap();
        assert_eq!(combined.bounds_reconciled, h(a).bounds() != h(b).bounds());
        assert_eq!(total.add(&h(b)), Ok(combined));
        minus.sub(&h(b)).unwrap();
        let mut total = total.finish();
        plus.compact(0);
        minus.compact(0);
        total.compact(0);
        for (got, want) in [(&plus, sum), (&minus, difference), (&total, sum)] {
            let mut want = h(want);
            want.compact(0);
            assert!(got.equals(&want), "{a} and {b}: {} not {}", got.test_expression(), want.test_expression());
        }
    }
}

#[test]
fn exponential_and_custom_do_not_mix() {
    let (exponential, custom) = (h("{{buckets:[1]}}"), h("{{schema:-53 custom_values:[1] buckets:[1]}}"));
    for (a, b) in [(&exponential, &custom), (&custom, &exponential)] {
        let mut sum = a.clone();
        assert_eq!(sum.add(b), Err(IncompatibleSchemas));
        assert_eq!(sum.sub(b), Err(IncompatibleSchemas));
        assert_eq!(HistogramSum::new(a).add(b), Err(IncompatibleSchemas));
        assert_eq!(&sum, a);
    }
}

#[test]
fn hints_of_sums() {
    use CounterResetHint::{Gauge, NotReset, Reset, Unknown};
    let table = [
        (Unknown, Unknown, Unknown, false),
        (Unknown, Reset, Unknown, false),
        (Reset, Reset, Reset, false),
        (Reset, NotReset, Unknown, true),
        (NotReset, Reset, Unknown, true),
        (NotReset, Gauge, Gauge, false),
        (Gauge, Unknown, Gauge, false),
    ];
    for (a, b, want, collision) in table {
        let with = |hint| FloatHistogram { counter_reset_hint: hint, ..Default::default() };
        let mut sum = with(a);
        let combined = sum.add(&with(b)).unwrap();
        assert_eq!((sum.counter_reset_hint, combined.counter_reset_collision), (want, collision), "{a:?} and {b:?}");
    }
}

#[test]
fn scaled() {
    let start = "{{count:4 sum:-2 z_bucket:1 z_bucket_w:0.5 buckets:[2 4] n_buckets:[6] counter_reset_hint:reset}}";
    let table = [
        (2.0, "{{count:8 sum:-4 z_bucket:2 z_bucket_w:0.5 buckets:[4 8] n_buckets:[12] counter_reset_hint:reset}}"),
        (-1.0, "{{count:-4 sum:2 z_bucket:-1 z_bucket_w:0.5 buckets:[-2 -4] n_buckets:[-6] counter_reset_hint:gauge}}"),
    ];
    for (factor, want) in table {
        let (mut product, mut quotient) = (h(start), h(start));
        product.mul(factor);
        quotient.div(1.0 / factor);
        assert_eq!(product, h(want));
        assert_eq!(quotient, h(want));
    }
    let mut nothing = h(start);
    nothing.mul(0.0);
    nothing.compact(0);
    assert_eq!(nothing.to_string(), "{count:0, sum:-0}");
    let mut infinite = h(start);
    infinite.div(0.0);
    assert_eq!(infinite.to_string(), "{count:+Inf, sum:-Inf, [-0.5,0.5]:+Inf}");
    assert!(infinite.has_overflow() && !h(start).has_overflow());
    let mut nan = h(start);
    nan.mul(f64::NAN);
    assert!(nan.positive_buckets.iter().all(|v| v.is_nan()) && nan.counter_reset_hint == CounterResetHint::Reset);
}

#[test]
fn resets() {
    let table = [
        ("{{count:1 buckets:[1]}}", "{{count:2 buckets:[2]}}", false),
        ("{{count:2 buckets:[2]}}", "{{count:1 buckets:[1]}}", true),
        ("{{count:2 buckets:[2]}}", "{{count:2 buckets:[1 1]}}", true),
        ("{{count:2 buckets:[1 0 1]}}", "{{count:3 buckets:[1 1]}}", true),
        ("{{count:2 buckets:[1 1 0]}}", "{{count:3 buckets:[1 1]}}", false),
        ("{{count:1 n_buckets:[1]}}", "{{count:1}}", true),
        ("{{schema:1 count:2 buckets:[0 1 1]}}", "{{count:2 buckets:[0 2]}}", false),
        ("{{schema:1 count:2 buckets:[0 1 1]}}", "{{count:2 buckets:[0 1]}}", true),
        ("{{count:2 buckets:[0 1]}}", "{{schema:1 count:2 buckets:[0 1 1]}}", true),
        ("{{count:2 z_bucket:1 z_bucket_w:1}}", "{{count:2 z_bucket:1 z_bucket_w:0.5}}", true),
        ("{{count:2 z_bucket:1 buckets:[1]}}", "{{count:2 z_bucket:2 z_bucket_w:1}}", false),
        ("{{count:2 z_bucket:1 buckets:[1 1]}}", "{{count:2 z_bucket:2 z_bucket_w:1.5}}", true),
        ("{{schema:-53 custom_values:[1 2] buckets:[1 1]}}", "{{schema:-53 custom_values:[2] buckets:[2]}}", false),
        ("{{schema:-53 custom_values:[1 2] buckets:[1 1]}}", "{{schema:-53 custom_values:[1 3] buckets:[0 2]}}", true),
        ("{{count:1}}", "{{schema:-53 count:1}}", true),
        ("{{schema:-53 count:1}}", "{{count:1}}", true),
        ("{{count:2}}", "{{count:1 counter_reset_hint:not_reset}}", false),
        ("{{count:1}}", "{{count:1 counter_reset_hint:reset}}", true),
        ("{{count:2}}", "{{count:1 counter_reset_hint:gauge}}", true),
    ];
    for (before, now, reset) in table {
        assert_eq!(h(now).detect_reset(&h(before)), reset, "{before} then {now}");
    }
}

#[test]
fn equal_to_the_bit() {
    let table = [
        ("{{count:1 sum:NaN}}", "{{count:1 sum:NaN}}", true),
        ("{{sum:0}}", "{{sum:-0}}", false),
        ("{{buckets:[1]}}", "{{buckets:[1 0]}}", false),
        ("{{counter_reset_hint:gauge}}", "{{}}", true),
        ("{{schema:-53 custom_values:[1]}}", "{{schema:-53 custom_values:[2]}}", false),
        ("{{custom_values:[1]}}", "{{}}", true),
    ];
    for (a, b, same) in table {
        assert_eq!(h(a).equals(&h(b)), same, "{a} == {b}");
    }
    let spans = |s: &[(i32, u32)]| s.iter().map(|(offset, length)| Span { offset: *offset, length: *length }).collect();
    let layout = |s: &[(i32, u32)]| FloatHistogram { positive_spans: spans(s), ..Default::default() };
    assert!(layout(&[(1, 2), (1, 0), (2, 3), (5, 0)]).equals(&layout(&[(1, 2), (3, 3)])));
    assert!(!layout(&[(0, 2), (0, 3)]).equals(&layout(&[(0, 5)])));
}

#[test]
fn sums_lose_nothing() {
    let mut sum = HistogramSum::new(&h("{{count:1 sum:1 z_bucket:1 buckets:[1]}}"));
    for text in [
        "{{count:1e100 sum:1e100 z_bucket:1e100 buckets:[1e100]}}",
        "{{count:1 sum:1 z_bucket:1 buckets:[1]}}",
        "{{count:-1e100 sum:-1e100 z_bucket:-1e100 buckets:[-1e100]}}",
    ] {
        sum.add(&h(text)).unwrap();
    }
    assert_eq!(sum.finish(), h("{{count:2 sum:2 z_bucket:2 buckets:[2]}}"));
}

/// Exponential histograms with whole counts, so that sums are exact.
fn histogram() -> impl Strategy<Value = FloatHistogram> {
    let side = || prop::collection::vec((0..4i32, prop::collection::vec(0..5u8, 0..5)), 0..4);
    (-4..=8i32, 0..4u8, 0..9u8, -20..20i32, side(), side()).prop_map(
        |(schema, width, zero, first, positive, negative)| {
            let (positive_spans, positive_buckets) = lay_out(first, &positive);
            let (negative_spans, negative_buckets) = lay_out(-first, &negative);
            let mut h = FloatHistogram {
                schema,
                zero_threshold: [0.0, 1e-3, 0.75, 1.0][usize::from(width)],
                zero_count: zero.into(),
                positive_spans,
                negative_spans,
                positive_buckets,
                negative_buckets,
                ..Default::default()
            };
            h.count = h.zero_count + h.positive_buckets.iter().chain(&h.negative_buckets).sum::<f64>();
            h
        },
    )
}

fn lay_out(first: i32, runs: &[(i32, Vec<u8>)]) -> (Vec<Span>, Vec<f64>) {
    let spans = runs
        .iter()
        .enumerate()
        .map(|(i, (gap, counts))| Span { offset: if i == 0 { first } else { *gap }, length: counts.len() as u32 });
    (spans.collect(), runs.iter().flat_map(|(_, counts)| counts.iter().map(|c| f64::from(*c))).collect())
}

fn populated(h: &FloatHistogram) -> Vec<(i32, f64, f64)> {
    h.ascending().filter(|b| b.count != 0.0).map(|b| (b.index, b.upper, b.count)).collect()
}

fn in_buckets(h: &FloatHistogram) -> f64 {
    h.zero_count + h.positive_buckets.iter().chain(&h.negative_buckets).sum::<f64>()
}

proptest! {
    #[test]
    fn compacting_keeps_the_distribution(h in histogram(), max in prop_oneof![0..5usize, Just(usize::MAX)]) {
        let mut compact = h.clone();
        compact.compact(max);
        prop_assert_eq!(populated(&compact), populated(&h));
        prop_assert_eq!(compact.validate(), Ok(()));
        let mut again = compact.clone();
        again.compact(max);
        prop_assert!(again.equals(&compact));
    }

    #[test]
    fn both_directions_agree(h in histogram()) {
        let mut descending: Vec<_> = h.descending().collect();
        descending.reverse();
        prop_assert_eq!(h.ascending().collect::<Vec<_>>(), descending);
    }

    #[test]
    fn lower_resolution_keeps_counts_and_places(h in histogram(), down in 0..12i32) {
        let schema = (h.schema - down).max(MIN_EXPONENTIAL_SCHEMA);
        let low = h.at_schema(schema);
        prop_assert_eq!(low.schema, schema);
        prop_assert_eq!(in_buckets(&low), in_buckets(&h));
        // Step by step is the same as at once, and every bucket lies within the one it went into.
        let steps = (schema..h.schema).rev().fold(h.clone(), |h, s| h.at_schema(s));
        prop_assert!(steps.equals(&low));
        for bucket in h.positive().filter(|b| b.count > 0.0) {
            prop_assert!(low.positive().any(|b| b.lower <= bucket.lower && bucket.upper <= b.upper && b.count >= bucket.count));
        }
        prop_assert_eq!(low.at_schema(schema + 1), low);
    }

    #[test]
    fn addition_commutes(a in histogram(), b in histogram()) {
        let (mut ab, mut ba, mut exact) = (a.clone(), b.clone(), HistogramSum::new(&a));
        ab.add(&b).unwrap();
        ba.add(&a).unwrap();
        exact.add(&b).unwrap();
        let mut exact = exact.finish();
        for h in [&mut ab, &mut ba, &mut exact] {
            h.compact(0);
            prop_assert_eq!(h.validate(), Ok(()));
        }
        prop_assert!(ab.equals(&exact), "{} {}", ab, exact);
        prop_assert_eq!(ab.count, ba.count);
        // Whoever has populated buckets inside its own zero bucket keeps them, and a zero bucket may end inside a bucket
        // of the lower resolution: then the order matters, in Prometheus too.
        let clean = |h: &FloatHistogram| h.positive().chain(h.negative()).all(|b| b.count == 0.0 || b.lower.abs().max(b.upper.abs()) > h.zero_threshold);
        if clean(&a) && clean(&b) && (a.schema == b.schema || a.zero_threshold == b.zero_threshold) {
            prop_assert!(ab.equals(&ba), "{} {}", ab, ba);
            prop_assert_eq!(in_buckets(&ab), in_buckets(&a) + in_buckets(&b));
        }
    }

    #[test]
    fn what_was_added_is_no_reset(a in histogram(), b in histogram()) {
        // A zero bucket that ends inside a bucket of the lower resolution looks like a reset, in Prometheus too.
        let b = FloatHistogram { schema: a.schema, ..b };
        let mut sum = a.clone();
        sum.add(&b).unwrap();
        prop_assert!(!sum.detect_reset(&a), "{} after {}", sum, a);
        prop_assert!(!a.detect_reset(&a));
    }

    #[test]
    fn scripts_are_read_as_printed(h in histogram()) {
        let text = h.test_expression();
        let mut want = h;
        want.compact(usize::MAX);
        prop_assert_eq!(parse(&text).map(|d| d.histogram), Ok(want));
    }
}
