//! A hundred thousand alerts in the router: how fast they come in, what they weigh, how soon they are listed and back.
//!
//! Both routers are asked: ours alone (`nightjar alertmanager`) and Debian's Alertmanager.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::bench::Bench;
use crate::http::Client;
use crate::listener::Listener;
use crate::report::{Report, grouped};
use crate::server::{Kind, Server};

/// Alerts of one request, as Prometheus sends them.
const BATCH: usize = 256;
const CONNECTIONS: usize = 2;

/// Puts the question to both routers and prints what they say.
pub(crate) fn measure(bench: &Bench<'_>) -> Outcome<()> {
    let mut report = Report::default();
    let mut servers = Vec::new();
    for kind in Kind::routers(bench.options) {
        println!("alerts: {}", kind.name);
        for (groups, by) in [("100 groups", "[group]"), ("one group each", "['...']")] {
            if let Err(problem) = held(bench, &kind, &mut report, groups, by) {
                report.add(&format!("{groups} FAILED"), &kind.name, problem);
            }
        }
        if let Err(problem) = flow(bench, &kind, &mut report) {
            report.add("flow FAILED", &kind.name, problem);
        }
        servers.push((kind.clone(), kind.packaged_version()));
    }
    report.print(&servers);
    Ok(())
}

fn write(dir: &Path, config: &str) -> Outcome<()> {
    std::fs::create_dir_all(dir).map_err(|e| e.to_string())?;
    std::fs::write(dir.join("alertmanager.yml"), config).map_err(|e| e.to_string())
}

fn place(bench: &Bench<'_>, kind: &Kind, what: &str) -> PathBuf {
    bench.root.join(format!("{}-{what}", kind.name)).components().collect()
}

/// Alerts with seven labels, as JSON.
fn bodies(count: usize, firing: bool) -> Vec<Vec<u8>> {
    let alert = |i: usize| {
        let end = if firing { "2099-01-01T00:00:00Z" } else { "2026-01-02T00:00:00Z" };
        format!(
            r#"{{"labels":{{"alertname":"InstanceSlow","instance":"host-{i}.example.org:9100","job":"node","group":"{}","severity":"warning","cluster":"eu-1","i":"{i}"}},"annotations":{{"summary":"host-{i} answers slowly"}},"startsAt":"2026-01-01T00:00:00Z","endsAt":"{end}","generatorURL":"http://prometheus.example.org/graph?g0.expr=x"}}"#,
            i % 100
        )
    };
    let all: Vec<usize> = (0..count).collect();
    let body =
        |chunk: &[usize]| format!("[{}]", chunk.iter().map(|i| alert(*i)).collect::<Vec<_>>().join(",")).into_bytes();
    all.chunks(BATCH).map(body).collect()
}

fn post(port: u16, bodies: &[Vec<u8>]) -> Outcome<()> {
    std::thread::scope(|scope| {
        let one = |part: usize| {
            let mut client = Client::connect(port)?;
            for body in bodies.iter().skip(part).step_by(CONNECTIONS) {
                let answer = client.post("/api/v2/alerts", "Content-Type: application/json\r\n", body)?;
                if answer.status != 200 {
                    return Err(format!("{} {}", answer.status, answer.text()));
                }
            }
            Ok(())
        };
        let running: Vec<_> = (0..CONNECTIONS).map(|part| scope.spawn(move || one(part))).collect();
        running.into_iter().try_for_each(|thread| thread.join().unwrap_or(Err("a sender panicked".to_owned())))
    })
}

fn timed(server: &Server, path: &str) -> Outcome<(Duration, usize)> {
    let mut client = server.client()?;
    let begin = Instant::now();
    let answer = client.get(path)?;
    if answer.status == 200 { Ok((begin.elapsed(), answer.body.len())) } else { Err(answer.text()) }
}

fn held(bench: &Bench<'_>, kind: &Kind, report: &mut Report, groups: &str, by: &str) -> Outcome<()> {
    let count = bench.pick(20_000, 100_000);
    let dir = place(bench, kind, &by.replace(['[', ']', '\'', '.'], ""));
    write(
        &dir,
        &format!("route: {{receiver: nobody, group_by: {by}, group_wait: 5m}}\nreceivers: [{{name: nobody}}]\n"),
    )?;
    let bodies = bodies(count, true);
    let (server, _) = Server::start(kind, &dir)?;
    let before = server.usage()?;
    let begin = Instant::now();
    post(server.port, &bodies)?;
    let took = begin.elapsed();
    let after = server.usage()?;
    let row = |what: &str| format!("{} alerts, {groups}: {what}", grouped(count as f64));
    let rate = |seconds: f64| grouped(count as f64 / seconds);
    report.add(&row("in, alerts/s"), &kind.name, rate(took.as_secs_f64()));
    report.add(&row("in, alerts per CPU-second"), &kind.name, rate(after.cpu_seconds - before.cpu_seconds));
    let begin = Instant::now();
    post(server.port, &bodies)?;
    report.add(&row("again, alerts/s"), &kind.name, rate(begin.elapsed().as_secs_f64()));
    let rss = server.usage()?.resident_bytes.saturating_sub(before.resident_bytes);
    report.add(&row("RSS, bytes per alert"), &kind.name, grouped(rss as f64 / count as f64));
    let last = format!("/api/v2/alerts?filter=i%3D%22{}%22", count - 1);
    for (what, path) in
        [("GET /alerts, ms", "/api/v2/alerts"), ("filtered, ms", &last), ("groups, ms", "/api/v2/alerts/groups")]
    {
        let (took, bytes) = timed(&server, path)?;
        let figure = format!("{:.0} ({} bytes)", took.as_secs_f64() * 1000.0, grouped(bytes as f64));
        report.add(&row(what), &kind.name, figure);
    }
    silences(&server, bench.pick(1_000, 10_000))?;
    server.kill()?;
    let begin = Instant::now();
    let (server, _) = Server::start(kind, &dir)?;
    let (_, bytes) = timed(&server, &last)?;
    let back = if bytes > 10 { "all back" } else { "alerts lost" };
    report.add(&row("kill -9 to an answer, s"), &kind.name, format!("{:.2}, {back}", begin.elapsed().as_secs_f64()));
    server.stop()
}

fn silences(server: &Server, count: usize) -> Outcome<()> {
    let mut client = server.client()?;
    for i in 0..count {
        let body = format!(
            r#"{{"matchers":[{{"name":"x","value":"{i}","isRegex":false}}],"startsAt":"2026-01-01T00:00:00Z","endsAt":"2099-01-01T00:00:00Z","createdBy":"b","comment":"c"}}"#
        );
        let answer = client.post("/api/v2/silences", "Content-Type: application/json\r\n", body.as_bytes())?;
        if answer.status != 200 {
            return Err(answer.text());
        }
    }
    Ok(())
}

/// 6,000 alerts a second in, 800 notifications a second out.
fn flow(bench: &Bench<'_>, kind: &Kind, report: &mut Report) -> Outcome<()> {
    let seconds = bench.pick(10, 600);
    let listener = Listener::start()?;
    let dir = place(bench, kind, "flow");
    let config = format!(
        "route: {{receiver: hook, group_by: [n], group_wait: 0s, group_interval: 1h, repeat_interval: 4h}}\n\
         receivers: [{{name: hook, webhook_configs: [{{url: 'http://127.0.0.1:{}/', send_resolved: false}}]}}]\n",
        listener.port
    );
    write(&dir, &config)?;
    let (server, _) = Server::start(kind, &dir)?;
    let mut client = server.client()?;
    let begin = Instant::now();
    let before = server.usage()?;
    let mut late = Duration::ZERO;
    // Every 50 ms: 40 new groups of one alert, and 260 alerts that are known.
    for tick in 0..seconds * 20 {
        let due = begin + Duration::from_millis(tick as u64 * 50);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        late = late.max(due.elapsed());
        let at = listener.now_us();
        let new = (0..40).map(|k| {
            format!(
                r#"{{"labels":{{"alertname":"New","n":"{tick}-{k}"}},"annotations":{{"at":"{at}"}},"endsAt":"2099-01-01T00:00:00Z"}}"#
            )
        });
        let old = (0..260).map(|k| {
            format!(r#"{{"labels":{{"alertname":"Old","n":"old","k":"{k}"}},"endsAt":"2099-01-01T00:00:00Z"}}"#)
        });
        let body = format!("[{}]", new.chain(old).collect::<Vec<_>>().join(","));
        let answer = client.post("/api/v2/alerts", "Content-Type: application/json\r\n", body.as_bytes())?;
        if answer.status != 200 {
            return Err(answer.text());
        }
    }
    let sent = seconds * 20 * 40;
    let patience = Instant::now();
    while listener.count() < sent && patience.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let cpu = server.usage()?.cpu_seconds - before.cpu_seconds;
    let mut delays = listener.delays_us();
    delays.sort_unstable();
    let at = |q: f64| delays.get(((delays.len() as f64 * q) as usize).min(delays.len().saturating_sub(1))).copied();
    let ms = |q: f64| at(q).map_or("-".to_owned(), |us| format!("{:.0}", us as f64 / 1000.0));
    let row = |what: &str| format!("6,000 alerts/s in, 800 notifications/s out, {seconds} s: {what}");
    report.add(
        &row("notifications out"),
        &kind.name,
        format!("{} of {}", grouped(delays.len() as f64), grouped(sent as f64)),
    );
    report.add(
        &row("alert to POST p50 / p99 / worst, ms"),
        &kind.name,
        format!("{} / {} / {}", ms(0.5), ms(0.99), ms(1.0)),
    );
    report.add(&row("CPU, share of a core"), &kind.name, format!("{:.0} %", cpu / seconds as f64 * 100.0));
    report.add(&row("sender late at most, ms"), &kind.name, format!("{}", late.as_millis()));
    server.stop()
}
