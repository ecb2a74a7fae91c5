//! `nightjar tsdb`: work on a data directory whose server is stopped.

mod export;
mod import;
mod opened;
mod percent;

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
}

/// Does it; the error is one sentence.
pub fn run(command: &TsdbCommand) -> Result<(), String> {
    match &command.kind {
        TsdbKind::Import(command) => import::run(command),
        TsdbKind::Export(command) => export::run(command),
    }
}
