//! Processes that die with the test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::http::Client;
use super::wait_until;

/// A running program; killed when dropped.
pub struct Process {
    child: Child,
    /// Where its output goes.
    pub log: PathBuf,
}

impl Process {
    /// Starts a program with its output in `log` (appended).
    pub fn start(command: &mut Command, log: &Path) -> Process {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log).expect("a log file");
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}"));
        Process { child, log: log.to_owned() }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it can be waited for");
    }

    /// SIGTERM; answers the exit code.
    pub fn terminate(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill runs").success());
        self.child.wait().expect("it can be waited for").code()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("it can be asked").is_none()
    }

    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts Nightjar on `port` with its data below `dir` and waits until it is ready.
pub fn nightjar(port: u16, dir: &Path, flags: &[&str]) -> Process {
    // Another build, an optimised one say, can be put in place of the one under test.
    let program = std::env::var_os("NIGHTJAR_PROGRAM").map_or(env!("CARGO_BIN_EXE_nightjar").into(), PathBuf::from);
    let mut command = Command::new(program);
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    command.arg(format!("--storage.tsdb.path={}", dir.join("data").display())).args(flags);
    let mut process = Process::start(&mut command, &dir.join("nightjar.log"));
    wait_until("nightjar is ready", Duration::from_secs(60), || {
        assert!(process.is_running(), "nightjar ended:\n{}", process.output());
        Client::new(port).get("/-/ready").is_ok_and(|r| r.status == 200)
    });
    process
}

/// The path of a program, `None` (said loudly) when it is not installed.
pub fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|p| p.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: `{name}` is not installed; this test compares with the real one");
    }
    found
}
