//! `absent` and `absent_over_time`.

use nightjar_model::labels::METRIC_NAME;
use nightjar_model::{Labels, LabelsBuilder, MatchOp, Matcher};

use crate::error::QueryError;
use crate::eval::bits::Bits;
use crate::eval::{Column, Context, Vector};
use crate::operators::buffered::Buffered;

/// 1 at every step where `inner` has no element; labelled by what the selector asked for.
pub(crate) fn absent<'q>(
    context: &'q Context<'q>,
    mut inner: Vector<'q>,
    matchers: &[Matcher],
    steps: usize,
) -> Result<Vector<'q>, QueryError> {
    let mut there = Bits::new(steps);
    let mut column = Column::default();
    for _ in 0..inner.len() {
        inner.next(&mut column)?;
        context.worked(steps)?;
        there.or(&column.occupied());
    }
    let mut ones = Column::full(vec![1.0; steps]);
    ones.remove(&there);
    ones.drop_name = true;
    Ok(Box::new(Buffered::new(context, vec![(asked_labels(matchers), ones.into())])?))
}

/// Labels fixed by exactly one equality matcher.
fn asked_labels(matchers: &[Matcher]) -> Labels {
    let mut builder = LabelsBuilder::new();
    let mut seen: Vec<&str> = Vec::new();
    for matcher in matchers.iter().filter(|m| &*m.name != METRIC_NAME) {
        if matcher.op == MatchOp::Equal && !seen.contains(&&*matcher.name) {
            builder.set(&matcher.name, &matcher.value);
            seen.push(&matcher.name);
        } else {
            builder.remove(&matcher.name);
        }
    }
    builder.build()
}
