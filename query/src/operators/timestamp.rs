//! `timestamp` of anything but a plain selector: the evaluation time.

use crate::error::QueryError;
use crate::eval::{Column, Context, Grid, Vector};
use crate::operators::map::{Name, map};

/// The evaluation time, in seconds, wherever there is a sample.
pub(crate) fn timestamp<'q>(context: &'q Context<'q>, inner: Vector<'q>, grid: Grid) -> Result<Vector<'q>, QueryError> {
    let change = move |column: &mut Column| {
        column.present = column.occupied();
        column.histograms.clear();
        for (step, value) in column.values.iter_mut().enumerate() {
            *value = grid.time(step) as f64 / 1000.0;
        }
        Ok(())
    };
    map(context, inner, Name::Drop, Box::new(change))
}
