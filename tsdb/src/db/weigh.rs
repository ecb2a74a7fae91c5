//! About how much a selection is, from the index and the directory alone: a few series stand for all.

use std::sync::Arc;

use nightjar_model::storage::{StorageError, Weight};
use nightjar_model::{ClosedRange, Matcher};
use nightjar_platform::Disk;

use super::directory::Entry;
use super::querier::DbQuerier;
use crate::block::Block;
use crate::wal::section::Kind;

/// Series of the head that are looked at.
const HEAD_SAMPLE: usize = 64;

/// Blocks whose postings are asked; those between them are taken to be alike.
const BLOCK_SAMPLE: usize = 8;

/// Series of a block that are looked at.
const SERIES_SAMPLE: usize = 4;

/// Evenly spread positions among `len`, at most `most`.
fn spread(len: usize, most: usize) -> impl Iterator<Item = usize> {
    let step = len.div_ceil(most).max(1);
    (0..len).step_by(step)
}

fn scale(n: u64, by: f64) -> u64 {
    (n as f64 * by) as u64
}

impl<D: Disk> DbQuerier<D> {
    /// What the head and the blocks have for these matchers in `range`.
    pub(super) fn weight(&self, matchers: &[Matcher], range: ClosedRange) -> Result<Weight, StorageError> {
        let mut all = self.head_weight(matchers, range);
        let blocks = self.blocks(range);
        let asked: Vec<_> = spread(blocks.len(), BLOCK_SAMPLE).map(|i| &blocks[i]).collect();
        let times = blocks.len() as f64 / asked.len().max(1) as f64;
        for block in asked {
            let weight = block_weight(block, matchers, range)?;
            // A series is in many blocks; how many there are in all is not known without reading their labels.
            all.series = all.series.max(weight.series);
            all.samples += scale(weight.samples, times);
            all.span_ms += scale(weight.span_ms, times);
        }
        Ok(all)
    }

    fn head_weight(&self, matchers: &[Matcher], range: ClosedRange) -> Weight {
        let writer = self.inner.writer.read();
        let ids = writer.head.index.select(matchers);
        let directory = self.inner.directory.read();
        let (mut looked, mut found, mut samples, mut span) = (0u64, 0u64, 0u64, 0u64);
        // Neighbours are often of one timeline.
        let (mut known, mut extent) = (None, (0, i64::MAX, i64::MIN));
        for i in spread(ids.len(), HEAD_SAMPLE) {
            let timeline = writer.head.table.slots[ids[i] as usize].timeline;
            if known.replace(timeline) != Some(timeline) {
                extent = self.extent(directory.since(timeline, range.start), range);
            }
            let (sections, first, last) = extent;
            looked += 1;
            found += u64::from(sections > 0);
            samples += sections;
            span += last.saturating_sub(first).max(0).unsigned_abs();
        }
        let times = ids.len() as f64 / looked.max(1) as f64;
        Weight { series: scale(found, times), samples: scale(samples, times), span_ms: scale(span, times) }
    }

    /// Number of sections that overlap `range`, and the part of it they cover. A section is one scrape, mostly.
    fn extent<'e>(&self, entries: impl Iterator<Item = &'e Entry>, range: ClosedRange) -> (u64, i64, i64) {
        let (mut sections, mut first, mut last) = (0, i64::MAX, i64::MIN);
        for entry in entries.filter(|e| e.position() < self.view.horizon) {
            let holds = matches!(entry.kind(), Kind::Rows | Kind::LateRows | Kind::Histograms);
            let start = range.start.max(self.view.parts.seal.floor(entry.position()));
            if holds && entry.t_min() <= range.end && entry.t_max() >= start {
                sections += 1;
                first = first.min(entry.t_min().max(start));
                last = last.max(entry.t_max().min(range.end));
            }
        }
        (sections, first, last)
    }
}

fn block_weight<D: Disk>(
    block: &Arc<Block<D>>,
    matchers: &[Matcher],
    range: ClosedRange,
) -> Result<Weight, StorageError> {
    // Damage is told by whoever reads.
    let Ok(ids) = block.select(matchers) else { return Ok(Weight::default()) };
    let summary = block.summary();
    let series = ids.cardinality();
    let within = summary.times.map_or(0, |t| t.end.min(range.end) - t.start.max(range.start)).max(0);
    let whole = summary.times.map_or(1, |t| (t.end - t.start).max(1));
    let share = series as f64 / summary.series.max(1) as f64 * (within as f64 / whole as f64).min(1.0);
    let (mut looked, mut span) = (0u64, 0u64);
    let step = (series / SERIES_SAMPLE as u64).max(1);
    for id in ids.iter().step_by(step as usize).take(SERIES_SAMPLE) {
        let Ok(Some(times)) = block.times(id) else { continue };
        looked += 1;
        span += (times.end.min(range.end) - times.start.max(range.start)).max(0).unsigned_abs();
    }
    Ok(Weight {
        series,
        samples: scale(summary.samples + summary.histograms, share),
        span_ms: scale(span, series as f64 / looked.max(1) as f64),
    })
}
