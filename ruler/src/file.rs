//! Rule files: text in, groups of checked rules out.

pub mod print;
mod validate;

use std::sync::Arc;

use nightjar_query::ParserOptions;

use crate::query::Expression;
use crate::texts::Texts;
use crate::yaml::decode::{Fields, Problems};
use crate::yaml::{self, Node};

/// How strictly a file is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOptions {
    /// Skip keys nobody knows. The server never does; the tools can.
    pub ignore_unknown_fields: bool,
    /// Grammar of expressions beyond the stable language.
    pub parser: ParserOptions,
}

/// What a rule file says.
#[derive(Clone, Debug, Default)]
pub struct RuleFile {
    /// Its groups, in order.
    pub groups: Vec<GroupSpec>,
    /// Whether further documents follow, which nobody reads.
    pub more_documents: bool,
}

/// A group of rules.
#[derive(Clone, Debug)]
pub struct GroupSpec {
    /// Unique in its file, not empty.
    pub name: String,
    /// Distance of evaluations; `None` = the server's.
    pub interval_ms: Option<i64>,
    /// How far in the past expressions are evaluated; `None` = the server's.
    pub query_offset_ms: Option<i64>,
    /// Most series or alerts of one rule; none if <= 0.
    pub limit: i64,
    /// Labels of all its rules, which their own go over.
    pub labels: Texts,
    /// Its rules, in order of evaluation.
    pub rules: Vec<RuleSpec>,
}

/// A rule as the file has it.
#[derive(Clone, Debug)]
pub struct RuleSpec {
    /// The metric it records, or the name of the alert.
    pub name: String,
    /// What it evaluates.
    pub expr: Arc<Expression>,
    /// Its own labels; templates if it alerts.
    pub labels: Texts,
    /// What only alerting rules have; `None` for a recording rule.
    pub alerting: Option<AlertingSpec>,
}

/// What only alerting rules have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertingSpec {
    /// How long an alert is pending before it fires.
    pub for_ms: i64,
    /// How long an alert goes on firing after its cause is gone.
    pub keep_firing_for_ms: i64,
    /// Templates of annotations.
    pub annotations: Texts,
}

/// Reads a rule file. Only its first document counts. The errors are Prometheus', one per problem, without the file's
/// name: `line:column: group "g", rule 1, "name": reason`.
pub fn parse(text: &str, options: &ReadOptions) -> Result<RuleFile, Vec<String>> {
    let document = yaml::parse(text).map_err(|e| vec![e])?;
    let mut problems = Problems::new(options.ignore_unknown_fields);
    let groups = document.root.as_deref().map(|root| raw_groups(root, &mut problems)).unwrap_or_default();
    if let Some(message) = problems.message() {
        return Err(vec![message]);
    }
    let groups = validate::groups(groups, &options.parser)?;
    Ok(RuleFile { groups, more_documents: document.more })
}

/// A group whose rules have not been checked yet.
struct RawGroup<'a> {
    node: &'a Node,
    spec: GroupSpec,
    rules: Vec<RawRule<'a>>,
}

/// A rule that has not been checked yet.
struct RawRule<'a> {
    node: &'a Node,
    record: Option<&'a Node>,
    alert: Option<&'a Node>,
    expr: Option<&'a Node>,
    labels: Texts,
    alerting: AlertingSpec,
}

fn raw_groups<'a>(root: &'a Node, problems: &mut Problems) -> Vec<RawGroup<'a>> {
    let file = Fields::of(root, "rulefmt.RuleGroups", &["groups"], problems);
    let groups = file.list("groups", "[]rulefmt.RuleGroup", problems);
    groups.into_iter().map(|group| raw_group(group, problems)).collect()
}

fn raw_group<'a>(node: &'a Node, problems: &mut Problems) -> RawGroup<'a> {
    const KNOWN: [&str; 6] = ["name", "interval", "query_offset", "limit", "rules", "labels"];
    let fields = Fields::of(node, "rulefmt.RuleGroup", &KNOWN, problems);
    let spec = GroupSpec {
        name: fields.text("name", problems),
        interval_ms: fields.duration_ms("interval", problems).filter(|ms| *ms > 0),
        query_offset_ms: fields.duration_ms("query_offset", problems),
        limit: fields.integer("limit", problems),
        labels: fields.texts("labels", problems),
        rules: Vec::new(),
    };
    let rules = fields.list("rules", "[]rulefmt.Rule", problems);
    let rules = rules.into_iter().map(|rule| raw_rule(rule, problems)).collect();
    RawGroup { node, spec, rules }
}

fn raw_rule<'a>(node: &'a Node, problems: &mut Problems) -> RawRule<'a> {
    const KNOWN: [&str; 7] = ["record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"];
    let fields = Fields::of(node, "rulefmt.Rule", &KNOWN, problems);
    for name in ["record", "alert", "expr"] {
        fields.text(name, problems);
    }
    let named = |name| fields.node(name).map(|node| &**node).filter(|node| node.scalar() != Some(""));
    RawRule {
        node,
        record: named("record"),
        alert: named("alert"),
        expr: named("expr"),
        labels: fields.texts("labels", problems),
        alerting: AlertingSpec {
            for_ms: fields.duration_ms("for", problems).unwrap_or(0),
            keep_firing_for_ms: fields.duration_ms("keep_firing_for", problems).unwrap_or(0),
            annotations: fields.texts("annotations", problems),
        },
    }
}

#[cfg(test)]
mod tests;
