//! Chunks.

use nightjar_model::histogram::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint, FloatHistogram, Span};
use nightjar_model::stale::STALE_NAN_BITS;
use proptest::prelude::*;

use super::super::bits::BitWriter;
use super::super::chunk::{ChunkSamples, Encoding, decode};
use super::super::chunk_writer::HistogramChunks;
use super::super::encode_floats;

proptest! {
    #[test]
    fn floats_round_trip(steps in prop::collection::vec((0i64..100_000_000, any::<u64>()), 0..200), start in any::<i32>()) {
        let mut t = i64::from(start);
        let mut times = Vec::new();
        for (step, _) in &steps {
            t += 1 + if step % 3 == 0 { 15_000 } else { *step };
            times.push(t);
        }
        let values: Vec<f64> = steps.iter().map(|(_, bits)| f64::from_bits(*bits)).collect();
        let mut out = ChunkSamples::default();
        decode(Encoding::Xor, &encode_floats(&times, &values), &mut out).unwrap();
        prop_assert_eq!(&out.times, &times);
        prop_assert!(out.values.iter().zip(&values).all(|(a, b)| a.to_bits() == b.to_bits()));
    }

    #[test]
    fn no_bytes_are_too_strange(encoding in 1u8..=6, data in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut out = ChunkSamples::default();
        let _ = decode(Encoding::of(encoding).unwrap(), &data, &mut out);
        prop_assert_eq!(out.times.len(), out.values.len());
        prop_assert_eq!(out.times.len(), out.starts.len());
    }

    #[test]
    fn histograms_round_trip(list in prop::collection::vec(histogram(), 1..60)) {
        let mut chunks = HistogramChunks::default();
        for (i, h) in list.iter().enumerate() {
            chunks.push(1_000 + i as i64 * 15_000, h);
        }
        let mut out = ChunkSamples::default();
        for (encoding, data) in chunks.into_chunks() {
            decode(Encoding::of(encoding).unwrap(), &data, &mut out).unwrap();
        }
        prop_assert_eq!(out.histograms.len(), list.len());
        for (i, (read, written)) in out.histograms.iter().zip(&list).enumerate() {
            prop_assert_eq!(read.timestamp, 1_000 + i as i64 * 15_000);
            if written.is_stale() {
                prop_assert!(read.histogram.is_stale());
                continue;
            }
            let hint = read.histogram.counter_reset_hint;
            let same = FloatHistogram { counter_reset_hint: written.counter_reset_hint, ..read.histogram.clone() };
            prop_assert_eq!(&same, written);
            let gauge = |h: CounterResetHint| h == CounterResetHint::Gauge;
            prop_assert_eq!(gauge(hint), gauge(written.counter_reset_hint));
            if hint == CounterResetHint::NotReset && i > 0 && !list[i - 1].is_stale() {
                let counter = FloatHistogram { counter_reset_hint: CounterResetHint::Unknown, ..written.clone() };
                prop_assert!(!counter.detect_reset(&list[i - 1]), "a reset was hidden at {}", i);
            }
        }
    }
}

fn histogram() -> impl Strategy<Value = FloatHistogram> {
    let counts = prop::collection::vec(0u32..40, 5);
    (counts, 0u8..12, any::<bool>(), prop::sample::select(vec![0.0, 0.001, 2f64.powi(-128), 1024.0]), 0i32..3).prop_map(
        |(counts, kind, fractions, zero_threshold, layout)| {
            if kind == 0 {
                return FloatHistogram { sum: f64::from_bits(STALE_NAN_BITS), ..FloatHistogram::default() };
            }
            let f = |n: u32| f64::from(n) + if fractions { 0.25 } else { 0.0 };
            let custom = kind == 1;
            FloatHistogram {
                counter_reset_hint: match kind {
                    2 => CounterResetHint::Gauge,
                    3 => CounterResetHint::Reset,
                    _ => CounterResetHint::Unknown,
                },
                schema: if custom { CUSTOM_BUCKETS_SCHEMA } else { 3 },
                zero_threshold: if custom { 0.0 } else { zero_threshold },
                zero_count: if custom { 0.0 } else { f(counts[4]) },
                count: f(1000 + counts[0]),
                sum: f(counts[1]) * 1.1,
                positive_spans: vec![Span { offset: layout, length: 2 }],
                negative_spans: if custom {
                    vec![]
                } else {
                    vec![Span { offset: -3, length: 1 }, Span { offset: 2, length: 1 }]
                },
                positive_buckets: vec![f(counts[0]), f(counts[1])],
                negative_buckets: if custom { vec![] } else { vec![f(counts[2]), f(counts[3])] },
                custom_values: custom.then(|| vec![0.005, 0.1, 1.0 / 3.0, 1e9].into()),
            }
        },
    )
}

/// A chunk of encoding 4 as its specification spells it, bit by bit.
#[test]
fn encoding_4_by_hand() {
    let mut w = BitWriter::after(vec![0, 7, 0x80 | 3]);
    w.varint(1_000);
    w.bits(2.0f64.to_bits(), 64);
    w.varint(400); // the first start: 1000 - 600
    w.uvarint(500);
    w.bits(0, 1); // value as before
    w.bits(0b11111, 5); // no change of pace, stale
    w.bits(0b110, 3); // pace +100, 13 bits
    w.bits(100, 13);
    w.bits(0b110, 3); // a new window: 2.0 -> 3.0 is bit 51
    w.bits(12, 5);
    w.bits(1, 6);
    w.bits(1, 1);
    w.varbit(2_000 - 900); // from sample 3 on starts differ: 900
    w.bits(0b10, 2); // pace kept, value changes
    w.bits(0, 1); // in the window: back to 2.0
    w.bits(1, 1);
    w.varbit(2_600 - 900 - 1_100); // 900 still
    w.bits(0b1110, 4); // pace -100000, 20 bits
    w.bits((-100_000i64) as u64, 20);
    w.bits(0b111, 3); // stale
    w.varbit(0);
    w.bits(0b11110, 5);
    w.bits(200_000, 64);
    w.bits(0, 1);
    w.varbit(5);
    let data = std::mem::take(w.bytes_mut());
    let mut out = ChunkSamples::default();
    decode(Encoding::Xor2, &data, &mut out).unwrap();
    assert_eq!(out.times, [1_000, 1_500, 2_000, 2_600, 3_200, 3_200 - 99_400, 3_200 - 99_400 + 100_600]);
    let stale = f64::from_bits(STALE_NAN_BITS);
    let values = [2.0, 2.0, stale, 3.0, 2.0, stale, 2.0].map(f64::to_bits);
    assert_eq!(out.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), values);
    assert_eq!(out.starts, [600, 600, 600, 900, 900, 1_500, -97_905]);
}

/// Encodings 5 and 6 are 2 and 3 with another header and start times behind each sample.
#[test]
fn encodings_5_and_6_by_hand() {
    for (encoding, whole) in [(Encoding::HistogramStart, true), (Encoding::FloatHistogramStart, false)] {
        let mut w = BitWriter::after(vec![0b1100_0000, 2, 0x80 | 1]);
        w.bits(0, 8); // zero threshold
        w.varbit(0); // schema
        w.varbit_unsigned(1);
        w.varbit_unsigned(1);
        w.varbit(4);
        w.varbit_unsigned(0);
        w.varbit(10_000);
        if whole {
            w.varbit_unsigned(7);
            w.varbit_unsigned(0);
            w.bits(1.5f64.to_bits(), 64);
            w.varbit(7);
        } else {
            [7.0f64, 0.0, 1.5, 7.0].iter().for_each(|v| w.bits(v.to_bits(), 64));
        }
        w.varint(9_000); // start 1000
        w.varbit(15_000);
        w.bits(0, 4); // nothing changed: count, zero count, sum, bucket
        w.varbit(10_000 - 2_000); // start 2000
        let data = std::mem::take(w.bytes_mut());
        let mut out = ChunkSamples::default();
        decode(encoding, &data, &mut out).unwrap();
        let [a, b] = out.histograms.as_slice() else { panic!("{out:?}") };
        assert_eq!((a.timestamp, a.start, b.timestamp, b.start), (10_000, 1_000, 25_000, 2_000));
        assert_eq!(a.histogram, b.histogram);
        assert_eq!((a.histogram.count, a.histogram.sum, a.integer), (7.0, 1.5, whole));
        assert_eq!(a.histogram.positive_spans, [Span { offset: 4, length: 1 }]);
        assert_eq!(a.histogram.counter_reset_hint, CounterResetHint::Gauge);
    }
}
