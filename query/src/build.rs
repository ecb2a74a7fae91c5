//! From plan to operators.

use std::rc::Rc;
use std::sync::Arc;

use nightjar_model::storage::SelectHints;

use crate::ast::{BinaryOp, RangeMode, Span, ValueType};
use crate::error::QueryError;
use crate::eval::tally::Tally;
use crate::eval::{Column, Context, Grid, Vector};
use crate::operators::buffered::Buffered;
use crate::operators::instant_selector::{InstantSelector, Take};
use crate::operators::map::{Name, map};
use crate::operators::matching::VectorOp;
use crate::operators::range_selector::RangeSelector;
use crate::operators::repeat::Repeat;
use crate::operators::runs::{Leaf, leaf};
use crate::operators::scalar_binary::{ScalarSide, scalar_binary};
use crate::operators::set::set;
use crate::operators::tiles::Tiles;
use crate::operators::vector_binary::vector_binary;
use crate::operators::{binary, scalar};
use crate::plan::{BinaryNode, Node, NodeKind, Selector, SubqueryNode};

mod aggregations;
mod calls;
mod range_calls;

/// Builds the operators of one query.
#[derive(Clone)]
pub(crate) struct Builder<'q> {
    pub(crate) context: &'q Context<'q>,
    /// Where expressions are evaluated.
    pub(crate) grid: Grid,
    /// Who counts the samples seen there.
    pub(crate) tally: Rc<Tally>,
    /// Whether the query asks for a single time.
    pub(crate) instant: bool,
    /// Innermost function or aggregation around what is being built, for storage.
    func: &'static str,
}

impl<'q> Builder<'q> {
    /// A builder for expressions evaluated at `grid`.
    pub(crate) fn new(context: &'q Context<'q>, grid: Grid, tally: Rc<Tally>, instant: bool) -> Builder<'q> {
        Builder { context, grid, tally, instant, func: "" }
    }

    fn inside(&self, func: &'static str) -> Builder<'q> {
        Builder { func, ..self.clone() }
    }

    /// For parts evaluated once.
    fn once(&self) -> Builder<'q> {
        let tally = self.context.part(&self.tally, Some(self.grid.len));
        Builder { grid: self.grid.first_only(), tally, ..self.clone() }
    }

    /// For the inner expression of a subquery that a function reads.
    pub(crate) fn within(&self, subquery: &SubqueryNode) -> Builder<'q> {
        self.inside_of(subquery, None)
    }

    /// For the inner expression of a subquery that is the query.
    pub(crate) fn within_whole(&self, subquery: &SubqueryNode) -> Builder<'q> {
        self.inside_of(subquery, Some(1))
    }

    fn inside_of(&self, subquery: &SubqueryNode, repeated: Option<usize>) -> Builder<'q> {
        let tally = self.context.part(&self.tally, repeated);
        Builder {
            grid: subquery.grid(self.grid, self.context.settings.default_subquery_step_ms),
            tally,
            ..self.clone()
        }
    }

    /// A vector-valued expression.
    pub(crate) fn vector(&self, node: &Node) -> Result<Vector<'q>, QueryError> {
        self.context.check()?;
        self.context.budget.admit_steps(self.grid.len)?;
        if self.grid.len == 0 {
            return self.nothing();
        }
        match &node.kind {
            NodeKind::Vector(selector) => self.instant(selector, node.span),
            NodeKind::Negate(inner) => self.negate(inner),
            NodeKind::Plus(inner) => self.vector(inner),
            NodeKind::Binary(_) => self.binaries(node),
            NodeKind::Aggregate(aggregate) => self.inside(aggregate.op.as_str()).aggregate(aggregate, node.span),
            NodeKind::Call(call) => self.inside(call.func).call(call, node.span),
            NodeKind::StepInvariant(inner) => Ok(Box::new(Repeat::new(self.once().vector(inner)?, self.grid.len))),
            NodeKind::Number(_) | NodeKind::String(_) | NodeKind::Matrix(_) | NodeKind::Subquery(_) => {
                Err(QueryError::execution("expected an instant vector"))
            }
        }
    }

    /// A vector without series.
    fn nothing(&self) -> Result<Vector<'q>, QueryError> {
        Ok(Box::new(Buffered::new(self.context, Vec::new())?))
    }

    /// The values of a scalar expression at all steps.
    pub(crate) fn scalar(&self, node: &Node) -> Result<Vec<f64>, QueryError> {
        let steps = self.grid.len;
        self.context.budget.admit_steps(steps)?;
        match &node.kind {
            NodeKind::Number(value) => Ok(vec![*value; steps]),
            NodeKind::Negate(inner) => Ok(self.scalar(inner)?.into_iter().map(|v| -v).collect()),
            NodeKind::Plus(inner) => self.scalar(inner),
            NodeKind::StepInvariant(inner) => {
                let once = self.once().scalar(inner)?;
                Ok(vec![once.first().copied().unwrap_or(f64::NAN); steps])
            }
            NodeKind::Binary(_) => {
                let (mut chain, mut innermost) = (Vec::new(), node);
                while let NodeKind::Binary(b) = &innermost.kind {
                    chain.push(b);
                    innermost = &b.lhs;
                }
                let mut values = self.scalar(innermost)?;
                for b in chain.into_iter().rev() {
                    let rhs = self.scalar(&b.rhs)?;
                    values.iter_mut().zip(rhs).for_each(|(x, y)| *x = binary::scalars(b.op, *x, y));
                }
                Ok(values)
            }
            NodeKind::Call(call) => match (call.func, call.args.as_slice()) {
                ("pi", _) => Ok(vec![std::f64::consts::PI; steps]),
                ("time", _) => Ok((0..steps).map(|step| self.grid.time(step) as f64 / 1000.0).collect()),
                ("scalar", [arg]) => scalar::scalar(self.context, self.inside("scalar").vector(arg)?, steps),
                ("max_of", [a, b]) => self.pairwise(a, b, crate::gomath::max),
                ("min_of", [a, b]) => self.pairwise(a, b, crate::gomath::min),
                _ => Err(QueryError::execution("expected a scalar")),
            },
            _ => Err(QueryError::execution("expected a scalar")),
        }
    }

    fn pairwise(&self, a: &Node, b: &Node, f: fn(f64, f64) -> f64) -> Result<Vec<f64>, QueryError> {
        Ok(self.scalar(a)?.into_iter().zip(self.scalar(b)?).map(|(x, y)| f(x, y)).collect())
    }

    fn negate(&self, inner: &Node) -> Result<Vector<'q>, QueryError> {
        let change = |column: &mut Column| {
            column.values.iter_mut().for_each(|v| *v = -*v);
            for (_, h) in &mut column.histograms {
                let mut negated = (**h).clone();
                negated.mul(-1.0);
                *h = negated.into();
            }
            Ok(())
        };
        map(self.context, self.vector(inner)?, Name::Drop, Box::new(change))
    }

    /// A chain of infix operators that grows to the left, as long as the parser allows; so without recursion.
    fn binaries(&self, node: &Node) -> Result<Vector<'q>, QueryError> {
        let below = self.inside("");
        let (mut chain, mut innermost) = (Vec::new(), node);
        while let NodeKind::Binary(b) = &innermost.kind
            && b.lhs.value_type != ValueType::Scalar
        {
            chain.push((&**b, innermost.span));
            innermost = &b.lhs;
        }
        let mut result = match &innermost.kind {
            NodeKind::Binary(b) => {
                let (scalars, vector) = (below.scalar(&b.lhs)?, below.vector(&b.rhs)?);
                let side = ScalarSide::Left;
                scalar_binary(self.context, b.op, b.return_bool, vector, scalars, side, innermost.span)?
            }
            _ => below.vector(innermost)?,
        };
        for (b, at) in chain.into_iter().rev() {
            result = below.binary(b, result, at)?;
        }
        Ok(result)
    }

    /// `lhs op rhs` with the left side built.
    fn binary(&self, b: &BinaryNode, lhs: Vector<'q>, at: Span) -> Result<Vector<'q>, QueryError> {
        let (context, steps) = (self.context, self.grid.len);
        if b.rhs.value_type == ValueType::Scalar {
            let scalars = self.scalar(&b.rhs)?;
            return scalar_binary(context, b.op, b.return_bool, lhs, scalars, ScalarSide::Right, at);
        }
        let rhs = self.vector(&b.rhs)?;
        if matches!(b.op, BinaryOp::And | BinaryOp::Or | BinaryOp::Unless) {
            return set(context, b.op, &b.matching, lhs, rhs, steps);
        }
        let op = VectorOp { op: b.op, matching: b.matching.clone(), return_bool: b.return_bool, at };
        vector_binary(context, op, lhs, rhs, steps)
    }

    /// An instant selector by itself.
    fn instant(&self, selector: &Selector, span: Span) -> Result<Vector<'q>, QueryError> {
        let whole = self.selector(selector, span, Take::Value)?;
        let selection = Arc::clone(whole.selection());
        let part = Leaf::Instant { selector: selector.clone(), span, take: Take::Value };
        leaf(self.context, Rc::clone(&self.tally), self.grid, Box::new(whole), (part, selection))
    }

    /// An instant selector.
    fn selector(&self, selector: &Selector, span: Span, take: Take) -> Result<InstantSelector<'q>, QueryError> {
        let tiles = self.tiles(selector, 0)?;
        Ok(InstantSelector::new(self.context, Rc::clone(&self.tally), tiles, selector, span, self.grid, take))
    }

    /// A range selector as a source of samples.
    pub(crate) fn range_selector(&self, selector: &Selector, range_ms: i64) -> Result<RangeSelector<'q>, QueryError> {
        Ok(RangeSelector::new(self.context, self.tiles(selector, range_ms)?, selector.statistics_only))
    }

    fn tiles(&self, selector: &Selector, range_ms: i64) -> Result<Tiles<'q>, QueryError> {
        let (first, last) = (selector.reference(self.grid.start), selector.reference(self.grid.last()));
        let moves = selector.at.is_none();
        let downsampled = match selector.mode {
            None => self.context.downsampling.wanted(self.func, range_ms, self.grid, last, moves),
            Some(_) => None,
        };
        let mut range = selector.reads(first, last, range_ms, self.context.settings.lookback_ms);
        if let Some(wanted) = downsampled.filter(|_| range_ms == 0) {
            range.start -= wanted.coarsest_ms;
        }
        let hints = SelectHints {
            step_ms: if self.instant && self.grid.len == 1 { 0 } else { self.grid.step_ms },
            range_ms,
            func: self.func.to_owned(),
            downsampled,
            ..SelectHints::range(range)
        };
        Tiles::select(self.context, selector, &hints)
    }
}

/// As in error messages.
fn mode_name(mode: RangeMode) -> &'static str {
    match mode {
        RangeMode::Anchored => "anchored",
        RangeMode::Smoothed => "smoothed",
    }
}
