//! An answer does not depend on how many threads there are, nor on whether they live.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "promqltest/memory.rs"]
#[allow(unreachable_pub, dead_code)]
mod memory;
#[path = "promqltest/series.rs"]
#[allow(unreachable_pub, dead_code)]
mod series;

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, JoinHandle};

use memory::Memory;
use nightjar_model::storage::{Listing, Querier, SelectHints, SeriesData, SeriesSet, Storage, StorageError};
use nightjar_model::{ClosedRange, Exemplar, Labels, Matcher};
use nightjar_query::{Answer, Engine, EngineOptions, Features, Interrupt, QueryError, QueryOptions, Steps, Stop};
use series::parse;

const MINUTE: i64 = 60_000;

/// Enough series and steps that other threads are asked.
const SERIES: usize = 700;
const STEPS: i64 = 400;

const HELPER: &str = "helper";

/// Lends so many threads, and stops the query at a question.
struct Threads {
    spare: AtomicUsize,
    left: AtomicUsize,
    lent: Mutex<Vec<JoinHandle<()>>>,
}

impl Threads {
    fn new(spare: usize) -> Threads {
        let (lent, left) = (Mutex::default(), AtomicUsize::new(usize::MAX));
        Threads { spare: spare.into(), left, lent }
    }
}

impl Interrupt for Threads {
    fn check(&self) -> Option<Stop> {
        let before = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        before.is_err().then_some(Stop::Canceled)
    }

    fn lend(&self, job: Box<dyn FnOnce() + Send>) -> bool {
        let take = |spare: usize| spare.checked_sub(1);
        let free = self.spare.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok();
        if free {
            self.lent.lock().unwrap().push(Builder::new().name(HELPER.to_owned()).spawn(job).unwrap());
        }
        free
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.lent.lock().unwrap().drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// Counters that are reset, gauges without the names of counters, gaps, and here and there a histogram.
fn storage() -> Memory {
    let mut memory = Memory::default();
    for i in 0..SERIES {
        let values = match i % 50 {
            49 => "{{schema:0 count:4 sum:5 buckets:[1 2 1]}}x400".to_owned(),
            48 => "1+1x100 _x50 {{schema:0 count:4 sum:5 buckets:[1 2 1]}}x100 7x100".to_owned(),
            k => format!("{k}+{}x150 _x{k} 0+{i}x200", i % 7),
        };
        let parsed = parse(&format!("m{{i=\"{i:03}\",k=\"{}\"}} {values}", i % 5)).unwrap();
        let samples = parsed.values.into_iter().enumerate();
        let samples = samples.filter_map(|(at, value)| Some((at as i64 * MINUTE, 0, value?))).collect();
        memory.load(parsed.labels, samples);
    }
    memory
}

fn ask(storage: &dyn Storage, query: &str, threads: &Threads) -> Result<Answer, QueryError> {
    let features = Features { experimental_functions: true, ..Features::default() };
    let options =
        EngineOptions { max_samples: 1_000_000, lookback_ms: 300_000, default_subquery_step_ms: 60_000, features };
    let steps = Steps { start: 0, end: STEPS * MINUTE, step_ms: MINUTE };
    let per_step = QueryOptions { per_step_stats: true, ..QueryOptions::default() };
    Engine::new(options).range(storage, query, steps, &per_step, threads)
}

/// All there is to an answer but the memory it holds.
fn told(answer: Result<Answer, QueryError>) -> String {
    match answer {
        Ok(Answer { value, warnings, infos, stats, .. }) => format!("{value:?} {warnings:?} {infos:?} {stats:?}"),
        Err(error) => error.to_string(),
    }
}

const QUERIES: [&str; 8] = [
    "m",
    "sum by (k) (m)",
    "sum by (k) (rate(m[5m]))",
    "quantile_over_time(0.5, m[10m])",
    "topk(3, delta(m[7m])) or m{i=\"001\"}",
    "limitk(2, m)",
    "count_values(\"v\", changes(m[5m]))",
    "avg_over_time(sum(m)[10m:1m])",
];

#[test]
fn an_answer_does_not_depend_on_threads() {
    let storage = storage();
    for query in QUERIES {
        let alone = told(ask(&storage, query, &Threads::new(0)));
        for spare in [1, 3] {
            let threads = Threads::new(spare);
            assert_eq!(told(ask(&storage, query, &threads)), alone, "{query} with {spare} more");
            assert_eq!(threads.spare.load(Ordering::Relaxed), 0, "{query} does not ask for threads");
        }
    }
}

/// Storage that kills threads that were lent when they read.
struct Deadly<T>(T);

impl Storage for Deadly<Memory> {
    fn querier(&self, range: ClosedRange) -> Result<Box<dyn Querier>, StorageError> {
        Ok(Box::new(Deadly(self.0.querier(range)?)))
    }
}

impl Querier for Deadly<Box<dyn Querier>> {
    fn select(&self, matchers: &[Matcher], hints: &SelectHints) -> Result<Box<dyn SeriesSet>, StorageError> {
        Ok(Box::new(Deadly(self.0.select(matchers, hints)?)))
    }

    fn label_names(&self, matchers: &[Matcher], limit: usize) -> Result<Listing, StorageError> {
        self.0.label_names(matchers, limit)
    }

    fn label_values(&self, name: &str, matchers: &[Matcher], limit: usize) -> Result<Listing, StorageError> {
        self.0.label_values(name, matchers, limit)
    }

    fn exemplars(&self, matchers: &[Matcher]) -> Result<Vec<(Labels, Vec<Exemplar>)>, StorageError> {
        self.0.exemplars(matchers)
    }
}

impl SeriesSet for Deadly<Box<dyn SeriesSet>> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn labels(&self, index: usize) -> Labels {
        self.0.labels(index)
    }

    fn read(&self, indices: Range<usize>, range: ClosedRange, out: &mut Vec<SeriesData>) -> Result<(), StorageError> {
        assert_ne!(std::thread::current().name(), Some(HELPER), "dies, as it should");
        self.0.read(indices, range, out)
    }
}

#[test]
fn threads_that_die_are_not_missed() {
    let storage = storage();
    let alone = told(ask(&storage, "m", &Threads::new(0)));
    for _ in 0..10 {
        assert_eq!(told(ask(&Deadly(storage.clone()), "m", &Threads::new(3))), alone);
    }
}

#[test]
fn a_query_that_is_stopped_leaves_no_thread_behind() {
    let storage = storage();
    for left in [0, 1, 5, 20, 60] {
        let threads = Threads::new(2);
        threads.left.store(left, Ordering::Relaxed);
        assert_eq!(
            told(ask(&storage, "sum by (k) (rate(m[5m]))", &threads)),
            "query was canceled in expression evaluation"
        );
        // Dropping them waits for those that were lent.
    }
}
