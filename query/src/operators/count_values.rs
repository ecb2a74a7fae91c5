//! `count_values`: how often each value occurs.

use hashbrown::HashMap;
use nightjar_model::Labels;
use nightjar_model::number::format_f;

use crate::error::QueryError;
use crate::eval::packed::{Packed, Sparse};
use crate::eval::{Column, Context, Point, Vector};
use crate::operators::aggregate::Grouping;
use crate::operators::buffered::Buffered;

/// `count_values(label, inner)`. The grouping contains `label` already unless it is a `without`.
pub(crate) fn count_values<'q>(
    context: &'q Context<'q>,
    label: &str,
    mut inner: Vector<'q>,
    grouping: &Grouping<'_>,
    steps: usize,
) -> Result<Vector<'q>, QueryError> {
    let mut counts: HashMap<Labels, usize> = HashMap::new();
    let mut out: Vec<(Labels, HashMap<u32, f64>)> = Vec::new();
    let mut held = context.budget.hold(0)?;
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
                out.push((group, HashMap::new()));
                out.len() - 1
            })
        };
        let mut held_now = 0;
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
            let count = out[place].1.entry(step as u32).or_insert_with(|| {
                held_now += 1;
                0.0
            });
            *count += 1.0;
        }
        held.more(held_now)?;
    }
    drop(held);
    let series = out.into_iter().map(|(labels, counts)| (labels, sparse(counts, steps))).collect();
    Ok(Box::new(Buffered::new(context, series)?))
}

fn sparse(counts: HashMap<u32, f64>, len: usize) -> Packed {
    let mut counts: Vec<(u32, f64)> = counts.into_iter().collect();
    counts.sort_unstable_by_key(|(step, _)| *step);
    let (steps, values) = counts.into_iter().unzip();
    Packed::Sparse(Sparse { len, steps, values, ..Sparse::default() })
}
