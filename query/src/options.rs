//! What an engine and a query are configured with.

use std::time::Duration;

use nightjar_model::TimestampMs;

use crate::value::Stats;

/// What an engine is configured with; the same for all its queries.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Samples one query may hold at once; more is an error. Prometheus' `--query.max-samples`.
    pub max_samples: usize,
    /// How far an instant selector looks back.
    pub lookback_ms: i64,
    /// Step of subqueries that name none: the global evaluation interval.
    pub default_subquery_step_ms: i64,
    /// Feature switches.
    pub features: Features,
}

/// Feature switches, named after Prometheus' `--enable-feature` values. All off by default, as in the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// `promql-experimental-functions`.
    pub experimental_functions: bool,
    /// `promql-delayed-name-removal`.
    pub delayed_name_removal: bool,
    /// `promql-extended-range-selectors`.
    pub extended_range_selectors: bool,
    /// `promql-binop-fill-modifiers`.
    pub fill_modifiers: bool,
    /// `use-start-timestamps`.
    pub start_timestamps: bool,
    /// `type-and-unit-labels`.
    pub type_and_unit_labels: bool,
}

/// What one query may override.
#[derive(Clone, Debug, Default)]
pub struct QueryOptions {
    /// Instead of [`EngineOptions::lookback_ms`]. > 0.
    pub lookback_ms: Option<i64>,
    /// Keep per-step statistics too (`stats=all`).
    pub per_step_stats: bool,
    /// Which downsampled samples may be read.
    pub max_source_resolution: MaxSourceResolution,
}

/// How wide buckets of downsampled samples may be that are read although the answer is then another one. Where it is the
/// same they are read in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MaxSourceResolution {
    /// None are read.
    #[default]
    Samples,
    /// A fifth of the step; an hour where there are no steps.
    Auto,
    /// So many milliseconds.
    UpTo(i64),
}

/// Watches a query: asked now and then whether it may go on, told how far it is.
pub trait Interrupt: Sync {
    /// `None` to go on.
    fn check(&self) -> Option<Stop>;

    /// The query begins this part of its work.
    fn enter(&self, phase: Phase) {
        let _ = phase;
    }

    /// About how many samples the query will read, fold and give, told before it does; `u64::MAX` when nobody knows, or
    /// when to find the series may take long.
    fn weighed(&self, effort: u64) {
        let _ = effort;
    }

    /// Runs `job` on another thread, if there is one to spare; answers whether it does. The job ends soon after the query
    /// did.
    fn lend(&self, job: Box<dyn FnOnce() + Send>) -> bool {
        drop(job);
        false
    }

    /// What the query cost, told once, whether it has an answer or not.
    fn spent(&self, stats: &Stats) {
        let _ = stats;
    }
}

/// Parts of the work of the engine, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Parse, check, plan, and ask storage how much there is.
    Prepare,
    /// Select series, read samples, evaluate.
    Evaluate,
    /// Sort the answer.
    Sort,
}

/// Why a query must stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Its time is over.
    Timeout(Duration),
    /// Nobody wants the answer any more.
    Canceled,
}

/// Never stops a query.
#[derive(Clone, Copy, Debug)]
pub struct Uninterrupted;

impl Interrupt for Uninterrupted {
    fn check(&self) -> Option<Stop> {
        None
    }
}

/// Steps of a range query: `start, start+step, ... <= end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// First evaluation time.
    pub start: TimestampMs,
    /// No evaluation after this.
    pub end: TimestampMs,
    /// Distance, > 0.
    pub step_ms: i64,
}
