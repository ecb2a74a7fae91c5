//! The API as its description says, complaints included.

use std::time::Duration;

use serde_json::{Value, json};

use crate::listener::Listener;
use crate::router::{Router, silence, time};
use crate::support::http::Client;
use crate::support::{now_ms, wait_until};

const CONFIG: &str = "
global: {resolve_timeout: 1h}
route:
  receiver: default
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  routes:
  - matchers: [team=db]
    receiver: db
    labels: {tier: one}
  - matchers: [team=night]
    receiver: db
    mute_time_intervals: [always]
receivers:
- name: default
- name: db
  labels: {owner: storage}
  webhook_configs: [{url: 'http://user:hunter2@127.0.0.1:1/', http_config: {basic_auth: {username: u, password: hunter2}}}]
time_intervals: [{name: always, time_intervals: [{}]}]
inhibit_rules: [{source_matchers: [s=up], target_matchers: [s=down]}]
";

fn started() -> (tempfile::TempDir, Router) {
    let dir = tempfile::tempdir().unwrap();
    let router = Router::start(dir.path(), CONFIG, &[]);
    (dir, router)
}

fn names(answer: &Value) -> Vec<&str> {
    answer.as_array().unwrap().iter().map(|a| a["labels"]["alertname"].as_str().unwrap_or("")).collect()
}

#[test]
fn an_alert_has_all_members_in_order() {
    let (_dir, router) = started();
    router.post(&json!([{
        "labels": {"alertname": "a", "team": "db", "empty": ""}, "annotations": {"x": "\"y\""},
        "startsAt": "2026-01-02T03:04:05.678Z", "endsAt": "2099-01-02T03:04:05+01:00", "generatorURL": "http://g/?a=b",
    }]));
    let text = Client::new(router.port).get("/api/v2/alerts").unwrap();
    assert_eq!(text.header("content-type"), Some("application/json"));
    assert_eq!(text.header("cache-control"), Some("no-store"));
    let updated = text.json()[0]["updatedAt"].as_str().unwrap().to_owned();
    let expected = r#"[{"annotations":{"x":"\"y\""},"endsAt":"2099-01-02T02:04:05.000Z","fingerprint":"FP","receivers":[{"name":"db"}],"startsAt":"2026-01-02T03:04:05.678Z","status":{"inhibitedBy":[],"mutedBy":[],"silencedBy":[],"state":"active"},"updatedAt":"UPDATED","generatorURL":"http://g/?a=b","labels":{"alertname":"a","team":"db"}}]"#;
    let fingerprint = text.json()[0]["fingerprint"].as_str().unwrap().to_owned();
    assert_eq!(text.text().trim(), expected.replace("UPDATED", &updated).replace("FP", &fingerprint));
    assert_eq!(fingerprint.len(), 16);
}

#[test]
fn filters_of_alerts_and_groups() {
    let (_dir, router) = started();
    let alert = |name: &str, more: &[(&str, &str)]| {
        let mut labels = json!({"alertname": name});
        more.iter().for_each(|(n, v)| labels[*n] = (*v).into());
        json!({"labels": labels})
    };
    router.post(&json!([
        alert("active", &[]),
        alert("silenced", &[("team", "db")]),
        alert("source", &[("s", "up")]),
        alert("inhibited", &[("s", "down")]),
        alert("muted", &[("team", "night")]),
    ]));
    let id = router.silence("alertname", "silenced", 600);
    wait_until("the muted group has looked", Duration::from_secs(5), || {
        router.get("/api/v2/alerts/groups?muted=false").as_array().unwrap().len() == 4
    });
    let table = [
        ("active=false", "inhibited silenced"),
        ("silenced=false", "active inhibited muted source"),
        ("inhibited=false", "active muted silenced source"),
        ("unprocessed=false", "active inhibited muted silenced source"),
        ("silenced=false&inhibited=false", "active muted source"),
        ("filter=team%3D%22db%22", "silenced"),
        ("filter=team!%3D", "muted silenced"),
        ("filter=s%3D~%22u.%22&filter=alertname%3Dsource", "source"),
        ("receiver=d.", "muted silenced"),
        ("receiver=d", ""),
        ("receiver_matchers=owner%3Dstorage", "muted silenced"),
        ("receiver_matchers=name%3Ddefault", "active inhibited source"),
    ];
    for (query, expected) in table {
        let answer = router.get(&format!("/api/v2/alerts?{query}"));
        let mut found = names(&answer);
        found.sort_unstable();
        assert_eq!(found.join(" "), expected, "{query}");
        let groups = router.get(&format!("/api/v2/alerts/groups?{query}"));
        let mut found: Vec<&str> =
            groups.as_array().unwrap().iter().flat_map(|group| names(&group["alerts"])).collect();
        found.sort_unstable();
        assert_eq!(found.join(" "), expected, "groups {query}");
    }
    let groups = router.get("/api/v2/alerts/groups");
    let order: Vec<&str> =
        groups.as_array().unwrap().iter().map(|g| g["labels"]["alertname"].as_str().unwrap()).collect();
    assert_eq!(order, ["active", "inhibited", "muted", "silenced", "source"]);
    assert_eq!(groups[3]["receiver"], json!({"name": "db"}));
    assert_eq!(groups[3]["routeLabels"], json!({"tier": "one"}));
    assert_eq!(groups[3]["alerts"][0]["status"]["silencedBy"], json!([id]));
    assert_eq!(
        groups[2]["alerts"][0]["status"],
        json!({"inhibitedBy": [], "mutedBy": ["always"], "silencedBy": [], "state": "suppressed"})
    );
    for bad in ["filter=x", "receiver=(", "receiver_matchers=x", "active=maybe"] {
        for path in ["/api/v2/alerts", "/api/v2/alerts/groups"] {
            let answer = Client::new(router.port).get(&format!("{path}?{bad}")).unwrap();
            let expected = if bad.starts_with("active") { 422 } else { 400 };
            assert_eq!(answer.status, expected, "{path} {bad}: {}", answer.text());
        }
    }
}

#[test]
fn posting_alerts() {
    let (_dir, router) = started();
    let post = |body: &Value| router.send("POST", "/api/v2/alerts", body);
    assert_eq!(post(&json!([])), (200, String::new()));
    assert_eq!(post(&json!([{"labels": {"alertname": "good"}}])), (200, String::new()));
    let (status, text) = post(&json!([{"labels": {}}, {"labels": {"alertname": "also good"}}]));
    assert_eq!((status, text.trim()), (400, "\"at least one label pair required\""));
    assert_eq!(router.alerts(&[]).len(), 2, "what makes sense is taken");
    let (status, text) = post(&json!([{"labels": {"a": "b"}, "startsAt": time(2000), "endsAt": time(1000)}]));
    assert_eq!((status, text.trim()), (400, "\"start time must be before end time\""));
    for (body, code) in [
        (json!({"labels": {}}), 400),
        (json!([{"labels": {"a": 1}}]), 400),
        (json!([{"annotations": {}}]), 422),
        (json!([{"labels": {"a": "b"}, "startsAt": "soon"}]), 422),
    ] {
        let (status, text) = post(&body);
        assert_eq!(status, code, "{text}");
        assert!(serde_json::from_str::<Value>(&text).unwrap()["message"].is_string());
    }
    let client = |headers: &[(&str, &str)], body: &[u8]| {
        Client::new(router.port).send("POST", "/api/v2/alerts", headers, body).unwrap().status
    };
    assert_eq!(client(&[("Content-Type", "text/plain")], b"[]"), 415);
    assert_eq!(client(&[], b"[]"), 415);
    assert_eq!(client(&[("Content-Type", "application/json; charset=utf-8")], b"[]"), 200);
    assert_eq!(client(&[("Content-Type", "application/json")], &vec![b' '; (32 << 20) + 1]), 413);
    assert_eq!(Client::new(router.port).send("PUT", "/api/v2/alerts", &[], b"").unwrap().status, 405);
    // A resolved alert is not listed.
    let now = now_ms();
    post(&json!([{"labels": {"alertname": "good"}, "endsAt": time(now)}]));
    assert_eq!(router.alerts(&["alertname=good"]).len(), 0);
}

#[test]
fn silences_live() {
    let (_dir, router) = started();
    let now = now_ms();
    let set = |body: &Value| router.send("POST", "/api/v2/silences", body);
    let id = |answer: (u16, String)| {
        assert_eq!(answer.0, 200, "{}", answer.1);
        serde_json::from_str::<Value>(&answer.1).unwrap()["silenceID"].as_str().unwrap().to_owned()
    };
    let soon = id(set(&silence("a", "b", now + 60_000, now + 120_000)));
    let late = id(set(&silence("a", "b", now, now + 90_000)));
    let early = id(set(&silence("c", "d", now, now + 60_000)));
    let list = |query: &str| -> Vec<String> {
        let answer = router.get(&format!("/api/v2/silences{query}"));
        answer.as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(list(""), [&*early, &*late, &*soon].map(str::to_owned));
    assert_eq!(list("?filter=a%3Db"), [&*late, &*soon].map(str::to_owned));
    assert_eq!(list("?filter=a%3D~b"), [""; 0].map(str::to_owned));
    assert_eq!(list("?active=false&expired=false").concat(), soon);
    let one = router.get(&format!("/api/v2/silence/{early}"));
    assert_eq!(one["status"], json!({"state": "active"}));
    assert_eq!(one["matchers"], json!([{"name": "c", "value": "d", "isRegex": false, "isEqual": true}]));
    // Another end is an edit, other matchers are another silence.
    let mut edit = silence("c", "d", now, now + 80_000);
    edit["id"] = early.clone().into();
    edit["startsAt"] = one["startsAt"].clone();
    assert_eq!(id(set(&edit)), early);
    let mut other = silence("c", "e", now, now + 80_000);
    other["id"] = early.clone().into();
    let replaced = id(set(&other));
    assert_ne!(replaced, early);
    assert_eq!(router.get(&format!("/api/v2/silence/{early}"))["status"]["state"], "expired");
    for _ in 0..2 {
        assert_eq!(router.send("DELETE", &format!("/api/v2/silence/{replaced}"), &Value::Null), (200, String::new()));
    }
    assert_eq!(list("?active=false&pending=false").len(), 2);
    let unknown = "/api/v2/silence/00000000-0000-4000-8000-000000000000";
    assert_eq!(router.send("DELETE", unknown, &Value::Null).0, 404);
    assert_eq!(router.send("GET", unknown, &Value::Null).0, 404);
    assert_eq!(router.send("GET", "/api/v2/silence/x", &Value::Null).0, 422);
    let mut gone = silence("c", "e", now, now + 80_000);
    gone["id"] = "00000000-0000-4000-8000-000000000000".into();
    assert_eq!(set(&gone).0, 404);
}

#[test]
fn silences_that_make_no_sense() {
    let (_dir, router) = started();
    let now = now_ms();
    let good = || silence("a", "b", now, now + 60_000);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = good();
        change(&mut body);
        router.send("POST", "/api/v2/silences", &body)
    };
    type Change<'a> = &'a dyn Fn(&mut Value);
    let table: [(Change<'_>, u16, &str); 9] = [
        (&|s| s["endsAt"] = s["startsAt"].clone(), 400, "Failed to create silence: start time must be before end time"),
        (
            &|s| (s["startsAt"], s["endsAt"]) = (time(now - 9000).into(), time(now - 5000).into()),
            400,
            "Failed to create silence: end time can't be in the past",
        ),
        (&|s| s["matchers"][0]["value"] = "".into(), 400, "at least one matcher must not match the empty string"),
        (&|s| s["matchers"] = json!([{"name": "a", "value": "(", "isRegex": true}]), 400, "invalid label matcher"),
        (&|s| s["matchers"] = json!([]), 422, "matchers in body should have at least 1 items"),
        (&|s| s["comment"] = Value::Null, 422, "comment in body is required"),
        (&|s| s["createdBy"] = Value::Null, 422, "createdBy in body is required"),
        (&|s| s["matchers"][0]["name"] = Value::Null, 422, "name in body is required"),
        (&|s| s["endsAt"] = "x".into(), 422, "endsAt in body must be of type date-time"),
    ];
    for (change, code, words) in table {
        let (status, text) = with(change);
        assert!(status == code && text.contains(words), "{words}: {status} {text}");
    }
    let dir = tempfile::tempdir().unwrap();
    let limited = Router::start(dir.path(), CONFIG, &["--silences.max-silences=1"]);
    limited.silence("a", "b", 60);
    let (status, text) = limited.send("POST", "/api/v2/silences", &good());
    assert!(status == 400 && text.contains("exceeded maximum number of silences: 1 (limit: 1)"), "{status} {text}");
}

/// A page of another site must not be able to make a silence: neither by a plain form nor by asking a browser nicely.
#[test]
fn pages_of_other_sites_change_nothing() {
    let (_dir, router) = started();
    let now = now_ms();
    let body = silence("a", "b", now, now + 60_000).to_string().into_bytes();
    let send = |headers: &[(&str, &str)]| {
        Client::new(router.port).send("POST", "/api/v2/silences", headers, &body).unwrap().status
    };
    let json = ("Content-Type", "application/json");
    assert_eq!(send(&[json, ("Origin", "http://evil.example")]), 403);
    assert_eq!(send(&[json, ("Sec-Fetch-Site", "cross-site"), ("Origin", "http://localhost")]), 403);
    assert_eq!(send(&[("Content-Type", "text/plain"), ("Origin", "null")]), 403);
    assert_eq!(router.get("/api/v2/silences"), json!([]));
    assert_eq!(send(&[json, ("Origin", "http://localhost")]), 200);
    let preflight = [("Origin", "http://evil.example"), ("Access-Control-Request-Method", "POST")];
    let answer = Client::new(router.port).send("OPTIONS", "/api/v2/silences", &preflight, b"").unwrap();
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[test]
fn status_receivers_and_what_is_around() {
    let (_dir, router) = started();
    let status = router.get("/api/v2/status");
    let original = status["config"]["original"].as_str().unwrap();
    assert!(!original.contains("hunter2") && original.contains("password: <secret>"), "{original}");
    assert!(original.contains("group_by"));
    assert_eq!(status["versionInfo"]["version"], "0.34.0");
    for member in ["branch", "buildDate", "buildUser", "goVersion", "revision"] {
        assert!(status["versionInfo"][member].is_string());
    }
    assert!(status["uptime"].as_str().unwrap().ends_with('Z'));
    let receivers = json!([{"name": "default", "labels": {"name": "default"}}, {"name": "db", "labels": {"name": "db", "owner": "storage"}}]);
    assert_eq!(router.get("/api/v2/receivers"), receivers);
    assert_eq!(router.get("/api/v2/receivers?receiver_matchers=owner%3Dstorage"), json!([receivers[1]]));
    let mut client = Client::new(router.port);
    for path in ["/-/healthy", "/-/ready"] {
        assert_eq!(client.get(path).unwrap().text(), "OK");
        assert_eq!(client.send("HEAD", path, &[], b"").unwrap().status, 200);
    }
    assert_eq!(client.get("/api/v1/alerts").unwrap().status, 410);
    assert_eq!(client.get("/api/v2/nothing").unwrap().status, 404);
    let metrics = client.get("/metrics").unwrap().text();
    for line in [
        "alertmanager_build_info{branch=\"\",goversion=\"\",revision=\"\",version=\"0.34.0\"} 1",
        "alertmanager_config_last_reload_successful 1",
        "alertmanager_alerts{state=\"active\"} 0",
        "alertmanager_notifications_failed_total{integration=\"webhook\",reason=\"serverError\"} 0",
        "alertmanager_receivers 2",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
}

#[test]
fn a_reload_keeps_what_is_good() {
    let dir = tempfile::tempdir().unwrap();
    let listener = Listener::new();
    let config = format!(
        "route: {{receiver: a, group_wait: 0s, group_interval: 1s}}\nreceivers: [{{name: a, webhook_configs: [{{url: '{}'}}]}}]\n",
        listener.url()
    );
    let router = Router::start(dir.path(), &config, &[]);
    router.post(&json!([{"labels": {"alertname": "one"}}]));
    let id = router.silence("alertname", "two", 600);
    wait_until("it is told", Duration::from_secs(5), || listener.taken().len() == 1);
    let reload = || Client::new(router.port).send("POST", "/-/reload", &[], b"").unwrap();
    std::fs::write(dir.path().join("alertmanager.yml"), "route: {receiver: b}\nreceivers: [{name: a}]\n").unwrap();
    let refused = reload();
    assert_eq!(refused.status, 500);
    assert!(
        refused.text().contains("alertmanager.yml:1:") && refused.text().contains("undefined receiver"),
        "{}",
        refused.text()
    );
    assert!(
        Client::new(router.port)
            .get("/metrics")
            .unwrap()
            .text()
            .contains("alertmanager_config_last_reload_successful 0")
    );
    std::fs::write(dir.path().join("alertmanager.yml"), config.replace("name: a", "name: a, labels: {x: y}")).unwrap();
    assert_eq!(reload().status, 200);
    assert_eq!(router.get("/api/v2/receivers")[0]["labels"]["x"], "y");
    router.post(&json!([{"labels": {"alertname": "two"}}]));
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(listener.taken().len(), 1, "nothing is told again, and the silence holds");
    assert_eq!(router.get(&format!("/api/v2/silence/{id}"))["status"]["state"], "active");
}
