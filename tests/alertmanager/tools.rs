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
fn silences_that_recur() {
    let dir = tempfile::tempdir().unwrap();
    let config = format!("{CONFIG}time_intervals: [{{name: never, time_intervals: [{{years: ['1970']}}]}}]\n");
    let router = Router::start(dir.path(), &config, &[]);
    let url = router.url();
    let run = |words: &[&str]| {
        let output = run(dir.path(), &[words, &["-c", "x", "--server", &url]].concat());
        (output.status.success(), text(&output.stdout).trim().to_owned(), text(&output.stderr))
    };
    let add = |words: &[&str]| run(&[&["silence", "add", "DiskFull", "-d", "90d"], words].concat());
    router.send("POST", "/api/v2/alerts", &json!([{"labels": {"alertname": "DiskFull"}}]));
    let silenced = || router.get("/api/v2/alerts")[0]["status"]["silencedBy"].clone();
    let (pauses, id, error) = add(&["--time-interval", "never"]);
    assert!(pauses, "{error}");
    let shown = router.get(&format!("/api/v2/silence/{id}"));
    assert_eq!((&shown["status"]["state"], silenced()), (&json!("pending"), json!([])));
    assert_eq!(shown["schedule"], json!({"timeIntervals": ["never"], "intervals": []}));

    // A tool that does not know of schedules changes the end, not when it holds.
    let mut edit = shown.clone();
    edit.as_object_mut().unwrap().remove("schedule");
    edit["comment"] = "longer".into();
    let (status, _) = router.send("POST", "/api/v2/silences", &edit);
    let edited = router.get(&format!("/api/v2/silence/{id}"));
    assert_eq!((status, &edited["comment"], &edited["schedule"]), (200, &json!("longer"), &shown["schedule"]));

    let now = [
        "--weekdays",
        "sunday:saturday",
        "--times",
        "00:00-24:00",
        "--days-of-month",
        "-31:-1",
        "--location",
        "Asia/Tokyo",
    ];
    let (holds, id, error) = add(&now);
    assert!(holds, "{error}");
    assert_eq!(silenced(), json!([id]));
    let plain = router.silence("alertname", "Other", 60);
    assert!(router.get(&format!("/api/v2/silence/{plain}")).get("schedule").is_none());

    let table: [(&[&str], &str); 4] = [
        (&["--time-interval", "nights"], "undefined time interval \"nights\""),
        (&["--times", "4"], "write 02:00-04:00"),
        (&["--times", "22:00-06:00"], "start time cannot be equal or greater than end time"),
        (&["--location", "Asia/Tokyo"], "says nothing without"),
    ];
    for (words, complaint) in table {
        let (done, _, error) = add(words);
        assert!(!done && error.contains(complaint), "{words:?}: {error}");
    }
    let mut misspelled = shown;
    misspelled["schedule"] = json!({"interval": []});
    let (status, answer) = router.send("POST", "/api/v2/silences", &misspelled);
    assert!(status == 400 && answer.contains("unknown field `interval`"), "{status} {answer}");
    let amtool = Command::new("amtool").args(["silence", "query", "-q", "--alertmanager.url", &url]).output();
    match amtool {
        Ok(output) => assert_eq!(text(&output.stdout).lines().count(), 3, "{output:?}"),
        Err(_) => eprintln!("SKIPPED: no amtool"),
    }
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
