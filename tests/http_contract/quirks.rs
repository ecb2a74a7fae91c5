//! What Grafana and others rely on beyond the documentation, one test each.

use std::io::Read;

use serde_json::{Value, json};

use crate::client::{get, post, send};
use crate::server::{NOW_S, Server};

fn result(answer: &Value) -> &Value {
    &answer["data"]["result"]
}

#[tokio::test(flavor = "multi_thread")]
async fn save_and_test_asks_for_one_plus_one_in_1970() {
    let server = Server::empty(&[]).await;
    let answer = post(server.address, "/api/v1/query", "query=1%2B1&time=4").await;
    assert_eq!(answer.text(), r#"{"status":"success","data":{"resultType":"scalar","result":[4,"2"]}}"#);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_merges_url_and_form() {
    let server = Server::filled().await;
    let now = NOW_S;
    // The form wins; other parameters may stand on either side; unknown ones are ignored.
    let target = format!("/api/v1/query?time={now}&query=nope&dedup=true&partial_response=true");
    let answer = post(server.address, &target, "query=count(up)").await.json();
    assert_eq!(result(&answer)[0]["value"], json!([now, "2"]));
    let answer = post(server.address, "/api/v1/series?match[]=up", "match%5B%5D=latency").await.json();
    assert_eq!(answer["data"].as_array().unwrap().len(), 3);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_methods_are_405_and_unknown_routes_404() {
    let server = Server::empty(&[]).await;
    let only_get = [
        "/api/v1/metadata",
        "/api/v1/label/job/values",
        "/api/v1/rules",
        "/api/v1/alerts",
        "/api/v1/status/buildinfo",
        "/api/v1/status/tsdb",
        "/api/v1/status/flags",
        "/api/v1/targets",
        "/prometheus/api/v1/metadata",
    ];
    for path in only_get {
        assert_eq!(post(server.address, path, "a=b").await.status, 405, "{path}");
    }
    for (method, path) in [("PUT", "/api/v1/query"), ("DELETE", "/api/v1/labels"), ("GET", "/api/v1/write")] {
        assert_eq!(send(server.address, method, path, &[], b"").await.status, 405, "{path}");
    }
    let unknown = get(server.address, "/api/v1/nope").await;
    assert_eq!((unknown.status, unknown.json()["errorType"].as_str()), (404, Some("not_found")));
    // A 200 here would make Grafana take us for Mimir.
    for path in ["/alertmanager/api/v2/status", "/config/v1/rules", "/nope", "/api/v1/search/metric_names"] {
        assert_eq!(get(server.address, path).await.status, 404, "{path}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_gzip_or_plain_never_zstd() {
    let server = Server::filled().await;
    let target = "/api/v1/query_range?query=up&step=1&start=1699999700&end=1700000000";
    let plain = get(server.address, target).await;
    for (accept, encoding) in [("gzip, deflate, br, zstd", Some("gzip")), ("zstd, br", None), ("gzip;q=0", None)] {
        let answer = send(server.address, "GET", target, &[("Accept-Encoding", accept)], b"").await;
        assert_eq!(answer.header("content-encoding"), encoding, "{accept}");
        let mut body = Vec::new();
        match encoding {
            Some(_) => drop(flate2::read::GzDecoder::new(&answer.body[..]).read_to_end(&mut body).unwrap()),
            None => body.clone_from(&answer.body),
        }
        assert_eq!(body, plain.body, "{accept}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn times_in_all_forms() {
    let server = Server::filled().await;
    let times =
        ["1700000000", "1700000000.0", "1.7e9", "2023-11-14T22:13:20Z", "2023-11-14T23:13:20.000000001%2B01:00"];
    for time in times {
        let answer = get(server.address, &format!("/api/v1/query?query=up&time={time}")).await.json();
        assert_eq!(result(&answer).as_array().map(Vec::len), Some(2), "{time}: {answer}");
    }
    // Milliseconds taken for seconds, and times before the epoch, find nothing and are no error.
    for time in ["1700000000000", "-5", "-292273086-05-16T16:47:06Z"] {
        let answer = get(server.address, &format!("/api/v1/query?query=up&time={time}")).await.json();
        assert_eq!(answer, json!({"status": "success", "data": {"resultType": "vector", "result": []}}), "{time}");
    }
    for step in ["60", "60.0", "1m", "60s", "60000ms"] {
        let target = format!("/api/v1/query_range?query=1&start=0&end=120&step={step}");
        let answer = get(server.address, &target).await.json();
        assert_eq!(result(&answer)[0]["values"], json!([[0, "1"], [60, "1"], [120, "1"]]), "{step}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_strings_and_timestamps_have_three_decimals() {
    let server = Server::filled().await;
    let values = async |time: &str| {
        let answer = get(server.address, &format!("/api/v1/query?query=odd&time={time}")).await;
        let text = answer.text().to_owned();
        text[text.find("\"value\":").unwrap() + 8..text.find("}]").unwrap()].to_owned()
    };
    assert_eq!(values("1699999970").await, r#"[1699999970,"NaN"]"#);
    assert_eq!(values("1699999985").await, r#"[1699999985,"+Inf"]"#);
    assert_eq!(values("1699999999.5").await, r#"[1699999999.500,"1e-07"]"#);
    let answer = get(server.address, "/api/v1/query?query=-odd&time=1699999985").await;
    assert!(
        answer.text().contains(r#""metric":{"job":"x\"\\\n\u001bé"},"value":[1699999985,"-Inf"]"#),
        "{}",
        answer.text()
    );
    let order = get(server.address, "/api/v1/query?query=up&time=0").await;
    assert!(order.text().find("resultType").unwrap() < order.text().find("\"result\"").unwrap());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_native_histogram_has_buckets_of_four() {
    let server = Server::filled().await;
    let answer = get(server.address, "/api/v1/query?query=latency&time=1700000000").await;
    let expected = r#"[{"metric":{"__name__":"latency"},"histogram":[1700000000,{"count":"3","sum":"4.5","buckets":[[0,"1","2","1"],[0,"2","4","2"]]}]}]"#;
    assert!(answer.text().contains(expected), "{}", answer.text());
    let target = "/api/v1/query_range?query=latency&start=1700000000&end=1700000000&step=1";
    let answer = get(server.address, target).await;
    assert!(answer.text().contains(r#""histograms":[[1700000000,{"count":"3","#), "{}", answer.text());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exemplars_are_asked_for_in_milliseconds() {
    let server = Server::filled().await;
    let answer =
        post(server.address, "/api/v1/query_exemplars", "query=test&start=1700000000000&end=1700000001000").await;
    assert_eq!(answer.text(), r#"{"status":"success","data":[]}"#);
    let answer =
        post(server.address, "/api/v1/query_exemplars", "query=rate(up[5m])&start=1699990000&end=1700001000").await;
    let expected = json!([{
        "seriesLabels": {"__name__": "up", "job": "node", "instance": "a:1"},
        "exemplars": [{"labels": {"trace_id": "abc"}, "value": "1.5", "timestamp": 1_700_000_000.2}],
    }]);
    assert_eq!(answer.json()["data"], expected);
    assert_eq!(get(server.address, "/api/v1/query_exemplars?query=1").await.status, 204);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_cut_and_say_so() {
    let server = Server::filled().await;
    let warning = json!(["results truncated due to limit"]);
    let cut = [
        "/api/v1/labels?limit=1",
        "/api/v1/label/instance/values?limit=1",
        "/api/v1/series?match[]=up&limit=1",
        "/api/v1/query?query=up&time=1700000000&limit=1",
        "/api/v1/query_range?query=up&start=1700000000&end=1700000000&step=1&limit=1",
    ];
    for target in cut {
        let answer = get(server.address, target).await.json();
        let list = answer["data"].as_array().or(result(&answer).as_array()).unwrap();
        assert_eq!((list.len(), &answer["warnings"]), (1, &warning), "{target}: {answer}");
        let whole = get(server.address, &target.replace("limit=1", "limit=0")).await.json();
        assert_eq!(whole["warnings"], Value::Null, "{target}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_outside_the_classic_alphabet() {
    let server = Server::filled().await;
    for path in ["U__http_2e_status", "http.status", "http%2Estatus"] {
        let answer = get(server.address, &format!("/api/v1/label/{path}/values")).await.json();
        assert_eq!(answer["data"], json!(["2xx"]), "{path}");
    }
    let form = "query=%7B%22http.requests%22%2C%22http.status%22%3D%222xx%22%7D&time=1700000000";
    let answer = post(server.address, "/api/v1/query", form).await.json();
    assert_eq!(result(&answer)[0]["metric"], json!({"__name__": "http.requests", "http.status": "2xx"}));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lookups() {
    let server = Server::filled().await;
    let list = async |target: &str| get(server.address, target).await.json()["data"].clone();
    assert_eq!(list("/api/v1/label/__name__/values").await, json!(["http.requests", "latency", "odd", "up"]));
    assert_eq!(list("/api/v1/labels?match[]=up").await, json!(["__name__", "instance", "job"]));
    assert_eq!(list("/api/v1/label/job/values?match[]=up&match[]=odd").await, json!(["node", "x\"\\\n\u{1b}é"]));
    assert_eq!(list("/api/v1/labels?start=0&end=1").await, json!([]));
    let series = list("/api/v1/series?match[]=up&match[]=%7Bjob%3D%22node%22%7D").await;
    assert_eq!(series.as_array().unwrap().len(), 2);
    let posted = post(server.address, "/api/v1/labels", "match[]=up&start=1699999000&end=1700000000&limit=40000").await;
    assert_eq!(posted.json()["data"], json!(["__name__", "instance", "job"]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_never_holds_an_empty_list() {
    let server = Server::filled().await;
    let answer = get(server.address, "/api/v1/metadata?limit=40000").await.json();
    assert_eq!(answer["data"], json!({"up": [{"type": "gauge", "help": "Is it up?", "unit": ""}]}));
    assert_eq!(get(server.address, "/api/v1/metadata?metric=nope").await.json()["data"], json!({}));
    assert_eq!(get(server.address, "/api/v1/metadata?limit=0").await.json()["data"], json!({}));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shapes_of_a_server_without_rules_or_targets() {
    let server = Server::empty(&[]).await;
    let table = [
        ("/api/v1/rules?exclude_alerts=true&group_limit=40", json!({"groups": []})),
        ("/api/v1/alerts", json!({"alerts": []})),
        ("/api/v1/alertmanagers", json!({"activeAlertmanagers": [], "droppedAlertmanagers": []})),
        ("/api/v1/targets", json!({"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {}})),
        ("/api/v1/status/walreplay", json!({"min": 0, "max": 0, "current": 0})),
        ("/api/v1/notifications", json!([])),
        ("/api/v1/format_query?query=sum(rate(x%5B5m%5D))by(a)", json!("sum by (a) (rate(x[5m]))")),
    ];
    for (target, data) in table {
        assert_eq!(get(server.address, target).await.json()["data"], data, "{target}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn build_and_runtime_information() {
    let server = Server::empty(&["--web.enable-lifecycle", "--storage.tsdb.retention.time=30d"]).await;
    let data = async |target: &str| get(server.address, target).await.json()["data"].clone();
    let build = data("/api/v1/status/buildinfo").await;
    assert!(build["version"].as_str().unwrap().split('.').all(|n| n.parse::<u32>().is_ok()));
    // With the member `features` Grafana would take us for Mimir.
    assert!(build.as_object().unwrap().iter().all(|(name, value)| value.is_string() && name != "features"));
    let runtime = data("/api/v1/status/runtimeinfo").await;
    assert_eq!((&runtime["storageRetention"], &runtime["reloadConfigSuccess"]), (&json!("30d"), &json!(true)));
    assert_eq!(runtime["serverTime"], "2023-11-14T22:13:20Z");
    let flags = data("/api/v1/status/flags").await;
    assert_eq!((&flags["web.enable-lifecycle"], &flags["query.timeout"]), (&json!("true"), &json!("2m")));
    assert_eq!(data("/api/v1/status/config").await, json!({"yaml": ""}));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cardinality() {
    let server = Server::filled().await;
    let data = get(server.address, "/api/v1/status/tsdb?limit=1").await.json()["data"].clone();
    assert_eq!(data["headStats"]["numSeries"], 5);
    assert_eq!(data["seriesCountByMetricName"], json!([{"name": "up", "value": 2}]));
    assert_eq!(data["labelValueCountByLabelName"], json!([{"name": "__name__", "value": 4}]));
    assert_eq!(data["seriesCountByLabelValuePair"], json!([{"name": "__name__=up", "value": 2}]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_again_under_prometheus_and_the_prefix() {
    let server = Server::empty(&["--web.external-url=http://example.org/metrics-db/"]).await;
    for prefix in ["/metrics-db", "/prometheus"] {
        for path in ["/-/healthy", "/api/v1/labels", "/metrics", "/api/v1/status/buildinfo"] {
            assert_eq!(get(server.address, &format!("{prefix}{path}")).await.status, 200, "{prefix}{path}");
        }
    }
    assert_eq!(get(server.address, "/api/v1/labels").await.status, 404);
    let redirect = get(server.address, "/").await;
    assert_eq!((redirect.status, redirect.header("location")), (308, Some("/metrics-db/")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cross_origin_reads() {
    let server = Server::empty(&["--web.cors.origin=https://(a|b)\\.example"]).await;
    let ask = async |method: &'static str, path: &'static str, origin: &'static str| {
        let answer = send(server.address, method, path, &[("Origin", origin)], b"").await;
        (answer.status, answer.header("access-control-allow-origin").map(str::to_owned))
    };
    let allowed = Some("https://a.example".to_owned());
    assert_eq!(ask("GET", "/api/v1/labels", "https://a.example").await, (200, allowed.clone()));
    assert_eq!(ask("OPTIONS", "/api/v1/query", "https://a.example").await, (204, allowed));
    assert_eq!(ask("GET", "/api/v1/labels", "https://a.example.evil").await, (200, None));
    // What changes something is never open to other sites.
    assert_eq!(ask("OPTIONS", "/api/v1/write", "https://a.example").await, (204, None));
    assert_eq!(ask("POST", "/-/reload", "https://a.example").await, (403, None));
    server.stop().await;
    let server = Server::empty(&[]).await;
    let answer = send(server.address, "GET", "/api/v1/labels", &[("Origin", "http://x")], b"").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_answer_head() {
    let server = Server::empty(&[]).await;
    for path in ["/-/healthy", "/-/ready", "/metrics"] {
        let answer = send(server.address, "HEAD", path, &[], b"").await;
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{path}");
    }
    assert_eq!(get(server.address, "/-/healthy").await.text(), "Nightjar is Healthy.\n");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn own_metrics_are_well_formed() {
    let server = Server::filled().await;
    get(server.address, "/api/v1/nope").await;
    let page = get(server.address, "/metrics").await;
    assert!(page.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    for name in [
        "prometheus_build_info{",
        "alertmanager_build_info{",
        "process_resident_memory_bytes ",
        "prometheus_config_last_reload_successful 1",
        "prometheus_tsdb_head_series 5",
        "prometheus_http_requests_total{code=\"204\",handler=\"/api/v1/write\"} 1",
        "nightjar_write_requests_total{protocol=\"remote_write_2\",code=\"204\"} 1",
    ] {
        assert!(page.text().lines().any(|line| line.starts_with(name)), "{name} in {}", page.text());
    }
    let mut families: Vec<&str> = page.text().lines().filter_map(|l| l.strip_prefix("# TYPE ")).collect();
    let count = families.len();
    families.sort_unstable();
    families.dedup();
    assert_eq!(families.len(), count, "a family is written twice");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_on_request() {
    let server = Server::filled().await;
    let answer = get(server.address, "/api/v1/query?query=up&time=1700000000&stats=all").await.json();
    assert_eq!(answer["data"]["stats"]["samples"]["totalQueryableSamples"], 2, "{answer}");
    assert!(answer["data"]["stats"]["timings"]["execTotalTime"].is_number());
    let odd = get(server.address, "/api/v1/query?query=1&stats=yes").await.json();
    assert!(odd["warnings"][0].as_str().unwrap().starts_with("value \"yes\" for parameter \"stats\" is deprecated"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_answer_is_a_stream() {
    let server = Server::filled().await;
    let target = "/api/v1/query_range?query=up&start=1699990000&end=1700000000&step=1";
    let answer = get(server.address, target).await;
    let many = "/api/v1/query_range?query=vector(0.5)&start=1699990000&end=1700000000&step=1";
    let long = get(server.address, many).await;
    assert_eq!((answer.status, long.header("transfer-encoding")), (200, Some("chunked")));
    assert_eq!(result(&long.json())[0]["values"].as_array().unwrap().len(), 10_001);
    server.stop().await;
}
