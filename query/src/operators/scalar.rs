//! Between scalars and vectors.

use nightjar_model::Labels;

use crate::error::QueryError;
use crate::eval::{Column, Context, Vector};

/// `scalar(v)`: the value of the only float, NaN unless there is exactly one.
pub(crate) fn scalar(context: &Context<'_>, mut inner: Vector<'_>, steps: usize) -> Result<Vec<f64>, QueryError> {
    let mut values = vec![f64::NAN; steps];
    let mut found = vec![0u8; steps];
    let mut column = Column::default();
    for _ in 0..inner.len() {
        inner.next(&mut column)?;
        context.worked(steps)?;
        for step in column.present.ones() {
            found[step] = found[step].saturating_add(1);
            values[step] = if found[step] == 1 { column.values[step] } else { f64::NAN };
        }
    }
    Ok(values)
}

/// A scalar as a vector with one element without labels.
pub(crate) fn vector<'q>(context: &'q Context<'q>, values: Vec<f64>) -> Result<Vector<'q>, QueryError> {
    let series = vec![(Labels::empty(), Column::full(values).into())];
    Ok(Box::new(super::buffered::Buffered::new(context, series)?))
}
