//! What those who ask notice of data that comes in and is packed meanwhile.

use std::time::{Duration, Instant};

use super::query::TWO_HOURS_MS;
use crate::Outcome;
use crate::bench::Bench;
use crate::cost::range;
use crate::fleet::{Fleet, STEP_MS};
use crate::load::quantile;
use crate::report::Report;
use crate::server::{Kind, Server};

/// How long servers are watched at rest, and when all has come in.
const WATCHED: Duration = Duration::from_secs(10);
/// Between two questions of somebody who looks at a dashboard.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) fn measure(bench: &Bench<'_>, kind: &Kind, report: &mut Report) -> Outcome<()> {
    let (hosts, scrapes) = (bench.pick(5, 10), bench.pick(720, 2880));
    let (server, _) = bench.fresh(kind, "interference")?;
    let later = Fleet::new(&bench.capture, hosts, scrapes, bench.now);
    let earlier = Fleet::new(&bench.capture, hosts, scrapes, bench.now - scrapes as i64 * STEP_MS);
    bench.replay(&earlier, &server)?;
    server.settle(bench.settle_limit())?;
    let end = earlier.end() - STEP_MS / 2;
    let query = "sum by(mode)(rate(node_cpu_seconds_total[5m]))";
    let path = format!("{}{}", range(query, end - TWO_HOURS_MS, end, 15), kind.no_cache());
    let begin = Instant::now();
    let quiet = waits(&server, &path, || begin.elapsed() < WATCHED)?;
    let busy = std::thread::scope(|scope| {
        let sending = scope.spawn(|| bench.replay(&later, &server));
        let busy = waits(&server, &path, || !sending.is_finished());
        sending.join().map_err(|_| "a sender failed".to_owned())??;
        busy
    })?;
    let begin = Instant::now();
    let packing = waits(&server, &path, || begin.elapsed() < WATCHED)?;
    let hours = scrapes as i64 * STEP_MS / 3_600_000;
    let mut add = |row: &str, waits: &[Duration]| {
        report.add(&format!("a query {row}, p50 / p99, ms"), &kind.name, figures(waits));
    };
    add("at rest", &quiet);
    add(&format!("while {hours} h come in and are packed"), &busy);
    add("in the ten seconds after that", &packing);
    Ok(())
}

/// Asks again and again; how long each answer took, sorted.
fn waits(server: &Server, path: &str, mut more: impl FnMut() -> bool) -> Outcome<Vec<Duration>> {
    let mut client = server.client()?;
    let mut waits = Vec::new();
    while more() {
        let begin = Instant::now();
        let answer = client.get(path)?;
        waits.push(begin.elapsed());
        if answer.status != 200 {
            return Err(format!("{} {}", answer.status, answer.text()));
        }
        std::thread::sleep(PAUSE);
    }
    waits.sort_unstable();
    Ok(waits)
}

fn figures(waits: &[Duration]) -> String {
    let ms = |part: f64| quantile(waits, part).as_secs_f64() * 1e3;
    format!("{:.1} / {:.1} of {}", ms(0.5), ms(0.99), waits.len())
}
