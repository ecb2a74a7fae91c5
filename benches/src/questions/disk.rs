//! How many bytes a sample takes on disk once a server has packed it as well as it does.

use crate::Outcome;
use crate::bench::{Bench, EVERY};
use crate::capture::Capture;
use crate::fleet::Fleet;
use crate::report::Report;
use crate::server::{Kind, disk_bytes};

pub(crate) fn measure(bench: &Bench<'_>, kind: &Kind, report: &mut Report) -> Outcome<()> {
    let fleet = Fleet::new(&bench.capture, bench.pick(6, 30), 1440, bench.now);
    one(bench, kind, &fleet, "", report)
}

/// Each recording beside the one that was asked for, on its own.
pub(crate) fn by_exporter(bench: &Bench<'_>, kind: &Kind, report: &mut Report) -> Outcome<()> {
    let dir = bench.options.capture.parent().ok_or("the capture has no directory")?;
    let mut files: Vec<_> = std::fs::read_dir(dir).map_err(|e| e.to_string())?.flatten().map(|e| e.path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "zst"));
    files.sort();
    for file in files {
        let capture = Capture::read(&file, EVERY)?;
        let name = file.file_name().and_then(|name| name.to_str()?.split('.').next()).unwrap_or("?").to_owned();
        let fleet = Fleet::new(&capture, bench.pick(2, 6), 1440, bench.now);
        one(bench, kind, &fleet, &format!("{name}: "), report)?;
    }
    Ok(())
}

fn one(bench: &Bench<'_>, kind: &Kind, fleet: &Fleet<'_>, prefix: &str, report: &mut Report) -> Outcome<()> {
    let (server, dir) = bench.fresh(kind, "disk")?;
    let data = dir.join("data");
    let samples = bench.replay(fleet, &server)?;
    let mut client = server.client()?;
    let mut snapshot = None;
    if kind.name == "victoria-metrics" {
        client.get("/internal/force_flush")?;
        client.get("/internal/force_merge")?;
    } else if client.post("/api/v1/admin/tsdb/snapshot", "", &[]).is_ok_and(|answer| answer.status == 200) {
        snapshot = Some(disk_bytes(&data.join("snapshots")));
    }
    server.settle(bench.settle_limit())?;
    let per_sample = |bytes: u64| format!("{:.2}", bytes as f64 / samples as f64);
    let running = disk_bytes(&data) - snapshot.unwrap_or(0);
    report.add(&format!("{prefix}bytes per sample on disk, all files"), &kind.name, per_sample(running));
    if let Some(bytes) = snapshot {
        report.add(&format!("{prefix}bytes per sample in a snapshot block"), &kind.name, per_sample(bytes));
    }
    if let Some(figure) = in_blocks(&server.client()?.get("/metrics")?.text()) {
        report.add(&format!("{prefix}bytes per sample in blocks"), &kind.name, figure);
    }
    server.stop()?;
    let stopped = disk_bytes(&data) - snapshot.unwrap_or(0);
    report.add(&format!("{prefix}bytes per sample on disk after a clean stop"), &kind.name, per_sample(stopped));
    Ok(())
}

/// What a sample takes once it is in a block, if the server tells.
fn in_blocks(metrics: &str) -> Option<String> {
    let gauge = |name: &str| metrics.lines().find_map(|l| l.strip_prefix(name)?.trim().parse::<f64>().ok());
    let (bytes, samples) = (gauge("prometheus_tsdb_storage_blocks_bytes ")?, gauge("nightjar_storage_block_samples ")?);
    (samples > 0.0).then(|| format!("{:.2}", bytes / samples))
}
