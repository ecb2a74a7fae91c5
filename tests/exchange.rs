//! A team moves with its history: what Prometheus wrote answers the same queries here, and what we export answers them
//! there. Both ways with Debian's promtool and prometheus.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(unreachable_pub, reason = "modules of a test")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use support::http::{Client, escape};
use support::process::{Process, installed, nightjar};
use support::write::{Series, encode};
use support::{free_port, now_ms, wait_until};

const HOUR: i64 = 3_600_000;
/// Ranges are a little wider than they look: before Prometheus 3 a range had both its ends, and no sample lies there.
const QUERIES: [&str; 12] = [
    "requests_total",
    "{__name__=~\".+\"}",
    "sum by (code) (rate(requests_total[5m1ms]))",
    "increase(requests_total{code=\"500\"}[1h1ms])",
    "load",
    "avg_over_time(load[1021s7ms]) + on() group_left() up",
    "quantile_over_time(0.9, load[30m7ms])",
    "topk(2, load)",
    "absent(gone)",
    "gone",
    "count_over_time({__name__=~\".+\"}[1h7ms])",
    "changes(strange[2h7ms])",
];

/// Text with series of several paces, gaps, resets and strange values, over eight hours that ended some time ago.
fn history(start: i64) -> String {
    let mut text = String::from("# TYPE requests counter\n# TYPE load gauge\n");
    let mut line = |name: &str, v: &str, t: i64| writeln!(text, "{name} {v} {}.{:03}", t / 1000, t % 1000).unwrap();
    for code in [200, 404, 500] {
        for i in (0..8 * HOUR / 15_000).filter(|i| code != 404 || i % 7 > 2) {
            let n = i % 1_000 * code;
            line(&format!("requests_total{{code=\"{code}\",path=\"/a\\\"b\"}}"), &n.to_string(), start + i * 15_000);
        }
    }
    for host in 0..4 {
        for i in 0..8 * HOUR / 60_000 {
            let v = (i as f64 * 0.1 + f64::from(host)).sin() * 3.0;
            line(&format!("load{{instance=\"h{host}\",job=\"n\"}}"), &v.to_string(), start + i * 60_000 + i % 5);
        }
    }
    for (i, v) in ["1", "NaN", "+Inf", "-Inf", "-0", "1e-310", "9007199254740993", "0.1"].iter().enumerate() {
        line("strange", v, start + i as i64 * 30 * 60_000);
    }
    for i in 0..8 * HOUR / 30_000 {
        line("up{job=\"n\"}", "1", start + i * 30_000);
    }
    for i in 0..40 {
        line("gone", "5", start + HOUR + i * 15_000);
    }
    text + "# EOF\n"
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}\n{}{}", text(&output.stdout), text(&output.stderr));
    output
}

fn tool(data: &Path, args: &[&str]) -> Output {
    let data = format!("--storage.tsdb.path={}", data.display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_nightjar"));
    command.arg("tsdb").args(args).arg(data).output().expect("nightjar runs")
}

fn tool_ok(data: &Path, args: &[&str]) -> String {
    let output = tool(data, args);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{args:?}: {text}");
    text
}

fn prometheus(program: &Path, data: &Path, port: u16) -> Process {
    let config = data.with_extension("yml");
    std::fs::write(&config, "global: {}\n").unwrap();
    let mut command = Command::new(program);
    command.arg(format!("--config.file={}", config.display()));
    command.arg(format!("--storage.tsdb.path={}", data.display()));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    command.args(["--web.enable-admin-api", "--web.enable-remote-write-receiver"]);
    command.args(["--storage.tsdb.retention.time=10y", "--enable-feature=native-histograms"]);
    let process = Process::start(&mut command, &data.with_extension("log"));
    wait_until("prometheus is ready", Duration::from_secs(60), || {
        Client::new(port).get("/-/ready").is_ok_and(|r| r.status == 200)
    });
    process
}

/// The answers to all queries as text, series sorted.
fn answers(port: u16, queries: &[&str], start: i64, end: i64, step: &str) -> Vec<String> {
    let mut client = Client::new(port);
    let mut out = Vec::new();
    for query in queries {
        let (start, end) = (start / 1000, end / 1000);
        let path = format!("/api/v1/query_range?query={}&start={start}&end={end}&step={step}", escape(query));
        let mut answer = client.get(&path).expect("an answer").json();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        let mut result: Vec<String> = match answer["data"]["result"].take() {
            Value::Array(series) => series.iter().map(Value::to_string).collect(),
            other => panic!("{query}: {other}"),
        };
        result.sort();
        out.push(result.join("\n"));
    }
    out
}

fn assert_same(queries: &[&str], ours: &[String], theirs: &[String], least: usize) {
    let filled = ours.iter().filter(|a| !a.is_empty()).count();
    assert!(filled >= least, "only {filled} queries have an answer at all");
    for ((query, ours), theirs) in queries.iter().zip(ours).zip(theirs) {
        assert!(ours == theirs, "{query}\nours:   {:.2000}\ntheirs: {:.2000}", ours, theirs);
    }
}

fn peers() -> Option<(PathBuf, PathBuf)> {
    Some((installed("prometheus")?, installed("promtool")?))
}

#[test]
fn what_prometheus_wrote_answers_here_and_what_we_export_answers_there() {
    let Some((server, promtool)) = peers() else { return };
    let dir = tempfile::tempdir().unwrap();
    let start = (now_ms() - 30 * HOUR) / (2 * HOUR) * (2 * HOUR) + 7_000;
    let (end, text) = (start + 8 * HOUR, dir.path().join("history.om"));
    std::fs::write(&text, history(start)).unwrap();
    let theirs = dir.path().join("theirs");
    run(Command::new(&promtool).args(["tsdb", "create-blocks-from", "openmetrics"]).arg(&text).arg(&theirs));

    // Their blocks and their text come in.
    let (a, b) = (dir.path().join("a/data"), dir.path().join("b/data"));
    let said = tool_ok(&a, &["import", theirs.to_str().unwrap()]);
    assert!(said.contains(" samples in "), "{said}");
    let again = tool_ok(&a, &["import", theirs.to_str().unwrap()]);
    assert!(again.contains("0 samples in 0 blocks, 1 blocks were in already"), "{again}");
    tool_ok(&b, &["import", text.to_str().unwrap()]);

    // What we export is what promtool knows.
    let out = dir.path().join("ours");
    tool_ok(&a, &["export", out.to_str().unwrap()]);
    run(Command::new(&promtool).args(["tsdb", "list"]).arg(&out));
    run(Command::new(&promtool).args(["tsdb", "analyze"]).arg(&out));
    let dump = |data: &Path| {
        // This promtool wants one, empty or not.
        std::fs::create_dir_all(data.join("wal")).unwrap();
        let output = run(Command::new(&promtool).args(["tsdb", "dump"]).arg(data)).stdout;
        let mut lines: Vec<String> = String::from_utf8(output).unwrap().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let (want, got) = (dump(&theirs), dump(&out));
    assert!(want.len() > 7_000 && want == got, "promtool dumps {} lines of theirs, {} of ours", want.len(), got.len());
    let om = dir.path().join("out.om");
    tool_ok(
        &b,
        &[
            "export",
            om.to_str().unwrap(),
            "--format",
            "openmetrics",
            "--match",
            "load",
            "--max-time",
            &(end / 1000).to_string(),
        ],
    );
    let c = dir.path().join("c");
    run(Command::new(&promtool).args(["tsdb", "create-blocks-from", "openmetrics"]).arg(&om).arg(&c));
    let load: Vec<_> = want.iter().filter(|line| line.contains("__name__=\"load\"")).cloned().collect();
    assert_eq!(dump(&c), load);

    // Everybody answers the same.
    let ports = [free_port(), free_port(), free_port(), free_port()];
    let _running = [
        prometheus(&server, &theirs, ports[0]),
        prometheus(&server, &out, ports[1]),
        nightjar(ports[2], &dir.path().join("a"), &["--storage.tsdb.retention.time=10y"]),
        nightjar(ports[3], &dir.path().join("b"), &["--storage.tsdb.retention.time=10y"]),
    ];
    for (step, shift) in [("61", 0), ("300", 13_000)] {
        let all = ports.map(|port| answers(port, &QUERIES, start + shift, end, step));
        assert_same(&QUERIES, &all[1], &all[0], 10);
        assert_same(&QUERIES, &all[2], &all[0], 10);
        assert_same(&QUERIES, &all[3], &all[0], 10);
    }
    let locked = tool(&a, &["import", theirs.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&locked.stderr).into_owned();
    assert!(!locked.status.success() && said.contains("is locked: another process uses this data directory"), "{said}");
}

/// A live Prometheus: remote write with stale markers, a deletion that is only a tombstone, a snapshot of the head.
#[test]
fn a_snapshot_with_tombstones_comes_in() {
    let Some((program, _)) = peers() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (data, port) = (dir.path().join("peer"), free_port());
    std::fs::create_dir(&data).unwrap();
    let server = prometheus(&program, &data, port);
    let mut client = Client::new(port);
    let start = now_ms() / 1000 * 1000 - 40 * 60_000;
    for i in 0..120 {
        let t = start + i * 15_000;
        let stale = f64::from_bits(0x7ff0_0000_0000_0002);
        let blink = if i % 40 == 39 { stale } else { i as f64 };
        let deleted = [("__name__", "deleted"), ("x", "1")];
        let series = [
            Series { labels: &[("__name__", "blink"), ("job", "j")], samples: &[(t, blink)] },
            Series { labels: &deleted, samples: &[(t, 1.0)] },
            Series { labels: &[("__name__", "kept"), ("job", "j")], samples: &[(t, i as f64 * 0.1)] },
        ];
        let headers = [("Content-Encoding", "snappy"), ("X-Prometheus-Remote-Write-Version", "0.1.0")];
        let response = client.send("POST", "/api/v1/write", &headers, &encode(&series)).unwrap();
        assert_eq!(response.status, 204, "{}", response.text());
    }
    let (from, to) = ((start + 200_000) / 1000, (start + 600_000) / 1000);
    let delete = format!("/api/v1/admin/tsdb/delete_series?match[]=deleted&start={from}&end={to}");
    assert_eq!(client.send("POST", &delete, &[], b"").unwrap().status, 204);
    let snapshot = client.send("POST", "/api/v1/admin/tsdb/snapshot", &[], b"").unwrap().json();
    let name = snapshot["data"]["name"].as_str().expect("a name").to_owned();
    let ours = dir.path().join("ours");
    let said = tool_ok(&ours.join("data"), &["import", data.join("snapshots").join(name).to_str().unwrap()]);
    let our_port = free_port();
    let _nightjar = nightjar(our_port, &ours, &[]);
    let queries = [
        "blink",
        "deleted",
        "kept",
        "count_over_time(deleted[10m1ms])",
        "rate(kept[5m1ms])",
        "count({__name__=~\".+\"})",
    ];
    let end = start + 120 * 15_000;
    let all = [our_port, port].map(|port| answers(port, &queries, start, end, "17"));
    assert_same(&queries, &all[0], &all[1], 6);
    assert!(said.contains(" samples in "), "{said}");
    drop(server);
}

/// Native histograms: Debian's prometheus reads ours.
#[test]
fn histograms_are_read_by_the_real_one() {
    let Some((program, promtool)) = peers() else { return };
    let dir = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/prometheus-block/v1");
    let data = dir.path().join("n/data");
    tool_ok(&data, &["import", fixture.to_str().unwrap()]);
    let out = dir.path().join("out");
    tool_ok(&data, &["export", out.to_str().unwrap(), "--min-time", "0", "--match", "{job=\"x\"}"]);
    run(Command::new(&promtool).args(["tsdb", "analyze"]).arg(&out));
    let (port, peer) = (free_port(), free_port());
    let _running = [
        nightjar(port, &dir.path().join("n"), &["--storage.tsdb.retention.time=100y"]),
        prometheus(&program, &out, peer),
    ];
    let queries = [
        "histogram_count(h_int)",
        "histogram_sum(h_float)",
        "h_int",
        "h_float",
        "histogram_count(h_float) / histogram_sum(h_int)",
        "gauge",
    ];
    let all = [port, peer].map(|port| answers(port, &queries, 0, 400_000, "15"));
    assert_same(&queries, &all[0], &all[1], 6);
}
