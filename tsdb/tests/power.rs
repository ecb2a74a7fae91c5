//! The power is cut at steps of a long life with seals, compactions, deletes, retention and snapshots in it.
//!
//! What was acknowledged is there, what is there was submitted and not deleted, to the bit; recovering twice changes
//! nothing, and life goes on. `NIGHTJAR_POWER_CUTS` says how many images are tried, spread evenly over all steps;
//! `all` tries every step in five ways.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod support;

use std::collections::BTreeMap;

use nightjar_model::storage::Atomicity;
use nightjar_model::{ClosedRange, Labels, MatchOp, Matcher};
use nightjar_platform::{SimDisk, SplitMix};
use nightjar_tsdb::{Compacted, Db, Maintained, Options, RetentionRule};
use support::*;

const START: i64 = 1_700_000_000_000;
const OPERATIONS: usize = 2000;
const STEP_MS: i64 = 1000;
const BLOCK_MS: i64 = 10_000;
const KEEP_MS: i64 = 900_000;
const KEEP_DEV_MS: i64 = 120_000;

#[derive(Clone, Debug)]
enum Operation {
    Append(Vec<(usize, i64, u64)>),
    Delete(Vec<Matcher>, ClosedRange),
    Maintain,
    Compact,
    Clean,
    Snapshot(String),
}

fn options() -> Options {
    Options {
        block_ms: BLOCK_MS,
        seal_delay_ms: 4_000,
        out_of_order_window_ms: 40_000,
        retention_ms: KEEP_MS,
        retention_rules: vec![RetentionRule { matchers: vec![Matcher::equal("env", "dev")], keep_ms: KEEP_DEV_MS }],
        segment_bytes: 3_000,
        ..support::options()
    }
}

fn series(n: usize) -> String {
    let env = if n % 4 == 3 { "dev" } else { "prod" };
    format!("__name__=m{n},job=j{},instance={},env={env}", n % 2, n % 3)
}

/// Time at operation `i`.
fn now(i: usize) -> i64 {
    START + i as i64 * STEP_MS
}

/// Mostly appends, each sample unique to the bit, some late; everything else in between.
fn operations() -> Vec<Operation> {
    let mut rng = SplitMix::new(11);
    let mut bits = 0;
    let mut value = || {
        bits += 1;
        0x4000_0000_0000_0000 | bits
    };
    let mut operation = |i: usize| match i % 25 {
        7 | 19 => Operation::Maintain,
        13 => Operation::Compact,
        21 if i % 100 == 21 => {
            let end = now(i) - rng.below(60_000) as i64;
            let times = ClosedRange { start: end - rng.below(200_000) as i64, end };
            let matchers = match i % 300 {
                21 => vec![Matcher::equal("job", "j1")],
                121 => vec![Matcher::new(MatchOp::Regex, "__name__", "m[0-4]").unwrap()],
                _ => vec![Matcher::equal("__name__", format!("m{}", rng.below(9)))],
            };
            Operation::Delete(matchers, times)
        }
        23 if i % 250 == 123 => Operation::Clean,
        24 if i % 500 == 399 => Operation::Snapshot(format!("at-{i}")),
        _ => {
            let late = if rng.one_in(9) { rng.below(35_000) as i64 } else { 0 };
            let churn = 9 + i / 200;
            let some = (0..churn).filter(|n| !(n + i).is_multiple_of(3) && (*n < 6 || *n + 4 > churn));
            Operation::Append(some.map(|n| (n, now(i) - late, value())).collect())
        }
    };
    (0..OPERATIONS).map(&mut operation).collect()
}

fn perform(db: &Db<SimDisk>, operation: &Operation, i: usize) {
    match operation {
        Operation::Append(samples) => {
            let mut batch = Owned::default();
            for (n, t, bits) in samples {
                batch = batch.with(&series(*n), &[(*t, f64::from_bits(*bits))]);
            }
            append(db, &batch, Atomicity::Whole, now(i)).unwrap_or_else(|e| panic!("{i}: {e}"));
        }
        Operation::Delete(matchers, times) => db.delete(matchers, *times).unwrap(),
        Operation::Maintain => while db.maintain(now(i)).unwrap() != Maintained::Nothing {},
        Operation::Compact => while db.compact().unwrap() != Compacted::Nothing {},
        Operation::Clean => db.clean().unwrap(),
        Operation::Snapshot(name) => db.snapshot(name, false).unwrap(),
    }
}

/// What should be there: by series and time, the bits, and whether retention may have taken it.
#[derive(Clone, Default)]
struct Model(BTreeMap<String, (bool, BTreeMap<i64, u64>)>);

impl Model {
    fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Append(samples) => {
                for (n, t, bits) in samples {
                    let labels = labels(&series(*n));
                    let dev = labels.get("env") == Some("dev");
                    let known = self.0.entry(labels.to_string()).or_insert_with(|| (dev, BTreeMap::new()));
                    known.1.entry(*t).or_insert(*bits);
                }
            }
            Operation::Delete(matchers, times) => {
                for n in 0..64 {
                    let labels: Labels = labels(&series(n));
                    if matchers.iter().all(|m| m.matches(labels.value(&m.name)))
                        && let Some((_, samples)) = self.0.get_mut(&labels.to_string())
                    {
                        samples.retain(|t, _| !times.contains(*t));
                    }
                }
            }
            _ => {}
        }
    }
}

/// Compares what is there with what must and what may be. `newest` is the newest time anybody has seen.
fn check(content: &Content, before: &Model, after: &Model, newest: i64, what: &str) {
    for (labels, (dev, samples)) in &before.0 {
        let keep = if *dev { KEEP_DEV_MS } else { KEEP_MS };
        let stored: BTreeMap<i64, u64> = content.get(labels).cloned().unwrap_or_default().into_iter().collect();
        for (t, bits) in samples {
            let deleted = after.0.get(labels).is_none_or(|(_, s)| !s.contains_key(t));
            let expired = *t < newest - keep + BLOCK_MS;
            match stored.get(t) {
                None => assert!(deleted || expired, "{what}: {labels} lost {t}, {} ms old", newest - t),
                Some(found) => assert_eq!(found, bits, "{what}: {labels} at {t}"),
            }
        }
    }
    for (labels, samples) in content {
        for (t, bits) in samples {
            let known = |m: &Model| m.0.get(labels).and_then(|(_, s)| s.get(t)).copied();
            let fine = known(before) == Some(*bits) || known(after) == Some(*bits);
            assert!(fine, "{what}: {labels} has {bits:x} at {t}, {} ms old", newest - t);
        }
    }
}

/// How many images are tried.
fn images() -> usize {
    match std::env::var("NIGHTJAR_POWER_CUTS") {
        Ok(all) if all == "all" => usize::MAX,
        Ok(n) => n.parse().expect("NIGHTJAR_POWER_CUTS is a number or `all`"),
        Err(_) => 40,
    }
}

#[test]
fn a_long_life_survives_power_cuts() {
    let operations = operations();
    let disk = SimDisk::new();
    disk.record();
    disk.mark(0);
    {
        let db = open(&disk, options()).unwrap();
        let mut model = Model::default();
        for (i, operation) in operations.iter().enumerate() {
            perform(&db, operation, i);
            model.apply(operation);
            disk.mark(i as u64 + 1);
        }
        check(&read(&db), &model, &model, now(OPERATIONS), "live");
        let stats = db.stats();
        assert!(stats.compactions > 20 && stats.seals > 100, "{stats:?}");
        let written = stats.sealed_bytes + stats.compaction_written_bytes;
        assert!(written <= 3 * stats.sealed_bytes, "{written} of {}", stats.sealed_bytes);
    }
    let recording = disk.recording();
    let (mut model, mut applied, mut tried) = (Model::default(), 0, 0);
    for (point, image) in recording.crashes(images(), 5) {
        let acked = point.mark.unwrap_or(0) as usize;
        while applied < acked {
            model.apply(&operations[applied]);
            applied += 1;
        }
        survive(&operations, acked, &model, &image, &format!("{point:?}"));
        tried += 1;
    }
    println!("{tried} images of {} steps", recording.len());
}

/// Recovers, recovers again, and goes on for a while.
fn survive(operations: &[Operation], acked: usize, model: &Model, image: &SimDisk, what: &str) {
    let mut after = model.clone();
    if let Some(under_way) = operations.get(acked) {
        after.apply(under_way);
    }
    let newest = now(acked);
    let first = read(&open(image, options()).unwrap_or_else(|e| panic!("{what}: {e}")));
    check(&first, model, &after, newest, what);
    let db = open(image, options()).unwrap();
    assert_eq!(db.stats().damaged_sections, 0, "{what}");
    assert_eq!(read(&db), first, "{what}: the second recovery differs");
    let mut model = model.clone();
    let rest = operations.iter().enumerate().skip(acked).take(30);
    for (i, operation) in rest.filter(|(_, o)| !matches!(o, Operation::Snapshot(_))) {
        // What was under way may have happened: then it happens again.
        perform(&db, operation, i);
        model.apply(operation);
        after.apply(operation);
    }
    while db.maintain(now(acked + 30)).unwrap() != Maintained::Nothing {}
    while db.compact().unwrap() != Compacted::Nothing {}
    let last = read(&db);
    check(&last, &model, &after, now(acked + 30), &format!("{what}, later"));
    drop(db);
    let db = open(&image.crash(nightjar_platform::disk::Crash::LoseUnsynced), options()).unwrap();
    assert_eq!(read(&db), last, "{what}: after another cut");
}
