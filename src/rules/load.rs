//! From a configuration to the rule files it names.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use nightjar_model::Labels;
use nightjar_query::Features;
use nightjar_ruler::Settings;
use nightjar_ruler::file::{ReadOptions, RuleFile, parse};

use super::arguments::{RuleFlags, grammar};
use super::glob::glob;
use super::written::Written;
use crate::config::Config;
use crate::config::alerting::Alerting;

/// What a configuration asks of the rules.
pub struct Loaded {
    /// What all groups share.
    pub settings: Settings,
    /// The rule files by path, sorted.
    pub files: Vec<(String, RuleFile)>,
    /// Where alerts go besides our own Alertmanager.
    pub alerting: Alerting,
}

/// What the command line says about rules.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions<'a> {
    /// Flags of rules.
    pub flags: &'a RuleFlags,
    /// Feature switches.
    pub features: Features,
    /// `--web.external-url`.
    pub external_url: Option<&'a str>,
    /// The data directory, if rule groups written through the API count.
    pub written_below: Option<&'a Path>,
    /// The first address the server listens on.
    pub listen_address: &'a str,
}

/// Reads all rule files of a configuration; the error tells all that is wrong.
pub fn load(config: &Config, options: &LoadOptions<'_>) -> Result<Loaded, String> {
    let mut paths = Vec::new();
    for pattern in &config.rule_files {
        let pattern = pattern.display().to_string();
        let found = glob(&pattern).map_err(|e| format!("error retrieving rule files for {pattern}: {e}"))?;
        paths.extend(found);
    }
    paths.sort();
    paths.dedup();
    let read = ReadOptions { ignore_unknown_fields: false, parser: grammar(options.features) };
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    for path in paths {
        match super::read(&path).map_err(|e| vec![e]).and_then(|text| parse(&text, &read)) {
            Ok(file) => {
                if file.more_documents {
                    tracing::warn!(path, "only the first document of a rule file is read");
                }
                files.push((path, file));
            }
            Err(found) => errors.extend(found.into_iter().map(|e| format!("{path}: {e}"))),
        }
    }
    if let Some(data) = options.written_below {
        match Written::below(data, read).namespaces() {
            Ok(namespaces) => files.extend(namespaces),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors.join("\n"));
    }
    Ok(Loaded { settings: settings(config, options), files, alerting: config.alerting.clone() })
}

/// Something that changes when the text of a rule file does, or when one comes or goes.
pub fn fingerprint(config: &Config) -> u64 {
    let mut hasher = DefaultHasher::new();
    for pattern in &config.rule_files {
        for path in glob(&pattern.display().to_string()).unwrap_or_default() {
            (super::read(&path), path).hash(&mut hasher);
        }
    }
    hasher.finish()
}

fn settings(config: &Config, options: &LoadOptions<'_>) -> Settings {
    let ms = |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 8);
    Settings {
        external_labels: Labels::from_pairs(&config.external_labels),
        external_url: external_url(options),
        interval_ms: ms(config.evaluation_interval).max(1),
        query_offset_ms: ms(config.rule_query_offset),
        resend_delay_ms: ms(options.flags.resend_delay),
        for_grace_period_ms: ms(options.flags.for_grace_period),
        for_outage_tolerance_ms: ms(options.flags.for_outage_tolerance),
    }
}

/// The address people reach this server at, without a slash at the end.
pub fn external_url(options: &LoadOptions<'_>) -> String {
    let url = options.external_url.unwrap_or("").trim_end_matches('/');
    if url.contains("://") {
        return url.to_owned();
    }
    let port = options.listen_address.rsplit_once(':').map_or("9090", |(_, port)| port);
    let slash = if url.is_empty() || url.starts_with('/') { "" } else { "/" };
    format!("http://localhost:{port}{slash}{url}")
}
