//! Answers of range queries that are asked again and again, a little later each time.
//!
//! An answer is reused only for steps of which storage says that nothing they read has changed since, so nothing stale
//! can be served; and only for expressions whose value at a step does not depend on which other steps are asked for, so
//! that an answer put together of an old and a new part is equal to the last bit to one evaluated whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;
use nightjar_model::storage::Storage;
use nightjar_model::{ClosedRange, Labels, TimestampMs};

use crate::ast::{AggregateOp, BinaryOp, Cardinality, Expr, ValueType};
use crate::eval::Grid;
use crate::plan::{CallNode, Node, NodeKind, Selector};
use crate::value::{MatrixSeries, Value};

/// Answers, up to so many bytes; those asked for longest ago go first.
#[derive(Debug)]
pub struct AnswerCache {
    max_bytes: u64,
    kept: parking_lot::Mutex<Kept>,
    hits: AtomicU64,
    misses: AtomicU64,
    steps: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    answers: HashMap<Key, Entry>,
    bytes: u64,
    clock: u64,
}

/// What must be equal for an answer to be the answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    /// The expression as it is printed.
    expr: String,
    lookback_ms: i64,
    step_ms: i64,
    /// Where steps lie between multiples of the step.
    phase_ms: i64,
}

#[derive(Debug)]
struct Entry {
    grid: Grid,
    /// The last change of storage the answer is sure to contain.
    generation: u64,
    series: Arc<Vec<MatrixSeries>>,
    bytes: u64,
    used: u64,
}

/// Figures of a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheFigures {
    /// Queries of which a part was answered from the cache.
    pub hits: u64,
    /// Queries that might have been.
    pub misses: u64,
    /// Steps that were not evaluated again.
    pub steps: u64,
    /// Bytes kept now.
    pub bytes: u64,
    /// Answers kept now.
    pub answers: u64,
}

/// A query as the cache sees it.
pub(crate) struct Question<'a> {
    key: Key,
    grid: Grid,
    reach: Reach,
    /// The last change of storage before the view was taken that answers the question.
    generation: u64,
    storage: &'a dyn Storage,
}

/// The part of an answer that needs no evaluation: the first steps.
pub(crate) struct Reused {
    series: Arc<Vec<MatrixSeries>>,
    /// The first time that must be evaluated.
    pub(crate) until: TimestampMs,
    /// How many steps come before it.
    steps: usize,
}

/// What the steps of an expression read, relative to the time of a step: samples in `-before..=after`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Reach {
    before_ms: i64,
    after_ms: i64,
}

impl AnswerCache {
    /// An empty cache for so many bytes.
    pub fn new(max_bytes: u64) -> AnswerCache {
        let (kept, hits, misses, steps) = Default::default();
        AnswerCache { max_bytes, kept, hits, misses, steps }
    }

    /// How it does.
    pub fn figures(&self) -> CacheFigures {
        let kept = self.kept.lock();
        CacheFigures {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            steps: self.steps.load(Ordering::Relaxed),
            bytes: kept.bytes,
            answers: kept.answers.len() as u64,
        }
    }

    /// The first steps of an answer, if they are known and nothing they read has changed.
    pub(crate) fn reuse(&self, question: &Question<'_>) -> Option<Reused> {
        let reused = self.find(question);
        let counter = if reused.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        self.steps.fetch_add(reused.as_ref().map_or(0, |reused| reused.steps as u64), Ordering::Relaxed);
        reused
    }

    fn find(&self, question: &Question<'_>) -> Option<Reused> {
        let (series, known, generation) = {
            let mut kept = self.kept.lock();
            kept.clock += 1;
            let now = kept.clock;
            let entry = kept.answers.get_mut(&question.key)?;
            entry.used = now;
            (Arc::clone(&entry.series), entry.grid, entry.generation)
        };
        let grid = question.grid;
        if grid.start < known.start || grid.start > known.last() {
            return None;
        }
        let common = (known.last().min(grid.last()) - grid.start) / grid.step_ms + 1;
        let steps = question.unchanged(usize::try_from(common).ok()?, generation);
        (steps > 0).then(|| Reused { series, until: grid.time(steps), steps })
    }

    /// Keeps an answer to a question, in place of the one before.
    pub(crate) fn keep(&self, question: Question<'_>, series: &[MatrixSeries]) {
        let bytes: u64 = 256 + series.iter().map(MatrixSeries::bytes).sum::<usize>() as u64;
        // One answer must not push out all others.
        if bytes > self.max_bytes / 4 {
            return;
        }
        let series = Arc::new(series.to_vec());
        let mut kept = self.kept.lock();
        kept.clock += 1;
        let entry = Entry { grid: question.grid, generation: question.generation, series, bytes, used: kept.clock };
        kept.bytes += bytes;
        if let Some(before) = kept.answers.insert(question.key, entry) {
            kept.bytes -= before.bytes;
        }
        while kept.bytes > self.max_bytes {
            let oldest = kept.answers.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
            let Some(gone) = oldest.and_then(|key| kept.answers.remove(&key)) else { return };
            kept.bytes -= gone.bytes;
        }
    }
}

impl<'a> Question<'a> {
    /// The question, if its answer may be put together of parts. `generation` is the number of storage's last change,
    /// asked for before the view was taken.
    pub(crate) fn new(
        node: &Node,
        expr: &Expr,
        grid: Grid,
        lookback_ms: i64,
        (storage, generation): (&'a dyn Storage, u64),
    ) -> Option<Question<'a>> {
        let reach = root(node, lookback_ms)?;
        if grid.len < 2 {
            return None;
        }
        let phase_ms = grid.start.rem_euclid(grid.step_ms);
        let key = Key { expr: expr.to_string(), lookback_ms, step_ms: grid.step_ms, phase_ms };
        Some(Question { key, grid, reach, generation, storage })
    }

    /// How many of the first `most` steps read nothing that has changed after `generation`.
    fn unchanged(&self, most: usize, generation: u64) -> usize {
        let same = |steps: usize| {
            let reads = self.reach.reads(self.grid.start, self.grid.time(steps - 1));
            self.storage.generation(reads) <= generation
        };
        // More steps read more: the greatest number of steps that is still the same is found by halving.
        let (mut good, mut bad) = (0, most + 1);
        while bad - good > 1 {
            let middle = good + (bad - good) / 2;
            if same(middle) {
                good = middle;
            } else {
                bad = middle;
            }
        }
        good
    }

    /// The steps that remain to be evaluated.
    pub(crate) fn rest(&self, reused: Option<&Reused>) -> Grid {
        match reused {
            None => self.grid,
            Some(reused) => Grid { start: reused.until, len: self.grid.len - reused.steps, ..self.grid },
        }
    }

    /// The reused part and the evaluated rest as one answer.
    pub(crate) fn join(&self, reused: Reused, rest: Vec<MatrixSeries>) -> Vec<MatrixSeries> {
        let within = |t: TimestampMs| t >= self.grid.start && t < reused.until;
        let mut joined: HashMap<Labels, MatrixSeries> = HashMap::new();
        for series in reused.series.iter() {
            let floats: Vec<_> = series.floats.iter().copied().filter(|(t, _)| within(*t)).collect();
            if !floats.is_empty() {
                let labels = series.labels.clone();
                joined.insert(labels.clone(), MatrixSeries { labels, floats, histograms: Vec::new() });
            }
        }
        for series in rest {
            match joined.get_mut(&series.labels) {
                Some(before) => before.floats.extend(series.floats),
                None => drop(joined.insert(series.labels.clone(), series)),
            }
        }
        let mut all: Vec<_> = joined.into_values().collect();
        all.sort_by(|a, b| a.labels.cmp(&b.labels));
        all
    }
}

/// Whether parts of this answer can be kept: no histograms, whose notes and hints depend on their neighbours.
pub(crate) fn may_keep(value: &Value) -> Option<&[MatrixSeries]> {
    match value {
        Value::Matrix(series) if series.iter().all(|one| one.histograms.is_empty()) => Some(series),
        _ => None,
    }
}

impl Reach {
    fn both(self, other: Reach) -> Reach {
        Reach { before_ms: self.before_ms.max(other.before_ms), after_ms: self.after_ms.max(other.after_ms) }
    }

    fn reads(self, first: TimestampMs, last: TimestampMs) -> ClosedRange {
        ClosedRange { start: first.saturating_sub(self.before_ms), end: last.saturating_add(self.after_ms) }
    }
}

/// What steps read, of an expression where the order of series means nothing and no step knows of another one.
fn root(node: &Node, lookback_ms: i64) -> Option<Reach> {
    match &node.kind {
        NodeKind::Negate(inner) => root(inner, lookback_ms),
        NodeKind::Aggregate(aggregate) => match (aggregate.op, &aggregate.param) {
            (AggregateOp::Quantile, Some(param)) if number(param) => leaf(&aggregate.expr, lookback_ms),
            (op, None) if folds(op) => leaf(&aggregate.expr, lookback_ms),
            _ => None,
        },
        NodeKind::Binary(b) if matches!(b.op, BinaryOp::And | BinaryOp::Or | BinaryOp::Unless) => None,
        NodeKind::Binary(b) if number(&b.lhs) => root(&b.rhs, lookback_ms),
        NodeKind::Binary(b) if number(&b.rhs) => root(&b.lhs, lookback_ms),
        NodeKind::Binary(b) => {
            let plain = b.matching.card == Cardinality::OneToOne
                && b.matching.fill_left.is_none()
                && b.matching.fill_right.is_none();
            let vectors = b.lhs.value_type == ValueType::Vector && b.rhs.value_type == ValueType::Vector;
            (plain && vectors).then_some(())?;
            Some(root(&b.lhs, lookback_ms)?.both(root(&b.rhs, lookback_ms)?))
        }
        NodeKind::Call(CallNode { func: "histogram_quantile", args }) => match args.as_slice() {
            [q, v] if number(q) => root(v, lookback_ms),
            _ => None,
        },
        _ => None,
    }
}

fn folds(op: AggregateOp) -> bool {
    use AggregateOp::{Avg, Count, Group, Max, Min, Stddev, Stdvar, Sum};
    matches!(op, Sum | Avg | Count | Min | Max | Group | Stddev | Stdvar)
}

fn number(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Number(_) => true,
        NodeKind::StepInvariant(inner) | NodeKind::Negate(inner) => number(inner),
        _ => false,
    }
}

/// What steps read, of an expression that gives each series by itself.
fn leaf(node: &Node, lookback_ms: i64) -> Option<Reach> {
    match &node.kind {
        NodeKind::Vector(selector) => selected(selector, 0, lookback_ms),
        NodeKind::Negate(inner) => leaf(inner, lookback_ms),
        NodeKind::Call(call) => match (call.func, call.args.as_slice()) {
            (func, [Node { kind: NodeKind::Matrix(matrix), .. }]) if func != "absent_over_time" => {
                selected(&matrix.selector, matrix.range_ms, lookback_ms)
            }
            _ => None,
        },
        NodeKind::Binary(b) if matches!(b.op, BinaryOp::And | BinaryOp::Or | BinaryOp::Unless) => None,
        NodeKind::Binary(b) if number(&b.lhs) => leaf(&b.rhs, lookback_ms),
        NodeKind::Binary(b) if number(&b.rhs) => leaf(&b.lhs, lookback_ms),
        _ => None,
    }
}

/// What steps read of a selector of one metric, told relative to the step.
fn selected(selector: &Selector, range_ms: i64, lookback_ms: i64) -> Option<Reach> {
    let one_metric = selector.matchers.iter().any(|m| m.op == nightjar_model::MatchOp::Equal && &*m.name == "__name__");
    if selector.at.is_some() || selector.mode.is_some() || !one_metric {
        return None;
    }
    let reads = selector.reads(0, 0, range_ms, lookback_ms);
    Some(Reach {
        before_ms: selector.offset_ms.saturating_sub(reads.start).max(0),
        after_ms: reads.end.saturating_sub(selector.offset_ms).max(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Steps;
    use crate::parser::{ParserOptions, parse};
    use crate::plan::plan;

    fn reach(query: &str) -> Option<(i64, i64)> {
        let steps = Steps { start: 0, end: 600_000, step_ms: 15_000 };
        let node = plan(&parse(query, &ParserOptions::default()).unwrap(), steps, false).unwrap();
        root(&node, 300_000).map(|reach| (reach.before_ms, reach.after_ms))
    }

    #[test]
    fn what_may_be_put_together_of_parts() {
        let yes = [
            ("sum(up)", (299_999, 0)),
            ("sum by (a) (rate(x[10m])) * 8", (599_999, 0)),
            ("-sum(up offset 1h)", (3_899_999, 0)),
            ("sum(up offset -1h)", (0, 3_600_000)),
            ("histogram_quantile(0.9, sum by (le) (rate(b[1m])))", (59_999, 0)),
            ("sum(rate(a[1m])) / on () sum(rate(b[2m]))", (119_999, 0)),
            ("quantile(0.5, up > 1)", (299_999, 0)),
            ("1 - avg(rate(a{x=\"y\"}[5m]) * 100)", (299_999, 0)),
        ];
        for (query, expected) in yes {
            assert_eq!(reach(query), Some(expected), "{query}");
        }
        let no = [
            "up",
            "sum({job=\"x\"})",
            "sum(up @ 0)",
            "sum(up @ start())",
            "sum(sum by (a) (up))",
            "topk(3, up)",
            "sum(topk(3, up))",
            "sum(a) or sum(b)",
            "sum(up) + time()",
            "sum(max_over_time(rate(up[1m])[5m:1m]))",
            "absent(up)",
            "count_values(\"v\", up)",
            "sum(a) * on (x) group_left () sum(b)",
            "sum(a + b)",
            "quantile(scalar(x), up)",
            "sum(absent_over_time(up[1m]))",
        ];
        for query in no {
            assert_eq!(reach(query), None, "{query}");
        }
    }
}
