//! A data directory that is only looked at, also while a server works in it.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use nightjar_model::TimestampMs;
use nightjar_platform::{Clock, Overlay, RealClock, RealDisk};
use nightjar_tsdb::{Db, Options};

/// How often progress is told.
const PACE: Duration = Duration::from_secs(1);

/// The directory as a disk.
pub(super) fn disk(path: &Path) -> Result<RealDisk, String> {
    let shown = path.display();
    if !path.is_dir() {
        return Err(format!("{shown} is not a directory; give the data directory of a server or a snapshot"));
    }
    if !path.join("MANIFEST").is_file() && !path.join("MANIFEST.copy").is_file() {
        return Err(format!("{shown} has no MANIFEST: it is not a data directory of this server"));
    }
    RealDisk::new(path).map_err(|e| format!("cannot read {shown}: {e}"))
}

/// The database in a directory. What opening repairs or tidies up happens in memory only.
pub(super) fn open(path: &Path) -> Result<Db<Overlay<RealDisk>>, String> {
    let mut progress = Progress::new("log read");
    let mut tell = |p: nightjar_tsdb::Progress| progress.at(p.done_bytes, p.total_bytes);
    let options = Options { retention_ms: 0, ..Options::default() };
    Db::open(Overlay::new(disk(path)?), options, RealClock::new().wall_ms(), &mut tell).map_err(|e| e.to_string())
}

/// Tells on standard error how far something has come; nothing about what takes less than a second.
pub(super) struct Progress {
    what: &'static str,
    clock: RealClock,
    next: Duration,
}

impl Progress {
    /// Begins.
    pub(super) fn new(what: &'static str) -> Progress {
        let clock = RealClock::new();
        let next = clock.monotonic() + PACE;
        Progress { what, clock, next }
    }

    /// `done` of `total` is done.
    pub(super) fn at(&mut self, done: u64, total: u64) {
        let now = self.clock.monotonic();
        if now >= self.next {
            self.next = now + PACE;
            let percent = u128::from(done) * 100 / u128::from(total.max(1));
            let _ = writeln!(std::io::stderr(), "{percent:>3} % {}", self.what);
        }
    }
}

/// A time as people read it.
pub(super) fn time(ms: TimestampMs) -> String {
    let time = jiff::Timestamp::from_millisecond(ms);
    time.map_or_else(|_| ms.to_string(), |t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// Bytes as people read them.
pub(super) fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{n} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// Prints rows as columns, the first one to the left, all others to the right.
pub(super) fn table(out: &mut impl Write, rows: &[Vec<String>]) -> std::io::Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |i: usize| rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(i, (cell, width))| match i {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// A failed write to standard output as a sentence; a reader that went away is none.
pub(super) fn written(result: std::io::Result<()>) -> Result<(), String> {
    match result {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("cannot write the answer: {e}")),
        _ => Ok(()),
    }
}
