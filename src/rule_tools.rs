//! `nightjar rules`: what teams do with rules besides letting a server evaluate them.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::history::{self, HistoryCommand};
use crate::slo::{self, SloCommand};

/// Arguments of `nightjar rules`.
#[derive(Debug, Args)]
pub struct RulesCommand {
    /// What to do.
    #[command(subcommand)]
    pub kind: RulesKind,
}

/// What to do with rules.
#[derive(Debug, Subcommand)]
pub enum RulesKind {
    /// Make burn-rate rules from objectives, as sloth does
    Slo(SloCommand),
    /// Tell when alerting rules would have fired over a server's history, and how often they would have paged
    #[command(after_help = "Example: nightjar rules replay --start 2026-11-01T00:00:00Z new-alerts.yml

What recording rules record must be in the history already; see nightjar rules backfill.")]
    Replay(HistoryCommand),
    /// Write what recording rules would have recorded into a server's history
    #[command(after_help = "Example: nightjar rules backfill --start 2026-11-28T20:00:00Z new-records.yml

The server takes samples as old as its --storage.tsdb.out-of-order-time-window.")]
    Backfill(HistoryCommand),
}

/// Runs `nightjar rules`.
pub fn run(command: &RulesCommand) -> ExitCode {
    match &command.kind {
        RulesKind::Slo(slo) => slo::run(slo),
        RulesKind::Replay(replay) => history::replay(replay),
        RulesKind::Backfill(backfill) => history::backfill(backfill),
    }
}
