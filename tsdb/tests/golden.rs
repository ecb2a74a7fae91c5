//! Data directories written by earlier versions stay readable.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use nightjar_model::histogram::{FloatHistogram, Span};
use nightjar_model::metadata::{Metadata, MetricType};
use nightjar_model::storage::{Atomicity, SelectHints, Storage};
use nightjar_model::{ClosedRange, Exemplar, HistogramSample, Labels, MatchOp, Matcher, STALE_NAN, Sample};
use nightjar_platform::{Disk, DiskFile, OpenMode, RealDisk, SimDisk};
use nightjar_tsdb::{Db, Maintained, Options};
use support::*;

const NOW: i64 = 1_700_000_000_000;
const VERSIONS: [&str; 2] = ["v1", "v2"];

fn folder(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/wal").join(version)
}

/// Copies a tree of files.
fn copy<A: Disk, B: Disk>(from: &A, to: &B, dir: &Path) {
    for entry in from.list(dir).unwrap() {
        let path = dir.join(&entry.name);
        if entry.is_dir {
            to.create_dir(&path).unwrap();
            copy(from, to, &path);
            continue;
        }
        let mut bytes = vec![0; entry.len as usize];
        from.open(&path, OpenMode::Read).unwrap().read_exact_at(&mut bytes, 0).unwrap();
        let file = to.open(&path, OpenMode::CreateNew).unwrap();
        file.write_all_at(&bytes, 0).unwrap();
        file.sync_data().unwrap();
    }
}

fn histogram(t: i64, n: f64) -> HistogramSample {
    let histogram = FloatHistogram {
        schema: 3,
        count: 3.0 * n,
        sum: 1.5,
        positive_spans: vec![Span { offset: -2, length: 1 }, Span { offset: 3, length: 1 }],
        positive_buckets: vec![n, 2.0 * n],
        ..FloatHistogram::default()
    };
    HistogramSample { timestamp: t, start: NOW - 5, integer: true, histogram }
}

/// A bit of everything.
fn batch(i: i64) -> Owned {
    let t = NOW + i * 1000;
    let mut batch = Owned::default();
    for s in 0..70 {
        let value = match s % 5 {
            0 => (i * s) as f64,
            1 => (i * s) as f64 / 100.0,
            2 => 1.0 / (i * s + 3) as f64,
            3 if i % 7 == 6 => STALE_NAN,
            _ => 12.5,
        };
        batch = batch.with(&format!("__name__=m{s},job=a,instance=1"), &[(t, value)]);
    }
    batch = batch.with("__name__=m0,job=a,instance=1", &[(t - 2500, -0.0)]).with("__name__=rule", &[(t, i as f64)]);
    batch.0[70].samples.push(Sample { timestamp: t - 2400, start: NOW - 7, value: 1.0 });
    batch.0[1].samples[0].start = NOW - 9 + i / 4;
    batch.0.push(Entry {
        spelling: spelling("__name__=h,job=a,instance=1"),
        histograms: vec![histogram(t, i as f64)],
        exemplars: vec![Exemplar { labels: labels("trace_id=abc"), value: 0.25, timestamp: t }],
        metadata: Some(Metadata { metric_type: MetricType::Histogram, help: "h".into(), unit: "s".into() }),
        ..Entry::default()
    });
    batch
}

fn golden_options() -> Options {
    Options { segment_bytes: 8000, block_ms: 10_000, seal_delay_ms: 5_000, retention_ms: 0, ..options() }
}

/// Everything stored, as text.
fn describe(db: &Db<SimDisk>) -> String {
    let mut out = String::new();
    let querier = db.querier(ClosedRange::ALL).unwrap();
    let set = querier.select(&[], &SelectHints::range(ClosedRange::ALL)).unwrap();
    let mut data = Vec::new();
    set.read(0..set.len(), ClosedRange::ALL, &mut data).unwrap();
    for (i, d) in data.iter().enumerate() {
        let labels: Labels = set.labels(i);
        writeln!(out, "{labels}").unwrap();
        for (n, (t, v)) in d.floats.timestamps.iter().zip(&d.floats.values).enumerate() {
            let start = d.floats.starts.as_ref().map_or(0, |s| s[n]);
            writeln!(out, "  {t} {:016x} {start}", v.to_bits()).unwrap();
        }
        for (n, (t, h)) in d.histograms.timestamps.iter().zip(&d.histograms.values).enumerate() {
            let start = d.histograms.starts.as_ref().map_or(0, |s| s[n]);
            writeln!(out, "  {t} histogram {} {} {:?} {start}", h.count, h.sum, h.positive_buckets).unwrap();
        }
    }
    for (labels, exemplars) in querier.exemplars(&[]).unwrap() {
        exemplars
            .iter()
            .for_each(|e| writeln!(out, "exemplar {labels} {} {} {}", e.labels, e.value, e.timestamp).unwrap());
    }
    writeln!(out, "metadata {:?}", db.metadata(None)).unwrap();
    assert_eq!(set.warnings(), Vec::<String>::new());
    out
}

#[test]
fn earlier_versions_stay_readable() {
    for version in VERSIONS {
        let disk = SimDisk::new();
        copy(&RealDisk::new(folder(version)).unwrap(), &disk, Path::new(""));
        let mut expected = vec![0; disk.open("content.txt".as_ref(), OpenMode::Read).unwrap().len().unwrap() as usize];
        disk.open("content.txt".as_ref(), OpenMode::Read).unwrap().read_exact_at(&mut expected, 0).unwrap();
        let db = open(&disk, golden_options()).unwrap();
        assert_eq!(describe(&db), String::from_utf8(expected).unwrap(), "{version}");
        assert_eq!(db.stats().damaged_sections, 0);
        append(&db, &batch(100), Atomicity::Whole, NOW + 200_000).unwrap();
    }
}

/// Writes the fixture of the current version: only for a new version, never to make a test pass.
#[test]
#[ignore = "writes testdata"]
fn write_the_fixture() {
    let disk = SimDisk::new();
    let db = open(&disk, golden_options()).unwrap();
    for i in 0..25 {
        append(&db, &batch(i), Atomicity::Whole, NOW + 100_000).unwrap();
    }
    while db.maintain(NOW).unwrap() != Maintained::Nothing {}
    db.delete(&[Matcher::equal("__name__", "m5")], ClosedRange::ALL).unwrap();
    db.clean().unwrap();
    for i in 25..30 {
        append(&db, &batch(i), Atomicity::Whole, NOW + 100_000).unwrap();
    }
    let matchers = [Matcher::new(MatchOp::Regex, "__name__", "m1.").unwrap(), Matcher::equal("job", "a")];
    db.delete(&matchers, ClosedRange { start: NOW + 3_000, end: NOW + 27_000 }).unwrap();
    append(&db, &batch(30), Atomicity::Whole, NOW + 100_000).unwrap();
    assert_eq!((db.stats().blocks, db.stats().tombstones), (2, 2));
    let content = describe(&db);
    drop(db);
    let target = RealDisk::new(folder("v2")).unwrap();
    let file = target.open("content.txt".as_ref(), OpenMode::CreateNew).unwrap();
    file.write_all_at(content.as_bytes(), 0).unwrap();
    copy(&disk, &target, Path::new(""));
}
