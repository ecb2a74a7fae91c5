//! A running `nightjar alertmanager`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::http::{Client, escape};
use crate::support::process::Process;
use crate::support::wait_until;

pub struct Router {
    pub process: Process,
    pub port: u16,
    pub prefix: String,
}

impl Router {
    /// Starts one on a free port with its data below `dir` and waits until it answers.
    pub fn start(dir: &Path, config: &str, flags: &[&str]) -> Router {
        std::fs::create_dir_all(dir).unwrap();
        std::fs::write(dir.join("alertmanager.yml"), config).unwrap();
        Router::again(dir, flags)
    }

    /// Starts one where another one was.
    pub fn again(dir: &Path, flags: &[&str]) -> Router {
        let log = dir.join("log");
        let before = std::fs::read_to_string(&log).map_or(0, |text| text.len());
        let mut command = Command::new(env!("CARGO_BIN_EXE_nightjar"));
        command.arg("alertmanager");
        command.arg("--config.file").arg(dir.join("alertmanager.yml"));
        command.arg("--storage.path").arg(dir.join("data"));
        command.args(["--web.listen-address", "127.0.0.1:0", "--log.level", "debug"]);
        if !flags.iter().any(|flag| flag.starts_with("--cluster.listen-address")) {
            command.args(["--cluster.listen-address", "127.0.0.1:0"]);
        }
        command.args(["--cluster.settle-timeout", "0s"]).args(flags);
        let process = Process::start(&mut command, &log);
        let mut port = None;
        wait_until("it listens", Duration::from_secs(20), || {
            let text = process.output().get(before..).unwrap_or("").to_owned();
            let line = text.lines().find(|line| line.contains("Listening on") && line.contains(" address=127.0.0.1:"));
            port = line.and_then(|line| line.split(" address=127.0.0.1:").nth(1)?.trim().parse().ok());
            port.is_some()
        });
        let prefix = flags.iter().skip_while(|flag| **flag != "--web.route-prefix").nth(1).copied().unwrap_or("");
        Router { process, port: port.unwrap(), prefix: prefix.to_owned() }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port, self.prefix)
    }

    pub fn get(&self, path: &str) -> Value {
        let path = format!("{}{path}", self.prefix);
        let answer = Client::new(self.port).get(&path).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    pub fn alerts(&self, filters: &[&str]) -> Vec<Value> {
        let query: Vec<String> = filters.iter().map(|filter| format!("filter={}", escape(filter))).collect();
        self.get(&format!("/api/v2/alerts?{}", query.join("&"))).as_array().unwrap().clone()
    }

    /// Sends JSON; answers status and text.
    pub fn send(&self, method: &str, path: &str, body: &Value) -> (u16, String) {
        let path = format!("{}{path}", self.prefix);
        let headers = [("Content-Type", "application/json")];
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = Client::new(self.port).send(method, &path, &headers, &body).unwrap();
        (answer.status, answer.text())
    }

    pub fn post(&self, alerts: &Value) {
        let (status, text) = self.send("POST", "/api/v2/alerts", alerts);
        assert_eq!(status, 200, "{text}");
    }

    /// Posts a silence that holds for `seconds`; answers its id.
    pub fn silence(&self, name: &str, value: &str, seconds: i64) -> String {
        let now = crate::support::now_ms();
        let (status, text) = self.send("POST", "/api/v2/silences", &silence(name, value, now, now + seconds * 1000));
        assert_eq!(status, 200, "{text}");
        serde_json::from_str::<Value>(&text).unwrap()["silenceID"].as_str().unwrap().to_owned()
    }

    pub fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }
}

/// A silence of one equality.
pub fn silence(name: &str, value: &str, starts_at: i64, ends_at: i64) -> Value {
    json!({
        "matchers": [{"name": name, "value": value, "isRegex": false, "isEqual": true}],
        "startsAt": time(starts_at), "endsAt": time(ends_at), "createdBy": "test", "comment": "test",
    })
}

pub fn time(ms: i64) -> String {
    format!("{:.3}", jiff::Timestamp::from_millisecond(ms).unwrap())
}
