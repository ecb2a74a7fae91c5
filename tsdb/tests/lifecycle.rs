//! What becomes of stored data: compaction, deletes, rules of retention, snapshots, scrubbing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod support;

use std::fmt::Write as _;
use std::path::Path;

use nightjar_model::histogram::{FloatHistogram, Span};
use nightjar_model::metadata::{Metadata, MetricType};
use nightjar_model::storage::{Atomicity, SelectHints, Storage};
use nightjar_model::{ClosedRange, Exemplar, HistogramSample, MatchOp, Matcher, STALE_NAN};
use nightjar_platform::disk::{Crash, Disk, Fault, FaultKind};
use nightjar_platform::{Overlay, SimDisk};
use nightjar_tsdb::{Compacted, Db, Maintained, Options, RetentionRule, verify};
use support::*;

const NOW: i64 = 1_700_000_040_000;

fn small() -> Options {
    Options {
        block_ms: 10_000,
        seal_delay_ms: 4_000,
        out_of_order_window_ms: 30_000,
        retention_ms: 0,
        segment_bytes: 20_000,
        ..options()
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

/// A bit of everything at step `i`: two targets with jitter, gaps, stale markers, late samples, start times, histograms,
/// exemplars, metadata, series that come and go.
fn batch(i: i64) -> Owned {
    let t = NOW + i * 1000;
    let mut batch = Owned::default();
    for s in 0..12 {
        for target in 0..2 {
            if (i + s) % 7 == 6 && s % 3 == 0 {
                continue;
            }
            let value = match s % 4 {
                0 => (i * s) as f64,
                1 => 1.0 / (i * s + 3) as f64,
                2 if i % 9 == 8 => STALE_NAN,
                _ => 12.5,
            };
            let name = if s == 11 { format!("churn{}", i / 25) } else { format!("m{s}") };
            batch =
                batch.with(&format!("__name__={name},job=a,instance={target}"), &[(t + target * 13 + i % 3, value)]);
        }
    }
    if i % 5 == 4 {
        batch = batch.with("__name__=m0,job=a,instance=0", &[(t - 17_500, -0.0)]);
    }
    batch = batch.with("__name__=rule", &[(t, i as f64)]);
    batch.0[1].samples.iter_mut().for_each(|s| s.start = NOW - 9 + i / 4);
    batch.0.push(Entry {
        spelling: spelling("__name__=h,job=a,instance=1"),
        histograms: vec![histogram(t, i as f64)],
        exemplars: vec![Exemplar { labels: labels("trace_id=abc"), value: 0.25, timestamp: t }],
        metadata: Some(Metadata { metric_type: MetricType::Histogram, help: "h".into(), unit: "s".into() }),
        ..Entry::default()
    });
    batch
}

fn settle(db: &Db<impl Disk>, now: i64) {
    while db.maintain(now).unwrap() != Maintained::Nothing {}
}

fn compact(db: &Db<impl Disk>) -> usize {
    (0..1000).take_while(|_| db.compact().unwrap() != Compacted::Nothing).count()
}

/// A database with `steps` steps of everything, sealed as it goes.
fn filled(disk: &SimDisk, options: Options, steps: i64) -> Db<SimDisk> {
    let db = open(disk, options).unwrap();
    for i in 0..steps {
        append(&db, &batch(i), Atomicity::Whole, NOW + i * 1000).unwrap();
        settle(&db, NOW + i * 1000);
    }
    db
}

/// Everything a query can see, as text.
fn describe(db: &Db<impl Disk>) -> String {
    let mut out = String::new();
    let querier = db.querier(ClosedRange::ALL).unwrap();
    let set = querier.select(&[], &SelectHints::range(ClosedRange::ALL)).unwrap();
    let mut data = Vec::new();
    set.read(0..set.len(), ClosedRange::ALL, &mut data).unwrap();
    for (i, d) in data.iter().enumerate() {
        writeln!(out, "{}", set.labels(i)).unwrap();
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
    for name in ["__name__", "job", "instance"] {
        writeln!(out, "{name}: {:?}", querier.label_values(name, &[], 0).unwrap().items).unwrap();
    }
    writeln!(out, "metadata {:?}", db.metadata(None)).unwrap();
    assert_eq!(set.warnings(), Vec::<String>::new());
    out
}

fn files(disk: &SimDisk, directory: &str) -> usize {
    disk.list(directory.as_ref()).unwrap().len()
}

#[test]
fn compaction_changes_no_answer() {
    let disk = SimDisk::new();
    let db = filled(&disk, small(), 400);
    let (before, blocks, bytes) = (describe(&db), db.stats().blocks, db.stats().block_bytes);
    let generation = db.generation(ClosedRange::ALL);
    assert!(compact(&db) >= 2);
    let stats = db.stats();
    assert!(stats.blocks < blocks / 2 && stats.block_bytes < bytes, "{} blocks of {blocks}", stats.blocks);
    assert!(stats.sealed_bytes + stats.compaction_written_bytes <= 3 * stats.sealed_bytes, "{stats:?}");
    assert_eq!(describe(&db), before);
    assert_eq!(db.generation(ClosedRange::ALL), generation, "what is stored is the same");
    settle(&db, NOW);
    assert_eq!(files(&disk, "blocks") as u64, stats.blocks, "what is not needed any more is gone");
    drop(db);
    let db = open(&disk.crash(Crash::LoseUnsynced), small()).unwrap();
    assert_eq!(describe(&db), before);
    let found = verify(&disk, &mut |_, _| {}).unwrap();
    assert_eq!(found.findings, []);
    assert_eq!(found.blocks, stats.blocks);
}

#[test]
fn readers_keep_what_they_read() {
    let disk = SimDisk::new();
    let db = filled(&disk, small(), 300);
    let querier = db.querier(ClosedRange::ALL).unwrap();
    let set = querier.select(&[], &SelectHints::range(ClosedRange::ALL)).unwrap();
    let mut before = Vec::new();
    set.read(0..set.len(), ClosedRange::ALL, &mut before).unwrap();
    let had = files(&disk, "blocks");
    let merged = compact(&db);
    assert!(merged > 0);
    settle(&db, NOW);
    assert_eq!(files(&disk, "blocks"), had + merged, "none is removed while a query reads");
    let mut after = Vec::new();
    set.read(0..set.len(), ClosedRange::ALL, &mut after).unwrap();
    assert_eq!(before.iter().map(flat).collect::<Vec<_>>(), after.iter().map(flat).collect::<Vec<_>>());
    drop((set, querier));
    settle(&db, NOW);
    assert_eq!(files(&disk, "blocks") as u64, db.stats().blocks);
}

fn count(db: &Db<impl Disk>, matchers: &[Matcher]) -> usize {
    read_range(db, ClosedRange::ALL, matchers).0.values().map(Vec::len).sum()
}

#[test]
fn deleted_samples_are_gone_and_stay_gone() {
    let disk = SimDisk::new();
    let db = filled(&disk, small(), 200);
    let own = [Matcher::new(MatchOp::Regex, "__name__", "m[12]|h").unwrap()];
    let others = [Matcher::new(MatchOp::NotRegex, "__name__", "m[12]|h").unwrap()];
    let (kept, range) = (count(&db, &others), ClosedRange { start: NOW + 50_000, end: NOW + 1_000_000 });
    assert!(count(&db, &own) > 500);
    db.delete(&own, range).unwrap();
    let left = read_range(&db, range, &own).0;
    assert!(left.is_empty(), "{left:?}");
    let early = count(&db, &own);
    assert!(early > 100 && count(&db, &others) == kept);
    let exemplars = db.querier(range).unwrap().exemplars(&own).unwrap();
    assert!(exemplars.is_empty());
    // The same sample again, in order and late, and one that was deleted long ago.
    for t in [NOW + 199_000, NOW + 190_500, NOW + 175_000] {
        append(&db, &one("__name__=m1,job=a,instance=0", &[(t, 7.5)]), Atomicity::Whole, NOW + 200_000).unwrap();
    }
    assert_eq!(count(&db, &own), early + 3, "what is written after a delete is visible");
    for disk in [disk.kill(), disk.crash(Crash::LoseUnsynced)] {
        let again = open(&disk, small()).unwrap();
        assert_eq!((count(&again, &own), count(&again, &others)), (early + 3, kept));
    }
    db.clean().unwrap();
    assert_eq!((count(&db, &own), count(&db, &others)), (early + 3, kept));
    for i in 200..260 {
        append(&db, &batch(i), Atomicity::Whole, NOW + i * 1000).unwrap();
    }
    settle(&db, NOW + 260_000);
    db.clean().unwrap();
    settle(&db, NOW + 260_000);
    assert_eq!(db.stats().tombstones, 0, "nothing is left to delete");
    assert!(read_range(&db, ClosedRange { start: NOW + 50_000, end: NOW + 170_000 }, &own).0.is_empty());
}

#[test]
fn whole_series_disappear_from_lists() {
    let disk = SimDisk::new();
    let db = filled(&disk, small(), 100);
    let names =
        |db: &Db<SimDisk>| db.querier(ClosedRange::ALL).unwrap().label_values("__name__", &[], 0).unwrap().items;
    assert!(names(&db).contains(&"m3".to_owned()));
    db.delete(&[Matcher::equal("__name__", "m3")], ClosedRange::ALL).unwrap();
    let blocks = ClosedRange { start: NOW, end: NOW + 50_000 };
    let set = |db: &Db<SimDisk>, range| {
        db.querier(range)
            .unwrap()
            .select(&[Matcher::equal("__name__", "m3")], &SelectHints::range(range))
            .unwrap()
            .len()
    };
    assert_eq!(set(&db, blocks), 0);
    for i in 100..180 {
        let mut batch = batch(i);
        batch.0.retain(|e| e.spelling != spelling("__name__=m3,job=a,instance=0"));
        batch.0.retain(|e| e.spelling != spelling("__name__=m3,job=a,instance=1"));
        append(&db, &batch, Atomicity::Whole, NOW + i * 1000).unwrap();
        settle(&db, NOW + i * 1000);
    }
    db.clean().unwrap();
    settle(&db, NOW + 180_000);
    assert_eq!(db.stats().tombstones, 0);
    assert_eq!(set(&db, ClosedRange { start: NOW, end: NOW + 150_000 }), 0);
}

#[test]
fn rules_keep_some_series_for_a_shorter_time() {
    let rule = RetentionRule { matchers: vec![Matcher::equal("instance", "1")], keep_ms: 60_000 };
    let options = Options { retention_rules: vec![rule], ..small() };
    let disk = SimDisk::new();
    let db = filled(&disk, options.clone(), 300);
    let oldest = |db: &Db<SimDisk>, instance: &str| {
        let found = read_range(db, ClosedRange::ALL, &[Matcher::equal("instance", instance)]).0;
        found.values().flatten().map(|(t, _)| *t).min().unwrap()
    };
    assert!(oldest(&db, "0") < NOW + 1_000);
    let oldest_ruled = oldest(&db, "1");
    assert!((NOW + 225_000..NOW + 240_000).contains(&oldest_ruled), "{}", oldest_ruled - NOW);
    assert!(db.stats().tombstones <= 1, "one delete replaces the other: {}", db.stats().tombstones);
    compact(&db);
    assert_eq!((oldest(&db, "0") < NOW + 1_000, oldest(&db, "1")), (true, oldest_ruled));
    drop(db);
    assert_eq!(oldest(&open(&disk, options).unwrap(), "1"), oldest_ruled);
}

#[test]
fn a_clock_ahead_removes_nothing() {
    let disk = SimDisk::new();
    let options = Options { retention_ms: 100_000, ..small() };
    let db = filled(&disk, options, 60);
    let before = describe(&db);
    settle(&db, NOW + 10_000_000_000);
    assert_eq!(describe(&db), before);
}

#[test]
fn a_snapshot_is_a_data_directory() {
    let disk = SimDisk::new();
    let db = filled(&disk, small(), 120);
    db.delete(&[Matcher::equal("__name__", "m2")], ClosedRange { start: NOW, end: NOW + 110_000 }).unwrap();
    let before = describe(&db);
    db.snapshot("whole", false).unwrap();
    db.snapshot("blocks", true).unwrap();
    assert!(
        db.snapshot("whole", false).is_err() && db.snapshot("../x", false).is_err() && db.snapshot("", true).is_err()
    );
    for i in 120..200 {
        append(&db, &batch(i), Atomicity::Whole, NOW + i * 1000).unwrap();
        settle(&db, NOW + i * 1000);
    }
    compact(&db);
    let crashed = disk.crash(Crash::LoseUnsynced);
    let copy = open(&subtree(&crashed, "snapshots/whole"), small()).unwrap();
    assert_eq!(describe(&copy), before, "nothing of what came later");
    for i in 120..160 {
        append(&copy, &batch(i), Atomicity::Whole, NOW + i * 1000).unwrap();
        settle(&copy, NOW + i * 1000);
    }
    let blocks = open(&subtree(&crashed, "snapshots/blocks"), small()).unwrap();
    let newest = read(&blocks).values().flatten().map(|(t, _)| *t).max().unwrap();
    assert!((NOW + 90_000..NOW + 116_000).contains(&newest), "{}", newest - NOW);
    append(&blocks, &batch(150), Atomicity::Whole, NOW + 150_000).unwrap();
    assert_eq!(read_range(&blocks, ClosedRange { start: NOW + 149_000, end: NOW + 151_000 }, &[]).0.len(), 24);
}

#[test]
fn looking_changes_nothing() {
    let disk = SimDisk::new();
    let db = filled(&disk, small(), 90);
    let before = describe(&db);
    let copy = disk.kill();
    let listing = |disk: &SimDisk| ["", "blocks", "wal", "series"].map(|d| disk.list(d.as_ref()).unwrap());
    let files = listing(&copy);
    let looked_at = open(&Overlay::new(copy.clone()), small()).unwrap();
    assert_eq!(describe(&looked_at), before);
    let usage: u64 = looked_at.blocks().iter().map(|b| b.block.usage().unwrap()["m0"].samples).sum();
    assert!(usage > 100, "{usage}");
    drop(looked_at);
    assert_eq!(listing(&copy), files);
}

#[test]
fn scrubbing_and_verifying_find_what_is_damaged() {
    let disk = SimDisk::new();
    drop(filled(&disk, small(), 120));
    let block = disk.list("blocks".as_ref()).unwrap().remove(0);
    let path = Path::new("blocks").join(&block.name);
    let mut lost = 0;
    for offset in (0..block.len).step_by(31) {
        let copy = disk.kill();
        copy.flip(&path, offset, 4).unwrap();
        let found = verify(&copy, &mut |_, _| {}).unwrap();
        assert_eq!(found.findings.len(), 1, "{offset}: {:?}", found.findings);
        lost += usize::from(found.findings[0].lost.is_some());
        let db = open(&copy, small()).unwrap();
        let mut rounds = 0;
        while !db.scrub(5_000).unwrap() {
            rounds += 1;
        }
        assert!(rounds > 1);
        let is_lost = found.findings[0].lost.is_some();
        assert_eq!(db.stats().damaged_pages, u64::from(is_lost), "{offset}");
        // What is there twice is written anew, what is lost stays where it can be replaced.
        compact(&db);
        let left = verify(&copy, &mut |_, _| {}).unwrap().findings;
        assert_eq!(left.len(), usize::from(is_lost), "{offset}: {left:?}");
    }
    assert!(lost > 2, "{lost}");
    for (directory, at) in [("wal", 500), ("series", 100)] {
        let copy = disk.kill();
        let file = copy.list(directory.as_ref()).unwrap().into_iter().rfind(|f| !f.name.ends_with(".par")).unwrap();
        copy.flip(&Path::new(directory).join(&file.name), at, 1).unwrap();
        let found = verify(&copy, &mut |_, _| {}).unwrap().findings;
        assert!(found.len() == 1 && found[0].lost.is_none(), "{directory}: {found:?}");
    }
}

#[test]
fn any_call_may_fail() {
    let base = SimDisk::new();
    drop(filled(&base, small(), 170));
    let victim = [Matcher::equal("__name__", "m5")];
    let expected = {
        let db = open(&base.kill(), small()).unwrap();
        let mut content = read(&db);
        content.retain(|labels, _| !labels.contains("\"m5\""));
        content
    };
    let mut hits = 0;
    // Every call takes too long for every run: `NIGHTJAR_ALL_CALLS` does it.
    let every = std::env::var_os("NIGHTJAR_ALL_CALLS").is_some();
    for (kind, stride) in [(FaultKind::Io, 5), (FaultKind::NoSpace, 11)] {
        for after in (0..400).step_by(if every { 1 } else { stride }) {
            let what = format!("{kind:?} after {after}");
            let disk = base.kill();
            {
                let db = open(&disk, small()).unwrap();
                let before = read(&db);
                disk.inject(Fault { call: None, path: None, after, kind, sticky: false });
                let done = [
                    db.snapshot("s", false),
                    db.compact().map(|_| ()),
                    db.delete(&victim, ClosedRange::ALL),
                    db.clean(),
                ];
                hits += u64::from(done.iter().any(Result::is_err));
                disk.clear_faults();
                let now = read(&db);
                assert!(now == before || now == expected, "{what}: {done:?}");
                db.delete(&victim, ClosedRange::ALL).unwrap_or_else(|e| panic!("{what}: {e}"));
                db.clean().unwrap_or_else(|e| panic!("{what}: {e}"));
                compact(&db);
                settle(&db, NOW);
                db.snapshot("t", false).unwrap_or_else(|e| panic!("{what}: {e}"));
                assert_eq!(read(&db), expected, "{what}");
            }
            for crash in [Crash::LoseUnsynced, Crash::KeepAll] {
                let disk = disk.crash(crash);
                assert_eq!(read(&open(&disk, small()).unwrap()), expected, "{what}, {crash:?}");
                assert_eq!(
                    read(&open(&subtree(&disk, "snapshots/t"), small()).unwrap()),
                    expected,
                    "{what}, {crash:?}"
                );
            }
            if disk.faults_hit() == 0 {
                break;
            }
        }
    }
    assert!(hits > 15, "{hits}");
}
