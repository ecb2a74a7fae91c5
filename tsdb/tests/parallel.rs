//! Writers, readers, housekeeping and compaction at once: what is acknowledged is readable from then on, whatever else happens.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use nightjar_model::storage::Atomicity;
use nightjar_model::{ClosedRange, Matcher};
use nightjar_platform::disk::{Call, Crash, Fault, FaultKind};
use nightjar_platform::{PanicPolicy, SimDisk, spawn};
use nightjar_tsdb::{Compacted, Db, Maintained, Options};
use support::*;

const NOW: i64 = 1_700_000_000_000;
const WRITERS: usize = 3;
const BATCHES: i64 = 250;

fn small() -> Options {
    Options { block_ms: 5_000, seal_delay_ms: 10_000, segment_bytes: 20_000, retention_ms: 0, ..options() }
}

/// Batch `i` of a writer; times of all writers move together.
fn batch(writer: usize, i: i64) -> Owned {
    (0..40).fold(Owned::default(), |b, s| {
        // Some series come only now and then.
        let series = format!("__name__=m{s},job=w{writer},instance={}", s % 3);
        if s % 10 == 9 && i % 50 > 5 { b } else { b.with(&series, &[(NOW + i * 1000, (i * 100 + s) as f64)]) }
    })
}

/// The newest batch of a writer of which everything is there, as a reader sees it; no gaps before it.
fn check(db: &Db<SimDisk>, writer: usize, acknowledged: i64) {
    let matchers = [Matcher::equal("job", format!("w{writer}"))];
    let (content, warnings) = read_range(db, ClosedRange::ALL, &matchers);
    assert_eq!(warnings, Vec::<String>::new());
    for s in 0..40 {
        let labels = labels(&format!("__name__=m{s},job=w{writer},instance={}", s % 3)).to_string();
        let got = content.get(&labels).cloned().unwrap_or_default();
        let expected: Vec<_> = (0..acknowledged)
            .filter(|i| s % 10 != 9 || i % 50 <= 5)
            .map(|i| (NOW + i * 1000, ((i * 100 + s) as f64).to_bits()))
            .collect();
        assert!(got.len() >= expected.len(), "{labels}: {} of {}", got.len(), expected.len());
        assert_eq!(got[..expected.len()], expected, "{labels}");
    }
}

fn run(disk: &SimDisk, trouble: bool) {
    let db = Arc::new(open(disk, small()).unwrap());
    let acknowledged: Arc<Vec<AtomicI64>> = Arc::new((0..WRITERS).map(|_| AtomicI64::new(0)).collect());
    let stop = Arc::new(AtomicBool::new(false));
    let quiet = PanicPolicy::quiet();
    let writers: Vec<_> = (0..WRITERS)
        .map(|w| {
            let (db, acknowledged) = (Arc::clone(&db), Arc::clone(&acknowledged));
            spawn("writer", &quiet, move || {
                for i in 0..BATCHES {
                    let mut now = NOW + BATCHES * 1000;
                    while append(&db, &batch(w, i), Atomicity::Whole, now).is_err() {
                        now += 2000;
                    }
                    acknowledged[w].store(i + 1, Ordering::Release);
                }
            })
            .unwrap()
        })
        .collect();
    let reader = {
        let (db, acknowledged, stop) = (Arc::clone(&db), Arc::clone(&acknowledged), Arc::clone(&stop));
        spawn("reader", &quiet, move || {
            while !stop.load(Ordering::Relaxed) {
                for (w, n) in acknowledged.iter().enumerate() {
                    let n = n.load(Ordering::Acquire);
                    check(&db, w, n);
                }
            }
        })
        .unwrap()
    };
    let keeper = {
        let (db, stop, disk) = (Arc::clone(&db), Arc::clone(&stop), disk.clone());
        spawn("keeper", &quiet, move || {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                if trouble && n % 3 == 0 {
                    disk.inject(Fault { path: Some("wal".into()), ..Fault::next(Call::SyncData, FaultKind::Io) });
                }
                if let Err(error) = db.maintain(NOW) {
                    assert!(trouble, "{error}");
                }
            }
        })
        .unwrap()
    };
    let compactor = {
        let (db, stop) = (Arc::clone(&db), Arc::clone(&stop));
        spawn("compactor", &quiet, move || {
            while !stop.load(Ordering::Relaxed) {
                db.compact().unwrap();
                db.scrub(10_000).unwrap();
                db.delete(&[Matcher::equal("job", "nobody")], ClosedRange::ALL).unwrap();
                db.clean().unwrap();
            }
        })
        .unwrap()
    };
    for writer in writers {
        writer.join().unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    reader.join().unwrap();
    keeper.join().unwrap();
    compactor.join().unwrap();
    disk.clear_faults();
    while db.maintain(NOW).unwrap() != Maintained::Nothing {}
    (0..WRITERS).for_each(|w| check(&db, w, BATCHES));
    while db.compact().unwrap() != Compacted::Nothing {}
    (0..WRITERS).for_each(|w| check(&db, w, BATCHES));
    assert!(db.stats().blocks > 3 && db.stats().compactions > 1);
    drop(db);
    let db = open(&disk.crash(Crash::LoseUnsynced), small()).unwrap();
    (0..WRITERS).for_each(|w| check(&db, w, BATCHES));
}

#[test]
fn all_at_once() {
    run(&SimDisk::new(), false);
}

#[test]
fn all_at_once_on_a_bad_disk() {
    run(&SimDisk::new(), true);
}
