//! Debian's amtool runs its whole command set against us; Alertmanager's own command-line tests, restated.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};

use crate::listener::Listener;
use crate::router::{Router, silence};
use crate::support::{now_ms, wait_until};

const CONFIG: &str = "
route:
  receiver: default
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1ms
  routes:
  - matchers: [team=db]
    receiver: db
receivers:
- name: default
  webhook_configs: [{url: 'URL'}]
- name: db
";

fn amtool() -> bool {
    let found = Command::new("amtool").arg("--version").output().is_ok();
    if !found {
        eprintln!("SKIPPED: amtool is not installed");
    }
    found
}

struct Tool<'a> {
    router: &'a Router,
    dir: &'a Path,
}

impl Tool<'_> {
    fn output(&self, words: &[&str]) -> Output {
        let mut command = Command::new("amtool");
        command.args(words).env("HOME", self.dir).current_dir(self.dir);
        command.arg(format!("--alertmanager.url={}", self.router.url())).output().unwrap()
    }

    /// Must succeed.
    fn run(&self, words: &[&str]) -> String {
        let output = self.output(words);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{words:?}: {out}{err}");
        out.into_owned()
    }

    /// Must fail; what it said.
    fn fail(&self, words: &[&str]) -> String {
        let output = self.output(words);
        assert!(!output.status.success(), "{words:?}");
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }

    fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.run(&[words, &["-o", "json"]].concat())).unwrap()
    }
}

#[test]
fn alerts_by_hand() {
    if !amtool() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let listener = Listener::new();
    let router = Router::start(dir.path(), &CONFIG.replace("URL", &listener.url()), &[]);
    let tool = Tool { router: &router, dir: dir.path() };
    tool.run(&[
        "alert",
        "add",
        "test1",
        "severity=warning",
        "--annotation=summary=it is so",
        "--generator-url=http://g",
    ]);
    tool.run(&["alert", "add", "alertname=alertname=test2", "severity=info"]);
    tool.run(&["alert", "add", "alertname={alertname=test3}", "severity=info"]);
    assert_eq!(tool.json(&["alert", "query"]).as_array().unwrap().len(), 3);
    assert_eq!(tool.json(&["alert", "query", "test1"])[0]["annotations"]["summary"], "it is so");
    assert_eq!(tool.json(&["alert", "query", "severity=info"]).as_array().unwrap().len(), 2);
    assert_eq!(tool.json(&["alert", "query", "alertname=~test.*"]).as_array().unwrap().len(), 1);
    assert_eq!(tool.json(&["alert", "query", "--receiver=db"]).as_array().unwrap().len(), 0);
    for output in ["simple", "extended"] {
        assert!(tool.run(&["alert", "query", "test1", "-o", output]).contains("test1"));
    }
    wait_until("it is told", Duration::from_secs(5), || {
        listener.taken().iter().any(|m| m.body["groupLabels"]["alertname"] == "test1")
    });
    tool.run(&[
        "alert",
        "add",
        "test1",
        "severity=warning",
        "--end=2020-01-01T00:00:00Z",
        "--start=2019-01-01T00:00:00Z",
    ]);
    wait_until("its end is told", Duration::from_secs(5), || {
        listener.taken().iter().any(|m| m.body["status"] == "resolved")
    });
    assert!(tool.fail(&["alert", "query", "x=~("]).contains("error"));
}

#[test]
fn silences_by_hand() {
    if !amtool() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let router = Router::start(dir.path(), &CONFIG.replace("URL", "http://127.0.0.1:1"), &[]);
    let tool = Tool { router: &router, dir: dir.path() };
    let add = |matchers: &[&str], comment: &str| {
        let words = [&["silence", "add", "--duration=4h", "--author=me", "--comment", comment], matchers].concat();
        tool.run(&words).trim().to_owned()
    };
    let one = add(&["test1", "severity=warn"], "one");
    let two = add(&["alertname=test2", "severity=~warn|info"], "two");
    let three = add(&["alertname!=test3", "severity=x"], "three");
    let listed = tool.json(&["silence", "query"]);
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert_eq!(tool.json(&["silence", "query", "test1"])[0]["id"], one.as_str());
    assert_eq!(tool.run(&["silence", "query", "-q", "alertname=test2"]).trim(), two);
    for output in ["simple", "extended"] {
        assert!(tool.run(&["silence", "query", "-o", output]).contains(&one));
    }
    tool.run(&["silence", "update", "--duration=1h", "--comment=changed", &one]);
    let changed = tool.json(&["silence", "query", "test1"])[0].clone();
    assert_eq!(changed["comment"], "changed");
    let exported = tool.run(&["silence", "query", "-o", "json"]);
    std::fs::write(dir.path().join("silences.json"), &exported).unwrap();
    let ids = tool.run(&["silence", "query", "-q"]);
    for id in ids.lines() {
        tool.run(&["silence", "expire", id]);
    }
    assert_eq!(tool.json(&["silence", "query"]), json!([]));
    assert!(tool.json(&["silence", "query", "--expired"]).as_array().unwrap().len() >= 3);
    tool.run(&["silence", "import", "silences.json"]);
    assert_eq!(tool.json(&["silence", "query"]).as_array().unwrap().len(), 3);
    assert!(tool.fail(&["silence", "expire", "00000000-0000-4000-8000-000000000000"]).contains("404"));
    assert!(!three.is_empty());
}

#[test]
fn imports_that_fail() {
    if !amtool() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let router = Router::start(dir.path(), &CONFIG.replace("URL", "http://127.0.0.1:1"), &[]);
    let tool = Tool { router: &router, dir: dir.path() };
    let import = |text: &str| {
        std::fs::write(dir.path().join("file.json"), text).unwrap();
        tool.fail(&["silence", "import", "file.json"])
    };
    assert!(import("[{\"broken\": \"json\"").contains("couldn't unmarshal"));
    let zero = "0001-01-01T00:00:00.000Z";
    let mut never = silence("alertname", "test", 0, 0);
    (never["startsAt"], never["endsAt"]) = (zero.into(), zero.into());
    import(&json!([never]).to_string());
    let now = now_ms();
    let (good, bad) =
        (|n: &str| silence("alertname", n, now, now + 60_000), |n: &str| silence("alertname", n, now + 60_000, now));
    import(&json!([good("1"), bad("2"), good("3"), bad("4"), good("5")]).to_string());
    assert_eq!(tool.json(&["silence", "query"]).as_array().unwrap().len(), 3, "the good ones were taken");
}

#[test]
fn configuration_cluster_templates() {
    if !amtool() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // Before 0.26 amtool did not know that the URL of a webhook may be hidden.
    let config = CONFIG.replace("  webhook_configs: [{url: 'URL'}]\n", "");
    let router = Router::start(dir.path(), &config, &[]);
    let tool = Tool { router: &router, dir: dir.path() };
    assert!(tool.run(&["config", "show"]).contains("group_wait: 1s"));
    assert!(tool.run(&["config", "routes", "show"]).contains("team=\"db\""));
    assert_eq!(tool.run(&["config", "routes", "test", "team=db"]).trim(), "db");
    assert_eq!(tool.run(&["config", "routes", "test", "team=x"]).trim(), "default");
    assert!(tool.fail(&["config", "routes", "test", "--verify.receivers=db", "team=x"]).contains("WARNING"));
    assert!(!tool.fail(&["config", "routes", "test", "{foo=bar}"]).is_empty());
    assert!(tool.run(&["cluster", "show"]).contains("ready"));
    assert!(tool.run(&["check-config", "alertmanager.yml"]).contains("SUCCESS"));
    assert!(Command::new("amtool").arg("--version").output().unwrap().status.success());
}
