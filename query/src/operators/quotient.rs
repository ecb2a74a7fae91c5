//! `avg_over_time` of buckets: their sums over their numbers.

use std::sync::Arc;

use nightjar_model::Labels;

use crate::error::QueryError;
use crate::eval::{Column, Operator};
use crate::operators::range_function::RangeFunction;

/// One vector over another one of the same series at the same steps.
pub(crate) struct Quotient<'q> {
    sum: RangeFunction<'q>,
    count: RangeFunction<'q>,
    counts: Column,
}

impl<'q> Quotient<'q> {
    /// `sum` over `count`.
    pub(crate) fn new(sum: RangeFunction<'q>, count: RangeFunction<'q>) -> Quotient<'q> {
        Quotient { sum, count, counts: Column::default() }
    }
}

impl Operator for Quotient<'_> {
    fn len(&self) -> usize {
        self.sum.len()
    }

    fn labels(&self, index: usize) -> Labels {
        self.sum.labels(index)
    }

    fn next(&mut self, out: &mut Column) -> Result<(), QueryError> {
        self.sum.next(out)?;
        self.count.next(&mut self.counts)?;
        // What has no sum has no count that is asked for.
        out.values.iter_mut().zip(&self.counts.values).for_each(|(sum, count)| *sum /= count);
        for (step, histogram) in &mut out.histograms {
            Arc::make_mut(histogram).div(self.counts.values[*step as usize]);
        }
        Ok(())
    }

    fn one_name(&self) -> bool {
        self.sum.one_name()
    }
}
