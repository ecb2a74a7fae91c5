//! The engine: a query text, a storage and a time in; an answer out. Synchronous and without a clock.

use std::time::Duration;

use nightjar_model::TimestampMs;
use nightjar_model::storage::Storage;

use crate::value::Value;

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
}

/// Asked now and then while a query runs: may it go on?
pub trait Interrupt: Sync {
    /// `None` to go on.
    fn check(&self) -> Option<Stop>;
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

/// An answer with what there is to say about it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The value.
    pub value: Value,
    /// `PromQL warning: ... (1:5)` and storage damage, in order, each once.
    pub warnings: Vec<String>,
    /// `PromQL info: ... (1:5)`, in order, each once.
    pub infos: Vec<String>,
    /// What it cost.
    pub stats: Stats,
}

/// What a query cost.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Samples looked at, a sample counted once per step that sees it (`totalQueryableSamples`).
    pub total_samples: u64,
    /// The same per step, when asked for.
    pub per_step: Option<Vec<(TimestampMs, u64)>>,
    /// Samples read from storage, each once (`samplesRead`).
    pub samples_read: u64,
    /// Most samples held at once.
    pub peak_samples: u64,
}

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum QueryError {
    /// The text is not PromQL. API: 400 `bad_data`.
    #[error("{0}")]
    Parse(crate::parser::ParseError),
    /// The parameters make no sense. API: 400 `bad_data`.
    #[error("{0}")]
    BadData(String),
    /// Evaluation failed. API: 422 `execution`.
    #[error("{0}")]
    Execution(String),
    /// Too slow. API: 503 `timeout`.
    #[error("query timed out in expression evaluation")]
    Timeout,
    /// Not wanted any more. API: 499 `canceled`.
    #[error("query was canceled in expression evaluation")]
    Canceled,
    /// Storage failed. API: 500 `internal`, or 503 when it is temporary.
    #[error("{0}")]
    Storage(#[from] nightjar_model::storage::StorageError),
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

/// Evaluates queries. Cheap to share between threads.
#[derive(Clone, Debug)]
pub struct Engine {
    options: EngineOptions,
}

impl Engine {
    /// An engine.
    pub fn new(options: EngineOptions) -> Engine {
        Engine { options }
    }

    /// Its options.
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }
}

/// The signatures the rest of the program relies on; implemented in `eval`.
pub trait Evaluate {
    /// Evaluates at one time.
    fn instant(
        &self,
        storage: &dyn Storage,
        query: &str,
        at: TimestampMs,
        options: &QueryOptions,
        interrupt: &dyn Interrupt,
    ) -> Result<Answer, QueryError>;

    /// Evaluates at every step.
    fn range(
        &self,
        storage: &dyn Storage,
        query: &str,
        steps: Steps,
        options: &QueryOptions,
        interrupt: &dyn Interrupt,
    ) -> Result<Answer, QueryError>;
}
