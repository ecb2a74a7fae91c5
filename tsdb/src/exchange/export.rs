//! From our storage to foreign forms.

use std::collections::BTreeSet;
use std::io::{self, Write};

use nightjar_model::labels::METRIC_NAME;
use nightjar_model::storage::{SelectHints, SeriesData, SeriesSet, Storage, StorageError};
use nightjar_model::{BlockRange, ClosedRange, Matcher, TimestampMs};
use nightjar_platform::{Disk, Entropy};

use super::openmetrics::put_series;
use super::prometheus::{BlockWriter, Meta, ulid};
use crate::db::Db;

/// Series read at once.
const RUN: usize = 64;

/// What to export.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// Samples of these times.
    pub range: ClosedRange,
    /// Series that satisfy all of these.
    pub matchers: Vec<Matcher>,
    /// Width of a block, in milliseconds.
    pub block_ms: i64,
    /// The wall clock, for names of blocks.
    pub now: TimestampMs,
}

/// How far an export has come.
#[derive(Clone, Copy, Debug)]
pub struct ExportProgress {
    /// Stretches or metrics finished.
    pub done: u64,
    /// Stretches or metrics in all.
    pub total: u64,
    /// Samples written so far.
    pub samples: u64,
}

/// What was exported.
#[derive(Clone, Debug, Default)]
pub struct Exported {
    /// The blocks.
    pub blocks: Vec<Meta>,
    /// Samples of all kinds.
    pub samples: u64,
    /// Histograms that text cannot say.
    pub left_out: u64,
    /// Damage met on the way: something is missing.
    pub warnings: Vec<String>,
}

/// Why an export stopped.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Reading or writing failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Storage could not answer.
    #[error("{0}")]
    Storage(#[from] StorageError),
}

/// Writes everything asked for as blocks of Prometheus into the root of `out`.
pub fn to_blocks<D: Disk, O: Disk>(
    db: &Db<D>,
    out: &O,
    request: &ExportRequest,
    entropy: &dyn Entropy,
    progress: &mut dyn FnMut(ExportProgress),
) -> Result<Exported, ExportError> {
    let mut done = Exported::default();
    let Some((first, last)) = db.stats().times else { return Ok(done) };
    let (first, last) = (first.max(request.range.start), last.min(request.range.end));
    let mut window = BlockRange::aligned(first, request.block_ms);
    let total = if first > last { 0 } else { (last - window.start) as u64 / request.block_ms as u64 + 1 };
    for n in 0..total {
        let name = ulid(request.now.max(0) as u64, [entropy.next_u64(), entropy.next_u64()]);
        if let Some(meta) = one_block(db, out, request, window, &name, &mut done.warnings)? {
            done.samples += meta.stats.num_samples;
            done.blocks.push(meta);
        }
        progress(ExportProgress { done: n + 1, total, samples: done.samples });
        window = BlockRange::aligned(window.end, request.block_ms);
    }
    Ok(done)
}

fn one_block<D: Disk, O: Disk>(
    db: &Db<D>,
    out: &O,
    request: &ExportRequest,
    window: BlockRange,
    name: &str,
    warnings: &mut Vec<String>,
) -> Result<Option<Meta>, ExportError> {
    let range =
        ClosedRange { start: window.start.max(request.range.start), end: (window.end - 1).min(request.range.end) };
    let set = db.querier(range)?.select(&request.matchers, &SelectHints::range(range))?;
    let mut symbols = BTreeSet::new();
    for i in 0..set.len() {
        for label in set.labels(i).iter() {
            for text in [label.name, label.value] {
                if !symbols.contains(text) {
                    symbols.insert(text.to_owned());
                }
            }
        }
    }
    let mut block = BlockWriter::create(out, name, window, symbols)?;
    each(&*set, range, |i, data| Ok(block.series(&set.labels(i), data)?))?;
    for warning in set.warnings() {
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    Ok(block.finish()?)
}

/// Calls `take` with every series of a set and its samples.
fn each(
    set: &dyn SeriesSet,
    range: ClosedRange,
    mut take: impl FnMut(usize, &SeriesData) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let mut data = Vec::with_capacity(RUN);
    for start in (0..set.len()).step_by(RUN) {
        let end = (start + RUN).min(set.len());
        data.clear();
        set.read(start..end, range, &mut data)?;
        (start..end).zip(&data).try_for_each(|(i, data)| take(i, data))?;
    }
    Ok(())
}

/// Writes everything asked for as OpenMetrics text, metric by metric.
pub fn to_text<D: Disk>(
    db: &Db<D>,
    out: &mut dyn Write,
    request: &ExportRequest,
    progress: &mut dyn FnMut(ExportProgress),
) -> Result<Exported, ExportError> {
    let mut done = Exported::default();
    let range = request.range;
    let querier = db.querier(range)?;
    let metrics = querier.label_values(METRIC_NAME, &request.matchers, 0)?.items;
    let total = metrics.len() as u64;
    for (n, metric) in metrics.iter().enumerate() {
        let mut matchers = request.matchers.clone();
        matchers.push(Matcher::equal(METRIC_NAME, metric.as_str()));
        let set = querier.select(&matchers, &SelectHints::range(range))?;
        each(&*set, range, |i, data| {
            let floats = &data.floats;
            done.samples += floats.values.len() as u64;
            done.left_out += data.histograms.values.len() as u64;
            Ok(put_series(&set.labels(i), &floats.timestamps, &floats.values, out)?)
        })?;
        done.warnings.extend(set.warnings());
        progress(ExportProgress { done: n as u64 + 1, total, samples: done.samples });
    }
    out.write_all(b"# EOF\n")?;
    done.warnings.sort();
    done.warnings.dedup();
    Ok(done)
}
