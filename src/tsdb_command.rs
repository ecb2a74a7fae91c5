//! `nightjar tsdb`: looks at a data directory, and changes nothing in it.

mod dump;
mod inspect;
mod looked_at;
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
        TsdbKind::Verify(command) => verify::run(command),
        TsdbKind::Inspect(command) => inspect::run(command),
        TsdbKind::Dump(command) => dump::run(command),
    }
}
