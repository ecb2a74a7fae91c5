//! The operator port: which series, then what values.

use nightjar_model::Labels;

use crate::error::QueryError;
use crate::eval::column::Column;

/// A vector-valued expression over all steps of a grid.
///
/// The series are known as soon as the operator is built. Their values are pulled one series at a time, in order;
/// series may turn out empty.
pub(crate) trait Operator {
    /// Number of series.
    fn len(&self) -> usize;

    /// Labels of series `index` (< `len`).
    fn labels(&self, index: usize) -> Labels;

    /// Writes the next series to `out`; called at most `len` times.
    fn next(&mut self, out: &mut Column) -> Result<(), QueryError>;

    /// Whether all series have one metric name (or none), and neither type nor unit, so that dropping these keeps label
    /// sets apart.
    fn one_name(&self) -> bool {
        false
    }
}

/// An operator as a tree node.
pub(crate) type Vector<'q> = Box<dyn Operator + 'q>;
