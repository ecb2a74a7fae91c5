//! The questions a user would ask, each put to every server with the same load.

mod disk;
mod ingest;
mod query;
mod restart;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use nightjar_remote_write::Protocol;

use crate::capture::Capture;
use crate::fleet::Fleet;
use crate::load::send;
use crate::options::Options;
use crate::report::Report;
use crate::server::{Kind, Server};
use crate::{Outcome, decode};

/// Recorded every 4 s; replayed every 15 s.
const EVERY: usize = 4;
/// Scrapes sent before all connections wait for each other.
const SLICE: usize = 40;

/// Everything a question needs.
pub(crate) struct Bench<'a> {
    options: &'a Options,
    capture: Capture,
    /// The time of the last scrape.
    now: i64,
    root: PathBuf,
}

impl Bench<'_> {
    fn pick<T>(&self, quick: T, full: T) -> T {
        if self.options.quick { quick } else { full }
    }

    fn settle_limit(&self) -> Duration {
        Duration::from_secs(self.pick(6, 30))
    }

    /// Sends a whole fleet, ten minutes at a time: no connection may run hours ahead of another.
    fn replay(&self, fleet: &Fleet<'_>, server: &Server) -> Outcome<u64> {
        let mut samples = 0;
        for first in (0..fleet.scrapes()).step_by(SLICE) {
            let slice = first..(first + SLICE).min(fleet.scrapes());
            let load = fleet.load(Protocol::V1, self.options.connections, self.options.batch, slice)?;
            samples += load.samples;
            send(&load, server.port, Protocol::V1)?.checked()?;
        }
        Ok(samples)
    }

    /// Starts a server in a fresh directory.
    fn fresh(&self, kind: &Kind, question: &str) -> Outcome<(Server, PathBuf)> {
        let dir = self.root.join(format!("{}-{question}", kind.name));
        let _ = std::fs::remove_dir_all(&dir);
        Server::start(kind, &dir).map(|(server, _)| (server, dir))
    }
}

/// Answers what was asked.
pub(crate) fn answer(options: &Options) -> Outcome<()> {
    let capture = Capture::read(&options.capture, EVERY)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(|e| e.to_string())?.as_millis() as i64;
    let root = std::env::temp_dir().join(format!("nightjar-benches-{}", std::process::id()));
    let bench = Bench { options, capture, now, root };
    if options.questions.iter().any(|q| q == "decode") {
        decode::measure(&Fleet::new(&bench.capture, 40, 10, now), options.batch)?;
    }
    let asked: Vec<&String> = options.questions.iter().filter(|q| *q != "decode").collect();
    if asked.is_empty() {
        return Ok(());
    }
    let mut report = Report::default();
    let servers = present(&bench)?;
    for question in asked {
        for (kind, _) in &servers {
            println!("{question}: {}", kind.name);
            let result = match question.as_str() {
                "ingest" => ingest::measure(&bench, kind, &mut report),
                "disk" => disk::measure(&bench, kind, &mut report),
                "query" => query::measure(&bench, kind, &mut report),
                _ => restart::measure(&bench, kind, &mut report),
            };
            if let Err(problem) = result {
                report.add(&format!("{question} FAILED"), &kind.name, problem);
            }
            if !options.keep {
                let _ = std::fs::remove_dir_all(&bench.root);
            }
        }
    }
    report.judge();
    report.print(&servers);
    Ok(())
}

/// The servers that are there, with their versions; the others are missed loudly.
fn present(bench: &Bench<'_>) -> Outcome<Vec<(Kind, String)>> {
    let mut servers = Vec::new();
    for name in &bench.options.servers {
        let found = Kind::find(name, bench.options).ok_or("not installed".to_owned());
        let started = found.and_then(|kind| bench.fresh(&kind, "version").map(|(server, _)| (kind, server)));
        match started {
            Ok((kind, server)) => servers.push((kind, server.version())),
            Err(problem) => println!("!!! {name} IS MISSING FROM THIS COMPARISON: {problem}"),
        }
    }
    if servers.is_empty() { Err("no server to measure".to_owned()) } else { Ok(servers) }
}

/// A large number with its thousands apart.
fn grouped(n: f64) -> String {
    let digits = format!("{n:.0}");
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}
