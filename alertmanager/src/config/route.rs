//! The written route tree and inhibition rules, checked.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;

use crate::matcher::{MatchOp, Matcher, MatcherMode, Matchers};

use super::decode::At;
use super::error::ConfigError;
use super::scalar::Span;

/// A node of the route tree as configured; what is `None` is inherited.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RouteConfig {
    /// Whom to tell.
    pub receiver: Option<String>,
    /// By which labels to group; an empty list makes one group.
    pub group_by: Option<GroupBy>,
    /// What the labels of an alert must be, the deprecated forms included; sorted.
    pub matchers: Matchers,
    /// Intervals in which nothing is told.
    pub mute_time_intervals: Vec<String>,
    /// Intervals outside of which nothing is told; none: always.
    pub active_time_intervals: Vec<String>,
    /// Whether siblings behind this node are tried although this one matches.
    pub continues: bool,
    /// How long a new group waits for company, in milliseconds.
    pub group_wait_ms: Option<i64>,
    /// How often a group looks for news, in milliseconds, > 0.
    pub group_interval_ms: Option<i64>,
    /// How often a group without news is told again, in milliseconds, > 0.
    pub repeat_interval_ms: Option<i64>,
    /// Templates of labels for templates and the API.
    pub labels: BTreeMap<String, String>,
    /// Nodes below.
    pub routes: Vec<RouteConfig>,
}

/// By which labels to group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// By all labels: every alert alone.
    All,
    /// By these.
    Labels(Vec<String>),
}

/// When alerts keep another one quiet.
#[derive(Clone, Debug, PartialEq)]
pub struct InhibitRuleConfig {
    /// For people.
    pub name: String,
    /// What must fire, all of it at once; never empty.
    pub sources: Vec<InhibitSourceConfig>,
    /// Which alerts are kept quiet.
    pub target: Matchers,
}

/// One condition of an inhibition rule: an alert like this fires.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InhibitSourceConfig {
    /// Which alerts do.
    pub matchers: Matchers,
    /// Labels that must be equal in that alert and in the one that is kept quiet; absent is equal to absent and to empty.
    pub equal: Vec<String>,
}

impl Default for InhibitRuleConfig {
    /// The empty rule: every alert on both sides, so nothing is ever kept quiet.
    fn default() -> InhibitRuleConfig {
        let sources = vec![InhibitSourceConfig::default()];
        InhibitRuleConfig { name: String::new(), sources, target: Matchers::default() }
    }
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WrittenRoute {
    receiver: At<String>,
    group_by: Option<Vec<At<String>>>,
    #[serde(rename = "match")]
    equals: BTreeMap<String, At<String>>,
    match_re: BTreeMap<String, At<Option<String>>>,
    matchers: Vec<At<String>>,
    mute_time_intervals: Vec<At<String>>,
    active_time_intervals: Vec<At<String>>,
    #[serde(rename = "continue")]
    continues: At<bool>,
    group_wait: Option<Span>,
    group_interval: Option<At<Span>>,
    repeat_interval: Option<At<Span>>,
    labels: BTreeMap<String, At<String>>,
    routes: Vec<At<WrittenRoute>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WrittenRule {
    name: String,
    source_match: BTreeMap<String, At<String>>,
    source_match_re: BTreeMap<String, At<Option<String>>>,
    source_matchers: Vec<At<String>>,
    /// Ours: several conditions that must all hold.
    sources: Option<At<Vec<At<WrittenSource>>>>,
    target_match: BTreeMap<String, At<String>>,
    target_match_re: BTreeMap<String, At<Option<String>>>,
    target_matchers: Vec<At<String>>,
    equal: Vec<At<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenSource {
    matchers: Vec<At<String>>,
    equal: Vec<At<String>>,
}

/// Names that routes may refer to, and how matchers are read.
pub(super) struct Known<'a> {
    pub(super) receivers: HashSet<&'a str>,
    pub(super) intervals: HashSet<&'a str>,
    pub(super) mode: MatcherMode,
}

impl Known<'_> {
    /// The root has rules of its own.
    pub(super) fn root(&self, written: &At<WrittenRoute>) -> Result<RouteConfig, ConfigError> {
        let root = &written.value;
        let refused = [
            (root.receiver.value.is_empty(), "root route must specify a default receiver"),
            (
                !(root.equals.is_empty() && root.match_re.is_empty() && root.matchers.is_empty()),
                "root route must not have any matchers",
            ),
            (!root.mute_time_intervals.is_empty(), "root route must not have any mute time intervals"),
            (!root.active_time_intervals.is_empty(), "root route must not have any active time intervals"),
            (root.continues.value, "cannot have continue in root route"),
        ];
        match refused.into_iter().find(|(refused, _)| *refused) {
            Some((_, message)) => Err(written.error(message)),
            None => self.route(root),
        }
    }

    fn route(&self, written: &WrittenRoute) -> Result<RouteConfig, ConfigError> {
        let routes = written.routes.iter().map(|route| self.route(&route.value)).collect::<Result<_, _>>()?;
        let receiver = Some(&written.receiver).filter(|receiver| !receiver.value.is_empty());
        if let Some(receiver) = receiver
            && !self.receivers.contains(receiver.value.as_str())
        {
            return Err(receiver.error(format!("undefined receiver {:?} used in route", receiver.value)));
        }
        for name in written.active_time_intervals.iter().chain(&written.mute_time_intervals) {
            if !self.intervals.contains(name.value.as_str()) {
                return Err(name.error(format!("undefined time interval {:?} used in route", name.value)));
            }
        }
        for (name, value) in &written.labels {
            if !self.mode.is_label_name(name) {
                return Err(value.error(format!("invalid label name {name:?} in route labels")));
            }
        }
        let positive = |span: &Option<At<Span>>, name: &str| match span {
            Some(span) if span.value.0 == 0 => Err(span.error(format!("{name} cannot be zero"))),
            span => Ok(span.as_ref().map(|span| span.value.0)),
        };
        let names = |list: &[At<String>]| list.iter().map(|name| name.value.clone()).collect();
        Ok(RouteConfig {
            receiver: receiver.map(|receiver| receiver.value.clone()),
            group_by: written.group_by.as_deref().map(|names| self.group_by(names)).transpose()?,
            matchers: self.matchers(&written.equals, &written.match_re, &written.matchers)?,
            mute_time_intervals: names(&written.mute_time_intervals),
            active_time_intervals: names(&written.active_time_intervals),
            continues: written.continues.value,
            group_wait_ms: written.group_wait.map(|span| span.0),
            group_interval_ms: positive(&written.group_interval, "group_interval")?,
            repeat_interval_ms: positive(&written.repeat_interval, "repeat_interval")?,
            labels: written.labels.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect(),
            routes,
        })
    }

    fn group_by(&self, names: &[At<String>]) -> Result<GroupBy, ConfigError> {
        let (all, labels): (Vec<_>, Vec<_>) = names.iter().partition(|name| name.value == "...");
        let mut seen = HashSet::new();
        for label in &labels {
            if !self.mode.is_label_name(&label.value) {
                return Err(label.error(format!("invalid label name {:?} in group_by list", label.value)));
            }
            if !all.is_empty() {
                let message = "cannot have wildcard group_by (`...`) and other labels at the same time";
                return Err(label.error(message));
            }
            if !seen.insert(&label.value) {
                return Err(label.error(format!("duplicated label {:?} in group_by", label.value)));
            }
        }
        match all.is_empty() {
            true => Ok(GroupBy::Labels(labels.into_iter().map(|label| label.value.clone()).collect())),
            false => Ok(GroupBy::All),
        }
    }

    /// An inhibition rule.
    pub(super) fn rule(&self, written: &WrittenRule) -> Result<InhibitRuleConfig, ConfigError> {
        let equal = self.equal(&written.equal)?;
        Ok(InhibitRuleConfig {
            name: written.name.clone(),
            sources: match &written.sources {
                Some(sources) => self.sources(written, sources, &equal)?,
                None => {
                    let (equals, regexes) = (&written.source_match, &written.source_match_re);
                    let matchers = self.matchers(equals, regexes, &written.source_matchers)?;
                    vec![InhibitSourceConfig { matchers, equal }]
                }
            },
            target: self.matchers(&written.target_match, &written.target_match_re, &written.target_matchers)?,
        })
    }

    /// Conditions that must all hold. Labels that the rule itself names must be equal in each of them.
    fn sources(
        &self,
        rule: &WrittenRule,
        sources: &At<Vec<At<WrittenSource>>>,
        shared: &[String],
    ) -> Result<Vec<InhibitSourceConfig>, ConfigError> {
        let single = rule.source_match.is_empty() && rule.source_match_re.is_empty() && rule.source_matchers.is_empty();
        if !single {
            let message =
                "at most one of sources & source_matchers (or source_match, source_match_re) must be configured";
            return Err(sources.error(message));
        }
        if sources.value.is_empty() {
            return Err(sources.error("sources must have at least one condition"));
        }
        let condition = |source: &At<WrittenSource>| {
            if source.value.matchers.is_empty() {
                return Err(source.error("a condition of sources must have matchers"));
            }
            let matchers = self.matchers(&BTreeMap::new(), &BTreeMap::new(), &source.value.matchers)?;
            let equal = [shared, &self.equal(&source.value.equal)?].concat();
            Ok(InhibitSourceConfig { matchers, equal })
        };
        sources.value.iter().map(condition).collect()
    }

    fn equal(&self, names: &[At<String>]) -> Result<Vec<String>, ConfigError> {
        match names.iter().find(|name| !self.mode.is_label_name(&name.value)) {
            Some(bad) => Err(bad.error(format!("invalid label name {:?} in equal list", bad.value))),
            None => Ok(names.iter().map(|name| name.value.clone()).collect()),
        }
    }

    fn matchers(
        &self,
        equals: &BTreeMap<String, At<String>>,
        regexes: &BTreeMap<String, At<Option<String>>>,
        lines: &[At<String>],
    ) -> Result<Matchers, ConfigError> {
        let mut all = Vec::new();
        for (name, value) in equals {
            self.classic_name(name, value)?;
            all.push(Matcher::equal(name, &value.value));
        }
        for (name, value) in regexes {
            self.classic_name(name, value)?;
            let pattern =
                value.value.as_deref().ok_or_else(|| value.error(format!("invalid regexp value for {name:?}")))?;
            let matcher = Matcher::new(MatchOp::Regex, name, pattern);
            all.push(matcher.map_err(|error| value.error(error.to_string()))?);
        }
        for line in lines {
            all.extend(self.mode.matchers(&line.value).map_err(|error| line.error(error))?);
        }
        Ok(Matchers::new(all))
    }

    fn classic_name<T>(&self, name: &str, at: &At<T>) -> Result<(), ConfigError> {
        match nightjar_model::labels::is_legacy_label_name(name) {
            true => Ok(()),
            false => Err(at.error(format!("invalid label name {name:?}"))),
        }
    }
}
