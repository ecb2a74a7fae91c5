//! The families of Alertmanager 0.34, with their types and labels, and what is counted of requests.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::router::Router;
use crate::support::http::Client;
use crate::support::process::{Process, installed};
use crate::support::{free_port, wait_until};

const CONFIG: &str =
    "route: {receiver: a, group_wait: 1h}\nreceivers: [{name: a, webhook_configs: [{url: 'http://127.0.0.1:1/'}]}]\n";

/// Every family of 0.34: name, type, labels; but for those that `docs/compat.md` says are absent.
const FAMILIES: &str = "
alertmanager_alerts gauge state
alertmanager_alerts_invalid_total counter version
alertmanager_alerts_limited_total counter
alertmanager_alerts_per_alert_limit gauge
alertmanager_alerts_received_total counter status,version
alertmanager_alerts_subscriber_channel_writes_total counter subscriber
alertmanager_build_info gauge branch,goversion,revision,version
alertmanager_cluster_alive_messages_total counter peer
alertmanager_cluster_enabled gauge
alertmanager_cluster_failed_peers gauge
alertmanager_cluster_health_score gauge
alertmanager_cluster_members gauge
alertmanager_cluster_messages_pruned_total counter
alertmanager_cluster_messages_queued gauge
alertmanager_cluster_messages_received_size_total counter msg_type
alertmanager_cluster_messages_received_total counter msg_type
alertmanager_cluster_messages_sent_size_total counter msg_type
alertmanager_cluster_messages_sent_total counter msg_type
alertmanager_cluster_peer_info gauge peer
alertmanager_cluster_peer_name_conflicts_total counter
alertmanager_cluster_peers_joined_total counter
alertmanager_cluster_peers_left_total counter
alertmanager_cluster_peers_update_total counter
alertmanager_cluster_pings_seconds histogram peer
alertmanager_cluster_reconnections_failed_total counter
alertmanager_cluster_reconnections_total counter
alertmanager_cluster_refresh_join_failed_total counter
alertmanager_cluster_refresh_join_total counter
alertmanager_config_hash gauge
alertmanager_config_last_reload_success_timestamp_seconds gauge
alertmanager_config_last_reload_successful gauge
alertmanager_dispatcher_aggregation_group_creation_given_up_total counter
alertmanager_dispatcher_aggregation_group_creation_retries_total counter
alertmanager_dispatcher_aggregation_group_limit_reached_total counter
alertmanager_dispatcher_aggregation_groups gauge
alertmanager_dispatcher_alert_processing_duration_seconds summary
alertmanager_http_concurrency_limit_exceeded_total counter method
alertmanager_http_request_duration_seconds histogram code,handler,method
alertmanager_http_requests_in_flight gauge method
alertmanager_http_response_size_bytes histogram handler,method
alertmanager_inhibition_rules gauge
alertmanager_integrations gauge
alertmanager_nflog_gc_duration_seconds summary
alertmanager_nflog_gossip_messages_propagated_total counter
alertmanager_nflog_maintenance_errors_total counter
alertmanager_nflog_maintenance_total counter
alertmanager_nflog_queries_total counter
alertmanager_nflog_query_errors_total counter
alertmanager_nflog_snapshot_duration_seconds summary
alertmanager_nflog_snapshot_size_bytes gauge
alertmanager_notification_latency_seconds histogram integration
alertmanager_notification_requests_failed_total counter integration
alertmanager_notification_requests_total counter integration
alertmanager_notifications_failed_total counter integration,reason
alertmanager_notifications_suppressed_total counter reason
alertmanager_notifications_total counter integration
alertmanager_oversize_gossip_message_duration_seconds histogram key
alertmanager_oversized_gossip_message_dropped_total counter key
alertmanager_oversized_gossip_message_failure_total counter key
alertmanager_oversized_gossip_message_sent_total counter key
alertmanager_peer_position gauge
alertmanager_receivers gauge
alertmanager_silences gauge state
alertmanager_silences_gc_duration_seconds summary
alertmanager_silences_gc_errors_total counter
alertmanager_silences_gossip_messages_propagated_total counter
alertmanager_silences_maintenance_errors_total counter
alertmanager_silences_maintenance_total counter
alertmanager_silences_matcher_compile_errors_total counter stage
alertmanager_silences_matcher_index_size gauge
alertmanager_silences_queries_total counter
alertmanager_silences_query_duration_seconds histogram
alertmanager_silences_query_errors_total counter
alertmanager_silences_query_silences_scanned_total counter
alertmanager_silences_query_silences_skipped_total counter
alertmanager_silences_snapshot_duration_seconds summary
alertmanager_silences_snapshot_size_bytes gauge
alertmanager_silences_state_size gauge
alertmanager_silences_version_index_size gauge
";

/// Families of Debian's version that are not there: gone in 0.34, and absent on purpose.
const ABSENT: [&str; 2] = ["alertmanager_marked_alerts", "alertmanager_nflog_query_duration_seconds"];

/// Labels that a family of Debian's version has otherwise than 0.34.
const OTHERWISE: [&str; 2] = ["alertmanager_http_request_duration_seconds", "alertmanager_notifications_failed_total"];

/// A family of a page: its type, and the names of the labels of its first sample.
fn families(page: &str) -> BTreeMap<String, (String, Option<String>)> {
    let mut found: BTreeMap<String, (String, Option<String>)> = BTreeMap::new();
    let mut current = String::new();
    for line in page.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            current = name.to_owned();
            found.insert(current.clone(), (kind.to_owned(), None));
        } else if !line.starts_with('#')
            && let Some((_, labels)) = found.get_mut(&current)
        {
            let pairs = line.split_once('{').and_then(|(_, rest)| Some(rest.rsplit_once('}')?.0)).unwrap_or("");
            let names: BTreeSet<&str> = pairs.split("\",").filter_map(|pair| Some(pair.split_once('=')?.0)).collect();
            let names: Vec<&str> = names.into_iter().filter(|name| !["le", "quantile"].contains(name)).collect();
            labels.get_or_insert_with(|| names.join(","));
        }
    }
    found.retain(|name, _| name.starts_with("alertmanager_"));
    found
}

fn page(router: &Router) -> String {
    Client::new(router.port).get(&format!("{}/metrics", router.prefix)).unwrap().text()
}

/// The value of a sample, as written.
fn value(page: &str, sample: &str) -> String {
    let line = page.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {sample} in\n{page}")).to_owned()
}

#[test]
fn every_family_of_alertmanager() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let address = format!("127.0.0.1:{}", free_port());
    let one = Router::start(one.path(), CONFIG, &["--cluster.listen-address", &address, "--cluster.peer-name=one"]);
    let _two = Router::start(two.path(), CONFIG, &["--cluster.peer", &address, "--cluster.peer-name=two"]);
    let said = |page: &str| page.contains("alertmanager_cluster_pings_seconds_count{peer=\"two\"}");
    wait_until("the instances have met", Duration::from_secs(20), || said(&page(&one)));
    let page = page(&one);
    let shown: Vec<String> = families(&page)
        .into_iter()
        .map(|(name, (kind, labels))| format!("{name} {kind} {}", labels.unwrap_or_default()).trim_end().to_owned())
        .collect();
    assert_eq!(shown, FAMILIES.trim().lines().collect::<Vec<_>>());
    assert_eq!(value(&page, "alertmanager_cluster_peers_joined_total"), "2");
    assert_eq!(value(&page, "alertmanager_cluster_peer_info{peer=\"one\"}"), "1");
    assert_ne!(value(&page, "alertmanager_cluster_messages_sent_total{msg_type=\"full_state\"}"), "0");
}

#[test]
fn the_families_of_a_debian_alertmanager() {
    if installed("prometheus-alertmanager").is_none() {
        eprintln!("SKIPPED: no prometheus-alertmanager");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("am.yml"), CONFIG).unwrap();
    let port = free_port();
    let mut command = Command::new("prometheus-alertmanager");
    command.arg("--config.file").arg(dir.path().join("am.yml")).arg("--storage.path").arg(dir.path().join("data"));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--cluster.listen-address=127.0.0.1:0");
    let _debian = Process::start(&mut command, &dir.path().join("debian.log"));
    let mut debian = String::new();
    wait_until("Debian's Alertmanager answers", Duration::from_secs(20), || {
        let mut client = Client::new(port);
        let asked = client.get("/-/ready").and_then(|_| client.get("/metrics")).and_then(|_| client.get("/metrics"));
        debian = asked.map(|answer| answer.text()).unwrap_or_default();
        !debian.is_empty()
    });
    let ours: BTreeMap<&str, (&str, &str)> = FAMILIES
        .trim()
        .lines()
        .map(|line| {
            let mut words = line.split(' ');
            (words.next().unwrap(), (words.next().unwrap(), words.next().unwrap_or("")))
        })
        .collect();
    for (name, (kind, labels)) in families(&debian).iter().filter(|(name, _)| !ABSENT.contains(&name.as_str())) {
        let (our_kind, our_labels) = ours.get(name.as_str()).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(kind, our_kind, "{name}");
        let labels =
            labels.as_deref().filter(|_| !OTHERWISE.contains(&name.as_str()) && name != "alertmanager_build_info");
        assert!(labels.is_none_or(|labels| labels == *our_labels), "{name}: {labels:?} {our_labels}");
    }
}

#[test]
fn requests_are_counted_by_route() {
    let dir = tempfile::tempdir().unwrap();
    let router = Router::start(dir.path(), CONFIG, &["--web.route-prefix", "/am"]);
    let mut client = Client::new(router.port);
    let mut ask = |method: &str, path: &str| client.send(method, path, &[], b"").unwrap().status;
    let asked = [
        ("GET", "/am/api/v2/silence/7c3a3f1e-0000-4000-8000-000000000000", 404),
        ("GET", "/am/api/v2/silences", 200),
        ("GET", "/am/api/v2/silences?filter=x", 400),
        ("BREW", "/am/api/v2/alerts", 405),
        ("GET", "/am/-/ready", 200),
        ("HEAD", "/am/-/ready", 200),
        ("GET", "/am/nothing", 404),
        ("GET", "/am/api/v2/nothing", 404),
    ];
    for (method, path, status) in asked {
        assert_eq!(ask(method, path), status, "{method} {path}");
    }
    let page = page(&router);
    let count = |labels: &str| value(&page, &format!("alertmanager_http_request_duration_seconds_count{{{labels}}}"));
    assert_eq!(count(r#"code="404",handler="/api/v2/silence/{silenceID}",method="get""#), "1");
    assert_eq!(count(r#"code="200",handler="/api/v2/silences",method="get""#), "1");
    assert_eq!(count(r#"code="400",handler="/api/v2/silences",method="get""#), "1");
    assert_eq!(count(r#"code="405",handler="/api/v2/alerts",method="unknown""#), "1");
    assert_eq!(count(r#"code="200",handler="/-/ready",method="head""#), "1");
    let size = |name: &str| {
        value(&page, &format!(r#"alertmanager_http_response_size_bytes_{name}{{handler="/-/ready",method="get"}}"#))
    };
    assert_eq!((size("sum"), size("count")), ("2".to_owned(), "1".to_owned()));
    assert!(!page.contains("nothing"), "what nobody serves has no name");
    assert_eq!(value(&page, r#"alertmanager_http_requests_in_flight{method="get"}"#), "1", "this one");
    let bounds: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix(r#"alertmanager_http_request_duration_seconds_bucket{code="200",handler="/api/v2/silences",method="get",le=""#))
        .filter_map(|line| line.split('"').next())
        .collect();
    assert_eq!(bounds, ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"]);
    assert_eq!(value(&page, "alertmanager_silences_queries_total"), "1");
    assert_eq!(value(&page, "alertmanager_silences_query_errors_total"), "1");
}

fn post_many(router: &Router) -> (u16, String) {
    let many: Vec<Value> = (0..10_000).map(|i| json!({"labels": {"alertname": "x", "i": i.to_string()}})).collect();
    router.send("POST", "/api/v2/alerts", &Value::Array(many))
}

#[test]
fn too_many_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let router = Router::start(dir.path(), CONFIG, &["--web.get-concurrency=1"]);
    assert_eq!(post_many(&router).0, 200);
    let ask = || {
        let answer = Client::new(router.port).get("/api/v2/alerts").unwrap();
        (answer.status != 200).then(|| (answer.status, answer.text()))
    };
    let refused: Vec<(u16, String)> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    let sentence = "Limit of concurrent GET requests reached (1), try again later.\n".to_owned();
    assert!(!refused.is_empty() && refused.iter().all(|answer| *answer == (503, sentence.clone())), "{refused:?}");
    let counted = value(&page(&router), r#"alertmanager_http_concurrency_limit_exceeded_total{method="get"}"#);
    assert_eq!(counted, refused.len().to_string());
}

#[test]
fn too_long() {
    let dir = tempfile::tempdir().unwrap();
    let router = Router::start(dir.path(), CONFIG, &["--web.timeout=1ms"]);
    assert_eq!(post_many(&router), (503, "Exceeded configured timeout of 1ms.\n".to_owned()));
}
