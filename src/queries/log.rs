//! The query log: one JSON object a line, shaped as Prometheus shapes it, with what the query cost and who asked added.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nightjar_model::TimestampMs;
use nightjar_platform::disk::RealFile;
use nightjar_platform::{Disk, DiskFile, OpenMode, RealDisk};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::origin::Origin;
use super::tracked::{Kind, Outcome, Snapshot, Stage};

/// The log, perhaps closed.
#[derive(Default)]
pub(super) struct QueryLog {
    open: Mutex<Option<Open>>,
}

struct Open {
    file: RealFile,
    end: u64,
}

impl QueryLog {
    /// Opens the file at `path` to append to it, whether it was open or not; `None` closes.
    pub(super) fn reopen(&self, path: Option<&Path>) -> Result<(), String> {
        let open = path.map(Open::at).transpose()?;
        *self.open.lock() = open;
        Ok(())
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.lock().is_some()
    }

    /// Appends a line about a query.
    pub(super) fn write(&self, query: &Snapshot, now: TimestampMs) -> io::Result<()> {
        let line = format!("{}\n", line(query, now));
        let mut open = self.open.lock();
        let Some(open) = open.as_mut() else { return Ok(()) };
        // Somebody may have emptied the file.
        open.end = open.end.min(open.file.len()?);
        open.file.write_all_at(line.as_bytes(), open.end)?;
        open.end += line.len() as u64;
        Ok(())
    }
}

impl Open {
    fn at(path: &Path) -> Result<Open, String> {
        let failed = |e: io::Error| {
            format!(
                "cannot open the query log {}: {e}; query_log_file or --query.log-file chooses another",
                path.display()
            )
        };
        let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().map(PathBuf::from).ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        let disk = RealDisk::new(directory).map_err(failed)?;
        let file = match disk.open(&name, OpenMode::ReadWrite) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => disk.open(&name, OpenMode::CreateNew),
            other => other,
        };
        let file = file.map_err(failed)?;
        let end = file.len().map_err(failed)?;
        Ok(Open { file, end })
    }
}

/// UTC with milliseconds.
fn date(ms: TimestampMs) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |t| format!("{t:.3}"))
}

fn line(query: &Snapshot, now: TimestampMs) -> Value {
    let tracked = &query.tracked;
    let (start, end, step) = match tracked.kind {
        Kind::Instant(at) => (at, at, 0),
        Kind::Range(steps) => (steps.start, steps.end, steps.step_ms / 1000),
    };
    let mut line = Map::new();
    line.insert("time".into(), date(now).into());
    line.insert("level".into(), "INFO".into());
    line.insert("msg".into(), "promql query logged".into());
    line.insert("params".into(), json!({"end": date(end), "query": tracked.text, "start": date(start), "step": step}));
    match &query.outcome {
        Some(Outcome::Failed(reason)) => drop(line.insert("error".into(), reason.as_str().into())),
        Some(Outcome::Canceled | Outcome::Left) => drop(line.insert("error".into(), "query was canceled".into())),
        Some(Outcome::Done) | None => {}
    }
    line.insert("stats".into(), json!({"timings": timings(&query.spent), "samples": samples(query)}));
    line.insert("spanID".into(), "0000000000000000".into());
    match &tracked.origin {
        Origin::Rule(rule) => {
            line.insert("ruleGroup".into(), json!({"file": rule.file, "name": rule.group}));
            line.insert("rule".into(), rule.rule.as_str().into());
        }
        Origin::Request(request) => {
            let http = json!({"clientIP": request.client, "method": request.method, "path": request.path});
            line.insert("httpRequest".into(), http);
            let told: Map<String, Value> =
                request.told.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
            line.insert("askedBy".into(), told.into());
        }
    }
    let cost = &query.cost;
    line.insert("cost".into(), json!({"cpuSeconds": cost.cpu.as_secs_f64(), "peakBytes": cost.peak_bytes}));
    line.insert("id".into(), tracked.id.to_string().into());
    line.into()
}

fn timings(spent: &[Duration; 5]) -> Value {
    let seconds = |stage: Stage| spent[stage as usize].as_secs_f64();
    let eval = seconds(Stage::Prepare) + seconds(Stage::Evaluate) + seconds(Stage::Sort);
    json!({
        "evalTotalTime": eval,
        "resultSortTime": seconds(Stage::Sort),
        "queryPreparationTime": seconds(Stage::Prepare),
        "innerEvalTime": seconds(Stage::Evaluate),
        "execQueueTime": seconds(Stage::Queue),
        "execTotalTime": seconds(Stage::Queue) + eval,
    })
}

fn samples(query: &Snapshot) -> Value {
    let cost = &query.cost;
    json!({
        "totalQueryableSamples": cost.samples,
        "samplesRead": cost.samples_read,
        "peakSamples": cost.peak_samples,
    })
}
