//! What a query costs.

use std::time::Instant;

use super::Bench;
use crate::Outcome;
use crate::capture::Capture;
use crate::fleet::Fleet;
use crate::http::escape;
use crate::report::Report;
use crate::server::{Kind, Server};

const HOSTS: usize = 170;
const TWO_HOURS_MS: i64 = 2 * 3600 * 1000;

pub(crate) fn measure(bench: &Bench<'_>, kind: &Kind, report: &mut Report) -> Outcome<()> {
    let cpu_only = Capture::read(&bench.options.capture, super::EVERY)?.only("node_cpu_seconds_total");
    let (server, _) = bench.fresh(kind, "query")?;
    // Two hours and the five minutes before.
    let fleet = Fleet::new(&cpu_only, HOSTS, 501, bench.now - 60_000);
    bench.replay(&fleet, &server)?;
    let wide = Fleet::new(&bench.capture, HOSTS, 1, bench.now - 30_000);
    bench.replay(&wide, &server)?;
    if kind.name == "victoria-metrics" {
        server.client()?.get("/internal/force_flush")?;
    }
    server.settle(bench.settle_limit())?;
    let (end, start) = (fleet.end(), fleet.end() - TWO_HOURS_MS);
    let range = |query: &str| {
        let (start, end) = (start as f64 / 1e3, end as f64 / 1e3);
        format!("/api/v1/query_range?query={}&start={start:.3}&end={end:.3}&step=15", escape(query))
    };
    let instant =
        |query: &str| format!("/api/v1/query?query={}&time={:.3}", escape(query), wide.end() as f64 / 1e3 + 1.0);
    let queries = [
        ("sum by(mode)(rate(cpu[5m])), 2 h", range("sum by(mode)(rate(node_cpu_seconds_total[5m]))")),
        (
            "sum by(instance)(rate(cpu{mode!=\"idle\"}[5m])), 2 h",
            range("sum by(instance)(rate(node_cpu_seconds_total{mode!=\"idle\"}[5m]))"),
        ),
        ("count({job=\"x\"}), wide instant", instant("count({job=\"node-exporter\"})")),
    ];
    for (name, path) in queries {
        match cost(bench, &server, &(path + kind.no_cache())) {
            Ok((cpu_ms, wall_ms, answer)) => {
                report.add(&format!("{name}, CPU ms (wall ms)"), &kind.name, format!("{cpu_ms:.1} ({wall_ms:.1})"));
                report.add(&format!("{name}, answer"), &kind.name, answer);
            }
            Err(problem) => report.add(&format!("{name}, CPU ms (wall ms)"), &kind.name, problem),
        }
    }
    Ok(())
}

/// CPU and wall time per query, and a mark by which answers can be compared.
fn cost(bench: &Bench<'_>, server: &Server, path: &str) -> Outcome<(f64, f64, String)> {
    let mut client = server.client()?;
    let answer = client.get(path)?;
    if answer.status != 200 {
        return Err(format!("{} {}", answer.status, answer.text().trim()));
    }
    let text = answer.text();
    let result = text.split_once("\"result\":").map_or("", |(_, rest)| rest);
    let result = result.rfind(']').map_or(result, |end| &result[..end]);
    let mark = format!("{} bytes, {:08x}", result.len(), fnv(result.as_bytes()));
    let limit = bench.pick(1.5, 6.0);
    let (begin, before) = (Instant::now(), server.usage()?.cpu_seconds);
    let mut rounds = 0.0;
    while rounds < 200.0 && (rounds < 3.0 || begin.elapsed().as_secs_f64() < limit) {
        client.get(path)?;
        rounds += 1.0;
    }
    let wall = begin.elapsed().as_secs_f64();
    let cpu = server.usage()?.cpu_seconds - before;
    Ok((cpu / rounds * 1e3, wall / rounds * 1e3, mark))
}

fn fnv(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}
