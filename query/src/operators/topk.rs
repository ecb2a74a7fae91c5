//! `topk` and `bottomk`: the elements with the greatest or least values.

use hashbrown::HashMap;
use nightjar_model::Labels;

use crate::ast::Span;
use crate::error::QueryError;
use crate::eval::packed::{Packed, Sparse};
use crate::eval::{Column, Context, Vector};
use crate::operators::aggregate::{Grouping, Groups};
use crate::operators::buffered::Buffered;

/// An element that may be chosen.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    value: f64,
    series: u32,
}

/// The chosen elements of one group at one step: a heap with the first to go on top. It is kept exactly as Go's
/// `container/heap` would, so that of equal elements the same ones are chosen.
#[derive(Clone, Debug, Default)]
struct Heap {
    items: Vec<Candidate>,
}

/// Whether `a` goes before `b`.
type Less = fn(f64, f64) -> bool;

fn less_for_top(a: f64, b: f64) -> bool {
    a.is_nan() || a < b
}

fn less_for_bottom(a: f64, b: f64) -> bool {
    a.is_nan() || a > b
}

impl Heap {
    fn offer(&mut self, item: Candidate, k: usize, less: Less) {
        if self.items.len() < k {
            self.items.push(item);
            self.up(less);
            return;
        }
        let Some(top) = self.items.first_mut() else { return };
        if !item.value.is_nan() && less(top.value, item.value) {
            *top = item;
            self.down(less);
        }
    }

    fn up(&mut self, less: Less) {
        let mut j = self.items.len() - 1;
        while j > 0 {
            let i = (j - 1) / 2;
            if !less(self.items[j].value, self.items[i].value) {
                break;
            }
            self.items.swap(i, j);
            j = i;
        }
    }

    fn down(&mut self, less: Less) {
        let (n, mut i) = (self.items.len(), 0);
        loop {
            let left = 2 * i + 1;
            if left >= n {
                return;
            }
            let right = left + 1;
            let j = if right < n && less(self.items[right].value, self.items[left].value) { right } else { left };
            if !less(self.items[j].value, self.items[i].value) {
                return;
            }
            self.items.swap(i, j);
            i = j;
        }
    }

    /// Best first; NaN last.
    fn sort(&mut self, less: Less) {
        self.items.sort_by(|a, b| match (a.value.is_nan(), b.value.is_nan()) {
            (true, true) => std::cmp::Ordering::Equal,
            (true, false) => std::cmp::Ordering::Greater,
            (false, true) => std::cmp::Ordering::Less,
            (false, false) if less(b.value, a.value) => std::cmp::Ordering::Less,
            (false, false) if less(a.value, b.value) => std::cmp::Ordering::Greater,
            (false, false) => std::cmp::Ordering::Equal,
        });
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_chosen_last() {
        let mut heap = Heap::default();
        for (series, value) in [f64::NAN, 1.0, 3.0, f64::NAN, 2.0].into_iter().enumerate() {
            heap.offer(Candidate { value, series: series as u32 }, 3, less_for_top);
        }
        heap.sort(less_for_top);
        assert_eq!(heap.items.iter().map(|c| c.value).collect::<Vec<_>>(), [3.0, 2.0, 1.0]);
        let mut heap = Heap::default();
        for (series, value) in [f64::NAN, 1.0].into_iter().enumerate() {
            heap.offer(Candidate { value, series: series as u32 }, 2, less_for_bottom);
        }
        heap.sort(less_for_bottom);
        assert_eq!(heap.items.iter().map(|c| c.series).collect::<Vec<_>>(), [1, 0]);
    }
}
