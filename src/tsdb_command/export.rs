//! `nightjar tsdb export`.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use nightjar_model::ClosedRange;
use nightjar_platform::disk::RealFile;
use nightjar_platform::{Clock, Disk, DiskFile, OpenMode, RealClock, RealDisk, RealEntropy};
use nightjar_query::{ParserOptions, parse_selector};
use nightjar_tsdb::exchange::{ExportProgress, ExportRequest, Exported, to_blocks, to_text};

use super::opened::{DataDirectory, split};
use super::percent::{Percent, say};
use crate::http::time::parse_time;
use crate::units;

const EXAMPLES: &str = "\
Examples:
  nightjar tsdb export /tmp/blocks
      Everything, as blocks of two hours; move them into the data directory of a stopped Prometheus.
  nightjar tsdb export /tmp/blocks --match '{job=\"node\"}' --min-time 2026-11-01T00:00:00Z
  nightjar tsdb export up.om --format openmetrics --match up
  promtool tsdb list /tmp/blocks";

/// In which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Blocks of Prometheus, into a directory.
    Blocks,
    /// OpenMetrics text, into a file; native histograms are left out.
    Openmetrics,
}

/// Arguments of `nightjar tsdb export`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExportCommand {
    /// Directory or file to write; created when missing. A file must not exist yet.
    #[arg(value_name = "PATH")]
    to: PathBuf,

    /// In which form.
    #[arg(long, value_enum, default_value = "blocks")]
    format: Format,

    /// Only series that this selector selects, as 'up{job="node"}'.
    #[arg(long = "match", value_name = "SELECTOR")]
    selector: Option<String>,

    /// Nothing before this time: seconds since the epoch or RFC 3339.
    #[arg(long, value_name = "TIME")]
    min_time: Option<String>,

    /// Nothing after this time.
    #[arg(long, value_name = "TIME")]
    max_time: Option<String>,

    /// How much time a block covers.
    #[arg(long, value_name = "DURATION", default_value = "2h", value_parser = units::parse_duration)]
    block_duration: Duration,

    #[command(flatten)]
    data: DataDirectory,
}

pub(super) fn run(command: &ExportCommand) -> Result<(), String> {
    let request = request(command)?;
    let db = command.data.open(true)?;
    let mut percent = Percent::new();
    let mut progress = |p: ExportProgress| percent.at(p.done, p.total, p.samples);
    let to = command.to.display();
    let done = match command.format {
        Format::Blocks => {
            let disk = RealDisk::new(&command.to).map_err(|e| format!("{to}: {e}"))?;
            to_blocks(&db, &disk, &request, &RealEntropy, &mut progress)
        }
        Format::Openmetrics => {
            let mut file = BufWriter::with_capacity(1 << 20, Sink::create(&command.to)?);
            let done = to_text(&db, &mut file, &request, &mut progress);
            let flushed = file.into_inner().map_err(io::IntoInnerError::into_error);
            flushed.and_then(|sink| sink.file.sync_data()).map_err(|e| format!("{to}: {e}"))?;
            done
        }
    };
    report(command, &done.map_err(|e| format!("{to}: {e}"))?)
}

fn request(command: &ExportCommand) -> Result<ExportRequest, String> {
    let time = |text: &Option<String>, default| text.as_deref().map_or(Ok(default), parse_time);
    let matchers = match &command.selector {
        None => Vec::new(),
        Some(text) => parse_selector(text, &ParserOptions::default()).map_err(|e| format!("--match: {e}"))?,
    };
    let block_ms = command.block_duration.as_millis() as i64;
    if block_ms < 60_000 {
        return Err("--block-duration: a block covers at least one minute".to_owned());
    }
    Ok(ExportRequest {
        range: ClosedRange { start: time(&command.min_time, i64::MIN)?, end: time(&command.max_time, i64::MAX)? },
        matchers,
        block_ms,
        now: RealClock::new().wall_ms(),
    })
}

fn report(command: &ExportCommand, done: &Exported) -> Result<(), String> {
    let what = match command.format {
        Format::Blocks => format!(" in {} blocks", done.blocks.len()),
        Format::Openmetrics => String::new(),
    };
    say(&format!("{}: {} samples{what}", command.to.display(), done.samples));
    if done.left_out > 0 {
        say(&format!("{} native histograms were left out: this form cannot say them", done.left_out));
    }
    if done.warnings.is_empty() {
        return Ok(());
    }
    done.warnings.iter().for_each(|warning| say(&format!("damaged: {warning}")));
    Err("something could not be read and is missing from the export; look above".to_owned())
}

/// A new file, written from front to back.
struct Sink {
    file: RealFile,
    at: u64,
}

impl Sink {
    fn create(path: &Path) -> Result<Sink, String> {
        let (disk, name) = split(path)?;
        let file = disk.open(&name, OpenMode::CreateNew).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Sink { file, at: 0 })
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all_at(bytes, self.at)?;
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
