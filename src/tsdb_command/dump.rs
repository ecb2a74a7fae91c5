//! `nightjar tsdb dump`.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use nightjar_model::labels::quote;
use nightjar_model::number::format_g;
use nightjar_model::storage::{SelectHints, SeriesData, Storage};
use nightjar_model::{ClosedRange, Labels, Matcher};
use nightjar_query::{ParserOptions, parse_selector};

use super::looked_at::{Progress, open, written};
use crate::http::time::parse_time;

/// Series read at a time.
const SERIES: usize = 64;

const EXAMPLES: &str = "\
Examples:
  nightjar tsdb dump data --match 'up{job=\"node\"}' --min-time 2026-11-20T00:00:00Z
      {__name__=\"up\", job=\"node\"} 1 1795132800000      as `promtool tsdb dump` prints it
  nightjar tsdb dump data --match up --match '{job=\"x\"}' --format json
      {\"metric\":{\"__name__\":\"up\"},\"values\":[\"1\"],\"timestamps\":[1795132800000]}";

/// How samples are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One sample a line: labels, value, milliseconds.
    Text,
    /// One series a line.
    Json,
}

/// Arguments of `nightjar tsdb dump`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DumpCommand {
    /// The data directory.
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,

    /// Series to print; may be repeated, any of them will do.
    #[arg(long = "match", value_name = "SELECTOR", default_value = "{__name__=~\".+\"}")]
    selectors: Vec<String>,

    /// Nothing before this time: seconds since the epoch or RFC 3339.
    #[arg(long, value_name = "TIME")]
    min_time: Option<String>,

    /// Nothing after this time.
    #[arg(long, value_name = "TIME")]
    max_time: Option<String>,

    /// How samples are printed.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(command: &DumpCommand) -> Result<(), String> {
    let time = |text: &Option<String>, default, flag: &str| match text {
        None => Ok(default),
        Some(text) => parse_time(text).map_err(|e| format!("{flag}: {e}")),
    };
    let range = ClosedRange {
        start: time(&command.min_time, i64::MIN, "--min-time")?,
        end: time(&command.max_time, i64::MAX, "--max-time")?,
    };
    let parse = |text: &String| {
        parse_selector(text, &ParserOptions::default()).map_err(|e| format!("--match={}: {e}", quote(text)))
    };
    let sets = command.selectors.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    let db = open(&command.directory)?;
    let mut out = BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    for (i, matchers) in sets.iter().enumerate() {
        dump(&db, matchers, &sets[..i], range, command.format, &mut out)?;
    }
    written(out.flush())
}

/// Prints what `matchers` select, without what one of the sets before it has printed.
fn dump(
    db: &impl Storage,
    matchers: &[Matcher],
    printed: &[Vec<Matcher>],
    range: ClosedRange,
    format: Format,
    out: &mut impl Write,
) -> Result<(), String> {
    let querier = db.querier(range).map_err(|e| e.to_string())?;
    let set = querier.select(matchers, &SelectHints::range(range)).map_err(|e| e.to_string())?;
    let mut progress = Progress::new("of series printed");
    let mut data = Vec::new();
    for start in (0..set.len()).step_by(SERIES) {
        let end = set.len().min(start + SERIES);
        data.clear();
        set.read(start..end, range, &mut data).map_err(|e| e.to_string())?;
        for (i, data) in (start..end).zip(&data) {
            let labels = set.labels(i);
            let before = |set: &Vec<Matcher>| set.iter().all(|m| m.matches(labels.value(&m.name)));
            if printed.iter().any(before) {
                continue;
            }
            let done = match format {
                Format::Text => text(&labels, data, out),
                Format::Json => json(&labels, data, out),
            };
            match done {
                Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
                done => written(done)?,
            }
        }
        progress.at(end as u64, set.len() as u64);
    }
    for warning in set.warnings() {
        let _ = writeln!(std::io::stderr(), "warning: {}", crate::safe_text::escaped(&warning));
    }
    Ok(())
}

/// Time and value of each sample, ascending.
fn samples(data: &SeriesData) -> Vec<(i64, String)> {
    let floats = data.floats.timestamps.iter().zip(&data.floats.values).map(|(t, v)| (*t, format_g(*v)));
    let histograms = data.histograms.timestamps.iter().zip(&data.histograms.values).map(|(t, h)| (*t, h.to_string()));
    let mut all: Vec<_> = floats.chain(histograms).collect();
    all.sort_by_key(|(t, _)| *t);
    all
}

fn text(labels: &Labels, data: &SeriesData, out: &mut impl Write) -> std::io::Result<()> {
    let labels = labels.to_string();
    samples(data).iter().try_for_each(|(t, value)| writeln!(out, "{labels} {value} {t}"))
}

fn json(labels: &Labels, data: &SeriesData, out: &mut impl Write) -> std::io::Result<()> {
    let samples = samples(data);
    if samples.is_empty() {
        return Ok(());
    }
    let metric: serde_json::Map<String, serde_json::Value> =
        labels.iter().map(|l| (l.name.to_owned(), l.value.into())).collect();
    let (times, values): (Vec<i64>, Vec<String>) = samples.into_iter().unzip();
    let line = serde_json::json!({ "metric": metric, "values": values, "timestamps": times });
    writeln!(out, "{line}")
}
