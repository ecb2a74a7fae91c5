//! The small encodings give back what they were given and never trust bytes.

use std::sync::Arc;

use nightjar_model::histogram::{CounterResetHint, FloatHistogram, Span};
use nightjar_model::metadata::{Metadata, MetricType};
use nightjar_model::{Exemplar, HistogramSample, Labels, STALE_NAN};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{exemplar, histogram, metadata};
use crate::bytes::Cursor;

fn float() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        any::<i32>().prop_map(f64::from),
        (0u32..1000).prop_map(f64::from),
        Just(-0.0),
        Just(STALE_NAN),
        Just(9007199254740992.0),
    ]
}

prop_compose! {
    fn spans()(spans in vec((any::<i32>(), any::<u32>()), 0..4)) -> Vec<Span> {
        spans.into_iter().map(|(offset, length)| Span { offset, length }).collect()
    }
}

fn buckets() -> impl Strategy<Value = Vec<f64>> {
    prop_oneof![vec((0u32..1000).prop_map(f64::from), 0..20), vec(float(), 0..20)]
}

prop_compose! {
    fn sample()(
        (timestamp, start, integer, hint, schema) in (any::<i64>(), prop_oneof![Just(0), any::<i64>()], any::<bool>(), 0..4, any::<i32>()),
        (zero_threshold, zero_count, count, sum) in (float(), float(), float(), float()),
        (positive_spans, negative_spans) in (spans(), spans()),
        (positive_buckets, negative_buckets) in (buckets(), buckets()),
        custom in proptest::option::of(vec(float(), 0..5)),
    ) -> HistogramSample {
        use CounterResetHint::*;
        let counter_reset_hint = [Unknown, Reset, NotReset, Gauge][hint as usize];
        let custom_values = custom.map(Arc::from);
        HistogramSample { timestamp, start, integer, histogram: FloatHistogram {
            counter_reset_hint, schema, zero_threshold, zero_count, count, sum,
            positive_spans, negative_spans, positive_buckets, negative_buckets, custom_values,
        }}
    }
}

/// Everything a sample says, floats as bits.
fn bits(s: &HistogramSample) -> impl PartialEq + std::fmt::Debug + use<> {
    let all = |v: &[f64]| v.iter().map(|f| f.to_bits()).collect::<Vec<_>>();
    let h = &s.histogram;
    (
        (s.timestamp, s.start, s.integer, h.counter_reset_hint, h.schema),
        all(&[h.zero_threshold, h.zero_count, h.count, h.sum]),
        (h.positive_spans.clone(), h.negative_spans.clone()),
        (all(&h.positive_buckets), all(&h.negative_buckets)),
        h.custom_values.as_deref().map(all),
    )
}

proptest! {
    #[test]
    fn histograms_round_trip(sample in sample()) {
        let mut out = Vec::new();
        histogram::encode(&sample, &mut out);
        let mut cursor = Cursor::new(&out);
        prop_assert_eq!(bits(&histogram::decode(&mut cursor).unwrap()), bits(&sample));
        prop_assert!(cursor.is_empty());
        for cut in 0..out.len() {
            prop_assert!(histogram::decode(&mut Cursor::new(&out[..cut])).is_err());
        }
    }

    #[test]
    fn exemplars_round_trip(timestamp: i64, value in float(), name in "[a-z_]{1,9}", text in ".{0,30}") {
        let exemplar = Exemplar { labels: Labels::from_pairs([(name, text)]), value, timestamp };
        let mut out = Vec::new();
        exemplar::encode(&exemplar, &mut out);
        let back = exemplar::decode(&mut Cursor::new(&out)).unwrap();
        prop_assert_eq!((back.labels, back.value.to_bits(), back.timestamp), (exemplar.labels, value.to_bits(), timestamp));
    }

    #[test]
    fn metadata_round_trips(kind in 0..3, help in ".{0,60}", unit in "[a-z]{0,9}") {
        let metric_type = [MetricType::Unknown, MetricType::Counter, MetricType::StateSet][kind as usize];
        let m = Metadata { metric_type, help, unit };
        let mut out = Vec::new();
        metadata::encode(&m, &mut out);
        prop_assert_eq!(metadata::decode(&mut Cursor::new(&out)), Ok(m));
    }

    #[test]
    fn arbitrary_bytes_are_answered(bytes in vec(any::<u8>(), 0..200)) {
        let _ = histogram::decode(&mut Cursor::new(&bytes));
        let _ = exemplar::decode(&mut Cursor::new(&bytes));
        let _ = metadata::decode(&mut Cursor::new(&bytes));
    }
}
