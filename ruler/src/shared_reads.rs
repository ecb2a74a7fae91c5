//! Selections that rules of a group have in common, read once per evaluation.
//!
//! Which those are is known from the expressions. They stay as they were first read until the evaluation is over, or
//! until the group writes something they would find: what a rule sees of its group is what it would see without this. What
//! others write meanwhile is seen by all rules of the group or by none.

mod reading;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nightjar_model::labels::METRIC_NAME;
use nightjar_model::storage::{
    Listing, LiveCount, LiveGroup, Querier, SelectHints, SeriesSet, Storage, StorageError, Weight,
};
use nightjar_model::{ClosedRange, Exemplar, Labels, MatchOp, Matcher};
use nightjar_query::ast::{DurationKind, Expr, ExprKind};
use parking_lot::Mutex;

use crate::sink::{AlertBatch, Refusal, RuleSample, Sink};
use crate::state::StateChange;
use reading::{Reading, Room, SharedSet};

/// Selectors that occur more than once in the expressions of a group.
#[derive(Clone, Debug, Default)]
pub struct SharedSelectors(Arc<HashSet<Selection>>);

/// Matchers as printed, and the width of the window in milliseconds (0 = instant).
type Selection = (String, i64);

impl SharedSelectors {
    /// What these expressions have in common.
    pub(crate) fn of<'a>(expressions: impl Iterator<Item = &'a Expr>) -> SharedSelectors {
        let mut known: HashMap<String, Selection> = HashMap::new();
        let mut shared = HashSet::new();
        for expr in expressions {
            expr.walk(|expr| {
                let selection = match &expr.kind {
                    ExprKind::Vector(selector) => (printed(&selector.matchers), 0),
                    ExprKind::Matrix(matrix) => match &matrix.range.kind {
                        DurationKind::Literal(width) => {
                            (printed(&matrix.selector.matchers), (width.value * 1e3) as i64)
                        }
                        _ => return,
                    },
                    _ => return,
                };
                // The whole text, because an offset or `@` reads at another time.
                if known.insert(expr.to_string(), selection.clone()).is_some() {
                    shared.insert(selection);
                }
            });
        }
        SharedSelectors(Arc::new(shared))
    }
}

fn printed(matchers: &[Matcher]) -> String {
    matchers.iter().map(|matcher| matcher.to_string()).collect::<Vec<_>>().join(",")
}

/// A storage of which one evaluation of a group reads what its rules have in common once.
pub struct SharedReads<'a> {
    storage: &'a dyn Storage,
    shared: Arc<Shared>,
}

/// What was read.
struct Shared {
    selectors: SharedSelectors,
    readings: Mutex<HashMap<(String, i64, ClosedRange), Slot>>,
    room: Arc<Room>,
    spared: AtomicU64,
}

/// One selection: whoever comes first reads it while others wait.
#[derive(Clone)]
struct Slot {
    matchers: Arc<[Matcher]>,
    reading: Arc<Mutex<Option<Arc<Reading>>>>,
}

impl<'a> SharedReads<'a> {
    /// For one evaluation; at most `room_bytes` of samples are kept.
    pub fn new(storage: &'a dyn Storage, selectors: SharedSelectors, room_bytes: u64) -> SharedReads<'a> {
        let room = Arc::new(Room::new(room_bytes));
        let shared = Shared { selectors, readings: Mutex::default(), room, spared: AtomicU64::new(0) };
        SharedReads { storage, shared: Arc::new(shared) }
    }

    /// Selections answered by what was read before.
    pub fn spared(&self) -> u64 {
        self.shared.spared.load(Ordering::Relaxed)
    }

    /// A sink that makes these reads forget what its writes would change.
    pub fn forgetting<'s>(&'s self, sink: &'s mut dyn Sink) -> impl Sink + 's {
        Forgetting { reads: self, sink }
    }

    /// Forgets what would find one of these.
    fn forget(&self, samples: &[RuleSample]) {
        let mut readings = self.shared.readings.lock();
        if readings.is_empty() {
            return;
        }
        let metrics: BTreeSet<&str> = samples.iter().map(|sample| sample.labels.metric_name()).collect();
        readings.retain(|_, slot| {
            let may_find =
                |m: &Matcher| m.op != MatchOp::Equal || &*m.name != METRIC_NAME || metrics.contains(&*m.value);
            let finds = |labels: &Labels| slot.matchers.iter().all(|m| m.matches(labels.value(&m.name)));
            !(slot.matchers.iter().all(may_find) && samples.iter().any(|sample| finds(&sample.labels)))
        });
    }
}

impl Storage for SharedReads<'_> {
    fn querier(&self, range: ClosedRange) -> Result<Box<dyn Querier>, StorageError> {
        let inner = self.storage.querier(range)?;
        if self.shared.selectors.0.is_empty() {
            return Ok(inner);
        }
        Ok(Box::new(SharingQuerier { inner, range, shared: Arc::clone(&self.shared) }))
    }

    fn generation(&self, range: ClosedRange) -> u64 {
        self.storage.generation(range)
    }
}

struct SharingQuerier {
    inner: Box<dyn Querier>,
    range: ClosedRange,
    shared: Arc<Shared>,
}

impl SharingQuerier {
    /// Where a selection stands that rules have in common.
    fn slot(&self, matchers: &[Matcher], hints: &SelectHints) -> Option<Slot> {
        let whole = self.range.start <= hints.range.start && hints.range.end <= self.range.end;
        if hints.labels_only || hints.limit > 0 || hints.downsampled.is_some() || !whole {
            return None;
        }
        let selection = (printed(matchers), hints.range_ms);
        if !self.shared.selectors.0.contains(&selection) {
            return None;
        }
        let mut readings = self.shared.readings.lock();
        let slot = readings.entry((selection.0, selection.1, hints.range));
        Some(slot.or_insert_with(|| Slot { matchers: matchers.into(), reading: Arc::default() }).clone())
    }
}

impl Querier for SharingQuerier {
    fn select(&self, matchers: &[Matcher], hints: &SelectHints) -> Result<Box<dyn SeriesSet>, StorageError> {
        let Some(slot) = self.slot(matchers, hints) else { return self.inner.select(matchers, hints) };
        let mut reading = slot.reading.lock();
        if let Some(reading) = &*reading {
            self.shared.spared.fetch_add(1, Ordering::Relaxed);
            return Ok(Box::new(SharedSet(Arc::clone(reading))));
        }
        let set = self.inner.select(matchers, hints)?;
        let weight = self.inner.weigh(matchers, hints.range)?;
        if weight.is_some_and(|weight| !self.shared.room.may_hold(weight)) {
            return Ok(set);
        }
        let new = Arc::new(Reading::new(set, hints.range, &self.shared.room));
        *reading = Some(Arc::clone(&new));
        Ok(Box::new(SharedSet(new)))
    }

    fn bucket_widths(&self) -> Vec<i64> {
        self.inner.bucket_widths()
    }

    fn weigh(&self, matchers: &[Matcher], range: ClosedRange) -> Result<Option<Weight>, StorageError> {
        self.inner.weigh(matchers, range)
    }

    fn label_names(&self, matchers: &[Matcher], limit: usize) -> Result<Listing, StorageError> {
        self.inner.label_names(matchers, limit)
    }

    fn label_values(&self, name: &str, matchers: &[Matcher], limit: usize) -> Result<Listing, StorageError> {
        self.inner.label_values(name, matchers, limit)
    }

    fn finds_soon(&self, matchers: &[Matcher]) -> bool {
        self.inner.finds_soon(matchers)
    }

    fn count_live(&self, question: &LiveCount<'_>) -> Option<Vec<LiveGroup>> {
        self.inner.count_live(question)
    }

    fn exemplars(&self, matchers: &[Matcher]) -> Result<Vec<(Labels, Vec<Exemplar>)>, StorageError> {
        self.inner.exemplars(matchers)
    }
}

/// Hands everything on; what is written is forgotten.
struct Forgetting<'a> {
    reads: &'a SharedReads<'a>,
    sink: &'a mut dyn Sink,
}

impl Sink for Forgetting<'_> {
    fn write(&mut self, samples: &[RuleSample]) -> Result<Vec<Refusal>, String> {
        let written = self.sink.write(samples);
        // Even a write that failed may have left something.
        self.reads.forget(samples);
        written
    }

    fn send(&mut self, batch: AlertBatch) {
        self.sink.send(batch);
    }

    fn keep(&mut self, change: &StateChange) -> bool {
        self.sink.keep(change)
    }
}

#[cfg(test)]
mod tests;
