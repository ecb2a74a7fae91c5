//! What ten thousand rules cost, how late they are, and what a restart costs ten thousand alerts.

mod alerts;
mod files;

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use nightjar_remote_write::Protocol;

use crate::Outcome;
use crate::bench::Bench;
use crate::fleet::{Fleet, STEP_MS};
use crate::load::send;
use crate::report::Report;
use crate::server::{Kind, Server};

/// Rules evaluated each minute.
const RULES: usize = 10_000;

pub(crate) fn measure(bench: &Bench<'_>, kind: &Kind, report: &mut Report) -> Outcome<()> {
    if kind.name == "victoria-metrics" {
        return Ok(());
    }
    many_rules(bench, kind, report)?;
    alerts::measure(bench, kind, report)
}

/// Ten thousand rules over a fleet that goes on sending.
fn many_rules(bench: &Bench<'_>, kind: &Kind, report: &mut Report) -> Outcome<()> {
    let dir = bench.root.join(format!("{}-rules", kind.name));
    let _ = std::fs::remove_dir_all(&dir);
    let hosts = bench.options.series.div_ceil(bench.capture.series.len());
    files::write(&dir, &files::many(hosts, RULES))?;
    let (server, _) = Server::start(kind, &dir)?;
    let minutes = bench.pick(2, 4);
    // Ten minutes before, one to warm up, and those that are measured.
    let (before, live) = (40, 4 * (minutes + 1));
    let end = now() + (live as i64) * STEP_MS;
    let fleet = Fleet::new(&bench.capture, hosts, before + live, end);
    for scrape in (0..before).step_by(4) {
        let load = fleet.load(Protocol::V1, bench.options.connections, bench.options.batch, scrape..scrape + 4)?;
        send(&load, server.port, Protocol::V1)?.checked()?;
    }
    let mut begin = None;
    let mut sending = Duration::ZERO;
    for scrape in before..before + live {
        let load = fleet.load(Protocol::V1, bench.options.connections, bench.options.batch, scrape..scrape + 1)?;
        let due = end - ((before + live - 1 - scrape) as i64) * STEP_MS;
        std::thread::sleep(Duration::from_millis((due - now()).max(0).unsigned_abs()));
        if scrape == before + 4 {
            begin = Some((Instant::now(), server.usage()?.cpu_seconds, Figures::read(&server)?));
        }
        let sent = Instant::now();
        send(&load, server.port, Protocol::V1)?.checked()?;
        sending += sent.elapsed();
    }
    let (begin, cpu, before) = begin.ok_or("nothing was measured")?;
    let wall = begin.elapsed().as_secs_f64();
    let used = server.usage()?.cpu_seconds - cpu;
    let figures = Figures::read(&server)?;
    let row = |what: &str| format!("{RULES} rules over {} series each minute: {what}", fleet.series());
    report.add(&row("CPU with ingest, % of a core"), &kind.name, format!("{:.1}", used / wall * 100.0));
    let evaluated = figures.evaluations - before.evaluations;
    report.add(&row("rules evaluated a minute"), &kind.name, format!("{:.0}", evaluated / wall * 60.0));
    report.add(&row("of them failed"), &kind.name, format!("{:.0}", figures.failures - before.failures));
    let busy = (figures.seconds - before.seconds) / wall * 100.0;
    report.add(&row("time in evaluations, %"), &kind.name, format!("{busy:.1}"));
    report.add(&row("evaluations missed"), &kind.name, format!("{:.0}", figures.missed - before.missed));
    if let Some(late) = figures.lateness_p99 {
        report.add(&row("lateness p99, s"), &kind.name, format!("{late:.3}"));
    }
    Ok(())
}

/// What a server says about its rules.
struct Figures {
    evaluations: f64,
    failures: f64,
    missed: f64,
    /// Time spent in group evaluations.
    seconds: f64,
    lateness_p99: Option<f64>,
}

impl Figures {
    fn read(server: &Server) -> Outcome<Figures> {
        let text = server.client()?.get("/metrics")?.text();
        let lines = |name: &'static str| {
            let values = text.lines().filter(move |line| line.starts_with(name));
            values.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
        };
        Ok(Figures {
            evaluations: lines("prometheus_rule_evaluations_total{").sum(),
            failures: lines("prometheus_rule_evaluation_failures_total{").sum(),
            missed: lines("prometheus_rule_group_iterations_missed_total{").sum(),
            seconds: lines("prometheus_rule_group_duration_seconds_sum").sum(),
            lateness_p99: lines("nightjar_rule_group_lateness_seconds{quantile=\"0.99\"}").next(),
        })
    }
}

pub(super) fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}

/// Waits until `ready` answers something.
fn wait<T>(what: &str, limit: Duration, mut ready: impl FnMut() -> Outcome<Option<T>>) -> Outcome<T> {
    let begin = Instant::now();
    loop {
        if let Some(found) = ready()? {
            return Ok(found);
        }
        if begin.elapsed() > limit {
            return Err(format!("gave up after {limit:?}: {what}"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The file a server finds in its directory.
const CONFIG: &str = "prometheus.yml";

/// The path of the configuration of a server in `dir`.
fn config(dir: &Path) -> std::path::PathBuf {
    dir.join(CONFIG)
}
