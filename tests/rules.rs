//! Rules from outside: files on disk, a running server, `kill -9`, a reload, and the tools' exit codes.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

mod support;

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use support::http::Client;
use support::process::nightjar;
use support::{free_port, wait_until};

const RULES: &str = "
groups:
- name: g
  interval: 1s
  rules:
  - {record: one, expr: vector(1), labels: {a: b}}
  - {alert: Held, expr: one == 1, for: 4s, labels: {severity: page}, annotations: {text: 'is {{ $value }}'}}
";

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a file");
}

/// The only alert of the rule `Held`, if there is one.
fn held(client: &mut Client) -> Option<Value> {
    let answer = client.get("/api/v1/alerts").ok()?.json();
    answer["data"]["alerts"].as_array()?.iter().find(|alert| alert["labels"]["alertname"] == "Held").cloned()
}

#[test]
fn alerts_survive_a_crash_and_a_reload() {
    let dir = tempfile::tempdir().expect("a directory");
    let (port, config) = (free_port(), dir.path().join("prometheus.yml"));
    write(&config, "rule_files: ['*.rules.yml']\n");
    let rules = dir.path().join("a.rules.yml");
    write(&rules, RULES);
    let flags = [&format!("--config.file={}", config.display()), "--web.enable-lifecycle"].map(str::to_owned);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let server = nightjar(port, dir.path(), &flags);
    let mut client = Client::new(port);
    let firing = |client: &mut Client| held(client).is_some_and(|alert| alert["state"] == "firing");
    wait_until("the alert fires", Duration::from_secs(20), || firing(&mut client));
    let alert = held(&mut client).unwrap();
    assert_eq!(alert["annotations"]["text"], "is 1");
    assert_eq!(alert["value"], "1e+00");
    assert_eq!(alert["labels"], serde_json::json!({"a": "b", "alertname": "Held", "severity": "page"}));
    let since = |alert: &Value| alert["activeAt"].as_str().unwrap()[..19].to_owned();
    let before = since(&alert);

    server.kill();
    let server = nightjar(port, dir.path(), &flags);
    let mut client = Client::new(port);
    let resumed = |client: &mut Client| held(client).is_some_and(|alert| since(&alert) == before);
    wait_until("the alert is as old as before", Duration::from_secs(20), || resumed(&mut client));
    wait_until("it fires again", Duration::from_secs(20), || firing(&mut client));

    write(&rules, &RULES.replace("rules:\n", "rules:\n  - {record: two, expr: one + 1}\n"));
    assert_eq!(client.send("POST", "/-/reload", &[], b"").unwrap().status, 200);
    let groups = client.get("/api/v1/rules?type=record&rule_name[]=two").unwrap().json()["data"]["groups"].clone();
    assert_eq!(groups[0]["rules"][0]["query"], "one + 1");
    assert!(firing(&mut client) && resumed(&mut client));

    write(&rules, "groups: [{name: g, rules: [{record: a, expr: 'up +'}]}]");
    let refused = client.send("POST", "/-/reload", &[], b"").unwrap();
    assert_eq!(refused.status, 500);
    assert!(refused.text().contains("a.rules.yml: 1:"), "{}", refused.text());
    assert!(firing(&mut client));
    assert_eq!(server.terminate(), Some(0));
}

fn tool(dir: &Path, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_nightjar");
    Command::new(program).current_dir(dir).args(arguments).output().expect("the binary runs")
}

#[test]
fn exit_codes_of_the_tools() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| write(&dir.path().join(name), text);
    file("good.yml", RULES);
    file("bad.yml", "groups: [{name: g, rules: [{record: a}]}]");
    file("twice.yml", "groups: [{name: g, rules: [{record: a, expr: up}, {record: a, expr: up}]}]");
    let test = |value: u8| {
        format!(
            "rule_files: [good.yml]\ntests: [{{promql_expr_test: [{{expr: one, eval_time: 1m, exp_samples: [{{labels: 'one{{a=\"b\"}}', value: {value}}}]}}]}}]"
        )
    };
    file("right.yml", &test(1));
    file("wrong.yml", &test(2));
    let table: [(&[&str], i32, &str); 8] = [
        (&["check", "rules", "good.yml"], 0, "  SUCCESS: 2 rules found"),
        (&["check", "rules", "bad.yml", "good.yml"], 1, "  SUCCESS: 2 rules found"),
        (&["check", "rules", "missing.yml"], 1, "Checking missing.yml"),
        (&["check", "rules", "twice.yml"], 0, ""),
        (&["check", "rules", "--lint-fatal", "twice.yml"], 3, ""),
        (&["check", "rules", "--lint=none", "--lint-fatal", "twice.yml"], 0, "  SUCCESS: 2 rules found"),
        (&["test", "rules", "right.yml"], 0, "  SUCCESS"),
        (&["test", "rules", "right.yml", "wrong.yml", "--junit=out.xml"], 1, "  SUCCESS"),
    ];
    for (arguments, code, said) in table {
        let output = tool(dir.path(), arguments);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {out}{err}");
        assert!(out.contains(said), "{arguments:?}: {out}{err}");
    }
    let report = std::fs::read_to_string(dir.path().join("out.xml")).expect("a report");
    assert!(report.contains("<testsuite name=\"wrong.yml\" tests=\"1\" failures=\"1\""), "{report}");
}
