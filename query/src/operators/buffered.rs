//! Series whose values are known already.

use nightjar_model::Labels;

use crate::error::QueryError;
use crate::eval::budget::Held;
use crate::eval::{Column, Context, Operator, Packed, Vector};

/// Series with their values, in order.
pub(crate) struct Buffered<'q> {
    series: Vec<(Labels, Packed)>,
    next: usize,
    _held: Held<'q>,
}

impl<'q> Buffered<'q> {
    /// Series with their values.
    pub(crate) fn new(context: &'q Context<'q>, series: Vec<(Labels, Packed)>) -> Result<Buffered<'q>, QueryError> {
        let held = context.budget.hold(series.iter().map(|(_, column)| column.samples()).sum())?;
        Ok(Buffered { series, next: 0, _held: held })
    }
}

impl Operator for Buffered<'_> {
    fn len(&self) -> usize {
        self.series.len()
    }

    fn labels(&self, index: usize) -> Labels {
        self.series[index].0.clone()
    }

    fn next(&mut self, out: &mut Column) -> Result<(), QueryError> {
        std::mem::take(&mut self.series[self.next].1).unpack(out);
        self.next += 1;
        Ok(())
    }
}

/// Evaluates what nobody wants the values of: what there is to note about them is noted all the same.
pub(crate) fn drain(inner: &mut Vector<'_>) -> Result<(), QueryError> {
    let mut column = Column::default();
    (0..inner.len()).try_for_each(|_| inner.next(&mut column))
}

/// All series of an operator that have samples.
pub(crate) fn collect<'q>(
    context: &'q Context<'q>,
    mut inner: Vector<'_>,
) -> Result<(Vec<(Labels, Packed)>, Held<'q>), QueryError> {
    let mut held = context.budget.hold(0)?;
    let (mut all, mut column) = (Vec::new(), Column::default());
    for index in 0..inner.len() {
        inner.next(&mut column)?;
        if !column.is_empty() {
            held.more(column.samples())?;
            all.push((inner.labels(index), Packed::take(&mut column)));
        }
    }
    Ok((all, held))
}
