//! From a configuration to the rule files it names.

use nightjar_model::Labels;
use nightjar_ruler::Settings;
use nightjar_ruler::file::{ReadOptions, RuleFile, parse};

use super::arguments::grammar;
use super::glob::glob;
use crate::config::Config;
use crate::features::features;
use crate::flags::ServeFlags;

/// What a configuration asks of the rules.
pub struct Loaded {
    /// What all groups share.
    pub settings: Settings,
    /// The rule files by path, sorted.
    pub files: Vec<(String, RuleFile)>,
}

/// Reads all rule files of a configuration; the error tells all that is wrong.
pub fn load(config: &Config, flags: &ServeFlags) -> Result<Loaded, String> {
    let mut paths = Vec::new();
    for pattern in &config.rule_files {
        let pattern = pattern.display().to_string();
        let found = glob(&pattern).map_err(|e| format!("error retrieving rule files for {pattern}: {e}"))?;
        paths.extend(found);
    }
    paths.sort();
    paths.dedup();
    let (features, _) = features(flags.enable_feature.iter().map(String::as_str));
    let options = ReadOptions { ignore_unknown_fields: false, parser: grammar(features) };
    let (mut files, mut errors) = (Vec::new(), Vec::new());
    for path in paths {
        match super::read(&path).map_err(|e| vec![e]).and_then(|text| parse(&text, &options)) {
            Ok(file) => {
                if file.more_documents {
                    tracing::warn!(path, "only the first document of a rule file is read");
                }
                files.push((path, file));
            }
            Err(found) => errors.extend(found.into_iter().map(|e| format!("{path}: {e}"))),
        }
    }
    if !errors.is_empty() {
        return Err(errors.join("\n"));
    }
    Ok(Loaded { settings: settings(config, flags), files })
}

fn settings(config: &Config, flags: &ServeFlags) -> Settings {
    let ms = |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 8);
    Settings {
        external_labels: Labels::from_pairs(&config.external_labels),
        external_url: external_url(flags),
        interval_ms: ms(config.evaluation_interval).max(1),
        query_offset_ms: ms(config.rule_query_offset),
        resend_delay_ms: ms(flags.rules.resend_delay),
        for_grace_period_ms: ms(flags.rules.for_grace_period),
        for_outage_tolerance_ms: ms(flags.rules.for_outage_tolerance),
    }
}

/// The address people reach this server at, without a slash at the end.
fn external_url(flags: &ServeFlags) -> String {
    if let Some(url) = flags.external_url.as_deref().filter(|url| url.contains("://")) {
        return url.trim_end_matches('/').to_owned();
    }
    let port = flags.listen_addresses.first().and_then(|address| address.rsplit_once(':')).map_or("9090", |(_, p)| p);
    let path = flags.external_url.as_deref().unwrap_or("").trim_matches('/');
    let slash = if path.is_empty() { "" } else { "/" };
    format!("http://localhost:{port}{slash}{path}")
}
