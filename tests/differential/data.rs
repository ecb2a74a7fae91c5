//! Series, and pushing them to both servers.

use nightjar_model::{HistogramSample, Labels, STALE_NAN, Sample, TimestampMs};
use nightjar_remote_write::encode::{SeriesOut, encode_v1, encode_v2, snappy};

use crate::otlp;
use crate::peer::Both;
use crate::support::http::Client;

/// Where all data begins: a multiple of every step in use.
pub const BASE_MS: TimestampMs = 1_700_006_400_000;

/// Requests hold the samples of this much time, so that no server sees samples of the far past after newer ones.
pub const SLICE_MS: i64 = 5 * 60_000;
/// And not more samples than this.
const MOST_SAMPLES: usize = 20_000;

/// A series to push; samples ascending in time.
#[derive(Clone, Debug, Default)]
pub struct Series {
    pub labels: Labels,
    pub samples: Vec<Sample>,
    pub histograms: Vec<HistogramSample>,
    /// Samples have start times: Prometheus takes these by OTLP only.
    pub started: bool,
}

impl Series {
    pub fn new(labels: Labels) -> Series {
        Series { labels, ..Series::default() }
    }

    pub fn float(&mut self, timestamp: TimestampMs, value: f64) {
        self.samples.push(Sample { timestamp, start: 0, value });
    }

    fn times(&self) -> impl Iterator<Item = TimestampMs> + '_ {
        self.samples.iter().map(|s| s.timestamp).chain(self.histograms.iter().map(|h| h.timestamp))
    }
}

/// Pushes to both, in the order of time. Before all else each series gets a stale marker, in the order of labels: so both
/// keep the series in the same order, on which sums of floats and choices among equals depend.
pub fn push(both: &mut Both, series: &mut [Series]) {
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    assert!(series.windows(2).all(|w| w[0].labels != w[1].labels), "a series is given twice");
    let mut slices: Vec<i64> = series.iter().flat_map(Series::times).map(|t| t.div_euclid(SLICE_MS)).collect();
    slices.sort_unstable();
    slices.dedup();
    let Some(first) = slices.first() else { return };
    let born = [Sample { timestamp: first * SLICE_MS - 1, start: 0, value: STALE_NAN }];
    let births: Vec<_> = series
        .iter()
        .filter(|one| !one.started)
        .map(|one| SeriesOut { labels: Some(&one.labels), samples: &born, ..SeriesOut::default() })
        .collect();
    births.chunks(MOST_SAMPLES).for_each(|births| send(both, births));
    for slice in slices {
        let range = slice * SLICE_MS..(slice + 1) * SLICE_MS;
        let (mut request, mut with_starts, mut samples) = (Vec::new(), Vec::new(), 0);
        for one in series.iter() {
            let part = |times: &dyn Fn(usize) -> TimestampMs, len: usize| {
                let first = (0..len).position(|i| times(i) >= range.start).unwrap_or(len);
                let end = (first..len).find(|i| times(*i) >= range.end).unwrap_or(len);
                first..end
            };
            let floats = &one.samples[part(&|i| one.samples[i].timestamp, one.samples.len())];
            let histograms = &one.histograms[part(&|i| one.histograms[i].timestamp, one.histograms.len())];
            if floats.is_empty() && histograms.is_empty() {
                continue;
            }
            let part = SeriesOut { labels: Some(&one.labels), samples: floats, histograms, ..SeriesOut::default() };
            if one.started {
                with_starts.push(part);
                continue;
            }
            request.push(part);
            samples += floats.len() + histograms.len();
            if samples > MOST_SAMPLES {
                send(both, &std::mem::take(&mut request));
                samples = 0;
            }
        }
        send(both, &request);
        if !with_starts.is_empty() {
            send_with_starts(both, &with_starts);
        }
    }
}

fn send(both: &mut Both, request: &[SeriesOut<'_>]) {
    let mut message = Vec::new();
    encode_v1(request, &mut message);
    let body = snappy(&message).expect("it compresses");
    for client in [&mut both.theirs, &mut both.ours] {
        post(client, "/api/v1/write", &REMOTE_WRITE_1, &body);
    }
}

fn send_with_starts(both: &mut Both, request: &[SeriesOut<'_>]) {
    let mut message = Vec::new();
    encode_v2(request, &mut message);
    post(&mut both.ours, "/api/v1/write", &REMOTE_WRITE_2, &snappy(&message).expect("it compresses"));
    let body = otlp::export(request).to_string();
    post(&mut both.theirs, "/api/v1/otlp/v1/metrics", &[("Content-Type", "application/json")], body.as_bytes());
}

const REMOTE_WRITE_1: [(&str, &str); 3] = [
    ("Content-Encoding", "snappy"),
    ("Content-Type", "application/x-protobuf"),
    ("X-Prometheus-Remote-Write-Version", "0.1.0"),
];
const REMOTE_WRITE_2: [(&str, &str); 3] = [
    ("Content-Encoding", "snappy"),
    ("Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"),
    ("X-Prometheus-Remote-Write-Version", "2.0.0"),
];

fn post(client: &mut Client, path: &str, headers: &[(&str, &str)], body: &[u8]) {
    let answer = client.send("POST", path, headers, body).unwrap_or_else(|e| panic!("{path}: {e}"));
    assert_eq!(answer.status / 100, 2, "{path}: {}", answer.text());
}
