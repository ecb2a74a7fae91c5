//! What a query costs, over what was just written and over what was packed long ago.

use std::time::Duration;

use crate::Outcome;
use crate::bench::{Bench, EVERY};
use crate::capture::Capture;
use crate::cost::{ask, instant, range};
use crate::fleet::{Fleet, STEP_MS};
use crate::report::Report;
use crate::server::{Kind, Server};

pub(super) const TWO_HOURS_MS: i64 = 2 * 3600 * 1000;
/// So old is data that servers have packed as they will keep it.
const OLD_MS: i64 = 5 * 3600 * 1000;

/// Where the samples are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// Written a moment ago.
    Fresh,
    /// Packed into blocks.
    Sealed,
}

pub(crate) fn measure(bench: &Bench<'_>, kind: &Kind, report: &mut Report, age: Age) -> Outcome<()> {
    let asked = |name: &str| name.ends_with("_total") || name == "node_load1";
    let counters = Capture::read(&bench.options.capture, EVERY)?.only(asked);
    let (server, _) = bench.fresh(kind, "query")?;
    let hosts = bench.pick(20, 170);
    let end = if age == Age::Fresh { bench.now - 60_000 } else { bench.now - OLD_MS };
    // Two hours and the five minutes before.
    let fleet = Fleet::new(&counters, hosts, 501, end);
    bench.replay(&fleet, &server)?;
    let wide = Fleet::new(&bench.capture, hosts, 1, end + STEP_MS);
    bench.replay(&wide, &server)?;
    if age == Age::Sealed {
        bench.replay(&Fleet::new(&counters, 1, 1, bench.now), &server)?;
    }
    if kind.name == "victoria-metrics" {
        server.client()?.get("/internal/force_flush")?;
        if age == Age::Sealed {
            server.client()?.get("/internal/force_merge")?;
        }
    }
    server.settle(bench.settle_limit())?;
    table(bench, &server, report, age, (&fleet, &wide));
    Ok(())
}

fn table(bench: &Bench<'_>, server: &Server, report: &mut Report, age: Age, (fleet, wide): (&Fleet<'_>, &Fleet<'_>)) {
    // Between two scrapes: whether a window includes its left edge changed with Prometheus 3.
    let end = fleet.end() - STEP_MS / 2;
    let over = |query: &str, step_s| range(query, end - TWO_HOURS_MS, end, step_s);
    let now = |query: &str| instant(query, wide.end() + 1000);
    let (cpu, some) = ("node_cpu_seconds_total", bench.pick("0001", "001"));
    let by_instance = format!("topk(10, count by(instance)({{instance=~\".+-{some}.+\"}}))");
    let queries = [
        ("sum by(mode)(rate(cpu[5m])), 15 s", over(&format!("sum by(mode)(rate({cpu}[5m]))"), 15)),
        (
            "sum by(instance)(rate(cpu{mode!=\"idle\"}[5m])), 15 s",
            over(&format!("sum by(instance)(rate({cpu}{{mode!=\"idle\"}}[5m]))"), 15),
        ),
        ("topk(5, rate(rx[5m])), 15 s", over("topk(5, rate(node_network_receive_bytes_total[5m]))", 15)),
        ("quantile_over_time(0.99, load[1h]), 60 s", over("quantile_over_time(0.99, node_load1[1h])", 60)),
        // The rate of several metrics at once is an error in Prometheus; this reads and folds as much.
        (
            "sum by(name)(last_over_time(all totals[5m])), 60 s",
            over("sum by(__name__)(last_over_time({__name__=~\"node_.*_total\"}[5m]))", 60),
        ),
        ("count({job=\"x\"}), instant", now("count({job=\"node-exporter\"})")),
        ("topk(10, count by(instance)), instant", now(&by_instance)),
    ];
    let (table, suffix) = if age == Age::Fresh { ("two hours", "") } else { ("two hours in blocks", ", in blocks") };
    let limit = Duration::from_millis(bench.pick(700, 3000));
    for (name, path) in queries {
        ask(report, server, table, &format!("{name}{suffix}"), &path, limit);
    }
}
