//! `limitk` and `limit_ratio`: some of the elements, whatever their values.

use nightjar_model::Labels;
use xxhash_rust::xxh64::xxh64;

use crate::error::QueryError;
use crate::eval::{Column, Context, Vector};
use crate::operators::aggregate::{Grouping, Groups};
use crate::operators::buffered::Buffered;

/// The first `k` elements of each group at each step.
pub(crate) fn limit_k<'q>(
    context: &'q Context<'q>,
    mut inner: Vector<'q>,
    grouping: &Grouping<'_>,
    k: &[f64],
) -> Result<Vector<'q>, QueryError> {
    let steps = k.len();
    let groups = Groups::of(&inner, grouping);
    let mut taken = vec![0i64; groups.len() * steps];
    filtered(context, &mut inner, |index, _, step| {
        let taken = &mut taken[groups.group_of(index) * steps + step];
        *taken += 1;
        *taken <= k[step] as i64
    })
}

/// The elements whose hash falls into the first `ratio` of all hashes; for negative ratios, the others.
pub(crate) fn limit_ratio<'q>(
    context: &'q Context<'q>,
    mut inner: Vector<'q>,
    ratios: &[f64],
) -> Result<Vector<'q>, QueryError> {
    let offsets: Vec<f64> = (0..inner.len()).map(|index| hash(&inner.labels(index)) as f64 / u64::MAX as f64).collect();
    filtered(context, &mut inner, |index, _, step| {
        let ratio = ratios[step].clamp(-1.0, 1.0);
        (ratio > 0.0 && offsets[index] < ratio) || (ratio < 0.0 && offsets[index] >= 1.0 + ratio)
    })
}

/// The samples for which `keep(series, column, step)` answers true.
fn filtered<'q>(
    context: &'q Context<'q>,
    inner: &mut Vector<'q>,
    mut keep: impl FnMut(usize, &Column, usize) -> bool,
) -> Result<Vector<'q>, QueryError> {
    let mut out = Vec::new();
    let mut held = context.budget.hold(0)?;
    for index in 0..inner.len() {
        let mut column = Column::default();
        inner.next(&mut column)?;
        context.worked(column.len())?;
        let mut kept = crate::eval::bits::Bits::new(column.len());
        column.occupied().ones().filter(|step| keep(index, &column, *step)).for_each(|step| kept.set(step));
        column.keep(&kept);
        if !column.is_empty() {
            held.more(column.samples())?;
            out.push((inner.labels(index), column.into()));
        }
    }
    drop(held);
    Ok(Box::new(Buffered::new(context, out)?))
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
