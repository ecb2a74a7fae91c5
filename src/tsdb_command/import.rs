//! `nightjar tsdb import`.

use std::path::{Path, PathBuf};

use clap::Args;
use nightjar_model::TimestampMs;
use nightjar_model::duration::format_duration_ms;
use nightjar_platform::{Clock, Disk, RealClock, RealDisk};
use nightjar_tsdb::exchange::prometheus::ForeignBlock;
use nightjar_tsdb::exchange::{ImportError, ImportOptions, ImportProgress, Imported, from_block, from_text};
use nightjar_tsdb::{Db, Options};

use super::opened::{DataDirectory, split};
use super::percent::{Percent, say};

const EXAMPLES: &str = "\
Examples:
  nightjar tsdb import /var/lib/prometheus
      Take in all blocks of a Prometheus. Stop it first, or ask it for a snapshot, which also has the last hours:
      curl -XPOST http://localhost:9090/api/v1/admin/tsdb/snapshot
  nightjar tsdb import /var/lib/prometheus/snapshots/20261120T120000Z-1 --storage.tsdb.path=/var/lib/nightjar
  nightjar tsdb import history.om
      Take in OpenMetrics text whose samples have times, as `promtool tsdb create-blocks-from openmetrics` does.

An import that was interrupted is simply started again: what is in is not taken twice. Of two samples of one
series and time that in the older block counts. Retention applies: start the server with
--storage.tsdb.retention.time long enough for what was imported.";

/// Arguments of `nightjar tsdb import`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ImportCommand {
    /// Prometheus data directories, snapshots or single blocks; files of OpenMetrics text.
    #[arg(required = true, value_name = "PATH")]
    sources: Vec<PathBuf>,

    /// Leave out damaged chunks and series instead of giving up the block they are in.
    #[arg(long)]
    skip_damaged: bool,

    #[command(flatten)]
    data: DataDirectory,
}

/// One thing to take in.
enum Source {
    Block(RealDisk, PathBuf),
    Text(RealDisk, PathBuf),
}

pub(super) fn run(command: &ImportCommand) -> Result<(), String> {
    let mut sources = Vec::new();
    for path in &command.sources {
        sources.extend(find(path)?);
    }
    let db = command.data.open(false)?;
    let options = ImportOptions { block_ms: Options::default().block_ms, skip_damaged: command.skip_damaged };
    let (mut failed, mut oldest) = (Vec::new(), None);
    for source in &sources {
        match import(&db, source, options) {
            Ok(done) => {
                report(&source.name(), &done);
                oldest = oldest.into_iter().chain(done.times.map(|t| t.start)).min();
            }
            Err(error) => {
                say(&format!("{}: failed: {error}", source.name()));
                failed.push(source.name());
            }
        }
    }
    advise(oldest);
    match failed.as_slice() {
        [] => Ok(()),
        some => Err(format!(
            "{} of {} sources were not taken in whole; look above for the places, repair them, or give --skip-damaged to \
             take in what is readable",
            some.len(),
            sources.len()
        )),
    }
}

impl Source {
    fn name(&self) -> String {
        let (Source::Block(disk, path) | Source::Text(disk, path)) = self;
        Path::new(&disk.display_root()).join(path).display().to_string()
    }
}

fn find(path: &Path) -> Result<Vec<Source>, String> {
    let name = path.display();
    if path.is_file() {
        let (disk, file) = split(path)?;
        return Ok(vec![Source::Text(disk, file)]);
    }
    if !path.is_dir() {
        return Err(format!("{name} is neither a file nor a directory"));
    }
    let disk = RealDisk::new(path).map_err(|e| format!("{name}: {e}"))?;
    let blocks = ForeignBlock::find(&disk, Path::new("")).map_err(|e| format!("{name}: {e}"))?;
    if disk.list(Path::new("wal")).is_ok_and(|files| !files.is_empty()) {
        say(&format!(
            "{name}/wal holds the last hours, which are not taken in: a snapshot has them as a block \
             (POST /api/v1/admin/tsdb/snapshot on the old server)"
        ));
    }
    if blocks.is_empty() {
        return Err(format!(
            "{name} has no block: no directory named like 01ARZ3NDEKTSV4RRFFQ69G5FAV with a meta.json"
        ));
    }
    Ok(blocks.into_iter().map(|block| Source::Block(disk.clone(), block)).collect())
}

fn import(db: &Db<RealDisk>, source: &Source, options: ImportOptions) -> Result<Imported, ImportError> {
    let mut percent = Percent::new();
    let mut progress = |p: ImportProgress| percent.at(p.done, p.total, p.samples);
    match source {
        Source::Block(disk, path) => from_block(db, disk, path, options, &mut progress),
        Source::Text(disk, path) => from_text(db, disk, path, options, &mut progress),
    }
}

fn report(name: &str, done: &Imported) {
    let mut line = format!("{name}: {} samples in {} blocks", done.samples, done.blocks);
    for (n, what) in [
        (done.exemplars, "exemplars"),
        (done.known, "blocks were in already"),
        (done.contradictions, "samples left out: another value for the same time came first"),
        (done.damaged, "damaged places left out"),
    ] {
        if n > 0 {
            line.push_str(&format!(", {n} {what}"));
        }
    }
    say(&line);
    done.damage.iter().for_each(|place| say(&format!("  damaged: {place}")));
}

/// What retention would do to the oldest sample.
fn advise(oldest: Option<TimestampMs>) {
    let age = oldest.map(|t| RealClock::new().wall_ms().saturating_sub(t));
    if let Some(age) = age.filter(|age| *age > Options::default().retention_ms) {
        const DAY: i64 = 86_400_000;
        let days = format_duration_ms((age / DAY + 2) * DAY);
        say(&format!(
            "the oldest of these samples would go at once: start the server with --storage.tsdb.retention.time={days} or longer"
        ));
    }
}
