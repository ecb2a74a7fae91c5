//! Aggregations.

use nightjar_model::number::format_g;

use super::Builder;
use crate::ast::{AggregateOp, Span};
use crate::error::QueryError;
use crate::eval::Vector;
use crate::eval::reserved::is_valid_label_name;
use crate::gomath;
use crate::operators::aggregate::{Aggregate, Grouping};
use crate::operators::buffered::drain;
use crate::operators::count_values::count_values;
use crate::operators::limit::{limit_k, limit_ratio};
use crate::operators::live_count::live_count;
use crate::operators::topk::{End, choose};
use crate::plan::{AggregateNode, NodeKind, Selector};

/// Beyond these a number of elements is not a number of elements.
const MIN_COUNT: f64 = -9_223_372_036_854_775_808.0;
const MAX_COUNT: f64 = 9_223_372_036_854_774_784.0;

/// The values of a parameter over all steps.
struct Params {
    values: Vec<f64>,
    min: f64,
    max: f64,
    nan: bool,
    at: Span,
}

impl Params {
    fn new(values: Vec<f64>, at: Span) -> Params {
        let nan = values.iter().any(|v| v.is_nan());
        let max = values.iter().copied().fold(-f64::MAX, gomath::max);
        let min = values.iter().copied().fold(f64::MAX, gomath::min);
        Params { values, min, max, nan, at }
    }
}

impl<'q> Builder<'q> {
    pub(super) fn aggregate(&self, node: &AggregateNode, at: Span) -> Result<Vector<'q>, QueryError> {
        let context = self.context;
        if node.op == AggregateOp::CountValues {
            return self.count_values(node);
        }
        let params = match &node.param {
            // Doubts about it come up when the rest is evaluated.
            Some(param) => Params::new(self.scalar(param)?, Span { end: at.end, ..param.span }),
            None => Params::new(Vec::new(), at),
        };
        let grouping = Grouping { labels: &node.grouping, without: node.without };
        if let (AggregateOp::Count | AggregateOp::Group, NodeKind::Vector(selector)) = (node.op, &node.expr.kind)
            && let Some(counts) = self.live_count(selector, &grouping, node.op == AggregateOp::Count)?
        {
            return Ok(counts);
        }
        let mut inner = self.vector(&node.expr)?;
        match node.op {
            AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::LimitK => {
                if params.max < 1.0 {
                    drain(&mut inner)?;
                    return self.nothing();
                }
                if let Err(error) = self.check_count(&params) {
                    // What is wrong with the elements comes first.
                    drain(&mut inner)?;
                    return Err(error);
                }
                match node.op {
                    AggregateOp::LimitK => limit_k(context, inner, &grouping, &params.values),
                    AggregateOp::TopK => choose(context, End::Top, inner, &grouping, &params.values, at),
                    _ => choose(context, End::Bottom, inner, &grouping, &params.values, at),
                }
            }
            AggregateOp::LimitRatio => {
                if params.max == 0.0 && params.min == 0.0 {
                    drain(&mut inner)?;
                    return self.nothing();
                }
                if let Err(error) = self.check_ratio(&params) {
                    drain(&mut inner)?;
                    return Err(error);
                }
                limit_ratio(context, inner, &grouping, &params.values)
            }
            _ => {
                if node.op == AggregateOp::Quantile {
                    self.check_quantile(&params);
                }
                let (values, steps) = (params.values, self.grid.len);
                let aggregate = Aggregate::new(context, node.op, inner, &grouping, values, node.expr.span, steps)?;
                Ok(Box::new(aggregate))
            }
        }
    }

    fn live_count(
        &self,
        selector: &Selector,
        grouping: &Grouping<'_>,
        counts: bool,
    ) -> Result<Option<Vector<'q>>, QueryError> {
        if self.grid.len == 0 {
            return Ok(None);
        }
        let times: Vec<_> = (0..self.grid.len).map(|step| selector.reference(self.grid.time(step))).collect();
        live_count(self.context, selector, grouping, &times, counts, &self.tally)
    }

    fn check_count(&self, params: &Params) -> Result<(), QueryError> {
        if params.nan {
            return Err(QueryError::execution("Parameter value is NaN"));
        }
        let fail = |v: f64, how| Err(QueryError::execution(format!("Scalar value {} {how} int64", format_g(v))));
        if params.min <= MIN_COUNT {
            return fail(params.min, "underflows");
        }
        if params.max >= MAX_COUNT {
            return fail(params.max, "overflows");
        }
        Ok(())
    }

    fn check_ratio(&self, params: &Params) -> Result<(), QueryError> {
        if params.nan {
            return Err(QueryError::execution("Ratio value is NaN"));
        }
        if params.max > 1.0 {
            self.context.notes.invalid_ratio(params.max, 1.0, params.at);
        }
        if params.min < -1.0 {
            self.context.notes.invalid_ratio(params.min, -1.0, params.at);
        }
        Ok(())
    }

    fn check_quantile(&self, params: &Params) {
        let notes = &self.context.notes;
        if params.nan {
            notes.invalid_quantile(f64::NAN, params.at);
        }
        if params.max > 1.0 {
            notes.invalid_quantile(params.max, params.at);
        }
        if params.min < 0.0 {
            notes.invalid_quantile(params.min, params.at);
        }
    }

    fn count_values(&self, node: &AggregateNode) -> Result<Vector<'q>, QueryError> {
        let Some(NodeKind::String(label)) = node.param.as_ref().map(|param| &param.kind) else {
            return Err(QueryError::execution("count_values needs a label name"));
        };
        if !label.is_utf8() || !is_valid_label_name(label.as_str()) {
            return Err(QueryError::execution(format!("invalid label name {}", label.quoted())));
        }
        let label = label.as_str();
        let mut labels = node.grouping.clone();
        if !node.without {
            labels.push(label.to_owned());
        }
        let grouping = Grouping { labels: &labels, without: node.without };
        count_values(self.context, label, self.vector(&node.expr)?, &grouping, self.grid.len)
    }
}
