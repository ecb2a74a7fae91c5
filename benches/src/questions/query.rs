//! What a query costs.

use std::time::Instant;

use crate::Outcome;
use crate::bench::{Bench, EVERY};
use crate::capture::Capture;
use crate::fleet::{Fleet, STEP_MS};
use crate::http::escape;
use crate::report::Report;
use crate::server::{Kind, Server};

const HOSTS: usize = 170;
const TWO_HOURS_MS: i64 = 2 * 3600 * 1000;

pub(crate) fn measure(bench: &Bench<'_>, kind: &Kind, report: &mut Report) -> Outcome<()> {
    let cpu_only = Capture::read(&bench.options.capture, EVERY)?.only("node_cpu_seconds_total");
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
    // Between two scrapes: whether a window includes its left edge changed with Prometheus 3.
    let end = fleet.end() - STEP_MS / 2;
    let start = end - TWO_HOURS_MS;
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
                report.compare(&format!("{name}, answer"), &kind.name, numbers(&answer));
            }
            Err(problem) => report.add(&format!("{name}, CPU ms (wall ms)"), &kind.name, problem),
        }
    }
    Ok(())
}

/// CPU and wall time per query, and the answer.
fn cost(bench: &Bench<'_>, server: &Server, path: &str) -> Outcome<(f64, f64, String)> {
    let mut client = server.client()?;
    let answer = client.get(path)?;
    if answer.status != 200 {
        return Err(format!("{} {}", answer.status, answer.text().trim()));
    }
    let limit = bench.pick(1.5, 6.0);
    let (begin, before) = (Instant::now(), server.usage()?.cpu_seconds);
    let mut rounds = 0.0;
    while rounds < 200.0 && (rounds < 3.0 || begin.elapsed().as_secs_f64() < limit) {
        client.get(path)?;
        rounds += 1.0;
    }
    let wall = begin.elapsed().as_secs_f64();
    let cpu = server.usage()?.cpu_seconds - before;
    Ok((cpu / rounds * 1e3, wall / rounds * 1e3, answer.text()))
}

/// All values of an answer, in order.
fn numbers(answer: &str) -> Vec<f64> {
    let result = answer.split_once("\"result\":").map_or("", |(_, result)| result);
    let values = result.split(",\"").skip(1).filter_map(|part| part.split_once("\"]"));
    values.filter_map(|(value, _)| value.parse().ok()).collect()
}
