//! Buckets instead of samples: where they may be read for a selection, and how what is read goes together.

use std::collections::BTreeSet;
use std::sync::Arc;

use nightjar_model::storage::{Aggregate, Buckets, Downsampled, SeriesData};
use nightjar_model::{BlockRange, ClosedRange, Labels, Matcher, TimestampMs, is_stale};
use nightjar_platform::Disk;

use super::view::Parts;
use crate::block::{Block, BlockError, Joint};

/// A block of buckets that is read for a selection.
pub(crate) struct Chosen<D: Disk> {
    pub(crate) block: Arc<Block<D>>,
    /// Width of the buckets in milliseconds.
    pub(crate) width_ms: i64,
    /// Blocks of samples that are not read for series the buckets know.
    pub(crate) replaces: BTreeSet<u64>,
    /// Whether the answer is the same as from samples.
    pub(crate) exact: bool,
}

/// Which blocks of buckets to read for a selection of samples in `range`, the widest buckets first; none overlaps another
/// one. `in_frames` says whether frames have samples of these series in a range.
pub(crate) fn choose<D: Disk>(
    parts: &Parts<D>,
    range: ClosedRange,
    wanted: Downsampled,
    in_frames: impl Fn(ClosedRange) -> bool,
) -> Vec<Chosen<D>> {
    let mut tiers: Vec<(i64, &Arc<Block<D>>)> =
        parts.tiers.values().filter_map(|b| Some((b.tier()?.width_ms, b))).collect();
    tiers.sort_by_key(|(width_ms, _)| std::cmp::Reverse(*width_ms));
    let mut chosen: Vec<Chosen<D>> = Vec::new();
    for (width_ms, block) in tiers.into_iter().filter(|(_, b)| range.overlaps(b.range())) {
        let aligned = wanted.aligned_ms > 0 && wanted.aligned_ms % width_ms == 0;
        let allowed = aligned || width_ms <= wanted.coarsest_ms;
        if !allowed || chosen.iter().any(|c| overlap(c.block.range(), block.range())) {
            continue;
        }
        let in_frames = in_frames(common(range, block.range()));
        let Some((complete, replaces)) = standing(parts, block, in_frames) else { continue };
        let exact = aligned && complete;
        if exact || width_ms <= wanted.coarsest_ms {
            chosen.push(Chosen { block: Arc::clone(block), width_ms, replaces, exact });
        }
    }
    chosen
}

/// Whether a block of buckets has everything there is of its time, and the blocks of samples it stands for. `None` when
/// samples know more.
fn standing<D: Disk>(parts: &Parts<D>, block: &Arc<Block<D>>, in_frames: bool) -> Option<(bool, BTreeSet<u64>)> {
    let sources = &block.tier()?.sources;
    let beside = parts.blocks.iter().filter(|(_, b)| overlap(b.range(), block.range()));
    let beside: BTreeSet<u64> = beside.map(|(number, _)| *number).collect();
    if sources.iter().all(|n| !parts.blocks.contains_key(n)) {
        // A bucket may be hidden because of a part of it; of series that are gone nothing is missing.
        let times = block.summary().times.unwrap_or(ClosedRange { start: 1, end: 0 });
        let whole = parts.deletions.cuts_whole(block.summary().salt, times);
        return Some((whole && beside.is_empty() && !in_frames, BTreeSet::new()));
    }
    let damaged = block.damage().iter().any(|d| !d.harmless);
    let usable = beside.is_subset(sources) && !in_frames && !damaged;
    usable.then(|| (beside == *sources, beside))
}

fn overlap(a: BlockRange, b: BlockRange) -> bool {
    a.start < b.end && b.start < a.end
}

fn common(range: ClosedRange, block: BlockRange) -> ClosedRange {
    ClosedRange { start: range.start.max(block.start), end: range.end.min(block.end - 1) }
}

/// What is told of the buckets that are read, and of those that might have been.
pub(crate) fn told<D: Disk>(
    parts: &Parts<D>,
    range: ClosedRange,
    matchers: &[Matcher],
    chosen: &[Chosen<D>],
) -> Buckets {
    let inexact = chosen.iter().filter(|c| !c.exact).map(|c| (common(range, c.block.range()), c.width_ms)).collect();
    let aggregated = !chosen.is_empty();
    let mut withheld: Option<(ClosedRange, i64)> = None;
    for block in alone(parts, range) {
        let Some(tier) = block.tier() else { continue };
        let read = chosen.iter().any(|c| overlap(c.block.range(), block.range()));
        let times = common(range, block.range());
        if read || !block.select(matchers).is_ok_and(|ids| !ids.is_empty()) {
            continue;
        }
        let (known, width_ms) = withheld.unwrap_or((times, tier.width_ms));
        let both = ClosedRange { start: known.start.min(times.start), end: known.end.max(times.end) };
        withheld = Some((both, width_ms.min(tier.width_ms)));
    }
    Buckets { aggregated, inexact, withheld }
}

/// Blocks of buckets in a range of which the samples are gone.
pub(crate) fn alone<D: Disk>(parts: &Parts<D>, range: ClosedRange) -> impl Iterator<Item = &Arc<Block<D>>> {
    parts.tiers.values().filter(move |block| {
        let sources = block.tier().map(|tier| &tier.sources);
        range.overlaps(block.range()) && sources.is_some_and(|s| s.iter().all(|n| !parts.blocks.contains_key(n)))
    })
}

/// The samples of a series in the blocks for which buckets stand, in the order in which they count. What cannot be read is
/// counted as missing.
pub(crate) fn samples_of<D: Disk>(
    parts: &Parts<D>,
    chosen: &Chosen<D>,
    labels: &Labels,
    range: ClosedRange,
    missing: &mut u64,
) -> Result<Vec<SeriesData>, BlockError> {
    let matchers: Vec<Matcher> = labels.iter().map(|l| Matcher::equal(l.name, l.value)).collect();
    let mut found = Vec::new();
    for block in chosen.replaces.iter().filter_map(|number| parts.blocks.get(number)) {
        let salt = block.summary().salt;
        match own_id(block, &matchers, labels) {
            Ok(None) => {}
            Ok(Some(id)) => {
                *missing += block.read_intact(&[id], range, &mut found)? as u64;
                found.iter_mut().last().into_iter().for_each(|data| parts.deletions.apply(salt, id, data));
            }
            Err(BlockError::Damaged(_)) => *missing += 1,
            Err(e) => return Err(e),
        }
    }
    Ok(found)
}

/// The id of the series with these labels.
fn own_id<D: Disk>(block: &Block<D>, matchers: &[Matcher], labels: &Labels) -> Result<Option<u32>, BlockError> {
    for id in block.select(matchers)?.iter() {
        if block.labels(id)? == *labels {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Lets all parts of a series say what is wanted of buckets. `joints` has an entry for each part, `None` for samples; parts
/// behind them are samples too.
pub(crate) fn agree(parts: &mut [SeriesData], joints: &[Option<Joint>], aggregate: Aggregate) {
    let joint = |i: usize| joints.get(i).copied().flatten();
    match aggregate {
        Aggregate::Count => {
            let samples = parts.iter_mut().enumerate().filter(|(i, _)| joint(*i).is_none());
            samples.flat_map(|(_, part)| &mut part.floats.values).for_each(|v| *v = aggregate.of(*v));
        }
        Aggregate::Counter => join_counters(parts, joint),
        _ => {}
    }
}

/// Makes one counter of the parts of a series, from the first that is of buckets on without resets: each sample goes on
/// where the one before it ended, of whatever part that is.
fn join_counters(parts: &mut [SeriesData], joint: impl Fn(usize) -> Option<Joint>) {
    let places = parts
        .iter()
        .enumerate()
        .flat_map(|(part, data)| data.floats.timestamps.iter().enumerate().map(move |(place, t)| (*t, part, place)));
    let mut order: Vec<(TimestampMs, usize, usize)> = places.collect();
    order.sort_unstable();
    // Of samples of one time that of the earlier part counts.
    order.dedup_by_key(|(t, ..)| *t);
    let (mut lost, mut before, mut joining) = (0.0, f64::NAN, false);
    for (_, part, place) in order {
        let values = &mut parts[part].floats.values;
        let own = values[place];
        match joint(part) {
            _ if is_stale(own) => {}
            None => {
                if joining {
                    lost += if own < before { before } else { 0.0 };
                    values[place] = more(own, lost);
                }
                before = own;
            }
            Some(Joint { first, last }) => {
                if place == 0 {
                    lost += if first < before { before } else { 0.0 };
                }
                values[place] = more(own, lost);
                if place + 1 == values.len() {
                    lost += own - last;
                }
                (before, joining) = (last, true);
            }
        }
    }
}

/// The sum; the same to the bit when there is nothing to add.
fn more(value: f64, by: f64) -> f64 {
    if by == 0.0 { value } else { value + by }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightjar_model::STALE_NAN;
    use nightjar_model::storage::FloatColumn;

    fn part(samples: &[(TimestampMs, f64)]) -> SeriesData {
        let (timestamps, values): (Vec<_>, Vec<_>) = samples.iter().copied().unzip();
        SeriesData {
            floats: FloatColumn { timestamps: timestamps.into(), values, starts: None },
            ..SeriesData::default()
        }
    }

    #[test]
    fn counters_go_on_over_the_ends_of_blocks() {
        // True samples: 5 9 | 3 (reset) 8 2 (reset) 4 | 6 1 (reset).
        let mut parts = vec![
            part(&[(30, 6.0), (31, STALE_NAN), (32, 1.0)]),
            part(&[(1, 5.0), (2, 9.0)]),
            part(&[(20, 8.0), (23, 12.0)]),
        ];
        let joints = [None, None, Some(Joint { first: 3.0, last: 4.0 })];
        agree(&mut parts, &joints, Aggregate::Counter);
        assert_eq!(parts[1].floats.values, [5.0, 9.0]);
        assert_eq!(parts[2].floats.values, [17.0, 21.0]);
        assert_eq!((parts[0].floats.values[0], parts[0].floats.values[2]), (23.0, 24.0));
        assert!(is_stale(parts[0].floats.values[1]));
    }

    #[test]
    fn samples_count_one() {
        let mut parts = vec![part(&[(1, 5.0), (2, STALE_NAN)]), part(&[(20, 8.0)]), part(&[(30, 7.0)])];
        agree(&mut parts, &[None, Some(Joint::default())], Aggregate::Count);
        assert_eq!((parts[0].floats.values[0], parts[1].floats.values[0], parts[2].floats.values[0]), (1.0, 8.0, 1.0));
        assert!(is_stale(parts[0].floats.values[1]));
    }
}
