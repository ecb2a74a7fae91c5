//! The engine: a query text, a storage and a time in; an answer out. Synchronous and without a clock.

use std::rc::Rc;
use std::sync::Arc;

use hashbrown::HashMap;
use nightjar_model::storage::{Querier, Storage, WIDEST_BUCKET_MS};
use nightjar_model::{ClosedRange, Labels, TimestampMs};

use crate::admission::{self, Setting};
use crate::ast::{Expr, ValueType};
use crate::build::Builder;
use crate::cache::{AnswerCache, Question, may_keep};
use crate::census::Census;
use crate::error::go_on;
use crate::eval::budget::Budget;
use crate::eval::context::Settings;
use crate::eval::downsampling::Downsampling;
use crate::eval::reserved::without_reserved;
use crate::eval::tally::Tally;
use crate::eval::{Column, Context, Grid, Vector};
use crate::memory::{MemoryPool, Reservation};
use crate::operators::range_selector::matrix;
use crate::parser::{ParserOptions, parse};
use crate::plan::{Node, NodeKind, plan, time_bounds};
use crate::rollup::window::WindowSpec;
use crate::value::{MatrixSeries, SERIES_BYTES, SampleValue, Stats, Value, VectorSample};

pub use crate::error::QueryError;
pub use crate::options::{
    EngineOptions, Features, Interrupt, MaxSourceResolution, Phase, QueryOptions, Steps, Stop, Uninterrupted,
};

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
    /// The memory the value takes; keep it as long as the value.
    pub memory: Arc<Reservation>,
}

/// Evaluates queries. Cheap to share between threads.
#[derive(Clone, Debug)]
pub struct Engine {
    options: EngineOptions,
    memory: Arc<MemoryPool>,
    cache: Option<Arc<AnswerCache>>,
}

/// One evaluation: what, where and under which conditions.
#[derive(Clone, Copy)]
struct Job<'a> {
    storage: &'a dyn Storage,
    expr: &'a Expr,
    /// The text of `expr`, for places in notes.
    text: &'a str,
    steps: Steps,
    /// Evaluated at a single time, without steps.
    instant: bool,
    options: &'a QueryOptions,
    interrupt: &'a dyn Interrupt,
}

impl Engine {
    /// An engine whose queries may take any memory.
    pub fn new(options: EngineOptions) -> Engine {
        Engine { options, memory: Arc::new(MemoryPool::unlimited()), cache: None }
    }

    /// The same engine with memory from `pool`.
    pub fn with_memory(self, pool: Arc<MemoryPool>) -> Engine {
        Engine { memory: pool, ..self }
    }

    /// The same engine with answers of range queries kept in `cache`, which belongs to engines of the same features and
    /// to one storage.
    pub fn with_cache(self, cache: Arc<AnswerCache>) -> Engine {
        Engine { cache: Some(cache), ..self }
    }

    /// Its options.
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// What its parser allows.
    pub fn parser_options(&self) -> ParserOptions {
        let features = self.options.features;
        ParserOptions {
            experimental_functions: features.experimental_functions,
            extended_range_selectors: features.extended_range_selectors,
            fill_modifiers: features.fill_modifiers,
        }
    }

    /// Evaluates at one time.
    pub fn instant(
        &self,
        storage: &dyn Storage,
        query: &str,
        at: TimestampMs,
        options: &QueryOptions,
        interrupt: &dyn Interrupt,
    ) -> Result<Answer, QueryError> {
        interrupt.enter(Phase::Prepare);
        let expr = parse(query, &self.parser_options()).map_err(QueryError::Parse)?;
        self.instant_expr(storage, &expr, query, at, options, interrupt)
    }

    /// Evaluates at every step.
    pub fn range(
        &self,
        storage: &dyn Storage,
        query: &str,
        steps: Steps,
        options: &QueryOptions,
        interrupt: &dyn Interrupt,
    ) -> Result<Answer, QueryError> {
        interrupt.enter(Phase::Prepare);
        let expr = parse(query, &self.parser_options()).map_err(QueryError::Parse)?;
        self.range_expr(storage, &expr, query, steps, options, interrupt)
    }

    /// Evaluates a parsed expression at one time. `text` is what was parsed; notes name places in it.
    pub fn instant_expr(
        &self,
        storage: &dyn Storage,
        expr: &Expr,
        text: &str,
        at: TimestampMs,
        options: &QueryOptions,
        interrupt: &dyn Interrupt,
    ) -> Result<Answer, QueryError> {
        let steps = Steps { start: at, end: at, step_ms: 1 };
        self.run(Job { storage, expr, text, steps, instant: true, options, interrupt })
    }

    /// Evaluates a parsed expression at every step. `text` is what was parsed; notes name places in it.
    pub fn range_expr(
        &self,
        storage: &dyn Storage,
        expr: &Expr,
        text: &str,
        steps: Steps,
        options: &QueryOptions,
        interrupt: &dyn Interrupt,
    ) -> Result<Answer, QueryError> {
        if steps.step_ms <= 0 {
            return Err(QueryError::BadData(
                "zero or negative query resolution step widths are not accepted".to_owned(),
            ));
        }
        let value_type = expr.value_type();
        if !matches!(value_type, ValueType::Scalar | ValueType::Vector) {
            return Err(QueryError::BadData(format!(
                "invalid expression type \"{}\" for range query, must be Scalar or instant Vector",
                value_type.documented()
            )));
        }
        self.run(Job { storage, expr, text, steps, instant: false, options, interrupt })
    }

    fn run(&self, job: Job<'_>) -> Result<Answer, QueryError> {
        job.interrupt.enter(Phase::Prepare);
        let node = plan(job.expr, job.steps, job.instant)?;
        let grid = Grid::until(job.steps.start, job.steps.end, job.steps.step_ms);
        let lookback_ms = job.options.lookback_ms.unwrap_or(self.options.lookback_ms);
        let default_step_ms = self.options.default_subquery_step_ms;
        let asked = job.options.max_source_resolution;
        let bounds = time_bounds(&node, grid, lookback_ms, default_step_ms).map(|bounds| reaching(bounds, asked));
        // What was read downsampled may be read otherwise when it has been compacted.
        let plain = asked == MaxSourceResolution::Samples && !job.options.per_step_stats;
        let cache = self.cache.as_ref().filter(|_| !job.instant && plain);
        let generation = cache.map_or(0, |_| job.storage.generation(ClosedRange::ALL));
        let querier = job.storage.querier(bounds.unwrap_or(ClosedRange { start: 0, end: 0 }))?;
        let querier: &dyn Querier = &*querier;
        let whole = Setting { grid, lookback_ms, default_step_ms };
        let budget = self.admit(&node, whole, querier, job.interrupt)?;
        go_on(job.interrupt)?;
        let question = cache.and_then(|cache| {
            let question = Question::new(&node, job.expr, grid, lookback_ms, (job.storage, generation))?;
            Some((cache, question))
        });
        let reused = question.as_ref().and_then(|(cache, question)| cache.reuse(question));
        let grid = question.as_ref().map_or(grid, |(_, question)| question.rest(reused.as_ref()));
        let downsampling = Downsampling::new(asked, &querier.bucket_widths());
        let features = self.options.features;
        let settings = Settings { lookback_ms, default_subquery_step_ms: default_step_ms, features };
        let context = Context::new(querier, settings, budget, job.interrupt).reading(downsampling);
        let tally = Rc::new(Tally::new(grid.len, job.options.per_step_stats));
        context.enter(Phase::Evaluate);
        let value = {
            let builder = Builder::new(&context, grid, Rc::clone(&tally), job.instant);
            Evaluation { builder, context: &context, grid }.value(&node, job.instant)
        };
        context.settle();
        let per_step =
            tally.per_step().map(|counts| counts.into_iter().enumerate().map(|(i, n)| (grid.time(i), n)).collect());
        let stats = Stats {
            total_samples: tally.total(),
            per_step,
            samples_read: tally.read(),
            peak_samples: context.budget.peak(),
            peak_bytes: context.budget.peak_bytes(),
        };
        job.interrupt.spent(&stats);
        let value = value?;
        let (mut warnings, mut infos) = context.notes.render(job.text);
        infos.extend(context.downsampling.infos());
        warnings.extend(context.damage());
        let value = match (question, reused, value) {
            (None, _, value) => value,
            (Some((cache, question)), reused, value) => {
                let value = match (reused, value) {
                    (Some(reused), Value::Matrix(rest)) => Value::Matrix(question.join(reused, rest)),
                    (_, value) => value,
                };
                if let (true, Some(series)) = (warnings.is_empty() && infos.is_empty(), may_keep(&value)) {
                    cache.keep(question, series);
                }
                value
            }
        };
        let mut memory = context.budget.into_reservation();
        memory.shrink_to(value.bytes());
        Ok(Answer { value, warnings, infos, stats, memory: Arc::new(memory) })
    }

    /// The budget of a query that may run.
    fn admit(
        &self,
        node: &Node,
        setting: Setting,
        querier: &dyn Querier,
        interrupt: &dyn Interrupt,
    ) -> Result<Budget, QueryError> {
        if !self.memory.is_limited() {
            interrupt.weighed(u64::MAX);
            return Ok(Budget::new(self.options.max_samples, 0.0, self.memory.reserve()));
        }
        let mut census = Census::new(querier, interrupt);
        let bytes = admission::bytes(node, setting, &mut census)?;
        let Census { lasted, asked, effort, .. } = census;
        interrupt.weighed(effort);
        let mut memory = self.memory.reserve();
        memory.admit(bytes)?;
        let presence = if asked > 0.0 { f64::min(lasted / asked, 1.0) } else { 0.0 };
        Ok(Budget::new(self.options.max_samples, presence, memory))
    }
}

/// The times a view is opened for: instant selectors look back over the whole of a bucket.
fn reaching(bounds: ClosedRange, asked: MaxSourceResolution) -> ClosedRange {
    match asked {
        MaxSourceResolution::Samples => bounds,
        _ => ClosedRange { start: bounds.start.saturating_sub(WIDEST_BUCKET_MS), ..bounds },
    }
}

struct Evaluation<'q> {
    builder: Builder<'q>,
    context: &'q Context<'q>,
    grid: Grid,
}

impl<'q> Evaluation<'q> {
    fn value(&self, node: &Node, instant: bool) -> Result<Value, QueryError> {
        let at = self.grid.start;
        match (&node.kind, node.value_type) {
            (NodeKind::String(text), _) => Ok(Value::String(at, text.as_str().to_owned())),
            _ if self.grid.len == 0 => Ok(Value::Matrix(Vec::new())),
            (_, ValueType::Scalar) => {
                let values = self.builder.scalar(node)?;
                self.context.check()?;
                if instant {
                    return Ok(Value::Scalar(at, values.first().copied().unwrap_or(f64::NAN)));
                }
                let floats = values.into_iter().enumerate().map(|(i, v)| (self.grid.time(i), v)).collect();
                Ok(Value::Matrix(vec![MatrixSeries { labels: Labels::empty(), floats, histograms: Vec::new() }]))
            }
            (NodeKind::Matrix(range), _) => {
                let spec =
                    WindowSpec::of(&range.selector, range.range_ms, self.grid, self.context.settings.lookback_ms);
                let source = self.builder.range_selector(&range.selector, range.range_ms)?;
                let series = matrix(source, &spec, range.selector.mode, &self.builder.tally)?;
                Ok(Value::Matrix(series))
            }
            (NodeKind::Subquery(subquery), _) => {
                let within = self.builder.within_whole(subquery);
                let inner = if subquery.expr.value_type == ValueType::Scalar {
                    crate::operators::scalar::vector(self.context, within.scalar(&subquery.expr)?)?
                } else {
                    within.vector(&subquery.expr)?
                };
                self.matrix(inner, within.grid)
            }
            _ if instant => self.instant_vector(node),
            _ => self.matrix(self.builder.vector(node)?, self.grid),
        }
    }

    fn instant_vector(&self, node: &Node) -> Result<Value, QueryError> {
        let at = self.grid.start;
        let series = self.series(self.builder.vector(node)?, self.grid)?;
        let mut samples: Vec<VectorSample> = series
            .into_iter()
            .filter_map(|MatrixSeries { labels, floats, histograms }| {
                let histogram = histograms.into_iter().next().map(|(_, h)| SampleValue::Histogram(h));
                let value = floats.first().map(|(_, v)| SampleValue::Float(*v)).or(histogram)?;
                Some(VectorSample { labels, timestamp: at, value })
            })
            .collect();
        if !orders(node) {
            self.context.enter(Phase::Sort);
            samples.sort_by(|a, b| a.labels.cmp(&b.labels));
        }
        Ok(Value::Vector(samples))
    }

    fn matrix(&self, vector: Vector<'q>, grid: Grid) -> Result<Value, QueryError> {
        let mut series = self.series(vector, grid)?;
        self.context.enter(Phase::Sort);
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(Value::Matrix(series))
    }

    /// The series of the answer that have samples, names dropped where that was put off.
    fn series(&self, mut vector: Vector<'q>, grid: Grid) -> Result<Vec<MatrixSeries>, QueryError> {
        let mut held = self.context.budget.hold(0)?;
        let (mut column, mut series, mut dropped) = (Column::default(), Vec::new(), false);
        for index in 0..vector.len() {
            vector.next(&mut column)?;
            if column.is_empty() {
                continue;
            }
            held.more(column.samples())?;
            held.more_bytes(SERIES_BYTES)?;
            let drop_name = column.drop_name && !self.context.drops_now();
            dropped |= drop_name;
            let labels = vector.labels(index);
            let labels = if drop_name { without_reserved(&labels) } else { labels };
            series.push(points(labels, &column, grid));
        }
        self.context.check()?;
        if dropped { merge_points(series) } else { Ok(series) }
    }
}

fn points(labels: Labels, column: &Column, grid: Grid) -> MatrixSeries {
    let mut floats = Vec::with_capacity(column.present.count());
    floats.extend(column.present.ones().map(|step| (grid.time(step), column.values[step])));
    let histograms = column.histograms.iter().map(|(step, h)| (grid.time(*step as usize), h.clone())).collect();
    MatrixSeries { labels, floats, histograms }
}

/// Merges series of one label set, which must not have samples of one kind at one time; each stands where its first one
/// stood.
fn merge_points(series: Vec<MatrixSeries>) -> Result<Vec<MatrixSeries>, QueryError> {
    let mut places: HashMap<Labels, usize> = HashMap::with_capacity(series.len());
    let mut merged: Vec<MatrixSeries> = Vec::with_capacity(series.len());
    for one in series {
        match places.get(&one.labels) {
            None => {
                places.insert(one.labels.clone(), merged.len());
                merged.push(one);
            }
            Some(place) => {
                let into = &mut merged[*place];
                into.floats.extend(one.floats);
                into.histograms.extend(one.histograms);
                into.floats.sort_by_key(|point| point.0);
                into.histograms.sort_by_key(|point| point.0);
                let twice = into.floats.windows(2).any(|pair| pair[0].0 == pair[1].0)
                    || into.histograms.windows(2).any(|pair| pair[0].0 == pair[1].0);
                if twice {
                    return Err(QueryError::same_labelset());
                }
            }
        }
    }
    Ok(merged)
}

/// Whether the order of an instant answer means something.
fn orders(node: &Node) -> bool {
    use crate::ast::AggregateOp::{BottomK, LimitK, LimitRatio, TopK};
    match &node.kind {
        NodeKind::Negate(inner) | NodeKind::Plus(inner) | NodeKind::StepInvariant(inner) => orders(inner),
        NodeKind::Binary(b) => orders(&b.lhs) || orders(&b.rhs),
        NodeKind::Aggregate(a) => matches!(a.op, TopK | BottomK | LimitK | LimitRatio),
        NodeKind::Call(call) => call.func.starts_with("sort") || call.args.iter().any(orders),
        _ => false,
    }
}
