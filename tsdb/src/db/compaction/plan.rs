//! Which blocks to merge, decided without doing it.
//!
//! Time is divided into stretches of 12 and of 84 block widths (a day and a week). The blocks of a stretch become one when
//! no more samples are expected for it, so a sample is rewritten once at each level. Blocks with late samples that come
//! even later wait until they are many or large, for the next level, or for the end.

use nightjar_model::{BlockRange, TimestampMs};

use crate::options::Options;

/// Widths of merged blocks, in widths of sealed ones.
pub(super) const LEVELS: [i64; 2] = [12, 84];
/// A block is at most this part of the time, or of the bytes, that are kept: retention removes whole blocks.
const PART_OF_RETENTION: i64 = 10;
/// So many blocks beside one that was merged before are merged with it, however small they are.
const MANY: usize = 8;
/// More are not merged at once.
pub(super) const MOST: usize = 128;
/// A block is rewritten when this part of it is deleted and no more of it is expected to be,
const DELETED: f64 = 0.05;
/// or this part in any case.
const MOSTLY_DELETED: f64 = 0.5;

/// A block as compaction sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// Its number: of two blocks with one sample the lower one counts.
    pub(crate) number: u64,
    /// The times it stands for.
    pub(crate) range: BlockRange,
    /// Size of the file.
    pub(crate) bytes: u64,
    /// Part of its samples that is deleted, about.
    pub(crate) deleted: f64,
    /// The same, of deletes that will not grow.
    pub(crate) finally_deleted: f64,
    /// A part of it cannot be read: it stays as it is, so that an intact copy may take its place.
    pub(crate) damaged: bool,
    /// What exists twice in it is damaged once.
    pub(crate) scratched: bool,
}

/// Blocks to make one of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Compaction {
    /// Their numbers, ascending.
    pub(crate) sources: Vec<u64>,
    /// The times the outcome stands for.
    pub(crate) range: BlockRange,
    /// Size of all of them.
    pub(crate) bytes: u64,
}

/// The next compaction, if one is due. `settled` is the time before which no more samples are expected.
pub(crate) fn next(blocks: &[Candidate], settled: TimestampMs, options: &Options) -> Option<Compaction> {
    let levels = LEVELS.into_iter().map(|level| options.block_ms.saturating_mul(level));
    let mut merges = levels.filter(|width| *width <= widest(options)).filter_map(|width| {
        let mut starts: Vec<TimestampMs> =
            blocks.iter().map(|b| BlockRange::aligned(b.range.start, width).start).collect();
        starts.sort_unstable();
        starts.dedup();
        let ranges = starts.into_iter().map(|start| BlockRange { start, end: start.saturating_add(width) });
        ranges.filter(|range| range.end <= settled).find_map(|range| merge(blocks, range, options))
    });
    merges.next().or_else(|| blocks.iter().find_map(rewrite))
}

/// Width of the widest block allowed.
pub(super) fn widest(options: &Options) -> i64 {
    match options.retention_ms {
        0 => i64::MAX,
        kept => (kept / PART_OF_RETENTION).max(options.block_ms),
    }
}

fn merge(blocks: &[Candidate], range: BlockRange, options: &Options) -> Option<Compaction> {
    let inside = |b: &&Candidate| range.start <= b.range.start && b.range.end <= range.end;
    let mut members: Vec<&Candidate> = blocks.iter().filter(inside).collect();
    // Of too many the ones that count last: nobody of the others counts after one of them.
    members.sort_unstable_by_key(|b| std::cmp::Reverse(b.number));
    members.truncate(MOST);
    let bytes: u64 = members.iter().map(|b| b.bytes).sum();
    let too_large = options.retention_bytes > 0 && bytes > options.retention_bytes / PART_OF_RETENTION as u64;
    if members.len() < 2 || too_large || members.iter().any(|b| b.damaged) {
        return None;
    }
    // The outcome counts after all others: nobody else may have counted after one of its parts.
    let counts_later = |other: &Candidate| {
        let overlaps = |m: &&&Candidate| m.range.start < other.range.end && other.range.start < m.range.end;
        members.iter().filter(overlaps).any(|m| m.number < other.number)
    };
    if blocks.iter().filter(|b| !members.iter().any(|m| m.number == b.number)).any(counts_later) {
        return None;
    }
    if let Some(merged) = members.iter().filter(|b| b.range == range).map(|b| b.bytes).max() {
        let rest = bytes - merged;
        if members.len() <= MANY && rest < merged / 2 {
            return None;
        }
    }
    let mut sources: Vec<u64> = members.iter().map(|b| b.number).collect();
    sources.sort_unstable();
    Some(Compaction { sources, range, bytes })
}

/// Writes one block anew, without what was deleted from it, or to have everything twice again.
fn rewrite(block: &Candidate) -> Option<Compaction> {
    (is_due(block) && !block.damaged).then(|| alone(block))
}

/// Whether a block should be written anew.
pub(super) fn is_due(block: &Candidate) -> bool {
    block.finally_deleted >= DELETED || block.deleted >= MOSTLY_DELETED || block.scratched
}

/// One block for itself.
pub(crate) fn alone(block: &Candidate) -> Compaction {
    Compaction { sources: vec![block.number], range: block.range, bytes: block.bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: i64 = 3_600_000;

    fn block(number: u64, start: i64, hours: i64, bytes: u64) -> Candidate {
        let range = BlockRange { start: start * HOUR, end: (start + hours) * HOUR };
        Candidate { number, range, bytes, deleted: 0.0, finally_deleted: 0.0, damaged: false, scratched: false }
    }

    fn options() -> Options {
        Options { retention_ms: 0, ..Options::default() }
    }

    fn sources(blocks: &[Candidate], settled: i64, options: &Options) -> Vec<u64> {
        next(blocks, settled * HOUR, options).map(|c| c.sources).unwrap_or_default()
    }

    #[test]
    fn a_day_becomes_one_block_when_nothing_more_is_expected() {
        let day: Vec<Candidate> = (0..12).map(|i| block(i + 1, 2 * i as i64, 2, 100)).collect();
        assert_eq!(sources(&day, 23, &options()), Vec::<u64>::new());
        assert_eq!(sources(&day, 24, &options()), (1..13).collect::<Vec<_>>());
        let kept = |days: i64| Options { retention_ms: days * 24 * HOUR, ..Options::default() };
        assert_eq!(sources(&day, 24, &kept(10)).len(), 12);
        assert_eq!(sources(&day, 24, &kept(9)).len(), 0, "a day is more than a tenth of nine");
        let few = |bytes| Options { retention_bytes: bytes, ..options() };
        assert_eq!((sources(&day, 24, &few(12_000)).len(), sources(&day, 24, &few(11_990)).len()), (12, 0));
    }

    #[test]
    fn a_week_is_made_of_days() {
        let mut blocks: Vec<Candidate> = (0..7).map(|i| block(i + 1, 24 * i as i64, 24, 1000)).collect();
        assert_eq!(sources(&blocks, 168, &options()).len(), 7);
        blocks.push(block(8, 2, 2, 400));
        assert_eq!(sources(&blocks, 168, &options()).len(), 8, "late samples go along");
        blocks.push(block(9, 30, 2, 700));
        assert_eq!(sources(&blocks, 168, &options()), [2, 9], "days first");
    }

    #[test]
    fn late_samples_wait_until_they_are_many_or_large() {
        let mut blocks = vec![block(20, 0, 24, 1000), block(21, 0, 2, 100)];
        assert!(sources(&blocks, 24, &options()).is_empty());
        blocks.push(block(22, 4, 2, 400));
        assert_eq!(sources(&blocks, 24, &options()), [20, 21, 22]);
        let many: Vec<Candidate> =
            (0..9).map(|i| block(20 + i, 0, if i == 0 { 24 } else { 2 }, if i == 0 { 1000 } else { 1 })).collect();
        assert_eq!(sources(&many, 24, &options()).len(), 9);
    }

    #[test]
    fn too_many_are_merged_in_several_steps() {
        let mut blocks: Vec<Candidate> = (0..300).map(|i| block(i + 1, 2 * (i as i64 % 12), 2, 100)).collect();
        let first = next(&blocks, 24 * HOUR, &options()).unwrap();
        assert_eq!((first.sources.len(), first.sources[0]), (MOST, 173));
        let mut steps = 0;
        while let Some(c) = next(&blocks, 24 * HOUR, &options()) {
            blocks.retain(|b| !c.sources.contains(&b.number));
            steps += 1;
            blocks.push(Candidate { number: 300 + steps, range: c.range, bytes: c.bytes, ..block(0, 0, 2, 0) });
        }
        assert_eq!((blocks.len(), steps), (1, 3));
    }

    #[test]
    fn damage_stays_where_it_is() {
        let mut day: Vec<Candidate> = (0..12).map(|i| block(i + 1, 2 * i as i64, 2, 100)).collect();
        day[3].damaged = true;
        assert!(sources(&day, 24, &options()).is_empty());
        let scratched = Candidate { scratched: true, ..block(7, 0, 2, 1) };
        assert_eq!(sources(&[scratched], 24, &options()), [7]);
    }

    #[test]
    fn deleted_parts_are_written_anew() {
        let table = [(0.5, 0.0, true), (0.49, 0.0, false), (0.05, 0.05, true), (0.04, 0.04, false)];
        for (deleted, finally_deleted, due) in table {
            let block = Candidate { deleted, finally_deleted, ..block(7, 0, 2, 1) };
            assert_eq!(!sources(&[block], 24, &options()).is_empty(), due, "{deleted} {finally_deleted}");
        }
    }

    /// What every plan must keep: of two blocks that overlap, who counts first.
    fn keeps_order(blocks: &[Candidate], c: &Compaction) -> bool {
        let member = |b: &Candidate| c.sources.contains(&b.number);
        let overlap = |a: &Candidate, b: &Candidate| a.range.start < b.range.end && b.range.start < a.range.end;
        blocks
            .iter()
            .filter(|b| !member(b))
            .all(|other| blocks.iter().filter(|b| member(b)).all(|m| !overlap(m, other) || other.number < m.number))
    }

    proptest! {
        #[test]
        fn it_ends_and_writes_nothing_too_often(
            late in prop::collection::vec((0..84i64, 1..200u64), 0..60),
            wide in prop::collection::vec((0..80i64, 2..9i64), 0..3),
        ) {
            let mut blocks: Vec<Candidate> = (0..84).map(|i| block(i + 1, 2 * i as i64, 2, 1000)).collect();
            for (start, bytes) in late {
                blocks.push(block(blocks.len() as u64 + 1, 2 * start, 2, bytes));
            }
            for (start, hours) in wide {
                blocks.push(block(blocks.len() as u64 + 1, 2 * start, hours, 500));
            }
            let sealed: u64 = blocks.iter().map(|b| b.bytes).sum();
            let (mut written, mut steps, mut number) = (sealed, 0, 1000);
            while let Some(c) = next(&blocks, 168 * HOUR, &options()) {
                prop_assert!(keeps_order(&blocks, &c));
                prop_assert!(c.sources.len() <= MOST);
                blocks.retain(|b| !c.sources.contains(&b.number));
                number += 1;
                blocks.push(Candidate { number, range: c.range, bytes: c.bytes, ..block(0, 0, 2, 0) });
                written += c.bytes;
                steps += 1;
                prop_assert!(steps < 100);
            }
            prop_assert!(written <= 3 * sealed, "{written} of {sealed}");
        }
    }
}
