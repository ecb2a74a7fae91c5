//! The annotations of published rule files, rendered by us and by a real Prometheus over the same alerts.
//! `NIGHTJAR_TEMPLATE_ALERTS=12` renders each for twelve alerts instead of two.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use support::http::Client;
use support::process::{Process, installed, nightjar};
use support::write::{Series, post};
use support::{free_port, now_ms, wait_until};

/// Annotations of one rule.
const PER_RULE: usize = 20;

/// Values of alerts: what humanize and printf may stumble over comes first.
const VALUES: [f64; 12] = [
    0.98765432,
    1_234_567.891,
    0.0,
    -42.0,
    1e-7,
    1e21,
    59.999,
    86_400.0,
    1_643_114_203.5,
    f64::NAN,
    f64::INFINITY,
    100.0,
];

/// Every string below `annotations` in the files, and every text with a template in the tables of rules.
fn annotations(folder: &Path, found: &mut Vec<String>) {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            annotations(&path, found);
            continue;
        }
        if !path.extension().is_some_and(|e| e == "yml" || e == "yaml" || e == "json") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a text");
        let tree: Option<Value> = match path.extension().is_some_and(|e| e == "json") {
            true => serde_json::from_str(&text).ok(),
            false => serde_saphyr::from_str(&text).ok(),
        };
        if let Some(tree) = tree {
            collect(&tree, false, found);
        }
    }
}

fn collect(tree: &Value, inside: bool, found: &mut Vec<String>) {
    match tree {
        Value::Object(members) => {
            for (name, value) in members {
                let text = matches!(name.as_str(), "description" | "summary" | "message");
                match value {
                    Value::String(s) if inside || (text && s.contains("{{")) => found.push(s.clone()),
                    other => collect(other, inside || name == "annotations", found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, false, found)),
        _ => {}
    }
}

/// The names of labels the templates ask for.
fn labels(texts: &[String]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for text in texts {
        for start in ["labels.", "Labels."] {
            for rest in text.split(start).skip(1) {
                let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                names.extend(Some(name).filter(|n| !n.is_empty() && !n.starts_with(|c: char| c.is_ascii_digit())));
            }
        }
    }
    names.remove("__name__");
    names.insert("rule".to_owned());
    names.insert("alert_nr".to_owned());
    names
}

/// Sends the series that the alerts of a rule are about.
fn send(port: u16, rule: usize, names: &BTreeSet<String>, alerts: usize) {
    let mut client = Client::new(port);
    for (nr, value) in VALUES.iter().take(alerts).enumerate() {
        let text = |name: &str| match name {
            "alert_nr" => nr.to_string(),
            "rule" => rule.to_string(),
            "instance" => format!("host-{nr}.example.org:9100"),
            name => format!("{name} \"{nr}\" <&>"),
        };
        let texts: Vec<(String, String)> = names.iter().map(|name| (name.clone(), text(name))).collect();
        let mut pairs: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        pairs.push(("__name__", "t"));
        pairs.sort_unstable();
        let answer =
            post(&mut client, &[Series { labels: &pairs, samples: &[(now_ms(), *value)] }]).expect("an answer");
        assert!((200..300).contains(&answer.status), "{}", answer.text());
    }
}

/// Annotations by alert name and number, once all are there.
fn rendered(port: u16, count: usize) -> BTreeMap<(String, String), Value> {
    let mut client = Client::new(port);
    let mut alerts = Vec::new();
    wait_until("all alerts fire", Duration::from_secs(120), || {
        // A server that is busy may end a connection that rests.
        let Ok(answer) = client.get("/api/v1/alerts") else { return false };
        let answer = answer.json();
        alerts = answer["data"]["alerts"].as_array().cloned().unwrap_or_default();
        alerts.len() >= count
    });
    let key = |alert: &Value, name: &str| alert["labels"][name].as_str().unwrap_or("").to_owned();
    alerts.iter().map(|a| ((key(a, "alertname"), key(a, "alert_nr")), a["annotations"].clone())).collect()
}

#[test]
fn published_annotations_render_as_in_prometheus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/realworld");
    if !folder.is_dir() {
        eprintln!("SKIPPED: no rules at {}", folder.display());
        return;
    }
    let Some(prometheus) = installed("prometheus") else { return };
    let alerts = std::env::var("NIGHTJAR_TEMPLATE_ALERTS").map_or(2, |n| n.parse().expect("a number"));
    let mut texts = Vec::new();
    annotations(&folder, &mut texts);
    let rule = |(nr, texts): (usize, &[String])| {
        let annotations: BTreeMap<String, &String> =
            texts.iter().enumerate().map(|(i, t)| (format!("a{i}"), t)).collect();
        json!({"alert": format!("A{nr}"), "expr": format!("t{{rule=\"{nr}\"}}"), "annotations": annotations})
    };
    let rules: Vec<Value> = texts.chunks(PER_RULE).enumerate().map(rule).collect();
    let count = rules.len() * alerts;
    let dir = tempfile::tempdir().expect("a directory");
    let file = json!({"groups": [{"name": "g", "interval": "1s", "rules": rules}]});
    std::fs::write(dir.path().join("rules.yml"), file.to_string()).expect("a file");
    let config = dir.path().join("prometheus.yml");
    std::fs::write(&config, "global: {external_labels: {cluster: c1}}\nrule_files: [rules.yml]\n").expect("a file");
    let flags = [
        format!("--config.file={}", config.display()),
        "--web.external-url=http://prom.example.org/x".to_owned(),
        "--web.route-prefix=/".to_owned(),
    ];
    let (ours, theirs) = (free_port(), free_port());
    let mut command = Command::new(prometheus);
    command.args(&flags).arg("--web.enable-remote-write-receiver");
    command.arg(format!("--web.listen-address=127.0.0.1:{theirs}"));
    command.arg(format!("--storage.tsdb.path={}", dir.path().join("prometheus").display()));
    let mut process = Process::start(&mut command, &dir.path().join("prometheus.log"));
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let _server = nightjar(ours, dir.path(), &flags);
    wait_until("prometheus is ready", Duration::from_secs(60), || {
        assert!(process.is_running(), "prometheus ended:\n{}", process.output());
        Client::new(theirs).get("/-/ready").is_ok_and(|r| r.status == 200)
    });
    for (nr, chunk) in texts.chunks(PER_RULE).enumerate() {
        let names = labels(chunk);
        send(ours, nr, &names, alerts);
        send(theirs, nr, &names, alerts);
    }
    let (mine, expected) = (rendered(ours, count), rendered(theirs, count));
    let (mut compared, mut differences) = (0, Vec::new());
    for (key, expected) in &expected {
        for (name, expected) in expected.as_object().expect("annotations") {
            compared += 1;
            let got = mine.get(key).map_or(&Value::Null, |annotations| &annotations[name]);
            if got != expected {
                differences.push(format!("{key:?} {name}\n  ours:   {got}\n  theirs: {expected}"));
            }
        }
    }
    eprintln!("{} annotations, {compared} texts compared, {} differ", texts.len(), differences.len());
    assert!(differences.is_empty(), "{}", differences.iter().take(10).cloned().collect::<Vec<_>>().join("\n"));
    assert!(compared > 4_000, "only {compared}");
}
