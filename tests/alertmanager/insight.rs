//! What Alertmanager cannot tell: why, what happened, what would happen.

use std::time::Duration;

use serde_json::{Value, json};

use crate::listener::{Deed, Listener};
use crate::router::Router;
use crate::support::http::Client;
use crate::support::wait_until;

#[test]
fn why_what_and_what_if() {
    let dir = tempfile::tempdir().unwrap();
    let listener = Listener::new();
    let broken = Listener::with(|_| Deed::Answer(500));
    let config = format!(
        "route: {{receiver: a, group_by: [alertname], group_wait: 0s, group_interval: 300ms, routes: [{{matchers: [team=b], receiver: b}}]}}\n\
         receivers: [{{name: a, webhook_configs: [{{url: '{}'}}]}}, {{name: b, webhook_configs: [{{url: '{}'}}]}}]\n",
        listener.url(),
        broken.url()
    );
    let router = Router::start(dir.path(), &config, &[]);
    let explain = |query: &str| router.get(&format!("/api/v1/alerts/explain?{query}"))["data"].clone();
    let before = explain("label=alertname%3Dx&label=team%3Db");
    assert_eq!((&before["state"], &before["routes"][0]["receiver"]), (&"unknown".into(), &"b".into()));
    assert_eq!(before["routes"][0]["groupKey"], "{}/{team=\"b\"}:{alertname=\"x\"}");
    assert!(before["routes"][0]["integrations"][0]["message"].as_str().unwrap().contains("\"groupLabels\""));

    router.post(&json!([{"labels": {"alertname": "x"}}, {"labels": {"alertname": "y"}}, {"labels": {"alertname": "x", "team": "b"}}]));
    wait_until("it is told", Duration::from_secs(5), || listener.taken().len() == 2);
    let id = router.silence("alertname", "y", 600);
    wait_until("a look has seen the silence", Duration::from_secs(5), || {
        let found = router.get("/api/v1/alerts/history?filter=alertname%3Dy")["data"].clone();
        found[0]["verdict"] == "silenced" && found[0]["by"] == json!([id])
    });
    let told = explain("label=alertname%3Dx");
    assert_eq!(told["state"], "firing");
    assert_eq!(told["routes"][0]["verdict"], "passed");
    assert!(told["routes"][0]["nextLook"].is_string());
    assert_eq!(told["routes"][0]["integrations"][0]["status"], "it was told that the alert fires");
    assert_eq!(explain("label=alertname%3Dy")["routes"][0]["by"], json!([id]));
    let failing = explain("label=alertname%3Dx&label=team%3Db")["routes"][0]["integrations"][0].clone();
    assert!(failing["attempts"].as_u64().unwrap() > 0 && failing["nextTry"].is_string(), "{failing}");

    let history = router.get("/api/v1/alerts/history?filter=alertname%3Dx")["data"].clone();
    assert!(history.as_array().unwrap().iter().any(|e| e["event"] == "alert" && e["state"] == "firing"), "{history}");
    let sent = router.get("/api/v1/notifications?status=sent&filter=alertname%3Dx");
    assert_eq!(sent["data"][0]["reason"], "first notification");
    assert_eq!((&sent["data"][0]["receiver"], &sent["more"]), (&"a".into(), &false.into()));

    let preview = router.get("/api/v1/silences/preview?filter=alertname%3Dx")["data"].clone();
    assert_eq!((preview["now"].as_array().unwrap().len(), &preview["lastDay"]), (2, &2.into()));

    let test = |name: &str| {
        let (status, text) = router.send("POST", &format!("/api/v1/receivers/{name}/test"), &json!({}));
        (status, serde_json::from_str::<Value>(&text).unwrap())
    };
    assert_eq!(test("a").1["data"], json!([{"integration": "webhook[0]", "status": "sent"}]));
    let page = listener.taken().into_iter().find(|m| m.body["alerts"][0]["labels"]["alertname"] == "TEST").unwrap();
    assert_eq!(page.body["alerts"][0]["annotations"]["summary"], "TEST: nothing is wrong");
    assert_eq!(test("b").1["data"][0]["status"], "failed");
    assert_eq!(test("nobody").0, 404);

    let dry =
        |text: &str| Client::new(router.port).send("POST", "/api/v1/routes/dry-run", &[], text.as_bytes()).unwrap();
    let other = config.replace("[team=b]", "[alertname=y]");
    let data = dry(&other).json()["data"].clone();
    assert_eq!((&data["unchanged"], &data["changed"]), (&1.into(), &2.into()), "{data}");
    assert_eq!(dry("route: {receiver: x}").status, 400);

    // History outlives a crash.
    let count = router.get("/api/v1/notifications")["data"].as_array().unwrap().len();
    router.process.kill();
    let router = Router::again(dir.path(), &[]);
    assert_eq!(router.get("/api/v1/notifications")["data"].as_array().unwrap().len(), count);
}
