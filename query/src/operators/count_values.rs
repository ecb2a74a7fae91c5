//! `count_values`: how often each value occurs.

use hashbrown::HashMap;
use nightjar_model::Labels;
use nightjar_model::number::format_f;

use crate::error::QueryError;
use crate::eval::{Column, Context, Point, Vector};
use crate::operators::aggregate::Grouping;
use crate::operators::buffered::Buffered;

/// `count_values(label, inner)`. The grouping contains `label` already unless it is a `without`.
pub(crate) fn count_values<'q>(
    context: &'q Context<'q>,
    label: &str,
    mut inner: Vector<'q>,
    grouping: &Grouping<'_>,
) -> Result<Vector<'q>, QueryError> {
    let mut counts: HashMap<Labels, usize> = HashMap::new();
    let mut out: Vec<(Labels, Column)> = Vec::new();
    let mut column = Column::default();
    for index in 0..inner.len() {
        inner.next(&mut column)?;
        context.worked(column.len())?;
        if column.is_empty() {
            continue;
        }
        let labels = inner.labels(index);
        let mut of_value: HashMap<u64, usize> = HashMap::new();
        let mut place_of = |text: &str| {
            let mut builder = labels.to_builder();
            let group = grouping.labels_of(&builder.set(label, text).build());
            *counts.entry(group.clone()).or_insert_with(|| {
                out.push((group, Column::new(column.len())));
                out.len() - 1
            })
        };
        let mut places = Vec::with_capacity(column.len());
        for step in column.occupied().ones() {
            let place = match column.get(step) {
                Some(Point::Float(v)) => *of_value.entry(v.to_bits()).or_insert_with(|| place_of(&format_f(v))),
                Some(Point::Histogram(h)) => place_of(&h.to_string()),
                None => continue,
            };
            places.push((step, place));
        }
        for (step, place) in places {
            let counted = &mut out[place].1;
            counted.set(step, counted.float(step).unwrap_or(0.0) + 1.0);
        }
    }
    Ok(Box::new(Buffered::new(context, out)?))
}
