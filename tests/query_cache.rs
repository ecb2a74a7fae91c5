//! Whatever is written, late or not, deleted, sealed or compacted between two refreshes of a dashboard: an answer with the
//! cache is equal, bit for bit, to one without.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a failing test may panic")]

mod support;

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use nightjar::store::db::DbStore;
use nightjar::store::{Store, StoreSlot};
use nightjar_model::storage::{Atomicity, WriteBatch, WriteEntry};
use nightjar_model::{ClosedRange, Labels, MatchOp, Matcher, Sample};
use nightjar_platform::SimDisk;
use nightjar_query::{AnswerCache, Engine, EngineOptions, Features, QueryOptions, Steps, Uninterrupted, Value};
use proptest::prelude::*;
use support::setting;

const MINUTE: i64 = 60_000;

/// Aligned to nothing in particular.
const BEGIN: i64 = 1_700_000_000_000;

/// Queries a dashboard asks, kept or not.
const QUERIES: [&str; 9] = [
    "sum by (job) (rate(m_total[5m]))",
    "sum(m_total) / on () count(m_total)",
    "avg(m_total offset 7m) * 8",
    "histogram_quantile(0.9, sum by (le) (rate(m_total[3m])))",
    "quantile(0.5, m_total) - stddev(m_total)",
    "max by (i) (m_total)",
    "sum(m_total offset -6m)",
    "topk(2, m_total)",
    "sum(sum by (job) (m_total))",
];

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

fn series(i: u8) -> Labels {
    let (le, job) = ([".1", "1", "+Inf"][usize::from(i % 3)], ["a", "b"][usize::from(i % 2)]);
    let i = i.to_string();
    Labels::from_pairs([("__name__", "m_total"), ("i", &*i), ("job", job), ("le", le)])
}

/// What happens between two refreshes.
#[derive(Clone, Debug)]
enum Step {
    /// So many minutes pass; each series of the mask has a sample each 15 s, the last one stale if asked for.
    Scrape { minutes: u8, mask: u8, stale: bool },
    /// A sample that comes so many minutes late.
    Late { series: u8, minutes: u8, value: u16 },
    /// Samples of a job are deleted, from so many minutes ago on, for so many minutes.
    Delete { job: bool, from: u8, minutes: u8 },
    /// Housekeeping.
    Maintain,
    /// Small blocks become large ones, deleted samples go.
    Compact,
    /// The dashboard shows another stretch of time.
    Zoom { minutes: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..9u8, any::<u8>(), any::<bool>()).prop_map(|(minutes, mask, stale)| Step::Scrape { minutes, mask, stale }),
        3 => (0..8u8, 0..60u8, any::<u16>()).prop_map(|(series, minutes, value)| Step::Late { series, minutes, value }),
        1 => (any::<bool>(), 0..90u8, 1..30u8).prop_map(|(job, from, minutes)| Step::Delete { job, from, minutes }),
        2 => Just(Step::Maintain),
        1 => Just(Step::Compact),
        1 => (20..90u8).prop_map(|minutes| Step::Zoom { minutes }),
    ]
}

struct World {
    store: Arc<dyn Store>,
    cached: Engine,
    plain: Engine,
    cache: Arc<AnswerCache>,
    now: i64,
    window: i64,
    counter: f64,
}

impl World {
    fn new() -> World {
        let options = nightjar_tsdb::Options {
            seed: Some(7),
            block_ms: 10 * MINUTE,
            seal_delay_ms: 10 * MINUTE,
            out_of_order_window_ms: 40 * MINUTE,
            retention_ms: 150 * MINUTE,
            segment_bytes: 1 << 16,
            ..Default::default()
        };
        let store = DbStore::open(SimDisk::new(), options, BEGIN, &StoreSlot::new()).unwrap();
        let options = EngineOptions {
            max_samples: 1 << 20,
            lookback_ms: 5 * MINUTE,
            default_subquery_step_ms: MINUTE,
            features: Features::default(),
        };
        let cache = Arc::new(AnswerCache::new(1 << 20));
        let plain = Engine::new(options);
        let cached = plain.clone().with_cache(Arc::clone(&cache));
        World { store, cached, plain, cache, now: BEGIN, window: 60, counter: 0.0 }
    }

    fn write(&self, batch: Vec<(u8, Sample)>) {
        let spelled = |(i, sample): (u8, Sample)| {
            let mut spelling = Vec::new();
            series(i).spell(&mut spelling);
            (spelling, vec![sample])
        };
        let (send, receive) = sync_channel(1);
        let done = Box::new(move |outcome| {
            let _ = send.send(outcome);
        });
        let batch = Batch(batch.into_iter().map(spelled).collect());
        self.store.append(&batch, Atomicity::Partial, self.now, done);
        drop(receive.recv().unwrap());
    }

    fn act(&mut self, step: &Step) {
        match *step {
            Step::Scrape { minutes, mask, stale } => {
                for quarter in 0..i64::from(minutes) * 4 {
                    self.now += MINUTE / 4;
                    self.counter += 0.1 + quarter as f64;
                    let last = stale && quarter == i64::from(minutes) * 4 - 1;
                    let value = |i: u8| {
                        if last {
                            f64::from_bits(nightjar_model::STALE_NAN_BITS)
                        } else {
                            self.counter * f64::from(i + 1)
                        }
                    };
                    let sample = |i: u8| (i, Sample { timestamp: self.now, start: 0, value: value(i) });
                    self.write((0..8).filter(|i| mask & (1 << i) != 0).map(sample).collect());
                }
            }
            Step::Late { series, minutes, value } => {
                let timestamp = self.now - i64::from(minutes) * MINUTE - 7;
                self.write(vec![(series, Sample { timestamp, start: 0, value: f64::from(value) / 3.0 })]);
            }
            Step::Delete { job, from, minutes } => {
                let start = self.now - i64::from(from) * MINUTE;
                let matcher = Matcher::new(MatchOp::Equal, "job", if job { "a" } else { "b" }).unwrap();
                self.store.delete(&[matcher], ClosedRange { start, end: start + i64::from(minutes) * MINUTE }).unwrap();
            }
            Step::Maintain => self.store.maintain(self.now),
            Step::Compact => {
                self.store.compact();
                self.store.clean_tombstones().unwrap();
            }
            Step::Zoom { minutes } => self.window = i64::from(minutes),
        }
    }

    /// Both answers to all queries, over a grid that moves on with time.
    fn refresh(&self) {
        for (query, step_ms) in QUERIES.iter().flat_map(|query| [(query, 30_000), (query, 50_000)]) {
            let end = self.now.div_euclid(step_ms) * step_ms;
            let steps = Steps { start: end - (self.window * MINUTE).div_euclid(step_ms) * step_ms, end, step_ms };
            let ask = |engine: &Engine| {
                let answer = engine.range(&*self.store, query, steps, &QueryOptions::default(), &Uninterrupted);
                answer.map(|answer| (exact(&answer.value), answer.warnings, answer.infos)).map_err(|e| e.to_string())
            };
            let (with, without) = (ask(&self.cached), ask(&self.plain));
            assert_eq!(with, without, "{query} at {end} for {} min, step {step_ms}", self.window);
        }
    }
}

/// Every series with times and bits.
fn exact(value: &Value) -> Vec<(String, Vec<(i64, u64)>)> {
    let Value::Matrix(series) = value else { panic!("{value:?}") };
    let bits = |floats: &[(i64, f64)]| floats.iter().map(|(t, v)| (*t, v.to_bits())).collect();
    series.iter().map(|one| (one.labels.to_string(), bits(&one.floats))).collect()
}

proptest! {
    // NIGHTJAR_CACHE_CASES makes it longer.
    #![proptest_config(ProptestConfig::with_cases(setting("NIGHTJAR_CACHE_CASES").unwrap_or(3) as u32))]
    #[test]
    fn the_cache_changes_no_answer(steps in prop::collection::vec(step(), 8..16)) {
        let mut world = World::new();
        for _ in 0..4 {
            world.act(&Step::Scrape { minutes: 8, mask: 0xff, stale: false });
        }
        for step in &steps {
            world.act(step);
            world.refresh();
        }
    }
}

#[test]
fn a_refresh_evaluates_only_what_is_new() {
    let mut world = World::new();
    for _ in 0..10 {
        world.act(&Step::Scrape { minutes: 8, mask: 0xff, stale: false });
    }
    world.refresh();
    assert_eq!(world.cache.figures().hits, 0);
    let before = world.cache.figures();
    assert!(before.answers >= 10 && before.bytes > 0, "{before:?}");
    world.act(&Step::Scrape { minutes: 1, mask: 0xff, stale: false });
    world.refresh();
    let after = world.cache.figures();
    assert!(after.hits >= 10 && after.steps > 10 * 60, "{after:?}");
    // A late sample: what comes before it is still known.
    world.act(&Step::Late { series: 1, minutes: 30, value: 1 });
    world.refresh();
    let late = world.cache.figures();
    assert!(late.hits > after.hits && late.steps - after.steps < after.steps - before.steps, "{late:?}");
    assert!(late.bytes <= 1 << 20);
}
