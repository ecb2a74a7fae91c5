//! `nightjar tsdb`: work on a data directory without its server.

mod dump;
mod export;
mod import;
mod inspect;
mod looked_at;
mod opened;
mod percent;
mod verify;

use clap::{Args, Subcommand};

/// Arguments of `nightjar tsdb`.
#[derive(Debug, Args)]
pub struct TsdbCommand {
    /// What to do.
    #[command(subcommand)]
    pub kind: TsdbKind,
}

/// What to do with a data directory.
#[derive(Debug, Subcommand)]
pub enum TsdbKind {
    /// Take in blocks of Prometheus, or OpenMetrics text
    Import(import::ImportCommand),
    /// Write blocks of Prometheus, or OpenMetrics text
    Export(export::ExportCommand),
    /// Check every byte against its checksum
    Verify(verify::VerifyCommand),
    /// Show blocks, series, churn, and what each metric costs
    Inspect(inspect::InspectCommand),
    /// Print samples as text or JSON lines
    Dump(dump::DumpCommand),
}

/// Does it; the error is one sentence.
pub fn run(command: &TsdbCommand) -> Result<(), String> {
    match &command.kind {
        TsdbKind::Import(command) => import::run(command),
        TsdbKind::Export(command) => export::run(command),
        TsdbKind::Verify(command) => verify::run(command),
        TsdbKind::Inspect(command) => inspect::run(command),
        TsdbKind::Dump(command) => dump::run(command),
    }
}
