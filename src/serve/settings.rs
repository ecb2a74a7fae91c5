//! Flags turned into what requests need to know.

use std::collections::BTreeMap;
use std::sync::Arc;

use nightjar_model::regex::Regex;
use nightjar_query::{MaxSourceResolution, ParserOptions};

use crate::app::Settings;
use crate::config::Config;
use crate::downsampling;
use crate::features::features;
use crate::flags::ServeFlags;
use crate::retention;
use crate::store::StoreOptions;
use crate::units;

/// Largest write request, compressed and decompressed, as in Prometheus.
const MAX_WRITE_BYTES: usize = 32 << 20;

/// Reads the flags; the error names the flag.
pub(super) fn settings(
    flags: &ServeFlags,
    listing: BTreeMap<String, String>,
    config: &Config,
) -> Result<Settings, String> {
    let external_path = prefix(&external_path(flags.external_url.as_deref().unwrap_or(""))?);
    let route_prefix = flags.route_prefix.as_deref().map_or_else(|| external_path.clone(), prefix);
    if route_prefix.contains(['{', '}', '*', '?', '#']) {
        return Err(format!("--web.route-prefix={route_prefix:?} is not a path"));
    }
    let cors_origin = match flags.cors_origin.as_str() {
        ".*" => None,
        pattern => Some(Arc::new(
            Regex::anchored(pattern).map_err(|e| format!("--web.cors.origin={pattern:?} is not a regex: {e}"))?,
        )),
    };
    let store = storage(flags, config);
    retention::check(&store.retention_rules, store.retention)?;
    downsampling::check(&store.tiers, store.retention)?;
    let (features, _) = features(flags.enable_feature.iter().map(String::as_str));
    Ok(Settings {
        route_prefix,
        external_path,
        enable_lifecycle: flags.enable_lifecycle,
        enable_admin_api: flags.enable_admin_api,
        cors_origin,
        page_title: flags.page_title.clone(),
        max_write_bytes: MAX_WRITE_BYTES,
        parser: ParserOptions {
            experimental_functions: features.experimental_functions,
            extended_range_selectors: features.extended_range_selectors,
            fill_modifiers: features.fill_modifiers,
        },
        features,
        per_step_stats: flags.enable_feature.iter().any(|name| name.trim() == "promql-per-step-stats"),
        max_source_resolution: match flags.downsampling.auto {
            true => MaxSourceResolution::Auto,
            false => MaxSourceResolution::Samples,
        },
        flags: listing,
        data_directory: flags.storage.path.clone(),
        retention: spelled(&store),
    })
}

/// What storage is opened with; the file goes before flags.
pub(super) fn storage(flags: &ServeFlags, config: &Config) -> StoreOptions {
    StoreOptions {
        path: flags.storage.path.clone(),
        retention: config.retention_time.unwrap_or(flags.storage.retention_time),
        retention_bytes: config.retention_size.unwrap_or(flags.storage.retention_size),
        retention_rules: flags.storage.retention_rules.clone(),
        tiers: flags.downsampling.tiers.clone(),
        out_of_order_window: config.out_of_order_window.unwrap_or(flags.storage.out_of_order_window),
        max_series: flags.storage.max_series,
        max_series_per_metric: flags.storage.max_series_per_metric,
        max_log_bytes: flags.storage.max_log_size,
        reserve_bytes: flags.storage.reserve_size,
        memory_limit: memory_limit(flags),
    }
}

/// Bytes of memory for everything; 0 = no limit.
pub(super) fn memory_limit(flags: &ServeFlags) -> u64 {
    match flags.storage.memory_limit {
        0 => nightjar_platform::process::memory_limit().unwrap_or(0),
        bytes => bytes,
    }
}

/// As `runtimeinfo` shows it: `15d or 50GiB`.
fn spelled(options: &StoreOptions) -> String {
    let time = units::format_duration(options.retention);
    match options.retention_bytes {
        0 => time,
        bytes => format!("{time} or {bytes}B"),
    }
}

/// The path of a URL, or of a bare path.
fn external_path(url: &str) -> Result<String, String> {
    match url.split_once("://") {
        Some(("http" | "https", rest)) if !rest.is_empty() => {
            Ok(rest.find('/').map_or_else(String::new, |slash| rest[slash..].to_owned()))
        }
        None if url.is_empty() || url.starts_with('/') => Ok(url.to_owned()),
        _ => Err(format!("--web.external-url={url:?} is not a URL; write http://host/path")),
    }
}

/// `/path` without a slash at the end; empty for the root.
fn prefix(path: &str) -> String {
    let trimmed = path.trim_matches('/');
    if trimmed.is_empty() { String::new() } else { format!("/{trimmed}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Settings, String> {
        let (cli, listing) = crate::flags::parse([&["nightjar"], args].concat()).unwrap();
        settings(&cli.serve, listing, &Config::default())
    }

    #[test]
    fn prefixes() {
        let table: [(&[&str], &str, &str); 5] = [
            (&[], "", ""),
            (&["--web.external-url=https://x.org/prom/"], "/prom", "/prom"),
            (&["--web.external-url=https://x.org"], "", ""),
            (&["--web.external-url=http://x/a", "--web.route-prefix=/"], "", "/a"),
            (&["--web.route-prefix=b/c/"], "/b/c", ""),
        ];
        for (args, route, external) in table {
            let settings = read(args).unwrap();
            assert_eq!(
                (settings.route_prefix.as_str(), settings.external_path.as_str()),
                (route, external),
                "{args:?}"
            );
        }
        for bad in ["--web.external-url=ftp://x", "--web.cors.origin=(", "--web.route-prefix=/{x}"] {
            assert!(read(&[bad]).is_err(), "{bad}");
        }
    }
}
