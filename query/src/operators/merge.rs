//! Series that have come to have one label set: merged where they never meet in time, an error where they do.

use hashbrown::HashMap;
use nightjar_model::Labels;

use crate::error::QueryError;
use crate::eval::{Column, Context, Packed, Vector};
use crate::operators::buffered::{Buffered, collect};

/// What becomes of series with one label set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duplicates {
    /// They are one series, unless they have samples at one time.
    Merge,
    /// Likewise; whether the name goes is what the earliest sample says, not the first series.
    Join,
    /// An error, even if they never meet.
    Refuse,
}

/// `inner` without two series of one label set.
pub(crate) fn distinct<'q>(
    context: &'q Context<'q>,
    inner: Vector<'q>,
    duplicates: Duplicates,
) -> Result<Vector<'q>, QueryError> {
    if inner.len() < 2 || !has_duplicates(&inner) {
        return Ok(inner);
    }
    let (series, held) = collect(context, inner)?;
    drop(held);
    let merged = merge(series, duplicates)?;
    Ok(Box::new(Buffered::new(context, merged)?))
}

fn has_duplicates(inner: &Vector<'_>) -> bool {
    let mut seen = hashbrown::HashSet::with_capacity(inner.len());
    (0..inner.len()).any(|index| !seen.insert(inner.labels(index)))
}

/// Merges series of one label set; each stands where its first one stood.
pub(crate) fn merge(
    series: Vec<(Labels, Packed)>,
    duplicates: Duplicates,
) -> Result<Vec<(Labels, Packed)>, QueryError> {
    let mut places: HashMap<Labels, usize> = HashMap::with_capacity(series.len());
    let mut merged: Vec<(Labels, Packed)> = Vec::with_capacity(series.len());
    for (labels, column) in series {
        match places.get(&labels) {
            None => {
                places.insert(labels.clone(), merged.len());
                merged.push((labels, column));
            }
            Some(place) => {
                let into = &mut merged[*place].1;
                let mut both = Column::from(std::mem::take(into));
                let more = Column::from(column);
                if duplicates == Duplicates::Join && starts_before(&more, &both) {
                    both.drop_name = more.drop_name;
                }
                if duplicates == Duplicates::Refuse || !both.absorb(&more) {
                    return Err(QueryError::same_labelset());
                }
                *into = Packed::from(both);
            }
        }
    }
    Ok(merged)
}

fn starts_before(a: &Column, b: &Column) -> bool {
    let first = |column: &Column| column.occupied().ones().next().unwrap_or(usize::MAX);
    first(a) < first(b)
}
