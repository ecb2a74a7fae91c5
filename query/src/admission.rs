//! Admission: how much memory a plan will take, told from how many series its selectors find and how long those lasted.
//!
//! Only what must be kept counts: the answer, and what operators put aside. Filters and aggregations may leave anything
//! between nothing and all; they are taken to leave little, and what they really hold is counted while they run.

use nightjar_model::ClosedRange;
use nightjar_model::storage::Weight;

use crate::ast::{AggregateOp, BinaryOp, Cardinality, ValueType};
use crate::error::QueryError;
use crate::eval::Grid;
use crate::plan::{AggregateNode, BinaryNode, CallNode, Node, NodeKind, Selector};
use crate::rollup::kernel;
use crate::value::SERIES_BYTES;

/// Bytes of a sample in an answer.
const POINT_BYTES: f64 = 16.0;

/// Bytes of a sample put aside.
const KEPT_BYTES: f64 = 8.0;

/// What evaluating a part of a plan gives and takes.
#[derive(Clone, Copy, Debug, Default)]
struct Need {
    /// Series it gives.
    series: f64,
    /// Samples it gives, over all series.
    points: f64,
    /// Bytes kept until the query ends.
    kept: f64,
}

/// What a part of a plan selects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selected<'a> {
    /// Which series.
    pub(crate) selector: &'a Selector,
    /// Which times.
    pub(crate) times: ClosedRange,
    /// At how many steps.
    pub(crate) steps: usize,
    /// The width that each step sees; 0 of an instant selector.
    pub(crate) range_ms: i64,
}

impl Selected<'_> {
    /// About how many samples are read, folded and given.
    pub(crate) fn effort(&self, weight: &Weight) -> u64 {
        /// Folding a sample costs less than reading it.
        const FOLDS: u64 = 16;
        let lasts = self.times.end.saturating_sub(self.times.start).max(1);
        let part = self.range_ms.clamp(0, lasts) as f64 / lasts as f64;
        let steps = self.steps as u64;
        let seen = ((weight.samples as f64 * part) as u64).saturating_mul(steps);
        weight.samples.saturating_add(weight.series.saturating_mul(steps)).saturating_add(seen / FOLDS)
    }
}

/// Who is asked about the parts of a plan, and told of them.
pub(crate) trait Survey {
    /// How much a selection is.
    fn weigh(&mut self, selection: &Selected<'_>) -> Result<Weight, QueryError>;

    /// A part is evaluated at so many steps, whatever it selects.
    fn evaluated(&mut self, steps: usize);
}

/// What is known about an evaluation before it runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// The steps.
    pub(crate) grid: Grid,
    /// How far instant selectors look back.
    pub(crate) lookback_ms: i64,
    /// Step of subqueries that name none.
    pub(crate) default_step_ms: i64,
}

/// About how many bytes evaluating `node` takes.
pub(crate) fn bytes(node: &Node, setting: Setting, survey: &mut dyn Survey) -> Result<u64, QueryError> {
    let need = setting.need(node, survey)?;
    Ok((need.kept + need.points * POINT_BYTES + need.series * SERIES_BYTES as f64) as u64)
}

impl Setting {
    fn steps(&self) -> f64 {
        self.grid.len as f64
    }

    /// Left operands may be nested as deep as the parser allows: they are walked, not called.
    fn need(&self, node: &Node, survey: &mut dyn Survey) -> Result<Need, QueryError> {
        let (mut chain, mut innermost) = (Vec::new(), node);
        while let NodeKind::Binary(binary) = &innermost.kind {
            chain.push(&**binary);
            innermost = &binary.lhs;
        }
        let mut need = self.operand(innermost, survey)?;
        for binary in chain.into_iter().rev() {
            let rhs = self.need(&binary.rhs, survey)?;
            need = joined(binary, need, rhs);
        }
        Ok(need)
    }

    fn operand(&self, node: &Node, survey: &mut dyn Survey) -> Result<Need, QueryError> {
        survey.evaluated(self.grid.len);
        Ok(match &node.kind {
            NodeKind::Number(_) | NodeKind::String(_) => Need { points: self.steps(), ..Need::default() },
            NodeKind::Negate(inner) | NodeKind::Plus(inner) => self.need(inner, survey)?,
            NodeKind::StepInvariant(inner) => {
                let once = Setting { grid: self.grid.first_only(), ..*self }.need(inner, survey)?;
                let repeats = if node.value_type == ValueType::Matrix { 1.0 } else { self.steps() };
                Need { points: once.points * repeats, ..once }
            }
            NodeKind::Vector(selector) => self.selector(selector, 0, survey)?,
            NodeKind::Matrix(matrix) => self.selector(&matrix.selector, matrix.range_ms, survey)?,
            NodeKind::Subquery(subquery) => {
                let grid = subquery.grid(self.grid, self.default_step_ms);
                Setting { grid, ..*self }.need(&subquery.expr, survey)?
            }
            NodeKind::Call(call) => self.call(call, survey)?,
            NodeKind::Aggregate(aggregate) => self.aggregate(aggregate, survey)?,
            NodeKind::Binary(_) => self.need(node, survey)?,
        })
    }

    /// A selector by itself; of a range selector all samples.
    fn selector(&self, selector: &Selector, range_ms: i64, survey: &mut dyn Survey) -> Result<Need, QueryError> {
        let weight = self.weight(selector, range_ms, survey)?;
        let points = if range_ms > 0 { weight.samples as f64 } else { self.points(&weight, self.lookback_ms) };
        let series = weight.series as f64;
        Ok(Need { series, points, kept: 0.0 })
    }

    fn weight(&self, selector: &Selector, range_ms: i64, survey: &mut dyn Survey) -> Result<Weight, QueryError> {
        let (first, last) = (selector.reference(self.grid.start), selector.reference(self.grid.last()));
        let times = selector.reads(first, last, range_ms, self.lookback_ms);
        survey.weigh(&Selected { selector, times, steps: self.grid.len, range_ms })
    }

    /// Steps at which series have something to show, seen through windows of `width_ms`.
    fn points(&self, weight: &Weight, width_ms: i64) -> f64 {
        let (series, steps) = (weight.series as f64, self.steps());
        let width = (width_ms as f64).max(1.0);
        if self.grid.len < 2 {
            return series;
        }
        let seen = (weight.span_ms as f64 + series * width) / self.grid.step_ms as f64 + series;
        // Series that come and go are more than those there at one time.
        let extent = self.grid.step_ms as f64 * steps + width;
        seen.min(series.max(weight.span_ms as f64 / extent) * steps)
    }

    fn call(&self, call: &CallNode, survey: &mut dyn Survey) -> Result<Need, QueryError> {
        let ranged = kernel(call.func).is_some();
        let (mut largest, mut kept) = (Need::default(), 0.0);
        for arg in &call.args {
            let need = match &arg.kind {
                NodeKind::Matrix(matrix) if ranged => self.windows(&matrix.selector, matrix.range_ms, survey)?,
                NodeKind::Subquery(_) | NodeKind::StepInvariant(_) if ranged => self.folded(arg, survey)?,
                _ => self.need(arg, survey)?,
            };
            kept += need.kept;
            if need.points > largest.points {
                largest = need;
            }
        }
        let aside = largest.points * KEPT_BYTES;
        let few = Need { series: 1.0, points: self.steps(), kept };
        Ok(match call.func {
            "absent" | "absent_over_time" | "scalar" | "vector" => few,
            "sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc" => Need { kept: kept + aside, ..largest },
            // All buckets are put aside; there are about ten to a histogram.
            "histogram_quantile" | "histogram_fraction" => {
                Need { series: largest.series / 10.0, points: largest.points / 10.0, kept: kept + aside }
            }
            _ => Need { kept, ..largest },
        })
    }

    /// A range selector as a function folds it: a sample a step instead of all samples.
    fn windows(&self, selector: &Selector, range_ms: i64, survey: &mut dyn Survey) -> Result<Need, QueryError> {
        let weight = self.weight(selector, range_ms, survey)?;
        Ok(Need { series: weight.series as f64, points: self.points(&weight, range_ms), kept: 0.0 })
    }

    /// A subquery as a function folds it: each of its samples is seen by all steps within its range.
    fn folded(&self, range: &Node, survey: &mut dyn Survey) -> Result<Need, QueryError> {
        let need = self.need(range, survey)?;
        let seen_by = match &range.kind {
            NodeKind::Subquery(subquery) => subquery.range_ms as f64 / self.grid.step_ms.max(1) as f64 + 1.0,
            _ => self.steps(),
        };
        Ok(Need { points: (need.points * seen_by).min(need.series * self.steps()), ..need })
    }

    fn aggregate(&self, node: &AggregateNode, survey: &mut dyn Survey) -> Result<Need, QueryError> {
        let inner = self.need(&node.expr, survey)?;
        let kept = match node.op {
            AggregateOp::Quantile => inner.kept + inner.points * KEPT_BYTES,
            _ => inner.kept,
        };
        Ok(Need { series: 1.0, points: self.steps(), kept })
    }
}

/// What an operator makes of what its operands give.
fn joined(node: &BinaryNode, lhs: Need, rhs: Need) -> Need {
    let kept = lhs.kept + rhs.kept;
    let filters = !node.return_bool && compares(node.op);
    let vectors = node.lhs.value_type == ValueType::Vector && node.rhs.value_type == ValueType::Vector;
    match node.op {
        BinaryOp::And | BinaryOp::Unless => Need { kept, ..Need::default() },
        BinaryOp::Or => Need { kept, ..lhs },
        _ if filters => Need { kept, ..Need::default() },
        _ if vectors => {
            let one = if node.matching.card == Cardinality::OneToMany { lhs } else { rhs };
            let fewer = if lhs.points < rhs.points { lhs } else { rhs };
            let kept = kept + one.points * KEPT_BYTES;
            Need { series: fewer.series, points: fewer.points, kept }
        }
        _ if lhs.points > rhs.points => Need { kept, ..lhs },
        _ => Need { kept, ..rhs },
    }
}

fn compares(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Le | BinaryOp::Lt | BinaryOp::Ge | BinaryOp::Gt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Steps;
    use crate::parser::{ParserOptions, parse};
    use crate::plan::plan;

    const HOUR: i64 = 3_600_000;

    /// Every selector finds so many series, which lasted for so many hours.
    struct Alike {
        series: u64,
        hours: i64,
    }

    impl Survey for Alike {
        fn weigh(&mut self, asked: &Selected<'_>) -> Result<Weight, QueryError> {
            let (series, span) = (self.series, (self.hours * HOUR).min(asked.times.end - asked.times.start) as u64);
            Ok(Weight { series, samples: series * span / 15_000, span_ms: series * span })
        }

        fn evaluated(&mut self, _: usize) {}
    }

    /// MiB needed by a query over 12 h at 15 s, when each selector finds `series` that lasted for `hours`.
    fn mebibytes(query: &str, series: u64, hours: i64) -> u64 {
        let steps = Steps { start: 0, end: 12 * HOUR, step_ms: 15_000 };
        let node = plan(&parse(query, &ParserOptions::default()).unwrap(), steps, false).unwrap();
        let grid = Grid::until(steps.start, steps.end, steps.step_ms);
        let setting = Setting { grid, lookback_ms: 300_000, default_step_ms: 60_000 };
        bytes(&node, setting, &mut Alike { series, hours }).unwrap() >> 20
    }

    #[test]
    fn what_must_be_kept_counts() {
        // 100k series, 2881 steps.
        let table: [(&str, i64, std::ops::Range<u64>); 12] = [
            ("up", 12, 4_300..4_700),
            ("rate(x[5m])", 12, 4_300..4_700),
            // Series that lasted for an hour are seen for an hour and a bit.
            ("up", 1, 400..540),
            ("sum(up)", 12, 0..1),
            ("sum by (job) (rate(x[5m]))", 12, 0..1),
            ("quantile(0.9, up)", 12, 2_100..2_400),
            ("up == 0", 12, 0..1),
            ("up == bool 0", 12, 4_300..4_700),
            ("a / b", 12, 6_500..7_000),
            ("a and b", 12, 0..1),
            ("histogram_quantile(0.9, rate(x[5m]))", 12, 2_500..2_900),
            ("max_over_time(up[1h:1m])", 12, 2_000..4_700),
        ];
        for (query, hours, expected) in table {
            let found = mebibytes(query, 100_000, hours);
            assert!(expected.contains(&found), "{query}: {found} MiB");
        }
    }
}
