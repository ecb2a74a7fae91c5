//! From syntax tree to plan: durations resolved, `@` fixed, parentheses gone, step-invariant parts marked.

use nightjar_model::{ClosedRange, Matcher, TimestampMs};

use crate::ast::{
    AggregateExpr, AggregateOp, At, BinaryExpr, BinaryOp, Call, Expr, ExprKind, MatrixSelector, RangeMode, Span,
    SubqueryExpr, Text, UnaryOp, ValueType, VectorMatching, VectorSelector,
};
use crate::error::QueryError;
use crate::eval::grid::reference;
use crate::options::Steps;

mod bounds;
mod durations;
mod invariance;
mod statistics;

pub(crate) use bounds::time_bounds;

/// What may be evaluated, with everything that is known before storage is asked.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it stands, for annotations.
    pub(crate) span: Span,
    /// Its type.
    pub(crate) value_type: ValueType,
    /// What it is.
    pub(crate) kind: NodeKind,
}

/// The kinds of plan nodes.
#[derive(Clone, Debug)]
pub(crate) enum NodeKind {
    /// A constant.
    Number(f64),
    /// A text.
    String(Box<Text>),
    /// `-x`.
    Negate(Box<Node>),
    /// `+x`, which is x, but stands elsewhere.
    Plus(Box<Node>),
    /// `lhs op rhs`.
    Binary(Box<BinaryNode>),
    /// `sum by (x) (expr)`.
    Aggregate(Box<AggregateNode>),
    /// `rate(expr)`.
    Call(CallNode),
    /// An instant selector.
    Vector(Selector),
    /// A range selector.
    Matrix(MatrixNode),
    /// A subquery.
    Subquery(Box<SubqueryNode>),
    /// Evaluated at the first step and repeated.
    StepInvariant(Box<Node>),
}

/// `lhs op rhs`.
#[derive(Clone, Debug)]
pub(crate) struct BinaryNode {
    pub(crate) op: BinaryOp,
    pub(crate) lhs: Node,
    pub(crate) rhs: Node,
    pub(crate) return_bool: bool,
    pub(crate) matching: VectorMatching,
}

/// `op by (grouping) (param, expr)`.
#[derive(Clone, Debug)]
pub(crate) struct AggregateNode {
    pub(crate) op: AggregateOp,
    pub(crate) expr: Node,
    pub(crate) param: Option<Node>,
    /// Sorted.
    pub(crate) grouping: Vec<String>,
    pub(crate) without: bool,
}

/// `func(args)`.
#[derive(Clone, Debug)]
pub(crate) struct CallNode {
    pub(crate) func: &'static str,
    pub(crate) args: Vec<Node>,
}

/// An instant selector, or the selecting part of a range selector.
#[derive(Clone, Debug)]
pub(crate) struct Selector {
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) offset_ms: i64,
    pub(crate) at: Option<TimestampMs>,
    pub(crate) mode: Option<RangeMode>,
    /// Only count and sum of histograms are wanted; buckets are dropped and resets computed while reading.
    pub(crate) statistics_only: bool,
}

/// `selector[range]`.
#[derive(Clone, Debug)]
pub(crate) struct MatrixNode {
    pub(crate) selector: Selector,
    pub(crate) range_ms: i64,
}

/// `expr[range:step]`.
#[derive(Clone, Debug)]
pub(crate) struct SubqueryNode {
    pub(crate) expr: Node,
    pub(crate) range_ms: i64,
    pub(crate) step_ms: Option<i64>,
    pub(crate) offset_ms: i64,
    pub(crate) at: Option<TimestampMs>,
}

impl Node {
    /// A node whose parts are made.
    fn new(span: Span, kind: NodeKind) -> Node {
        let value_type = match &kind {
            NodeKind::Number(_) => ValueType::Scalar,
            NodeKind::String(_) => ValueType::String,
            NodeKind::Negate(inner) | NodeKind::Plus(inner) | NodeKind::StepInvariant(inner) => inner.value_type,
            NodeKind::Binary(b) => match (b.lhs.value_type, b.rhs.value_type) {
                (ValueType::Scalar, ValueType::Scalar) => ValueType::Scalar,
                _ => ValueType::Vector,
            },
            NodeKind::Aggregate(_) | NodeKind::Vector(_) => ValueType::Vector,
            NodeKind::Call(call) => match call.func {
                "pi" | "time" | "scalar" | "max_of" | "min_of" => ValueType::Scalar,
                _ => ValueType::Vector,
            },
            NodeKind::Matrix(_) | NodeKind::Subquery(_) => ValueType::Matrix,
        };
        Node { span, value_type, kind }
    }
}

/// Makes the plan of an expression for evaluation at `steps`. `instant` queries know no step.
pub(crate) fn plan(expr: &Expr, steps: Steps, instant: bool) -> Result<Node, QueryError> {
    let planner = Planner { steps, step_ms: if instant { 0 } else { steps.step_ms } };
    let mut node = planner.node(expr)?;
    statistics::mark(&mut node);
    Ok(invariance::wrap(node))
}

struct Planner {
    steps: Steps,
    step_ms: i64,
}

impl Planner {
    fn node(&self, expr: &Expr) -> Result<Node, QueryError> {
        let kind = match &expr.kind {
            ExprKind::Number(literal) => NodeKind::Number(literal.value),
            ExprKind::String(text) => NodeKind::String(text.clone()),
            ExprKind::Paren(inner) => return self.node(inner),
            ExprKind::Unary(UnaryOp::Plus, inner) => NodeKind::Plus(Box::new(self.node(inner)?)),
            ExprKind::Unary(UnaryOp::Minus, inner) => NodeKind::Negate(Box::new(self.node(inner)?)),
            ExprKind::Binary(_) => return self.binaries(expr),
            ExprKind::Aggregate(aggregate) => self.aggregate(aggregate)?,
            ExprKind::Call(call) => self.call(call)?,
            ExprKind::Vector(selector) => NodeKind::Vector(self.selector(selector)?),
            ExprKind::Matrix(matrix) => NodeKind::Matrix(self.matrix(matrix)?),
            ExprKind::Subquery(subquery) => NodeKind::Subquery(Box::new(self.subquery(subquery)?)),
            ExprKind::StepInvariant(inner) => NodeKind::StepInvariant(Box::new(self.node(inner)?)),
        };
        Ok(Node::new(expr.span, kind))
    }

    /// A chain of infix operators that grows to the left, as long as the parser allows; so without recursion.
    fn binaries(&self, expr: &Expr) -> Result<Node, QueryError> {
        let (mut chain, mut innermost) = (Vec::new(), expr);
        while let ExprKind::Binary(binary) = &innermost.kind {
            chain.push((binary, innermost.span));
            innermost = &binary.lhs;
        }
        let mut node = self.node(innermost)?;
        for (binary, span) in chain.into_iter().rev() {
            node = Node::new(span, self.binary(binary, node)?);
        }
        Ok(node)
    }

    fn binary(&self, binary: &BinaryExpr, lhs: Node) -> Result<NodeKind, QueryError> {
        Ok(NodeKind::Binary(Box::new(BinaryNode {
            op: binary.op,
            lhs,
            rhs: self.node(&binary.rhs)?,
            return_bool: binary.return_bool,
            matching: binary.matching.clone().unwrap_or_default(),
        })))
    }

    fn aggregate(&self, aggregate: &AggregateExpr) -> Result<NodeKind, QueryError> {
        let mut grouping = aggregate.grouping.clone();
        grouping.sort();
        Ok(NodeKind::Aggregate(Box::new(AggregateNode {
            op: aggregate.op,
            expr: self.node(&aggregate.expr)?,
            param: aggregate.param.as_ref().map(|p| self.node(p)).transpose()?,
            grouping,
            without: aggregate.without,
        })))
    }

    fn call(&self, call: &Call) -> Result<NodeKind, QueryError> {
        let seconds = |ms: i64| NodeKind::Number(ms as f64 / 1000.0);
        let Steps { start, end, .. } = self.steps;
        Ok(match call.func.name {
            "start" => seconds(start),
            "end" => seconds(end),
            "range" => seconds(end.saturating_sub(start)),
            "step" => seconds(if start == end { 0 } else { self.step_ms }),
            func => {
                let args = call.args.iter().map(|arg| self.node(arg)).collect::<Result<_, _>>()?;
                NodeKind::Call(CallNode { func, args })
            }
        })
    }

    fn selector(&self, selector: &VectorSelector) -> Result<Selector, QueryError> {
        Ok(Selector {
            matchers: selector.matchers.clone(),
            offset_ms: self.offset(selector.offset.as_ref())?,
            at: self.at(selector.at),
            mode: selector.mode,
            statistics_only: false,
        })
    }

    fn matrix(&self, matrix: &MatrixSelector) -> Result<MatrixNode, QueryError> {
        // Complaints about durations come in Prometheus' order: from the outside in.
        let range_ms = self.duration(&matrix.range)?;
        Ok(MatrixNode { selector: self.selector(&matrix.selector)?, range_ms })
    }

    fn subquery(&self, subquery: &SubqueryExpr) -> Result<SubqueryNode, QueryError> {
        let offset_ms = self.offset(subquery.offset.as_ref())?;
        let step_ms = subquery.step.as_ref().map(|step| self.duration(step)).transpose()?;
        let range_ms = self.duration(&subquery.range)?;
        Ok(SubqueryNode { expr: self.node(&subquery.expr)?, offset_ms, step_ms, range_ms, at: self.at(subquery.at) })
    }

    fn at(&self, at: Option<At>) -> Option<TimestampMs> {
        at.map(|at| match at {
            At::Time(t) => t,
            At::Start => self.steps.start,
            At::End => self.steps.end,
        })
    }
}

impl Selector {
    /// The time looked at for an evaluation at `t`.
    #[inline]
    pub(crate) fn reference(&self, t: TimestampMs) -> TimestampMs {
        reference(t, self.at, self.offset_ms)
    }

    /// What to read for reference times `first..=last`, a window of `range_ms` (0 = instant selector).
    pub(crate) fn reads(&self, first: TimestampMs, last: TimestampMs, range_ms: i64, lookback_ms: i64) -> ClosedRange {
        let (before, after) = match self.mode {
            None if range_ms == 0 => (lookback_ms, 0),
            None => (range_ms, 0),
            Some(RangeMode::Anchored) => (range_ms + lookback_ms, 0),
            Some(RangeMode::Smoothed) => (range_ms + lookback_ms, lookback_ms),
        };
        ClosedRange { start: first - before + 1, end: last + after }
    }
}
