//! Servers under test: started in a directory of their own, watched through `/proc`, killed in the end.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nightjar_platform::process::{Usage, usage_of};

use crate::Outcome;
use crate::http::{Client, escape};
use crate::options::Options;

/// Our router alone.
const ROUTER: &str = "nightjar-alertmanager";
/// Debian's Alertmanager.
const ALERTMANAGER: &str = "prometheus-alertmanager";
const START_LIMIT: Duration = Duration::from_secs(120);
/// VictoriaMetrics puts work off for five seconds; that work counts.
const SILENCE: Duration = Duration::from_millis(5500);
const TICK: Duration = Duration::from_millis(500);

/// Which server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) name: String,
    binary: PathBuf,
}

impl Kind {
    /// Finds the binary; `None` when it is not installed.
    pub(crate) fn find(name: &str, options: &Options) -> Option<Kind> {
        let binary = match (name, &options.nightjar) {
            ("nightjar", Some(path)) => path.clone(),
            ("nightjar", None) => std::env::current_exe().ok()?.with_file_name("nightjar"),
            _ => std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(name)).find(|p| p.is_file())?,
        };
        binary.is_file().then(|| Kind { name: name.to_owned(), binary })
    }

    /// The routers of alerts that are there; the others are missed loudly.
    pub(crate) fn routers(options: &Options) -> Vec<Kind> {
        let ours = Kind::find("nightjar", options).map(|kind| Kind { name: ROUTER.to_owned(), ..kind });
        let theirs = Kind::find(ALERTMANAGER, options);
        for (name, found) in [(ROUTER, &ours), (ALERTMANAGER, &theirs)] {
            if found.is_none() {
                println!("!!! {name} IS MISSING FROM THIS COMPARISON: not installed");
            }
        }
        [ours, theirs].into_iter().flatten().collect()
    }

    fn router_command(&self, dir: &Path, port: u16) -> Command {
        let mut command = Command::new(&self.binary);
        if self.name == ROUTER {
            command.arg("alertmanager");
        }
        command
            .arg(format!("--config.file={}", dir.join("alertmanager.yml").display()))
            .arg(format!("--storage.path={}", dir.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--cluster.listen-address=", "--log.level=error"]);
        command
    }

    /// The version of the package it came in.
    pub(crate) fn packaged_version(&self) -> String {
        packaged(&self.name).unwrap_or_default()
    }

    fn command(&self, dir: &Path, port: u16) -> Outcome<Command> {
        if [ROUTER, ALERTMANAGER].contains(&self.name.as_str()) {
            return Ok(self.router_command(dir, port));
        }
        let mut command = Command::new(&self.binary);
        let data = dir.join("data");
        let address = format!("127.0.0.1:{port}");
        match self.name.as_str() {
            "prometheus" => {
                let config = dir.join("prometheus.yml");
                if !config.exists() {
                    std::fs::write(&config, "global: {}\n").map_err(|e| e.to_string())?;
                }
                command
                    .arg(format!("--config.file={}", config.display()))
                    .arg(format!("--storage.tsdb.path={}", data.display()))
                    .arg(format!("--web.listen-address={address}"))
                    .args(["--web.enable-remote-write-receiver", "--web.enable-admin-api"]);
            }
            "victoria-metrics" => {
                command
                    .arg(format!("-storageDataPath={}", data.display()))
                    .arg(format!("-httpListenAddr={address}"))
                    .args(["-retentionPeriod=1y", "-search.latencyOffset=0s"]);
            }
            _ => {
                command
                    .arg(format!("--storage.tsdb.path={}", data.display()))
                    .arg(format!("--web.listen-address={address}"))
                    .args(["--web.enable-admin-api", "--query.cache-size=0"])
                    .arg("--enable-feature=promql-experimental-functions,promql-extended-range-selectors");
            }
        }
        Ok(command)
    }

    /// Tells a server how much memory it has, in its own way.
    fn limit(&self, command: &mut Command, bytes: u64) {
        match self.name.as_str() {
            "prometheus" => command.env("GOMEMLIMIT", (bytes / 10 * 9).to_string()),
            "victoria-metrics" => command.arg(format!("-memory.allowedBytes={}", bytes / 10 * 6)),
            _ => command.arg(format!("--memory-limit={bytes}B")),
        };
    }

    fn ready_path(&self) -> &'static str {
        if self.name == "victoria-metrics" { "/health" } else { "/-/ready" }
    }

    /// What makes this server compute an answer instead of remembering it.
    pub(crate) fn no_cache(&self) -> &'static str {
        if self.name == "victoria-metrics" { "&nocache=1" } else { "" }
    }
}

/// A running server. Dropping it kills it.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    dir: PathBuf,
    child: Child,
}

impl Server {
    /// Starts a server on `dir` and waits until it is ready; answers how long that took.
    pub(crate) fn start(kind: &Kind, dir: &Path) -> Outcome<(Server, Duration)> {
        Server::start_within(kind, dir, None)
    }

    /// The same with so many bytes of memory in a control group, which the server is told of if it listens.
    pub(crate) fn start_within(kind: &Kind, dir: &Path, memory: Option<(u64, &Path)>) -> Outcome<(Server, Duration)> {
        std::fs::create_dir_all(dir).map_err(|e| e.to_string())?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
        let port = listener.local_addr().map_err(|e| e.to_string())?.port();
        drop(listener);
        let log = std::fs::File::create(dir.join("log")).map_err(|e| e.to_string())?;
        let other_log = log.try_clone().map_err(|e| e.to_string())?;
        let begin = Instant::now();
        let mut command = kind.command(dir, port)?;
        if let Some((bytes, _)) = memory {
            kind.limit(&mut command, bytes);
        }
        let child = command
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(other_log)
            .spawn()
            .map_err(|e| format!("{}: {e}", kind.binary.display()))?;
        let mut server = Server { kind: kind.clone(), port, dir: dir.to_owned(), child };
        if let Some((_, group)) = memory {
            let pid = server.child.id().to_string();
            std::fs::write(group.join("cgroup.procs"), pid).map_err(|e| format!("{}: {e}", group.display()))?;
        }
        server.wait_ready(begin)?;
        Ok((server, begin.elapsed()))
    }

    fn wait_ready(&mut self, begin: Instant) -> Outcome<()> {
        loop {
            let answer = Client::connect(self.port).and_then(|mut client| client.get(self.kind.ready_path()));
            if answer.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            let gone = self.child.try_wait().map_err(|e| e.to_string())?;
            if gone.is_some() || begin.elapsed() > START_LIMIT {
                let log = std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(5).collect();
                let state = if gone.is_some() { "ended at once" } else { "is not ready" };
                return Err(format!("{} {state}: {}", self.kind.name, tail.join(" | ")));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn usage(&self) -> Outcome<Usage> {
        usage_of(&self.child.id().to_string()).map_err(|e| e.to_string())
    }

    /// Begins to measure the peak of memory anew.
    pub(crate) fn forget_peak(&self) -> Outcome<()> {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").map_err(|e| e.to_string())
    }

    /// The most memory in RAM since [`Server::forget_peak`].
    pub(crate) fn peak_bytes(&self) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).map_err(|e| e.to_string())?;
        let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_ascii_whitespace().next());
        kib.and_then(|kib| kib.parse::<u64>().ok()).map(|kib| kib << 10).ok_or("no peak of memory".to_owned())
    }

    /// Waits until the server has nothing left to do, or `limit` is over.
    pub(crate) fn settle(&self, limit: Duration) -> Outcome<()> {
        let begin = Instant::now();
        let (mut quiet, mut before) = (Duration::ZERO, self.usage()?.cpu_seconds);
        while quiet < SILENCE && begin.elapsed() < limit {
            std::thread::sleep(TICK);
            let now = self.usage()?.cpu_seconds;
            quiet = if now - before < 0.03 { quiet + TICK } else { Duration::ZERO };
            before = now;
        }
        Ok(())
    }

    pub(crate) fn client(&self) -> Outcome<Client> {
        Client::connect(self.port)
    }

    /// The single number an instant query answers; `None` without a result.
    pub(crate) fn number(&self, query: &str, time_ms: i64) -> Outcome<Option<f64>> {
        let time = time_ms as f64 / 1000.0;
        let no_cache = self.kind.no_cache();
        let path = format!("/api/v1/query?query={}&time={time:.3}{no_cache}", escape(query));
        let answer = self.client()?.get(&path)?;
        if answer.status != 200 {
            return Err(format!("{query}: {} {}", answer.status, answer.text()));
        }
        let text = answer.text();
        let value = text.split("\"value\":[").nth(1).and_then(|rest| rest.split('"').nth(1));
        Ok(value.and_then(|value| value.parse().ok()))
    }

    /// Kills the server as `kill -9` does and waits until it is gone.
    pub(crate) fn kill(mut self) -> Outcome<()> {
        self.child.kill().map_err(|e| e.to_string())?;
        self.child.wait().map(|_| ()).map_err(|e| e.to_string())
    }

    /// Asks the server to end and waits.
    pub(crate) fn stop(mut self) -> Outcome<()> {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().map_err(|e| e.to_string())?;
        let begin = Instant::now();
        while begin.elapsed() < START_LIMIT {
            if self.child.try_wait().map_err(|e| e.to_string())?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(format!("{} does not stop", self.kind.name))
    }

    /// Its version, from its own metrics or else from the package it came in.
    pub(crate) fn version(&self) -> String {
        let metrics = self.client().and_then(|mut client| client.get("/metrics")).map(|a| a.text()).unwrap_or_default();
        let names = ["nightjar_build_info{", "prometheus_build_info{", "vm_app_version{"];
        let line = metrics.lines().find(|line| names.iter().any(|name| line.starts_with(name))).unwrap_or("");
        let labels = line.split([',', '{']);
        let told =
            labels.filter_map(|label| label.strip_prefix("version=\"")).filter_map(|value| value.split('"').next());
        told.map(str::to_owned)
            .find(|version| !version.is_empty())
            .or_else(|| self.packaged())
            .unwrap_or("?".to_owned())
    }

    fn packaged(&self) -> Option<String> {
        packaged(&self.kind.name)
    }
}

fn packaged(name: &str) -> Option<String> {
    let output = Command::new("dpkg-query").args(["-W", "-f=${Version}", name]).output().ok()?;
    String::from_utf8(output.stdout).ok().filter(|version| !version.is_empty())
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            let _ = self.child.wait();
        }
    }
}

/// Bytes a directory takes on disk.
pub(crate) fn disk_bytes(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => disk_bytes(&entry.path()),
        Ok(meta) => meta.blocks() * 512,
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}
