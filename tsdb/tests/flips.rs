//! Flipped bits: in any file of a database, a bit that turned costs at most what one frame or one page holds, is told, and
//! never becomes a value.
//!
//! `NIGHTJAR_FLIPS` sets how many are tried (300 by default; the whole test is 100000, for a release build).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test may fail")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use nightjar_model::histogram::FloatHistogram;
use nightjar_model::storage::Atomicity;
use nightjar_model::{ClosedRange, HistogramSample};
use nightjar_platform::{Disk, DiskFile, OpenMode, SimDisk, SplitMix};
use nightjar_tsdb::{Maintained, Options};
use support::*;

const NOW: i64 = 1_700_000_000_000;
const BATCHES: i64 = 60;

fn small() -> Options {
    Options {
        segment_bytes: 4096,
        block_ms: 20_000,
        seal_delay_ms: 4_000,
        out_of_order_window_ms: 60_000,
        retention_ms: 0,
        ..options()
    }
}

fn batch(i: i64) -> Owned {
    let t = NOW + i * 1_000;
    let mut batch = Owned::default();
    for s in 0..8 {
        let value = match s {
            0 => f64::from_bits(0x7ff0_0000_0000_0002),
            1 => 0.1 * i as f64,
            2 => f64::from_bits((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            _ => (i * s) as f64,
        };
        batch = batch.with(&format!("__name__=m{s},job=j{},instance=a", s % 2), &[(t, value)]);
    }
    let histogram = FloatHistogram { count: i as f64, zero_count: i as f64, sum: 0.5, ..FloatHistogram::default() };
    batch.0.push(Entry {
        spelling: spelling("__name__=h,job=j0,instance=a"),
        histograms: vec![HistogramSample { timestamp: t, start: 0, integer: true, histogram }],
        ..Entry::default()
    });
    batch
}

/// A stopped database with blocks, a snapshot and a log, and what is in it.
fn database() -> (SimDisk, Content) {
    let disk = SimDisk::new();
    let db = open(&disk, small()).unwrap();
    for i in 0..BATCHES {
        append(&db, &batch(i), Atomicity::Whole, NOW + i * 1_000).unwrap();
        if i % 8 == 7 {
            while db.maintain(NOW).unwrap() != Maintained::Nothing {}
        }
    }
    let content = read(&db);
    assert!(db.stats().blocks >= 1 && db.stats().log_segments >= 2, "{:?}", db.stats());
    drop(db);
    (disk, content)
}

/// All files with their lengths.
fn files(disk: &SimDisk, dir: &Path, out: &mut Vec<(PathBuf, u64)>) {
    for entry in disk.list(dir).unwrap() {
        let path = dir.join(&entry.name);
        if entry.is_dir {
            files(disk, &path, out);
        } else if entry.len > 0 {
            out.push((path, disk.open(&dir.join(&entry.name), OpenMode::Read).unwrap().len().unwrap()));
        }
    }
}

/// What a sample may be lost together with: those of its block's window, or of its batch.
fn unit(t: i64, sealed: bool) -> i64 {
    if sealed { t.div_euclid(20_000) * 20_000 } else { t }
}

#[test]
fn a_flipped_bit_is_never_served() {
    let flips: u64 = std::env::var("NIGHTJAR_FLIPS").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    let (disk, truth) = database();
    let mut all = Vec::new();
    files(&disk, Path::new(""), &mut all);
    let mut random = SplitMix::new(11);
    let mut hits: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for n in 0..flips {
        // Every file as often as any other: the small ones are the important ones.
        let (path, len) = &all[(random.next_u64() % all.len() as u64) as usize];
        let (offset, mask) = (random.next_u64() % len, 1u8 << (random.next_u64() % 8));
        let copy = disk.kill();
        copy.flip(path, offset, mask).unwrap();
        let what = format!("flip {n}: {} byte {offset} bit {mask:#x}", path.display());
        let db = open(&copy, small()).unwrap_or_else(|e| panic!("{what}: {e}"));
        let (found, warnings) = read_range(&db, ClosedRange::ALL, &[]);
        let stats = db.stats();
        drop(db);
        let lost = compare(&truth, &found, &what);
        let kind = path.parent().map_or(String::new(), |dir| dir.display().to_string());
        let ending = path.extension().map_or_else(|| path.display().to_string(), |e| e.to_string_lossy().into_owned());
        let counts = hits.entry(format!("{kind} {ending}")).or_default();
        counts.0 += 1;
        if lost.is_empty() {
            continue;
        }
        counts.1 += 1;
        assert!(!warnings.is_empty(), "{what}: {} samples are missing in silence", lost.len());
        assert!(stats.damaged_sections + stats.unreadable_blocks > 0 || !path.starts_with("wal"), "{what}: {stats:?}");
        let sealed = path.starts_with("blocks");
        let units: BTreeSet<i64> = lost.iter().map(|t| unit(*t, sealed)).collect();
        assert_eq!(units.len(), 1, "{what}: more than one frame or page is lost: {units:?}");
    }
    for (kind, (tried, costly)) in hits {
        eprintln!("{kind:<20} {tried:>6} flips, {costly:>6} cost samples");
    }
}

/// Times of missing samples; panics when one has another value than it was written with.
fn compare(truth: &Content, found: &Content, what: &str) -> Vec<i64> {
    for (series, samples) in found {
        let written = truth.get(series).unwrap_or_else(|| panic!("{what}: {series} was never written"));
        for sample in samples {
            assert!(written.contains(sample), "{what}: {series} {sample:?} was never written");
        }
    }
    let mut lost = Vec::new();
    for (series, samples) in truth {
        let found = found.get(series).map_or(&[][..], Vec::as_slice);
        lost.extend(samples.iter().filter(|s| !found.contains(s)).map(|(t, _)| *t));
    }
    lost
}
