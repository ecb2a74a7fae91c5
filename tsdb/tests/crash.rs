//! The power is cut at every step of a workload: what was acknowledged is there, what is there was submitted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod support;

use std::collections::BTreeMap;

use nightjar_model::storage::Atomicity;
use nightjar_platform::SimDisk;
use nightjar_platform::disk::{Call, Crash, Disk, Fault, FaultKind};
use nightjar_tsdb::Options;
use support::*;

const NOW: i64 = 1_700_000_000_000;
const IMAGES: usize = 3000;

/// Batches of which every sample is unique to the bit: two targets that share requests, new series now and then, late
/// samples, stale markers.
fn workload(batches: i64) -> Vec<Owned> {
    let value = |i: i64, s: i64| f64::from_bits((i * 1000 + s) as u64 | 0x4000_0000_0000_0000);
    let batch = |i: i64| {
        let mut batch = Owned::default();
        for s in 0..4 + i / 3 {
            let series = format!("__name__=m{s},job=j{},instance={}", s % 2, s % 3);
            batch = batch.with(&series, &[(NOW + i * 1000, value(i, s)), (NOW + i * 1000 + 1, (i + s) as f64)]);
        }
        if i % 3 == 2 {
            batch = batch.with("__name__=m0,job=j0,instance=0", &[(NOW + i * 1000 - 1500, value(i, 500))]);
        }
        batch
    };
    (0..batches).map(batch).collect()
}

/// What the first batches come to.
fn model(batches: &[Owned]) -> BTreeMap<String, BTreeMap<i64, u64>> {
    let mut content: BTreeMap<String, BTreeMap<i64, u64>> = BTreeMap::new();
    for entry in batches.iter().flat_map(|b| &b.0) {
        let labels = nightjar_model::Labels::from_spelling(&entry.spelling).unwrap().to_string();
        let series = content.entry(labels).or_default();
        entry.samples.iter().for_each(|s| {
            series.entry(s.timestamp).or_insert(s.value.to_bits());
        });
    }
    content
}

/// Acknowledged ⊆ recovered ⊆ submitted.
fn check(content: &Content, acknowledged: &[Owned], submitted: &[Owned], what: &str) {
    for (labels, samples) in model(acknowledged) {
        let stored: BTreeMap<i64, u64> = content.get(&labels).cloned().unwrap_or_default().into_iter().collect();
        for (t, bits) in samples {
            assert_eq!(stored.get(&t), Some(&bits), "{what}: {labels} lost {t}");
        }
    }
    let submitted = model(submitted);
    for (labels, samples) in content {
        for (t, bits) in samples {
            assert_eq!(submitted.get(labels).and_then(|s| s.get(t)), Some(bits), "{what}: {labels} invented {t}");
        }
    }
}

fn small() -> Options {
    Options { segment_bytes: 2000, ..options() }
}

#[test]
fn power_cut_at_every_step() {
    let batches = workload(14);
    let disk = SimDisk::new();
    disk.record();
    disk.mark(0);
    {
        let db = open(&disk, small()).unwrap();
        for (i, batch) in batches.iter().enumerate() {
            append(&db, batch, Atomicity::Whole, NOW).unwrap();
            disk.mark(i as u64 + 1);
        }
    }
    let recording = disk.recording();
    let mut images = 0;
    for (point, image) in recording.crashes(IMAGES, 1) {
        let acked = point.mark.unwrap_or(0) as usize;
        let what = format!("{point:?}");
        let submitted = &batches[..(acked + 1).min(batches.len())];
        let first = {
            let db = open(&image, small()).unwrap_or_else(|e| panic!("{what}: {e}"));
            read(&db)
        };
        check(&first, &batches[..acked], submitted, &what);
        // Recovering again changes nothing, and life goes on.
        let db = open(&image, small()).unwrap();
        assert_eq!(read(&db), first, "{what}: the second recovery differs");
        for batch in &batches[acked..] {
            append(&db, batch, Atomicity::Whole, NOW).unwrap_or_else(|e| panic!("{what}: {e}"));
        }
        drop(db);
        let db = open(&image.crash(Crash::LoseUnsynced), small()).unwrap();
        check(&read(&db), &batches, &batches, &what);
        images += 1;
    }
    assert!(images > 200, "{images} images of {} steps", recording.len());
}

/// Appends until everything is acknowledged, as a sender does, with a fault on the way.
fn run_with_fault(disk: &SimDisk, batches: &[Owned]) {
    let db = open(disk, small()).unwrap();
    for (i, batch) in batches.iter().enumerate() {
        let mut now = NOW;
        while let Err(error) = append(&db, batch, Atomicity::Whole, now) {
            assert!(matches!(error, nightjar_model::storage::AppendError::Unavailable { .. }), "{error}");
            check(&read(&db), &batches[..i], &batches[..i], "after a refusal");
            now += 1000;
            disk.clear_faults();
        }
    }
    check(&read(&db), batches, batches, "live");
}

#[test]
fn every_call_may_fail_once_or_for_a_while() {
    let batches = workload(8);
    for sticky in [false, true] {
        for (call, path) in [
            (Call::Write, "wal"),
            (Call::SyncData, "wal"),
            (Call::Allocate, "wal"),
            (Call::Open, ".seg"),
            (Call::SyncDir, "wal"),
        ] {
            for kind in [FaultKind::Io, FaultKind::NoSpace, FaultKind::ShortWrite] {
                for after in 0..40 {
                    let disk = SimDisk::new();
                    {
                        let _ = open(&disk, small()).unwrap();
                    }
                    disk.inject(Fault { call: Some(call), path: Some(path.into()), after, kind, sticky });
                    run_with_fault(&disk, &batches);
                    let what = format!("{call:?} {kind:?} after {after}, sticky {sticky}");
                    for crash in [Crash::LoseUnsynced, Crash::KeepAll, Crash::Random { seed: after }] {
                        let db = open(&disk.crash(crash), small()).unwrap_or_else(|e| panic!("{what} {crash:?}: {e}"));
                        check(&read(&db), &batches, &batches, &format!("{what} {crash:?}"));
                    }
                    if disk.faults_hit() == 0 {
                        break;
                    }
                }
            }
        }
    }
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    let batches = workload(10);
    let disk = SimDisk::new();
    let db = open(&disk, small()).unwrap();
    append(&db, &batches[0], Atomicity::Whole, NOW).unwrap();
    disk.set_capacity(disk.used_bytes());
    let mut accepted = 1;
    while append(&db, &batches[accepted], Atomicity::Whole, NOW).is_ok() {
        accepted += 1;
    }
    check(&read(&db), &batches[..accepted], &batches[..accepted], "full");
    disk.set_capacity(4 << 30);
    assert!(append(&db, &batches[accepted], Atomicity::Whole, NOW).is_err(), "the disk is left alone for a while");
    for batch in &batches[accepted..] {
        append(&db, batch, Atomicity::Whole, NOW + 2000).unwrap();
    }
    drop(db);
    let db = open(&disk.crash(Crash::LoseUnsynced), small()).unwrap();
    check(&read(&db), &batches, &batches, "after");
}

/// A log of some segments; `closed` properly, or killed.
fn flippable(closed: bool) -> (SimDisk, Vec<Owned>) {
    let batches = workload(12);
    let disk = SimDisk::new();
    let db = open(&disk, small()).unwrap();
    for batch in &batches {
        append(&db, batch, Atomicity::Whole, NOW).unwrap();
    }
    if closed {
        drop(db);
        return (disk, batches);
    }
    (disk.kill(), batches)
}

#[test]
fn a_flipped_bit_is_never_served() {
    let (disk, batches) = flippable(false);
    for file in disk.list("wal".as_ref()).unwrap() {
        for offset in (0..file.len).step_by(7) {
            let copy = disk.kill();
            copy.flip(&std::path::Path::new("wal").join(&file.name), offset, 1 << (offset % 8)).unwrap();
            let db = open(&copy, small()).unwrap_or_else(|e| panic!("{} {offset}: {e}", file.name));
            let (content, _) = read_range(&db, nightjar_model::ClosedRange::ALL, &[]);
            check(&content, &[], &batches, &format!("{} {offset}", file.name));
        }
    }
}

#[test]
fn a_flipped_bit_in_a_closed_segment_costs_nothing() {
    let (disk, batches) = flippable(true);
    let mut repaired = 0;
    for file in disk.list("wal".as_ref()).unwrap() {
        for offset in (0..file.len).step_by(5) {
            let copy = disk.kill();
            copy.flip(&std::path::Path::new("wal").join(&file.name), offset, 1 << (offset % 8)).unwrap();
            let db = open(&copy, small()).unwrap_or_else(|e| panic!("{} {offset}: {e}", file.name));
            assert_eq!(read(&db), read_whole(&batches), "{} {offset}", file.name);
            repaired += u64::from(db.stats().repaired_reads > 0);
        }
    }
    assert!(repaired > 100, "{repaired}");
}

#[test]
fn two_flips_are_told_and_never_served() {
    let (disk, batches) = flippable(true);
    let len = disk.list("wal".as_ref()).unwrap()[1].len;
    let path = std::path::Path::new("wal/00000000.seg");
    let mut rng = nightjar_platform::SplitMix::new(9);
    for _ in 0..300 {
        let copy = disk.kill();
        let flips = [(); 3].map(|()| (rng.below(len), 1 << rng.below(8)));
        flips.iter().for_each(|(offset, mask)| copy.flip(path, *offset, *mask).unwrap());
        copy.remove_file("wal/00000000.par".as_ref()).unwrap();
        let db = open(&copy, small()).unwrap();
        let (content, _) = read_range(&db, nightjar_model::ClosedRange::ALL, &[]);
        check(&content, &[], &batches, &format!("{flips:?}"));
        let whole = content == read_whole(&batches);
        assert!(whole || db.stats().damaged_sections > 0, "{flips:?}: a loss must be told");
    }
}

fn read_whole(batches: &[Owned]) -> Content {
    model(batches).into_iter().map(|(labels, samples)| (labels, samples.into_iter().collect())).collect()
}

/// Options under which a workload of a minute fills several blocks.
fn sealing() -> Options {
    Options {
        segment_bytes: 1200,
        block_ms: 10_000,
        seal_delay_ms: 4_000,
        out_of_order_window_ms: 60_000,
        retention_ms: 0,
        ..options()
    }
}

/// Late samples that reach far into what was sealed, and series that come and go.
fn long_workload(batches: i64) -> Vec<Owned> {
    let value = |i: i64, s: i64| f64::from_bits((i * 1000 + s) as u64 | 0x4000_0000_0000_0000);
    let batch = |i: i64| {
        let mut batch = Owned::default();
        for s in [0, 1, 2, 10 + i / 9] {
            let series = format!("__name__=m{s},job=j{},instance={}", s % 2, s % 3);
            batch = batch.with(&series, &[(NOW + i * 2_000, value(i, s))]);
        }
        if i % 5 == 4 {
            batch = batch.with("__name__=m0,job=j0,instance=0", &[(NOW + i * 2_000 - 17_001, value(i, 500))]);
        }
        batch
    };
    (0..batches).map(batch).collect()
}

#[test]
fn power_cut_during_housekeeping() {
    let batches = long_workload(30);
    let disk = SimDisk::new();
    disk.record();
    disk.mark(0);
    {
        let db = open(&disk, sealing()).unwrap();
        for (i, batch) in batches.iter().enumerate() {
            append(&db, batch, Atomicity::Whole, NOW + 600_000).unwrap();
            disk.mark(i as u64 + 1);
            if i % 4 == 3 {
                while db.maintain(NOW).unwrap() != nightjar_tsdb::Maintained::Nothing {}
            }
        }
        check(&read(&db), &batches, &batches, "live");
        assert!(db.stats().blocks > 4);
    }
    for (point, image) in disk.recording().crashes(IMAGES, 2) {
        let acked = point.mark.unwrap_or(0) as usize;
        let what = format!("{point:?}");
        let first = {
            let db = open(&image, sealing()).unwrap_or_else(|e| panic!("{what}: {e}"));
            let first = read(&db);
            assert_eq!(db.stats().damaged_sections, 0, "{what}");
            first
        };
        check(&first, &batches[..acked], &batches[..(acked + 1).min(batches.len())], &what);
        let db = open(&image, sealing()).unwrap();
        assert_eq!(read(&db), first, "{what}: the second recovery differs");
        for batch in &batches[acked..] {
            append(&db, batch, Atomicity::Whole, NOW + 600_000).unwrap_or_else(|e| panic!("{what}: {e}"));
            while db.maintain(NOW).unwrap() != nightjar_tsdb::Maintained::Nothing {}
        }
        check(&read(&db), &batches, &batches, &what);
        drop(db);
        let db = open(&image.crash(Crash::LoseUnsynced), sealing()).unwrap();
        check(&read(&db), &batches, &batches, &what);
    }
}

#[test]
fn housekeeping_may_fail_at_any_call() {
    let batches = long_workload(20);
    for kind in [FaultKind::Io, FaultKind::NoSpace] {
        for after in 0..400 {
            let disk = SimDisk::new();
            let mut failed = 0;
            {
                let db = open(&disk, sealing()).unwrap();
                for (i, batch) in batches.iter().enumerate() {
                    append(&db, batch, Atomicity::Whole, NOW + 600_000).unwrap();
                    if i == 10 {
                        disk.inject(Fault { call: None, path: None, after, kind, sticky: false });
                        while db.maintain(NOW).map_or_else(
                            |_| {
                                failed += 1;
                                true
                            },
                            |done| done != nightjar_tsdb::Maintained::Nothing,
                        ) {}
                        disk.clear_faults();
                    }
                }
                while db.maintain(NOW).unwrap() != nightjar_tsdb::Maintained::Nothing {}
                check(&read(&db), &batches, &batches, &format!("{kind:?} after {after}"));
            }
            for crash in [Crash::LoseUnsynced, Crash::KeepAll] {
                let db = open(&disk.crash(crash), sealing()).unwrap();
                check(&read(&db), &batches, &batches, &format!("{kind:?} after {after}, {crash:?}"));
            }
            if failed == 0 {
                break;
            }
        }
    }
}

#[test]
fn old_blocks_are_removed() {
    let disk = SimDisk::new();
    let options = Options { retention_ms: 30_000, ..sealing() };
    let batches = long_workload(40);
    let db = open(&disk, options.clone()).unwrap();
    for (i, batch) in batches.iter().enumerate() {
        let now = NOW + i as i64 * 2_000;
        append(&db, batch, Atomicity::Whole, now).unwrap();
        while db.maintain(now).unwrap() != nightjar_tsdb::Maintained::Nothing {}
    }
    let files = disk.list("blocks".as_ref()).unwrap();
    assert_eq!(files.len() as u64, db.stats().blocks);
    let oldest = read(&db).values().flatten().map(|(t, _)| *t).min().unwrap();
    assert!(oldest >= NOW + 78_000 - 30_000 - 10_000, "{}", oldest - NOW);
    drop(db);
    let before = disk.list("wal".as_ref()).unwrap().len();
    assert!(before < 20, "old segments are removed: {before}");
    assert!(disk.list("quarantine".as_ref()).is_err(), "nothing was put aside");
}

/// Room that was reserved for a segment is given back by whoever comes after a crash.
#[test]
fn a_crash_loop_does_not_fill_the_disk() {
    let mut disk = SimDisk::new();
    for i in 0..20 {
        let db = open(&disk, options()).unwrap();
        append(&db, &one("__name__=a,job=b", &[(NOW + i, i as f64)]), Atomicity::Whole, NOW + i).unwrap();
        let next = disk.crash(Crash::KeepAll);
        drop(db);
        disk = next;
    }
    assert!(disk.used_bytes() < 32 << 20, "{} bytes", disk.used_bytes());
    let db = open(&disk, options()).unwrap();
    assert_eq!(read(&db)[&labels("__name__=a,job=b").to_string()].len(), 20);
}
