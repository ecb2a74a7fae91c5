//! A server inside the test.

use std::net::SocketAddr;
use std::sync::Arc;

use nightjar::serve::{OpenStore, Parts, Running};
use nightjar::store::StoreSlot;
use nightjar::store::db::DbStore;
use nightjar_model::metadata::{Metadata, MetricType};
use nightjar_model::{Exemplar, FloatHistogram, HistogramSample, Labels, Sample};
use nightjar_platform::{ManualClock, SimDisk};
use nightjar_remote_write::encode::{self, SeriesOut};

use crate::client;

/// The wall clock of all tests, in seconds.
pub(crate) const NOW_S: i64 = 1_700_000_000;

/// A running server and its address.
pub(crate) struct Server {
    running: Running,
    pub(crate) address: SocketAddr,
    pub(crate) clock: ManualClock,
    /// Where alerts are kept.
    _directory: tempfile::TempDir,
}

impl Server {
    /// With an empty database.
    pub(crate) async fn empty(flags: &[&str]) -> Server {
        let server = Server::with_store(flags, open_sim(SimDisk::new())).await;
        server.until_ready().await;
        server
    }

    /// With the data of [`Server::fill`].
    pub(crate) async fn filled() -> Server {
        let server = Server::empty(&[]).await;
        server.fill().await;
        server
    }

    /// With a store of the test's own, not waited for.
    pub(crate) async fn with_store(flags: &[&str], open_store: OpenStore) -> Server {
        let clock = ManualClock::new(NOW_S * 1000);
        let directory = tempfile::tempdir().unwrap();
        let path = format!("--storage.tsdb.path={}", directory.path().display());
        let flags = [&["nightjar", "--web.listen-address=127.0.0.1:0", &path], flags].concat();
        let (cli, listing) = nightjar::flags::parse(flags).unwrap();
        let parts = Parts { open_store, clock: Arc::new(clock.clone()) };
        let running = Running::start(cli.serve, listing, parts).await.unwrap();
        let address = running.addresses[0];
        Server { running, address, clock, _directory: directory }
    }

    pub(crate) async fn until_ready(&self) {
        while client::get(self.address, "/prometheus/-/ready").await.status != 200 {
            tokio::task::yield_now().await;
        }
    }

    /// Runs until it is told to stop, as the binary does.
    pub(crate) fn run(self) -> tokio::task::JoinHandle<Result<(), String>> {
        tokio::spawn(self.running.until_stopped())
    }

    pub(crate) async fn stop(self) {
        self.running.shutdown().await;
    }

    /// `up` of two instances every 15 s for 5 minutes, a histogram, an exemplar, metadata, a dotted name.
    pub(crate) async fn fill(&self) {
        let at = |i: i64| (NOW_S - 300 + i * 15) * 1000;
        let floats = |v: f64| (0..=20).map(|i| Sample { timestamp: at(i), start: 0, value: v }).collect::<Vec<_>>();
        let up = |instance| Labels::from_pairs([("__name__", "up"), ("job", "node"), ("instance", instance)]);
        let dotted = Labels::from_pairs([("__name__", "http.requests"), ("http.status", "2xx")]);
        let native = Labels::from_pairs([("__name__", "latency")]);
        let odd = Labels::from_pairs([("__name__", "odd"), ("job", "x\"\\\n\u{1b}é")]);
        let histogram = FloatHistogram {
            count: 3.0,
            sum: 4.5,
            zero_threshold: 0.001,
            positive_spans: vec![nightjar_model::histogram::Span { offset: 1, length: 2 }],
            positive_buckets: vec![1.0, 2.0],
            ..Default::default()
        };
        let histograms = [HistogramSample { timestamp: at(20), start: 0, integer: true, histogram }];
        let trace = Labels::from_pairs([("trace_id", "abc")]);
        let exemplars = [Exemplar { labels: trace, value: 1.5, timestamp: at(20) + 200 }];
        let metadata = Metadata { metric_type: MetricType::Gauge, help: "Is it up?".into(), unit: String::new() };
        let (ones, zeros) = (floats(1.0), floats(0.0));
        let odds = [
            Sample { timestamp: at(18), start: 0, value: f64::NAN },
            Sample { timestamp: at(19), start: 0, value: f64::INFINITY },
            Sample { timestamp: at(20) - 500, start: 0, value: 1e-7 },
        ];
        let labels = [up("a:1"), up("b:2"), dotted, native, odd];
        let none = SeriesOut::default();
        let series = [
            SeriesOut {
                labels: Some(&labels[0]),
                samples: &ones,
                metadata: Some(&metadata),
                exemplars: &exemplars,
                ..none
            },
            SeriesOut { labels: Some(&labels[1]), samples: &zeros, ..none },
            SeriesOut { labels: Some(&labels[2]), samples: &ones[20..], ..none },
            SeriesOut { labels: Some(&labels[3]), histograms: &histograms, ..none },
            SeriesOut { labels: Some(&labels[4]), samples: &odds, ..none },
        ];
        let mut message = Vec::new();
        encode::encode_v2(&series, &mut message);
        let answer = self.write(V2, &encode::snappy(&message).unwrap()).await;
        assert_eq!((answer.status, answer.text()), (204, ""));
    }

    /// Sends a snappy body by remote write.
    pub(crate) async fn write(&self, content_type: &str, body: &[u8]) -> client::Answer {
        let headers = [("Content-Type", content_type), ("Content-Encoding", "snappy")];
        client::send(self.address, "POST", "/api/v1/write", &headers, body).await
    }
}

/// The media type of remote write 1.0.
pub(crate) const V1: &str = "application/x-protobuf";

/// The media type of remote write 2.0.
pub(crate) const V2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

/// One series of remote write 1.0, compressed.
pub(crate) fn v1_body(labels: &Labels, samples: &[Sample]) -> Vec<u8> {
    let series = SeriesOut { labels: Some(labels), samples, ..Default::default() };
    let mut message = Vec::new();
    encode::encode_v1(&[series], &mut message);
    encode::snappy(&message).unwrap()
}

/// Opens the real database on a simulated disk.
pub(crate) fn open_sim(disk: SimDisk) -> OpenStore {
    Box::new(move |_, slot: &StoreSlot| {
        let options = nightjar_tsdb::Options { seed: Some(1), segment_bytes: 1 << 20, ..Default::default() };
        DbStore::open(disk, options, NOW_S * 1000, slot)
    })
}
