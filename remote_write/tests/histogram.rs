//! Native histograms: what Prometheus takes we take with the same counts, what it refuses we refuse with its reason.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod oracle;

use nightjar_model::histogram::{CounterResetHint, FloatHistogram, Span};
use nightjar_model::storage::WriteBatch;
use nightjar_model::{HistogramSample, Labels, Sample};
use nightjar_remote_write::encode::{SeriesOut, encode_v1, encode_v2};
use nightjar_remote_write::{Limits, Protocol, Scratch};
use oracle::{Count, Histogram, ZeroCount};
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;

fn spans(spans: &[(i32, u32)]) -> Vec<oracle::Span> {
    spans.iter().map(|(offset, length)| oracle::Span { offset: *offset, length: *length }).collect()
}

/// 1 + 2 + 3 + 1 in buckets, 2 at zero.
fn good() -> Histogram {
    Histogram {
        count: Some(Count::Int(9)),
        sum: 20.0,
        schema: 1,
        zero_threshold: 0.001,
        zero_count: Some(ZeroCount::Int(2)),
        negative_spans: spans(&[(0, 1)]),
        negative_deltas: vec![1],
        positive_spans: spans(&[(-2, 2), (1, 1)]),
        positive_deltas: vec![1, 1, 1],
        reset_hint: 2,
        timestamp: 1_700_000_000_000,
        ..Default::default()
    }
}

fn good_float() -> Histogram {
    Histogram {
        count: Some(Count::Float(9.5)),
        zero_count: Some(ZeroCount::Float(2.0)),
        negative_deltas: vec![],
        negative_counts: vec![1.0],
        positive_deltas: vec![],
        positive_counts: vec![1.0, 2.5, 3.0],
        ..good()
    }
}

fn good_custom() -> Histogram {
    Histogram {
        count: Some(Count::Int(3)),
        schema: -53,
        sum: 5.0,
        positive_spans: spans(&[(0, 2), (1, 1)]),
        positive_deltas: vec![1, 0, 0],
        custom_values: vec![0.1, 1.0, 10.0],
        timestamp: 5,
        ..Default::default()
    }
}

/// Sends a histogram by 2.0: the decoded one, or why it was refused.
fn send(histogram: &Histogram) -> Result<HistogramSample, String> {
    let series =
        oracle::TimeSeriesV2 { labels_refs: vec![1, 2], histograms: vec![histogram.clone()], ..Default::default() };
    let symbols = ["", "__name__", "h"].map(|s| s.as_bytes().to_vec()).to_vec();
    let body = oracle::Request { symbols, timeseries: vec![series] }.encode_to_vec();
    let mut scratch = Scratch::new();
    let request = scratch.decode(Protocol::V2, &body, &Limits::default()).unwrap();
    match request.refusals().first.first() {
        Some(refusal) => {
            assert_eq!((request.len(), request.refusals().count), (0, 1), "one reason, no empty entry");
            Err(refusal.detail.strip_suffix(" for series {__name__=\"h\"}").unwrap().to_owned())
        }
        None => Ok(request.entry(0).histograms[0].clone()),
    }
}

#[test]
fn good_ones_have_absolute_counts() {
    let sample = send(&good()).unwrap();
    assert!(sample.integer);
    assert_eq!(sample.timestamp, 1_700_000_000_000);
    let expected = FloatHistogram {
        counter_reset_hint: CounterResetHint::NotReset,
        schema: 1,
        zero_threshold: 0.001,
        zero_count: 2.0,
        count: 9.0,
        sum: 20.0,
        positive_spans: vec![Span { offset: -2, length: 2 }, Span { offset: 1, length: 1 }],
        negative_spans: vec![Span { offset: 0, length: 1 }],
        positive_buckets: vec![1.0, 2.0, 3.0],
        negative_buckets: vec![1.0],
        custom_values: None,
    };
    assert_eq!(sample.histogram, expected);
    let float = send(&good_float()).unwrap();
    assert!(!float.integer);
    let expected = FloatHistogram { count: 9.5, positive_buckets: vec![1.0, 2.5, 3.0], ..expected };
    assert_eq!(float.histogram, expected);
    let custom = send(&good_custom()).unwrap().histogram;
    assert_eq!(custom.custom_values.as_deref(), Some(&[0.1, 1.0, 10.0][..]));
    assert_eq!(custom.positive_buckets, [1.0, 1.0, 1.0]);
}

#[test]
fn prometheus_rules_hold() {
    let good = good;
    let rows: Vec<(Histogram, &str)> = vec![
        (
            Histogram { count: Some(Count::Int(8)), ..good() },
            "9 observations found in buckets, but the Count field is 8: histogram's observation count should equal the number of observations found in the buckets (in absence of NaN)",
        ),
        (
            Histogram { count: Some(Count::Int(10)), ..good() },
            "9 observations found in buckets, but the Count field is 10: histogram's observation count should equal the number of observations found in the buckets (in absence of NaN)",
        ),
        (
            Histogram { count: Some(Count::Int(8)), sum: f64::NAN, ..good() },
            "9 observations found in buckets, but the Count field is 8: histogram's observation count should be at least the number of observations found in the buckets",
        ),
        (
            Histogram { positive_deltas: vec![1, -2, 1], ..good() },
            "positive side: bucket number 2 has observation count of -1: histogram has a bucket whose observation count is negative",
        ),
        (
            Histogram { positive_spans: spans(&[(0, 2), (-1, 1)]), ..good() },
            "positive side: span number 2 with offset -1: histogram has a span whose offset is negative",
        ),
        (
            Histogram { positive_spans: spans(&[(0, 2)]), ..good() },
            "positive side: spans need 2 buckets, have 3 buckets: histogram spans specify different number of buckets than provided",
        ),
        (
            Histogram { negative_spans: spans(&[(0, u32::MAX)]), ..good() },
            "negative side: spans need 4294967295 buckets, have 1 buckets: histogram spans specify different number of buckets than provided",
        ),
        (
            Histogram { custom_values: vec![1.0], ..good() },
            "histogram with exponential schema must not have custom bounds",
        ),
        (
            Histogram { schema: -5, ..good() },
            "histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, or -53 for custom buckets, got schema -5",
        ),
        (
            Histogram { schema: 53, ..good() },
            "histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, or -53 for custom buckets, got schema 53",
        ),
        (
            Histogram { count: Some(Count::Float(-1.0)), ..good_float() },
            "observation count is -1: histogram's observation count is negative",
        ),
        (
            Histogram { zero_count: Some(ZeroCount::Float(-1.0)), ..good_float() },
            "zero bucket has observation count of -1: histogram has a bucket whose observation count is negative",
        ),
        (
            Histogram { positive_counts: vec![1.0, -2.5, 0.0], ..good_float() },
            "positive side: bucket number 2 has observation count of -2.5: histogram has a bucket whose observation count is negative",
        ),
        (
            Histogram { custom_values: vec![1.0, 1.0, 2.0], ..good_custom() },
            "custom buckets: previous bound is 1.000000 and current is 1.000000: histogram custom bounds must be in strictly increasing order",
        ),
        (
            Histogram { custom_values: vec![1.0, 2.0, f64::INFINITY], ..good_custom() },
            "custom buckets: last +Inf bound must not be explicitly defined: histogram custom bounds must be finite",
        ),
        (
            Histogram { custom_values: vec![1.0, f64::NAN, 2.0], ..good_custom() },
            "custom buckets: histogram custom bounds must not be NaN",
        ),
        (
            Histogram { custom_values: vec![1.0], ..good_custom() },
            "custom buckets: only 1 custom bounds defined which is insufficient to cover total span length of 4: histogram custom bounds are too few",
        ),
        (
            Histogram { zero_count: Some(ZeroCount::Int(1)), ..good_custom() },
            "custom buckets: must have zero count of 0",
        ),
        (Histogram { zero_threshold: 0.1, ..good_custom() }, "custom buckets: must have zero threshold of 0"),
        (
            Histogram { negative_spans: spans(&[(0, 0)]), ..good_custom() },
            "custom buckets: must not have negative spans",
        ),
        (Histogram { negative_deltas: vec![1], ..good_custom() }, "custom buckets: must not have negative buckets"),
        (Histogram { positive_deltas: vec![0; 70_000], ..good() }, "histogram is larger than 65536 bytes"),
        (
            Histogram { positive_spans: spans(&[(i32::MAX, 3)]), ..good() },
            "positive side: histogram spans reach past the last possible bucket",
        ),
    ];
    for (histogram, reason) in rows {
        assert_eq!(send(&histogram).unwrap_err(), reason);
    }
}

#[test]
fn what_looks_odd_but_is_allowed() {
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let rows = [
        ("empty", Histogram { timestamp: 1, ..Default::default() }),
        ("stale marker", Histogram { sum: stale, timestamp: 1, ..Default::default() }),
        ("NaN observed", Histogram { count: Some(Count::Int(10)), sum: f64::NAN, ..good() }),
        ("float count below buckets", Histogram { count: Some(Count::Float(1.0)), ..good_float() }),
        ("span of no length", Histogram { positive_spans: spans(&[(-2, 2), (0, 0), (1, 1)]), ..good() }),
    ];
    for (case, histogram) in rows {
        assert!(send(&histogram).is_ok(), "{case}: {:?}", send(&histogram));
    }
    let kept = send(&Histogram { sum: stale, ..Default::default() }).unwrap().histogram.sum;
    assert_eq!(kept.to_bits(), stale.to_bits());
}

#[test]
fn a_finer_schema_is_reduced() {
    let fine = Histogram {
        schema: 9,
        count: Some(Count::Int(10)),
        zero_count: None,
        negative_spans: vec![],
        negative_deltas: vec![],
        // Buckets -1, 0, 1, 2 and 5 of schema 9 are 0, 0, 1, 1 and 3 of schema 8.
        positive_spans: spans(&[(-1, 4), (2, 1)]),
        positive_deltas: vec![1, 1, 1, 1, -4],
        ..good()
    };
    let reduced = send(&Histogram { count: Some(Count::Int(10)), ..fine }).unwrap().histogram;
    assert_eq!((reduced.schema, reduced.count), (8, 10.0));
    assert_eq!(reduced.positive_spans, [Span { offset: 0, length: 2 }, Span { offset: 1, length: 1 }]);
    assert_eq!(reduced.positive_buckets, [3.0, 7.0, 0.0]);
}

#[test]
fn a_bad_one_refuses_a_whole_request_of_1_0() {
    let series = oracle::TimeSeries {
        labels: vec![oracle::Label { name: b"__name__".to_vec(), value: b"h".to_vec() }],
        samples: vec![oracle::Sample { value: 1.0, timestamp: 1 }],
        histograms: vec![Histogram { count: Some(Count::Int(8)), ..good() }],
        ..Default::default()
    };
    let body = oracle::WriteRequest { timeseries: vec![series], metadata: vec![] }.encode_to_vec();
    let mut scratch = Scratch::new();
    let error = scratch.decode(Protocol::V1, &body, &Limits::default()).unwrap_err().to_string();
    assert!(error.starts_with("9 observations") && error.ends_with("for series {__name__=\"h\"}"), "{error}");
}

fn any_histogram() -> impl Strategy<Value = HistogramSample> {
    let side = || vec((0..5i32, vec(0..1000u32, 1..4)), 0..3);
    (side(), side(), 0..100u32, -4..9i32, any::<bool>(), any::<i64>(), any::<i64>(), 0..4u8).prop_map(
        |(positive, negative, zero, schema, integer, timestamp, start, hint)| {
            let spans = |side: &[(i32, Vec<u32>)]| {
                side.iter().map(|(offset, b)| Span { offset: *offset, length: b.len() as u32 }).collect()
            };
            let buckets = |side: &[(i32, Vec<u32>)]| {
                side.iter().flat_map(|(_, b)| b.iter().map(|c| f64::from(*c))).collect::<Vec<f64>>()
            };
            let (positive_buckets, negative_buckets) = (buckets(&positive), buckets(&negative));
            let count = positive_buckets.iter().chain(&negative_buckets).sum::<f64>() + f64::from(zero);
            let hints = [
                CounterResetHint::Unknown,
                CounterResetHint::Reset,
                CounterResetHint::NotReset,
                CounterResetHint::Gauge,
            ];
            let histogram = FloatHistogram {
                counter_reset_hint: hints[hint as usize],
                schema,
                zero_threshold: 0.5,
                zero_count: f64::from(zero),
                count,
                sum: -0.0,
                positive_spans: spans(&positive),
                negative_spans: spans(&negative),
                positive_buckets,
                negative_buckets,
                custom_values: None,
            };
            HistogramSample { timestamp, start, integer, histogram }
        },
    )
}

proptest! {
    #[test]
    fn what_we_encode_we_decode(histogram in any_histogram(), value in any::<u64>(), timestamp in any::<i64>()) {
        let labels = Labels::from_pairs([("__name__", "h"), ("a", "b")]);
        let samples = [Sample { timestamp, start: 7, value: f64::from_bits(value) }];
        let histograms = [histogram];
        let series = SeriesOut { labels: Some(&labels), samples: &samples, histograms: &histograms, ..Default::default() };
        let (mut v1, mut v2) = (Vec::new(), Vec::new());
        encode_v1(&[series], &mut v1);
        encode_v2(&[series, series], &mut v2);
        let mut scratch = Scratch::new();
        for (protocol, body, entries) in [(Protocol::V1, v1, 1), (Protocol::V2, v2, 2)] {
            let request = scratch.decode(protocol, &body, &Limits::default()).unwrap();
            prop_assert_eq!(request.len(), entries);
            let entry = request.entry(entries - 1);
            prop_assert_eq!(Labels::from_spelling(entry.spelling).unwrap(), labels.clone());
            prop_assert_eq!((entry.samples[0].timestamp, entry.samples[0].value.to_bits()), (timestamp, value));
            let (got, sent) = (&entry.histograms[0], &histograms[0]);
            prop_assert_eq!(&got.histogram, &sent.histogram);
            prop_assert_eq!((got.timestamp, got.integer), (sent.timestamp, sent.integer));
            let starts = if protocol == Protocol::V2 { (7, sent.start) } else { (0, 0) };
            prop_assert_eq!((entry.samples[0].start, got.start), starts);
        }
    }
}
