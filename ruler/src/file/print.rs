//! Rule files as text again.

use std::fmt::Write;

use nightjar_model::duration::format_duration_ms;

use super::{GroupSpec, RuleFile, RuleSpec};
use crate::texts::Texts;

/// A whole file.
pub fn print(file: &RuleFile) -> String {
    let mut out = "groups:\n".to_owned();
    file.groups.iter().for_each(|group| write_group(&mut out, group, "  - ", "    "));
    if file.groups.is_empty() { "groups: []\n".to_owned() } else { out }
}

/// One group, as it stands in a list behind `first` with its further lines behind `rest`.
fn write_group(out: &mut String, group: &GroupSpec, first: &str, rest: &str) {
    let _ = writeln!(out, "{first}name: {}", scalar(&group.name));
    if let Some(ms) = group.interval_ms {
        let _ = writeln!(out, "{rest}interval: {}", format_duration_ms(ms));
    }
    if let Some(ms) = group.query_offset_ms {
        let _ = writeln!(out, "{rest}query_offset: {}", format_duration_ms(ms));
    }
    if group.limit != 0 {
        let _ = writeln!(out, "{rest}limit: {}", group.limit);
    }
    write_texts(out, "labels", &group.labels, rest);
    match group.rules.is_empty() {
        true => drop(writeln!(out, "{rest}rules: []")),
        false => drop(writeln!(out, "{rest}rules:")),
    }
    group.rules.iter().for_each(|rule| write_rule(out, rule, rest));
}

/// One group by itself.
pub fn print_group(group: &GroupSpec) -> String {
    let mut out = String::new();
    write_group(&mut out, group, "", "");
    out
}

/// A list of groups, each line behind `indent`.
pub fn print_groups(groups: &[GroupSpec], indent: &str) -> String {
    let mut out = String::new();
    groups.iter().for_each(|group| write_group(&mut out, group, &format!("{indent}- "), &format!("{indent}  ")));
    out
}

fn write_rule(out: &mut String, rule: &RuleSpec, indent: &str) {
    let kind = if rule.alerting.is_some() { "alert" } else { "record" };
    let _ = writeln!(out, "{indent}  - {kind}: {}", scalar(&rule.name));
    let inner = format!("{indent}    ");
    let _ = writeln!(out, "{inner}expr: {}", scalar(&rule.expr.source));
    if let Some(alerting) = &rule.alerting {
        for (name, ms) in [("for", alerting.for_ms), ("keep_firing_for", alerting.keep_firing_for_ms)] {
            if ms != 0 {
                let _ = writeln!(out, "{inner}{name}: {}", format_duration_ms(ms));
            }
        }
    }
    write_texts(out, "labels", &rule.labels, &inner);
    if let Some(alerting) = &rule.alerting {
        write_texts(out, "annotations", &alerting.annotations, &inner);
    }
}

fn write_texts(out: &mut String, name: &str, texts: &Texts, indent: &str) {
    if texts.is_empty() {
        return;
    }
    let _ = writeln!(out, "{indent}{name}:");
    for (name, text) in texts.iter() {
        let _ = writeln!(out, "{indent}  {}: {}", scalar(name), scalar(text));
    }
}

/// A text as YAML reads it back: bare where nothing can be meant but a text, else in double quotes.
pub fn scalar(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let word =
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(|c| bare(c) || c == ':');
    let meant = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    if word && !text.ends_with(':') && !meant.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    let mut out = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{ReadOptions, parse};

    #[test]
    fn what_is_printed_reads_back() {
        let text = "groups:
- name: 'a: \"b\" #c'
  interval: 90s
  query_offset: 1m
  limit: 5
  labels: {team: 'yes', n: 1}
  rules:
  - record: 'job:x:sum'
    expr: |
      sum by (job) (
        x{a=\"\\\\d\"}
      )
    labels: {empty: ''}
  - {alert: Über, expr: up == 0, for: 1h30m, keep_firing_for: 5m, annotations: {text: \"{{ $value }}\\u0001\\ttab: x\"}}
- {name: none, rules: []}
";
        let file = parse(text, &ReadOptions::default()).unwrap();
        let printed = print(&file);
        let again = parse(&printed, &ReadOptions::default()).unwrap();
        assert_eq!(print(&again), printed);
        let expr = |file: &RuleFile| file.groups[0].rules[0].expr.source.clone();
        assert_eq!(expr(&again), expr(&file));
        let texts = |file: &RuleFile| file.groups[0].rules[1].alerting.clone();
        assert_eq!(texts(&again), texts(&file));
        assert_eq!(again.groups[0].labels, file.groups[0].labels);
        assert!(print_group(&file.groups[0]).starts_with("name: \"a: \\\"b\\\" #c\"\ninterval: 1m30s\n"));
        assert_eq!(print(&RuleFile::default()), "groups: []\n");
    }
}
