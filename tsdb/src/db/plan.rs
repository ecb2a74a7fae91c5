//! What to seal and what to remove, decided without doing it.

use std::collections::BTreeSet;

use nightjar_model::{BlockRange, ClosedRange, TimestampMs};

use super::directory::{Directory, Seal};
use crate::options::Options;

/// The end of the oldest block range that should be sealed now; `None` when it is too early.
pub(crate) fn seal_until(
    directory: &Directory,
    seal: &Seal,
    max_t: TimestampMs,
    options: &Options,
) -> Option<TimestampMs> {
    let unsealed = directory.iter().flat_map(|(_, entries)| entries).filter(|e| e.t_max() >= seal.until);
    let oldest = unsealed.map(|e| e.t_min().max(seal.until)).min()?;
    let span = max_t.saturating_sub(oldest);
    let until = BlockRange::aligned(oldest, options.block_ms).end;
    let due = span > options.block_ms.saturating_add(options.block_ms / 2);
    (due && until <= max_t.saturating_sub(options.seal_delay_ms)).then_some(until)
}

/// Where to seal when the log, or memory, has become too large: all but the newest quarter of the time in frames.
pub(crate) fn seal_early(directory: &Directory, seal: &Seal, max_t: TimestampMs) -> Option<TimestampMs> {
    let unsealed = directory.iter().flat_map(|(_, entries)| entries).filter(|e| e.t_max() >= seal.until);
    let oldest = unsealed.map(|e| e.t_min().max(seal.until)).min()?;
    let until = max_t.saturating_sub(max_t.saturating_sub(oldest) / 4);
    (until > oldest).then_some(until)
}

/// The block ranges below `until` that may hold samples no block has, ascending.
pub(crate) fn ranges(directory: &Directory, seal: &Seal, until: TimestampMs, options: &Options) -> Vec<BlockRange> {
    let mut starts = BTreeSet::new();
    for entry in directory.iter().flat_map(|(_, entries)| entries) {
        let floor = seal.floor(entry.position());
        let (first, last) = (entry.t_min().max(floor), entry.t_max().min(until - 1));
        let mut range = BlockRange::aligned(first, options.block_ms);
        while range.start <= last {
            starts.insert(range.start);
            range = BlockRange { start: range.end, end: range.end.saturating_add(options.block_ms) };
        }
    }
    starts.into_iter().map(|start| BlockRange { start, end: start.saturating_add(options.block_ms) }).collect()
}

/// What rules of retention do not keep any more at `now`. `done` says for each rule up to where it was carried out; it
/// is carried out in steps of a block. Nothing is due when the oldest sample is newer.
pub(crate) fn overdue(
    options: &Options,
    done: &[TimestampMs],
    oldest: Option<TimestampMs>,
    now: TimestampMs,
) -> Vec<(usize, ClosedRange)> {
    let end = |keep_ms: i64| BlockRange::aligned(now.saturating_sub(keep_ms), options.block_ms).start - 1;
    let rules = options.retention_rules.iter().enumerate();
    let due = rules.filter_map(|(i, rule)| {
        let end = end(rule.keep_ms);
        let is_due = oldest.is_some_and(|t| t <= end) && done.get(i).is_none_or(|done| *done < end);
        is_due.then_some((i, ClosedRange { start: TimestampMs::MIN, end }))
    });
    due.collect()
}

/// A block as retention sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aging {
    pub(crate) number: u64,
    pub(crate) range: BlockRange,
    pub(crate) bytes: u64,
    /// What it is made of.
    pub(crate) made_of: MadeOf,
}

/// What a block is made of, for retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MadeOf {
    /// Samples.
    Samples,
    /// Samples of which a tier is still to be made.
    Awaited,
    /// Buckets of this width.
    Buckets(i64),
}

/// Samples that wait for buckets to be made of them are kept longer by so many block widths.
const PATIENCE: i64 = 12;

/// Blocks whose whole range is older than the retention allows, and the oldest ones while all together are too large.
/// Buckets have times of their own and may take half of the bytes; those of widths that are not configured stay.
/// The log does not count: it is bounded by what is not sealed yet.
pub(crate) fn expired(blocks: impl Iterator<Item = Aging>, now: TimestampMs, options: &Options) -> Vec<u64> {
    let (samples, buckets): (Vec<_>, Vec<_>) = blocks.partition(|b| !matches!(b.made_of, MadeOf::Buckets(_)));
    let limit = if options.retention_bytes > 0 { options.retention_bytes } else { u64::MAX };
    let before = |keep_ms: i64| if keep_ms > 0 { now.saturating_sub(keep_ms) } else { TimestampMs::MIN };
    let oldest = |b: &Aging| match b.made_of {
        MadeOf::Samples => before(options.retention_ms),
        MadeOf::Awaited => before(options.retention_ms).saturating_sub(PATIENCE.saturating_mul(options.block_ms)),
        MadeOf::Buckets(width_ms) => {
            options.tiers.iter().find(|t| t.width_ms == width_ms).map_or(TimestampMs::MIN, |t| before(t.keep_ms))
        }
    };
    let (mut gone, kept) = outdated(buckets, &oldest, if limit == u64::MAX { limit } else { limit / 2 });
    gone.extend(outdated(samples, &oldest, limit - kept).0);
    gone
}

/// What goes because it is too old, or too much; and the bytes of the rest.
fn outdated(mut blocks: Vec<Aging>, oldest: &dyn Fn(&Aging) -> TimestampMs, limit: u64) -> (Vec<u64>, u64) {
    blocks.sort_by_key(|b| (b.range.end, b.number));
    let mut bytes: u64 = blocks.iter().map(|b| b.bytes).sum();
    let goes = |b: &&Aging| {
        let goes = b.range.end <= oldest(b) || bytes > limit;
        bytes -= if goes { b.bytes } else { 0 };
        goes
    };
    let gone = blocks.iter().filter(goes).map(|b| b.number).collect();
    (gone, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::RetentionRule;

    #[test]
    fn rules_are_carried_out_in_steps() {
        let rule = |keep_ms| RetentionRule { matchers: Vec::new(), keep_ms };
        let options = Options { block_ms: 10, retention_rules: vec![rule(20), rule(50)], ..Options::default() };
        let due = |done: &[i64], oldest, now| {
            overdue(&options, done, oldest, now).into_iter().map(|(i, times)| (i, times.end)).collect::<Vec<_>>()
        };
        assert_eq!(due(&[], Some(0), 35), [(0, 9)]);
        assert_eq!(due(&[9, 0], Some(0), 39), []);
        assert_eq!(due(&[9, 0], Some(0), 100), [(0, 79), (1, 49)]);
        assert_eq!(due(&[9, 0], Some(50), 100), [(0, 79)]);
        assert_eq!(due(&[], None, 100), []);
    }

    #[test]
    fn retention() {
        let block = |number, start| aging(number, start, MadeOf::Samples);
        let blocks = [block(3, 20), block(1, 0), block(2, 10), block(4, 10)];
        let table: [(i64, u64, &[u64]); 6] =
            [(0, 0, &[]), (10, 0, &[1, 2, 4]), (1_000, 0, &[]), (0, 400, &[]), (0, 399, &[1]), (20, 150, &[1, 2, 4])];
        for (retention_ms, retention_bytes, expected) in table {
            let options = Options { retention_ms, retention_bytes, ..Options::default() };
            assert_eq!(expired(blocks.into_iter(), 30, &options), expected, "{retention_ms} ms, {retention_bytes} B");
        }
    }

    fn aging(number: u64, start: i64, made_of: MadeOf) -> Aging {
        Aging { number, range: BlockRange { start, end: start + 10 }, bytes: 100, made_of }
    }

    #[test]
    fn buckets_have_their_own_retention() {
        let buckets = MadeOf::Buckets(5);
        let blocks = [aging(1, 0, MadeOf::Samples), aging(2, 0, buckets), aging(3, 10, MadeOf::Samples)];
        let table: [(i64, i64, u64, &[u64]); 5] = [
            (10, 100, 0, &[1, 3]),
            (10, 20, 0, &[2, 1, 3]),
            (10, 0, 0, &[1, 3]),
            // The oldest samples go before buckets, which may take half of the room.
            (0, 0, 200, &[1]),
            (0, 0, 150, &[2, 1]),
        ];
        for (retention_ms, keep_ms, retention_bytes, expected) in table {
            let tiers = vec![crate::options::TierOptions { width_ms: 5, keep_ms }];
            let options = Options { retention_ms, retention_bytes, tiers, block_ms: 1, ..Options::default() };
            assert_eq!(expired(blocks.into_iter(), 30, &options), expected, "{retention_ms}, {keep_ms}");
        }
        // Not configured any more: they stay.
        let options = Options { retention_ms: 10, block_ms: 1, ..Options::default() };
        assert_eq!(expired(blocks.into_iter(), 1000, &options), [1, 3]);
    }

    #[test]
    fn samples_wait_for_their_buckets_for_a_while() {
        let options = Options { retention_ms: 10, block_ms: 1, ..Options::default() };
        for (now, expected) in [(20, 0), (31, 0), (32, 1)] {
            assert_eq!(expired([aging(1, 0, MadeOf::Awaited)].into_iter(), now, &options).len(), expected, "{now}");
        }
    }
}
