//! `relabel_configs` as they are written.

use nightjar_model::regex::Regex;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::relabel::{Relabel, action, check};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    source_labels: Option<Vec<String>>,
    separator: Option<String>,
    regex: Option<String>,
    modulus: Option<u64>,
    target_label: Option<String>,
    replacement: Option<String>,
    action: Option<String>,
}

impl<'de> Deserialize<'de> for Relabel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Relabel, D::Error> {
        let written = Option::<Written>::deserialize(deserializer)?;
        let written = written.ok_or_else(|| D::Error::custom("empty or null relabeling rule"))?;
        let name = written.action.as_deref().unwrap_or("replace");
        let action = action(name).ok_or_else(|| D::Error::custom(format!("unknown relabel action {name:?}")))?;
        let pattern = written.regex.as_deref();
        let regex = Regex::anchored(pattern.unwrap_or("(.*)"))
            .map_err(|e| D::Error::custom(format!("regex {:?} is invalid: {e}", pattern.unwrap_or(""))))?;
        let rule = Relabel {
            action,
            source_labels: written.source_labels.unwrap_or_default(),
            separator: written.separator.unwrap_or_else(|| ";".to_owned()),
            regex,
            modulus: written.modulus.unwrap_or(0),
            target_label: written.target_label.unwrap_or_default(),
            replacement: written.replacement.unwrap_or_else(|| "$1".to_owned()),
        };
        check(&rule, pattern.is_some()).map_err(D::Error::custom)?;
        Ok(rule)
    }
}
