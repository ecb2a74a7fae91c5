//! The rule files of `docs/recipes/` over two recorded hours of a real machine: quiet on what was recorded, loud where a
//! fault was put in. Days are shortened to fit.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;

use support::http::Client;
use support::process::nightjar;
use support::write::{Series, post};
use support::{free_port, now_ms};

const MINUTE_MS: i64 = 60_000;
/// Recorded every 4 s, sent every minute.
const EVERY: usize = 15;
/// The minutes of the fault, counted from the end.
const FAULT: std::ops::Range<i64> = 8..20;

/// What the recipes read.
const METRICS: [&str; 3] =
    ["node_load5 ", "node_memory_MemAvailable_bytes ", "node_network_receive_bytes_total{device=\"eth0\"}"];

/// Values by series, one a minute; `None`, loudly, without the recording.
fn recorded() -> Option<BTreeMap<String, Vec<f64>>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/capture/node.txt.zst");
    let Ok(file) = std::fs::File::open(&path) else {
        eprintln!("SKIPPED: no recording at {}", path.display());
        return None;
    };
    let reader = BufReader::new(zstd::Decoder::new(file).expect("zstd"));
    let (mut series, mut scrape) = (BTreeMap::<String, Vec<f64>>::new(), 0);
    for line in reader.lines() {
        let line = line.expect("a line");
        if line.starts_with("#TS ") {
            scrape += 1;
        } else if scrape % EVERY == 1
            && let Some(name) = METRICS.iter().find(|name| line.starts_with(**name))
        {
            let value = line.rsplit_once(' ').expect("a value").1.parse().expect("a number");
            series.entry(name.trim().to_owned()).or_default().push(value);
        }
    }
    Some(series)
}

/// The same with a fault: a load and traffic many times as high, memory gone.
fn faulty(name: &str, values: &[f64]) -> Vec<f64> {
    let count = values.len() as i64;
    let (mut added, mut out) = (0.0, Vec::new());
    for (i, value) in values.iter().enumerate() {
        let faulty = FAULT.contains(&(count - 1 - i as i64));
        out.push(match name {
            "node_load5" if faulty => value * 6.0,
            "node_memory_MemAvailable_bytes" if faulty => value * 0.2,
            name if name.starts_with("node_network") => {
                // A steady hundred megabytes a second more.
                added += if faulty { 100e6 * 60.0 } else { 0.0 };
                value + added
            }
            _ => *value,
        });
    }
    out
}

fn send(client: &mut Client, name: &str, instance: &str, values: &[f64], end: i64) {
    let first = end - (values.len() as i64 - 1) * MINUTE_MS;
    let samples: Vec<_> = values.iter().enumerate().map(|(i, v)| (first + i as i64 * MINUTE_MS, *v)).collect();
    let metric = name.split('{').next().expect("a name");
    let mut labels = vec![("__name__", metric), ("device", "eth0"), ("instance", instance)];
    if !name.contains('{') {
        labels.remove(1);
    }
    let answer = post(client, &[Series { labels: &labels, samples: &samples }]).expect("an answer");
    assert_eq!(answer.status, 204, "{}", answer.text());
}

/// A recipe whose days last a few minutes.
fn shortened(dir: &Path, name: &str, windows: &[(&str, &str)]) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recipes").join(name);
    let mut text = std::fs::read_to_string(path).expect("a recipe");
    for (from, to) in windows {
        assert!(text.contains(from), "{from} in {name}");
        text = text.replace(from, to);
    }
    std::fs::write(dir.join(name), text).expect("a file");
    dir.join(name)
}

fn tool(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_nightjar")).args(arguments).output().expect("the binary runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn recipes_find_the_fault_and_nothing_else() {
    let Some(recorded) = recorded() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let port = free_port();
    let _server = nightjar(port, dir.path(), &["--enable-feature=promql-experimental-functions"]);
    let mut client = Client::new(port);
    let end = now_ms() / MINUTE_MS * MINUTE_MS;
    assert_eq!(recorded.len(), METRICS.len(), "{:?}", recorded.keys());
    for (name, values) in &recorded {
        send(&mut client, name, "as-recorded", values, end);
        send(&mut client, name, "with-fault", &faulty(name, values), end);
    }
    let recipes: [(&str, &[(&str, &str)]); 3] = [
        ("last-week.yml", &[("[1h] offset 1d", "[20m] offset 25m"), ("[1h] offset 1w", "[20m] offset 50m")]),
        ("seasonal-band.yml", &[("[2h]", "[10m]"), ("23h", "25m"), ("47h", "40m"), ("71h", "55m")]),
        ("outlier.yml", &[("[1d]", "[60m]")]),
    ];
    let server = format!("http://127.0.0.1:{port}");
    let time = |minutes: i64| ((end - minutes * MINUTE_MS) / 1000).to_string();
    for (name, windows) in recipes {
        let file = shortened(dir.path(), name, windows);
        let file = file.to_str().expect("UTF-8");
        let feature = "--enable-feature=promql-experimental-functions";
        let common = ["--server", &server, feature, file];
        if name != "seasonal-band.yml" {
            let told = tool(&[&["rules", "backfill", "--start", &time(110)], &common[..]].concat());
            assert!(told.contains(" samples from "), "{told}");
        }
        let told = tool(&[&["rules", "replay", "--start", &time(45)], &common[..]].concat());
        eprintln!("{name}:\n{told}");
        let fired: Vec<&str> = told.lines().filter(|line| line.contains("instance=")).collect();
        assert!(fired.iter().any(|line| line.contains("with-fault")), "{told}");
        assert!(!fired.iter().any(|line| line.contains("as-recorded")), "{told}");
        assert!(told.contains(": 1 page, "), "{told}");
    }
}

#[test]
fn the_objective_makes_rules_that_load() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recipes/slo.yml");
    let text = tool(&["rules", "slo", path.to_str().expect("UTF-8")]);
    std::fs::write(dir.path().join("slo.rules.yml"), &text).expect("a file");
    let told = tool(&["check", "rules", "--lint-fatal", dir.path().join("slo.rules.yml").to_str().expect("UTF-8")]);
    assert!(told.contains("SUCCESS: 17 rules found"), "{told}");
}
