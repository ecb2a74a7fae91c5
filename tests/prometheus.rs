//! End to end with the real thing: a Debian Prometheus scrapes a node_exporter and itself every second and remote-writes
//! to us; then every query of the Node Exporter Full dashboard must have the same answer here and there, before and
//! after `kill -9`.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(unreachable_pub, reason = "modules of a test")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use support::http::Client;
use support::process::{Process, installed, nightjar};
use support::{free_port, now_ms, wait_until};

/// How long to collect samples before the first comparison: longer than the range and a window together, since Prometheus
/// before 2.51 extrapolates further where a counter begins (its change #13725).
const COLLECT: Duration = Duration::from_secs(45);
/// The range that is compared.
const RANGE_MS: i64 = 20_000;
/// Relative difference of two values that count as equal.
const TOLERANCE: f64 = 1e-9;

#[test]
fn the_dashboard_shows_what_prometheus_shows() {
    let (Some(prometheus), Some(exporter)) = (installed("prometheus"), installed("prometheus-node-exporter")) else {
        return;
    };
    let dashboard = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/realworld/node-exporter-full.json");
    let Ok(dashboard) = std::fs::read_to_string(dashboard) else {
        eprintln!("SKIPPED: {dashboard} is absent");
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let (port, peer_port, exporter_port) = (free_port(), free_port(), free_port());
    let server = nightjar(port, dir.path(), &[]);
    let _exporter = Process::start(
        Command::new(exporter).arg(format!("--web.listen-address=127.0.0.1:{exporter_port}")),
        &dir.path().join("exporter.log"),
    );
    let _peer = start_prometheus(&prometheus, dir.path(), peer_port, exporter_port, port);
    std::thread::sleep(COLLECT);

    let (mut ours, mut theirs) = (Client::new(port), Client::new(peer_port));
    let grid = settled_grid(&mut ours, &mut theirs);
    let queries = queries(&dashboard, &format!("127.0.0.1:{exporter_port}"));
    let before = compare(&mut ours, &mut theirs, &queries, grid);

    server.kill();
    std::thread::sleep(Duration::from_secs(3));
    let server = nightjar(port, dir.path(), &[]);
    let mut ours = Client::new(port);
    let after = compare(&mut ours, &mut theirs, &queries, grid);
    assert_eq!(before, after, "the same queries over the same time gave other answers after kill -9");
    let grid = settled_grid(&mut ours, &mut theirs);
    compare(&mut ours, &mut theirs, &queries, grid);
    assert_eq!(server.terminate(), Some(0));
}

fn start_prometheus(program: &Path, dir: &Path, port: u16, exporter: u16, write_to: u16) -> Process {
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
         scrape_configs:\n\
         - {{job_name: node, static_configs: [{{targets: ['127.0.0.1:{exporter}']}}]}}\n\
         - {{job_name: prometheus, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n\
         remote_write:\n\
         - url: http://127.0.0.1:{write_to}/api/v1/write\n\
        \x20 queue_config: {{batch_send_deadline: 1s}}\n"
    );
    let file = dir.join("prometheus.yml");
    std::fs::write(&file, config).expect("the config is written");
    let mut command = Command::new(program);
    command.arg(format!("--config.file={}", file.display()));
    command.arg(format!("--storage.tsdb.path={}", dir.join("prometheus").display()));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    let process = Process::start(&mut command, &dir.join("prometheus.log"));
    wait_until("prometheus is ready", Duration::from_secs(60), || {
        Client::new(port).get("/-/ready").is_ok_and(|r| r.status == 200)
    });
    process
}

/// Start and end of a range both servers have whole, between two scrapes so that no sample lies on a window's edge:
/// Prometheus 2 counts both edges in, Prometheus 3 and we only the later one.
fn settled_grid(ours: &mut Client, theirs: &mut Client) -> (i64, i64) {
    let last = |client: &mut Client| {
        let found = ask(client, "/api/v1/query", &[("query", "timestamp(up{job=\"node\"})")]);
        let seconds: f64 = found["data"]["result"][0]["value"][1].as_str().and_then(|v| v.parse().ok()).unwrap_or(0.0);
        (seconds * 1000.0) as i64
    };
    let end = last(theirs) + 500;
    wait_until("remote write has caught up", Duration::from_secs(60), || last(ours) > end + 2_000);
    (end - RANGE_MS, end)
}

/// The dashboard's queries with its variables filled in.
fn queries(dashboard: &str, node: &str) -> Vec<String> {
    let rows: Vec<Value> = serde_json::from_str(dashboard).expect("JSON");
    let mut queries: Vec<String> = rows
        .iter()
        .filter_map(|row| row["expr"].as_str())
        .map(|expr| expr.replace("$node", node).replace("$job", "node").replace("$__rate_interval", "20s"))
        .map(|expr| expr.replace("$__interval", "5s").replace("$__range", "20s"))
        .filter(|expr| !expr.contains('$') && !expr.contains("label_values("))
        .collect();
    queries.sort();
    queries.dedup();
    assert!(queries.len() > 250, "only {} queries found", queries.len());
    queries
}

/// Asks both; every answer must be equal. Returns ours, for a later comparison.
fn compare(ours: &mut Client, theirs: &mut Client, queries: &[String], (start, end): (i64, i64)) -> Vec<Value> {
    let seconds = |ms: i64| format!("{}.{:03}", ms / 1000, ms % 1000);
    let (start, end) = (seconds(start), seconds(end));
    let mut differences = Vec::new();
    let mut answers = Vec::new();
    let mut series = 0;
    for query in queries {
        for (path, params) in [
            ("/api/v1/query_range", &[("query", query.as_str()), ("start", &start), ("end", &end), ("step", "5")][..]),
            ("/api/v1/query", &[("query", query.as_str()), ("time", &end)][..]),
        ] {
            let (mine, expected) = (ask(ours, path, params), ask(theirs, path, params));
            series += expected["data"]["result"].as_array().map_or(0, Vec::len);
            if let Err(difference) = equal(&mine, &expected) {
                differences.push(format!("{path} {query}\n    {difference}"));
            }
            answers.push(mine["data"].clone());
        }
    }
    eprintln!("{} queries at {end}: {series} series compared, {} differ", answers.len(), differences.len());
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
    assert!(series > 500, "hardly any data: {series} series");
    answers
}

fn ask(client: &mut Client, path: &str, params: &[(&str, &str)]) -> Value {
    client.post_form(path, params).unwrap_or_else(|e| panic!("{path} at {}: {e}", now_ms())).json()
}

fn equal(mine: &Value, expected: &Value) -> Result<(), String> {
    for key in ["status", "error"] {
        if mine[key] != expected[key] {
            return Err(format!("{key}: {} instead of {}", mine[key], expected[key]));
        }
    }
    let (mine, expected) = (&mine["data"], &expected["data"]);
    if mine["resultType"] != expected["resultType"] {
        return Err(format!("type {} instead of {}", mine["resultType"], expected["resultType"]));
    }
    if expected["resultType"] == "scalar" {
        return points(&mine["result"], &expected["result"]);
    }
    let (mine, expected) = (by_labels(mine), by_labels(expected));
    let names = |m: &BTreeMap<String, Value>| m.keys().cloned().collect::<Vec<_>>();
    if names(&mine) != names(&expected) {
        return Err(format!("series {:?} instead of {:?}", names(&mine), names(&expected)));
    }
    for (name, theirs) in &expected {
        let ours = &mine[name];
        let key = if theirs.get("values").is_some() { "values" } else { "value" };
        if key == "value" {
            points(&ours[key], &theirs[key]).map_err(|e| format!("{name}: {e}"))?;
            continue;
        }
        let (ours, theirs) = (ours[key].as_array().expect("values"), theirs[key].as_array().expect("values"));
        if ours.len() != theirs.len() {
            return Err(format!("{name}: {} points instead of {}", ours.len(), theirs.len()));
        }
        for (a, b) in ours.iter().zip(theirs) {
            points(a, b).map_err(|e| format!("{name}: {e}"))?;
        }
    }
    Ok(())
}

fn by_labels(data: &Value) -> BTreeMap<String, Value> {
    let series = data["result"].as_array().expect("a result");
    series.iter().map(|s| (s["metric"].to_string(), s.clone())).collect()
}

fn points(a: &Value, b: &Value) -> Result<(), String> {
    let number = |v: &Value| v[1].as_str().and_then(|s| s.parse::<f64>().ok()).expect("a number");
    let (x, y) = (number(a), number(b));
    let close = x == y || (x.is_nan() && y.is_nan()) || (x - y).abs() <= TOLERANCE * x.abs().max(y.abs());
    if a[0] == b[0] && close { Ok(()) } else { Err(format!("{a} instead of {b}")) }
}
