//! `nightjar silence`, `alert`, `config` and `check alertmanager`, and what they exit with.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::router::Router;

const CONFIG: &str = "
route:
  receiver: default
  routes:
  - matchers: [team=db]
    receiver: db
receivers:
- name: default
- name: db
  webhook_configs: [{url: 'http://127.0.0.1:1/', http_config: {basic_auth: {username: u, password: p}}}]
";

fn run(dir: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nightjar")).args(words).current_dir(dir).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_tools() {
    let dir = tempfile::tempdir().unwrap();
    let router = Router::start(dir.path(), CONFIG, &[]);
    let url = router.url();
    let ok = |words: &[&str]| {
        let output = run(dir.path(), &[words, &["--server", &url]].concat());
        assert!(output.status.success(), "{words:?}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    };
    let fails = |words: &[&str]| {
        let output = run(dir.path(), &[words, &["--server", &url]].concat());
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        text(&output.stderr)
    };
    let json = |words: &[&str]| -> Value { serde_json::from_str(&ok(&[words, &["-o", "json"]].concat())).unwrap() };
    ok(&["alert", "add", "DiskFull", "team=db", "--annotation", "summary=soon"]);
    ok(&["alert", "add", "alertname=Other"]);
    let shown = ok(&["alert", "query", "DiskFull"]);
    assert!(shown.lines().count() == 2 && shown.contains("team=db") && shown.contains("soon"), "{shown}");
    assert_eq!(json(&["alert", "query"]).as_array().unwrap().len(), 2);
    assert!(ok(&["silence", "preview", "alertname=~Disk.*"]).contains("now it would silence 1 alerts"));
    let id =
        ok(&["silence", "add", "DiskFull", "team=~d.*", "-d", "2h", "-c", "why not", "-a", "me"]).trim().to_owned();
    assert!(ok(&["silence", "query"]).contains("alertname=\"DiskFull\" team=~\"d.*\""));
    assert_eq!(ok(&["silence", "query", "-q", "--created-by", "me"]).trim(), id);
    assert_eq!(json(&["alert", "query", "--silenced"])[0]["status"]["silencedBy"], json!([id]));
    assert!(ok(&["alert", "explain", "DiskFull", "team=db"]).contains("verdict: silenced"));
    assert_eq!(ok(&["silence", "update", &id, "-d", "1h", "-c", "because"]).trim(), id);
    assert_eq!(json(&["silence", "query"])[0]["comment"], "because");
    std::fs::write(dir.path().join("s.json"), ok(&["silence", "query", "-o", "json"])).unwrap();
    ok(&["silence", "expire", &id]);
    assert_eq!(json(&["silence", "query"]), json!([]));
    assert_eq!(json(&["silence", "query", "--expired"]).as_array().unwrap().len(), 1);
    ok(&["silence", "import", "s.json"]);
    assert_eq!(json(&["silence", "query"]).as_array().unwrap().len(), 1);
    std::fs::write(dir.path().join("bad.json"), r#"[{"matchers": []}, {"broken": 1}]"#).unwrap();
    assert!(fails(&["silence", "import", "bad.json"]).contains("couldn't import 2 out of 2 silences"));
    assert!(fails(&["silence", "expire", "00000000-0000-4000-8000-000000000000"]).contains("404"));
    assert!(!fails(&["silence", "add", "a=~(", "-c", "x"]).is_empty());

    assert!(ok(&["config", "show"]).contains("password: <secret>"));
    for place in [&["--config.file", "alertmanager.yml"][..], &[]] {
        assert!(ok(&[&["config", "routes"], place].concat()).contains("{team=\"db\"}  receiver: db"));
        assert_eq!(ok(&[&["config", "routes", "test", "team=db"], place].concat()).trim(), "db");
        assert!(
            fails(&[&["config", "routes", "test", "--verify.receivers", "db", "team=x"], place].concat())
                .contains("WARNING")
        );
    }
    assert!(run(dir.path(), &["alert", "query", "--server", "http://127.0.0.1:1"]).status.code() == Some(1));
}

#[test]
fn checking_files() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("good.yml"), CONFIG).unwrap();
    std::fs::write(dir.path().join("bad.yml"), CONFIG.replace("receiver: db", "reciever: db")).unwrap();
    let good = run(dir.path(), &["check", "alertmanager", "good.yml"]);
    assert!(
        good.status.success() && text(&good.stdout).contains("SUCCESS") && text(&good.stdout).contains("2 receivers")
    );
    let bad = run(dir.path(), &["check", "alertmanager", "good.yml", "bad.yml"]);
    assert_eq!(bad.status.code(), Some(1));
    let said = text(&bad.stderr);
    assert!(said.contains("bad.yml:6:5: field reciever not found"), "{said}");
}
