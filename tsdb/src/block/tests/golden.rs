//! Files of released versions stay readable.

use std::path::Path;

use nightjar_model::metadata::{Metadata, MetricType};
use nightjar_model::storage::Aggregate;
use nightjar_model::{ClosedRange, Exemplar, Labels, Matcher, STALE_NAN};
use nightjar_platform::RealDisk;

use super::super::{Block, BlockBuilder, BlockOptions, BlockSeries, MergeSource, Presence, Tier, downsample};
use super::model::{RANGE, histogram};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/block/v1");
const BUCKETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/block/v2");
/// Set to write the fixture again.
const REGENERATE: &str = "NIGHTJAR_REGENERATE";

fn times() -> Vec<i64> {
    (0..20).map(|i| 2_000_000 + i * 15_000 + i % 3).collect()
}

fn values() -> [Vec<f64>; 4] {
    let counter = (0..20).map(|i| f64::from(i * 100 + i % 3)).collect();
    let seconds = (0..20).map(|i| f64::from(i * 37) / 100.0).collect();
    let mut odd: Vec<f64> = (0..18).map(|i| f64::from(i % 2)).collect();
    (odd[3], odd[4], odd[5]) = (STALE_NAN, f64::NEG_INFINITY, f64::from_bits(0x7ff8_0000_dead_beef));
    let doubles = (1..21).map(|i| 1.0 / f64::from(i)).collect();
    [counter, seconds, odd, doubles]
}

fn labels(metric: &str) -> Labels {
    Labels::from_pairs([("__name__", metric), ("job", "node"), ("instance", "ä:9100")])
}

fn write(disk: &RealDisk) {
    let times = times();
    let [counter, seconds, odd, doubles] = values();
    let starts = vec![1_999_000; 20];
    let histograms = [histogram(2_000_000, 4), histogram(2_015_000, 5)];
    let exemplars = [Exemplar { labels: Labels::from_pairs([("trace_id", "abc")]), value: 0.25, timestamp: 2_000_500 }];
    let plain = |metric: &str| BlockSeries {
        labels: labels(metric),
        presence: Presence::All,
        values: &[],
        starts: None,
        histograms: &[],
        exemplars: &[],
    };
    let mut builder = BlockBuilder::create(disk, Path::new("scratch"), RANGE, BlockOptions::default()).unwrap();
    let target = [
        BlockSeries { values: &counter, starts: Some(&starts), exemplars: &exemplars, ..plain("requests_total") },
        BlockSeries { values: &seconds, ..plain("cpu_seconds_total") },
        BlockSeries { values: &odd, presence: Presence::Bitmap(&[0xf_fff0 | 0b0011]), ..plain("state") },
        BlockSeries { values: &doubles, ..plain("ratio") },
    ];
    builder.add_target(&times, &target).unwrap();
    builder.add_target(&[], &[BlockSeries { histograms: &histograms, ..plain("latency_seconds") }]).unwrap();
    let help = Metadata { metric_type: MetricType::Counter, help: "Requests.".into(), unit: String::new() };
    builder.add_metadata("requests_total", &help);
    builder.finish(Path::new("example.block")).unwrap();
}

#[test]
fn version_1_is_read() {
    let disk = RealDisk::new(FOLDER).unwrap();
    if std::env::var_os(REGENERATE).is_some() {
        write(&disk);
    }
    let block = Block::open(&disk, Path::new("example.block")).unwrap();
    assert_eq!(block.verify().unwrap(), []);
    let names = ["cpu_seconds_total", "latency_seconds", "ratio", "requests_total", "state"];
    for (id, name) in names.iter().enumerate() {
        assert_eq!(block.labels(id as u32).unwrap(), labels(name));
    }
    let mut out = Vec::new();
    block.read(&[0, 1, 2, 3, 4], ClosedRange::ALL, &mut out).unwrap();
    let bits = |v: &[f64]| v.iter().map(|f| f.to_bits()).collect::<Vec<_>>();
    let [counter, seconds, odd, doubles] = values();
    for (i, expected) in [(0, seconds), (1, vec![]), (2, doubles), (3, counter), (4, odd)] {
        assert_eq!(bits(&out[i].floats.values), bits(&expected), "{}", names[i]);
    }
    assert_eq!(out[0].floats.timestamps[..], times());
    assert_eq!(out[4].floats.timestamps.len(), 18);
    assert_eq!(out[4].floats.timestamps[2], times()[4]);
    assert_eq!(out[3].floats.starts.as_deref(), Some(&[1_999_000; 20][..]));
    let read: Vec<_> = out[1].histograms.values.iter().map(|h| (**h).clone()).collect();
    assert_eq!(read, [histogram(2_000_000, 4).histogram, histogram(2_015_000, 5).histogram]);
    assert_eq!(out[1].histograms.starts, Some(vec![1, 2]));
    assert_eq!(block.exemplars(&[3]).unwrap()[0].1[0].value, 0.25);
    assert_eq!(block.metadata().unwrap()[0].1.help, "Requests.");
    assert_eq!(block.select(&[Matcher::equal("__name__", "ratio")]).unwrap().to_vec(), [2]);
}

/// The same content gives the same bytes, so a change of the format is noticed.
#[test]
fn version_1_is_written() {
    let dir = tempfile::tempdir().unwrap();
    write(&RealDisk::new(dir.path()).unwrap());
    let same = content(dir.path(), "example.block") == content(Path::new(FOLDER), "example.block");
    assert!(same, "the format changed; set {REGENERATE}=1 if this is meant, and raise the version");
}

/// Buckets of a minute of the file of version 1.
fn write_buckets(disk: &RealDisk) {
    let block = Block::open(&RealDisk::new(FOLDER).unwrap(), Path::new("example.block")).unwrap();
    let tier = Tier { width_ms: 60_000, sources: [7, 300].into() };
    let (sources, options) = ([MergeSource { block: &block, cuts: Vec::new() }], BlockOptions::default());
    downsample(disk, Path::new("buckets.block"), RANGE, &sources, options, tier, &mut || Ok(())).unwrap();
}

#[test]
fn version_2_is_read() {
    let disk = RealDisk::new(BUCKETS).unwrap();
    if std::env::var_os(REGENERATE).is_some() {
        write_buckets(&disk);
    }
    let block = Block::open(&disk, Path::new("buckets.block")).unwrap();
    assert_eq!(block.verify().unwrap(), []);
    assert_eq!(block.tier(), Some(&Tier { width_ms: 60_000, sources: [7, 300].into() }));
    let names = ["cpu_seconds_total", "ratio", "requests_total", "state"];
    for (id, name) in names.iter().enumerate() {
        assert_eq!(block.labels(id as u32).unwrap(), labels(name));
    }
    let read = |id: u32, aggregate| {
        let mut out = Vec::new();
        block.read_buckets(&[id], aggregate, ClosedRange::ALL, &mut out).unwrap();
        out.remove(0).unwrap()
    };
    let times = times();
    let ends = [times[2], times[6], times[10], times[14], times[18], times[19]];
    let requests = |aggregate| read(2, aggregate).floats;
    assert_eq!(requests(Aggregate::Last).timestamps[..], ends);
    assert_eq!(requests(Aggregate::Last).values, [202.0, 600.0, 1001.0, 1402.0, 1800.0, 1901.0]);
    assert_eq!(requests(Aggregate::Counter).values, requests(Aggregate::Last).values);
    assert_eq!(requests(Aggregate::Count).values, [3.0, 4.0, 4.0, 4.0, 4.0, 1.0]);
    assert_eq!(requests(Aggregate::Sum).values[0], 303.0);
    assert_eq!(requests(Aggregate::Min).values[1], 300.0);
    assert_eq!(requests(Aggregate::Max).values[1], 600.0);
    assert_eq!(read(2, Aggregate::Counter).joint.first, 0.0);
    assert!(read(3, Aggregate::Min).floats.values.contains(&f64::NEG_INFINITY));
    assert_eq!(block.select(&[Matcher::equal("__name__", "ratio")]).unwrap().to_vec(), [1]);
    // What is inside a part of the time.
    let mut out = Vec::new();
    let range = ClosedRange { start: ends[1], end: ends[3] - 1 };
    block.read_buckets(&[0, 2], Aggregate::Max, range, &mut out).unwrap();
    out.iter().flatten().for_each(|column| assert_eq!(column.floats.timestamps[..], ends[1..3]));
}

#[test]
fn version_2_is_written() {
    let dir = tempfile::tempdir().unwrap();
    write_buckets(&RealDisk::new(dir.path()).unwrap());
    let same = content(dir.path(), "buckets.block") == content(Path::new(BUCKETS), "buckets.block");
    assert!(same, "the format changed; set {REGENERATE}=1 if this is meant, and raise the version");
}

fn content(folder: &Path, name: &str) -> Vec<u8> {
    use nightjar_platform::{Disk, DiskFile, OpenMode};
    let file = RealDisk::new(folder).unwrap().open(Path::new(name), OpenMode::Read).unwrap();
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}
