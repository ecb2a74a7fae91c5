//! What is allowed in rule files and still suspicious.

use nightjar_model::labels::METRIC_NAME;

use crate::file::RuleFile;
use crate::texts::Texts;

/// Which suspicions count, as `--lint` names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LintOptions {
    /// Rules with equal names and labels.
    pub duplicate_rules: bool,
    /// Names nobody knows.
    pub unknown: Vec<String>,
}

impl LintOptions {
    /// Reads a list such as `all`, `none`, `duplicate-rules`.
    pub fn parse(list: &str) -> LintOptions {
        let mut options = LintOptions::default();
        for name in list.split(',').filter(|_| !list.is_empty()) {
            match name {
                "all" | "duplicate-rules" => options.duplicate_rules = true,
                "none" => {}
                other => options.unknown.push(other.to_owned()),
            }
        }
        options
    }
}

/// Number of rules, or the lint error as promtool words it.
pub fn check(file: &RuleFile, options: &LintOptions) -> Result<usize, String> {
    let duplicates = if options.duplicate_rules { duplicates(file) } else { Vec::new() };
    if duplicates.is_empty() {
        return Ok(file.groups.iter().map(|group| group.rules.len()).sum());
    }
    let mut message = format!("lint error {} duplicate rule(s) found.\n", duplicates.len());
    for (name, labels) in duplicates {
        message.push_str(&format!("Metric: {name}\nLabel(s):\n"));
        for (label, text) in labels.iter().filter(|(label, _)| *label != METRIC_NAME) {
            message.push_str(&format!("\t{label}: {text}\n"));
        }
    }
    message.push_str("Might cause inconsistency while recording expressions");
    Err(message)
}

/// Names and labels that several rules share, sorted.
fn duplicates(file: &RuleFile) -> Vec<(&str, Texts)> {
    let rules = file.groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule)));
    let mut all: Vec<_> =
        rules.map(|(group, rule)| (rule.name.as_str(), group.labels.overlaid(&rule.labels))).collect();
    all.sort();
    let mut found: Vec<_> = all.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{ReadOptions, parse};

    const TEXT: &str = "
groups:
- name: a
  labels: {team: x}
  rules:
  - {record: 'a:b', expr: up, labels: {l: v}}
  - {alert: A, expr: up}
  - {record: 'a:b', expr: down, labels: {l: v}}
- name: b
  rules:
  - {record: 'a:b', expr: up, labels: {l: v, team: x}}
  - {alert: A, expr: up}
";

    #[test]
    fn duplicate_rules() {
        let file = parse(TEXT, &ReadOptions::default()).unwrap();
        let message = "lint error 1 duplicate rule(s) found.\nMetric: a:b\nLabel(s):\n\tl: v\n\tteam: x\n\
                       Might cause inconsistency while recording expressions";
        assert_eq!(check(&file, &LintOptions::parse("duplicate-rules")), Err(message.to_owned()));
        assert_eq!(check(&file, &LintOptions::parse("none")), Ok(5));
        assert_eq!(LintOptions::parse("all,x").unknown, ["x"]);
        assert_eq!(LintOptions::parse(""), LintOptions::default());
    }
}
