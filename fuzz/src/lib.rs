//! One function a target. Each takes arbitrary bytes and must come back: no panic, no endless loop, no memory by a size the
//! bytes declare.

use std::path::Path;

use nightjar_alertmanager::config::Config;
use nightjar_alertmanager::log::Log;
use nightjar_alertmanager::matcher::MatcherMode;
use nightjar_model::ClosedRange;
use nightjar_model::storage::{Aggregate, SelectHints, Storage, WriteBatch};
use nightjar_platform::{Disk, DiskFile, OpenMode, SimDisk};
use nightjar_query::ParserOptions;
use nightjar_remote_write::{Encoding, Inflater, Limits, Protocol, Scratch};
use nightjar_tsdb::block::Block;
use nightjar_tsdb::bytes::Cursor;
use nightjar_tsdb::codec::{column, exemplar, histogram, metadata};
use nightjar_tsdb::exchange::prometheus::{ChunkSamples, ForeignBlock, Meta, Tombstones};
use nightjar_tsdb::exchange::{openmetrics, prometheus};
use nightjar_tsdb::{Db, Options};

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

fn put(disk: &SimDisk, path: &str, bytes: &[u8]) {
    let path = Path::new(path);
    if let Some(dir) = path.parent() {
        disk.create_dir(dir).expect("a directory");
    }
    let file = disk.open(path, OpenMode::CreateNew).expect("a file");
    file.write_all_at(bytes, 0).expect("it is written");
}

/// A remote write message.
pub fn remote_write(protocol: Protocol, data: &[u8]) {
    let mut scratch = Scratch::new();
    if let Ok(request) = scratch.decode(protocol, data, &Limits::default()) {
        for i in 0..request.len() {
            let entry = request.entry(i);
            let _ = nightjar_model::Labels::from_spelling(entry.spelling);
        }
    }
}

/// A compressed body: the first byte says how.
pub fn body(data: &[u8]) {
    let Some((how, data)) = data.split_first() else { return };
    let encoding = [Encoding::Snappy, Encoding::Zstd, Encoding::Unknown, Encoding::Identity][*how as usize % 4];
    let mut out = Vec::new();
    let limits = Limits { decompressed_bytes: 1 << 20, ..Limits::default() };
    let _ = Inflater::new().inflate(encoding, data, &limits, &mut out);
    assert!(out.len() <= 1 << 20);
}

/// Opens whatever is on a disk and reads everything.
fn open(disk: SimDisk) {
    let Ok(db) = Db::open(disk, Options { seed: Some(1), ..Options::default() }, 0, &mut |_| {}) else { return };
    let Ok(querier) = db.querier(ClosedRange::ALL) else { return };
    let Ok(set) = querier.select(&[], &SelectHints::range(ClosedRange::ALL)) else { return };
    let mut out = Vec::new();
    for start in (0..set.len()).step_by(64) {
        out.clear();
        let _ = set.read(start..(start + 64).min(set.len()), ClosedRange::ALL, &mut out);
    }
    let _ = querier.exemplars(&[]);
}

/// A segment of the log.
pub fn wal_segment(data: &[u8]) {
    let disk = SimDisk::new();
    drop(Db::open(disk.clone(), Options { seed: Some(1), ..Options::default() }, 0, &mut |_| {}));
    put(&disk, "wal/00000000.seg", data);
    open(disk);
}

/// A manifest and its copy.
pub fn manifest(data: &[u8]) {
    let disk = SimDisk::new();
    let (a, b) = data.split_at(data.len() / 2);
    put(&disk, "MANIFEST", data);
    put(&disk, "MANIFEST.copy", if a == b { a } else { data });
    for dir in ["wal", "blocks", "series"] {
        disk.create_dir(Path::new(dir)).expect("a directory");
    }
    open(disk);
}

/// A block file.
pub fn block_file(data: &[u8]) {
    let disk = SimDisk::new();
    put(&disk, "b", data);
    let Ok(block) = Block::open(&disk, Path::new("b")) else { return };
    let _ = block.verify();
    let n = block.summary().series.min(1000) as u32;
    let ids: Vec<u32> = (0..n).collect();
    let mut out = Vec::new();
    let _ = block.read_intact(&ids, ClosedRange::ALL, &mut out);
    for aggregate in [Aggregate::Last, Aggregate::Count, Aggregate::Max, Aggregate::Counter] {
        let _ = block.read_buckets(&ids, aggregate, ClosedRange::ALL, &mut Vec::new());
    }
    let _ = block.labels_of(&ids, &mut Vec::new());
    let _ = block.metadata();
}

/// A column of floats or integers, and other values.
pub fn codecs(data: &[u8]) {
    let Some((how, data)) = data.split_first() else { return };
    let n = (*how as usize) * 4;
    let _ = column::decode(data, n, &mut Vec::new());
    let _ = column::decode_prefix(data, n, n / 2, &mut Vec::new());
    let _ = column::decode_i64(&mut Cursor::new(data), n, &mut Vec::new());
    let _ = exemplar::decode(&mut Cursor::new(data));
    let _ = metadata::decode(&mut Cursor::new(data));
    if let Ok(sample) = histogram::decode(&mut Cursor::new(data)) {
        let mut again = Vec::new();
        histogram::encode(&sample, &mut again);
        let back = histogram::decode(&mut Cursor::new(&again)).expect("what was written is read");
        let mut third = Vec::new();
        histogram::encode(&back, &mut third);
        assert_eq!(again, third);
    }
}

/// Bits to floats to bytes and back.
pub fn column_exact(data: &[u8]) {
    let floats: Vec<f64> = data.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().expect("eight"))).collect();
    let (mut bytes, mut back) = (Vec::new(), Vec::new());
    column::encode(&floats, &mut bytes);
    column::decode(&bytes, floats.len(), &mut back).expect("what was written is read");
    assert!(floats.iter().zip(&back).all(|(a, b)| a.to_bits() == b.to_bits()) && floats.len() == back.len());
}

/// A foreign block; the first two bytes say how long its index is, its chunks follow.
pub fn prometheus_block(data: &[u8]) {
    let Some((len, data)) = data.split_first_chunk::<2>() else { return };
    let (index, chunks) = data.split_at((u16::from_le_bytes(*len) as usize).min(data.len()));
    let disk = SimDisk::new();
    put(&disk, "meta.json", br#"{"ulid":"x","minTime":0,"maxTime":1,"version":1}"#);
    put(&disk, "index", &with_checksums(index));
    put(&disk, "chunks/000001", chunks);
    let Ok(Ok(mut block)) = ForeignBlock::open(&disk, Path::new("")) else { return };
    for i in 0..block.series_count().min(100) {
        let Ok(Ok(series)) = block.series(i) else { continue };
        let mut out = ChunkSamples::default();
        for chunk in series.chunks.iter().take(100) {
            let _ = block.read(&series, *chunk, &mut out);
        }
    }
}

/// An index whose table of contents has the right checksum.
fn with_checksums(index: &[u8]) -> Vec<u8> {
    let mut out = index.to_vec();
    if let Some(toc) = out.len().checked_sub(52) {
        let crc = crc(&out[toc..toc + 48]);
        out[toc + 48..].copy_from_slice(&crc.to_be_bytes());
    }
    out
}

/// CRC32C, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, b| {
        (0..8).fold(crc ^ u32::from(*b), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 })
    })
}

/// A foreign chunk: the first byte is its encoding.
pub fn prometheus_chunk(data: &[u8]) {
    let Some((encoding, data)) = data.split_first() else { return };
    let Some(encoding) = prometheus::Encoding::of(1 + encoding % 6) else { return };
    let mut out = ChunkSamples::default();
    if prometheus::decode(encoding, data, &mut out).is_ok() {
        let mut chunks = prometheus::HistogramChunks::default();
        for sample in &out.histograms {
            chunks.push(sample.timestamp, &sample.histogram);
        }
        for (encoding, bytes) in chunks.into_chunks() {
            let encoding = prometheus::Encoding::of(encoding).expect("one of ours");
            prometheus::decode(encoding, &bytes, &mut ChunkSamples::default()).expect("what was written is read");
        }
    }
}

/// Small foreign files.
pub fn prometheus_small(data: &[u8]) {
    let _ = Tombstones::parse(data);
    let _ = Meta::parse(data);
}

/// Lines of OpenMetrics; what is read is printed and read again.
pub fn openmetrics(data: &[u8]) {
    let Some(text) = text(data) else { return };
    for line in text.lines() {
        let Ok(Some(openmetrics::Item::Sample { labels, timestamp, value, .. })) = openmetrics::parse_line(line) else {
            continue;
        };
        let mut printed = Vec::new();
        openmetrics::put_series(&labels, &[timestamp], &[value], &mut printed).expect("memory");
        let printed = String::from_utf8(printed).expect("text");
        match openmetrics::parse_line(printed.trim_end_matches('\n')) {
            Ok(Some(openmetrics::Item::Sample { labels: l, timestamp: t, value: v, .. })) => {
                assert_eq!((l, t), (labels, timestamp), "{printed}");
                assert!(v.to_bits() == value.to_bits() || v.is_nan() && value.is_nan(), "{printed}");
            }
            other => panic!("{printed}: {other:?}"),
        }
    }
}

/// PromQL: what is parsed is printed, and parsed again the same.
pub fn promql(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let options = ParserOptions {
        experimental_functions: true,
        extended_range_selectors: true,
        fill_modifiers: true,
    };
    if let Ok(expr) = nightjar_query::parse(text, &options) {
        let printed = expr.to_string();
        let again = nightjar_query::parse(&printed, &options).unwrap_or_else(|e| panic!("{printed}: {e}"));
        assert_eq!(again.to_string(), printed);
    }
    let _ = nightjar_query::parse_selector(text, &options);
}

/// `alertmanager.yml`.
pub fn alertmanager_config(data: &[u8]) {
    if let Some(text) = text(data) {
        let _ = Config::parse(text, MatcherMode::default());
    }
}

/// Matchers of both grammars.
pub fn matchers(data: &[u8]) {
    let Some(text) = text(data) else { return };
    for mode in [MatcherMode::Fallback, MatcherMode::Utf8Strict, MatcherMode::Classic] {
        let _ = mode.matcher(text);
        let _ = mode.matchers(text);
    }
}

/// A file of the alert log.
pub fn alert_log(data: &[u8]) {
    let disk = SimDisk::new();
    put(&disk, "alerts/00000001.log", data);
    let _ = Log::open(disk, Path::new("alerts"));
}

/// A rule file.
pub fn rule_file(data: &[u8]) {
    if let Some(text) = text(data) {
        let _ = nightjar_ruler::file::parse(text, &nightjar_ruler::file::ReadOptions::default());
    }
}

/// A template, parsed and carried out.
pub fn template(data: &[u8]) {
    use nightjar_template::{Context, Host, Limits, Set, Time, Value, alertmanager};
    struct World;
    impl Host for World {
        fn now(&self) -> Time {
            Time::zero()
        }
    }
    let Some(text) = text(data) else { return };
    let set = Set::new(alertmanager());
    let limits = Limits { steps: 10_000, ..Limits::default() };
    let _ = set.expand(text, &Value::Nil, &mut Context::new(&mut World, limits));
    let _ = set.expand_html(text, &Value::Nil, &mut Context::new(&mut World, limits));
}
