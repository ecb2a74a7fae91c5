//! Functions of range vectors.

use std::rc::Rc;
use std::sync::Arc;

use super::{Builder, mode_name};
use crate::ast::{RangeMode, Span, ValueType};
use crate::error::QueryError;
use crate::eval::Vector;
use crate::operators::absent::absent;
use crate::operators::merge::{Duplicates, distinct};
use crate::operators::quotient::Quotient;
use crate::operators::range_function::{RangeCall, RangeFunction};
use crate::operators::runs::{Leaf, leaf};
use crate::operators::subquery::Subquery;
use crate::plan::{CallNode, Node, NodeKind};
use crate::rollup::window::WindowSpec;
use crate::rollup::{RangeSource, kernel, of_buckets};

/// What functions may do with `anchored` ranges, in the order of the error message.
const ANCHORED: [&str; 5] = ["changes", "delta", "increase", "rate", "resets"];

/// What functions may do with `smoothed` ranges.
const SMOOTHED: [&str; 3] = ["delta", "increase", "rate"];

impl<'q> Builder<'q> {
    /// The call, if it is one of a function of a range vector.
    pub(super) fn range_call(&self, call: &CallNode) -> Result<Option<Vector<'q>>, QueryError> {
        let Some(mut kernel) = kernel(call.func) else { return Ok(None) };
        let Some(range_at) = call.args.iter().position(|arg| arg.value_type == ValueType::Matrix) else {
            return Ok(None);
        };
        let range = &call.args[range_at];
        let mut params = Vec::with_capacity(call.args.len() - 1);
        for (i, arg) in call.args.iter().enumerate() {
            if i != range_at {
                params.push(self.scalar(arg)?);
            }
        }
        let (source, spec, mode) = self.range_source(range, call.func)?;
        let first = &call.args[0];
        let from_subquery = matches!(range.kind, NodeKind::Subquery(_));
        // Prometheus loses the place of a subquery; where it ends tells what was evaluated later.
        let subquery = matches!(first.kind, NodeKind::Subquery(_));
        let span = if subquery { Span { start: 0, end: first.span.end } } else { first.span };
        let may_collide = self.context.drops_now() && !source.one_name();
        if source.aggregated() {
            kernel = of_buckets(call.func, kernel);
            if call.func == "avg_over_time" {
                let mean = Box::new(self.mean_of_buckets(range, source, spec, span)?);
                let refuse = |mean| distinct(self.context, mean, Duplicates::Refuse);
                return if may_collide { refuse(mean).map(Some) } else { Ok(Some(mean)) };
            }
        }
        let range_call = RangeCall { func: call.func, kernel, params, span, mode, from_subquery };
        let function = self.function(range, source, spec, range_call)?;
        if call.func == "absent_over_time" {
            let matchers = match &range.kind {
                NodeKind::Matrix(matrix) => matrix.selector.matchers.as_slice(),
                _ => &[],
            };
            return absent(self.context, function, matchers, self.grid.len).map(Some);
        }
        if may_collide {
            return distinct(self.context, function, Duplicates::Refuse).map(Some);
        }
        Ok(Some(function))
    }

    /// A function over the source that `range` is.
    fn function(
        &self,
        range: &Node,
        source: Box<dyn RangeSource + 'q>,
        spec: WindowSpec,
        call: RangeCall,
    ) -> Result<Vector<'q>, QueryError> {
        let (selection, call) = (source.selection().cloned(), Arc::new(call));
        let tally = || Rc::clone(&self.tally);
        let whole = Box::new(RangeFunction::new(self.context, tally(), source, spec, Arc::clone(&call)));
        match (selection, &range.kind) {
            (Some(selection), NodeKind::Matrix(matrix)) => {
                let statistics_only = matrix.selector.statistics_only;
                let part = Leaf::Range { call, spec, statistics_only, timelines: Arc::default() };
                leaf(self.context, tally(), self.grid, whole, (part, selection))
            }
            _ => Ok(whole),
        }
    }

    /// `avg_over_time` over a source of sums.
    fn mean_of_buckets(
        &self,
        range: &Node,
        sums: Box<dyn RangeSource + 'q>,
        spec: WindowSpec,
        span: Span,
    ) -> Result<Quotient<'q>, QueryError> {
        let (counts, ..) = self.inside("count_over_time").range_source(range, "count_over_time")?;
        let function = |func: &'static str, source: Box<dyn RangeSource + 'q>| {
            let plain = kernel(func).ok_or_else(|| QueryError::execution("a function has no kernel"))?;
            let kernel = if source.aggregated() { of_buckets(func, plain) } else { plain };
            let call = RangeCall { func, kernel, params: Vec::new(), span, mode: None, from_subquery: false };
            Ok::<_, QueryError>(RangeFunction::new(self.context, Rc::clone(&self.tally), source, spec, Arc::new(call)))
        };
        Ok(Quotient::new(function("sum_over_time", sums)?, function("count_over_time", counts)?))
    }

    #[allow(clippy::type_complexity, reason = "three things that belong together only here")]
    fn range_source(
        &self,
        range: &Node,
        func: &str,
    ) -> Result<(Box<dyn RangeSource + 'q>, WindowSpec, Option<RangeMode>), QueryError> {
        match &range.kind {
            NodeKind::Matrix(matrix) => {
                let selector = &matrix.selector;
                check_mode(selector.mode, func)?;
                let spec = WindowSpec::of(selector, matrix.range_ms, self.grid, self.context.settings.lookback_ms);
                let source = self.range_selector(selector, matrix.range_ms)?;
                Ok((Box::new(source), spec, selector.mode))
            }
            NodeKind::Subquery(subquery) => {
                let within = self.within(subquery);
                let inner = if subquery.expr.value_type == ValueType::Scalar {
                    crate::operators::scalar::vector(self.context, within.scalar(&subquery.expr)?)?
                } else {
                    within.vector(&subquery.expr)?
                };
                let spec = WindowSpec {
                    grid: self.grid,
                    at: subquery.at,
                    offset_ms: subquery.offset_ms,
                    range_ms: subquery.range_ms,
                    before_ms: 0,
                    after_ms: 0,
                };
                Ok((Box::new(Subquery::new(inner, within.grid)), spec, None))
            }
            _ => Err(QueryError::execution("expected a range vector")),
        }
    }
}

fn check_mode(mode: Option<RangeMode>, func: &str) -> Result<(), QueryError> {
    let (mode, allowed): (_, &[&str]) = match mode {
        None => return Ok(()),
        Some(mode @ RangeMode::Anchored) => (mode, &ANCHORED),
        Some(mode @ RangeMode::Smoothed) => (mode, &SMOOTHED),
    };
    if allowed.contains(&func) {
        return Ok(());
    }
    let allowed = allowed.join(", ");
    Err(QueryError::execution(format!(
        "{} modifier can only be used with: {allowed} - not with {func}",
        mode_name(mode)
    )))
}
