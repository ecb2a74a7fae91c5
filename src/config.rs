//! `prometheus.yml`: what a server that is pushed to takes from it.
//!
//! Keys Prometheus does not know are errors with file, line and column. Sections that make no sense here are named once
//! and ignored.

pub mod alerting;
mod http;
mod relabel;
mod tree;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny};

use crate::files;
use crate::units;

/// Largest configuration file.
const MAX_BYTES: u64 = 16 << 20;

/// A configuration in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// How often rules are evaluated, and the step of subqueries that name none.
    pub evaluation_interval: Duration,
    /// How far in the past rules are evaluated.
    pub rule_query_offset: Duration,
    /// Labels added to everything that leaves: alerts, federation.
    pub external_labels: BTreeMap<String, String>,
    /// Patterns of rule files, relative to the file's directory.
    pub rule_files: Vec<PathBuf>,
    /// Where alerts go besides our own Alertmanager.
    pub alerting: alerting::Alerting,
    /// How late a sample may come; `None` = the flag decides.
    pub out_of_order_window: Option<Duration>,
    /// File to which every query is logged.
    pub query_log_file: Option<PathBuf>,
    /// How long samples are kept; `None` = the flag decides.
    pub retention_time: Option<Duration>,
    /// Bytes of samples kept; `None` = the flag decides.
    pub retention_size: Option<u64>,
    /// Sections that were read and have no effect, by name.
    pub ignored: Vec<&'static str>,
    /// The file with secrets masked.
    pub yaml: String,
}

impl Default for Config {
    /// What holds without a file.
    fn default() -> Config {
        Config {
            evaluation_interval: Duration::from_secs(60),
            rule_query_offset: Duration::ZERO,
            external_labels: BTreeMap::new(),
            rule_files: Vec::new(),
            alerting: alerting::Alerting::default(),
            out_of_order_window: None,
            query_log_file: None,
            retention_time: None,
            retention_size: None,
            ignored: Vec::new(),
            yaml: String::new(),
        }
    }
}

/// The text of a file.
pub fn content(path: &Path) -> Result<String, String> {
    files::read_text(path, MAX_BYTES).map_err(|e| format!("cannot read {}: {e}", path.display()))
}

/// Reads a file.
pub fn load(path: &Path) -> Result<Config, String> {
    let text = content(path)?;
    let environment = |name: &str| std::env::var(name).ok();
    parse(&text, path, &environment)
}

/// Reads the text of the file at `path`; `environment` answers `${NAME}` in external labels.
pub fn parse(text: &str, path: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Config, String> {
    if text.trim().is_empty() {
        return Ok(Config::default());
    }
    let options = serde_saphyr::options! { with_snippet: false };
    let file: Option<File> =
        serde_saphyr::from_str_with_options(text, options.clone()).map_err(|e| located(path, &e))?;
    let file = file.unwrap_or_default();
    let mut config = Config { ignored: file.ignored(), ..Config::default() };
    let directory = path.parent().unwrap_or(Path::new(""));
    if let Some(global) = file.global {
        config.evaluation_interval = global.evaluation_interval.map_or(config.evaluation_interval, |d| d.0);
        config.rule_query_offset = global.rule_query_offset.map_or(config.rule_query_offset, |d| d.0);
        let log = global.query_log_file.filter(|file| !file.as_os_str().is_empty());
        config.query_log_file = log.map(|file| directory.join(file));
        let labels = global.external_labels.unwrap_or_default().into_iter();
        config.external_labels = labels.map(|(name, value)| (name, expand(&value, environment))).collect();
    }
    if let Some(section) = file.alerting {
        config.alerting = section.read(directory).map_err(|e| format!("{}: alerting: {e}", path.display()))?;
    }
    config.rule_files = file.rule_files.unwrap_or_default().iter().map(|pattern| directory.join(pattern)).collect();
    if let Some(tsdb) = file.storage.and_then(|storage| storage.tsdb) {
        config.out_of_order_window = tsdb.out_of_order_time_window.map(|d| d.0);
        let retention = tsdb.retention.unwrap_or_default();
        config.retention_time = retention.time.map(|d| d.0);
        config.retention_size = retention.size.map(|s| s.0);
    }
    let tree: tree::Node = serde_saphyr::from_str_with_options(text, options).map_err(|e| located(path, &e))?;
    config.yaml = tree.masked().to_yaml();
    Ok(config)
}

/// `file:line:column: what`.
fn located(path: &Path, error: &serde_saphyr::Error) -> String {
    let message = error.without_snippet().to_string();
    let message = message.lines().next().unwrap_or("").to_owned();
    match error.location() {
        Some(at) => {
            let suffix = format!(" at line {}, column {}", at.line(), at.column());
            let message = message.replace(&suffix, "");
            format!("{}:{}:{}: {message}", path.display(), at.line(), at.column())
        }
        None => format!("{}: {message}", path.display()),
    }
}

/// Replaces `$NAME` and `${NAME}`; what is not set becomes empty, `$$` a dollar, as in Prometheus.
fn expand(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            out.push_str(&environment(name).unwrap_or_default());
            rest = after;
        } else {
            let end = rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            out.push_str(&environment(&rest[..end]).unwrap_or_default());
            rest = &rest[end..];
        }
    }
    out.push_str(rest);
    out
}

/// Whatever the value is.
type Ignored = Option<IgnoredAny>;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    global: Option<Global>,
    rule_files: Option<Vec<String>>,
    storage: Option<StorageSection>,
    alerting: Option<alerting::Section>,
    otlp: Ignored,
    remote_read: Ignored,
    remote_write: Ignored,
    runtime: Ignored,
    scrape_config_files: Ignored,
    scrape_configs: Ignored,
    tracing: Ignored,
}

impl File {
    fn ignored(&self) -> Vec<&'static str> {
        let exemplars = self.storage.as_ref().is_some_and(|s| s.exemplars.is_some());
        let sections = [
            ("scrape_configs", self.scrape_configs.is_some()),
            ("scrape_config_files", self.scrape_config_files.is_some()),
            ("remote_read", self.remote_read.is_some()),
            ("remote_write", self.remote_write.is_some()),
            ("otlp", self.otlp.is_some()),
            ("runtime", self.runtime.is_some()),
            ("tracing", self.tracing.is_some()),
            ("storage.exemplars", exemplars),
        ];
        let sections = sections.into_iter().filter(|(_, present)| *present).map(|(name, _)| name);
        sections.chain(self.alerting.iter().flat_map(alerting::Section::ignored)).collect()
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "keys that only concern scraping are read to tell them from typing mistakes")]
struct Global {
    evaluation_interval: Option<Text<Duration>>,
    rule_query_offset: Option<Text<Duration>>,
    external_labels: Option<BTreeMap<String, String>>,
    query_log_file: Option<PathBuf>,
    always_scrape_classic_histograms: Ignored,
    body_size_limit: Ignored,
    convert_classic_histograms_to_nhcb: Ignored,
    extra_scrape_metrics: Ignored,
    keep_dropped_targets: Ignored,
    label_limit: Ignored,
    label_name_length_limit: Ignored,
    label_value_length_limit: Ignored,
    metric_name_escaping_scheme: Ignored,
    metric_name_validation_scheme: Ignored,
    sample_limit: Ignored,
    scrape_failure_log_file: Ignored,
    scrape_interval: Option<Text<Duration>>,
    scrape_native_histograms: Ignored,
    scrape_protocols: Ignored,
    scrape_timeout: Option<Text<Duration>>,
    target_limit: Ignored,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct StorageSection {
    tsdb: Option<Tsdb>,
    exemplars: Ignored,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "see Global")]
struct Tsdb {
    out_of_order_time_window: Option<Text<Duration>>,
    retention: Option<Retention>,
    stale_series_compaction_threshold: Ignored,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "see Global")]
struct Retention {
    time: Option<Text<Duration>>,
    size: Option<Text<u64>>,
    percentage: Ignored,
}

/// A value spelled as text.
struct Text<T>(T);

impl<'de> Deserialize<'de> for Text<Duration> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<Duration>, D::Error> {
        units::parse_duration(&String::deserialize(deserializer)?).map(Text).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Text<u64> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<u64>, D::Error> {
        units::parse_size(&String::deserialize(deserializer)?).map(Text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
