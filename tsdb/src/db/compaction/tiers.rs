//! Which buckets to make, decided without doing it.
//!
//! Blocks that overlap, directly or by way of others, are a *stretch*. When its time is over, and nothing of it waits to be
//! merged, each tier gets a block made from all of it. That block is of use as long as its sources are what there is of its
//! time; when they change it is made again. What stands alone because its sources are gone by age is left as it is, apart
//! from deletes.

use std::collections::BTreeSet;

use nightjar_model::{BlockRange, TimestampMs};

use super::plan::{Candidate, LEVELS, MOST, is_due, widest};
use crate::options::Options;

/// A block of buckets as compaction sees it.
#[derive(Clone, Debug)]
pub(crate) struct Tiered {
    /// The block itself.
    pub(crate) block: Candidate,
    /// Width of its buckets in milliseconds.
    pub(crate) width_ms: i64,
    /// What it was made from.
    pub(crate) sources: BTreeSet<u64>,
}

/// What buckets are made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Samples of these blocks.
    Blocks(BTreeSet<u64>),
    /// Buckets of this block, without those that are deleted.
    Tier(u64),
}

/// Buckets to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Downsampling {
    /// Their width in milliseconds.
    pub(crate) width_ms: i64,
    /// Where they come from.
    pub(crate) from: Origin,
    /// Blocks of buckets that go.
    pub(crate) replaces: BTreeSet<u64>,
    /// The times they stand for.
    pub(crate) range: BlockRange,
    /// Size of what is read.
    pub(crate) bytes: u64,
}

/// Blocks that overlap.
#[derive(Debug)]
struct Stretch {
    range: BlockRange,
    numbers: BTreeSet<u64>,
    bytes: u64,
    damaged: bool,
}

/// The next buckets to make, if any are due. `settled` is the time before which no more samples are expected.
pub(crate) fn next(
    blocks: &[Candidate],
    tiers: &[Tiered],
    settled: TimestampMs,
    options: &Options,
) -> Option<Downsampling> {
    let live: BTreeSet<u64> = blocks.iter().map(|b| b.number).collect();
    let stretches = stretches(blocks);
    let ripe = |s: &&Stretch| is_over(s.range, settled, options) && !s.damaged && s.numbers.len() <= MOST;
    let due = options.tiers.iter().flat_map(|tier| stretches.iter().filter(ripe).map(move |s| (tier.width_ms, s)));
    due.filter_map(|(width_ms, stretch)| make(width_ms, stretch, tiers, &live)).next().or_else(|| rewrite(tiers, &live))
}

/// Whether no more samples are expected for a stretch, and no merge of its first level either.
fn is_over(range: BlockRange, settled: TimestampMs, options: &Options) -> bool {
    let day = options.block_ms.saturating_mul(LEVELS[0]);
    let width = if day <= widest(options) { day } else { options.block_ms };
    BlockRange::aligned(range.end.saturating_sub(1), width).end <= settled
}

fn stretches(blocks: &[Candidate]) -> Vec<Stretch> {
    let mut sorted: Vec<&Candidate> = blocks.iter().collect();
    sorted.sort_unstable_by_key(|b| (b.range.start, b.number));
    let mut all: Vec<Stretch> = Vec::new();
    for b in sorted {
        let own = Stretch { range: b.range, numbers: BTreeSet::from([b.number]), bytes: b.bytes, damaged: b.damaged };
        match all.last_mut() {
            Some(last) if b.range.start < last.range.end => {
                last.range.end = last.range.end.max(b.range.end);
                last.numbers.insert(b.number);
                last.bytes += b.bytes;
                last.damaged |= b.damaged;
            }
            _ => all.push(own),
        }
    }
    all
}

fn make(width_ms: i64, stretch: &Stretch, tiers: &[Tiered], live: &BTreeSet<u64>) -> Option<Downsampling> {
    let own: Vec<&Tiered> = tiers
        .iter()
        .filter(|t| t.width_ms == width_ms && t.sources.iter().any(|n| stretch.numbers.contains(n)))
        .collect();
    // What it has of blocks that are gone by age is nowhere else.
    if own.iter().any(|t| !t.sources.is_subset(live)) {
        return None;
    }
    let good = |t: &&&Tiered| t.sources == stretch.numbers && !t.block.damaged && !is_due(&t.block);
    if own.iter().any(|t| good(&t)) {
        return None;
    }
    let replaces = own.iter().map(|t| t.block.number).collect();
    let Stretch { range, bytes, .. } = *stretch;
    Some(Downsampling { width_ms, from: Origin::Blocks(stretch.numbers.clone()), replaces, range, bytes })
}

/// Writes buckets that stand alone anew, without those that are deleted, or to have everything twice again.
fn rewrite(tiers: &[Tiered], live: &BTreeSet<u64>) -> Option<Downsampling> {
    let alone = tiers.iter().filter(|t| t.sources.is_disjoint(live));
    alone.filter(|t| is_due(&t.block) && !t.block.damaged).map(again).next()
}

/// A block of buckets made from itself.
pub(crate) fn again(tier: &Tiered) -> Downsampling {
    let Candidate { number, range, bytes, .. } = tier.block;
    let replaces = BTreeSet::from([number]);
    Downsampling { width_ms: tier.width_ms, from: Origin::Tier(number), replaces, range, bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::TierOptions;

    const DAY: i64 = 12;

    fn block(number: u64, start: i64, end: i64) -> Candidate {
        let range = BlockRange { start, end };
        Candidate { number, range, bytes: 10, deleted: 0.0, finally_deleted: 0.0, damaged: false, scratched: false }
    }

    fn tiered(number: u64, start: i64, end: i64, sources: &[u64]) -> Tiered {
        Tiered { block: block(number, start, end), width_ms: 1, sources: sources.iter().copied().collect() }
    }

    fn options() -> Options {
        let tiers = vec![TierOptions { width_ms: 1, keep_ms: 0 }];
        Options { block_ms: 1, retention_ms: 0, tiers, ..Options::default() }
    }

    /// What is made from what, in the place of what.
    fn told(blocks: &[Candidate], tiers: &[Tiered], settled: i64) -> Option<(Vec<u64>, Vec<u64>)> {
        let next = next(blocks, tiers, settled, &options())?;
        let from = match next.from {
            Origin::Blocks(numbers) => numbers.into_iter().collect(),
            Origin::Tier(number) => vec![number],
        };
        Some((from, next.replaces.into_iter().collect()))
    }

    #[test]
    fn a_day_that_is_over_gets_buckets_once() {
        let day = [block(1, 0, DAY)];
        assert_eq!(told(&day, &[], DAY - 1), None);
        assert_eq!(told(&day, &[], DAY), Some((vec![1], vec![])));
        assert_eq!(told(&day, &[tiered(2, 0, DAY, &[1])], DAY), None);
        assert_eq!(next(&day, &[], DAY, &Options { tiers: Vec::new(), ..options() }), None);
        // A block that is alone in a day that is not over waits.
        assert_eq!(told(&[block(1, 0, 1)], &[], DAY - 1), None);
    }

    #[test]
    fn what_changes_is_made_again() {
        let late = [block(1, 0, DAY), block(3, 2, 3)];
        assert_eq!(told(&late, &[tiered(2, 0, DAY, &[1])], DAY), Some((vec![1, 3], vec![2])));
        assert_eq!(told(&late, &[tiered(4, 0, DAY, &[1, 3])], DAY), None);
        let mut deleted = tiered(2, 0, DAY, &[1]);
        deleted.block.finally_deleted = 0.5;
        assert_eq!(told(&late[..1], &[deleted], DAY), Some((vec![1], vec![2])));
        let mut damaged = tiered(2, 0, DAY, &[1]);
        damaged.block.damaged = true;
        assert_eq!(told(&late[..1], &[damaged], DAY), Some((vec![1], vec![2])));
    }

    #[test]
    fn what_stands_alone_stays() {
        // Both sources are gone; one is; a new block came to where buckets stand alone.
        assert_eq!(told(&[], &[tiered(2, 0, DAY, &[1])], 100), None);
        assert_eq!(told(&[block(1, 0, DAY)], &[tiered(4, 0, DAY, &[1, 3])], DAY), None);
        assert_eq!(told(&[block(5, 0, DAY)], &[tiered(2, 0, DAY, &[1])], DAY), Some((vec![5], vec![])));
        let mut deleted = tiered(2, 0, DAY, &[1]);
        deleted.block.finally_deleted = 0.5;
        assert_eq!(told(&[], &[deleted], 100), Some((vec![2], vec![2])));
    }

    #[test]
    fn a_damaged_block_is_left_alone() {
        let mut day = block(1, 0, DAY);
        day.damaged = true;
        assert_eq!(told(&[day], &[], DAY), None);
    }
}
