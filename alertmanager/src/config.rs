//! `alertmanager.yml`, as Alertmanager 0.34 reads it: text in, checked values out, or a complaint with its place.

mod decode;
mod error;
pub mod global;
pub mod http;
mod notice;
mod print;
pub mod receiver;
mod route;
mod scalar;
mod settings;
#[cfg(test)]
mod tests;
mod yaml;

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use crate::matcher::MatcherMode;
use crate::time_interval::TimeInterval;
use decode::{At, Secrets};
pub use error::{ConfigError, Position};
pub use global::Global;
pub use notice::ExpiryNotice;
pub use receiver::{Integration, Receiver, Settings};
pub use route::{GroupBy, InhibitRuleConfig, InhibitSourceConfig, RouteConfig};
use route::{Known, WrittenRoute, WrittenRule};
pub use scalar::{GoSpan, HostPort, Secret, SecretUrl, Span, Url};
use settings::Check;

/// A whole configuration. Everything in it has been checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// What receivers have inherited, and the resolve timeout.
    pub global: Global,
    /// Globs of template files, relative ones to the configuration's directory.
    pub templates: Vec<String>,
    /// The root of the route tree.
    pub route: RouteConfig,
    /// All receivers, in order.
    pub receivers: Vec<Receiver>,
    /// All inhibition rules, in order.
    pub inhibit_rules: Vec<InhibitRuleConfig>,
    /// All named time intervals, under both their keys.
    pub time_intervals: HashMap<String, Vec<TimeInterval>>,
    /// Whether and when people are told that a silence is about to end.
    pub silence_expiry_notice: Option<ExpiryNotice>,
    /// Sections that were accepted but mean nothing here.
    pub ignored: Vec<&'static str>,
    shown: String,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    global: At<Global>,
    templates: Vec<String>,
    route: Option<At<WrittenRoute>>,
    receivers: Vec<At<receiver::Written>>,
    inhibit_rules: Vec<WrittenRule>,
    mute_time_intervals: Vec<At<WrittenIntervals>>,
    time_intervals: Vec<At<WrittenIntervals>>,
    silence_expiry_notice: Option<At<notice::WrittenNotice>>,
    event_recorder: Option<serde_json::Value>,
    tracing: Option<serde_json::Value>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenIntervals {
    name: String,
    time_intervals: Vec<At<TimeInterval>>,
}

/// Sections that are accepted and have no effect.
const IGNORED: [&str; 2] = ["event_recorder", "tracing"];

impl Config {
    /// Reads a configuration.
    pub fn parse(text: &str, mode: MatcherMode) -> Result<Config, ConfigError> {
        let tree = yaml::read(text)?;
        let secrets = Secrets::default();
        let mut written: Written = decode::decode(&tree, &secrets)?;
        written.global.value.check().map_err(|message| written.global.error(message))?;
        let global = written.global.value;
        let receivers = receivers(written.receivers, &global)?;
        let time_intervals = intervals(&written.mute_time_intervals, &written.time_intervals)?;
        let known = Known {
            receivers: receivers.iter().map(|receiver| receiver.name.as_str()).collect(),
            intervals: time_intervals.keys().map(String::as_str).collect(),
            mode,
        };
        let route = known.root(&written.route.ok_or_else(|| ConfigError::new("no route provided in config"))?)?;
        let inhibit_rules = written.inhibit_rules.iter().map(|rule| known.rule(rule)).collect::<Result<_, _>>()?;
        let notice = written.silence_expiry_notice.map(|notice| notice::complete(notice, mode)).transpose()?;
        let present = [written.event_recorder.is_some(), written.tracing.is_some()];
        let ignored = IGNORED.into_iter().zip(present).filter_map(|(name, present)| present.then_some(name)).collect();
        let shown = print::print(&tree, &secrets, &IGNORED);
        Ok(Config {
            global,
            templates: written.templates,
            route,
            receivers,
            inhibit_rules,
            time_intervals,
            silence_expiry_notice: notice,
            ignored,
            shown,
        })
    }

    /// The configuration as YAML with its secrets hidden.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The receiver of a name.
    pub fn receiver(&self, name: &str) -> Option<&Receiver> {
        self.receivers.iter().find(|receiver| receiver.name == name)
    }
}

/// What a rendered text means as YAML when it is more than a text: a number, a truth value, a list or a map.
pub(crate) fn structure(text: &str) -> Option<serde_json::Value> {
    if text.starts_with(['{', '['])
        && let Ok(structure) = serde_json::from_str(text)
    {
        return Some(structure);
    }
    let meaning: serde_json::Value = decode::decode(&yaml::read_foreign(text).ok()?, &Secrets::default()).ok()?;
    let written = text.trim();
    match meaning {
        serde_json::Value::String(_) => None,
        // An empty text and a comment are texts; and a number with zeros in front is a name, such as one of a telephone.
        serde_json::Value::Null => matches!(written, "null" | "~").then_some(meaning),
        serde_json::Value::Number(_) if written.len() > 1 && written.starts_with('0') && !written.contains('.') => None,
        meaning => Some(meaning),
    }
}

fn receivers(written: Vec<At<receiver::Written>>, global: &Global) -> Result<Vec<Receiver>, ConfigError> {
    let mut names = HashSet::new();
    let complete = |written: At<receiver::Written>| {
        let at = written.position();
        let receiver = receiver::complete(written, global)?;
        match names.insert(receiver.name.clone()) {
            true => Ok(receiver),
            false => {
                Err(ConfigError::new(format!("notification config name {:?} is not unique", receiver.name)).at(at))
            }
        }
    };
    written.into_iter().map(complete).collect()
}

fn intervals(
    mute: &[At<WrittenIntervals>],
    plain: &[At<WrittenIntervals>],
) -> Result<HashMap<String, Vec<TimeInterval>>, ConfigError> {
    let mut all = HashMap::new();
    for (list, what) in [(mute, "mute time interval"), (plain, "time interval")] {
        for written in list {
            let WrittenIntervals { name, time_intervals } = &written.value;
            if name.is_empty() {
                return Err(written.error(format!("missing name in {what}")));
            }
            let specs = time_intervals.iter().map(|spec| spec.value.clone()).collect();
            if all.insert(name.clone(), specs).is_some() {
                return Err(written.error(format!("{what} {name:?} is not unique")));
            }
        }
    }
    Ok(all)
}
