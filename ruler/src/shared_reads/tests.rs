//! How often storage is asked, and that nobody can tell from the answers.

use std::ops::Range;
use std::sync::atomic::AtomicUsize;

use nightjar_model::storage::SeriesData;
use nightjar_platform::ManualClock;
use nightjar_query::{Engine, EngineOptions, Features, SampleValue, Uninterrupted};

use super::*;
use crate::group::{Group, World};
use crate::memory::Memory;
use crate::query::{EngineQuery, Query};
use crate::settings::Settings;
use crate::workers::Alone;

/// A storage that counts selections and series read.
#[derive(Clone, Default)]
struct Counting {
    memory: Memory,
    selections: Arc<AtomicUsize>,
    series: Arc<AtomicUsize>,
}

struct Counted(Counting, Box<dyn Querier>);
struct CountedSet(Counting, Box<dyn SeriesSet>);

impl Storage for Counting {
    fn querier(&self, range: ClosedRange) -> Result<Box<dyn Querier>, StorageError> {
        Ok(Box::new(Counted(self.clone(), self.memory.querier(range)?)))
    }
}

impl Querier for Counted {
    fn select(&self, matchers: &[Matcher], hints: &SelectHints) -> Result<Box<dyn SeriesSet>, StorageError> {
        self.0.selections.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(CountedSet(self.0.clone(), self.1.select(matchers, hints)?)))
    }

    fn label_names(&self, matchers: &[Matcher], limit: usize) -> Result<Listing, StorageError> {
        self.1.label_names(matchers, limit)
    }

    fn label_values(&self, name: &str, matchers: &[Matcher], limit: usize) -> Result<Listing, StorageError> {
        self.1.label_values(name, matchers, limit)
    }

    fn exemplars(&self, matchers: &[Matcher]) -> Result<Vec<(Labels, Vec<Exemplar>)>, StorageError> {
        self.1.exemplars(matchers)
    }
}

impl SeriesSet for CountedSet {
    fn len(&self) -> usize {
        self.1.len()
    }

    fn labels(&self, index: usize) -> Labels {
        self.1.labels(index)
    }

    fn read(&self, indices: Range<usize>, range: ClosedRange, out: &mut Vec<SeriesData>) -> Result<(), StorageError> {
        self.0.series.fetch_add(indices.len(), Ordering::Relaxed);
        self.1.read(indices, range, out)
    }
}

/// Evaluates `rules` once over 100 series `m`; answers selections, series read, and the values asked for.
fn evaluate(rules: &[&str], room_bytes: u64, questions: &[&str]) -> (usize, usize, Vec<f64>) {
    let storage = Counting::default();
    for i in 0..100 {
        let labels = Labels::from_pairs([("__name__", "m"), ("i", &i.to_string())]);
        for t in [0, 30_000, 60_000] {
            storage.memory.append(&labels, t, SampleValue::Float(1.0 + t as f64)).unwrap();
        }
    }
    let rules: Vec<String> = rules.iter().map(|rule| format!("{{{rule}}}")).collect();
    let settings = Settings::default();
    let mut group = Group::only(&format!("groups: [{{name: g, rules: [{}]}}]", rules.join(", ")), &settings);
    let engine = Engine::new(EngineOptions {
        max_samples: 1_000_000,
        lookback_ms: 300_000,
        default_subquery_step_ms: 60_000,
        features: Features::default(),
    });
    let mut sink = storage.memory.clone();
    let reads = SharedReads::new(&storage, group.shared_selectors(), room_bytes);
    let query = EngineQuery { engine: &engine, storage: &reads, interrupt: &Uninterrupted };
    let (mut sink, clock) = (reads.forgetting(&mut sink), ManualClock::new(60_000));
    let world = &mut World { query: &query, sink: &mut sink, settings: &settings, clock: &clock, workers: &Alone };
    group.evaluate(60_000, world);
    let counts = (storage.selections.load(Ordering::Relaxed), storage.series.load(Ordering::Relaxed));
    let query = EngineQuery { engine: &engine, storage: &storage.memory, interrupt: &Uninterrupted };
    let value = |text: &&str| match query.text(text, 60_000).unwrap()[0].value {
        SampleValue::Float(value) => value,
        SampleValue::Histogram(_) => f64::NAN,
    };
    (counts.0, counts.1, questions.iter().map(value).collect())
}

const FOUR: [&str; 4] = [
    "record: a, expr: sum(m)",
    "record: b, expr: max(m) + 0 * min(m)",
    "record: c, expr: 'sum(rate(m[1m]))'",
    "record: d, expr: 'max(rate(m[1m]))'",
];

#[test]
fn what_rules_have_in_common_is_read_once() {
    let (selections, series, values) = evaluate(&FOUR, 1 << 20, &["a", "b", "c"]);
    assert_eq!((selections, series), (2, 200));
    assert_eq!(values, [6_000_100.0, 60_001.0, 100_000.0]);
}

#[test]
fn what_only_one_rule_reads_is_not_kept() {
    let rules =
        ["record: a, expr: sum(m)", "record: b, expr: max(m offset 30s)", "record: c, expr: 'sum(rate(m[1m]))'"];
    let (selections, series, values) = evaluate(&rules, 1 << 20, &["a", "b"]);
    assert_eq!((selections, series), (3, 300));
    assert_eq!(values, [6_000_100.0, 30_001.0]);
}

#[test]
fn what_the_group_writes_is_seen() {
    let rules = [
        "record: a, expr: sum(m)",
        "record: b, expr: max(m)",
        // Nothing of `m`: what was read stays.
        "record: other, expr: vector(1), labels: {i: x}",
        "record: c, expr: sum(m) + sum(other)",
        "record: m, expr: vector(1e9), labels: {i: own}",
        "record: d, expr: max(m)",
        "record: e, expr: sum(m)",
    ];
    let (selections, series, values) = evaluate(&rules, 1 << 20, &["b", "c", "d", "e"]);
    assert_eq!((selections, series), (3, 100 + 1 + 101));
    assert_eq!(values, [60_001.0, 6_000_101.0, 1e9, 1_006_000_100.0]);
}

#[test]
fn without_room_everybody_reads() {
    // Which series there are is known from the first time all the same.
    let (selections, series, values) = evaluate(&FOUR, 100, &["a", "b", "c"]);
    assert_eq!((selections, series), (2, 500));
    assert_eq!(values, [6_000_100.0, 60_001.0, 100_000.0]);
    // Half of it fits: one tile of 64 series with one sample each in reach.
    let (_, half, values) = evaluate(&FOUR[..2], 64 * (3 * 16 + 128), &["a", "b"]);
    assert_eq!((half, values), (64 + 36 * 3, vec![6_000_100.0, 60_001.0]));
}
