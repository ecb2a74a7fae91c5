//! The calls Grafana and karma make, on the address where Prometheus' API is too, and rules that page without HTTP.

use std::time::Duration;

use serde_json::{Value, json};

use crate::listener::Listener;
use crate::router::silence;
use crate::support::http::Client;
use crate::support::process::nightjar;
use crate::support::{free_port, now_ms, wait_until};

const RULES: &str = "
groups:
- name: g
  interval: 1s
  rules:
  - {alert: Always, expr: vector(7), labels: {severity: page}, annotations: {text: 'is {{ $value }}'}}
";

/// One file to a page: a rule fires, and a webhook hears of it; then the API of both datasources on one address.
#[test]
fn one_process_from_rule_to_page_and_its_datasources() {
    let dir = tempfile::tempdir().unwrap();
    let listener = Listener::new();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    file("a.rules.yml", RULES);
    let prometheus = file("prometheus.yml", "global: {external_labels: {cluster: eu}}\nrule_files: ['*.rules.yml']\n");
    let routes = file(
        "am.yml",
        &format!(
            "route: {{receiver: a, group_by: [alertname], group_wait: 0s}}\nreceivers: [{{name: a, webhook_configs: [{{url: '{}'}}]}}]\n",
            listener.url()
        ),
    );
    let flags = [format!("--config.file={prometheus}"), format!("--alertmanager.config.file={routes}")];
    let port = free_port();
    let server = nightjar(port, dir.path(), &flags.iter().map(String::as_str).collect::<Vec<_>>());
    wait_until("a page", Duration::from_secs(20), || !listener.taken().is_empty());
    let page = &listener.taken()[0];
    assert_eq!(page.body["alerts"][0]["labels"], json!({"alertname": "Always", "cluster": "eu", "severity": "page"}));
    assert_eq!(page.body["alerts"][0]["annotations"]["text"], "is 7");
    assert_eq!(page.body["groupKey"], "{}:{alertname=\"Always\"}");
    assert!(!page.key.is_empty());

    // Grafana's Alertmanager datasource: a health check that must not find a Mimir, then its reads and writes.
    let mut client = Client::new(port);
    assert_eq!(client.get("/alertmanager/api/v2/status").unwrap().status, 404);
    for path in ["status", "alerts", "alerts/groups", "silences", "receivers"] {
        assert_eq!(client.get(&format!("/api/v2/{path}")).unwrap().status, 200, "{path}");
    }
    assert_eq!(client.get("/api/v1/status/buildinfo").unwrap().status, 200);
    assert_eq!(client.get("/api/v1/query?query=vector(1)").unwrap().json()["status"], "success");
    let json_type = [("Content-Type", "application/json")];
    let body = silence("alertname", "Always", now_ms(), now_ms() + 60_000).to_string();
    let made = client.send("POST", "/api/v2/silences", &json_type, body.as_bytes()).unwrap();
    let id = made.json()["silenceID"].as_str().unwrap().to_owned();
    assert_eq!(client.get(&format!("/api/v2/silence/{id}")).unwrap().json()["createdBy"], "test");
    let alert = client.get("/api/v2/alerts").unwrap().json()[0].clone();
    assert_eq!((&alert["status"]["state"], &alert["status"]["silencedBy"]), (&"suppressed".into(), &json!([id])));
    assert_eq!(client.send("DELETE", &format!("/api/v2/silence/{id}"), &[], b"").unwrap().status, 200);
    let own = json!([{"labels": {"alertname": "byhand"}}]).to_string();
    assert_eq!(client.send("POST", "/api/v2/alerts", &json_type, own.as_bytes()).unwrap().status, 200);

    // karma: the version from the metrics, then the same reads.
    let metrics = client.get("/metrics").unwrap().text();
    let version = metrics.lines().find(|line| line.starts_with("alertmanager_build_info{")).unwrap();
    assert!(version.contains("version=\"0.34.0\""), "{version}");
    let groups = client.get("/api/v2/alerts/groups").unwrap().json();
    assert_eq!(groups.as_array().unwrap().len(), 2);
    assert!(groups[0]["alerts"][0]["fingerprint"].is_string() && groups[0]["receiver"]["name"] == "a");

    // Everything is there again after a crash, and nothing is told twice.
    wait_until("the second page", Duration::from_secs(10), || listener.taken().len() == 2);
    server.kill();
    let server = nightjar(port, dir.path(), &flags.iter().map(String::as_str).collect::<Vec<_>>());
    let mut client = Client::new(port);
    let state =
        |client: &mut Client| client.get(&format!("/api/v2/silence/{id}")).unwrap().json()["status"]["state"].clone();
    assert_eq!(state(&mut client), Value::from("expired"));
    assert_eq!(client.get("/api/v2/alerts").unwrap().json().as_array().unwrap().len(), 2);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(listener.taken().len(), 2);
    assert_eq!(server.terminate(), Some(0));
}

/// Without any configuration alerts and silences are kept and shown.
#[test]
fn without_a_file_nobody_is_told_and_all_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let server = nightjar(port, dir.path(), &[]);
    let mut client = Client::new(port);
    let json_type = [("Content-Type", "application/json")];
    let own = json!([{"labels": {"alertname": "byhand"}}]).to_string();
    assert_eq!(client.send("POST", "/api/v2/alerts", &json_type, own.as_bytes()).unwrap().status, 200);
    assert_eq!(client.get("/prometheus/api/v2/alerts").unwrap().json()[0]["receivers"], json!([{"name": "nobody"}]));
    assert_eq!(server.terminate(), Some(0));
}
