//! Rules from outside: files on disk, a running server, `kill -9`, a reload, and the tools' exit codes.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests are outside")]

mod support;

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use support::http::Client;
use support::process::{Process, installed, nightjar};
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

const GROUP: &str = "name: g\ninterval: 1s\nrules:\n  - record: written\n    expr: vector(2)\n";

/// The value of a query without labels in its answer.
fn value(client: &mut Client, query: &str) -> Option<String> {
    let answer = client.post_form("/api/v1/query", &[("query", query)]).ok()?.json();
    Some(answer["data"]["result"][0]["value"][1].as_str()?.to_owned())
}

#[test]
fn groups_written_through_the_api() {
    let dir = tempfile::tempdir().expect("a directory");
    let port = free_port();
    let server = nightjar(port, dir.path(), &["--ruler.api"]);
    let mut client = Client::new(port);
    let build = client.get("/api/v1/status/buildinfo").unwrap().json();
    assert_eq!(build["data"]["features"]["ruler_config_api"], "true");
    assert_eq!(client.get("/config/v1/rules").unwrap().text(), "{}\n");
    let put = |client: &mut Client, body: &str| {
        client
            .send("POST", "/config/v1/rules/team%2Fa", &[("Content-Type", "application/yaml")], body.as_bytes())
            .unwrap()
    };
    let answer = put(&mut client, GROUP);
    assert_eq!((answer.status, &answer.json()["status"]), (202, &Value::from("success")));
    // In force at once, under the namespace as its file.
    let groups = client.get("/api/v1/rules?file[]=team/a").unwrap().json()["data"]["groups"].clone();
    assert_eq!(groups[0]["rules"][0]["query"], "vector(2)");
    wait_until("it is evaluated", Duration::from_secs(20), || value(&mut client, "written").as_deref() == Some("2"));
    let refused = put(&mut client, "name: g\nrules: [{record: a, expr: 'up +'}]");
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("could not parse expression"), "{}", refused.text());

    server.kill();
    let server = nightjar(port, dir.path(), &["--ruler.api"]);
    let mut client = Client::new(port);
    let all = client.get("/config/v1/rules").unwrap();
    assert_eq!(all.header("content-type"), Some("application/yaml"));
    let printed =
        "    - name: g\n      interval: 1s\n      rules:\n        - record: written\n          expr: \"vector(2)\"\n";
    assert_eq!(all.text(), format!("team/a:\n{printed}"));
    assert_eq!(client.get("/config/v1/rules/team%2Fa/g").unwrap().text().lines().next(), Some("name: g"));
    let delete = |client: &mut Client, path: &str| client.send("DELETE", path, &[], b"").unwrap().status;
    assert_eq!(delete(&mut client, "/config/v1/rules/team%2Fa/nope"), 404);
    assert_eq!(delete(&mut client, "/config/v1/rules/team%2Fa/g"), 202);
    assert_eq!(client.get("/config/v1/rules/team%2Fa").unwrap().status, 404);
    assert_eq!(client.get("/api/v1/rules").unwrap().json()["data"]["groups"].as_array().map(Vec::len), Some(0));
    assert_eq!(server.terminate(), Some(0));

    let _server = nightjar(port, dir.path(), &[]);
    let mut client = Client::new(port);
    assert_eq!(put(&mut client, GROUP).status, 404);
    assert!(client.get("/api/v1/status/buildinfo").unwrap().json()["data"]["features"].is_null());
}

#[test]
fn auto_reload_looks_at_rule_files_too() {
    let dir = tempfile::tempdir().expect("a directory");
    let (port, config) = (free_port(), dir.path().join("prometheus.yml"));
    write(&config, "rule_files: ['*.rules.yml']\n");
    let flag = format!("--config.file={}", config.display());
    let flags = [&flag, "--config.auto-reload", "--config.auto-reload-interval=200ms"];
    let _server = nightjar(port, dir.path(), &flags);
    let mut client = Client::new(port);
    let count =
        |client: &mut Client| client.get("/api/v1/rules").unwrap().json()["data"]["groups"].as_array().unwrap().len();
    assert_eq!(count(&mut client), 0);
    write(&dir.path().join("a.rules.yml"), RULES);
    wait_until("the new file is in force", Duration::from_secs(20), || count(&mut client) == 1);
    write(&dir.path().join("a.rules.yml"), &RULES.replace("name: g", "name: h"));
    let name = |client: &mut Client| client.get("/api/v1/rules").unwrap().json()["data"]["groups"][0]["name"].clone();
    wait_until("the changed file is in force", Duration::from_secs(20), || name(&mut client) == "h");
}

#[test]
fn an_alert_reaches_debians_alertmanager() {
    let Some(program) = installed("prometheus-alertmanager") else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let (port, theirs) = (free_port(), free_port());
    write(&dir.path().join("am.yml"), "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n");
    let mut command = Command::new(program);
    command.arg(format!("--config.file={}", dir.path().join("am.yml").display()));
    command.arg(format!("--storage.path={}", dir.path().join("am").display()));
    command.args([&format!("--web.listen-address=127.0.0.1:{theirs}"), "--cluster.listen-address="]);
    command.arg("--web.route-prefix=/deep/am");
    let _alertmanager = Process::start(&mut command, &dir.path().join("am.log"));
    write(
        &dir.path().join("prometheus.yml"),
        &format!(
            "global: {{external_labels: {{cluster: c1, replica: a}}}}
rule_files: [a.rules.yml]
alerting:
  alert_relabel_configs: [{{action: labeldrop, regex: replica}}]
  alertmanagers:
  - path_prefix: /deep/am
    static_configs: [{{targets: ['127.0.0.1:{theirs}']}}]
"
        ),
    );
    let rules = "groups: [{name: g, interval: 1s, rules: [{alert: High, expr: temperature > 30, for: 1s, \
                 labels: {severity: page}, annotations: {text: '{{ $value }} in {{ $labels.room }}'}}]}]";
    write(&dir.path().join("a.rules.yml"), rules);
    let config = format!("--config.file={}", dir.path().join("prometheus.yml").display());
    let _server = nightjar(port, dir.path(), &[&config, "--web.external-url=http://nightjar.example.org"]);
    let mut client = Client::new(port);
    let mut send = |value: f64| {
        let labels = [("__name__", "temperature"), ("room", "attic")];
        let samples = [(support::now_ms(), value)];
        let answer =
            support::write::post(&mut client, &[support::write::Series { labels: &labels, samples: &samples }]);
        assert_eq!(answer.expect("an answer").status, 204);
    };
    send(35.5);
    let mut alertmanager = Client::new(theirs);
    let alerts = move |client: &mut Client| -> Vec<Value> {
        let answer = client.get("/deep/am/api/v2/alerts");
        answer.ok().filter(|a| a.status == 200).and_then(|a| a.json().as_array().cloned()).unwrap_or_default()
    };
    let mut found = Vec::new();
    wait_until("the alert arrives", Duration::from_secs(30), || {
        found = alerts(&mut alertmanager);
        !found.is_empty()
    });
    let expected = serde_json::json!({"alertname": "High", "cluster": "c1", "room": "attic", "severity": "page"});
    assert_eq!(found[0]["labels"], expected);
    assert_eq!(found[0]["annotations"]["text"], "35.5 in attic");
    let link = found[0]["generatorURL"].as_str().unwrap();
    assert_eq!(link, "http://nightjar.example.org/graph?g0.expr=temperature+%3E+30&g0.tab=1");
    // The link leads to a page of ours.
    let page = Client::new(port).get(link.strip_prefix("http://nightjar.example.org").unwrap()).unwrap();
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let row = "<tr><td>{__name__=&quot;temperature&quot;, room=&quot;attic&quot;}<td>35.5";
    assert!(page.text().contains("temperature &gt; 30</textarea>") && page.text().contains(row), "{}", page.text());
    send(20.0);
    wait_until("it is resolved there", Duration::from_secs(30), || alerts(&mut alertmanager).is_empty());
}

#[test]
fn configurations_are_checked() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| write(&dir.path().join(name), text);
    file("good.rules.yml", RULES);
    file("twice.rules.yml", "groups: [{name: g, rules: [{record: a, expr: up}, {record: a, expr: up}]}]");
    file("bad.rules.yml", "groups: [{name: g, rules: [{record: a}]}]");
    file("good.yml", "rule_files: ['good.r*.yml']\nscrape_configs: []\n");
    file("missing.yml", "rule_files: [nothing.yml]\n");
    file("broken.yml", "global: {evaluation_interval: x}\n");
    file("bad.yml", "rule_files: [bad.rules.yml]\n");
    file("twice.yml", "rule_files: [twice.rules.yml]\n");
    let table: [(&[&str], i32, &str); 7] = [
        (&["good.yml"], 0, " SUCCESS: good.yml is valid prometheus config file syntax"),
        (&["missing.yml"], 1, "\"nothing.yml\" does not point to an existing file"),
        (&["--syntax-only", "missing.yml"], 0, " SUCCESS: missing.yml"),
        (&["broken.yml"], 1, "broken.yml:1:"),
        (&["bad.yml"], 1, "field 'expr' must be set"),
        (&["twice.yml"], 0, "1 duplicate rule(s) found"),
        (&["--lint-fatal", "twice.yml"], 3, "1 duplicate rule(s) found"),
    ];
    for (arguments, code, said) in table {
        let output = tool(dir.path(), &[&["check", "config"], arguments].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(said), "{arguments:?}: {text}");
    }
}
