//! What a sender sees: the cases of the remote-write receiver compliance suite that need no storage, and the answers.
//!
//! The sink below keeps everything but what a storage must refuse by label set.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod oracle;

use std::sync::{Arc, Mutex};

use nightjar_model::storage::{
    AppendDone, AppendError, AppendReport, Appender, Atomicity, RejectReason, Rejection, WriteBatch,
};
use nightjar_model::{Exemplar, HistogramSample, Labels, Sample, metadata::Metadata};
use nightjar_remote_write::body::{Encoding, Format, Headers, Inflater, Protocol};
use nightjar_remote_write::response::{self, Reply};
use nightjar_remote_write::{Limits, Refusals, Scratch, encode};
use oracle::{Count, ExemplarV2, Histogram, MetadataV2, Request, SampleV2, TimeSeriesV2};
use prost::Message;

const NOW: i64 = 1_700_000_000_000;
const V2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

/// What reached storage.
#[derive(Default)]
struct Sink(Mutex<Vec<Written>>);

struct Written {
    labels: Labels,
    samples: Vec<Sample>,
    histograms: Vec<HistogramSample>,
    exemplars: Vec<Exemplar>,
    metadata: Option<Metadata>,
}

impl Appender for Sink {
    fn append(&self, batch: &dyn WriteBatch, atomicity: Atomicity, _: i64, done: AppendDone) {
        let mut report = AppendReport::default();
        let mut written = self.0.lock().unwrap();
        for i in 0..batch.len() {
            let entry = batch.entry(i);
            let labels = Labels::from_spelling(entry.spelling).ok().filter(|l| !l.metric_name().is_empty());
            let Some(labels) = labels else {
                report.rejected += 1;
                let detail = format!("invalid metric name or labels, entry {i}");
                report.rejections.push(Rejection { entry: i, reason: RejectReason::InvalidLabels, detail });
                continue;
            };
            report.samples += entry.samples.len() as u64;
            report.histograms += entry.histograms.len() as u64;
            report.exemplars += entry.exemplars.len() as u64;
            written.push(Written {
                labels,
                samples: entry.samples.to_vec(),
                histograms: entry.histograms.to_vec(),
                exemplars: entry.exemplars.to_vec(),
                metadata: entry.metadata.cloned(),
            });
        }
        let refused = atomicity == Atomicity::Whole && report.rejected > 0;
        done(if refused { Err(AppendError::Rejected(Box::new(report))) } else { Ok(report) });
    }
}

/// The whole way of a request, without HTTP.
fn receive(sink: &Sink, content_type: &str, content_encoding: &str, body: &[u8]) -> Reply {
    let headers =
        Headers { content_type: Some(content_type), content_encoding: Some(content_encoding), ..Headers::default() };
    let format = match Format::negotiate(&headers) {
        Ok(format) => format,
        Err(e) => return response::refuse_body(Protocol::V1, &e),
    };
    let (limits, mut message, mut scratch) = (Limits::default(), Vec::new(), Scratch::new());
    if let Err(e) = Inflater::new().inflate(format.encoding, body, &limits, &mut message) {
        return response::refuse_body(format.protocol, &e);
    }
    let request = match scratch.decode(format.protocol, &message, &limits) {
        Ok(request) => request,
        Err(e) => return response::refuse_message(format.protocol, &e),
    };
    let (refusals, answer) = (request.refusals().clone(), Arc::new(Mutex::new(None)));
    let slot = Arc::clone(&answer);
    let done =
        Box::new(move |result| *slot.lock().unwrap() = Some(response::reply(format.protocol, &refusals, &result)));
    sink.append(&request, request.atomicity(), NOW, done);
    answer.lock().unwrap().take().unwrap()
}

/// A 2.0 request built label by label, in the order given: senders are not trusted to sort.
#[derive(Default)]
struct Builder(Request);

impl Builder {
    fn new() -> Builder {
        Builder(Request { symbols: vec![vec![]], timeseries: vec![] })
    }

    fn symbol(&mut self, text: &str) -> u32 {
        let symbols = &mut self.0.symbols;
        let at = symbols.iter().position(|s| s == text.as_bytes()).unwrap_or_else(|| {
            symbols.push(text.as_bytes().to_vec());
            symbols.len() - 1
        });
        at as u32
    }

    fn refs(&mut self, labels: &[(&str, &str)]) -> Vec<u32> {
        labels.iter().flat_map(|(n, v)| [self.symbol(n), self.symbol(v)]).collect()
    }

    fn series(mut self, labels: &[(&str, &str)], fill: impl FnOnce(&mut Builder, &mut TimeSeriesV2)) -> Builder {
        let mut series = TimeSeriesV2 { labels_refs: self.refs(labels), ..Default::default() };
        fill(&mut self, &mut series);
        self.0.timeseries.push(series);
        self
    }

    fn sample(self, labels: &[(&str, &str)], value: f64) -> Builder {
        self.series(labels, |_, s| s.samples.push(sample(value)))
    }

    fn send(&self) -> (Reply, Sink) {
        let sink = Sink::default();
        (receive(&sink, V2, "snappy", &encode::snappy(&self.0.encode_to_vec()).unwrap()), sink)
    }
}

fn sample(value: f64) -> SampleV2 {
    SampleV2 { value, timestamp: NOW, start_timestamp: 0 }
}

fn histogram(count: u64) -> Histogram {
    let positive_spans = vec![oracle::Span { offset: 0, length: 2 }];
    Histogram {
        count: Some(Count::Int(count)),
        sum: 5.0,
        positive_spans,
        positive_deltas: vec![1, 1],
        timestamp: NOW,
        ..Default::default()
    }
}

fn exemplar(b: &mut Builder, labels: &[(&str, &str)], timestamp: i64) -> ExemplarV2 {
    ExemplarV2 { labels_refs: b.refs(labels), value: 1.0, timestamp }
}

fn written(reply: &Reply) -> Vec<(&str, &str)> {
    reply.headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[track_caller]
fn assert_answer((reply, _): &(Reply, Sink), status: u16, counts: [u64; 3]) {
    let [samples, histograms, exemplars] = counts.map(|n| n.to_string());
    assert_eq!(reply.status, status, "{}", reply.body);
    assert_eq!(
        written(reply),
        [
            ("X-Prometheus-Remote-Write-Samples-Written", samples.as_str()),
            ("X-Prometheus-Remote-Write-Histograms-Written", histograms.as_str()),
            ("X-Prometheus-Remote-Write-Exemplars-Written", exemplars.as_str()),
        ]
    );
}

const UP: &[(&str, &str)] = &[("__name__", "up"), ("job", "api")];

#[test]
fn single_metric_of_every_value_and_label_set() {
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let label_sets: [&[(&str, &str)]; 6] = [
        UP,
        &[("job", "api"), ("__name__", "up"), ("a", "b")],
        &[("__name__", "up"), ("e", "test🚀"), ("dots.in.name", "x")],
        &[("__name__", "up"), ("empty", "")],
        &[("__name__", "up"), ("quote", "a\"b\\c\nd")],
        &[("__name__", "up"), ("long", &"x".repeat(3000))],
    ];
    for value in [0.0, 1.5, -1e300, f64::INFINITY, stale, f64::NAN] {
        for labels in label_sets {
            let sent = Builder::new().sample(labels, value).send();
            assert_answer(&sent, 204, [1, 0, 0]);
            let stored = sent.1.0.lock().unwrap();
            assert_eq!(stored[0].labels, Labels::from_pairs(labels.iter().copied()));
            assert_eq!(stored[0].samples[0].value.to_bits(), value.to_bits());
        }
    }
}

#[test]
fn invalid_series_are_refused_and_the_others_written() {
    let bad: [(&str, &[(&str, &str)]); 3] = [
        ("no name", &[("job", "api")]),
        ("empty label name", &[("__name__", "up"), ("", "x")]),
        ("duplicate label", &[("__name__", "up"), ("a", "1"), ("a", "2")]),
    ];
    for (case, labels) in bad {
        let sent = Builder::new().sample(UP, 1.0).sample(labels, 2.0).sample(&[("__name__", "b")], 3.0).send();
        assert_answer(&sent, 400, [2, 0, 0]);
        assert_eq!(sent.1.0.lock().unwrap().len(), 2, "{case}");
    }
}

#[test]
fn broken_references_refuse_one_series() {
    let mut odd = Builder::new().sample(UP, 1.0).sample(UP, 2.0);
    odd.0.timeseries[0].labels_refs.pop();
    let sent = odd.send();
    assert_answer(&sent, 400, [1, 0, 0]);
    assert_eq!(sent.0.body, "parsing labels for series [1 2 3]: invalid labelRefs length 3\n");
    let mut outside = Builder::new().sample(UP, 1.0).sample(UP, 2.0);
    outside.0.timeseries[0].labels_refs = vec![1, 999];
    let sent = outside.send();
    assert_answer(&sent, 400, [1, 0, 0]);
    let expected =
        "parsing labels for series [1 999]: labelRefs 1 (name) = 999 (value) outside of symbols table (size 5)\n";
    assert_eq!(sent.0.body, expected);
    let mut metadata = Builder::new().sample(UP, 1.0).sample(UP, 2.0);
    metadata.0.timeseries[1].metadata = Some(MetadataV2 { metric_type: 1, help_ref: 99, unit_ref: 0 });
    assert_answer(&metadata.send(), 400, [1, 0, 0]);
}

#[test]
fn a_series_without_samples_is_refused() {
    let sent = Builder::new()
        .series(&[("__name__", "foo")], |b, s| s.exemplars.push(exemplar(b, &[("trace_id", "x")], NOW)))
        .sample(UP, 1.0)
        .send();
    assert_answer(&sent, 400, [1, 0, 0]);
    let expected = "TimeSeries must contain at least one sample or histogram for series {__name__=\"foo\"}\n";
    assert_eq!(sent.0.body, expected);
}

#[test]
fn samples_with_metadata_and_exemplars() {
    let sent = Builder::new()
        .series(UP, |b, s| {
            s.samples.push(SampleV2 { start_timestamp: NOW - 5, ..sample(1.0) });
            for offset in [0, -3_600_000, -60_000] {
                s.exemplars.push(exemplar(b, &[("trace_id", "äöü-123"), ("span_id", "s.1")], NOW + offset));
            }
            let (help_ref, unit_ref) = (b.symbol("newlines\nand \"quotes\""), b.symbol("special/units"));
            s.metadata = Some(MetadataV2 { metric_type: 2, help_ref, unit_ref });
            s.created_timestamp = 1;
        })
        .send();
    assert_answer(&sent, 204, [1, 0, 3]);
    let stored = sent.1.0.lock().unwrap();
    assert_eq!(stored[0].samples[0].start, NOW - 5, "field 6 is ignored, the sample's own start is kept");
    assert!(stored[0].exemplars.is_sorted_by_key(|e| e.timestamp));
    assert_eq!(stored[0].exemplars[0].labels.value("trace_id"), "äöü-123");
    let metadata = stored[0].metadata.as_ref().unwrap();
    assert_eq!((metadata.metric_type.as_str(), metadata.unit.as_str()), ("gauge", "special/units"));
}

#[test]
fn every_metadata_type_is_known() {
    let names =
        ["unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset", "unknown"];
    for (number, name) in names.into_iter().enumerate() {
        let sent = Builder::new()
            .series(UP, |b, s| {
                s.samples.push(sample(1.0));
                let help_ref = b.symbol("help");
                s.metadata = Some(MetadataV2 { metric_type: number as i32, help_ref, unit_ref: 0 });
            })
            .send();
        assert_answer(&sent, 204, [1, 0, 0]);
        assert_eq!(sent.1.0.lock().unwrap()[0].metadata.as_ref().unwrap().metric_type.as_str(), name);
    }
}

#[test]
fn histograms_are_counted_and_bad_ones_refused() {
    let good = Builder::new().series(UP, |_, s| s.histograms = vec![histogram(3), histogram(3)]);
    let sent = good.send();
    assert_answer(&sent, 204, [0, 2, 0]);
    assert_eq!(sent.1.0.lock().unwrap()[0].histograms[0].histogram.count, 3.0);
    let bad = Builder::new().series(UP, |_, s| s.histograms = vec![histogram(4)]).sample(UP, 1.0);
    assert_answer(&bad.send(), 400, [1, 0, 0]);
    let mixed = Builder::new().series(UP, |_, s| s.histograms = vec![histogram(4), histogram(3)]);
    assert_answer(&mixed.send(), 400, [0, 1, 0]);
}

#[test]
fn many_of_everything() {
    let name = |i: usize| format!("counter_metric_{i}");
    let mut request = Builder::new();
    for i in 0..50 {
        request = request.series(&[("series", "s"), ("__name__", &name(i))], |b, s| {
            if i % 2 == 0 {
                s.samples.push(sample(i as f64))
            } else {
                s.histograms.push(histogram(3))
            }
            s.exemplars.push(exemplar(b, &[("trace_id", &format!("t{i}"))], NOW));
        });
    }
    assert_answer(&request.send(), 204, [25, 25, 50]);
}

#[test]
fn wrong_types_and_encodings_are_415() {
    let body = encode::snappy(&Builder::new().sample(UP, 1.0).0.encode_to_vec()).unwrap();
    for (content_type, content_encoding) in
        [("application/json", "snappy"), ("image/png", "snappy"), (V2, "gzip"), (V2, "deflate")]
    {
        let reply = receive(&Sink::default(), content_type, content_encoding, &body);
        assert_eq!(reply.status, 415, "{content_type} {content_encoding}: {}", reply.body);
    }
}

#[test]
fn corrupt_bodies_are_400_with_written_counts() {
    let message = Builder::new().sample(UP, 1.0).0.encode_to_vec();
    let cut = encode::snappy(&message[..message.len() - 3]).unwrap();
    let mut broken = encode::snappy(&message).unwrap();
    broken.truncate(7);
    for body in [cut, broken, b"not snappy".to_vec()] {
        let reply = receive(&Sink::default(), V2, "snappy", &body);
        assert_answer(&(reply, Sink::default()), 400, [0, 0, 0]);
    }
}

#[test]
fn version_1_answers_without_counts() {
    let labels = Labels::from_pairs(UP.iter().copied());
    let samples = [Sample { timestamp: NOW, start: 0, value: 1.0 }];
    let mut body = Vec::new();
    encode::encode_v1(
        &[encode::SeriesOut { labels: Some(&labels), samples: &samples, ..Default::default() }],
        &mut body,
    );
    let sink = Sink::default();
    let reply = receive(&sink, "application/x-protobuf", "snappy", &encode::snappy(&body).unwrap());
    assert_eq!(reply, Reply { status: 204, headers: vec![], body: String::new() });
    let mut nameless = body.clone();
    encode::encode_v1(&[encode::SeriesOut { labels: None, samples: &samples, ..Default::default() }], &mut nameless);
    let reply = receive(&sink, "application/x-protobuf", "snappy", &encode::snappy(&nameless).unwrap());
    assert_eq!((reply.status, reply.body.as_str()), (400, "invalid metric name or labels, entry 1\n"));
}

#[test]
fn storage_that_cannot_now_is_503_with_a_time_to_return() {
    let unavailable = Err(AppendError::Unavailable { reason: "the disk is full".into(), retry_after_s: 7 });
    let reply = response::reply(Protocol::V2, &Refusals::default(), &unavailable);
    assert_eq!((reply.status, reply.body.as_str()), (503, "the disk is full\n"));
    assert_eq!(written(&reply).last(), Some(&("Retry-After", "7")));
    assert!(written(&reply).contains(&("X-Prometheus-Remote-Write-Samples-Written", "0")));
    assert_eq!(response::reply(Protocol::V1, &Refusals::default(), &unavailable).headers.len(), 1);
}

#[test]
fn reasons_are_told_up_to_ten() {
    let rejection = |entry| Rejection { entry, reason: RejectReason::OutOfOrder, detail: format!("reason {entry}") };
    let report =
        AppendReport { samples: 5, rejected: 25, rejections: (0..10).map(rejection).collect(), ..Default::default() };
    let reply = response::reply(Protocol::V2, &Refusals::default(), &Ok(report.clone()));
    assert_eq!((reply.status, reply.headers[0].1.as_str()), (400, "5"));
    assert!(reply.body.starts_with("reason 0\nreason 1\n") && reply.body.ends_with("reason 9\n(and 15 more)\n"));
    let whole = response::reply(Protocol::V2, &Refusals::default(), &Err(AppendError::Rejected(Box::new(report))));
    assert_eq!((whole.status, whole.headers[0].1.as_str()), (400, "0"), "nothing of a refused request is written");
}

#[test]
fn a_body_may_come_as_vmagent_sends_it() {
    let message = Builder::new().sample(UP, 1.0).0.encode_to_vec();
    let sink = Sink::default();
    let reply = receive(&sink, V2, "zstd", &zstd::bulk::compress(&message, 1).unwrap());
    assert_answer(&(reply, sink), 204, [1, 0, 0]);
    let headers = Headers { vm_version: Some("1"), ..Headers::default() };
    assert_eq!(Format::negotiate(&headers).unwrap().encoding, Encoding::Zstd);
}
