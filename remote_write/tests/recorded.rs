//! Bodies recorded from real senders.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::disallowed_methods, reason = "a test reads its data")]

use nightjar_model::metadata::MetricType;
use nightjar_model::storage::WriteBatch;
use nightjar_model::{Labels, is_stale};
use nightjar_remote_write::body::Encoding;
use nightjar_remote_write::encode::{SeriesOut, encode_v1, encode_v1_metadata};
use nightjar_remote_write::{Inflater, Limits, Protocol, Scratch};

fn recorded(name: &str) -> Vec<u8> {
    let path = format!("{}/../testdata/remote_write/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut message = Vec::new();
    let body = std::fs::read(path).unwrap();
    Inflater::new().inflate(Encoding::Snappy, &body, &Limits::default(), &mut message).unwrap();
    message
}

#[test]
fn prometheus_samples_are_read_and_written_to_the_byte() {
    let message = recorded("prometheus-2.42-samples.snappy");
    let mut scratch = Scratch::new();
    let request = scratch.decode(Protocol::V1, &message, &Limits::default()).unwrap();
    let labels: Vec<Labels> =
        (0..request.len()).map(|i| Labels::from_spelling(request.entry(i).spelling).unwrap()).collect();
    let up = labels.iter().position(|l| l.metric_name() == "up").unwrap();
    assert_eq!(
        labels[up].to_string(),
        "{__name__=\"up\", cluster=\"test\", instance=\"127.0.0.1:18998\", job=\"prometheus\"}"
    );
    assert_eq!(request.entry(up).samples[0].value, 1.0);
    assert_eq!(request.sample_count(), request.len());
    assert!((0..request.len()).all(|i| !is_stale(request.entry(i).samples[0].value)));
    let series: Vec<SeriesOut<'_>> = labels
        .iter()
        .enumerate()
        .map(|(i, labels)| SeriesOut { labels: Some(labels), samples: request.entry(i).samples, ..Default::default() })
        .collect();
    let mut ours = Vec::new();
    encode_v1(&series, &mut ours);
    assert_eq!(ours, message);
}

#[test]
fn prometheus_metadata_is_read_and_written_to_the_byte() {
    let message = recorded("prometheus-2.42-metadata.snappy");
    let mut scratch = Scratch::new();
    let request = scratch.decode(Protocol::V1, &message, &Limits::default()).unwrap();
    assert!(request.is_empty());
    let families = request.families();
    let (_, metadata) = families.iter().find(|(name, _)| name == "go_goroutines").unwrap();
    assert_eq!(metadata.metric_type, MetricType::Gauge);
    assert_eq!(metadata.help, "Number of goroutines that currently exist.");
    let mut ours = Vec::new();
    families.iter().for_each(|(name, metadata)| encode_v1_metadata(name, metadata, &mut ours));
    assert_eq!(ours, message);
}
