//! `limitk` and `limit_ratio`: some of the elements, whatever their values.

use nightjar_model::Labels;
use xxhash_rust::xxh64::xxh64;

use crate::error::QueryError;
use crate::eval::bits::Bits;
use crate::eval::{Column, Context, Packed, Vector};
use crate::operators::aggregate::{Grouping, Groups};
use crate::operators::buffered::Buffered;
use crate::operators::heap::{Candidate, Heap, less_for_top};

/// The first `k` elements of each group at each step.
pub(crate) fn limit_k<'q>(
    context: &'q Context<'q>,
    inner: Vector<'q>,
    grouping: &Grouping<'_>,
    k: &[f64],
) -> Result<Vector<'q>, QueryError> {
    let steps = k.len();
    let groups = Groups::of(&inner, grouping);
    let mut taken = vec![0i64; groups.len() * steps];
    filtered(context, inner, &groups, steps, |index, step| {
        let taken = &mut taken[groups.group_of(index) * steps + step];
        *taken += 1;
        *taken <= k[step] as i64
    })
}

/// The elements whose hash falls into the first `ratio` of all hashes; for negative ratios, the others.
pub(crate) fn limit_ratio<'q>(
    context: &'q Context<'q>,
    inner: Vector<'q>,
    grouping: &Grouping<'_>,
    ratios: &[f64],
) -> Result<Vector<'q>, QueryError> {
    let groups = Groups::of(&inner, grouping);
    let offsets: Vec<f64> = (0..inner.len()).map(|index| hash(&inner.labels(index)) as f64 / u64::MAX as f64).collect();
    filtered(context, inner, &groups, ratios.len(), |index, step| {
        let ratio = ratios[step].clamp(-1.0, 1.0);
        (ratio > 0.0 && offsets[index] < ratio) || (ratio < 0.0 && offsets[index] >= 1.0 + ratio)
    })
}

/// The samples for which `keep(series, step)` answers true. Those of an instant come as Prometheus has them, which a
/// `limitk` around it shows.
fn filtered<'q>(
    context: &'q Context<'q>,
    mut inner: Vector<'q>,
    groups: &Groups,
    steps: usize,
    mut keep: impl FnMut(usize, usize) -> bool,
) -> Result<Vector<'q>, QueryError> {
    let (mut out, mut order) = (Vec::new(), Order::new(groups.len()));
    let mut held = context.budget.hold(0)?;
    let mut column = Column::default();
    for index in 0..inner.len() {
        inner.next(&mut column)?;
        context.worked(column.len())?;
        if column.is_empty() {
            continue;
        }
        let heap = order.heap(groups.group_of(index));
        let mut kept = Bits::new(column.len());
        column.occupied().ones().filter(|step| keep(index, *step)).for_each(|step| kept.set(step));
        column.keep(&kept);
        if !column.is_empty() {
            held.more(column.samples())?;
            if steps == 1 {
                heap.push(Candidate { value: column.float(0).unwrap_or(0.0), series: out.len() as u32 }, less_for_top);
            }
            out.push((inner.labels(index), Packed::take(&mut column)));
        }
    }
    drop(held);
    if steps == 1 {
        out = order.of(out);
    }
    Ok(Box::new(Buffered::new(context, out)?))
}

/// How Prometheus arranges the elements of an instant: by groups, as they appear, and in each as a heap of values.
struct Order {
    heaps: Vec<Heap>,
    /// Groups in order of their first sample.
    groups: Vec<usize>,
    seen: Vec<bool>,
}

impl Order {
    fn new(groups: usize) -> Order {
        Order { heaps: vec![Heap::default(); groups], groups: Vec::new(), seen: vec![false; groups] }
    }

    /// The heap of a group that has a sample.
    fn heap(&mut self, group: usize) -> &mut Heap {
        if !std::mem::replace(&mut self.seen[group], true) {
            self.groups.push(group);
        }
        &mut self.heaps[group]
    }

    /// What the heaps number, arranged.
    fn of(&self, series: Vec<(Labels, Packed)>) -> Vec<(Labels, Packed)> {
        let mut left: Vec<Option<(Labels, Packed)>> = series.into_iter().map(Some).collect();
        let arranged = self.groups.iter().flat_map(|group| &self.heaps[*group].items);
        arranged.filter_map(|item| left[item.series as usize].take()).collect()
    }
}

/// Prometheus' hash of a label set.
fn hash(labels: &Labels) -> u64 {
    let mut bytes = Vec::with_capacity(256);
    for label in labels.iter() {
        for text in [label.name, label.value] {
            match u8::try_from(text.len()) {
                Ok(len) if len < 255 => bytes.push(len),
                _ => {
                    let len = (text.len() as u32).to_le_bytes();
                    bytes.extend_from_slice(&[255, len[0], len[1], len[2]]);
                }
            }
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    xxh64(&bytes, 0)
}
