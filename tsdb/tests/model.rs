//! Random lives of a database against a map: appends in and out of order, repetitions, strange floats, seals, restarts,
//! power cuts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod support;

use std::collections::BTreeMap;

use nightjar_model::histogram::{FloatHistogram, Span};
use nightjar_model::storage::{Atomicity, LiveCount, LiveGroup, Querier, RejectReason, SelectHints, Storage};
use nightjar_model::{ClosedRange, HistogramSample, Labels, MatchOp, Matcher, STALE_NAN_BITS};
use nightjar_platform::SimDisk;
use nightjar_platform::disk::Crash;
use nightjar_tsdb::{Compacted, Db, Maintained, Options};
use proptest::prelude::*;
use support::*;

const START: i64 = 1_700_000_000_000;

#[derive(Clone, Debug)]
enum Step {
    /// Samples: series, how much before the current time, value.
    Append(Vec<(u8, i64, u64)>),
    /// Time passes.
    Wait(i64),
    /// Housekeeping until there is nothing to do.
    Maintain,
    /// Compactions until there is nothing to do.
    Compact,
    /// A series, or all of one target, is deleted from some time before now to some time after that.
    Delete(u8, i64, i64),
    /// Deletes are carried out in blocks.
    Clean,
    /// A snapshot is opened, with or without what is not in blocks.
    Snapshot(bool),
    /// A clean stop and start.
    Reopen,
    /// A power cut.
    Crash,
    /// A query that stays open over the next steps.
    Hold,
}

fn value() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => (0..50u64).prop_map(|v| (v as f64).to_bits()),
        2 => (0..5000u64).prop_map(|v| (v as f64 / 1000.0).to_bits()),
        1 => Just(STALE_NAN_BITS),
        1 => any::<u64>(),
    ]
}

fn age() -> impl Strategy<Value = i64> {
    prop_oneof![6 => Just(0i64), 2 => 0..5_000i64, 1 => 0..60_000i64]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => prop::collection::vec((0..14u8, age(), value()), 1..10).prop_map(Step::Append),
        4 => prop_oneof![4 => 1..2_000i64, 1 => 2_000..40_000i64].prop_map(Step::Wait),
        2 => Just(Step::Maintain),
        2 => Just(Step::Compact),
        1 => (0..16u8, 0..60_000i64, 0..60_000i64).prop_map(|(s, ago, long)| Step::Delete(s, ago, long)),
        1 => Just(Step::Clean),
        1 => any::<bool>().prop_map(Step::Snapshot),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
        1 => Just(Step::Hold),
    ]
}

fn series(n: u8) -> String {
    match n {
        0..5 => format!("__name__=m{n},job=a,instance=1"),
        5..10 => format!("__name__=m{n},job=b,instance=2"),
        10..12 => format!("__name__=rule{n}"),
        _ => format!("__name__=h{n},job=a,instance=1"),
    }
}

fn small() -> Options {
    Options {
        block_ms: 10_000,
        seal_delay_ms: 5_000,
        out_of_order_window_ms: 40_000,
        retention_ms: 0,
        segment_bytes: 1500,
        ..options()
    }
}

type Model = BTreeMap<String, BTreeMap<i64, u64>>;

fn flat(model: &Model) -> Content {
    model.iter().filter(|(_, s)| !s.is_empty()).map(|(l, s)| (l.clone(), s.clone().into_iter().collect())).collect()
}

/// Some series have histograms, and floats now and then.
fn is_histogram(series: u8, bits: u64) -> bool {
    series >= 12 && !bits.is_multiple_of(5)
}

fn histogram(timestamp: i64, n: u64) -> HistogramSample {
    let histogram = FloatHistogram {
        count: n as f64,
        positive_spans: vec![Span { offset: 1, length: 1 }],
        positive_buckets: vec![n as f64],
        ..FloatHistogram::default()
    };
    HistogramSample { timestamp, start: 0, integer: true, histogram }
}

fn append_step(db: &Db<SimDisk>, model: &mut Model, now: i64, samples: &[(u8, i64, u64)]) {
    // In one batch a float and a histogram of one time are told apart by nothing.
    let mut seen = std::collections::BTreeSet::new();
    let samples: Vec<_> = samples.iter().filter(|(n, age, _)| *n < 12 || seen.insert((*n, *age))).collect();
    let mut batch = Owned::default();
    for (n, age, bits) in samples.iter().copied() {
        batch = batch.with(&series(*n), &[]);
        let entry = batch.0.last_mut().unwrap();
        match is_histogram(*n, *bits) {
            true => entry.histograms.push(histogram(now - age, bits % 1000)),
            false => entry.samples.push(sample(now - age, f64::from_bits(*bits))),
        }
    }
    let report = append(db, &batch, Atomicity::Partial, now).unwrap();
    assert_eq!(report.samples + report.histograms + report.rejected, samples.len() as u64);
    let refused: Vec<usize> = report.rejections.iter().map(|r| r.entry).collect();
    for (i, (n, age, bits)) in samples.into_iter().enumerate() {
        let bits = if is_histogram(*n, *bits) { HISTOGRAM | (bits % 1000) } else { *bits };
        let stored = model.entry(labels(&series(*n)).to_string()).or_default();
        match refused.contains(&i) {
            false => {
                stored.entry(now - age).or_insert(bits);
            }
            true => {
                let reason = report.rejections.iter().find(|r| r.entry == i).unwrap().reason;
                match reason {
                    RejectReason::DuplicateTimestamp => assert_ne!(stored.get(&(now - age)), None),
                    RejectReason::TooOld => assert!(*age > 0),
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}

fn maintain(db: &Db<SimDisk>, now: i64) -> usize {
    (0..1000).take_while(|_| db.maintain(now).unwrap() != Maintained::Nothing).count()
}

fn compact(db: &Db<SimDisk>) {
    let steps = (0..1000).take_while(|_| db.compact().unwrap() != Compacted::Nothing).count();
    assert!(steps < 1000, "compaction never ends");
}

fn delete_step(db: &Db<SimDisk>, model: &mut Model, now: i64, (n, ago, long): (u8, i64, i64)) {
    let matchers = match n {
        0..14 => labels(&series(n)).iter().map(|l| Matcher::equal(l.name, l.value)).collect(),
        14 => vec![Matcher::new(MatchOp::Regex, "job", "a|c").unwrap()],
        _ => vec![Matcher::equal("job", "")],
    };
    let times = ClosedRange { start: now - ago, end: now - ago + long };
    let before = db.generation(times);
    db.delete(&matchers, times).unwrap();
    assert!(db.generation(times) > before);
    for n in 0..14u8 {
        let labels = labels(&series(n));
        if matchers.iter().all(|m| m.matches(labels.value(&m.name)))
            && let Some(samples) = model.get_mut(&labels.to_string())
        {
            samples.retain(|t, _| !times.contains(*t));
        }
    }
}

fn snapshot_step(db: &Db<SimDisk>, disk: &SimDisk, model: &Model, step: usize, skip_head: bool) {
    let name = format!("copy-{step}");
    db.snapshot(&name, skip_head).unwrap();
    let copy = open(&subtree(disk, &format!("snapshots/{name}")), small()).unwrap();
    let content = read(&copy);
    if !skip_head {
        assert_eq!(content, flat(model), "the snapshot of step {step}");
    }
    for (labels, samples) in &content {
        let own = model.get(labels).unwrap();
        assert!(samples.iter().all(|(t, bits)| own.get(t) == Some(bits)), "{labels} in a snapshot without head");
    }
    let late = one("__name__=new,job=a,instance=1", &[(START - 1, 1.0)]);
    let _ = append(&copy, &late, Atomicity::Partial, START);
    maintain(&copy, START);
}

/// Reads what a querier sees now.
fn content(querier: &dyn Querier) -> Content {
    let set = querier.select(&[], &SelectHints::range(ClosedRange::ALL)).unwrap();
    let mut data = Vec::new();
    set.read(0..set.len(), ClosedRange::ALL, &mut data).unwrap();
    data.iter()
        .enumerate()
        .map(|(i, d)| (set.labels(i).to_string(), support::flat(d)))
        .filter(|(_, s)| !s.is_empty())
        .collect()
}

fn live(steps: &[Step]) {
    let mut disk = SimDisk::new();
    let mut db = Some(open(&disk, small()).unwrap());
    let (mut model, mut now) = (Model::new(), START);
    let mut held: Vec<(Box<dyn Querier>, Content)> = Vec::new();
    for (i, step) in steps.iter().enumerate() {
        match step {
            Step::Compact => compact(db.as_ref().unwrap()),
            Step::Delete(n, ago, long) => delete_step(db.as_ref().unwrap(), &mut model, now, (*n, *ago, *long)),
            Step::Clean => {
                db.as_ref().unwrap().clean().unwrap();
            }
            Step::Snapshot(skip_head) => snapshot_step(db.as_ref().unwrap(), &disk, &model, i, *skip_head),
            Step::Append(samples) => append_step(db.as_ref().unwrap(), &mut model, now, samples),
            Step::Wait(ms) => now += ms,
            Step::Maintain => {
                maintain(db.as_ref().unwrap(), now);
            }
            Step::Reopen | Step::Crash => {
                held.clear();
                drop(db.take());
                if matches!(step, Step::Crash) {
                    disk = disk.crash(Crash::Random { seed: i as u64 });
                }
                db = Some(open(&disk, small()).unwrap());
            }
            Step::Hold => {
                let querier = db.as_ref().unwrap().querier(ClosedRange::ALL).unwrap();
                held.push((querier, flat(&model)));
            }
        }
        let db = db.as_ref().unwrap();
        assert_eq!(read(db), flat(&model), "after step {i} {step:?}");
        for ago in [0, 12_000, 37_000] {
            check_live(db, &model, now - ago);
        }
        for (querier, then) in &held {
            assert_eq!(&content(querier.as_ref()), then, "a held query after step {i} {step:?}");
        }
    }
    held.clear();
    check_parts(db.as_ref().unwrap(), &model, now);
}

/// Where storage counts the series that live without reading them, it counts what reading would have found.
fn check_live(db: &Db<SimDisk>, model: &Model, now: i64) {
    let (times, lookback_ms) = ([now - 1_500, now], 5_000);
    let range = ClosedRange { start: times[0] - lookback_ms + 1, end: now };
    let querier = db.querier(range).unwrap();
    let by_job = |name: &str| name == "job";
    for keeps in [None, Some(&by_job as &dyn Fn(&str) -> bool)] {
        let question = LiveCount { matchers: &[], times: &times, lookback_ms, keeps };
        let Some(answer) = querier.count_live(&question) else { continue };
        let set = querier.select(&[], &SelectHints::range(range)).unwrap();
        let mut expected: Vec<LiveGroup> = Vec::new();
        for labels in (0..set.len()).map(|i| set.labels(i)) {
            let own = labels.filter(|label| keeps.is_some_and(|keeps| keeps(label.name)));
            let place = expected.iter().position(|g| g.labels == own).unwrap_or_else(|| {
                expected.push(LiveGroup { labels: own, counts: vec![0; times.len()] });
                expected.len() - 1
            });
            for (i, t) in times.iter().enumerate() {
                let stored = model.get(&labels.to_string());
                let newest = stored.and_then(|s| s.range(t - lookback_ms + 1..=*t).next_back());
                expected[place].counts[i] += u64::from(newest.is_some_and(|(_, bits)| *bits != STALE_NAN_BITS));
            }
        }
        let some = |groups: Vec<LiveGroup>| -> Vec<_> {
            groups.into_iter().filter(|group| group.counts.iter().any(|count| *count > 0)).collect()
        };
        assert_eq!(some(answer), some(expected));
    }
}

#[test]
fn what_lives_is_counted_without_reading() {
    let db = open(&SimDisk::new(), small()).unwrap();
    let stale = f64::from_bits(STALE_NAN_BITS);
    for (t, batch) in [
        (START, one(&series(0), &[(START, 1.0)]).with(&series(5), &[(START, 1.0)]).with(&series(10), &[(START, 1.0)])),
        (START + 1_000, one(&series(0), &[(START + 1_000, 1.0)]).with(&series(5), &[(START + 1_000, stale)])),
        (START + 2_000, one(&series(1), &[(START + 2_000, 9.5)])),
    ] {
        append(&db, &batch, Atomicity::Whole, t).unwrap();
    }
    let querier = db.querier(ClosedRange::ALL).unwrap();
    let count = |times: &[i64], lookback_ms| {
        let answer = querier.count_live(&LiveCount { matchers: &[], times, lookback_ms, keeps: None });
        answer.map(|groups| groups.into_iter().flat_map(|group| group.counts).collect::<Vec<_>>())
    };
    assert_eq!(count(&[START, START + 999, START + 1_000, START + 2_000], 5_000), Some(vec![3, 3, 2, 3]));
    assert_eq!(count(&[START + 2_000], 1_000), Some(vec![1]));
    assert_eq!(count(&[START + 60_000], 1_000), Some(vec![]));
    append(&db, &one(&series(0), &[(START + 500, 2.0)]), Atomicity::Whole, START + 2_000).unwrap();
    let querier = db.querier(ClosedRange::ALL).unwrap();
    let question = LiveCount { matchers: &[], times: &[START + 700], lookback_ms: 5_000, keeps: None };
    assert_eq!(querier.count_live(&question), None, "late samples have to be read");
}

#[test]
fn what_lived_is_counted_in_a_block() {
    let db = open(&SimDisk::new(), small()).unwrap();
    let stale = f64::from_bits(STALE_NAN_BITS);
    // Decimals that end, others that stay, a gap, and floats that are no decimals and end.
    let value = |n: u8, i: i64| match (n, i) {
        (0, 6..) | (3, 8..) => stale,
        (3, i) => f64::from_bits(0x3fd5_5555_5555_5555 + i as u64 * 0x1234_5678),
        (n, i) => f64::from(n) + i as f64 / 4.0,
    };
    for i in 0..10 {
        let t = START + i * 1_000;
        let batch = (0..4)
            .filter(|n| *n != 2 || i < 3)
            .fold(Owned::default(), |batch, n| batch.with(&series(n), &[(t, value(n, i))]));
        append(&db, &batch, Atomicity::Whole, t).unwrap();
    }
    let later = START + 200_000;
    append(&db, &one(&series(0), &[(later, 1.0)]), Atomicity::Whole, later).unwrap();
    maintain(&db, later);
    assert!(db.stats().blocks > 0);
    let querier = db.querier(ClosedRange::ALL).unwrap();
    for (at, expected) in [(2_500, 4), (5_500, 3), (6_000, 2), (7_999, 2), (8_000, 1), (9_000, 1)] {
        let question = LiveCount { matchers: &[], times: &[START + at], lookback_ms: 2_000, keeps: None };
        let counts: Vec<_> =
            querier.count_live(&question).unwrap().into_iter().flat_map(|group| group.counts).collect();
        assert_eq!(counts, [expected], "{at}");
    }
}

/// Parts of the content: by time, by matcher, one by one.
fn check_parts(db: &Db<SimDisk>, model: &Model, now: i64) {
    for (start, end) in [(START, START + 7_000), (now - 12_000, now - 3_000), (now - 1, now)] {
        let range = ClosedRange { start, end };
        let cut =
            |s: &BTreeMap<i64, u64>| s.range(start..=end.max(start)).map(|(t, v)| (*t, *v)).collect::<BTreeMap<_, _>>();
        let part: Model = model.iter().map(|(l, s)| (l.clone(), cut(s))).collect();
        assert_eq!(read_range(db, range, &[]).0, flat(&part));
    }
    let querier = db.querier(ClosedRange::ALL).unwrap();
    let names = querier.label_values("__name__", &[], 0).unwrap().items;
    assert!(names.is_sorted());
    for name in &names {
        let (content, _) = read_range(db, ClosedRange::ALL, &[Matcher::equal("__name__", name.as_str())]);
        let own = |l: &str| l.starts_with(&format!("{{__name__=\"{name}\""));
        let part: Model = model.iter().filter(|(l, _)| own(l)).map(|(l, s)| (l.clone(), s.clone())).collect();
        assert_eq!(content, flat(&part));
    }
    let set = querier.select(&[], &SelectHints::range(ClosedRange::ALL)).unwrap();
    let mut all: Vec<Labels> = (0..set.len()).map(|i| set.labels(i)).collect();
    all.dedup();
    assert_eq!(all.len(), set.len(), "every series once");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_database_is_a_map(steps in prop::collection::vec(step(), 1..70)) {
        live(&steps);
    }
}

#[test]
fn a_long_life_seals_many_blocks() {
    let mut steps = Vec::new();
    for i in 0..400u64 {
        steps.push(Step::Append(
            (0..14)
                .map(|s| (s, if i % 17 == 3 { 20_000 } else { 0 }, ((i * u64::from(s)) as f64).to_bits()))
                .filter(|(s, _, _)| i % 50 < 30 || s % 2 == 0)
                .take(9)
                .collect(),
        ));
        steps.push(Step::Wait(700));
        if i % 10 == 9 {
            steps.push(Step::Maintain);
        }
        if i % 97 == 96 {
            steps.push(Step::Reopen);
        }
        if i % 40 == 39 {
            steps.extend([Step::Compact, Step::Delete((i % 16) as u8, 30_000, 20_000)]);
        }
        if i % 120 == 119 {
            steps.extend([Step::Clean, Step::Snapshot(false), Step::Hold]);
        }
    }
    live(&steps);
}

/// A request of one wide target, and a question about some of its series.
#[derive(Clone, Debug)]
struct Asked {
    /// Which series say something, and every how many of them.
    told: std::ops::Range<u8>,
    step: usize,
    /// Which are asked for, and how far back from the newest time.
    asked: std::ops::Range<u8>,
    back_ms: i64,
    hold: bool,
}

fn asked() -> impl Strategy<Value = Asked> {
    let part = || (0..200u8, 1..200u8).prop_map(|(start, len)| start..start.saturating_add(len).min(200));
    (part(), 1..4usize, part(), 0..40_000i64, prop::bool::weighted(0.1))
        .prop_map(|(told, step, asked, back_ms, hold)| Asked { told, step, asked, back_ms, hold })
}

fn wide(n: u8) -> String {
    format!("__name__=m{n:03},job=a,instance=1")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// What was read for one question is kept for the next ones: none of that may show in an answer.
    #[test]
    fn an_answer_does_not_depend_on_what_was_asked_before(steps in prop::collection::vec(asked(), 1..120)) {
        let db = open(&SimDisk::new(), Options { segment_bytes: 1 << 20, ..small() }).unwrap();
        let mut model = Model::new();
        let mut held: Vec<(Box<dyn Querier>, Content)> = Vec::new();
        for (i, step) in (0..).zip(&steps) {
            let t = START + i * 500;
            let mut batch = Owned::default();
            for n in step.told.clone().step_by(step.step) {
                let value = if n % 3 == 0 { 7.0 } else { (i * i64::from(n)) as f64 / 8.0 };
                batch = batch.with(&wide(n), &[(t, value)]);
                model.entry(labels(&wide(n)).to_string()).or_default().insert(t, value.to_bits());
            }
            append(&db, &batch, Atomicity::Whole, t).unwrap();
            let range = ClosedRange { start: t - step.back_ms, end: t };
            let names: Vec<String> = step.asked.clone().map(|n| format!("m{n:03}")).collect();
            let matchers = [Matcher::new(MatchOp::Regex, "__name__", names.join("|")).unwrap()];
            let own = |n: u8| {
                let labels = labels(&wide(n)).to_string();
                let samples = model.get(&labels)?.range(range.start..=t).map(|(t, v)| (*t, *v)).collect();
                Some((labels, samples))
            };
            let expected: Model = step.asked.clone().filter_map(own).collect();
            prop_assert_eq!(read_range(&db, range, &matchers), (flat(&expected), Vec::new()), "step {}", i);
            if step.hold {
                held.push((db.querier(ClosedRange::ALL).unwrap(), flat(&model)));
            }
        }
        for (querier, then) in &held {
            prop_assert_eq!(&content(querier.as_ref()), then);
        }
    }
}
