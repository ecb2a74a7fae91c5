//! What operators see of queries, and what they may do with them.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Answer, get, post, send};
use crate::server::{NOW_S, Server};

async fn listed(server: &Server, state: &str) -> Vec<Value> {
    let answer = get(server.address, &format!("/api/v1/status/queries?state={state}")).await.json();
    answer["data"][state].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
}

/// A query that runs until it is stopped.
async fn endless(server: &Server) -> Answer {
    let query = "query=sum_over_time(sum_over_time(vector(1)[1h:50ms])[1h:50ms])";
    post(server.address, "/api/v1/query", query).await
}

async fn one_running(server: &Server) -> Value {
    loop {
        if let [one] = &listed(server, "running").await[..]
            && one["phase"] == "evaluate"
        {
            return one.clone();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_remembered_with_its_cost_and_who_asked() {
    let server = Server::filled().await;
    let long = "x".repeat(3000);
    let headers = [
        ("X-Dashboard-Uid", "adlpnaq"),
        ("X-Panel-Id", "4"),
        ("X-Grafana-User", &*long),
        ("X-Rule-Name", "<script>"),
        ("User-Agent", "Grafana/12.1"),
    ];
    let target = format!("/api/v1/query_range?query=sum(up)&start={}&end={NOW_S}&step=15", NOW_S - 150);
    assert_eq!(send(server.address, "GET", &target, &headers, b"").await.status, 200);
    assert_eq!(get(server.address, "/api/v1/query?query=up%2Bon(a)up&time=1700000000").await.status, 422);
    let recent = listed(&server, "recent").await;
    let [failed, done] = &recent[..] else { panic!("{recent:?}") };
    assert_eq!((&done["query"], &done["state"], &done["phase"]), (&"sum(up)".into(), &"done".into(), &"write".into()));
    assert_eq!((&done["step"], &done["start"]), (&json!(15.0), &json!(NOW_S as f64 - 150.0)));
    assert_eq!((&done["cost"]["samples"], &done["cost"]["samplesRead"]), (&json!(22), &json!(22)));
    assert!(done["cost"]["responseBytes"].as_u64().unwrap() > 100 && done["cost"]["peakBytes"].as_u64().unwrap() > 100);
    let asked = &done["askedBy"];
    assert_eq!((&asked["dashboardUid"], &asked["panelId"]), (&"adlpnaq".into(), &"4".into()));
    assert_eq!((&asked["clientIP"], &asked["path"]), (&"127.0.0.1".into(), &"/api/v1/query_range".into()));
    assert!(asked["user"].as_str().unwrap().len() < 140);
    assert_eq!((&failed["state"], failed["error"].as_str().unwrap().len() > 20), (&"failed".into(), true));
    assert!(listed(&server, "running").await.is_empty());
    assert_eq!(get(server.address, "/api/v1/status/queries?state=x").await.status, 400);
    let both = get(server.address, "/api/v1/status/queries?limit=1").await.json();
    assert_eq!((both["data"]["recent"].as_array().unwrap().len(), &both["data"]["running"]), (1, &json!([])));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_stops_a_query() {
    let server = Server::empty(&["--query.max-concurrency=1"]).await;
    let stop = async {
        let one = one_running(&server).await;
        let path = format!("/api/v1/status/queries/{}", one["id"].as_str().unwrap());
        // A page in a browser may send a POST without asking; it must not be able to stop anything.
        assert_eq!(post(server.address, &path, "").await.status, 405);
        let stopped = send(server.address, "DELETE", &path, &[], b"").await;
        assert_eq!((stopped.status, &stopped.json()["data"]["canceled"]), (200, &one["id"]));
        path
    };
    let (answer, path) = tokio::join!(endless(&server), stop);
    assert_eq!((answer.status, &answer.json()["errorType"]), (503, &"canceled".into()), "{}", answer.text());
    assert!(answer.text().contains("operator"));
    assert_eq!(listed(&server, "recent").await[0]["state"], "canceled");
    assert_eq!(send(server.address, "DELETE", &path, &[], b"").await.status, 404);
    assert_eq!(send(server.address, "DELETE", "/api/v1/status/queries/x", &[], b"").await.status, 400);
    let metrics = get(server.address, "/metrics").await;
    assert!(metrics.text().contains("\nnightjar_queries_canceled_total 1\n"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_waits_can_be_stopped_and_a_client_that_left_is_noticed() {
    let server = Server::empty(&["--query.max-concurrency=1"]).await;
    let address = server.address;
    let busy = tokio::spawn(async move {
        post(address, "/api/v1/query", "query=sum_over_time(sum_over_time(vector(1)[1h:50ms])[1h:50ms])").await
    });
    one_running(&server).await;
    let waits = async {
        let waiting = loop {
            let running = listed(&server, "running").await;
            if let Some(waiting) = running.iter().find(|query| query["phase"] == "queue") {
                break waiting["id"].as_str().unwrap().to_owned();
            }
        };
        send(server.address, "DELETE", &format!("/api/v1/status/queries/{waiting}"), &[], b"").await;
    };
    let (answer, ()) = tokio::join!(get(server.address, "/api/v1/query?query=1"), waits);
    assert_eq!((answer.status, &answer.json()["errorType"]), (503, &"canceled".into()));
    busy.abort();
    while !listed(&server, "running").await.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(listed(&server, "recent").await.len(), 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_has_a_budget() {
    let server = Server::empty(&["--query.max-memory-per-query=2KB"]).await;
    server.fill().await;
    let range = format!("start={}&end={NOW_S}&step=1", NOW_S - 300);
    let answer = post(server.address, "/api/v1/query_range", &format!("query=up&{range}")).await;
    assert_eq!((answer.status, &answer.json()["errorType"]), (422, &"execution".into()));
    let sentence = answer.json()["error"].as_str().unwrap().to_owned();
    assert!(
        sentence.starts_with(
            "query processing would load too many samples into memory in query execution: it needs about 1"
        ),
        "{sentence}"
    );
    assert!(
        sentence.contains("KiB") && sentence.contains("one query may take 2 KiB (--query.max-memory-per-query)"),
        "{sentence}"
    );
    let sum = post(server.address, "/api/v1/query", "query=sum(up)&time=1700000000").await;
    assert_eq!(sum.status, 200, "{}", sum.text());
    let metrics = get(server.address, "/metrics").await;
    assert!(metrics.text().contains("\nnightjar_queries_refused_memory_total 1\n"), "{}", metrics.text());
    assert!(metrics.text().contains("\nnightjar_query_memory_held_bytes 0\n"));
    server.stop().await;
    let server = Server::empty(&["--query.max-memory-total=1KB"]).await;
    server.fill().await;
    let answer = post(server.address, "/api/v1/query_range", &format!("query=up&{range}")).await;
    assert_eq!((answer.status, &answer.json()["errorType"]), (503, &"unavailable".into()));
    assert!(answer.text().contains("--query.max-memory-total") && answer.text().contains("try again"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn per_step_statistics_need_their_feature() {
    let target = format!("/api/v1/query_range?query=up&start={}&end={NOW_S}&step=15&stats=all", NOW_S - 30);
    for (flags, there) in [(&[][..], false), (&["--enable-feature=promql-per-step-stats"], true)] {
        let server = Server::empty(flags).await;
        server.fill().await;
        let stats = get(server.address, &target).await.json()["data"]["stats"]["samples"].clone();
        assert_eq!(stats["totalQueryableSamples"], 6);
        let steps = [NOW_S - 30, NOW_S - 15, NOW_S].map(|t| json!([t, 2]));
        assert_eq!(stats.get("totalQueryableSamplesPerStep"), there.then(|| json!(steps)).as_ref(), "{stats}");
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_are_cut_after_ten() {
    let server = Server::filled().await;
    // One info for each metric that does not look like a counter.
    let names = ["up", "odd", "http.requests"];
    let rates: Vec<_> = (0..13).map(|i| format!("rate({{\"{}\"}}[{}s])", names[i % 3], 200 + i)).collect();
    let query = rates.join(" or ").replace('+', "%2B");
    let answer = post(server.address, "/api/v1/query", &format!("query={query}&time={NOW_S}")).await.json();
    let infos = answer["infos"].as_array().unwrap_or_else(|| panic!("{answer}"));
    if infos.len() > 10 {
        assert_eq!((infos.len(), infos[10].as_str().unwrap().ends_with("more info annotations omitted")), (11, true));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_may_federate() {
    let server = Server::filled().await;
    let answer = get(server.address, "/federate?match[]=up&match[]={job=%22node%22}&match[]=latency").await;
    let ms = NOW_S * 1000;
    let expected = format!(
        "# TYPE up untyped\nup{{instance=\"a:1\",job=\"node\"}} 1 {ms}\nup{{instance=\"b:2\",job=\"node\"}} 0 {ms}\n"
    );
    assert_eq!((answer.status, answer.text()), (200, &*expected));
    assert!(answer.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    assert_eq!(get(server.address, "/federate?match[]=%7B").await.status, 400);
    assert_eq!(get(server.address, "/federate").await.text(), "");
    server.stop().await;
}

/// What Prometheus has and this server has not, or otherwise by default.
const OTHERWISE: [(&str, &[&str]); 10] = [
    // On by default here: a server that is pushed to.
    ("api", &["remote_write_receiver"]),
    ("tsdb", &["exemplar_storage", "st_storage"]),
    // Not here.
    ("api", &["openapi_3.1", "openapi_3.2", "search_fuzz_alg_jarowinkler", "search_fuzz_alg_subsequence"]),
    ("prometheus", &["stringlabels"]),
    ("scrape", &["extra_scrape_metrics"]),
    ("service_discovery_providers", &["*"]),
    ("tsdb", &["xor2_encoding"]),
    ("ui", &["ui_v3"]),
    ("otlp_receiver", &[]),
    ("rules", &[]),
];

#[tokio::test(flavor = "multi_thread")]
async fn features_are_named_and_set_as_in_prometheus() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/compliance/features.json");
    let Ok(golden) = read(&path) else {
        eprintln!("SKIPPED: {} is not there; the comparison with Prometheus' features was not made", path.display());
        return;
    };
    let golden: Value = serde_json::from_str(&golden).unwrap();
    let server = Server::empty(&[]).await;
    let ours = get(server.address, "/api/v1/features").await.json()["data"].clone();
    let mut different = Vec::new();
    for (category, features) in golden.as_object().unwrap() {
        for (name, on) in features.as_object().unwrap() {
            let known =
                OTHERWISE.iter().any(|(c, names)| c == category && (names.contains(&&**name) || names == &["*"]));
            // What is absent is off.
            let same = ours[category][name].as_bool().unwrap_or(false) == on.as_bool().unwrap();
            if same == known {
                different.push(format!("{category}.{name}"));
            }
        }
    }
    assert!(different.is_empty(), "not as expected: {different:?}");
    server.stop().await;
}

#[allow(clippy::disallowed_methods, reason = "test data beside the project")]
fn read(path: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}
