//! Buckets say of samples what samples say, wherever they are read; and they go with them where they must.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod support;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use nightjar_model::histogram::FloatHistogram;
use nightjar_model::storage::{Aggregate, Atomicity, Buckets, Downsampled, SelectHints, Storage};
use nightjar_model::{ClosedRange, HistogramSample, Matcher, STALE_NAN, is_stale};
use nightjar_platform::{Disk, DiskFile, OpenMode, SimDisk, SplitMix};
use nightjar_tsdb::{Compacted, Db, Maintained, Options, TierOptions, verify};
use proptest::prelude::*;
use support::*;

/// A multiple of every width used here.
const START: i64 = 1_700_000_400_000;
const BLOCK: i64 = 10_000;
const DAY: i64 = 12 * BLOCK;
const WIDTH: i64 = 6_000;

fn small() -> Options {
    Options {
        block_ms: BLOCK,
        seal_delay_ms: 4_000,
        out_of_order_window_ms: 30_000,
        retention_ms: 0,
        segment_bytes: 20_000,
        tiers: vec![TierOptions { width_ms: WIDTH, keep_ms: 0 }, TierOptions { width_ms: 2 * WIDTH, keep_ms: 0 }],
        ..options()
    }
}

fn settle(db: &Db<impl Disk>, now: i64) {
    while db.maintain(now).unwrap() != Maintained::Nothing {}
}

fn compact(db: &Db<impl Disk>) {
    while db.compact().unwrap() != Compacted::Nothing {}
}

type Samples = Vec<(i64, f64)>;

/// What a selection gives, by labels as text, and what it tells of buckets.
fn select(
    db: &Db<impl Disk>,
    range: RangeInclusive<i64>,
    wanted: Option<Downsampled>,
) -> (BTreeMap<String, Samples>, Buckets) {
    let range = ClosedRange { start: *range.start(), end: *range.end() };
    let querier = db.querier(range).unwrap();
    let set = querier.select(&[], &SelectHints { downsampled: wanted, ..SelectHints::range(range) }).unwrap();
    let mut data = Vec::new();
    set.read(0..set.len(), range, &mut data).unwrap();
    assert_eq!(set.warnings(), Vec::<String>::new());
    let samples = |d: &nightjar_model::storage::SeriesData| {
        let floats = d.floats.timestamps.iter().copied().zip(d.floats.values.iter().copied());
        assert!(d.floats.timestamps.iter().all(|t| range.contains(*t)));
        floats.filter(|(_, v)| !is_stale(*v)).collect::<Samples>()
    };
    let all = data.iter().enumerate().map(|(i, d)| (set.labels(i).to_string(), samples(d)));
    (all.filter(|(_, samples)| !samples.is_empty()).collect(), set.buckets())
}

fn exact(aggregate: Aggregate, aligned_ms: i64) -> Option<Downsampled> {
    Some(Downsampled { aggregate, aligned_ms, coarsest_ms: 0 })
}

fn asked(aggregate: Aggregate) -> Option<Downsampled> {
    Some(Downsampled { aggregate, aligned_ms: 0, coarsest_ms: WIDTH })
}

/// The fold of each window `(end - width, end]` that has anything.
fn windows(samples: &Samples, width: i64, fold: impl Fn(&[f64]) -> f64) -> BTreeMap<i64, u64> {
    let mut windows: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (t, v) in samples {
        windows.entry((t - 1).div_euclid(width)).or_default().push(*v);
    }
    windows.into_iter().map(|(window, values)| (window, fold(&values).to_bits())).collect()
}

/// As PromQL folds the values of a window.
fn fold(aggregate: Aggregate, v: &[f64]) -> f64 {
    match aggregate {
        Aggregate::Min => v.iter().fold(v[0], |m, v| if *v < m || m.is_nan() { *v } else { m }),
        Aggregate::Max => v.iter().fold(v[0], |m, v| if *v > m || m.is_nan() { *v } else { m }),
        Aggregate::Count => v.iter().sum(),
        _ => v[v.len() - 1],
    }
}

/// What `increase` adds up before it extrapolates, between consecutive samples.
fn increases(samples: &Samples) -> f64 {
    samples.windows(2).map(|w| if w[1].1 < w[0].1 { w[1].1 } else { w[1].1 - w[0].1 }).sum()
}

/// Nine steps in ten have a sample, of five series of two targets; some samples are late.
fn life() -> impl Strategy<Value = Vec<(i64, usize, f64)>> {
    let value = prop_oneof![
        12 => (0..40u32).prop_map(f64::from),
        2 => (-3..3i32).prop_map(|v| f64::from(v) / 3.0),
        1 => Just(f64::NAN),
        1 => Just(-0.0),
        1 => Just(STALE_NAN),
        1 => Just(f64::INFINITY),
    ];
    let sample = (0..300i64, 0..1000i64, 0..5usize, value, prop::bool::weighted(0.05));
    prop::collection::vec(sample, 100..500).prop_map(|mut all| {
        all.sort_by_key(|(step, ..)| *step);
        let mut seen = std::collections::HashSet::new();
        let time = |step: i64, jitter: i64, late: bool| {
            let t = START + step * 1000 + if jitter < 500 { 0 } else { jitter };
            if late { t - 25_000 } else { t }
        };
        let all = all.into_iter().map(|(step, jitter, series, v, late)| (time(step, jitter, late), series, v));
        all.filter(|(t, series, _)| seen.insert((*t, *series))).collect()
    })
}

fn series(n: usize) -> String {
    format!("__name__=m{n},job=a,instance={}", n % 2)
}

fn lived(disk: &SimDisk, options: Options, life: &[(i64, usize, f64)]) -> Db<SimDisk> {
    let db = open(disk, options).unwrap();
    for (t, n, v) in life {
        append(&db, &one(&series(*n), &[(*t, *v)]), Atomicity::Partial, *t).unwrap();
        settle(&db, *t);
    }
    // Something much newer, so that everything before it is over.
    let last = START + 300_000 + 3 * DAY;
    append(&db, &one(&series(0), &[(last, 1.0)]), Atomicity::Whole, last).unwrap();
    settle(&db, last);
    compact(&db);
    db
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whole_buckets_answer_as_samples_do(life in life(), from in 0..20i64, len in 1..40i64) {
        let db = lived(&SimDisk::new(), small(), &life);
        prop_assert!(!db.stats().tiers.is_empty());
        for width in [WIDTH, 2 * WIDTH, 6 * WIDTH] {
            let start = (START + from * 2 * WIDTH).div_euclid(width) * width;
            let range = start + 1..=start + len * width;
            let samples = select(&db, range.clone(), None).0;
            let mut read = 0;
            for aggregate in [Aggregate::Count, Aggregate::Min, Aggregate::Max, Aggregate::Last] {
                let (found, told) = select(&db, range.clone(), exact(aggregate, width));
                prop_assert_eq!(&told.inexact, &[]);
                prop_assert_eq!(found.keys().collect::<Vec<_>>(), samples.keys().collect::<Vec<_>>());
                for (name, own) in &samples {
                    let plain = if told.aggregated && aggregate == Aggregate::Count {
                        own.iter().map(|(t, v)| (*t, aggregate.of(*v))).collect()
                    } else {
                        own.clone()
                    };
                    let by = |s: &Samples| windows(s, width, |v| fold(aggregate, v));
                    prop_assert_eq!(by(&found[name]), by(&plain), "{:?} of {}", aggregate, name);
                    read += usize::from(found[name].len() < own.len());
                }
            }
            let aligned = range.clone().count() as i64 >= 2 * DAY;
            prop_assert!(read > 0 || !aligned || life.len() < 300);
        }
        // Windows that cut buckets are told by samples.
        let (found, told) = select(&db, START + 1..=START + DAY, exact(Aggregate::Last, WIDTH / 2));
        prop_assert_eq!(told, Buckets::default());
        prop_assert_eq!(found.len(), select(&db, START + 1..=START + DAY, None).0.len());
    }

    #[test]
    fn counters_rise_as_samples_do(life in life()) {
        let life: Vec<_> = life.into_iter().map(|(t, n, v)| (t, n, if v.is_finite() { v.abs().floor() } else { 3.0 })).collect();
        let db = lived(&SimDisk::new(), small(), &life);
        let range = START - DAY..=START + 400_000;
        let samples = select(&db, range.clone(), None).0;
        let (found, told) = select(&db, range.clone(), asked(Aggregate::Counter));
        prop_assert!(told.aggregated && !told.inexact.is_empty());
        for (name, own) in &samples {
            // Of the first bucket only the end is known.
            let first = found[name][0].0;
            let rest: Samples = own.iter().copied().filter(|(t, _)| *t >= first).collect();
            prop_assert_eq!(increases(&found[name]), increases(&rest), "{}", name);
        }
        let (sums, _) = select(&db, range, asked(Aggregate::Sum));
        let total = |s: &Samples| s.iter().map(|(_, v)| v).sum::<f64>();
        samples.iter().for_each(|(name, own)| assert_eq!(total(&sums[name]), total(own), "{name}"));
    }
}

/// A counter every second for `seconds`, with a reset now and then, and a series with histograms.
fn filled(disk: &SimDisk, options: Options, seconds: i64) -> Db<SimDisk> {
    let db = open(disk, options).unwrap();
    for i in 0..seconds {
        let t = START + i * 1000;
        let histogram = HistogramSample { timestamp: t, start: 0, integer: true, histogram: FloatHistogram::default() };
        let mut batch =
            one("__name__=c_total,job=a", &[(t, (i % 50) as f64)]).with("__name__=g,job=a", &[(t, i as f64)]);
        batch.0.push(Entry { spelling: spelling("__name__=h,job=a"), histograms: vec![histogram], ..Entry::default() });
        append(&db, &batch, Atomicity::Whole, t).unwrap();
        settle(&db, t);
    }
    compact(&db);
    db
}

fn widths(db: &Db<impl Disk>) -> Vec<i64> {
    db.querier(ClosedRange::ALL).unwrap().bucket_widths()
}

#[test]
fn nothing_is_made_unless_it_is_wanted() {
    let disk = SimDisk::new();
    let db = filled(&disk, Options { tiers: Vec::new(), ..small() }, 600);
    assert_eq!((widths(&db), db.stats().downsamplings), (vec![], 0));
    let before = read(&db);
    drop(db);
    // Wanted from now on, it is made of what there is; answers from samples stay what they are.
    let db = open(&disk, small()).unwrap();
    compact(&db);
    assert_eq!(widths(&db), [WIDTH, 2 * WIDTH]);
    assert_eq!(read(&db), before);
    assert!(db.stats().downsamplings >= 4, "{:?}", db.stats());
    let (found, told) = select(&db, START + 1..=START + DAY, exact(Aggregate::Max, WIDTH));
    assert!(told.aggregated && told.withheld.is_none());
    let names: Vec<&str> = found.keys().map(|k| k.split('"').nth(1).unwrap_or_default()).collect();
    assert!(found.len() == 2, "{names:?}");
    assert!(found.values().all(|s| s.len() <= 1 + DAY as usize / WIDTH as usize), "{found:?}");
    // Nothing is left to do, also after a restart.
    drop(db);
    assert_eq!(open(&disk, small()).unwrap().compact().unwrap(), Compacted::Nothing);
    let mut progress = |_, _| {};
    assert_eq!(verify(&disk, &mut progress).unwrap().findings, []);
}

#[test]
fn histograms_stay_as_they_are() {
    let db = filled(&SimDisk::new(), small(), 400);
    let range = ClosedRange { start: START + 1, end: START + DAY };
    let querier = db.querier(range).unwrap();
    let hints = SelectHints { downsampled: exact(Aggregate::Count, WIDTH), ..SelectHints::range(range) };
    let set = querier.select(&[Matcher::equal("__name__", "h")], &hints).unwrap();
    let mut data = Vec::new();
    set.read(0..1, range, &mut data).unwrap();
    assert_eq!(data[0].histograms.timestamps.len(), DAY as usize / 1000);
}

#[test]
fn buckets_outlive_samples() {
    let disk = SimDisk::new();
    let tiers = vec![TierOptions { width_ms: WIDTH, keep_ms: 20 * DAY }];
    let options = || Options { retention_ms: 11 * DAY, tiers: tiers.clone(), ..small() };
    let db = filled(&disk, options(), 600);
    let whole = START + 1..=START + DAY;
    let before = select(&db, whole.clone(), exact(Aggregate::Max, WIDTH)).0;
    let later = START + 13 * DAY;
    append(&db, &one("__name__=g,job=a", &[(later, 1.0)]), Atomicity::Whole, later).unwrap();
    compact(&db);
    settle(&db, later);
    assert_eq!(widths(&db), [WIDTH]);
    let (found, told) = select(&db, whole.clone(), None);
    assert_eq!((found.len(), told.withheld.map(|w| w.1)), (0, Some(WIDTH)), "{told:?}");
    // Whole buckets still answer; others only when asked for.
    let (found, told) = select(&db, whole.clone(), exact(Aggregate::Max, 2 * WIDTH));
    assert_eq!((found, told.inexact.len(), told.withheld), (before, 0, None));
    let (_, told) = select(&db, whole.clone(), exact(Aggregate::Max, 1000));
    assert!(told.withheld.is_some());
    let (found, told) = select(&db, whole.clone(), asked(Aggregate::Last));
    assert_eq!((found.len(), told.inexact.is_empty(), told.withheld), (2, false, None));
    // Their names can be listed.
    let times = ClosedRange { start: *whole.start(), end: *whole.end() };
    let names = db.querier(times).unwrap().label_values("__name__", &[], 0).unwrap();
    assert_eq!(names.items, ["c_total", "g"]);
    // What is not configured any more stays and can be read; what is too old goes.
    drop(db);
    let db = open(&disk, Options { tiers: Vec::new(), ..options() }).unwrap();
    settle(&db, later + 100 * DAY);
    assert_eq!(widths(&db), [WIDTH]);
    drop(db);
    let db = open(&disk, options()).unwrap();
    let last = START + 40 * DAY;
    append(&db, &one("__name__=g,job=a", &[(last, 1.0)]), Atomicity::Whole, last).unwrap();
    settle(&db, last);
    assert_eq!(select(&db, whole, asked(Aggregate::Last)).0.len(), 0);
}

#[test]
fn samples_do_not_go_before_their_buckets_are_made() {
    let db = open(&SimDisk::new(), Options { retention_ms: 11 * DAY, ..small() }).unwrap();
    for i in 0..200 {
        append(&db, &one("__name__=g", &[(START + i * 1000, i as f64)]), Atomicity::Whole, START).unwrap();
    }
    let later = START + 11 * DAY + DAY;
    append(&db, &one("__name__=g", &[(later, 1.0)]), Atomicity::Whole, later).unwrap();
    settle(&db, later);
    let first = START + 1..=START + BLOCK;
    assert_eq!(select(&db, first.clone(), None).0.len(), 1, "nothing was made of it yet");
    compact(&db);
    settle(&db, later);
    assert_eq!(select(&db, first.clone(), None).0.len(), 0);
    assert_eq!(select(&db, first, asked(Aggregate::Last)).0.len(), 1);
}

#[test]
fn what_is_deleted_is_in_no_bucket() {
    let disk = SimDisk::new();
    let db = filled(&disk, small(), 500);
    let whole = START + 1..=START + DAY;
    let matchers = [Matcher::equal("__name__", "g")];
    db.delete(&matchers, ClosedRange { start: START + 20_500, end: START + 21_500 }).unwrap();
    let same = |db: &Db<SimDisk>, what: &str| {
        let samples = select(db, whole.clone(), None).0;
        for aggregate in [Aggregate::Count, Aggregate::Last, Aggregate::Max] {
            let (found, told) = select(db, whole.clone(), exact(aggregate, WIDTH));
            assert_eq!(told.inexact, [], "{what}");
            for (name, own) in &samples {
                let plain =
                    own.iter().map(|(t, v)| (*t, if told.aggregated { aggregate.of(*v) } else { *v })).collect();
                let by = |s: &Samples| windows(s, WIDTH, |v| fold(aggregate, v));
                assert_eq!(by(&found[name]), by(&plain), "{what}: {aggregate:?} of {name}");
            }
        }
    };
    same(&db, "right after");
    db.clean().unwrap();
    compact(&db);
    same(&db, "cleaned");
    assert_eq!(db.stats().tombstones, 0);
    db.delete(&matchers, ClosedRange::ALL).unwrap();
    same(&db, "all of a series");
    drop(db);
    same(&open(&disk, small()).unwrap(), "after a restart");
}

#[test]
fn buckets_without_samples_lose_what_is_deleted_whole() {
    let tiers = vec![TierOptions { width_ms: WIDTH, keep_ms: 0 }];
    let db = filled(&SimDisk::new(), Options { retention_ms: 11 * DAY, tiers, ..small() }, 600);
    let later = START + 13 * DAY;
    append(&db, &one("__name__=g,job=a", &[(later, 1.0)]), Atomicity::Whole, later).unwrap();
    compact(&db);
    settle(&db, later);
    let whole = START + 1..=START + DAY;
    let before = select(&db, whole.clone(), asked(Aggregate::Count)).0;
    let series = before.keys().find(|k| k.contains("\"g\"")).unwrap().clone();
    let bucket = START + WIDTH;
    db.delete(&[Matcher::equal("__name__", "g")], ClosedRange { start: bucket + 2_000, end: bucket + 2_000 }).unwrap();
    let (after, told) = select(&db, whole.clone(), asked(Aggregate::Count));
    let gone: Vec<_> = before[&series].iter().filter(|s| !after[&series].contains(s)).collect();
    assert_eq!((gone.len(), gone[0].0, told.inexact.is_empty()), (1, bucket + WIDTH, false));
    assert_eq!(db.stats().tombstones, 1);
    db.clean().unwrap();
    assert_eq!(db.stats().tombstones, 0);
    assert_eq!(select(&db, whole, asked(Aggregate::Count)).0, after);
}

/// Whatever bit of buckets is flipped: as long as there are samples the answer is theirs, without a word; and the buckets
/// are made again.
#[test]
fn damaged_buckets_are_read_as_samples_and_made_again() {
    let tiers = vec![TierOptions { width_ms: WIDTH, keep_ms: 0 }];
    let options = || Options { tiers: tiers.clone(), ..small() };
    let origin = SimDisk::new();
    drop(filled(&origin, options(), 300));
    let whole = START + 1..=START + DAY - WIDTH;
    let number = {
        let db = open(&origin, options()).unwrap();
        let tier = db.blocks().into_iter().find(|b| b.block.tier().is_some()).unwrap();
        assert!(tier.block.range().contains(START));
        tier.number
    };
    let path = format!("blocks/{number:08}.blk");
    let len = origin.open(std::path::Path::new(&path), OpenMode::Read).unwrap().len().unwrap();
    let mut rng = SplitMix::new(5);
    for _ in 0..40 {
        let disk = subtree(&origin, "");
        let (at, mut byte) = (rng.below(len), [0]);
        let file = disk.open(std::path::Path::new(&path), OpenMode::ReadWrite).unwrap();
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 1 << rng.below(8)], at).unwrap();
        let db = open(&disk, options()).unwrap();
        let samples = select(&db, whole.clone(), None).0;
        for aggregate in [Aggregate::Last, Aggregate::Max, Aggregate::Count] {
            let (found, told) = select(&db, whole.clone(), exact(aggregate, WIDTH));
            for (name, own) in &samples {
                let plain =
                    own.iter().map(|(t, v)| (*t, if told.aggregated { aggregate.of(*v) } else { *v })).collect();
                let by = |s: &Samples| windows(s, WIDTH, |v| fold(aggregate, v));
                assert_eq!(by(&found[name]), by(&plain), "byte {at}: {aggregate:?} of {name}");
            }
        }
        let damaged = db.stats().damaged_pages > 0;
        compact(&db);
        assert!(!damaged || !db.blocks().iter().any(|b| b.number == number), "byte {at}");
        assert_eq!(select(&db, whole.clone(), None).0, samples);
    }
}

/// How many images are tried.
fn images() -> usize {
    std::env::var("NIGHTJAR_POWER_CUTS").ok().and_then(|n| n.parse().ok()).unwrap_or(25)
}

/// One sample a second, some late; each step ends with whatever is due. What happens at step `i`.
fn live_on(db: &Db<SimDisk>, i: i64) {
    let t = START + i * 1000;
    let late = if i % 9 == 4 { 17_500 } else { 0 };
    append(db, &one("__name__=g,job=a", &[(t - late, i as f64)]), Atomicity::Whole, t).unwrap();
    if i % 20 == 7 {
        settle(db, t);
    }
    if i % 20 == 13 {
        compact(db);
    }
}

/// Every sample is counted by frames, blocks or buckets, and by one of them.
fn counted(db: &Db<SimDisk>) -> u64 {
    let (all, told) = select(db, i64::MIN..=i64::MAX, asked(Aggregate::Count));
    all.values().flatten().map(|(_, count)| if told.aggregated { *count as u64 } else { 1 }).sum()
}

#[test]
fn every_sample_is_counted_once_whenever_the_power_is_cut() {
    const STEPS: i64 = 500;
    let tiers = vec![TierOptions { width_ms: WIDTH, keep_ms: 0 }];
    let options = || Options { retention_ms: 150_000, tiers: tiers.clone(), ..small() };
    let disk = SimDisk::new();
    disk.record();
    disk.mark(0);
    {
        let db = open(&disk, options()).unwrap();
        for i in 0..STEPS {
            live_on(&db, i);
            disk.mark(i as u64 + 1);
        }
        assert_eq!(counted(&db), STEPS as u64);
        let samples: usize = select(&db, i64::MIN..=i64::MAX, None).0.values().map(Vec::len).sum();
        assert!(samples < STEPS as usize / 2 && db.stats().downsamplings > 20, "{samples}, {:?}", db.stats());
    }
    for (point, image) in disk.recording().crashes(images(), 3) {
        let acked = point.mark.unwrap_or(0);
        let db = open(&image, options()).unwrap_or_else(|e| panic!("{point:?}: {e}"));
        let found = counted(&db);
        assert!(found == acked || found == acked + 1, "{point:?}: {found} of {acked}");
        drop(db);
        let db = open(&image, options()).unwrap();
        assert_eq!(counted(&db), found, "{point:?}: the second recovery differs");
        // What was under way may have been kept: then it is sent again, which changes nothing.
        (acked as i64..(acked as i64 + 60).min(STEPS)).for_each(|i| live_on(&db, i));
        compact(&db);
        settle(&db, START + acked as i64 * 1000);
        assert_eq!(counted(&db), (acked + 60).min(STEPS as u64), "{point:?}, later");
        assert_eq!(verify(&image, &mut |_, _| {}).unwrap().findings, [], "{point:?}");
    }
}
