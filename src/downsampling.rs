//! Which buckets are kept of samples: `5m:90d,1h:2y`.

use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

use crate::units;

/// Buckets of a width that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DownsamplingTier {
    /// Their width.
    pub width: Duration,
    /// How long they are kept, 0 = for ever; `None` = as long as the samples.
    pub keep: Option<Duration>,
}

/// Flags of downsampling.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Downsampling")]
pub struct DownsamplingFlags {
    /// Keep buckets of old samples, as 5m:90d,1h:2y: their width, and how long they are kept (0 = for ever; as long as the
    /// samples when left out). They are read where the answer is the same, and where a query asks for it with
    /// max_source_resolution=auto or a width.
    #[arg(long = "storage.downsampling.tiers", value_name = "WIDTH[:DURATION],...", hide_env = true,
          env = "NIGHTJAR_STORAGE_DOWNSAMPLING_TIERS", value_delimiter = ',', value_parser = parse_tier)]
    pub tiers: Vec<DownsamplingTier>,

    /// Queries that say nothing of max_source_resolution ask for auto: buckets up to a fifth of the step are read.
    #[arg(long = "query.auto-downsampling", env = "NIGHTJAR_QUERY_AUTO_DOWNSAMPLING", hide_env = true,
          value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", value_parser = BoolishValueParser::new(), action = ArgAction::Set,
          hide_possible_values = true)]
    pub auto: bool,
}

const SHAPE: &str = "write WIDTH[:DURATION], as 5m:90d,1h:2y";
const NARROWEST: Duration = Duration::from_secs(60);
const WIDEST: Duration = Duration::from_millis(nightjar_model::storage::WIDEST_BUCKET_MS as u64);

/// Reads `width[:duration]`.
fn parse_tier(text: &str) -> Result<DownsamplingTier, String> {
    let (width, keep) = match text.split_once(':') {
        Some((width, keep)) => (width, Some(keep)),
        None => (text, None),
    };
    let duration = |text: &str| units::parse_duration(text.trim()).map_err(|e| format!("{e}; {SHAPE}"));
    let tier = DownsamplingTier { width: duration(width)?, keep: keep.map(duration).transpose()? };
    if !(NARROWEST..=WIDEST).contains(&tier.width) {
        return Err(format!("buckets are 1m to 2h wide, and {} comes first here; {SHAPE}", width.trim()));
    }
    Ok(tier)
}

/// The tiers, ascending by width; or what is wrong with them beside samples that are kept for `retention` (0 = for ever).
pub fn check(tiers: &[DownsamplingTier], retention: Duration) -> Result<Vec<DownsamplingTier>, String> {
    let spelled = |keep: Duration| if keep.is_zero() { "for ever".to_owned() } else { units::format_duration(keep) };
    let longer = |a: Duration, b: Duration| !b.is_zero() && (a.is_zero() || a > b);
    let mut tiers = tiers.to_vec();
    tiers.sort_by_key(|tier| tier.width);
    let mut before: Option<DownsamplingTier> = None;
    for tier in &tiers {
        let (width, keep) = (units::format_duration(tier.width), tier.keep.unwrap_or(retention));
        let wrong = if longer(retention, keep) {
            format!("keeps {width} buckets for {}, less than the samples ({})", spelled(keep), spelled(retention))
        } else if before.is_some_and(|b| b.width == tier.width) {
            format!("names {width} twice")
        } else if let Some(finer) = before.filter(|b| longer(b.keep.unwrap_or(retention), keep)) {
            let finer_keep = spelled(finer.keep.unwrap_or(retention));
            let finer = units::format_duration(finer.width);
            format!("keeps {width} buckets for {}, less than the finer ones of {finer} ({finer_keep})", spelled(keep))
        } else {
            before = Some(*tier);
            continue;
        };
        return Err(format!(
            "--storage.downsampling.tiers {wrong}: they are for the time after; keep them longer, or leave them out"
        ));
    }
    Ok(tiers)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn checked(text: &str, days: u64) -> Result<Vec<(u64, Option<u64>)>, String> {
        let tiers: Vec<_> = text.split(',').map(parse_tier).collect::<Result<_, _>>()?;
        let tiers = check(&tiers, Duration::from_secs(days * DAY))?;
        Ok(tiers.iter().map(|t| (t.width.as_secs() / 60, t.keep.map(|k| k.as_secs() / DAY))).collect())
    }

    #[test]
    fn tiers() {
        assert_eq!(checked("1h:2y,5m:90d", 15).unwrap(), [(5, Some(90)), (60, Some(730))]);
        assert_eq!(checked("1m,5m:15d,1h:0", 15).unwrap(), [(1, None), (5, Some(15)), (60, Some(0))]);
        assert_eq!(checked("5m:0", 0).unwrap(), [(5, Some(0))]);
        let refused = [
            ("5m:10d", 15, "keeps 5m buckets for 10d, less than the samples (15d)"),
            ("5m:90d", 0, "keeps 5m buckets for 90d, less than the samples (for ever)"),
            ("5m:90d,1h:30d", 15, "less than the finer ones of 5m (90d)"),
            ("5m:90d,1h", 15, "less than the finer ones of 5m (90d)"),
            ("5m:0,1h:2y", 15, "less than the finer ones of 5m (for ever)"),
            ("5m:90d,300s:1y", 15, "names 5m twice"),
            ("30d:5m", 15, "30d comes first here"),
            ("30s:5d", 15, "buckets are 1m to 2h wide"),
            ("5 minutes", 15, "write WIDTH[:DURATION]"),
            ("5m:", 15, "write WIDTH[:DURATION]"),
        ];
        for (text, days, complaint) in refused {
            let error = checked(text, days).unwrap_err();
            assert!(error.contains(complaint), "{text}: {error}");
        }
    }
}
