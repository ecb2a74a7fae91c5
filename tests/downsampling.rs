//! Buckets beside samples: nobody who does not ask for them gets another answer, to the bit; who asks is told. Through the
//! engine in a simulated life, and through the binary with samples that are gone.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(unreachable_pub, reason = "modules of a test")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use nightjar::store::db::DbStore;
use nightjar::store::{Store, StoreSlot};
use nightjar_model::storage::{Appender, Atomicity, WriteBatch, WriteEntry};
use nightjar_model::{ClosedRange, Labels, Matcher, STALE_NAN, Sample};
use nightjar_platform::{RealDisk, SimDisk};
use nightjar_query::{Engine, EngineOptions, Features, MaxSourceResolution, QueryOptions, Steps, Uninterrupted, Value};
use nightjar_tsdb::{Compacted, Db, Maintained, Options, TierOptions};
use proptest::prelude::*;
use support::http::{Client, escape};
use support::process::nightjar;
use support::write::{Series, encode};
use support::{free_port, now_ms, setting, wait_until};

const MINUTE: i64 = 60_000;
/// A multiple of all widths and steps.
const BEGIN: i64 = 1_699_999_200_000;

struct Batch(Vec<(Vec<u8>, Vec<Sample>)>);

impl WriteBatch for Batch {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn entry(&self, i: usize) -> WriteEntry<'_> {
        let (spelling, samples) = &self.0[i];
        WriteEntry { spelling, samples, histograms: &[], exemplars: &[], metadata: None }
    }
}

fn series(i: u8) -> Vec<u8> {
    let job = ["a", "b"][usize::from(i % 2)];
    let mut spelling = Vec::new();
    Labels::from_pairs([("__name__", "m_total"), ("i", &*i.to_string()), ("job", job)]).spell(&mut spelling);
    spelling
}

fn write(store: &dyn Appender, now: i64, samples: Vec<(u8, i64, f64)>) {
    let entry = |(i, timestamp, value)| (series(i), vec![Sample { timestamp, start: 0, value }]);
    let (send, receive) = sync_channel(1);
    let done = Box::new(move |outcome| drop(send.send(outcome)));
    store.append(&Batch(samples.into_iter().map(entry).collect()), Atomicity::Partial, now, done);
    drop(receive.recv().unwrap());
}

/// Windows made of whole buckets, and others; functions that know buckets, and others.
const QUERIES: [&str; 16] = [
    "count_over_time(m_total[30m])",
    "min_over_time(m_total[20m])",
    "max_over_time(m_total[1h])",
    "last_over_time(m_total[10m])",
    "present_over_time(m_total[30m])",
    "absent_over_time(m_total{i=\"1\"}[10m])",
    "sum by (job) (max_over_time(m_total[20m] offset 10m))",
    "count_over_time(m_total[13m])",
    "max_over_time(m_total[20m] offset 7s)",
    "sum_over_time(m_total[20m])",
    "avg_over_time(m_total[20m])",
    "increase(m_total[20m])",
    "rate(m_total[20m])",
    "m_total",
    "max_over_time(rate(m_total[10m])[40m:10m])",
    "quantile_over_time(0.9, m_total[20m])",
];

#[derive(Clone, Debug)]
enum Step {
    /// So many minutes pass; series of the mask have samples, on the minute or beside it.
    Scrape { minutes: i64, mask: u8, phase_ms: i64, value: f64 },
    /// A sample that comes late.
    Late { series: u8, minutes: i64 },
    /// Samples of a series are deleted.
    Delete { series: u8, from: i64, minutes: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let value =
        prop_oneof![8 => (0..90u16).prop_map(f64::from), 1 => Just(f64::NAN), 1 => Just(STALE_NAN), 1 => Just(-0.0)];
    prop_oneof![
        9 => (5..40i64, any::<u8>(), prop_oneof![Just(0), 1..MINUTE], value)
            .prop_map(|(minutes, mask, phase_ms, value)| Step::Scrape { minutes, mask, phase_ms, value }),
        2 => (0..8u8, 0..35i64).prop_map(|(series, minutes)| Step::Late { series, minutes }),
        1 => (0..8u8, 0..200i64, 1..30i64).prop_map(|(series, from, minutes)| Step::Delete { series, from, minutes }),
    ]
}

struct World {
    /// With buckets and without.
    stores: [Arc<dyn Store>; 2],
    engine: Engine,
    now: i64,
    n: f64,
    /// Answers for which less was read than for the other store.
    spared: std::cell::Cell<usize>,
}

impl World {
    fn new() -> World {
        let open = |tiers: Vec<TierOptions>| {
            let options = Options {
                seed: Some(7),
                block_ms: 10 * MINUTE,
                seal_delay_ms: 5 * MINUTE,
                out_of_order_window_ms: 40 * MINUTE,
                retention_ms: 0,
                segment_bytes: 1 << 16,
                tiers,
                ..Options::default()
            };
            DbStore::open(SimDisk::new(), options, BEGIN, &StoreSlot::new()).unwrap()
        };
        let tier = |minutes: i64| TierOptions { width_ms: minutes * MINUTE, keep_ms: 0 };
        let stores = [open(vec![tier(5), tier(10)]), open(Vec::new())];
        let engine = Engine::new(EngineOptions {
            max_samples: 1 << 20,
            lookback_ms: 5 * MINUTE,
            default_subquery_step_ms: MINUTE,
            features: Features::default(),
        });
        World { stores, engine, now: BEGIN, n: 0.0, spared: Default::default() }
    }

    fn act(&mut self, step: &Step) {
        let mut samples = Vec::new();
        match *step {
            Step::Scrape { minutes, mask, phase_ms, value } => {
                for minute in 1..=minutes {
                    self.n += 1.0;
                    let t = self.now + minute * MINUTE + phase_ms;
                    let value = if minute % 7 == 3 { value } else { self.n };
                    samples.extend((0..8).filter(|i| mask & (1 << i) != 0).map(|i| (i, t, value * f64::from(i + 1))));
                }
                self.now += minutes * MINUTE;
            }
            Step::Late { series, minutes } => samples.push((series, self.now - minutes * MINUTE - 7, self.n)),
            Step::Delete { series, from, minutes } => {
                let start = self.now - from * MINUTE;
                let matcher = Matcher::equal("i", series.to_string());
                let times = ClosedRange { start, end: start + minutes * MINUTE };
                self.stores.iter().for_each(|s| s.delete(std::slice::from_ref(&matcher), times).unwrap());
            }
        }
        for store in &self.stores {
            samples.chunks(8).for_each(|some| write(&**store, self.now, some.to_vec()));
            (0..8).for_each(|_| store.maintain(self.now));
            (0..3).for_each(|_| store.compact());
        }
    }

    fn ask(
        &self,
        store: &dyn Store,
        query: &str,
        steps: Steps,
        asked: MaxSourceResolution,
    ) -> (Value, Vec<String>, u64) {
        let options = QueryOptions { max_source_resolution: asked, ..QueryOptions::default() };
        let answer = self.engine.range(store, query, steps, &options, &Uninterrupted).unwrap();
        assert_eq!(answer.warnings, Vec::<String>::new(), "{query}");
        let infos = answer.infos.into_iter().filter(|info| info.contains("downsampled")).collect();
        (answer.value, infos, answer.stats.samples_read)
    }

    fn compare(&self) {
        for query in QUERIES {
            for (step_ms, beside) in [(10 * MINUTE, 0), (20 * MINUTE, 0), (7 * MINUTE, 0), (10 * MINUTE, 1)] {
                let end = self.now.div_euclid(20 * MINUTE) * 20 * MINUTE + beside;
                let steps = Steps { start: BEGIN - 20 * MINUTE + beside, end, step_ms };
                let [with, without] = [0, 1].map(|i| self.ask(&*self.stores[i], query, steps, Default::default()));
                assert_eq!(exact(&with.0), exact(&without.0), "{query} every {step_ms} ms, {beside} beside");
                assert_eq!((with.1, without.1), (vec![], vec![]), "{query}");
                self.spared.set(self.spared.get() + usize::from(with.2 < without.2));
            }
        }
    }
}

/// Every series with times and bits.
fn exact(value: &Value) -> Vec<(String, Vec<(i64, u64)>)> {
    let Value::Matrix(series) = value else { panic!("{value:?}") };
    // What NaN is told is one word.
    let bits = |v: f64| if v.is_nan() { f64::NAN.to_bits() } else { v.to_bits() };
    let points = |floats: &[(i64, f64)]| floats.iter().map(|(t, v)| (*t, bits(*v))).collect();
    series.iter().map(|one| (one.labels.to_string(), points(&one.floats))).collect()
}

proptest! {
    // NIGHTJAR_DOWNSAMPLING_CASES makes it longer.
    #![proptest_config(ProptestConfig::with_cases(setting("NIGHTJAR_DOWNSAMPLING_CASES").unwrap_or(3) as u32))]
    #[test]
    fn who_does_not_ask_gets_the_same_answers(steps in prop::collection::vec(step(), 20..40)) {
        let mut world = World::new();
        for (i, step) in steps.iter().enumerate() {
            world.act(step);
            if i % 6 == 5 {
                world.compare();
            }
        }
        world.compare();
        // Five queries are of whole buckets every 10 and 20 minutes, and something is old enough in the end.
        prop_assert!(world.spared.get() >= 10 || world.now - BEGIN < 360 * MINUTE, "{}", world.spared.get());
    }
}

#[test]
fn who_asks_gets_answers_from_buckets_and_is_told() {
    let mut world = World::new();
    for minute in 1..=1440 {
        world.now = BEGIN + minute * MINUTE;
        world.stores.iter().for_each(|s| write(&**s, world.now, vec![(0, world.now, minute as f64)]));
        world.stores.iter().for_each(|s| s.maintain(world.now));
    }
    world.stores.iter().for_each(|s| (0..200).for_each(|_| s.compact()));
    let steps = Steps { start: BEGIN + 100 * MINUTE, end: BEGIN + 500 * MINUTE, step_ms: 50 * MINUTE };
    let table = [
        ("m_total", 1e-9),
        ("sum_over_time(m_total[50m])", 1e-9),
        ("avg_over_time(m_total[50m])", 1e-9),
        ("rate(m_total[50m])", 1e-9),
        ("increase(m_total[50m])", 1e-9),
        ("deriv(m_total[50m])", 1e-6),
        ("max_over_time(m_total[50m])", 0.0),
    ];
    for (query, near) in table {
        for asked in [MaxSourceResolution::Auto, MaxSourceResolution::UpTo(10 * MINUTE)] {
            let [with, without] = [0, 1].map(|i| world.ask(&*world.stores[i], query, steps, asked));
            let [Value::Matrix(with), Value::Matrix(without)] = [&with.0, &without.0].map(Clone::clone) else {
                panic!()
            };
            assert_eq!(with.len(), 1, "{query}");
            let pairs = with[0].floats.iter().zip(&without[0].floats);
            assert_eq!(with[0].floats.len(), without[0].floats.len(), "{query}");
            for (a, b) in pairs {
                assert!(a.0 == b.0 && (a.1 - b.1).abs() <= near * b.1.abs(), "{query}: {a:?} {b:?}");
            }
            let told = world.ask(&*world.stores[0], query, steps, asked).1;
            assert_eq!(told.len(), usize::from(near > 0.0), "{query}: {told:?}");
            assert!(told.iter().all(|info| info.ends_with("were read downsampled to 10m")), "{told:?}");
        }
    }
}

/// What a series is at a minute.
fn value(minute: i64) -> f64 {
    (minute % 1000) as f64
}

/// Writes three days that ended two days ago, compacts them, and leaves.
fn history(directory: &Path, now: i64) -> i64 {
    let day = 1440 * MINUTE;
    let begin = (now - 5 * day).div_euclid(day) * day;
    let options = Options { seed: Some(7), ..Options::default() };
    let db = Db::open(RealDisk::new(directory).unwrap(), options, now, &mut |_| {}).unwrap();
    for minute in 1..=3 * 1440 + 600 {
        let t = begin + minute * MINUTE;
        write(&db, t, vec![(0, t, value(minute)), (1, t, minute as f64)]);
        if minute % 60 == 0 {
            while db.maintain(t).unwrap() != Maintained::Nothing {}
        }
    }
    while db.compact().unwrap() != Compacted::Nothing {}
    begin
}

/// The first series of a range query as numbers, and the infos.
fn ask(client: &mut Client, query: &str, (from, to, step_s): (i64, i64, i64), more: &str) -> (Vec<f64>, Vec<String>) {
    let query = escape(query);
    let path = format!("/api/v1/query_range?query={query}&start={}&end={}&step={step_s}{more}", from / 1000, to / 1000);
    let answer = client.get(&path).unwrap().json();
    assert_eq!(answer["status"], "success", "{answer}");
    let points = answer["data"]["result"][0]["values"].as_array().cloned().unwrap_or_default();
    let infos = answer["infos"].as_array().cloned().unwrap_or_default();
    let infos = infos.iter().filter_map(|info| info.as_str().map(str::to_owned)).collect();
    (points.iter().map(|p| p[1].as_str().unwrap().parse().unwrap()).collect(), infos)
}

#[test]
fn through_the_binary() {
    let directory = tempfile::tempdir().unwrap();
    let now = now_ms();
    let begin = history(&directory.path().join("data"), now);
    let port = free_port();
    let mut client = Client::new(port);
    let tiers = "--storage.downsampling.tiers=5m:90d,1h:2y";
    let server = nightjar(port, directory.path(), &[tiers]);
    // Days that are complete get their buckets.
    wait_until("buckets are made", Duration::from_secs(120), || {
        let metrics = client.get("/metrics").unwrap().text();
        ["5m", "1h"].iter().all(|width| {
            let line = format!("nightjar_storage_downsampled_blocks{{resolution=\"{width}\"}} 3");
            metrics.lines().any(|l| l == line)
        })
    });
    let day = (begin + 1440 * MINUTE, begin + 2 * 1440 * MINUTE, 3600);
    let peak = "max_over_time(m_total{i=\"0\"}[1h])";
    let expected = ask(&mut client, peak, day, "&max_source_resolution=0s");
    assert_eq!((expected.0.len(), expected.1.len()), (25, 0));
    assert_eq!(ask(&mut client, peak, day, ""), expected);
    let plain = ask(&mut client, "m_total{i=\"1\"}", day, "");
    let asked = ask(&mut client, "m_total{i=\"1\"}", day, "&max_source_resolution=auto");
    assert_eq!((&plain.0, plain.1.len(), asked.1.len()), (&asked.0, 0, 1));
    assert!(asked.1[0].contains("downsampled to 5m"), "{asked:?}");
    assert_eq!(server.terminate(), Some(0));

    // Samples go after a day, buckets stay.
    let server = nightjar(port, directory.path(), &[tiers, "--storage.tsdb.retention.time=1d"]);
    let mut client = Client::new(port);
    // The clock counts from the newest sample: it must come first.
    let newest = Series { labels: &[("__name__", "m_total"), ("i", "1")], samples: &[(now, 1.0)] };
    let body = encode(&[newest]);
    let headers = [("Content-Type", "application/x-protobuf"), ("Content-Encoding", "snappy")];
    assert_eq!(client.send("POST", "/api/v1/write", &headers, &body).unwrap().status, 204);
    wait_until("samples are gone", Duration::from_secs(60), || {
        ask(&mut client, "m_total{i=\"1\"}", day, "").0.is_empty()
    });
    let (none, told) = ask(&mut client, "m_total{i=\"1\"}", day, "");
    assert!(none.is_empty() && told.len() == 1 && told[0].contains("max_source_resolution=auto"), "{told:?}");
    assert_eq!(ask(&mut client, "m_total{i=\"1\"}", day, "&max_source_resolution=5m").0, plain.0);
    assert_eq!(ask(&mut client, peak, day, "").0, expected.0);
    let (rates, told) = ask(&mut client, "rate(m_total{i=\"1\"}[1h])", day, "&max_source_resolution=auto");
    assert!(rates.len() >= 24 && rates.iter().all(|r| (r - 1.0 / 60.0).abs() < 1e-9), "{rates:?}");
    assert!(told.iter().any(|info| info.contains("downsampled to 5m")), "{told:?}");
    assert_eq!(server.terminate(), Some(0));

    // Without being told each time; and what cannot be meant.
    let server =
        nightjar(port, directory.path(), &[tiers, "--storage.tsdb.retention.time=1d", "--query.auto-downsampling"]);
    let mut client = Client::new(port);
    assert_eq!(ask(&mut client, "m_total{i=\"1\"}", day, "").0, plain.0);
    let refused = client.get("/api/v1/query?query=1&max_source_resolution=often").unwrap();
    assert!(refused.status == 400 && refused.text().contains("max_source_resolution"), "{}", refused.text());
    assert_eq!(server.terminate(), Some(0));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nightjar"));
    let refused = command.arg("--storage.downsampling.tiers=5m:1d").current_dir(directory.path()).output().unwrap();
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("less than the samples (15d)"), "{told}");
    assert_eq!(told.lines().filter(|l| l.contains("downsampling")).count(), 1, "{told}");
}
