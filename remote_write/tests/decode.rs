//! What prost encodes, we decode to the same values; what is not a message, we refuse as prost does; nothing panics.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod oracle;

use nightjar_model::storage::{WriteBatch, WriteEntry};
use nightjar_model::{Labels, metadata::Metadata};
use nightjar_remote_write::{DecodeError, Limits, Protocol, Request, Scratch};
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;

/// A series for comparison: everything as numbers and texts, floats as bits.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    labels: Vec<(Vec<u8>, Vec<u8>)>,
    samples: Vec<(u64, i64, i64)>,
    exemplars: Vec<(Labels, u64, i64)>,
    metadata: Option<Metadata>,
}

/// The pairs of a spelling, texts as they are.
fn pairs(spelling: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let series = oracle::TimeSeries::decode(spelling).unwrap();
    series.labels.into_iter().map(|l| (l.name, l.value)).collect()
}

fn seen(entry: WriteEntry<'_>) -> Seen {
    Seen {
        labels: pairs(entry.spelling),
        samples: entry.samples.iter().map(|s| (s.value.to_bits(), s.timestamp, s.start)).collect(),
        exemplars: entry.exemplars.iter().map(|e| (e.labels.clone(), e.value.to_bits(), e.timestamp)).collect(),
        metadata: entry.metadata.cloned(),
    }
}

fn all(request: &Request<'_>) -> Vec<Seen> {
    (0..request.len()).map(|i| seen(request.entry(i))).collect()
}

fn labels_of(labels: &[oracle::Label]) -> Option<Labels> {
    let series = oracle::TimeSeries { labels: labels.to_vec(), ..Default::default() };
    Labels::from_spelling(&respelled(&series)).ok()
}

/// prost leaves an empty name or value out; both spellings mean the same.
fn respelled(series: &oracle::TimeSeries) -> Vec<u8> {
    oracle::TimeSeries { labels: series.labels.clone(), ..Default::default() }.encode_to_vec()
}

fn expected_v1(request: &oracle::WriteRequest) -> Vec<Seen> {
    let series = request.timeseries.iter().map(|series| Seen {
        labels: series.labels.iter().map(|l| (l.name.clone(), l.value.clone())).collect(),
        samples: series.samples.iter().map(|s| (s.value.to_bits(), s.timestamp, 0)).collect(),
        exemplars: series
            .exemplars
            .iter()
            .filter_map(|e| Some((labels_of(&e.labels)?, e.value.to_bits(), e.timestamp)))
            .collect(),
        metadata: None,
    });
    series.filter(|s| !s.samples.is_empty() || !s.exemplars.is_empty()).collect()
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => "[a-zA-Z_:]{0,12}".prop_map(String::into_bytes),
        2 => "\\PC{0,80}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..200),
    ]
}

fn timestamp() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 1_600_000_000_000i64..1_900_000_000_000, 1 => any::<i64>(), 1 => Just(0)]
}

/// Any bit pattern but -0, which prost does not write.
fn value() -> impl Strategy<Value = f64> {
    let any = prop_oneof![3 => any::<f64>(), 1 => any::<u64>().prop_map(f64::from_bits), 1 => Just(0.0)];
    any.prop_map(|v| if v == 0.0 { 0.0 } else { v })
}

fn label() -> impl Strategy<Value = oracle::Label> {
    (text(), text()).prop_map(|(name, value)| oracle::Label { name, value })
}

prop_compose! {
    fn series_v1()(
        labels in vec(label(), 0..8),
        samples in vec((value(), timestamp()), 0..4),
        exemplars in vec((vec(label(), 0..3), value(), timestamp()), 0..2),
    ) -> oracle::TimeSeries {
        oracle::TimeSeries {
            labels,
            samples: samples.into_iter().map(|(value, timestamp)| oracle::Sample { value, timestamp }).collect(),
            exemplars: exemplars
                .into_iter()
                .map(|(labels, value, timestamp)| oracle::Exemplar { labels, value, timestamp })
                .collect(),
            histograms: vec![],
        }
    }
}

fn request_v1() -> impl Strategy<Value = oracle::WriteRequest> {
    vec(series_v1(), 0..6).prop_map(|timeseries| oracle::WriteRequest { timeseries, metadata: vec![] })
}

prop_compose! {
    fn series_v2(symbols: usize)(
        labels_refs in vec((0..symbols as u32, 0..symbols as u32), 0..6),
        samples in vec((value(), timestamp(), prop_oneof![Just(0), timestamp()]), 1..4),
        exemplars in vec((vec((0..symbols as u32, 0..symbols as u32), 0..2), value(), timestamp()), 0..3),
        metadata in proptest::option::of((0..9i32, 0..symbols as u32, 0..symbols as u32)),
        created_timestamp in prop_oneof![Just(0), any::<i64>()],
    ) -> oracle::TimeSeriesV2 {
        let flat = |refs: Vec<(u32, u32)>| refs.into_iter().flat_map(|(a, b)| [a, b]).collect::<Vec<u32>>();
        oracle::TimeSeriesV2 {
            labels_refs: flat(labels_refs),
            samples: samples
                .into_iter()
                .map(|(value, timestamp, start_timestamp)| oracle::SampleV2 { value, timestamp, start_timestamp })
                .collect(),
            histograms: vec![],
            exemplars: exemplars
                .into_iter()
                .map(|(refs, value, timestamp)| oracle::ExemplarV2 { labels_refs: flat(refs), value, timestamp })
                .collect(),
            metadata: metadata
                .map(|(metric_type, help_ref, unit_ref)| oracle::MetadataV2 { metric_type, help_ref, unit_ref }),
            created_timestamp,
        }
    }
}

fn request_v2() -> impl Strategy<Value = oracle::Request> {
    vec("\\PC{0,40}".prop_map(String::into_bytes), 0..12).prop_flat_map(|mut symbols| {
        symbols.insert(0, vec![]);
        let series = vec(series_v2(symbols.len()), 0..6);
        series.prop_map(move |timeseries| oracle::Request { symbols: symbols.clone(), timeseries })
    })
}

fn expected_v2(request: &oracle::Request) -> Vec<Seen> {
    let symbol = |i: u32| request.symbols[i as usize].clone();
    let labels = |refs: &[u32]| -> Vec<oracle::Label> {
        refs.chunks(2).map(|p| oracle::Label { name: symbol(p[0]), value: symbol(p[1]) }).collect()
    };
    let text = |i: u32| String::from_utf8(symbol(i)).unwrap();
    let one = |series: &oracle::TimeSeriesV2| {
        let mut exemplars: Vec<_> = series
            .exemplars
            .iter()
            .filter_map(|e| Some((labels_of(&labels(&e.labels_refs))?, e.value.to_bits(), e.timestamp)))
            .collect();
        exemplars.sort_by_key(|e| e.2);
        let metadata = series.metadata.as_ref().map(|m| (m.metric_type, text(m.help_ref), text(m.unit_ref)));
        Seen {
            labels: labels(&series.labels_refs).into_iter().map(|l| (l.name, l.value)).collect(),
            samples: series.samples.iter().map(|s| (s.value.to_bits(), s.timestamp, s.start_timestamp)).collect(),
            exemplars,
            metadata: metadata
                .filter(|_| series.metadata != Some(Default::default()))
                .map(|(t, help, unit)| Metadata { metric_type: metric_type(t), help, unit }),
        }
    };
    request.timeseries.iter().map(one).collect()
}

fn metric_type(number: i32) -> nightjar_model::metadata::MetricType {
    use nightjar_model::metadata::MetricType::*;
    [Unknown, Counter, Gauge, Histogram, GaugeHistogram, Summary, Info, StateSet]
        .get(number as usize)
        .copied()
        .unwrap_or_default()
}

fn decode<'a>(scratch: &'a mut Scratch, protocol: Protocol, body: &'a [u8]) -> Result<Request<'a>, DecodeError> {
    scratch.decode(protocol, body, &Limits::default())
}

/// Ours agrees with prost about a body that may be cut or damaged.
fn agree_v1(scratch: &mut Scratch, body: &[u8]) -> Result<(), TestCaseError> {
    match (decode(scratch, Protocol::V1, body), oracle::WriteRequest::decode(body)) {
        (Ok(ours), Ok(theirs)) => {
            if theirs.timeseries.iter().all(|s| s.histograms.is_empty()) {
                prop_assert_eq!(all(&ours), expected_v1(&theirs));
            }
        }
        (Err(_), Err(_)) => {}
        (Ok(_), Err(e)) => prop_assert!(false, "only prost refuses: {e}"),
        (Err(DecodeError::Refused(_)), Ok(_)) => {}
        (Err(e), Ok(_)) => prop_assert!(e.to_string().contains("groups"), "only we refuse: {e}"),
    }
    Ok(())
}

/// Series as scrapes have them: each is the one before with a label changed, added or taken away.
fn neighbours() -> impl Strategy<Value = oracle::Request> {
    let edit = (0..4u8, 0..8usize, 0..300u32, 0..300u32);
    (vec("[a-z]{0,40}".prop_map(String::into_bytes), 299), vec(edit, 1..60)).prop_map(|(mut symbols, edits)| {
        symbols.insert(0, vec![]);
        let mut refs: Vec<[u32; 2]> = Vec::new();
        let mut timeseries = Vec::new();
        for (kind, at, name, value) in edits {
            match kind {
                0 => refs.insert(at.min(refs.len()), [name, value]),
                1 if !refs.is_empty() => drop(refs.remove(at % refs.len())),
                2 if !refs.is_empty() => {
                    let at = at % refs.len();
                    refs[at][1] = value;
                }
                _ => {}
            }
            let labels_refs = refs.concat();
            timeseries.push(oracle::TimeSeriesV2 {
                labels_refs,
                samples: vec![Default::default()],
                ..Default::default()
            });
        }
        oracle::Request { symbols, timeseries }
    })
}

proptest! {
    #[test]
    fn v2_spells_neighbours(request in neighbours(), bad in proptest::option::of(0..60usize)) {
        let mut sent = request.clone();
        let bad = bad.filter(|i| *i < sent.timeseries.len());
        if let Some(i) = bad {
            sent.timeseries[i].labels_refs.push(1);
        }
        let body = sent.encode_to_vec();
        let mut scratch = Scratch::new();
        let mut expected = expected_v2(&request);
        if let Some(i) = bad {
            expected.remove(i);
        }
        let ours = decode(&mut scratch, Protocol::V2, &body).unwrap();
        prop_assert_eq!(all(&ours), expected);
        prop_assert_eq!(ours.refusals().count, u64::from(bad.is_some()));
    }

    #[test]
    fn v1_reads_what_prost_writes(request in request_v1(), again in request_v1()) {
        let mut scratch = Scratch::new();
        for request in [request, again] {
            let body = request.encode_to_vec();
            let ours = decode(&mut scratch, Protocol::V1, &body).unwrap();
            prop_assert_eq!(all(&ours), expected_v1(&request));
        }
    }

    #[test]
    fn v1_cut_anywhere_is_what_prost_says(request in request_v1()) {
        let body = request.encode_to_vec();
        let mut scratch = Scratch::new();
        for cut in 0..body.len() {
            agree_v1(&mut scratch, &body[..cut])?;
        }
    }

    #[test]
    fn v1_damaged_is_what_prost_says(request in request_v1(), damage in vec((any::<usize>(), any::<u8>()), 1..6)) {
        let mut body = request.encode_to_vec();
        for (at, byte) in damage {
            if !body.is_empty() {
                let at = at % body.len();
                body[at] = byte;
            }
        }
        agree_v1(&mut Scratch::new(), &body)?;
    }

    #[test]
    fn v2_reads_what_prost_writes(request in request_v2(), again in request_v2()) {
        let mut scratch = Scratch::new();
        for request in [request, again] {
            let body = request.encode_to_vec();
            let ours = decode(&mut scratch, Protocol::V2, &body).unwrap();
            prop_assert_eq!(all(&ours), expected_v2(&request));
        }
    }

    #[test]
    fn v2_symbols_may_follow_series(request in request_v2()) {
        let series = oracle::Request { symbols: vec![], ..request.clone() }.encode_to_vec();
        let symbols = oracle::Request { timeseries: vec![], ..request.clone() }.encode_to_vec();
        let body = [series, symbols].concat();
        let mut scratch = Scratch::new();
        prop_assert_eq!(all(&decode(&mut scratch, Protocol::V2, &body).unwrap()), expected_v2(&request));
    }

    #[test]
    fn v2_cut_anywhere_is_an_error_where_prost_says_so(request in request_v2()) {
        let body = request.encode_to_vec();
        let mut scratch = Scratch::new();
        for cut in 0..body.len() {
            let ours = decode(&mut scratch, Protocol::V2, &body[..cut]);
            prop_assert_eq!(ours.is_ok(), oracle::Request::decode(&body[..cut]).is_ok());
        }
    }

    #[test]
    fn noise_never_panics(noise in vec(any::<u8>(), 0..300)) {
        let mut scratch = Scratch::new();
        agree_v1(&mut scratch, &noise)?;
        if let Ok(request) = decode(&mut scratch, Protocol::V2, &noise) {
            all(&request);
        }
    }

    #[test]
    fn damaged_v2_never_panics(request in request_v2(), damage in vec((any::<usize>(), any::<u8>()), 1..6)) {
        let mut body = request.encode_to_vec();
        for (at, byte) in damage {
            let at = at % body.len().max(1);
            if let Some(slot) = body.get_mut(at) {
                *slot = byte;
            }
        }
        let mut scratch = Scratch::new();
        if let Ok(request) = decode(&mut scratch, Protocol::V2, &body) {
            (0..request.len()).for_each(|i| drop(Labels::from_spelling(request.entry(i).spelling)));
        }
    }
}

#[test]
fn v1_takes_the_labels_as_they_lie() {
    let series = oracle::TimeSeries {
        labels: vec![oracle::Label { name: b"a".to_vec(), value: b"b".to_vec() }],
        samples: vec![oracle::Sample { value: 1.0, timestamp: 5 }],
        ..Default::default()
    };
    let spelled = respelled(&series);
    let body = oracle::WriteRequest { timeseries: vec![series], metadata: vec![] }.encode_to_vec();
    let mut scratch = Scratch::new();
    let request = decode(&mut scratch, Protocol::V1, &body).unwrap();
    assert_eq!(request.entry(0).spelling.as_ptr(), body[2..].as_ptr(), "borrowed, not copied");
    assert_eq!(request.entry(0).spelling, spelled);
}

#[test]
fn v1_labels_in_an_odd_form_are_spelled_anew() {
    let sample: &[u8] = &[0x12, 2, 0x10, 5];
    let cases: [(&str, Vec<u8>); 4] = [
        ("value before name", [&[0x0A, 6, 0x12, 1, b'b', 0x0A, 1, b'a'][..], sample].concat()),
        ("unknown field in a label", [&[0x0A, 8, 0x0A, 1, b'a', 0x12, 1, b'b', 0x18, 1][..], sample].concat()),
        ("name given twice", [&[0x0A, 9, 0x0A, 1, b'x', 0x0A, 1, b'a', 0x12, 1, b'b'][..], sample].concat()),
        (
            "labels around a sample",
            [&[0x0A, 6, 0x0A, 1, b'a', 0x12, 1, b'b'][..], sample, &[0x0A, 6, 0x0A, 1, b'c', 0x12, 1, b'd']].concat(),
        ),
    ];
    for (case, series) in cases {
        let body = [&[0x0A, series.len() as u8][..], &series].concat();
        let mut scratch = Scratch::new();
        let request = decode(&mut scratch, Protocol::V1, &body).unwrap();
        let labels = Labels::from_spelling(request.entry(0).spelling).unwrap();
        assert_eq!((labels.value("a"), request.entry(0).samples[0].timestamp), ("b", 5), "{case}");
    }
}

#[test]
fn v1_metadata_is_given_by_family() {
    let metadata = oracle::MetricMetadata {
        metric_type: 1,
        metric_family_name: b"m".into(),
        help: b"h".into(),
        unit: b"s".into(),
    };
    let body = oracle::WriteRequest { timeseries: vec![], metadata: vec![metadata] }.encode_to_vec();
    let mut scratch = Scratch::new();
    let request = decode(&mut scratch, Protocol::V1, &body).unwrap();
    let expected = Metadata { metric_type: metric_type(1), help: "h".into(), unit: "s".into() };
    assert_eq!(request.families(), [("m".to_owned(), expected)]);
}

#[test]
fn counts_are_capped() {
    let limits = Limits { series: 2, samples: 3, symbols: 4, label_bytes: 1000, ..Limits::default() };
    let series =
        |samples: usize| oracle::TimeSeries { samples: vec![Default::default(); samples], ..Default::default() };
    let v1 = |counts: &[usize]| {
        oracle::WriteRequest { timeseries: counts.iter().map(|n| series(*n)).collect(), metadata: vec![] }
            .encode_to_vec()
    };
    let refused =
        |protocol, body: Vec<u8>| Scratch::new().decode(protocol, &body, &limits).map(|_| ()).unwrap_err().to_string();
    assert!(Scratch::new().decode(Protocol::V1, &v1(&[1, 2]), &limits).is_ok());
    assert_eq!(refused(Protocol::V1, v1(&[2, 2])), "the request holds more than 3 samples; send smaller requests");
    assert_eq!(refused(Protocol::V1, v1(&[1, 1, 1])), "the request holds more than 2 series; send smaller requests");
    let v2 = |symbols: Vec<Vec<u8>>, refs: Vec<u32>| {
        let series =
            oracle::TimeSeriesV2 { labels_refs: refs, samples: vec![Default::default()], ..Default::default() };
        oracle::Request { symbols, timeseries: vec![series] }.encode_to_vec()
    };
    assert_eq!(
        refused(Protocol::V2, v2(vec![vec![]; 5], vec![])),
        "the request holds more than 4 symbols; send smaller requests"
    );
    let large = v2(vec![vec![], vec![b'x'; 100]], vec![1; 20]);
    assert_eq!(refused(Protocol::V2, large), "the request holds more than 1000 bytes of labels; send smaller requests");
    assert_eq!(refused(Protocol::V2, v2(vec![b"x".to_vec()], vec![])), "the first symbol must be the empty string");
}
