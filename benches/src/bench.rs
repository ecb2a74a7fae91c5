//! What every question needs: the load, a place to work, servers to start.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nightjar_remote_write::Protocol;

use crate::Outcome;
use crate::capture::Capture;
use crate::fleet::Fleet;
use crate::load::send;
use crate::options::Options;
use crate::server::{Kind, Server};

/// Recorded every 4 s; replayed every 15 s.
pub(crate) const EVERY: usize = 4;
/// Scrapes sent before all connections wait for each other.
const SLICE: usize = 40;

/// Everything a question needs.
pub(crate) struct Bench<'a> {
    pub(crate) options: &'a Options,
    pub(crate) capture: Capture,
    /// The time of the last scrape.
    pub(crate) now: i64,
    pub(crate) root: PathBuf,
}

impl Bench<'_> {
    /// A size for this run.
    pub(crate) fn pick<T>(&self, quick: T, full: T) -> T {
        if self.options.quick { quick } else { full }
    }

    pub(crate) fn settle_limit(&self) -> Duration {
        Duration::from_secs(self.pick(6, 30))
    }

    /// Sends a whole fleet, ten minutes at a time: no connection may run hours ahead of another.
    pub(crate) fn replay(&self, fleet: &Fleet<'_>, server: &Server) -> Outcome<u64> {
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
    pub(crate) fn fresh(&self, kind: &Kind, question: &str) -> Outcome<(Server, PathBuf)> {
        self.fresh_within(kind, question, None)
    }

    /// The same with so many bytes of memory in a control group.
    pub(crate) fn fresh_within(
        &self,
        kind: &Kind,
        question: &str,
        memory: Option<(u64, &Path)>,
    ) -> Outcome<(Server, PathBuf)> {
        let dir = self.root.join(format!("{}-{question}", kind.name));
        let _ = std::fs::remove_dir_all(&dir);
        Server::start_within(kind, &dir, memory).map(|(server, _)| (server, dir))
    }
}
