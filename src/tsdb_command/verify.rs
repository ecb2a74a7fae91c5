//! `nightjar tsdb verify`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use nightjar_tsdb::{Finding, Verified};

use super::looked_at::{Progress, bytes, disk, written};
use crate::safe_text::escaped;

const EXAMPLES: &str = "\
Examples:
  nightjar tsdb verify /var/lib/nightjar
      Also while the server runs: what it removes meanwhile may be told as missing.
  nightjar tsdb verify data/snapshots/20261120T120000Z-2be650b6d019eb54 && tar cf backup.tar -C data/snapshots .

Exit code 0: nothing is missing. 1: something is, or the directory cannot be read.";

/// Arguments of `nightjar tsdb verify`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct VerifyCommand {
    /// The data directory.
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,
}

pub(super) fn run(command: &VerifyCommand) -> Result<(), String> {
    let disk = disk(&command.directory)?;
    let mut progress = Progress::new("checked");
    let found = nightjar_tsdb::verify(&disk, &mut |done, total| progress.at(done, total)).map_err(|e| e.to_string())?;
    written(tell(&found, &mut std::io::stdout().lock()))?;
    match found.findings.iter().filter(|f| f.lost.is_some()).count() {
        0 => Ok(()),
        lost => Err(format!("{lost} places are lost; restore the files named above from a backup")),
    }
}

fn tell(found: &Verified, out: &mut impl Write) -> std::io::Result<()> {
    for finding in &found.findings {
        writeln!(out, "{}", line(finding))?;
    }
    let Verified { blocks, segments, frames, bytes: read, .. } = found;
    let findings = match found.findings.len() {
        0 => "nothing is damaged".to_owned(),
        n => format!("{n} places are damaged"),
    };
    writeln!(out, "{blocks} blocks, {segments} segments with {frames} frames, {} read: {findings}", bytes(*read))
}

fn line(finding: &Finding) -> String {
    let place = finding.place.map_or_else(String::new, |(offset, len)| format!(" bytes {offset} to {}", offset + len));
    let lost = finding.lost.as_ref().map_or_else(|| "nothing is lost".to_owned(), |lost| format!("LOST: {lost}"));
    escaped(&format!("{}{place}: {}; {lost}", finding.file, finding.what))
}
