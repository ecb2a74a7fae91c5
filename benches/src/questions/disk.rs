//! How many bytes a sample takes on disk once a server has packed it as well as it does.

use crate::Outcome;
use crate::bench::Bench;
use crate::fleet::Fleet;
use crate::report::Report;
use crate::server::{Kind, disk_bytes};

pub(crate) fn measure(bench: &Bench<'_>, kind: &Kind, report: &mut Report) -> Outcome<()> {
    let fleet = Fleet::new(&bench.capture, bench.pick(6, 30), 1440, bench.now);
    let (server, dir) = bench.fresh(kind, "disk")?;
    let data = dir.join("data");
    let samples = bench.replay(&fleet, &server)?;
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
    report.add("bytes per sample on disk, all files", &kind.name, per_sample(running));
    if let Some(bytes) = snapshot {
        report.add("bytes per sample in a snapshot block", &kind.name, per_sample(bytes));
    }
    if let Some(figure) = in_blocks(&server.client()?.get("/metrics")?.text()) {
        report.add("bytes per sample in blocks", &kind.name, figure);
    }
    server.stop()?;
    let stopped = disk_bytes(&data) - snapshot.unwrap_or(0);
    report.add("bytes per sample on disk after a clean stop", &kind.name, per_sample(stopped));
    Ok(())
}

/// What a sample takes once it is in a block, if the server tells.
fn in_blocks(metrics: &str) -> Option<String> {
    let gauge = |name: &str| metrics.lines().find_map(|l| l.strip_prefix(name)?.trim().parse::<f64>().ok());
    let (bytes, samples) = (gauge("prometheus_tsdb_storage_blocks_bytes ")?, gauge("nightjar_storage_block_samples ")?);
    (samples > 0.0).then(|| format!("{:.2}", bytes / samples))
}
