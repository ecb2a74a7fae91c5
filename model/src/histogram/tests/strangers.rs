//! Histograms from strangers: whatever they claim, nothing panics and nothing grows.

use proptest::prelude::*;

use super::super::*;

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        (0..10u8).prop_map(f64::from),
        prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MAX, f64::MIN_POSITIVE]),
    ]
}

fn spans() -> impl Strategy<Value = Vec<Span>> {
    let length = prop_oneof![Just(0), Just(u32::MAX), 0..5u32, any::<u32>()];
    let offset = prop_oneof![Just(i32::MIN), Just(i32::MAX), -5..5i32, any::<i32>()];
    prop::collection::vec((offset, length).prop_map(|(offset, length)| Span { offset, length }), 0..5)
}

fn stranger() -> impl Strategy<Value = FloatHistogram> {
    let schema =
        prop_oneof![-4..=8i32, Just(CUSTOM_BUCKETS_SCHEMA), Just(52), Just(i32::MIN), Just(i32::MAX), any::<i32>()];
    let hint = prop::sample::select(vec![CounterResetHint::Unknown, CounterResetHint::Gauge, CounterResetHint::Reset]);
    let numbers = || prop::collection::vec(number(), 0..6);
    let bounds = prop::option::of(prop::collection::vec(number(), 0..4));
    ((schema, hint, [number(), number(), number(), number()]), spans(), spans(), numbers(), numbers(), bounds).prop_map(
        |(
            (schema, counter_reset_hint, [width, zero, count, sum]),
            positive_spans,
            negative_spans,
            positive,
            negative,
            bounds,
        )| {
            FloatHistogram {
                counter_reset_hint,
                schema,
                zero_threshold: width,
                zero_count: zero,
                count,
                sum,
                positive_spans,
                negative_spans,
                positive_buckets: positive,
                negative_buckets: negative,
                custom_values: bounds.map(Into::into),
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn nothing_panics(a in stranger(), b in stranger(), schema in any::<i32>(), max in any::<usize>()) {
        let most = a.positive_buckets.len() + a.negative_buckets.len() + 1;
        prop_assert!(a.ascending().count() <= most && a.descending().count() <= most);
        prop_assert_eq!(a.ascending().count(), a.descending().count());
        let _ = (a.validate(), a.to_string(), a.size(), a.is_stale(), a.has_overflow(), a.json_buckets().count());
        let _ = (a.equals(&b), a.detect_reset(&b), b.detect_reset(&a));
        let _ = a.at_schema(schema).at_schema(schema);
        let (mut plus, mut minus, mut sum) = (a.clone(), a.clone(), HistogramSum::new(&a));
        let _ = (plus.add(&b), minus.sub(&b), sum.add(&b));
        sum.div(3.0);
        let _ = (sum.finish().test_expression(), sum.magnitude());
        minus.div(0.0);
        plus.mul(-1.0);
        plus.compact(max);
        // Compacting may fill gaps with up to a million empty buckets, not with four billion.
        prop_assert!(plus.positive_buckets.len() + plus.negative_buckets.len() < 3 << 20);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[{}\\[\\]a-z_:0-9 .x+-]{0,40}|\\{\\{(count|sum|buckets|schema|offset):[\\[\\]0-9 .exinf+-]{0,20}\\}\\}(x[0-9]{0,3})?") {
        let _ = parse(&text);
        if let Ok((samples, used)) = series_item(&text) {
            prop_assert!(!samples.is_empty() && used <= text.len());
        }
    }
}
