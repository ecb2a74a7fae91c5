//! Errors: status, type and Prometheus' own sentence.

use crate::client::{get, post};
use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn sentences() {
    let server = Server::filled().await;
    let table = [
        (
            "query?query=up%7B",
            400,
            "invalid parameter \"query\": 1:4: parse error: unexpected end of input inside braces",
        ),
        (
            "query?query=1&time=x",
            400,
            "invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp",
        ),
        ("query?query=1&timeout=x", 400, "invalid parameter \"timeout\": cannot parse \"x\" to a valid duration"),
        ("query?query=1&limit=-1", 400, "invalid parameter \"limit\": limit must be non-negative"),
        (
            "query?query=1&lookback_delta=x",
            400,
            "error parsing lookback delta duration: cannot parse \"x\" to a valid duration",
        ),
        ("query_range?query=up", 400, "invalid parameter \"start\": cannot parse \"\" to a valid timestamp"),
        (
            "query_range?query=up&start=2&end=1&step=1",
            400,
            "invalid parameter \"end\": end timestamp must not be before start time",
        ),
        (
            "query_range?query=up&start=1&end=1&step=-1",
            400,
            "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
        ),
        (
            "query_range?query=up&start=0&end=11001&step=1",
            400,
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ),
        (
            "query_range?query=up%5B5m%5D&start=0&end=1&step=1",
            400,
            "invalid parameter \"query\": invalid expression type \"range vector\" for range query, must be Scalar or instant Vector",
        ),
        ("labels?match[]=%7B", 400, "1:2: parse error: unexpected end of input inside braces"),
        ("labels?match[]=%7Ba=%22%22%7D", 400, "match[] must contain at least one non-empty matcher"),
        (
            "label/job/values?start=x",
            400,
            "invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp",
        ),
        ("series", 400, "no match[] parameter provided"),
        (
            "series?match[]=%7B",
            400,
            "invalid parameter \"match[]\": 1:2: parse error: unexpected end of input inside braces",
        ),
        ("metadata?limit=x", 400, "limit must be a number"),
        ("query_exemplars?query=up&start=2&end=1", 400, "end timestamp must not be before start timestamp"),
        ("rules?type=x", 400, "invalid parameter \"type\": not supported value \"x\""),
        ("status/tsdb?limit=0", 400, "limit must be a positive number"),
        ("status/tsdb?limit=10001", 400, "limit must not exceed 10000"),
    ];
    for (target, status, sentence) in table {
        let answer = get(server.address, &format!("/api/v1/{target}")).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (status, Some(sentence)), "{target}");
        assert_eq!((&answer.json()["status"], &answer.json()["errorType"]), (&"error".into(), &"bad_data".into()));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_evaluations_are_422() {
    let server = Server::filled().await;
    let answer = post(server.address, "/api/v1/query", "query=up*on(job)up&time=1700000000").await;
    assert_eq!((answer.status, answer.json()["errorType"].as_str()), (422, Some("execution")), "{}", answer.text());
    server.stop().await;
    let server = Server::empty(&["--query.max-samples=1"]).await;
    server.fill().await;
    let answer = post(server.address, "/api/v1/query", "query=up&time=1700000000").await;
    let sentence = "query processing would load too many samples into memory in query execution";
    assert_eq!((answer.status, answer.json()["error"].as_str()), (422, Some(sentence)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_slow_is_503() {
    let server = Server::filled().await;
    let answer = post(server.address, "/api/v1/query", "query=up&time=1700000000&timeout=0").await;
    let expected = r#"{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}"#;
    assert_eq!((answer.status, answer.text()), (503, expected));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_has_a_limit() {
    let server = Server::empty(&[]).await;
    let form = format!("query={}", "a".repeat(11 << 20));
    assert_eq!(post(server.address, "/api/v1/query", &form).await.status, 413);
    server.stop().await;
}
