//! The two servers that are asked the same: ours, and a real Prometheus.
//!
//! `NIGHTJAR_DIFF_PROMETHEUS=/path` takes another Prometheus than the installed one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::http::Client;
use crate::support::process::{Process, installed, nightjar};
use crate::support::{free_port, wait_until};

/// Major and minor version.
pub type Version = (u32, u32);

/// What is switched on in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// All of the language; metric names are dropped at once, the default of servers.
    Plain,
    /// Metric names are dropped when the query is done.
    NamesDroppedLate,
    /// Start times are stored and used, and so are labels for types and units.
    StartTimes,
}

impl Setup {
    /// The first version that has what it takes.
    fn since(self) -> Version {
        match self {
            Setup::Plain => (0, 0),
            Setup::NamesDroppedLate => (2, 55),
            Setup::StartTimes => (3, 14),
        }
    }

    fn features(self) -> Vec<&'static str> {
        let mut features =
            vec!["promql-experimental-functions", "promql-extended-range-selectors", "promql-binop-fill-modifiers"];
        features.extend_from_slice(match self {
            Setup::Plain => &[],
            Setup::NamesDroppedLate => &["promql-delayed-name-removal"],
            Setup::StartTimes => &[
                "use-start-timestamps",
                "st-storage",
                "xor2-encoding",
                "histograms-st-encoding",
                "type-and-unit-labels",
            ],
        });
        features
    }
}

/// Both servers, with nothing stored.
pub struct Pair {
    _ours: Process,
    _theirs: Process,
    ports: (u16, u16),
    /// Of the real Prometheus.
    pub version: Version,
    _dir: tempfile::TempDir,
}

impl Pair {
    /// `None`, said loudly, where no Prometheus is installed, or one that is too old.
    pub fn start(setup: Setup) -> Option<Pair> {
        let program = match std::env::var_os("NIGHTJAR_DIFF_PROMETHEUS") {
            Some(path) => PathBuf::from(path),
            None => installed("prometheus")?,
        };
        let dir = tempfile::tempdir().expect("a directory");
        let ports = (free_port(), free_port());
        let version = version(&program);
        if version < setup.since() {
            eprintln!("SKIPPED: this Prometheus is too old for {setup:?}");
            return None;
        }
        let features = format!("--enable-feature={}", setup.features().join(","));
        // The data is as old as it is, whatever the clock says.
        let flags = [features.as_str(), "--storage.tsdb.retention.time=100y"];
        let ours = nightjar(ports.0, dir.path(), &flags);
        let mut command = Command::new(&program);
        let config = dir.path().join("prometheus.yml");
        std::fs::write(&config, "global: {evaluation_interval: 1m}\n").expect("a file");
        command.arg(format!("--config.file={}", config.display())).args(flags);
        if version < (3, 8) {
            command.arg("--enable-feature=native-histograms");
        }
        command.arg("--web.enable-remote-write-receiver");
        if setup == Setup::StartTimes {
            command.arg("--web.enable-otlp-receiver");
        }
        command.arg(format!("--storage.tsdb.path={}", dir.path().join("prometheus").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{}", ports.1));
        let mut theirs = Process::start(&mut command, &dir.path().join("prometheus.log"));
        wait_until("prometheus is ready", Duration::from_secs(120), || {
            assert!(theirs.is_running(), "prometheus ended:\n{}", theirs.output());
            Client::new(ports.1).get("/-/ready").is_ok_and(|r| r.status == 200)
        });
        Some(Pair { _ours: ours, _theirs: theirs, ports, version, _dir: dir })
    }

    /// A new connection to each.
    pub fn connect(&self) -> Both {
        Both { ours: Client::new(self.ports.0), theirs: Client::new(self.ports.1), version: self.version }
    }
}

fn version(program: &Path) -> Version {
    let output = Command::new(program).arg("--version").output().expect("prometheus --version");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let words = text.split_whitespace().skip_while(|word| *word != "version").nth(1).unwrap_or_default();
    let mut parts = words.split(['.', '+']).map_while(|part| part.parse().ok());
    match (parts.next(), parts.next()) {
        // A build without version information is taken for the newest.
        (Some(major), Some(minor)) => (major, minor),
        _ => (3, u32::MAX),
    }
}

/// A connection to each.
pub struct Both {
    pub ours: Client,
    pub theirs: Client,
    pub version: Version,
}

impl Both {
    /// The answers of ours and theirs.
    pub fn ask(&mut self, path: &str, params: &[(&str, &str)]) -> (Value, Value) {
        (ask(&mut self.ours, path, params), ask(&mut self.theirs, path, params))
    }
}

/// One answer; what is not JSON comes as a text. A server that does not answer ends the test.
pub fn ask(client: &mut Client, path: &str, params: &[(&str, &str)]) -> Value {
    let answer = client.post_form(path, params).or_else(|_| client.post_form(path, params));
    let answer = answer.unwrap_or_else(|e| panic!("{path} {params:?}: {e}"));
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| Value::String(answer.text()))
}
