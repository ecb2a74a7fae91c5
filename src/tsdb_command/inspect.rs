//! `nightjar tsdb inspect`.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use nightjar_model::duration::format_duration_ms;
use nightjar_platform::Disk;
use nightjar_tsdb::block::MetricUsage;
use nightjar_tsdb::{BlockInfo, DbStats};

use super::looked_at::{Progress, bytes, open, table, time, written};
use crate::safe_text::escaped;

/// Series whose labels are read at a time.
const SERIES: u32 = 4096;

const EXAMPLES: &str = "\
Examples:
  nightjar tsdb inspect data
      Blocks with their times, series, churn and bytes per sample; then the metrics that take most room.
  nightjar tsdb inspect data --limit 100
      The 100 metrics that take most room.

Churn is the part of a block's series that the block before it does not have.";

/// Arguments of `nightjar tsdb inspect`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct InspectCommand {
    /// The data directory.
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,

    /// Most metrics shown.
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
}

pub(super) fn run(command: &InspectCommand) -> Result<(), String> {
    let db = open(&command.directory)?;
    let (stats, blocks) = (db.stats(), db.blocks());
    let mut progress = Progress::new("of blocks inspected");
    let (mut rows, mut metrics) = (Vec::new(), BTreeMap::new());
    let mut before: Option<HashSet<u64>> = None;
    let total: u64 = blocks.iter().map(|b| b.block.summary().file_len).sum();
    let mut done = 0;
    for info in &blocks {
        if info.block.tier().is_some() {
            rows.push(row(info, None));
            continue;
        }
        let own = series(info)?;
        let usage = info.block.usage().map_err(|e| e.to_string())?;
        for (metric, usage) in usage {
            let known: &mut MetricUsage = metrics.entry(metric).or_default();
            known.series = known.series.max(usage.series);
            known.samples += usage.samples;
            known.bytes += usage.bytes;
        }
        let churn =
            before.map(|before| own.iter().filter(|s| !before.contains(s)).count() as f64 / own.len().max(1) as f64);
        rows.push(row(info, churn));
        before = Some(own);
        done += info.block.summary().file_len;
        progress.at(done, total);
    }
    written(tell(&stats, rows, metrics, command.limit, &mut std::io::stdout().lock()))
}

/// The series of a block, each as a hash.
fn series<D: Disk>(info: &BlockInfo<D>) -> Result<HashSet<u64>, String> {
    let mut all = HashSet::new();
    let series = info.block.summary().series as u32;
    for start in (0..series).step_by(SERIES as usize) {
        let ids: Vec<u32> = (start..series.min(start + SERIES)).collect();
        let mut labels = Vec::with_capacity(ids.len());
        info.block.labels_of(&ids, &mut labels).map_err(|e| e.to_string())?;
        all.extend(labels.iter().map(|labels| {
            let mut hasher = DefaultHasher::new();
            labels.iter().for_each(|label| (label.name, label.value).hash(&mut hasher));
            hasher.finish()
        }));
    }
    Ok(all)
}

fn row<D: Disk>(info: &BlockInfo<D>, churn: Option<f64>) -> Vec<String> {
    let s = info.block.summary();
    let samples = s.samples + s.histograms;
    let percent = |part: f64| format!("{:.1} %", part * 100.0);
    let buckets = info.block.tier().map(|tier| format!("buckets of {}", format_duration_ms(tier.width_ms)));
    let deletes = info.has_deletes.then(|| "deletes wait".to_owned());
    let notes: Vec<String> = buckets.into_iter().chain(deletes).collect();
    vec![
        format!("{:08}.blk", info.number),
        time(s.range.start),
        time(s.range.end),
        s.series.to_string(),
        churn.map_or_else(|| "-".to_owned(), percent),
        samples.to_string(),
        bytes(s.file_len),
        per_sample(s.file_len, samples),
        notes.join(", "),
    ]
}

fn per_sample(bytes: u64, samples: u64) -> String {
    if samples == 0 { "-".to_owned() } else { format!("{:.3}", bytes as f64 / samples as f64) }
}

fn tell(
    stats: &DbStats,
    rows: Vec<Vec<String>>,
    metrics: BTreeMap<String, MetricUsage>,
    limit: usize,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let header = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let mut lines = vec![header(&["block", "from", "to", "series", "churn", "samples", "size", "B/sample"])];
    lines.extend(rows);
    table(out, &lines)?;
    let total = per_sample(stats.block_bytes, stats.block_samples);
    writeln!(
        out,
        "{} blocks, {}, {} samples, {total} B/sample",
        stats.blocks,
        bytes(stats.block_bytes),
        stats.block_samples
    )?;
    writeln!(
        out,
        "log: {} segments, {}, {} series of {} targets",
        stats.log_segments,
        bytes(stats.log_bytes),
        stats.series,
        stats.timelines
    )?;
    let mut metrics: Vec<_> = metrics.into_iter().collect();
    metrics.sort_by(|a, b| b.1.bytes.cmp(&a.1.bytes).then_with(|| a.0.cmp(&b.0)));
    let shown = metrics.len().min(limit);
    writeln!(out, "\n{shown} of {} metrics, by bytes of values in blocks", metrics.len())?;
    let mut lines = vec![header(&["metric", "series", "samples", "size", "B/sample"])];
    lines.extend(metrics.into_iter().take(limit).map(|(metric, u)| {
        let name = if metric.is_empty() { "(no name)".to_owned() } else { escaped(&metric) };
        vec![name, u.series.to_string(), u.samples.to_string(), bytes(u.bytes), per_sample(u.bytes, u.samples)]
    }));
    table(out, &lines)
}
