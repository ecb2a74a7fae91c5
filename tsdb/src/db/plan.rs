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
}

/// Blocks whose whole range is older than the retention allows, and the oldest ones while all together are too large.
/// The log does not count: it is bounded by what is not sealed yet.
pub(crate) fn expired(blocks: impl Iterator<Item = Aging>, now: TimestampMs, options: &Options) -> Vec<u64> {
    let mut blocks: Vec<Aging> = blocks.collect();
    blocks.sort_by_key(|b| (b.range.end, b.number));
    let oldest = if options.retention_ms > 0 { now.saturating_sub(options.retention_ms) } else { TimestampMs::MIN };
    let limit = if options.retention_bytes > 0 { options.retention_bytes } else { u64::MAX };
    let mut bytes: u64 = blocks.iter().map(|b| b.bytes).sum();
    let goes = |b: &&Aging| {
        let goes = b.range.end <= oldest || bytes > limit;
        bytes -= if goes { b.bytes } else { 0 };
        goes
    };
    blocks.iter().filter(goes).map(|b| b.number).collect()
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
        let block = |number, start| Aging { number, range: BlockRange { start, end: start + 10 }, bytes: 100 };
        let blocks = [block(3, 20), block(1, 0), block(2, 10), block(4, 10)];
        let table: [(i64, u64, &[u64]); 6] =
            [(0, 0, &[]), (10, 0, &[1, 2, 4]), (1_000, 0, &[]), (0, 400, &[]), (0, 399, &[1]), (20, 150, &[1, 2, 4])];
        for (retention_ms, retention_bytes, expected) in table {
            let options = Options { retention_ms, retention_bytes, ..Options::default() };
            assert_eq!(expired(blocks.into_iter(), 30, &options), expected, "{retention_ms} ms, {retention_bytes} B");
        }
    }
}
