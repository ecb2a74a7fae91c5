//! What a million active series cost in memory, and how soon they are back after `kill -9`.

use std::time::{Duration, Instant};

use nightjar_remote_write::Protocol;

use crate::Outcome;
use crate::bench::Bench;
use crate::fleet::Fleet;
use crate::load::send;
use crate::report::{Report, grouped};
use crate::server::{Kind, Server, disk_bytes};

const SCRAPES: usize = 5;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn measure(bench: &Bench<'_>, kind: &Kind, report: &mut Report) -> Outcome<()> {
    let hosts = bench.options.series.div_ceil(bench.capture.series.len());
    let fleet = Fleet::new(&bench.capture, hosts, SCRAPES, bench.now);
    let (connections, batch) = (bench.options.connections, bench.options.batch);
    let (server, dir) = bench.fresh(kind, "restart")?;
    let load = fleet.load(Protocol::V1, connections, batch, 0..SCRAPES - 1)?;
    let samples = load.samples;
    send(&load, server.port, Protocol::V1)?.checked()?;
    drop(load);
    server.settle(bench.settle_limit())?;
    let series = fleet.series();
    let row = |what: &str| format!("{} series: {what}", grouped(series as f64));
    let rss = server.usage()?.resident_bytes;
    report.add(&row("RSS, bytes per active series"), &kind.name, grouped(rss as f64 / series as f64));
    report.add(
        &row("disk, bytes per sample"),
        &kind.name,
        format!("{:.1}", disk_bytes(&dir.join("data")) as f64 / samples as f64),
    );
    let last = fleet.load(Protocol::V1, connections, batch, SCRAPES - 1..SCRAPES)?;
    send(&last, server.port, Protocol::V1)?.checked()?;
    server.kill()?;
    let (server, ready) = Server::start(kind, &dir)?;
    report.add(&row("kill -9 to ready, s"), &kind.name, format!("{:.2}", ready.as_secs_f64()));
    let (found, answered) = find(&server, &fleet)?;
    report.add(&row("ready to a first full answer, s"), &kind.name, format!("{:.2}", answered.as_secs_f64()));
    let lost = 1.0 - found / (fleet.hosts() * SCRAPES) as f64;
    report.add(&row("acknowledged samples lost"), &kind.name, grouped(lost * (samples + last.samples) as f64));
    Ok(())
}

/// How many samples of a metric that every host has are there, and when that was known.
fn find(server: &Server, fleet: &Fleet<'_>) -> Outcome<(f64, Duration)> {
    let begin = Instant::now();
    loop {
        let found = server.number("sum(count_over_time(node_load1[1h]))", fleet.end() + 1000);
        let late = begin.elapsed() > PATIENCE;
        match found {
            Ok(Some(found)) => return Ok((found, begin.elapsed())),
            Ok(None) => return Ok((0.0, begin.elapsed())),
            Err(problem) if late => return Err(problem),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
