//! How many samples a second of CPU takes in, and what a new series costs.

use nightjar_remote_write::Protocol;

use crate::Outcome;
use crate::bench::Bench;
use crate::fleet::Fleet;
use crate::load::{send, send_paced};
use crate::report::{Report, grouped};
use crate::server::{Kind, Server};

pub(crate) fn measure(bench: &Bench<'_>, kind: &Kind, report: &mut Report) -> Outcome<()> {
    let options = bench.options;
    let hosts = if options.sized { options.series.div_ceil(bench.capture.series.len()) } else { 170 };
    // So many samples that a run takes seconds, and fit into this program's memory.
    let scrapes = (bench.pick(1_100_000, 6_500_000) / (hosts * bench.capture.series.len())).clamp(4, 61);
    let fleet = Fleet::new(&bench.capture, hosts, scrapes, bench.now).ordered(options.order);
    for (protocol, name) in [(Protocol::V1, "1.0"), (Protocol::V2, "2.0")] {
        let (server, _) = bench.fresh(kind, "ingest")?;
        if let Err(problem) = one(bench, &fleet, &server, protocol, name, report) {
            report.add(&format!("remote write {name}"), &kind.name, problem);
        }
    }
    Ok(())
}

fn one(
    bench: &Bench<'_>,
    fleet: &Fleet<'_>,
    server: &Server,
    protocol: Protocol,
    name: &str,
    report: &mut Report,
) -> Outcome<()> {
    let (connections, batch) = (bench.options.connections, bench.options.batch);
    let cpu = || server.usage().map(|usage| usage.cpu_seconds);
    let first = fleet.load(protocol, connections, batch, 0..1)?;
    let before = cpu()?;
    let sent = send(&first, server.port, protocol)?.checked()?;
    if protocol == Protocol::V2 && !sent.counted {
        return Err("not supported".to_owned());
    }
    server.settle(bench.settle_limit())?;
    let registered = cpu()?;
    let load = fleet.load(protocol, connections, batch, 1..fleet.scrapes())?;
    let sent = send_paced(&load, server.port, protocol, bench.options.rate)?.checked()?;
    server.settle(bench.settle_limit())?;
    let spent = cpu()? - registered;
    let probe = server.number("sum(count_over_time(node_load1[3h]))", fleet.end() + 1000)?;
    let expected = (fleet.hosts() * fleet.scrapes()) as f64;
    if probe != Some(expected) {
        return Err(format!("lost samples: {expected} of a metric were acknowledged, {probe:?} are there"));
    }
    let mut add = |row: &str, figure| report.add(&format!("remote write {name}, {row}"), &server.kind.name, figure);
    add("samples per CPU-second", grouped(load.samples as f64 / spent));
    add("samples per second", grouped(load.samples as f64 / sent.wall.as_secs_f64()));
    add("ack p50 / p99, ms", format!("{:.1} / {:.1}", ms(sent.wait(0.5)), ms(sent.wait(0.99))));
    add("CPU per new series, us", format!("{:.1}", (registered - before) / fleet.series() as f64 * 1e6));
    Ok(())
}

fn ms(duration: std::time::Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
