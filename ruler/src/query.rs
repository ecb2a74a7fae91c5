//! How rules read: a port, and the engine behind it.

use nightjar_model::storage::{SelectHints, Storage};
use nightjar_model::{ClosedRange, Labels, Matcher, TimestampMs};
use nightjar_query::ast::Expr;
use nightjar_query::{
    Answer, Engine, Interrupt, ParseError, ParserOptions, QueryError, QueryOptions, SampleValue, Value, VectorSample,
    parse,
};

/// A parsed expression with its text.
#[derive(Clone, Debug)]
pub struct Expression {
    /// The tree.
    pub expr: Expr,
    /// What was parsed.
    pub source: String,
    /// How Prometheus prints it.
    pub printed: String,
}

impl Expression {
    /// Parses a text.
    pub fn parse(source: &str, options: &ParserOptions) -> Result<Expression, ParseError> {
        let expr = parse(source, options)?;
        Ok(Expression { printed: expr.to_string(), expr, source: source.to_owned() })
    }
}

/// What rules ask of the world, perhaps several at once. Errors are sentences for people.
pub trait Query: Sync {
    /// The value of an expression at a time; a scalar is one sample without labels.
    fn instant(&self, expr: &Expression, at: TimestampMs) -> Result<Vec<VectorSample>, String>;

    /// The same for a text, as templates ask.
    fn text(&self, text: &str, at: TimestampMs) -> Result<Vec<VectorSample>, String>;

    /// The newest float sample in `range` of every series that satisfies `matchers`; stale markers count.
    fn newest(&self, matchers: &[Matcher], range: ClosedRange) -> Result<Vec<NewestSample>, String>;
}

/// The newest sample of a series.
#[derive(Clone, Debug)]
pub struct NewestSample {
    /// The series.
    pub labels: Labels,
    /// When it was taken.
    pub timestamp: TimestampMs,
    /// Its value.
    pub value: f64,
}

/// An engine over a storage.
pub struct EngineQuery<'a> {
    /// Evaluates.
    pub engine: &'a Engine,
    /// Where the series are.
    pub storage: &'a dyn Storage,
    /// Ends queries that take too long.
    pub interrupt: &'a dyn Interrupt,
}

impl Query for EngineQuery<'_> {
    fn instant(&self, expr: &Expression, at: TimestampMs) -> Result<Vec<VectorSample>, String> {
        let options = QueryOptions::default();
        vector(self.engine.instant_expr(self.storage, &expr.expr, &expr.source, at, &options, self.interrupt))
    }

    fn text(&self, text: &str, at: TimestampMs) -> Result<Vec<VectorSample>, String> {
        let expr = parse(text, &self.engine.parser_options()).map_err(|e| e.to_string())?;
        let options = QueryOptions::default();
        vector(self.engine.instant_expr(self.storage, &expr, text, at, &options, self.interrupt))
    }

    fn newest(&self, matchers: &[Matcher], range: ClosedRange) -> Result<Vec<NewestSample>, String> {
        let querier = self.storage.querier(range).map_err(|e| e.to_string())?;
        let set = querier.select(matchers, &SelectHints::range(range)).map_err(|e| e.to_string())?;
        let (mut newest, mut data) = (Vec::new(), Vec::new());
        for start in (0..set.len()).step_by(64) {
            let end = (start + 64).min(set.len());
            data.clear();
            set.read(start..end, range, &mut data).map_err(|e| e.to_string())?;
            for (index, series) in (start..end).zip(&data) {
                let last = series.floats.timestamps.last().copied().zip(series.floats.values.last().copied());
                newest.extend(last.map(|(timestamp, value)| NewestSample {
                    labels: set.labels(index),
                    timestamp,
                    value,
                }));
            }
        }
        Ok(newest)
    }
}

fn vector(answer: Result<Answer, QueryError>) -> Result<Vec<VectorSample>, String> {
    match answer.map_err(|e| e.to_string())?.value {
        Value::Vector(samples) => Ok(samples),
        Value::Scalar(timestamp, v) => {
            Ok(vec![VectorSample { labels: Labels::empty(), timestamp, value: SampleValue::Float(v) }])
        }
        _ => Err("rule result is not a vector or scalar".to_owned()),
    }
}
