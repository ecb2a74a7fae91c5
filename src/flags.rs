//! The command line of the server: Prometheus' names, Go's spelling, every flag also from the environment.

pub mod alertmanager;
mod without_effect;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use nightjar_platform::net::guard::{Guard, Network};

use crate::alert_tools::arguments::{AlertCommand, ConfigCommand, SilenceCommand};
use crate::alert_tools::check::CheckAlertmanager;
use crate::client::QueryCommand;
use crate::downsampling::DownsamplingFlags;
use crate::retention::{self, RetentionRule};
use crate::rule_tools::RulesCommand;
use crate::rules::arguments::{CheckConfig, CheckRules, RuleFlags, TestCommand};
use crate::tsdb_command::TsdbCommand;
use crate::units;
pub use alertmanager::AlertmanagerCommand;

const EXAMPLES: &str = "\
Examples:
  nightjar
      Listen on 127.0.0.1:9090, keep data in ./data, accept remote write, answer PromQL.
  nightjar --web.listen-address=:9090 --storage.tsdb.path=/var/lib/nightjar --storage.tsdb.retention.time=90d
      Listen on all interfaces, keep 90 days.
  nightjar --storage.retention.rule='7d:{env=\"dev\"}' --web.enable-admin-api
      Keep some series for a week only; allow deletes and snapshots through the API.
  nightjar --config.file=prometheus.yml --web.enable-lifecycle
      Take intervals, labels and rules from a Prometheus configuration; reload it with POST /-/reload or SIGHUP.
  nightjar query range 'rate(node_cpu_seconds_total[5m])' --since 1h
      Draw a graph in the terminal.

Send data to it:
  prometheus.yml:  remote_write: [{url: \"http://localhost:9090/api/v1/write\"}]
  vmagent:         -remoteWrite.url=http://localhost:9090/api/v1/write

Every flag can be set by an environment variable: NIGHTJAR_STORAGE_TSDB_PATH for --storage.tsdb.path.";

/// Prometheus, Alertmanager and the on-call desk in one binary.
#[derive(Debug, Parser)]
#[command(
    name = "nightjar",
    about,
    long_about = None,
    after_long_help = EXAMPLES,
    after_help = "More: nightjar --help shows examples.",
    args_conflicts_with_subcommands = true,
    disable_version_flag = true,
    subcommand_help_heading = "Tools",
    max_term_width = 120
)]
pub struct Cli {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to serve.
    #[command(flatten)]
    pub serve: ServeFlags,
}

/// Tools besides the server.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask a running server, answer as a table or a graph
    Query(QueryCommand),
    /// Check rule files and configurations
    Check(CheckCommand),
    /// Run unit tests of rules
    Test(TestCommand),
    /// Make rules from objectives, replay them over history, fill history with what they record
    Rules(RulesCommand),
    /// Work on a data directory: import, export, verify, inspect, dump
    Tsdb(TsdbCommand),
    /// Make, list and end silences
    Silence(SilenceCommand),
    /// List, post and explain alerts
    Alert(AlertCommand),
    /// Show and test the configuration of routes
    Config(ConfigCommand),
    /// Route alerts only, with Alertmanager's flags
    Alertmanager(Box<AlertmanagerCommand>),
}

/// Arguments of `nightjar check`.
#[derive(Debug, Args)]
pub struct CheckCommand {
    /// What to check.
    #[command(subcommand)]
    pub kind: CheckKind,
}

/// What to check.
#[derive(Debug, Subcommand)]
pub enum CheckKind {
    /// Check rule files; exit code 1 if one is invalid, 3 with --lint-fatal if one is only suspicious
    Rules(CheckRules),
    /// Check configuration files and the rule files they name; exit codes as for rules
    Config(CheckConfig),
    /// Check Alertmanager configurations with their templates; exit code 1 if one is invalid
    Alertmanager(CheckAlertmanager),
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// `time=... level=info msg="..." key=value`
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// The least severe log lines to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "named as in Prometheus")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// Flags of the server.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Server")]
pub struct ServeFlags {
    /// Show version and exit.
    #[arg(long = "version", action = ArgAction::SetTrue, help_heading = None::<&str>)]
    pub version: bool,

    /// Prometheus configuration file. Without the flag, ./prometheus.yml is used when it exists.
    #[arg(long = "config.file", value_name = "PATH", env = "NIGHTJAR_CONFIG_FILE", hide_env = true)]
    pub config_file: Option<PathBuf>,

    /// Read the configuration again when it or a rule file changes.
    #[arg(long = "config.auto-reload", env = "NIGHTJAR_CONFIG_AUTO_RELOAD", hide_env = true, value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true",
          value_parser = BoolishValueParser::new(), action = ArgAction::Set, hide_possible_values = true)]
    pub auto_reload: bool,

    /// How often to look whether it changed.
    #[arg(long = "config.auto-reload-interval", value_name = "DURATION", hide_env = true,
          env = "NIGHTJAR_CONFIG_AUTO_RELOAD_INTERVAL", default_value = "30s", value_parser = units::parse_duration)]
    pub auto_reload_interval: Duration,

    /// Address to listen on; may be repeated. ":9090" means all interfaces.
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        env = "NIGHTJAR_WEB_LISTEN_ADDRESS",
        hide_env = true,
        default_value = "127.0.0.1:9090",
        value_delimiter = ','
    )]
    pub listen_addresses: Vec<String>,

    /// URL under which people reach this server, when a proxy stands before it. Its path becomes the route prefix.
    #[arg(long = "web.external-url", value_name = "URL", env = "NIGHTJAR_WEB_EXTERNAL_URL", hide_env = true)]
    pub external_url: Option<String>,

    /// Prefix of all routes. Defaults to the path of --web.external-url.
    #[arg(long = "web.route-prefix", value_name = "PATH", env = "NIGHTJAR_WEB_ROUTE_PREFIX", hide_env = true)]
    pub route_prefix: Option<String>,

    /// Allow reload and shutdown through POST /-/reload and /-/quit.
    #[arg(long = "web.enable-lifecycle", env = "NIGHTJAR_WEB_ENABLE_LIFECYCLE", hide_env = true, value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true",
          value_parser = BoolishValueParser::new(), action = ArgAction::Set, hide_possible_values = true)]
    pub enable_lifecycle: bool,

    /// Allow deleting series and taking snapshots through the API.
    #[arg(long = "web.enable-admin-api", env = "NIGHTJAR_WEB_ENABLE_ADMIN_API", hide_env = true, value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true",
          value_parser = BoolishValueParser::new(), action = ArgAction::Set, hide_possible_values = true)]
    pub enable_admin_api: bool,

    /// Accepted for compatibility: remote write is always on.
    #[arg(long = "web.enable-remote-write-receiver", env = "NIGHTJAR_WEB_ENABLE_REMOTE_WRITE_RECEIVER",
          hide_env = true, value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true",
          value_parser = BoolishValueParser::new(), action = ArgAction::Set, hide_possible_values = true)]
    pub enable_remote_write_receiver: bool,

    /// Accepted for compatibility, without effect: OTLP is not in this version.
    #[arg(long = "web.enable-otlp-receiver", env = "NIGHTJAR_WEB_ENABLE_OTLP_RECEIVER", hide_env = true,
          value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true",
          value_parser = BoolishValueParser::new(), action = ArgAction::Set, hide_possible_values = true)]
    pub enable_otlp_receiver: bool,

    /// Anchored regex of origins whose scripts may read the API.
    #[arg(
        long = "web.cors.origin",
        value_name = "REGEX",
        env = "NIGHTJAR_WEB_CORS_ORIGIN",
        hide_env = true,
        default_value = ".*"
    )]
    pub cors_origin: String,

    /// Most connections at once.
    #[arg(long = "web.max-connections", value_name = "N", env = "NIGHTJAR_WEB_MAX_CONNECTIONS", hide_env = true,
          default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..1_000_000))]
    pub max_connections: u32,

    /// How long a connection may stay idle and a request may take to arrive.
    #[arg(long = "web.read-timeout", value_name = "DURATION", env = "NIGHTJAR_WEB_READ_TIMEOUT", hide_env = true,
          default_value = "5m", value_parser = units::parse_duration)]
    pub read_timeout: Duration,

    /// Title of pages.
    #[arg(
        long = "web.page-title",
        value_name = "TEXT",
        env = "NIGHTJAR_WEB_PAGE_TITLE",
        hide_env = true,
        default_value = "Nightjar"
    )]
    pub page_title: String,

    /// Feature switches, separated by commas, as Prometheus names them.
    #[arg(
        long = "enable-feature",
        value_name = "NAMES",
        env = "NIGHTJAR_ENABLE_FEATURE",
        hide_env = true,
        value_delimiter = ','
    )]
    pub enable_feature: Vec<String>,

    /// Flags of Prometheus that were given and have no effect.
    #[arg(skip)]
    pub without_effect: Vec<String>,

    /// Storage.
    #[command(flatten)]
    pub storage: StorageFlags,

    /// Downsampling.
    #[command(flatten)]
    pub downsampling: DownsamplingFlags,

    /// Rules.
    #[command(flatten)]
    pub rules: RuleFlags,

    /// Queries.
    #[command(flatten)]
    pub query: QueryFlags,

    /// Alertmanager.
    #[command(flatten)]
    pub alertmanager: AlertmanagerFlags,

    /// Logging.
    #[command(flatten)]
    pub log: LogFlags,
}

/// Flags of the Alertmanager inside.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Alertmanager")]
pub struct AlertmanagerFlags {
    /// Alertmanager configuration file. Without the flag, ./alertmanager.yml is used when it exists; without either,
    /// alerts and silences are kept and shown, and nobody is told.
    #[arg(
        id = "alertmanager_config_file",
        long = "alertmanager.config.file",
        value_name = "PATH",
        env = "NIGHTJAR_ALERTMANAGER_CONFIG_FILE",
        hide_env = true
    )]
    pub config_file: Option<PathBuf>,

    /// Where messages may go.
    #[command(flatten)]
    pub destinations: DestinationFlags,
}

/// Where messages may go whose destination is not the operator's own word.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Alertmanager")]
pub struct DestinationFlags {
    /// Network that URLs with a templated host, and redirects to another origin, may lead to although it is this machine, its
    /// link or a metadata service, as 127.0.0.0/8 or fe80::/10; may be repeated.
    #[arg(
        long = "alertmanager.allow-destination",
        value_name = "NETWORK",
        env = "NIGHTJAR_ALERTMANAGER_ALLOW_DESTINATION",
        hide_env = true,
        value_delimiter = ','
    )]
    pub allowed: Vec<Network>,

    /// Refuse private networks there, too.
    #[arg(
        long = "alertmanager.only-public-destinations",
        env = "NIGHTJAR_ALERTMANAGER_ONLY_PUBLIC_DESTINATIONS",
        hide_env = true
    )]
    pub only_public: bool,
}

impl DestinationFlags {
    /// Who judges such destinations.
    pub fn guard(&self) -> Guard {
        let guard = Guard::default().allowing(self.allowed.iter().copied());
        if self.only_public { guard.only_public() } else { guard }
    }
}

/// Flags of storage.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Storage")]
pub struct StorageFlags {
    /// Directory of the data; created when missing.
    #[arg(
        long = "storage.tsdb.path",
        value_name = "DIRECTORY",
        env = "NIGHTJAR_STORAGE_TSDB_PATH",
        hide_env = true,
        default_value = "data"
    )]
    pub path: PathBuf,

    /// How long to keep samples.
    #[arg(long = "storage.tsdb.retention.time", value_name = "DURATION", hide_env = true,
          env = "NIGHTJAR_STORAGE_TSDB_RETENTION_TIME", default_value = "15d", value_parser = units::parse_duration)]
    pub retention_time: Duration,

    /// How many bytes of samples to keep, as 512MB or 50GB; 0 = no limit.
    #[arg(long = "storage.tsdb.retention.size", value_name = "SIZE", hide_env = true,
          env = "NIGHTJAR_STORAGE_TSDB_RETENTION_SIZE", default_value = "0", value_parser = units::parse_size)]
    pub retention_size: u64,

    /// Keep some series for a shorter time, as 7d:{env="dev"}; may be repeated, the shortest time counts.
    #[arg(long = "storage.retention.rule", value_name = "DURATION:SELECTOR", hide_env = true,
          env = "NIGHTJAR_STORAGE_RETENTION_RULE", value_parser = retention::parse_rule)]
    pub retention_rules: Vec<RetentionRule>,

    /// How late a sample may come.
    #[arg(long = "storage.tsdb.out-of-order-time-window", value_name = "DURATION", hide_env = true,
          env = "NIGHTJAR_STORAGE_TSDB_OUT_OF_ORDER_TIME_WINDOW", default_value = "4h",
          value_parser = units::parse_duration)]
    pub out_of_order_window: Duration,

    /// Most series in memory; more are refused with the reason. 0 = no limit.
    #[arg(
        long = "storage.max-series",
        value_name = "N",
        env = "NIGHTJAR_STORAGE_MAX_SERIES",
        hide_env = true,
        default_value_t = 0
    )]
    pub max_series: usize,

    /// Most series of one metric name; more are refused with the reason. 0 = no limit.
    #[arg(
        long = "storage.max-series-per-metric",
        value_name = "N",
        hide_env = true,
        env = "NIGHTJAR_STORAGE_MAX_SERIES_PER_METRIC",
        default_value_t = 0
    )]
    pub max_series_per_metric: usize,

    /// Bytes of the log after which it is moved to blocks before its time; bounds what a restart has to read.
    #[arg(long = "storage.max-log-size", value_name = "SIZE", env = "NIGHTJAR_STORAGE_MAX_LOG_SIZE", hide_env = true,
          default_value = "256MB", value_parser = units::parse_size)]
    pub max_log_size: u64,

    /// Room on the disk kept for rules, alerts and housekeeping when the disk is full.
    #[arg(long = "storage.reserve-size", value_name = "SIZE", env = "NIGHTJAR_STORAGE_RESERVE_SIZE", hide_env = true,
          default_value = "64MB", value_parser = units::parse_size)]
    pub reserve_size: u64,

    /// Memory for everything, as 2GB; writes are answered 503 near it. 0 = what the control group allows.
    #[arg(long = "memory-limit", value_name = "SIZE", env = "NIGHTJAR_MEMORY_LIMIT", hide_env = true,
          default_value = "0", value_parser = units::parse_size)]
    pub memory_limit: u64,
}

/// Flags of queries.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Queries")]
pub struct QueryFlags {
    /// How long a query may take, waiting included.
    #[arg(long = "query.timeout", value_name = "DURATION", env = "NIGHTJAR_QUERY_TIMEOUT", hide_env = true,
          default_value = "2m", value_parser = units::parse_duration)]
    pub timeout: Duration,

    /// Most samples a query may hold in memory.
    #[arg(
        long = "query.max-samples",
        value_name = "N",
        env = "NIGHTJAR_QUERY_MAX_SAMPLES",
        hide_env = true,
        default_value_t = 50_000_000
    )]
    pub max_samples: usize,

    /// Most memory one query may take, as 200MB or 1GB; 0 = no limit. What a query needs is estimated before it runs:
    /// more is refused at once.
    #[arg(long = "query.max-memory-per-query", value_name = "SIZE", env = "NIGHTJAR_QUERY_MAX_MEMORY_PER_QUERY",
          hide_env = true, default_value = "200MB", value_parser = units::parse_size)]
    pub max_memory_per_query: u64,

    /// Most memory all queries together may take; 0 = no limit.
    #[arg(long = "query.max-memory-total", value_name = "SIZE", env = "NIGHTJAR_QUERY_MAX_MEMORY_TOTAL",
          hide_env = true, default_value = "1GB", value_parser = units::parse_size)]
    pub max_memory_total: u64,

    /// Memory for answers of range queries that are asked again a little later, as dashboards do; 0 = none. Only what
    /// cannot have changed is answered from there.
    #[arg(long = "query.cache-size", value_name = "SIZE", env = "NIGHTJAR_QUERY_CACHE_SIZE", hide_env = true,
          default_value = "64MB", value_parser = units::parse_size)]
    pub cache_size: u64,

    /// File to which every query is logged, one JSON object a line; query_log_file in the configuration goes before.
    #[arg(long = "query.log-file", value_name = "PATH", env = "NIGHTJAR_QUERY_LOG_FILE", hide_env = true)]
    pub log_file: Option<PathBuf>,

    /// Queries that take longer get a line in the server's log, with their cost and who asked; 0s = none does.
    #[arg(long = "query.log-slower-than", value_name = "DURATION", env = "NIGHTJAR_QUERY_LOG_SLOWER_THAN",
          hide_env = true, default_value = "10s", value_parser = units::parse_duration)]
    pub log_slower_than: Duration,

    /// Most queries at once; others wait.
    #[arg(long = "query.max-concurrency", value_name = "N", env = "NIGHTJAR_QUERY_MAX_CONCURRENCY", hide_env = true,
          default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=400))]
    pub max_concurrency: u32,

    /// How far an instant query looks back for a sample.
    #[arg(long = "query.lookback-delta", value_name = "DURATION", env = "NIGHTJAR_QUERY_LOOKBACK_DELTA",
          hide_env = true, default_value = "5m", value_parser = units::parse_duration)]
    pub lookback_delta: Duration,
}

/// Flags of logging.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Logging")]
pub struct LogFlags {
    /// Only log lines of this severity or above.
    #[arg(long = "log.level", env = "NIGHTJAR_LOG_LEVEL", hide_env = true, value_enum, default_value = "info")]
    pub level: LogLevel,

    /// How log lines look.
    #[arg(long = "log.format", env = "NIGHTJAR_LOG_FORMAT", hide_env = true, value_enum, default_value = "logfmt")]
    pub format: LogFormat,
}

/// Reads a command line. The map holds each flag of the server with its value as text, for `/api/v1/status/flags`.
pub fn parse(
    args: impl IntoIterator<Item = impl Into<OsString>>,
) -> Result<(Cli, BTreeMap<String, String>), clap::Error> {
    let mut command = Cli::command();
    let (args, without_effect) = without_effect::split(args.into_iter().map(Into::into));
    let matches = command.try_get_matches_from_mut(args)?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(|e| e.format(&mut command))?;
    cli.serve.without_effect = without_effect;
    let mut listing = BTreeMap::new();
    for arg in command.get_arguments() {
        let Some(long) = arg.get_long().filter(|long| !matches!(*long, "help" | "version")) else { continue };
        let values = matches.get_raw(arg.get_id().as_str()).into_iter().flatten();
        let values: Vec<_> = values.map(|value| value.to_string_lossy().into_owned()).collect();
        listing.insert(long.to_owned(), values.join(","));
    }
    Ok((cli, listing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(args: &[&str]) -> ServeFlags {
        parse([&["nightjar"], args].concat()).unwrap().0.serve
    }

    #[test]
    fn the_command_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn goes_spelling() {
        let equals = serve(&["--storage.tsdb.path=/x", "--query.timeout=1m30s", "--web.enable-lifecycle"]);
        let spaces = serve(&["--storage.tsdb.path", "/x", "--query.timeout", "1m30s", "--web.enable-lifecycle=true"]);
        for flags in [equals, spaces] {
            assert_eq!(flags.storage.path, PathBuf::from("/x"));
            assert_eq!((flags.query.timeout, flags.enable_lifecycle), (Duration::from_secs(90), true));
        }
        let twice = serve(&["--web.listen-address=:9090", "--web.listen-address=[::1]:9091", "--enable-feature=a,b"]);
        assert_eq!(twice.listen_addresses, [":9090", "[::1]:9091"]);
        assert_eq!(twice.enable_feature, ["a", "b"]);
        assert!(parse(["nightjar", "--query.timeout=5 minutes"]).is_err());
    }

    #[test]
    fn the_listing_names_every_flag() {
        let (_, listing) = parse(["nightjar", "--web.enable-lifecycle"]).unwrap();
        let value = |name: &str| listing.get(name).map(String::as_str);
        assert_eq!(value("storage.tsdb.retention.time"), Some("15d"));
        assert_eq!(value("web.enable-lifecycle"), Some("true"));
        assert_eq!(value("query.max-samples"), Some("50000000"));
        assert_eq!(value("config.file"), Some(""));
        assert_eq!(value("help"), None);
    }
}
