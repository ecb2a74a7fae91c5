//! `topk` and `bottomk`: the elements with the greatest or least values.

use hashbrown::HashMap;
use nightjar_model::Labels;

use crate::ast::Span;
use crate::error::QueryError;
use crate::eval::packed::{Packed, Sparse};
use crate::eval::{Column, Context, Vector};
use crate::operators::aggregate::{Grouping, Groups};
use crate::operators::buffered::Buffered;
use crate::operators::heap::{Candidate, Heap, Less, less_for_bottom, less_for_top};

/// Which end is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// `topk`.
    Top,
    /// `bottomk`.
    Bottom,
}

/// `topk(k, inner)` or `bottomk(k, inner)`; `at` is the place of the aggregation.
pub(crate) fn choose<'q>(
    context: &'q Context<'q>,
    end: End,
    mut inner: Vector<'q>,
    grouping: &Grouping<'_>,
    k: &[f64],
    at: Span,
) -> Result<Vector<'q>, QueryError> {
    let steps = k.len();
    let groups = Groups::of(&inner, grouping);
    let (less, name): (Less, _) = if end == End::Top { (less_for_top, "topk") } else { (less_for_bottom, "bottomk") };
    let _heaps = context.budget.hold_bytes(groups.len().saturating_mul(steps).saturating_mul(size_of::<Heap>()))?;
    let mut heaps = vec![Heap::default(); groups.len() * steps];
    let mut drop_names = vec![false; inner.len()];
    let mut held = context.budget.hold(0)?;
    let mut column = Column::default();
    for index in 0..inner.len() {
        inner.next(&mut column)?;
        context.worked(steps)?;
        drop_names[index] = column.drop_name;
        if column.histograms.iter().any(|(step, _)| k[*step as usize] >= 1.0) {
            context.notes.histogram_ignored_in_aggregation(name, at);
        }
        let heaps = &mut heaps[groups.group_of(index) * steps..][..steps];
        for step in column.present.ones() {
            let k = (k[step] as i64).clamp(0, inner.len() as i64) as usize;
            let before = heaps[step].items.len();
            heaps[step].offer(Candidate { value: column.values[step], series: index as u32 }, k, less);
            held.more(heaps[step].items.len() - before)?;
        }
    }
    drop(held);
    heaps.iter_mut().for_each(|heap| heap.sort(less));
    let chosen = chosen(&heaps, steps, |series| (inner.labels(series), drop_names[series]));
    Ok(Box::new(Buffered::new(context, chosen)?))
}

/// The chosen elements as series, in order of first choice.
fn chosen(heaps: &[Heap], steps: usize, series: impl Fn(usize) -> (Labels, bool)) -> Vec<(Labels, Packed)> {
    let mut places: HashMap<u32, usize> = HashMap::new();
    let mut out: Vec<(Labels, Sparse)> = Vec::new();
    for (i, heap) in heaps.iter().enumerate() {
        for item in &heap.items {
            let place = *places.entry(item.series).or_insert_with(|| {
                let (labels, drop_name) = series(item.series as usize);
                out.push((labels, Sparse { len: steps, drop_name, ..Sparse::default() }));
                out.len() - 1
            });
            out[place].1.steps.push((i % steps) as u32);
            out[place].1.values.push(item.value);
        }
    }
    out.into_iter().map(|(labels, sparse)| (labels, Packed::Sparse(sparse))).collect()
}
