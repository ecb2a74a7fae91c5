//! What to seal and what to remove, decided without doing it.

use std::collections::BTreeSet;

use nightjar_model::{BlockRange, TimestampMs};

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

/// Blocks whose whole range is older than the retention allows.
pub(crate) fn expired(
    blocks: impl Iterator<Item = (u64, BlockRange)>,
    now: TimestampMs,
    options: &Options,
) -> Vec<u64> {
    if options.retention_ms <= 0 {
        return Vec::new();
    }
    let oldest = now.saturating_sub(options.retention_ms);
    blocks.filter(|(_, range)| range.end <= oldest).map(|(number, _)| number).collect()
}
