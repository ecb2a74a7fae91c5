//! A full disk, too many series, too little memory: what is refused is refused with a reason, and everything else goes on.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(unreachable_pub, reason = "modules of a test")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

mod support;

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use support::http::{Client, Response, escape};
use support::volume::Volume;
use support::write::{Series, post};
use support::{free_port, now_ms, process};

/// A request whose samples do not compress, `n` of one metric.
fn request(client: &mut Client, n: usize, t: i64, seed: u64) -> Response {
    let names: Vec<String> = (0..n).map(|i| i.to_string()).collect();
    let labels: Vec<[(&str, &str); 3]> =
        names.iter().map(|n| [("__name__", "noise"), ("job", "f"), ("n", n.as_str())]).collect();
    let mut random = seed | 1;
    let samples: Vec<[(i64, f64); 1]> = (0..n)
        .map(|_| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            [(t, f64::from_bits(0x3ff0_0000_0000_0000 | random >> 12))]
        })
        .collect();
    let series: Vec<Series<'_>> = labels.iter().zip(&samples).map(|(l, s)| Series { labels: l, samples: s }).collect();
    post(client, &series).expect("an answer")
}

fn metric(client: &mut Client, name: &str) -> f64 {
    let text = client.get("/metrics").expect("metrics").text();
    let line = text.lines().find(|l| l.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    line.and_then(|l| l.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("no {name}"))
}

fn count(client: &mut Client, query: &str, at: i64) -> f64 {
    let path = format!("/api/v1/query?query={}&time={}", escape(query), at as f64 / 1000.0);
    let answer = client.get(&path).expect("an answer").json();
    answer["data"]["result"][0]["value"][1].as_str().and_then(|v| v.parse().ok()).unwrap_or_else(|| panic!("{answer}"))
}

fn fill(path: &Path) {
    let mut ballast = std::fs::File::create(path).expect("a ballast");
    for size in [1 << 20, 4096] {
        while ballast.write_all(&vec![7; size]).is_ok() {}
    }
}

#[test]
fn a_full_disk_pauses_ingest_and_nothing_else() {
    const SERIES: usize = 1500;
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let Some(_volume) = Volume::in_memory(&data, 160) else { return };
    let flags = ["--storage.reserve-size=16MB"];
    let port = free_port();
    let server = process::nightjar(port, dir.path(), &flags);
    let mut client = Client::new(port);
    let (start, mut acked) = (now_ms() - 1_000_000, 0);
    let send = |client: &mut Client, acked: &mut i64| {
        let response = request(client, SERIES, start + *acked * 100, *acked as u64);
        *acked += i64::from(response.status == 204);
        response
    };
    for _ in 0..20 {
        assert_eq!(send(&mut client, &mut acked).status, 204);
    }
    assert_eq!(metric(&mut client, "nightjar_storage_reserve_bytes"), f64::from(16 << 20));
    let ballast = data.join("ballast");
    fill(&ballast);
    let refusal = loop {
        let response = send(&mut client, &mut acked);
        if response.status != 204 {
            break response;
        }
        assert!(acked < 5_000, "the disk does not fill up");
    };
    assert_eq!(refusal.status, 503, "{}", refusal.text());
    assert!(refusal.header("retry-after").is_some() && refusal.text().contains("No space left"), "{}", refusal.text());
    let all = |acked: i64| {
        (format!("count(count_over_time(noise[{}ms]) == {acked})", acked * 100 + 1), start + acked * 100 - 50)
    };
    let (query, at) = all(acked);
    assert_eq!(count(&mut client, &query, at), SERIES as f64);
    assert_eq!(metric(&mut client, "nightjar_storage_reserve_bytes"), 0.0);
    assert_eq!(metric(&mut client, "nightjar_storage_writable"), 0.0);
    std::thread::sleep(Duration::from_millis(1_200));
    let refusal = send(&mut client, &mut acked);
    assert!(refusal.status == 503 && refusal.text().contains("ingest goes on when there are"), "{}", refusal.text());
    server.kill();

    let server = process::nightjar(port, dir.path(), &flags);
    let mut client = Client::new(port);
    assert_eq!(count(&mut client, &query, at), SERIES as f64, "acknowledged, disk full, kill -9");
    assert_eq!(send(&mut client, &mut acked).status, 503, "still full");
    std::fs::remove_file(&ballast).expect("the ballast goes");
    let room = Instant::now();
    while send(&mut client, &mut acked).status != 204 {
        std::thread::sleep(Duration::from_millis(50));
        assert!(room.elapsed() < Duration::from_secs(30), "ingest never resumed");
    }
    let resumed = room.elapsed();
    eprintln!("{acked} requests acknowledged, resumed {resumed:?} after there was room");
    assert!(resumed < Duration::from_secs(2), "{resumed:?}");
    let (query, at) = all(acked);
    assert_eq!(count(&mut client, &query, at), SERIES as f64);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn limits_on_series_refuse_only_new_ones() {
    let dir = tempfile::tempdir().expect("a directory");
    let port = free_port();
    let flags = ["--storage.max-series-per-metric=10", "--storage.max-series=15"];
    let server = process::nightjar(port, dir.path(), &flags);
    let mut client = Client::new(port);
    let now = now_ms();
    let refused = request(&mut client, 12, now - 3_000, 1);
    assert_eq!(refused.status, 400);
    let text = refused.text();
    assert!(
        text.contains("the limit of 10 series of one metric is reached by \"noise\"")
            && text.contains("--storage.max-series-per-metric"),
        "{text}"
    );
    assert_eq!(count(&mut client, "count(noise)", now), 10.0, "the others are in");
    assert_eq!(request(&mut client, 10, now - 2_000, 2).status, 204, "known series go on");
    let other = |client: &mut Client, i: usize| {
        let n = i.to_string();
        let labels = [("__name__", "other"), ("n", n.as_str())];
        post(client, &[Series { labels: &labels, samples: &[(now, 1.0)] }]).expect("an answer")
    };
    for i in 0..5 {
        assert_eq!(other(&mut client, i).status, 204);
    }
    let refused = other(&mut client, 5);
    assert!(
        refused.status == 400 && refused.text().contains("the limit of 15 series is reached"),
        "{}",
        refused.text()
    );
    let status = client.get("/api/v1/status/tsdb?limit=1").expect("an answer").json();
    let data = &status["data"];
    assert_eq!(data["headStats"]["numSeries"], 15);
    assert_eq!(data["seriesCountByMetricName"].to_string(), r#"[{"name":"noise","value":10}]"#);
    assert_eq!(data["labelValueCountByLabelName"].to_string(), r#"[{"name":"n","value":10}]"#);
    assert_eq!(data["seriesCountByLabelValuePair"].to_string(), r#"[{"name":"__name__=noise","value":10}]"#);
    assert_eq!(data["memoryInBytesByLabelName"].to_string(), r#"[{"name":"__name__","value":75}]"#);
    assert_eq!(metric(&mut client, "prometheus_tsdb_head_series_created_total"), 15.0);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn short_memory_answers_503_and_moves_data_to_the_disk() {
    const LIMIT: u64 = 256 << 20;
    let dir = tempfile::tempdir().expect("a directory");
    let port = free_port();
    let server = process::nightjar(port, dir.path(), &["--memory-limit=256MB"]);
    let mut client = Client::new(port);
    let resident = || {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", server.id())).expect("statm");
        statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("pages") * 4096
    };
    let (mut refused, mut most, mut after) = (0, 0, 0);
    let start = now_ms() - 3 * 3_600_000;
    for round in 0..1_500 {
        let names: Vec<String> = (0..2_000).map(|i| format!("some-pod-of-a-deployment-{round}-{i}")).collect();
        let instance = format!("host-{round}");
        let labels: Vec<[(&str, &str); 3]> = names
            .iter()
            .map(|n| [("__name__", "churn"), ("instance", instance.as_str()), ("pod", n.as_str())])
            .collect();
        let sample = [(start + round * 5_000, 1.0)];
        let series: Vec<Series<'_>> = labels.iter().map(|l| Series { labels: l, samples: &sample }).collect();
        let response = post(&mut client, &series).expect("the server lives");
        most = most.max(resident());
        match response.status {
            204 if refused > 0 => after += 1,
            204 => {}
            503 => {
                refused += 1;
                assert!(response.text().contains("memory is short"), "{}", response.text());
                std::thread::sleep(Duration::from_millis(200));
            }
            status => panic!("{status}: {}", response.text()),
        }
        if after > 20 || refused > 150 {
            break;
        }
    }
    eprintln!("{refused} refusals, then {after} accepted, {} MiB at most", most >> 20);
    assert!(refused > 0, "the limit was never near");
    assert!(after > 20, "nothing was accepted after the first refusal");
    assert!(most < LIMIT * 105 / 100, "{most} bytes");
    assert_eq!(client.get("/-/ready").expect("an answer").status, 200);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_directory_that_takes_no_files_is_named() {
    // Nobody may create files there, root included.
    let dir = "/sys/nightjar";
    let port = format!("--web.listen-address=127.0.0.1:{}", free_port());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nightjar"));
    let output = command.args([&format!("--storage.tsdb.path={dir}"), &port]).output().expect("the program");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(dir) && said.contains("--storage.tsdb.path chooses another directory"), "{said}");
}
