//! The command lines of the tools, as amtool has them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::units;

/// Which server to ask.
#[derive(Clone, Debug, Args)]
pub struct ServerArguments {
    /// Server to ask.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        default_value = "http://localhost:9090",
        env = "NIGHTJAR_SERVER",
        alias = "alertmanager.url"
    )]
    pub server: String,

    /// How to show the answer.
    #[arg(short, long, global = true, value_enum, default_value = "table")]
    pub output: Output,
}

/// How answers are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Aligned columns.
    #[value(alias = "simple", alias = "extended")]
    Table,
    /// The server's answer as it is.
    Json,
}

/// Arguments of `nightjar silence`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Example: nightjar silence add alertname=DiskFull instance=~'db.*' --duration 2h --comment 'disk is on its way'"
)]
pub struct SilenceCommand {
    /// What to do.
    #[command(subcommand)]
    pub kind: SilenceKind,
    /// Where.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// What to do with silences.
#[derive(Clone, Debug, Subcommand)]
pub enum SilenceKind {
    /// Make a silence; prints its id
    #[command(
        after_help = "Examples:\n  nightjar silence add InstanceDown job=~'node.*' -d 1h -c 'rack is being moved'\n  \
            nightjar silence add job=backup -d 90d --weekdays sunday --times 02:00-04:00 --location Europe/Berlin -c 'weekly backup'"
    )]
    Add(AddSilence),
    /// List silences
    #[command(after_help = "Example: nightjar silence query alertname=DiskFull --expired")]
    Query {
        /// Only those with these conditions.
        matchers: Vec<String>,
        /// Show expired ones instead.
        #[arg(long)]
        expired: bool,
        /// Only those of this author.
        #[arg(long, value_name = "NAME")]
        created_by: Option<String>,
        /// Only those that end within this time.
        #[arg(long, value_name = "DURATION", value_parser = units::parse_duration)]
        within: Option<Duration>,
        /// Only ids.
        #[arg(short, long)]
        quiet: bool,
    },
    /// Show what a silence would silence, without making it
    #[command(after_help = "Example: nightjar silence preview instance=~'db.*'")]
    Preview {
        /// Conditions that must all hold; a bare word is an alert name.
        #[arg(required = true)]
        matchers: Vec<String>,
    },
    /// End silences now
    #[command(after_help = "Example: nightjar silence expire $(nightjar silence query -q alertname=DiskFull)")]
    Expire {
        /// Which ones.
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Change the end or the comment of silences; prints their ids
    #[command(after_help = "Example: nightjar silence update --duration 4h 7c3a3f1e-…")]
    Update {
        /// Which ones.
        #[arg(required = true)]
        ids: Vec<String>,
        /// How long from now on.
        #[arg(short, long, value_name = "DURATION", value_parser = units::parse_duration)]
        duration: Option<Duration>,
        /// When it ends, RFC 3339.
        #[arg(long, value_name = "TIME", conflicts_with = "duration")]
        end: Option<String>,
        /// Another comment.
        #[arg(short, long, value_name = "TEXT")]
        comment: Option<String>,
    },
    /// Make silences from JSON, as "query -o json" shows them
    #[command(after_help = "Example: nightjar silence query -o json > s.json; nightjar silence import s.json")]
    Import {
        /// The file; standard input if it is absent.
        file: Option<PathBuf>,
    },
}

/// Arguments of `nightjar silence add`.
#[derive(Clone, Debug, Args)]
pub struct AddSilence {
    /// Conditions that must all hold; a bare word is an alert name.
    #[arg(required = true)]
    pub matchers: Vec<String>,
    /// How long.
    #[arg(short, long, value_name = "DURATION", default_value = "1h", value_parser = units::parse_duration)]
    pub duration: Duration,
    /// When it begins, RFC 3339; now by default.
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,
    /// When it ends, RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub end: Option<String>,
    /// Who asks for it.
    #[arg(short, long, value_name = "NAME", env = "USER", default_value = "nightjar")]
    pub author: String,
    /// Why.
    #[arg(short, long, value_name = "TEXT")]
    pub comment: String,
    /// More about it, as name=text; may be repeated.
    #[arg(long, value_name = "NAME=TEXT")]
    pub annotation: Vec<String>,
    /// When it holds.
    #[command(flatten)]
    pub schedule: ScheduleArguments,
}

/// When a silence holds between its beginning and its end; all the time if nothing is given.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Recurring")]
pub struct ScheduleArguments {
    /// Hold only within this time interval of the Alertmanager configuration; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub time_interval: Vec<String>,
    /// Hold only at these times of the day, as 02:00-04:00; may be repeated.
    #[arg(long, value_name = "FROM-TO")]
    pub times: Vec<String>,
    /// Hold only on these days, as monday:friday; may be repeated.
    #[arg(long, value_name = "DAYS")]
    pub weekdays: Vec<String>,
    /// Hold only on these days of the month, as 1:7 or -1; may be repeated.
    #[arg(long, value_name = "DAYS", allow_hyphen_values = true)]
    pub days_of_month: Vec<String>,
    /// Where the clock hangs, as Europe/Berlin; UTC by default.
    #[arg(long, value_name = "ZONE")]
    pub location: Option<String>,
}

/// Arguments of `nightjar alert`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example: nightjar alert query severity=critical")]
pub struct AlertCommand {
    /// What to do.
    #[command(subcommand)]
    pub kind: AlertKind,
    /// Where.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// What to do with alerts.
#[derive(Clone, Debug, Subcommand)]
pub enum AlertKind {
    /// List alerts that fire
    #[command(after_help = "Example: nightjar alert query DiskFull instance=~'db.*' --silenced")]
    Query {
        /// Only those with these labels; a bare word is an alert name.
        matchers: Vec<String>,
        /// Silenced ones; of the four, those named are shown, active ones if none is.
        #[arg(short, long)]
        silenced: bool,
        /// Inhibited ones.
        #[arg(short, long)]
        inhibited: bool,
        /// Active ones.
        #[arg(short, long)]
        active: bool,
        /// Accepted for compatibility: no alert stays unprocessed.
        #[arg(short, long)]
        unprocessed: bool,
        /// Only those of receivers whose names match.
        #[arg(short, long, value_name = "REGEX")]
        receiver: Option<String>,
    },
    /// Post an alert
    #[command(after_help = "Example: nightjar alert add Test severity=page --annotation summary='a test' ")]
    Add {
        /// Labels as name=value; a bare word is an alert name.
        #[arg(required = true)]
        labels: Vec<String>,
        /// Since when, RFC 3339.
        #[arg(long, value_name = "TIME")]
        start: Option<String>,
        /// Until when, RFC 3339.
        #[arg(long, value_name = "TIME")]
        end: Option<String>,
        /// What people should know, as name=text; may be repeated.
        #[arg(long, value_name = "NAME=TEXT")]
        annotation: Vec<String>,
        /// Link to the cause.
        #[arg(long, value_name = "URL")]
        generator_url: Option<String>,
    },
    /// Explain what becomes of an alert: routes, groups, what keeps it quiet, when it is told next
    #[command(after_help = "Example: nightjar alert explain DiskFull severity=page")]
    Explain {
        /// Labels as name=value; a bare word is an alert name.
        #[arg(required = true)]
        labels: Vec<String>,
    },
}

/// Arguments of `nightjar config`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example: nightjar config routes test severity=page team=db")]
pub struct ConfigCommand {
    /// What to show.
    #[command(subcommand)]
    pub kind: ConfigKind,
    /// Read this Alertmanager configuration instead of asking a server.
    #[arg(long = "config.file", global = true, value_name = "PATH")]
    pub config_file: Option<PathBuf>,
    /// Where.
    #[command(flatten)]
    pub server: ServerArguments,
}

/// What to show of a configuration of routes.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigKind {
    /// Show it
    #[command(after_help = "Example: nightjar config show --config.file alertmanager.yml")]
    Show,
    /// Show its routes, or who is told of an alert
    #[command(after_help = "Example: nightjar config routes test --verify.receivers db-team severity=page team=db")]
    Routes {
        /// Show or test.
        #[command(subcommand)]
        kind: Option<RoutesKind>,
    },
}

/// What to do with routes.
#[derive(Clone, Debug, Subcommand)]
pub enum RoutesKind {
    /// Show the tree
    Show,
    /// Show which receivers are told of an alert with these labels
    Test {
        /// Labels as name=value.
        labels: Vec<String>,
        /// Fail unless exactly these receivers, separated by commas, are told.
        #[arg(long = "verify.receivers", value_name = "NAMES")]
        verify: Option<String>,
    },
}
