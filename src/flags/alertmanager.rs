//! The command line of `nightjar alertmanager`: Alertmanager's own flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};

use super::{DestinationFlags, LogFlags};
use crate::units;

const EXAMPLES: &str = "\
Examples:
  nightjar alertmanager --config.file=alertmanager.yml
      Route alerts on :9093 and keep alerts, silences and what was told in ./data.
  nightjar alertmanager --config.file=am.yml --storage.path=/var/lib/alertmanager --web.listen-address=127.0.0.1:9093
      In the place of an existing Alertmanager: its silences and notification log are taken over at the first start.";

/// Arguments of `nightjar alertmanager`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct AlertmanagerCommand {
    /// Alertmanager configuration file.
    #[arg(long = "config.file", value_name = "PATH", default_value = "alertmanager.yml")]
    pub config_file: PathBuf,

    /// Directory of everything that is kept.
    #[arg(long = "storage.path", value_name = "DIRECTORY", default_value = "data/")]
    pub storage_path: PathBuf,

    /// How long expired silences and what was told are remembered.
    #[arg(long = "data.retention", value_name = "DURATION", default_value = "120h", value_parser = units::parse_duration)]
    pub retention: Duration,

    /// Most silences, expired ones included; 0 = no limit.
    #[arg(long = "silences.max-silences", value_name = "N", default_value_t = 0)]
    pub max_silences: usize,

    /// Largest silence in bytes; 0 = no limit.
    #[arg(long = "silences.max-silence-size-bytes", value_name = "N", default_value_t = 0)]
    pub max_silence_size_bytes: usize,

    /// How long nothing is told after the start.
    #[arg(long = "dispatch.start-delay", value_name = "DURATION", default_value = "0s", value_parser = units::parse_duration)]
    pub start_delay: Duration,

    /// Address to listen on; may be repeated. ":9093" means all interfaces.
    #[arg(long = "web.listen-address", value_name = "ADDRESS", default_value = ":9093")]
    pub listen_addresses: Vec<String>,

    /// URL under which people reach this server, for links. Its path becomes the route prefix.
    #[arg(long = "web.external-url", value_name = "URL")]
    pub external_url: Option<String>,

    /// Prefix of all routes. Defaults to the path of --web.external-url.
    #[arg(long = "web.route-prefix", value_name = "PATH")]
    pub route_prefix: Option<String>,

    /// Most GET requests at once; 0 = eight, or one a core when there are more.
    #[arg(long = "web.get-concurrency", value_name = "N", default_value_t = 0)]
    pub get_concurrency: usize,

    /// How long a request may take; 0s = no limit.
    #[arg(long = "web.timeout", value_name = "DURATION", default_value = "0s", value_parser = units::parse_duration)]
    pub timeout: Duration,

    /// Feature switches, separated by commas: classic-mode, utf8-strict-mode.
    #[arg(long = "enable-feature", value_name = "NAMES", value_delimiter = ',')]
    pub enable_feature: Vec<String>,

    /// Do not tell the end of an alert that is silenced, inhibited or muted when it ends, as Alertmanager does.
    #[arg(long = "dispatch.strict-mutes", action = ArgAction::SetTrue)]
    pub strict_mutes: bool,

    /// Where messages may go.
    #[command(flatten)]
    pub destinations: DestinationFlags,

    /// Instances that share silences and what was told.
    #[command(flatten)]
    pub cluster: ClusterFlags,

    /// Flags that are accepted and have no effect.
    #[command(flatten)]
    pub without_effect: WithoutEffect,

    /// Logging.
    #[command(flatten)]
    pub log: LogFlags,
}

/// Flags of several instances that act as one.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub struct ClusterFlags {
    /// Address other instances reach this one at; empty = this one is alone.
    #[arg(long = "cluster.listen-address", value_name = "ADDRESS", default_value = "0.0.0.0:9094")]
    pub listen_address: String,

    /// The same as others see it.
    #[arg(long = "cluster.advertise-address", value_name = "ADDRESS")]
    pub advertise_address: Option<String>,

    /// Name of this instance; made up by default.
    #[arg(long = "cluster.peer-name", value_name = "NAME")]
    pub peer_name: Option<String>,

    /// Another instance; may be repeated.
    #[arg(long = "cluster.peer", value_name = "ADDRESS")]
    pub peers: Vec<String>,

    /// How long an instance waits for each one before it in the order of names.
    #[arg(long = "cluster.peer-timeout", value_name = "DURATION", default_value = "15s", value_parser = units::parse_duration)]
    pub peer_timeout: Duration,

    /// How often everything is compared with another instance.
    #[arg(long = "cluster.pushpull-interval", value_name = "DURATION", default_value = "1m", value_parser = units::parse_duration)]
    pub pushpull_interval: Duration,

    /// How long to wait at the start until the instances know each other.
    #[arg(long = "cluster.settle-timeout", value_name = "DURATION", default_value = "1m", value_parser = units::parse_duration)]
    pub settle_timeout: Duration,
}

/// Flags of Alertmanager that ask for nothing this server could do.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Without effect")]
#[allow(missing_docs, reason = "named as in Alertmanager")]
pub struct WithoutEffect {
    #[arg(long = "data.maintenance-interval", hide = true)]
    pub maintenance_interval: Option<String>,
    #[arg(long = "alerts.gc-interval", hide = true)]
    pub gc_interval: Option<String>,
    #[arg(long = "alerts.per-alertname-limit", hide = true)]
    pub per_alertname_limit: Option<String>,
    #[arg(long = "dispatch.maintenance-interval", hide = true)]
    pub dispatch_maintenance_interval: Option<String>,
    #[arg(long = "auto-gomemlimit.ratio", hide = true)]
    pub gomemlimit_ratio: Option<String>,
    #[arg(long = "web.ui-path", hide = true)]
    pub ui_path: Option<String>,
    #[arg(long = "cluster.peers-resolve-timeout", hide = true)]
    pub peers_resolve_timeout: Option<String>,
    #[arg(long = "cluster.gossip-interval", hide = true)]
    pub gossip_interval: Option<String>,
    #[arg(long = "cluster.tcp-timeout", hide = true)]
    pub tcp_timeout: Option<String>,
    #[arg(long = "cluster.probe-timeout", hide = true)]
    pub probe_timeout: Option<String>,
    #[arg(long = "cluster.probe-interval", hide = true)]
    pub probe_interval: Option<String>,
    #[arg(long = "cluster.reconnect-interval", hide = true)]
    pub reconnect_interval: Option<String>,
    #[arg(long = "cluster.reconnect-timeout", hide = true)]
    pub reconnect_timeout: Option<String>,
    #[arg(long = "cluster.label", hide = true)]
    pub label: Option<String>,
    #[arg(long = "cluster.allow-insecure-public-advertise-address-discovery", action = ArgAction::SetTrue, hide = true)]
    pub allow_insecure: bool,
    #[arg(long = "log.silences", action = ArgAction::SetTrue, hide = true)]
    pub log_silences: bool,
}

impl WithoutEffect {
    /// Those that were given and that somebody may count on.
    pub fn given(&self) -> Vec<&'static str> {
        let flags = [
            ("--alerts.per-alertname-limit", self.per_alertname_limit.as_deref().is_some_and(|n| n != "0")),
            ("--cluster.label", self.label.is_some()),
            ("--log.silences", self.log_silences),
        ];
        flags.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }
}
