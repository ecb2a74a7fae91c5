//! Foreign data into the database and out again, and files of foreign formats that stay readable.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may fail")]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use nightjar_model::histogram::{FloatHistogram, Span};
use nightjar_model::storage::{FloatColumn, HistogramColumn, SelectHints, SeriesData, Storage};
use nightjar_model::{BlockRange, ClosedRange, Labels, STALE_NAN, STALE_NAN_BITS};
use nightjar_platform::{Disk, DiskFile, OpenMode, RealDisk, SeededEntropy, SimDisk};
use nightjar_tsdb::exchange::prometheus::BlockWriter;
use nightjar_tsdb::exchange::*;
use nightjar_tsdb::{Db, ImportedBlock, Options};
use support::*;

const HOUR: i64 = 3_600_000;
const ULID: &str = "01J0000000000000000000000A";
const IMPORT: ImportOptions = ImportOptions { block_ms: 2 * HOUR, skip_damaged: false };

fn floats(times: Vec<i64>, value: impl Fn(usize) -> f64) -> SeriesData {
    let values = (0..times.len()).map(value).collect();
    SeriesData { floats: FloatColumn { timestamps: times.into(), values, starts: None }, ..SeriesData::default() }
}

fn histograms(integer: bool) -> SeriesData {
    let histogram = |n: usize| {
        if n == 6 {
            return Arc::new(FloatHistogram { sum: f64::from_bits(STALE_NAN_BITS), ..FloatHistogram::default() });
        }
        // A reset at 4, a new bucket at 8.
        let base = if n < 4 { n } else { n - 4 } as f64 + if integer { 0.0 } else { 0.5 };
        let wide = n >= 8;
        Arc::new(FloatHistogram {
            schema: 2,
            zero_threshold: 2f64.powi(-128),
            zero_count: base,
            count: 4.0 * base + if wide { 1.0 } else { 0.0 },
            sum: base * 0.3,
            positive_spans: vec![Span { offset: 1, length: if wide { 3 } else { 2 } }],
            positive_buckets: if wide { vec![base, base, 1.0] } else { vec![base, base] },
            negative_spans: vec![Span { offset: 0, length: 1 }],
            negative_buckets: vec![base],
            ..FloatHistogram::default()
        })
    };
    let timestamps = (0..12).map(|n| n * 15_000).collect();
    let values = (0..12).map(histogram).collect();
    SeriesData { histograms: HistogramColumn { timestamps, values, starts: None }, ..SeriesData::default() }
}

/// A small block with a bit of everything.
fn write_block<D: Disk>(disk: &D) {
    let series = [
        (
            labels("__name__=counter_total,instance=a,job=x"),
            floats((0..400).map(|i| i * 15_000).collect(), |i| i as f64 * 3.0),
        ),
        (
            labels("__name__=gauge,instance=a,job=x"),
            floats((0..300).map(|i| i * 15_000 + i % 7).collect(), |i| (i as f64).sin()),
        ),
        (labels("__name__=h_float,instance=a,job=x"), histograms(false)),
        (labels("__name__=h_int,instance=a,job=x"), histograms(true)),
        (
            labels("__name__=strange,instance=é,job=x"),
            floats(vec![-5, 1, 7_199_999], |i| [f64::NAN, STALE_NAN, f64::NEG_INFINITY][i]),
        ),
    ];
    let symbols = series
        .iter()
        .flat_map(|(l, _)| l.iter().flat_map(|l| [l.name.to_owned(), l.value.to_owned()]).collect::<Vec<_>>());
    let mut block = BlockWriter::create(disk, ULID, BlockRange { start: -5, end: 2 * HOUR }, symbols).unwrap();
    series.iter().for_each(|(labels, data)| block.series(labels, data).unwrap());
    block.finish().unwrap().unwrap();
}

fn import_all(db: &Db<SimDisk>, disk: &impl Disk, path: &str) -> Imported {
    from_block(db, disk, Path::new(path), IMPORT, &mut |_| {}).unwrap()
}

fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata").join(path)
}

#[test]
fn a_block_comes_in_once_and_goes_out_again() {
    let (foreign, disk) = (SimDisk::new(), SimDisk::new());
    write_block(&foreign);
    let db = open(&disk, options()).unwrap();
    let first = import_all(&db, &foreign, ULID);
    // -5 lies in another day.
    assert_eq!((first.blocks, first.known, first.samples), (2, 0, 400 + 300 + 3 + 24));
    let content = read(&db);
    assert_eq!(content.len(), 5);
    let again = import_all(&db, &foreign, ULID);
    assert_eq!((again.blocks, again.known, again.samples), (0, 2, 0));
    assert_eq!(read(&db), content);
    drop(db);

    let db = open(&disk, options()).unwrap();
    assert_eq!(read(&db), content, "after a restart");
    let out = SimDisk::new();
    let request = ExportRequest { range: ClosedRange::ALL, matchers: vec![], block_ms: 2 * HOUR, now: 7 };
    let done = to_blocks(&db, &out, &request, &SeededEntropy::new(3), &mut |_| {}).unwrap();
    assert_eq!((done.blocks.len(), done.samples, done.warnings.len()), (2, first.samples, 0));
    let copy = open(&SimDisk::new(), options()).unwrap();
    for meta in &done.blocks {
        import_all(&copy, &out, &meta.ulid);
    }
    assert_eq!(read(&copy), content);
    assert_eq!(histograms_of(&copy), histograms_of(&db));
}

fn histograms_of(db: &Db<SimDisk>) -> Vec<(Labels, Vec<(i64, FloatHistogram)>)> {
    let querier = db.querier(ClosedRange::ALL).unwrap();
    let set = querier.select(&[], &SelectHints::range(ClosedRange::ALL)).unwrap();
    let mut data = Vec::new();
    set.read(0..set.len(), ClosedRange::ALL, &mut data).unwrap();
    let plain = |h: &Arc<FloatHistogram>| {
        let sum = if h.is_stale() { 0.0 } else { h.sum };
        FloatHistogram { sum, ..FloatHistogram::clone(h) }
    };
    let all = data.iter().enumerate().map(|(i, d)| {
        let times = d.histograms.timestamps.iter().copied();
        (set.labels(i), times.zip(d.histograms.values.iter().map(plain)).collect())
    });
    all.collect()
}

#[test]
fn stored_and_imported_samples_of_one_time_are_one() {
    let (foreign, disk) = (SimDisk::new(), SimDisk::new());
    write_block(&foreign);
    let db = open(&disk, options()).unwrap();
    let series = "__name__=gauge,instance=a,job=x";
    append(&db, &one(series, &[(15_001, 42.0)]), nightjar_model::storage::Atomicity::Whole, 20_000).unwrap();
    import_all(&db, &foreign, ULID);
    let samples = &read(&db)[&labels(series).to_string()];
    assert_eq!(samples.iter().filter(|(t, _)| *t == 15_001).count(), 1);
}

/// The import dies at every write in turn; the second one always ends with the same content and nothing twice.
#[test]
fn an_interrupted_import_is_repeated() {
    let foreign = SimDisk::new();
    write_block(&foreign);
    let reference = open(&SimDisk::new(), options()).unwrap();
    import_all(&reference, &foreign, ULID);
    let content = read(&reference);
    let before = SimDisk::new();
    drop(open(&before, options()).unwrap());
    before.record();
    let db = open(&before, options()).unwrap();
    import_all(&db, &foreign, ULID);
    drop(db);
    for (point, disk) in before.recording().crashes(200, 1) {
        let db = open(&disk, options()).unwrap_or_else(|e| panic!("{point:?}: {e}"));
        import_all(&db, &foreign, ULID);
        assert_eq!(read(&db), content, "{point:?}");
        // A block that counts twice: the power went between the manifest and the note that says "done".
        assert!(db.stats().blocks <= 3, "{point:?}: {}", db.stats().blocks);
    }
}

#[test]
fn damage_is_named_and_costs_only_its_chunk() {
    let foreign = SimDisk::new();
    write_block(&foreign);
    let path = Path::new(ULID).join("chunks/000001");
    let file = foreign.open(&path, OpenMode::ReadWrite).unwrap();
    file.write_all_at(&[0xaa], 60).unwrap();
    let disk = SimDisk::new();
    let db = open(&disk, options()).unwrap();
    let error = from_block(&db, &foreign, Path::new(ULID), IMPORT, &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("chunks/000001 at byte 8: checksum is") && error.contains("counter_total"), "{error}");
    let skip = ImportOptions { skip_damaged: true, ..IMPORT };
    let done = from_block(&db, &foreign, Path::new(ULID), skip, &mut |_| {}).unwrap();
    // The sample of the other day had come in before the damage was met.
    assert_eq!((done.damaged, done.damage.len(), done.known), (1, 1, 1));
    assert_eq!(done.samples, 400 - 120 + 300 + 2 + 24);
}

#[test]
fn text_comes_in_and_goes_out() {
    let disk = SimDisk::new();
    let text = "# TYPE req counter\n# HELP req Requests.\nreq_total{a=\"1\"} 1 10\nreq_total{a=\"1\"} 3 25.5 # {trace_id=\"t\"} 0.5 25\n\
                req_total{a=\"2\"} 7 10\nup 1 100000\nup 1 10\nup 2 10\n# EOF\n";
    write_file(&disk, "in.om", text);
    let db = open(&SimDisk::new(), options()).unwrap();
    let done = from_text(&db, &disk, Path::new("in.om"), IMPORT, &mut |_| {}).unwrap();
    assert_eq!((done.blocks, done.samples, done.exemplars, done.contradictions), (2, 5, 1, 1));
    let again = from_text(&db, &disk, Path::new("in.om"), IMPORT, &mut |_| {}).unwrap();
    assert_eq!((again.blocks, again.known), (0, 2));
    let mut out = Vec::new();
    let request = ExportRequest { range: ClosedRange::ALL, matchers: vec![], block_ms: 2 * HOUR, now: 7 };
    to_text(&db, &mut out, &request, &mut |_| {}).unwrap();
    let expected = "req_total{a=\"1\"} 1 10.000\nreq_total{a=\"1\"} 3 25.500\nreq_total{a=\"2\"} 7 10.000\nup 1 10.000\nup 1 100000.000\n# EOF\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    for (bad, expected) in [
        ("up 1 1\n", "bad.om: it does not end with \"# EOF\": something was cut off"),
        ("up 1 1\nup x 2\n# EOF\n", "bad.om:2:4: a value was expected, not \"x\""),
        ("# EOF\nup 1 1\n", "bad.om:2:1: something follows \"# EOF\""),
    ] {
        let disk = SimDisk::new();
        write_file(&disk, "bad.om", bad);
        let error = from_text(&db, &disk, Path::new("bad.om"), IMPORT, &mut |_| {}).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    }
}

fn write_file(disk: &SimDisk, path: &str, text: &str) {
    let file = disk.open(Path::new(path), OpenMode::CreateNew).unwrap();
    file.write_all_at(text.as_bytes(), 0).unwrap();
}

#[test]
fn what_begins_is_not_done() {
    let db = open(&SimDisk::new(), options()).unwrap();
    let range = BlockRange { start: 0, end: 10 };
    let failed: Result<_, std::io::Error> = db.import("a", range, |_| Err(std::io::Error::other("no")));
    assert!(failed.is_err());
    assert_eq!(db.import::<std::io::Error>("a", range, |_| Ok(false)).unwrap(), ImportedBlock::Empty);
    assert_eq!(db.import::<std::io::Error>("a", range, |_| Ok(true)).unwrap(), ImportedBlock::Known);
}

/// Files as this version writes them stay readable for ever.
#[test]
fn fixtures() {
    let root = testdata("prometheus-block/v1");
    if std::env::var_os("NIGHTJAR_REGENERATE").is_some() {
        let disk = RealDisk::new(&root).unwrap();
        write_block(&disk);
    }
    let db = open(&SimDisk::new(), options()).unwrap();
    let done = import_all(&db, &RealDisk::new(&root).unwrap(), ULID);
    let foreign = SimDisk::new();
    write_block(&foreign);
    let fresh = open(&SimDisk::new(), options()).unwrap();
    import_all(&fresh, &foreign, ULID);
    assert_eq!((done.samples, read(&db)), (727, read(&fresh)));
    let text = testdata("openmetrics");
    let done = from_text(&db, &RealDisk::new(&text).unwrap(), Path::new("example.om"), IMPORT, &mut |_| {}).unwrap();
    assert_eq!((done.samples, done.exemplars), (6, 1));
}

/// Blocks of the first index version, and those that only claim to be of it.
#[test]
fn old_indices() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/prometheus/tsdb");
    if !root.is_dir() {
        eprintln!("SKIPPED: {} is absent; index version 1 is not read", root.display());
        return;
    }
    let disk = RealDisk::new(&root).unwrap();
    let db = open(&SimDisk::new(), options()).unwrap();
    let done = import_all(&db, &disk, "index_format_v1");
    assert_eq!((done.samples, done.blocks), (102, 1));
    let content = read(&db);
    assert_eq!(content.len(), 102);
    assert_eq!(content[r#"{foo="baz"}"#], [(3, 4.0f64.to_bits())]);
    let mislabelled = disk.list(Path::new("repair_index_version")).unwrap().remove(0).name;
    // This one is only the beginning of an index: strings and tables are read, and then there is no list of series.
    let path = Path::new("repair_index_version").join(mislabelled);
    let error = from_block(&db, &disk, &path, IMPORT, &mut |_| {}).unwrap_err().to_string();
    assert!(error.ends_with("index at byte 92: there is no list of all series"), "{error}");
}

#[test]
fn options_are_the_servers() {
    assert_eq!(IMPORT.block_ms, Options::default().block_ms);
}
