//! Functions of instant vectors and scalars.

use nightjar_model::number::format_g;
use nightjar_model::storage::SelectHints;

use super::Builder;
use crate::ast::Span;
use crate::error::QueryError;
use crate::eval::{Column, Vector};
use crate::gomath;
use crate::operators::buffered::drain;
use crate::operators::info::{InfoQuery, info};
use crate::operators::instant_selector::{InstantSelector, Take};
use crate::operators::map::{Name, floats, map};
use crate::operators::percentile::{Asked, Question, ask};
use crate::operators::sort::{By, sort};
use crate::operators::tiles::Tiles;
use crate::operators::{absent, date, histogram_value, label_functions, math, scalar, timestamp};
use crate::plan::{CallNode, Node, NodeKind, Selector};

impl<'q> Builder<'q> {
    pub(super) fn call(&self, call: &CallNode, at: Span) -> Result<Vector<'q>, QueryError> {
        let context = self.context;
        if let Some(vector) = self.range_call(call)? {
            return Ok(vector);
        }
        if let Some(f) = math::simple(call.func) {
            return floats(context, self.vector(&call.args[0])?, f);
        }
        if let Some(f) = date::date(call.func) {
            return self.date(call, f);
        }
        if let Some(f) = histogram_value::function(call.func) {
            return histogram_value::values(context, self.vector(&call.args[0])?, f);
        }
        match (call.func, call.args.as_slice()) {
            ("absent", [arg]) => {
                let matchers = match &arg.kind {
                    NodeKind::Vector(selector) => selector.matchers.as_slice(),
                    _ => &[],
                };
                absent::absent(context, self.vector(arg)?, matchers, self.grid.len)
            }
            ("vector", [arg]) => scalar::vector(context, self.scalar(arg)?),
            ("timestamp" | "start_timestamp", [arg]) => self.timestamp(call.func, arg),
            ("round", args) => self.round(args),
            ("clamp", [v, min, max]) => self.clamp(v, Some(min), Some(max)),
            ("clamp_min", [v, min]) => self.clamp(v, Some(min), None),
            ("clamp_max", [v, max]) => self.clamp(v, None, Some(max)),
            ("sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc", args) => self.sort(call.func, args, at),
            ("label_replace", [v, rest @ ..]) => {
                let texts: Vec<&str> = rest.iter().map(text).collect();
                let Ok(texts) = <[&str; 4]>::try_from(texts) else { return self.unknown(call) };
                label_functions::label_replace(context, || self.vector(v), texts)
            }
            ("label_join", [v, target, separator, sources @ ..]) => {
                let sources = sources.iter().map(|source| text(source).to_owned()).collect();
                label_functions::label_join(context, || self.vector(v), text(target), text(separator), sources)
            }
            ("histogram_quantile", [q, v]) => {
                let q = self.quantile(q)?;
                self.ask(v, &[Asked { question: Question::Quantile(q), label: None }])
            }
            ("histogram_fraction", [lower, upper, v]) => {
                let question = Question::Fraction(self.scalar(lower)?, self.scalar(upper)?);
                self.ask(v, &[Asked { question, label: None }])
            }
            ("histogram_quantiles", [v, label, qs @ ..]) => {
                let asked = qs.iter().map(|q| self.labelled_quantile(text(label), q)).collect::<Result<Vec<_>, _>>()?;
                self.ask(v, &asked)
            }
            ("info", [v, rest @ ..]) => self.info(v, rest.first()),
            _ => self.unknown(call),
        }
    }

    fn unknown(&self, call: &CallNode) -> Result<Vector<'q>, QueryError> {
        Err(QueryError::execution(format!("unknown function with name {:?}", call.func)))
    }

    fn date(&self, call: &CallNode, f: fn(f64) -> f64) -> Result<Vector<'q>, QueryError> {
        match call.args.first() {
            Some(arg) => floats(self.context, self.vector(arg)?, f),
            None => {
                let now = (0..self.grid.len).map(|step| f((self.grid.time(step) / 1000) as f64)).collect();
                scalar::vector(self.context, now)
            }
        }
    }

    fn timestamp(&self, func: &str, arg: &Node) -> Result<Vector<'q>, QueryError> {
        let starts = func == "start_timestamp";
        match &arg.kind {
            _ if starts && !self.knows_starts(arg) => {
                drain(&mut self.vector(arg)?)?;
                self.nothing()
            }
            NodeKind::Vector(selector) => {
                let take = if starts { Take::Start } else { Take::Time };
                // The time is that of a sample, never of a point between two.
                let plain = Selector { mode: None, ..selector.clone() };
                let inner = Box::new(self.selector(&plain, arg.span, take)?);
                floats(self.context, inner, |v| v)
            }
            _ => timestamp::timestamp(self.context, self.vector(arg)?, self.grid),
        }
    }

    /// Whether samples of `arg` have start times: those that are read, with the feature on.
    fn knows_starts(&self, arg: &Node) -> bool {
        self.context.settings.features.start_timestamps && matches!(arg.kind, NodeKind::Vector(_))
    }

    fn round(&self, args: &[Node]) -> Result<Vector<'q>, QueryError> {
        let to = match args.get(1) {
            Some(to) => self.scalar(to)?,
            None => vec![1.0; self.grid.len],
        };
        let change = move |column: &mut Column| {
            column.histograms.clear();
            column.values.iter_mut().zip(&to).for_each(|(v, to)| *v = math::round(*v, *to));
            Ok(())
        };
        map(self.context, self.vector(&args[0])?, Name::Drop, Box::new(change))
    }

    fn clamp(&self, v: &Node, min: Option<&Node>, max: Option<&Node>) -> Result<Vector<'q>, QueryError> {
        let bound = |node: Option<&Node>, none: f64| match node {
            Some(node) => self.scalar(node),
            None => Ok(vec![none; self.grid.len]),
        };
        let (min, max) = (bound(min, f64::NEG_INFINITY)?, bound(max, f64::INFINITY)?);
        let change = move |column: &mut Column| {
            column.histograms.clear();
            for step in 0..min.len() {
                if max[step] < min[step] {
                    column.present.clear(step);
                } else {
                    column.values[step] = gomath::max(min[step], gomath::min(max[step], column.values[step]));
                }
            }
            Ok(())
        };
        map(self.context, self.vector(v)?, Name::Drop, Box::new(change))
    }

    fn sort(&self, func: &str, args: &[Node], at: Span) -> Result<Vector<'q>, QueryError> {
        if self.grid.end > self.grid.start {
            self.context.notes.sort_in_range_query(at);
        }
        let by = if func.starts_with("sort_by_label") {
            By::Labels(args[1..].iter().map(|arg| text(arg).to_owned()).collect())
        } else {
            By::Value
        };
        sort(self.context, self.vector(&args[0])?, &by, func.ends_with("_desc"))
    }

    /// The values of a quantile, doubtful ones noted.
    fn quantile(&self, node: &Node) -> Result<Vec<f64>, QueryError> {
        let q = self.scalar(node)?;
        for q in q.iter().filter(|q| !(0.0..=1.0).contains(*q)) {
            self.context.notes.invalid_quantile(*q, node.span);
        }
        Ok(q)
    }

    fn labelled_quantile(&self, label: &str, node: &Node) -> Result<Asked, QueryError> {
        let q = self.quantile(node)?;
        let texts = q.iter().map(|q| open_metrics_float(*q)).collect();
        Ok(Asked { question: Question::Quantile(q), label: Some((label.to_owned(), texts)) })
    }

    fn ask(&self, v: &Node, asked: &[Asked]) -> Result<Vector<'q>, QueryError> {
        ask(self.context, self.vector(v)?, asked, self.grid, v.span)
    }

    fn info(&self, v: &Node, query: Option<&Node>) -> Result<Vector<'q>, QueryError> {
        let matchers = query.and_then(|node| match &node.kind {
            NodeKind::Vector(selector) => Some(selector.matchers.as_slice()),
            NodeKind::StepInvariant(inner) => match &inner.kind {
                NodeKind::Vector(selector) => Some(selector.matchers.as_slice()),
                _ => None,
            },
            _ => None,
        });
        let (at, offset_ms) = first_selector_time(v).unwrap_or((None, 0));
        let select = |matchers| -> Result<Vector<'q>, QueryError> {
            let selector = Selector { matchers, offset_ms, at, mode: None, statistics_only: false };
            let (first, last) = (selector.reference(self.grid.start), selector.reference(self.grid.last()));
            let range = selector.reads(first, last, 0, self.context.settings.lookback_ms);
            let hints =
                SelectHints { step_ms: self.grid.step_ms, func: "info".to_owned(), ..SelectHints::range(range) };
            let tiles = Tiles::select(self.context, &selector, &hints)?;
            let tally = self.tally.clone();
            let take = Take::FloatTimeMs;
            Ok(Box::new(InstantSelector::new(self.context, tally, tiles, &selector, v.span, self.grid, take)))
        };
        info(self.context, self.vector(v)?, &InfoQuery::new(matchers), self.grid.len, select)
    }
}

/// `@` and offset of the first selector of an expression, those of the subqueries around it included.
fn first_selector_time(node: &Node) -> Option<(Option<i64>, i64)> {
    match &node.kind {
        NodeKind::Number(_) | NodeKind::String(_) => None,
        NodeKind::Vector(selector) => Some((selector.at, selector.offset_ms)),
        NodeKind::Matrix(matrix) => Some((matrix.selector.at, matrix.selector.offset_ms)),
        NodeKind::Negate(inner) | NodeKind::Plus(inner) | NodeKind::StepInvariant(inner) => first_selector_time(inner),
        NodeKind::Binary(b) => first_selector_time(&b.lhs).or_else(|| first_selector_time(&b.rhs)),
        NodeKind::Aggregate(a) => {
            first_selector_time(&a.expr).or_else(|| a.param.as_ref().and_then(first_selector_time))
        }
        NodeKind::Call(call) => call.args.iter().find_map(first_selector_time),
        NodeKind::Subquery(subquery) => first_selector_time(&subquery.expr).map(|(at, offset)| match at {
            Some(_) => (at, offset),
            None => (subquery.at, offset + subquery.offset_ms),
        }),
    }
}

/// A string argument.
fn text(node: &Node) -> &str {
    match &node.kind {
        NodeKind::String(text) => text.as_str(),
        _ => "",
    }
}

/// As OpenMetrics writes the value of a `quantile` or `le` label: `1.0`, `0.5`, `+Inf`.
fn open_metrics_float(v: f64) -> String {
    let text = format_g(v);
    if v.is_finite() && !text.contains(['e', '.']) { text + ".0" } else { text }
}
