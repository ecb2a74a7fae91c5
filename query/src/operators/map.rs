//! Operators that change each series by itself.

use nightjar_model::Labels;
use nightjar_model::labels::METRIC_NAME;

use crate::error::QueryError;
use crate::eval::reserved::without_reserved;
use crate::eval::{Column, Context, Operator, Vector};
use crate::operators::merge::{Duplicates, distinct};

/// What a mapping does with the labels that describe the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// Nothing.
    Keep,
    /// They go, at once or at the end.
    Drop,
    /// Likewise; but at once only the name goes, and type and unit stay.
    DropAlone,
}

/// One column changed in place.
pub(crate) type Change<'q> = Box<dyn FnMut(&mut Column) -> Result<(), QueryError> + 'q>;

struct Map<'q> {
    context: &'q Context<'q>,
    inner: Vector<'q>,
    name: Name,
    change: Change<'q>,
}

/// `inner` with every column changed.
pub(crate) fn map<'q>(
    context: &'q Context<'q>,
    inner: Vector<'q>,
    name: Name,
    change: Change<'q>,
) -> Result<Vector<'q>, QueryError> {
    let may_collide = name != Name::Keep && context.drops_now() && !inner.one_name();
    let mapped: Vector<'q> = Box::new(Map { context, inner, name, change });
    if may_collide { distinct(context, mapped, Duplicates::Merge) } else { Ok(mapped) }
}

impl Operator for Map<'_> {
    fn len(&self) -> usize {
        self.inner.len()
    }

    fn labels(&self, index: usize) -> Labels {
        let labels = self.inner.labels(index);
        match self.name {
            Name::Drop if self.context.drops_now() => without_reserved(&labels),
            Name::DropAlone if self.context.drops_now() => labels.drop(&[METRIC_NAME]),
            _ => labels,
        }
    }

    fn next(&mut self, out: &mut Column) -> Result<(), QueryError> {
        self.inner.next(out)?;
        (self.change)(out)?;
        if self.name != Name::Keep {
            out.drop_name = true;
        }
        self.context.worked(out.len())
    }

    fn one_name(&self) -> bool {
        self.inner.one_name()
    }
}

/// Floats through `f`, histograms gone.
pub(crate) fn floats<'q>(
    context: &'q Context<'q>,
    inner: Vector<'q>,
    f: impl Fn(f64) -> f64 + 'q,
) -> Result<Vector<'q>, QueryError> {
    let change = move |column: &mut Column| {
        column.values.iter_mut().for_each(|v| *v = f(*v));
        column.histograms.clear();
        Ok(())
    };
    map(context, inner, Name::Drop, Box::new(change))
}
