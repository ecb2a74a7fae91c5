//! Walking a tree.

use super::{Expr, ExprKind, ValueType};

impl Expr {
    /// The type of its value; known from the text alone. Walks left operands without recursion.
    pub fn value_type(&self) -> ValueType {
        let mut expr = self;
        let mut operand = false;
        let found = loop {
            match &expr.kind {
                ExprKind::Number(_) => break ValueType::Scalar,
                ExprKind::String(_) => break ValueType::String,
                ExprKind::Paren(inner) | ExprKind::Unary(_, inner) | ExprKind::StepInvariant(inner) => expr = inner,
                ExprKind::Binary(binary) => {
                    operand = true;
                    if binary.rhs.value_type() != ValueType::Scalar {
                        break ValueType::Vector;
                    }
                    expr = &binary.lhs;
                }
                ExprKind::Aggregate(_) | ExprKind::Vector(_) => break ValueType::Vector,
                ExprKind::Call(call) => break call.func.returns,
                ExprKind::Matrix(_) | ExprKind::Subquery(_) => break ValueType::Matrix,
            }
        };
        if operand && found != ValueType::Scalar { ValueType::Vector } else { found }
    }

    /// Its direct subexpressions in Prometheus' order (an aggregation's vector before its parameter). A range selector
    /// has none: its instant selector is part of it.
    pub fn children(&self) -> Children<'_> {
        let (pair, rest): ([Option<&Expr>; 2], &[Expr]) = match &self.kind {
            ExprKind::Number(_) | ExprKind::String(_) | ExprKind::Vector(_) | ExprKind::Matrix(_) => ([None; 2], &[]),
            ExprKind::Paren(inner) | ExprKind::Unary(_, inner) | ExprKind::StepInvariant(inner) => {
                ([Some(inner), None], &[])
            }
            ExprKind::Binary(binary) => ([Some(&binary.lhs), Some(&binary.rhs)], &[]),
            ExprKind::Aggregate(aggregate) => ([Some(&aggregate.expr), aggregate.param.as_ref()], &[]),
            ExprKind::Call(call) => ([None; 2], &call.args),
            ExprKind::Subquery(subquery) => ([Some(&subquery.expr), None], &[]),
        };
        Children { pair: pair.into_iter().flatten(), rest: rest.iter() }
    }

    /// Calls `visit` for this expression and everything below, parents first, children in order. Does not recurse.
    pub fn walk<'a>(&'a self, mut visit: impl FnMut(&'a Expr)) {
        let mut open = vec![self];
        while let Some(expr) = open.pop() {
            visit(expr);
            let below = open.len();
            open.extend(expr.children());
            open[below..].reverse();
        }
    }
}

/// Direct subexpressions; see [`Expr::children`].
#[derive(Debug)]
pub struct Children<'a> {
    pair: std::iter::Flatten<std::array::IntoIter<Option<&'a Expr>, 2>>,
    rest: std::slice::Iter<'a, Expr>,
}

impl<'a> Iterator for Children<'a> {
    type Item = &'a Expr;

    fn next(&mut self) -> Option<&'a Expr> {
        self.pair.next().or_else(|| self.rest.next())
    }
}
