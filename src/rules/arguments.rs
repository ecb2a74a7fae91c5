//! The command lines of `nightjar check rules` and `nightjar test rules`, as promtool has them.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Subcommand};
use nightjar_query::Features;

use crate::features::features;
use crate::units;

/// Arguments of `nightjar check config`.
#[derive(Debug, Args)]
#[command(after_help = "Example: nightjar check config prometheus.yml")]
pub struct CheckConfig {
    /// Configuration files.
    #[arg(required = true)]
    pub config_files: Vec<String>,

    /// Do not look at the files the configuration names.
    #[arg(long)]
    pub syntax_only: bool,

    /// What else is an error in rule files: all, duplicate-rules, none.
    #[arg(long, value_name = "LIST", default_value = "duplicate-rules")]
    pub lint: String,

    /// Exit with 3 when only linting found something.
    #[arg(long)]
    pub lint_fatal: bool,

    /// Accepted for compatibility: this server is no agent.
    #[arg(long)]
    pub agent: bool,

    /// Allow keys in rule files that Prometheus does not know.
    #[arg(long)]
    pub ignore_unknown_fields: bool,

    /// Features as the server's --enable-feature.
    #[arg(long = "enable-feature", value_name = "NAME", value_delimiter = ',')]
    pub enable_feature: Vec<String>,
}

/// Arguments of `nightjar check rules`.
#[derive(Debug, Args)]
#[command(after_help = "Example: nightjar check rules --lint-fatal rules/*.yml")]
pub struct CheckRules {
    /// Rule files; standard input if there is none.
    pub rule_files: Vec<String>,

    /// What else is an error: all, duplicate-rules, none.
    #[arg(long, value_name = "LIST", default_value = "duplicate-rules")]
    pub lint: String,

    /// Exit with 3 when only linting found something.
    #[arg(long)]
    pub lint_fatal: bool,

    /// Allow keys Prometheus does not know.
    #[arg(long)]
    pub ignore_unknown_fields: bool,

    /// Features as the server's --enable-feature.
    #[arg(long = "enable-feature", value_name = "NAME", value_delimiter = ',')]
    pub enable_feature: Vec<String>,
}

/// Arguments of `nightjar test`.
#[derive(Debug, Args)]
pub struct TestCommand {
    /// What to test.
    #[command(subcommand)]
    pub kind: TestKind,

    /// Write a JUnit report to this file.
    #[arg(long, value_name = "PATH", global = true)]
    pub junit: Option<PathBuf>,
}

/// What to test.
#[derive(Debug, Subcommand)]
pub enum TestKind {
    /// Run unit tests of rules, in promtool's format
    Rules(TestRules),
}

/// Arguments of `nightjar test rules`.
#[derive(Debug, Args)]
#[command(after_help = "Example: nightjar test rules tests/*.yml --run 'Instance.*'")]
pub struct TestRules {
    /// Files of tests.
    #[arg(required = true)]
    pub test_rule_files: Vec<String>,

    /// Only tests whose names match one of these regular expressions; may be repeated.
    #[arg(long, value_name = "REGEX")]
    pub run: Vec<String>,

    /// Show expected and received alerts as one text, with colours for what differs.
    #[arg(long)]
    pub diff: bool,

    /// Say which test starts and ends.
    #[arg(long)]
    pub debug: bool,

    /// Allow keys Prometheus does not know.
    #[arg(long)]
    pub ignore_unknown_fields: bool,

    /// Features as the server's --enable-feature.
    #[arg(long = "enable-feature", value_name = "NAME", value_delimiter = ',')]
    pub enable_feature: Vec<String>,
}

/// Runs `nightjar test`.
pub fn test(command: &TestCommand) -> ExitCode {
    match &command.kind {
        TestKind::Rules(rules) => super::test::run(rules, command.junit.as_deref()),
    }
}

/// The features of a command line.
pub(super) fn enabled(names: &[String]) -> Features {
    features(names.iter().map(String::as_str)).0
}

/// The grammar that goes with features.
pub(crate) fn grammar(features: Features) -> nightjar_query::ParserOptions {
    nightjar_query::ParserOptions {
        experimental_functions: features.experimental_functions,
        extended_range_selectors: features.extended_range_selectors,
        fill_modifiers: features.fill_modifiers,
    }
}

/// Flags of rules.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Rules")]
pub struct RuleFlags {
    /// Longest outage after which the state of alerts is taken up again.
    #[arg(long = "rules.alert.for-outage-tolerance", value_name = "DURATION",
          env = "NIGHTJAR_RULES_ALERT_FOR_OUTAGE_TOLERANCE", hide_env = true, default_value = "1h",
          value_parser = units::parse_duration)]
    pub for_outage_tolerance: Duration,

    /// How long an alert that was about to fire at shutdown waits at least; only for rules with a longer "for".
    #[arg(long = "rules.alert.for-grace-period", value_name = "DURATION",
          env = "NIGHTJAR_RULES_ALERT_FOR_GRACE_PERIOD", hide_env = true, default_value = "10m",
          value_parser = units::parse_duration)]
    pub for_grace_period: Duration,

    /// How long to wait before a firing alert is sent again.
    #[arg(long = "rules.alert.resend-delay", value_name = "DURATION",
          env = "NIGHTJAR_RULES_ALERT_RESEND_DELAY", hide_env = true, default_value = "1m",
          value_parser = units::parse_duration)]
    pub resend_delay: Duration,

    /// Let rule groups be written through /config/v1/rules, as Grafana's rule editor does; protect it by a proxy.
    #[arg(long = "ruler.api", env = "NIGHTJAR_RULER_API", hide_env = true, value_name = "BOOL",
          num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true",
          value_parser = BoolishValueParser::new(), action = ArgAction::Set, hide_possible_values = true)]
    pub api: bool,

    /// Most rule groups evaluated at the same time.
    #[arg(long = "rules.max-concurrent-evals", value_name = "N", env = "NIGHTJAR_RULES_MAX_CONCURRENT_EVALS",
          hide_env = true, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub max_concurrent_evals: u32,
}
