//! Started where a Debian Alertmanager was: its silences go on, and what it has told is not told again.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::listener::Listener;
use crate::router::{Router, silence, time};
use crate::support::http::Client;
use crate::support::process::Process;
use crate::support::{free_port, now_ms, wait_until};

#[test]
fn silences_and_the_notification_log_are_taken_over() {
    if Command::new("prometheus-alertmanager").arg("--version").output().is_err() {
        eprintln!("SKIPPED: prometheus-alertmanager is not installed");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let listener = Listener::new();
    let config = format!(
        "route: {{receiver: a, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}\n\
         receivers: [{{name: a, webhook_configs: [{{url: '{}'}}]}}]\n",
        listener.url()
    );
    std::fs::write(dir.path().join("alertmanager.yml"), &config).unwrap();
    let port = free_port();
    let mut command = Command::new("prometheus-alertmanager");
    command.arg("--config.file").arg(dir.path().join("alertmanager.yml"));
    command.arg("--storage.path").arg(dir.path().join("data"));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--cluster.listen-address=");
    let debian = Process::start(&mut command, &dir.path().join("debian.log"));
    let send = |method: &str, path: &str, body: &Value| {
        let headers = [("Content-Type", "application/json")];
        Client::new(port).send(method, path, &headers, body.to_string().as_bytes())
    };
    wait_until("Debian's Alertmanager answers", Duration::from_secs(20), || {
        Client::new(port).get("/api/v2/status").is_ok_and(|answer| answer.status == 200)
    });
    let now = now_ms();
    let begin = time(now);
    let alert = |name: &str, more: &str| json!({"labels": {"alertname": name, "more": more}, "startsAt": begin, "endsAt": time(now + 3_600_000)});
    send("POST", "/api/v2/alerts", &json!([alert("told", "x"), alert("ends", "y")])).unwrap();
    wait_until("it has told both", Duration::from_secs(10), || listener.taken().len() == 2);
    let made = send("POST", "/api/v2/silences", &silence("alertname", "quiet", now, now + 3_600_000)).unwrap();
    let id = made.json()["silenceID"].as_str().unwrap().to_owned();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(debian.terminate(), Some(0));

    let router = Router::again(dir.path(), &[]);
    let taken = router.get(&format!("/api/v2/silence/{id}"));
    assert_eq!((&taken["status"]["state"], &taken["comment"]), (&"active".into(), &"test".into()));
    let ended = json!({"labels": {"alertname": "ends", "more": "y"}, "startsAt": begin, "endsAt": time(now_ms())});
    router.post(&json!([alert("told", "x"), alert("quiet", "z"), alert("new", "n"), ended]));
    wait_until("the new one and the end are told", Duration::from_secs(10), || listener.taken().len() == 4);
    std::thread::sleep(Duration::from_millis(2500));
    let mut heard: Vec<String> = listener.taken()[2..]
        .iter()
        .map(|m| {
            format!(
                "{} {}",
                m.body["status"].as_str().unwrap(),
                m.body["alerts"][0]["labels"]["alertname"].as_str().unwrap()
            )
        })
        .collect();
    heard.sort();
    assert_eq!(heard, ["firing new", "resolved ends"]);
    // Once taken over, the files are history.
    assert_eq!(router.send("DELETE", &format!("/api/v2/silence/{id}"), &Value::Null).0, 200);
    assert_eq!(router.process.terminate(), Some(0));
    let router = Router::again(dir.path(), &[]);
    assert_eq!(router.get(&format!("/api/v2/silence/{id}"))["status"]["state"], "expired");
}
