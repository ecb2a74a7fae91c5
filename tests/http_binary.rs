//! The binary as an operator meets it: flags, log, exit codes, signals, `nightjar query`.
#![allow(clippy::disallowed_methods, reason = "a test writes the files its processes read")]
#![allow(clippy::unwrap_used, clippy::zombie_processes, reason = "a failing test may panic")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_nightjar");

fn command(directory: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.current_dir(directory).env_clear();
    command
}

fn output(directory: &Path, args: &[&str]) -> Output {
    command(directory).args(args).output().unwrap()
}

/// A server in a directory, and the lines it has logged until it was ready.
struct Server {
    child: Child,
    log: BufReader<std::process::ChildStderr>,
    lines: Vec<String>,
    url: String,
}

impl Server {
    fn start(directory: &Path, args: &[&str]) -> Server {
        let mut command = command(directory);
        command.arg("--web.listen-address=127.0.0.1:0").args(args).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let (mut lines, mut url) = (Vec::new(), String::new());
        loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "the server ended: {lines:?}");
            if let Some((_, address)) = line.split_once("address=") {
                url = address.split_whitespace().next().unwrap().to_owned();
            }
            let ready = line.contains("msg=ready");
            lines.push(line);
            if ready {
                return Server { child, log, lines, url };
            }
        }
    }

    fn post(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.url.strip_prefix("http://").unwrap()).unwrap();
        write!(stream, "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("/bin/kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Ends it; answers its exit code and the rest of its log.
    fn terminate(mut self) -> (Option<i32>, String) {
        self.signal("TERM");
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

#[test]
fn starts_without_arguments_worth_mentioning_and_stops_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &[]);
    assert!(directory.path().join("data").is_dir());
    assert!(server.lines.last().unwrap().contains("/data series=0 took="), "{:?}", server.lines);
    let (code, rest) = server.terminate();
    assert_eq!(code, Some(0));
    assert!(rest.contains("msg=stopping signal=SIGTERM") && rest.contains("msg=stopped"), "{rest}");
}

#[test]
fn a_directory_in_use_is_one_clear_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &[]);
    let second = output(directory.path(), &["--web.listen-address=127.0.0.1:0", "--log.level=error"]);
    let stderr = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.starts_with("nightjar: data/alertmanager is locked") && stderr.contains("--storage.tsdb.path"),
        "{stderr}"
    );
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn an_address_in_use_names_the_flag() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &[]);
    let address = server.url.strip_prefix("http://").unwrap();
    let flag = format!("--web.listen-address={address}");
    let second = output(directory.path(), &[&flag, "--storage.tsdb.path=other", "--log.level=error"]);
    let stderr = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(
        stderr.contains(&format!("cannot listen on {address}")) && stderr.contains("--web.listen-address"),
        "{stderr}"
    );
    server.terminate();
}

#[test]
fn a_directory_that_cannot_be_made() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "").unwrap();
    let args = ["--web.listen-address=127.0.0.1:0", "--storage.tsdb.path=file/data", "--log.level=error"];
    let out = output(directory.path(), &args);
    let stderr = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(stderr.contains("file/data") && stderr.contains("--storage.tsdb.path"), "{stderr}");
}

#[test]
fn a_bad_configuration_names_the_place() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("prometheus.yml"), "global:\n  evaluation_intervall: 1m\n").unwrap();
    let out = output(directory.path(), &["--web.listen-address=127.0.0.1:0"]);
    let stderr = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(stderr.contains("prometheus.yml:2:3: unknown field"), "{stderr}");
    let out = output(directory.path(), &["--config.file=nope/x.yml"]);
    assert!(String::from_utf8(out.stderr).unwrap().contains("cannot read nope/x.yml: "));
    assert!(!directory.path().join("nope").exists());
}

#[test]
fn configuration_features_and_reload_are_logged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("prometheus.yml");
    std::fs::write(&path, "scrape_configs: [{job_name: x}]\n").unwrap();
    let args = ["--enable-feature=native-histograms,nope", "--web.enable-lifecycle"];
    let mut server = Server::start(directory.path(), &args);
    let log = server.lines.concat();
    assert!(log.contains("level=warn") && log.contains("sections=scrape_configs"), "{log}");
    assert!(log.contains("Unknown option for --enable-feature") && log.contains("option=nope"), "{log}");
    assert!(!log.contains("native-histograms"), "{log}");
    std::fs::write(&path, "global: {}\n").unwrap();
    assert!(server.post("/-/reload").starts_with("HTTP/1.1 200"));
    server.signal("HUP");
    let mut reloads = 0;
    while reloads < 2 {
        let mut line = String::new();
        assert!(server.log.read_line(&mut line).unwrap() > 0);
        reloads += usize::from(line.contains("configuration reloaded"));
    }
    assert!(server.post("/-/quit").contains("Goodbye"));
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn flags_and_help() {
    let directory = tempfile::tempdir().unwrap();
    let version = output(directory.path(), &["--version"]);
    assert!(String::from_utf8(version.stdout).unwrap().starts_with("nightjar, version "));
    let help = String::from_utf8(output(directory.path(), &["--help"]).stdout).unwrap();
    for text in ["Storage:", "Queries:", "Logging:", "--storage.tsdb.retention.time", "Examples:", "NIGHTJAR_"] {
        assert!(help.contains(text), "{text} in {help}");
    }
    let wrong = output(directory.path(), &["--query.timeout=soon"]);
    let stderr = String::from_utf8(wrong.stderr).unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr.contains("--query.timeout") && stderr.contains("not a valid duration string"), "{stderr}");
}

#[test]
fn environment_and_json_log() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = command(directory.path());
    command.env("NIGHTJAR_LOG_FORMAT", "json").env("NIGHTJAR_STORAGE_TSDB_PATH", "elsewhere");
    command.env("NIGHTJAR_WEB_LISTEN_ADDRESS", "127.0.0.1:0").stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut ready = false;
    while !ready {
        let mut line = String::new();
        assert!(log.read_line(&mut line).unwrap() > 0);
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        ready = line["msg"] == "ready";
        assert!(!ready || line["data"].as_str().unwrap().ends_with("/elsewhere"));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_query_tool() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &[]);
    let query = |args: &[&str]| {
        let out = output(directory.path(), &[&["query", "--server", &server.url], args].concat());
        let text = String::from_utf8(if out.status.success() { out.stdout } else { out.stderr }).unwrap();
        (out.status.code(), text)
    };
    let labelled = r#"label_replace(vector(1.5), "job", "a\x1bb", "", "")"#;
    assert_eq!(query(&["instant", labelled]), (Some(0), "{job=\"a\\x1bb\"}  1.5\n".to_owned()));
    assert_eq!(query(&["labels"]), (Some(0), String::new()));
    assert_eq!(query(&["series", "up"]), (Some(0), String::new()));
    let (code, chart) = query(&["range", "time() % 3600", "--start=0", "--end=3600"]);
    assert!(code == Some(0) && chart.contains('┤') && chart.contains("1970-01-01 01:00:00"), "{chart}");
    let (code, json) = query(&["instant", "1", "-o", "json"]);
    assert_eq!(code, Some(0));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["data"]["result"][1], "1");
    let (code, sentence) = query(&["instant", "up{"]);
    assert_eq!(code, Some(1));
    assert!(sentence.contains("1:4: parse error: unexpected end of input inside braces"), "{sentence}");
    server.terminate();
    let (code, sentence) = {
        let out = output(directory.path(), &["query", "--server", "http://127.0.0.1:1", "labels"]);
        (out.status.code(), String::from_utf8(out.stderr).unwrap())
    };
    assert!(code == Some(1) && sentence.contains("cannot reach http://127.0.0.1:1"), "{sentence}");
}
