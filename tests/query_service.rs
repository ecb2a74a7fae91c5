//! Queries from outside, on the real binary: rules and requests in the list and in the log, a bound on memory, promtool.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

mod support;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::http::Client;
use support::process::{installed, nightjar};
use support::write::{Series, post};
use support::{free_port, now_ms, wait_until};

const RULES: &str = "
groups:
- name: g
  interval: 1s
  rules:
  - {record: one, expr: sum(vector(1))}
";

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

fn tool(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_nightjar")).args(arguments).output().expect("the binary runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn rules_and_requests_are_seen_and_logged() {
    let dir = tempfile::tempdir().expect("a directory");
    let (port, config) = (free_port(), dir.path().join("prometheus.yml"));
    std::fs::write(&config, "global: {query_log_file: query.log}\nrule_files: ['a.yml']\n").unwrap();
    std::fs::write(dir.path().join("a.yml"), RULES).unwrap();
    let config_flag = format!("--config.file={}", config.display());
    let server = nightjar(port, dir.path(), &[&config_flag, "--web.enable-lifecycle", "--query.log-slower-than=1ms"]);
    let mut client = Client::new(port);
    let headers = [("X-Dashboard-Uid", "abc"), ("X-Panel-Id", "7"), ("User-Agent", "Grafana/12")];
    let target = "/api/v1/query_range?query=vector(2)&start=1581170390.368&end=1581173990.368&step=5";
    assert_eq!(client.send("GET", target, &headers, b"").unwrap().status, 200);
    assert_eq!(client.get("/api/v1/query?query=vector(1)%2Bon(a)(vector(1)or%20label_replace(vector(1),%22b%22,%22c%22,%22%22,%22%22))").unwrap().status, 422);

    let slow = "/api/v1/query?query=sum_over_time(vector(1)[1d:1s])";
    assert_eq!(client.get(slow).unwrap().status, 200);

    let url = format!("http://127.0.0.1:{port}");
    wait_until("the rule is in the list", Duration::from_secs(20), || {
        tool(&["query", "recent", "--server", &url]).1.contains("rule g/one")
    });
    let (worked, table) = tool(&["query", "recent", "--server", &url]);
    assert!(worked && table.contains("dashboard abc panel 7") && table.contains("vector(2)"), "{table}");
    assert_eq!(tool(&["query", "running", "--server", &url]), (true, "no queries\n".to_owned()));
    let (worked, text) = tool(&["query", "cancel", "99999999", "--server", &url]);
    assert!(!worked && text.contains("no query 99999999 is running"), "{text}");

    let log = dir.path().join("query.log");
    let find = |what: &dyn Fn(&Value) -> bool| lines(&log).into_iter().find(|line| what(line));
    let asked = find(&|line| line["params"]["query"] == "vector(2)").expect("the request is logged");
    assert_eq!(asked["msg"], "promql query logged");
    assert_eq!(asked["params"]["start"], "2020-02-08T13:59:50.368Z");
    assert_eq!((&asked["params"]["end"], &asked["params"]["step"]), (&"2020-02-08T14:59:50.368Z".into(), &5.into()));
    let http = serde_json::json!({"clientIP": "127.0.0.1", "method": "GET", "path": "/api/v1/query_range"});
    assert_eq!((&asked["httpRequest"], &asked["askedBy"]["panelId"]), (&http, &"7".into()));
    for timing in
        ["evalTotalTime", "resultSortTime", "queryPreparationTime", "innerEvalTime", "execQueueTime", "execTotalTime"]
    {
        assert!(asked["stats"]["timings"][timing].is_number(), "{asked}");
    }
    assert!(asked["stats"]["samples"]["peakSamples"].is_number() && asked["spanID"].is_string());
    assert!(find(&|line| line["error"].as_str().is_some_and(|e| e.contains("many-to-many"))).is_some());
    let rule = find(&|line| line["ruleGroup"]["name"] == "g").expect("the rule is logged");
    assert_eq!(rule["ruleGroup"]["file"], dir.path().join("a.yml").display().to_string());
    assert_eq!((&rule["params"]["query"], &rule["rule"]), (&"sum(vector(1))".into(), &"one".into()));

    // Rotated away, and opened anew on reload.
    std::fs::rename(&log, dir.path().join("query.log.1")).unwrap();
    assert_eq!(client.send("POST", "/-/reload", &[], b"").unwrap().status, 200);
    client.get("/api/v1/query?query=vector(3)").unwrap();
    assert!(find(&|line| line["params"]["query"] == "vector(3)").is_some());
    // Switched off.
    std::fs::write(&config, "").unwrap();
    assert_eq!(client.send("POST", "/-/reload", &[], b"").unwrap().status, 200);
    let before = lines(&log).len();
    client.get("/api/v1/query?query=vector(4)").unwrap();
    assert_eq!(lines(&log).len(), before);
    // A place where no file can be.
    std::fs::write(&config, "global: {query_log_file: prometheus.yml/x}").unwrap();
    let refused = client.send("POST", "/-/reload", &[], b"").unwrap();
    assert!(refused.status == 500 && refused.text().contains("query log"), "{}", refused.text());
    assert!(server.output().contains("msg=\"slow query\""), "{}", server.output());
    assert_eq!(server.terminate(), Some(0));
}

/// Bytes in RAM.
fn resident(client: &mut Client) -> u64 {
    let text = client.get("/metrics").unwrap().text();
    let line = text.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes ")).unwrap();
    line.parse::<f64>().unwrap() as u64
}

/// `NIGHTJAR_TEST_SERIES` sets how many series there are; with few of them, queries may take less.
#[test]
fn no_query_takes_more_than_it_may() {
    let series: usize = std::env::var("NIGHTJAR_TEST_SERIES").map_or(3_000, |text| text.parse().unwrap());
    let dir = tempfile::tempdir().expect("a directory");
    let port = free_port();
    let limit = format!("--query.max-memory-per-query={}MB", (series / 100).min(200));
    let server = nightjar(port, dir.path(), &[&limit]);
    let mut client = Client::new(port);
    // Samples so far apart that each is just in reach of the next.
    let (now, samples) = (now_ms() / 1000 * 1000, 60);
    let names: Vec<String> = (0..series).map(|i| format!("target-{i:07}.eu-west-1.example.org:9100")).collect();
    for s in (0..samples).rev() {
        let at = [(now - s * 240_000, s as f64)];
        for names in names.chunks(5_000) {
            let labels: Vec<_> =
                names.iter().map(|name| [("__name__", "m"), ("instance", &**name), ("job", "x")]).collect();
            let batch: Vec<_> = labels.iter().map(|labels| Series { labels, samples: &at }).collect();
            assert_eq!(post(&mut client, &batch).unwrap().status, 204);
        }
    }
    let before = resident(&mut client);
    let (start, end) = (now / 1000 - 14_000, now / 1000);
    let range =
        |query: &str, step: i64| format!("/api/v1/query_range?query={query}&start={start}&end={end}&step={step}");
    let instant = |query: &str| format!("/api/v1/query?query={query}&time={end}");
    let all = "%7B__name__%3D~%22.%2B%22%7D";
    let queries = [
        (instant(&format!("{all}[5d]")), None),
        (range(all, 5), Some(422)),
        (range(&format!("rate({all}[5m])"), 5), Some(422)),
        (range(&format!("{all}/{all}"), 5), Some(422)),
        (range(&format!("quantile(0.5,{all})"), 2), Some(422)),
        (range(&format!("sum(rate({all}[5m]))"), 60), Some(200)),
        (range(&format!("sum%20by(instance)({all})"), 5), Some(422)),
        (instant(&format!("{all}[5d:1s]")), Some(422)),
        (instant(&format!("count({all})")), Some(200)),
        (instant(&format!("topk(10,{all})")), Some(200)),
        (format!("/api/v1/series?match[]={all}"), None),
        (format!("/federate?match[]={all}"), None),
    ];
    let mut highest = before;
    for (target, status) in queries {
        let begin = Instant::now();
        let answer = client.get(&target).unwrap();
        let took = begin.elapsed();
        let now = resident(&mut client);
        highest = highest.max(now);
        eprintln!(
            "{:>3} {:>7.1} ms {:>6} MiB  {}",
            answer.status,
            took.as_secs_f64() * 1e3,
            now >> 20,
            &target[..target.len().min(90)]
        );
        if let Some(status) = status {
            assert_eq!(answer.status, status, "{target}: {}", &answer.text()[..answer.body.len().min(300)]);
        }
        if answer.status == 422 {
            let text = answer.text();
            assert!(text.contains("--query.max-memory-per-query") || text.contains("too many samples"), "{text}");
        }
    }
    let grown = highest.saturating_sub(before) >> 20;
    assert!(grown <= 256, "{grown} MiB more than before");
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn promtool_asks_us_as_it_asks_prometheus() {
    let Some(promtool) = installed("promtool") else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let port = free_port();
    let server = nightjar(port, dir.path(), &[]);
    let mut client = Client::new(port);
    let now = now_ms() / 1000 * 1000;
    let labels = [("__name__", "up"), ("instance", "a:1"), ("job", "node")];
    let samples: Vec<_> = (0..10).map(|i| (now - (9 - i) * 15_000, 1.0)).collect();
    assert_eq!(post(&mut client, &[Series { labels: &labels, samples: &samples }]).unwrap().status, 204);
    let url = format!("http://127.0.0.1:{port}");
    let ask = |arguments: &[&str]| {
        let output = Command::new(&promtool).args(arguments).output().expect("promtool runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let (start, end) = ((now / 1000 - 60).to_string(), (now / 1000).to_string());
    let selector = "up{instance=\"a:1\", job=\"node\"}";
    let instant = ask(&["query", "instant", "--time", &end, &url, "up"]);
    assert_eq!(instant, format!("{selector} => 1 @[{end}]\n"));
    let range = ask(&["query", "range", "--start", &start, "--end", &end, "--step", "30s", &url, "sum(up)"]);
    assert!(range.starts_with("{} =>\n1 @[") && range.lines().count() == 4, "{range}");
    let series = ask(&["query", "series", "--match", "up", "--start", &start, "--end", &end, &url]);
    assert_eq!(series, "{__name__=\"up\", instance=\"a:1\", job=\"node\"}\n");
    assert_eq!(ask(&["query", "labels", "--start", &start, "--end", &end, &url, "job"]), "node\n");
    assert_eq!(server.terminate(), Some(0));
}
