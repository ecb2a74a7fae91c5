//! Which rules make sense.

use std::collections::HashSet;
use std::sync::Arc;

use nightjar_model::labels::{METRIC_NAME, quote};
use nightjar_query::ParserOptions;

use super::{AlertingSpec, GroupSpec, RawGroup, RawRule, RuleSpec};
use crate::query::Expression;
use crate::templates;
use crate::texts::Texts;
use crate::yaml::Node;

/// The groups, or all that is wrong with them.
pub(super) fn groups(raw: Vec<RawGroup<'_>>, parser: &ParserOptions) -> Result<Vec<GroupSpec>, Vec<String>> {
    let mut errors = Vec::new();
    let mut names = HashSet::new();
    let mut groups = Vec::with_capacity(raw.len());
    for RawGroup { node, mut spec, rules } in raw {
        let place = place(node);
        if spec.name.is_empty() {
            errors.push(format!("{place}: Groupname must not be empty"));
        }
        if !names.insert(spec.name.clone()) {
            errors.push(format!("{place}: groupname: \"{}\" is repeated in the same file", spec.name));
        }
        errors.extend(label_errors(&spec.labels));
        for (i, rule) in rules.into_iter().enumerate() {
            let mut check = Check { rule: &rule, group: &spec.name, number: i + 1, errors: Vec::new() };
            let checked = check.rule(parser);
            errors.append(&mut check.errors);
            spec.rules.extend(checked);
        }
        groups.push(spec);
    }
    if errors.is_empty() { Ok(groups) } else { Err(errors) }
}

fn place(node: &Node) -> String {
    format!("{}:{}", node.line, node.column)
}

fn label_errors(labels: &Texts) -> Vec<String> {
    let invalid = labels.iter().filter(|(name, _)| name.is_empty() || *name == METRIC_NAME);
    invalid.map(|(name, _)| format!("invalid label name: {name}")).collect()
}

struct Check<'a> {
    rule: &'a RawRule<'a>,
    group: &'a str,
    number: usize,
    errors: Vec<String>,
}

impl Check<'_> {
    fn name(&self) -> &str {
        let named = self.rule.alert.or(self.rule.record);
        named.and_then(Node::scalar).unwrap_or_default()
    }

    /// Notes an error of the whole rule.
    fn error(&mut self, reason: impl std::fmt::Display) {
        let (group, name) = (quote(self.group), quote(self.name()));
        self.errors.push(format!("group {group}, rule {}, {name}: {reason}", self.number));
    }

    /// Notes an error at a place.
    fn error_at(&mut self, node: &Node, reason: impl std::fmt::Display) {
        self.error(reason);
        if let Some(last) = self.errors.last_mut() {
            *last = format!("{}: {last}", place(node));
        }
    }

    fn rule(&mut self, parser: &ParserOptions) -> Option<RuleSpec> {
        let rule = self.rule;
        match (rule.record, rule.alert) {
            (Some(record), Some(alert)) => {
                let reason = "only one of 'record' and 'alert' must be set";
                self.error_at(alert, reason);
                if let Some(last) = self.errors.last_mut() {
                    *last = format!("{}: {last}", place(record));
                }
            }
            (None, None) => self.error_at(rule.node, "one of 'record' or 'alert' must be set"),
            _ => {}
        }
        let expr = self.expr(parser);
        if let Some(record) = rule.record {
            self.record(record);
        }
        for error in label_errors(&rule.labels) {
            self.error(error);
        }
        for (name, _) in rule.alerting.annotations.iter().filter(|(name, _)| name.is_empty()) {
            self.error(format!("invalid annotation name: {name}"));
        }
        if rule.alert.is_some() {
            self.templates();
        }
        let alerting: Option<AlertingSpec> = rule.alert.map(|_| rule.alerting.clone());
        Some(RuleSpec { name: self.name().to_owned(), expr: Arc::new(expr?), labels: rule.labels.clone(), alerting })
    }

    fn expr(&mut self, parser: &ParserOptions) -> Option<Expression> {
        let Some(node) = self.rule.expr else {
            self.error_at(self.rule.node, "field 'expr' must be set in rule");
            return None;
        };
        match Expression::parse(node.scalar().unwrap_or_default(), parser) {
            Ok(expr) => Some(expr),
            Err(e) => {
                self.error_at(node, format!("could not parse expression: {e}"));
                None
            }
        }
    }

    fn record(&mut self, record: &Node) {
        let alerting = &self.rule.alerting;
        if !alerting.annotations.is_empty() {
            self.error_at(record, "invalid field 'annotations' in recording rule");
        }
        if alerting.for_ms != 0 {
            self.error_at(record, "invalid field 'for' in recording rule");
        }
        if alerting.keep_firing_for_ms != 0 {
            self.error_at(record, "invalid field 'keep_firing_for' in recording rule");
        }
        let name = record.scalar().unwrap_or_default();
        if name.contains(['{', '}']) {
            let reason = format!("braces present in the recording rule name; should it be in expr?: {name}");
            self.error_at(record, reason);
        }
    }

    fn templates(&mut self) {
        let alert = self.name().to_owned();
        let rule = self.rule;
        for (kind, texts) in [("label", &rule.labels), ("annotation", &rule.alerting.annotations)] {
            for (name, text) in texts.iter() {
                if let Err(reason) = templates::check(&alert, text) {
                    self.error(format!("{kind} {}: {reason}", quote(name)));
                }
            }
        }
    }
}
