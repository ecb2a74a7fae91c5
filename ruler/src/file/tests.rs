//! Rule files by what is said about them.

use super::*;

fn read(text: &str) -> Result<RuleFile, Vec<String>> {
    parse(text, &ReadOptions::default())
}

/// One error a line.
fn errors(text: &str) -> String {
    read(text).map(|_| String::new()).unwrap_or_else(|errors| errors.join("\n"))
}

#[test]
fn a_whole_file() {
    let text = "
groups:
- name: g
  interval: 30s
  query_offset: 1m
  limit: 5
  labels: {team: x, gone: y}
  rules:
  - record: a:b
    expr: sum(up)
    labels: {gone: ''}
  - alert: Down
    expr: up == 0
    for: 5m
    keep_firing_for: 1h
    labels: {severity: 1}
    annotations: {summary: 'It is {{ $labels.job }}'}
";
    let file = read(text).unwrap();
    let [group] = &file.groups[..] else { panic!("{file:?}") };
    let facts = (group.name.as_str(), group.interval_ms, group.query_offset_ms, group.limit);
    assert_eq!(facts, ("g", Some(30_000), Some(60_000), 5));
    let [record, alert] = &group.rules[..] else { panic!("{group:?}") };
    assert_eq!((record.name.as_str(), record.expr.printed.as_str()), ("a:b", "sum(up)"));
    assert_eq!(group.labels.overlaid(&record.labels).to_string(), r#"{gone="", team="x"}"#);
    let spec = alert.alerting.as_ref().unwrap();
    assert_eq!((spec.for_ms, spec.keep_firing_for_ms), (300_000, 3_600_000));
    assert_eq!(alert.labels.get("severity"), Some("1"));
    assert_eq!(spec.annotations.get("summary"), Some("It is {{ $labels.job }}"));
}

#[test]
fn texts_that_are_empty_or_have_several_documents() {
    for text in ["", "# nothing\n", "groups:\n", "groups: []\n", "{}", "---\n"] {
        assert_eq!(read(text).map(|f| f.groups.len()), Ok(0), "{text:?}");
    }
    let two = read("groups: [{name: a, rules: []}]\n---\ngroups: [{name: b, rules: []}]\n").unwrap();
    assert_eq!((two.groups.len(), two.more_documents), (1, true));
    let broken = read("groups: [{name: a, rules: []}]\n---\ngroups: [\n").unwrap();
    assert_eq!((broken.groups.len(), broken.more_documents), (1, true));
}

#[test]
fn anchors_and_merges() {
    let text = "
groups:
- name: g
  rules:
  - &one {record: a, expr: up, labels: &l {x: y}}
  - {<<: *one, record: b}
  - {record: c, expr: up, labels: *l}
";
    let file = read(text).unwrap();
    let names: Vec<_> = file.groups[0].rules.iter().map(|r| format!("{}{}", r.name, r.labels)).collect();
    assert_eq!(names, [r#"a{x="y"}"#, r#"b{x="y"}"#, r#"c{x="y"}"#]);
    let laughs = (0..40).fold("a0: &a0 [x]\n".to_owned(), |text, i| {
        format!("{text}a{}: &a{} [*a{i}, *a{i}, *a{i}, *a{i}]\n", i + 1, i + 1)
    });
    assert!(errors(&laughs).contains("nodes"), "{}", errors(&laughs));
    assert!(!errors("groups: &a [*a]").is_empty());
}

#[test]
fn rules_that_make_no_sense() {
    let group = |rules: &str| format!("groups:\n- name: g\n  rules:\n{rules}");
    let table = [
        (
            "  - {record: a, alert: b, expr: up}",
            "4:14: 4:24: group \"g\", rule 1, \"b\": only one of 'record' and 'alert' must be set",
        ),
        ("  - {expr: up}", "4:5: group \"g\", rule 1, \"\": one of 'record' or 'alert' must be set"),
        ("  - {record: a}", "4:5: group \"g\", rule 1, \"a\": field 'expr' must be set in rule"),
        (
            "  - record: a\n    expr: 'up +'",
            "5:11: group \"g\", rule 1, \"a\": could not parse expression: 1:5: parse error: unexpected end of input",
        ),
        (
            "  - {record: a, expr: up, for: 5m}",
            "4:14: group \"g\", rule 1, \"a\": invalid field 'for' in recording rule",
        ),
        (
            "  - {record: a, expr: up, keep_firing_for: 5m}",
            "4:14: group \"g\", rule 1, \"a\": invalid field 'keep_firing_for' in recording rule",
        ),
        (
            "  - {record: a, expr: up, annotations: {x: y}}",
            "4:14: group \"g\", rule 1, \"a\": invalid field 'annotations' in recording rule",
        ),
        (
            "  - {record: 'a{b}', expr: up}",
            "4:14: group \"g\", rule 1, \"a{b}\": braces present in the recording rule name; should it be in expr?: a{b}",
        ),
        (
            "  - {record: a, expr: up, labels: {__name__: b}}",
            "group \"g\", rule 1, \"a\": invalid label name: __name__",
        ),
        ("  - {alert: A, expr: up, labels: {'': b}}", "group \"g\", rule 1, \"A\": invalid label name: "),
        (
            "  - {alert: A, expr: up, annotations: {x: '{{ $label.y }}'}}",
            "group \"g\", rule 1, \"A\": annotation \"x\": template: __alert_A:1: undefined variable \"$label\"",
        ),
        (
            "  - {alert: A, expr: up, labels: {x: '{{ nope }}'}}",
            "group \"g\", rule 1, \"A\": label \"x\": template: __alert_A:1: function \"nope\" not defined",
        ),
        ("  - {record: a, expr: up}\n- name: g\n  rules: []", "5:3: groupname: \"g\" is repeated in the same file"),
        ("  - {record: a, expr: up}\n- rules: []", "5:3: Groupname must not be empty"),
    ];
    for (rules, expected) in table {
        assert_eq!(errors(&group(rules)), expected, "{rules}");
    }
}

#[test]
fn yaml_that_does_not_fit() {
    let table = [
        (
            "groups:\n- name: g\n  intervall: 1m\n  rules:\n  - {record: a, expr: up, severity: x}",
            "yaml: unmarshal errors:\n  line 3: field intervall not found in type rulefmt.RuleGroup\n  line 5: field severity not found in type rulefmt.Rule",
        ),
        (
            "groups:\n- name: a\n  name: b",
            "yaml: unmarshal errors:\n  line 3: mapping key \"name\" already defined at line 2",
        ),
        ("groups: x", "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `x` into []rulefmt.RuleGroup"),
        ("- a", "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!seq into rulefmt.RuleGroups"),
        (
            "groups:\n- name: g\n  limit: many",
            "yaml: unmarshal errors:\n  line 3: cannot unmarshal !!str `many` into int",
        ),
        (
            "groups:\n- name: g\n  interval: 5 minutes",
            "yaml: unmarshal errors:\n  line 3: unknown unit \" minutes\" in duration \"5 minutes\"",
        ),
        ("groups:\n- name: [g]", "yaml: unmarshal errors:\n  line 2: cannot unmarshal !!seq into string"),
    ];
    for (text, expected) in table {
        assert_eq!(errors(text), expected, "{text}");
    }
    for broken in ["groups: [", "a: b: c", "groups: *a", "{{"] {
        assert!(errors(broken).starts_with("yaml: line "), "{broken}: {}", errors(broken));
    }
    let lenient = ReadOptions { ignore_unknown_fields: true, ..ReadOptions::default() };
    assert!(parse("owner: x\ngroups:\n- name: g\n  ns: y\n  rules: []", &lenient).is_ok());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_panics(text in "[ -~\n]{0,80}", lines in proptest::collection::vec("( {0,4}|- )[a-z:&*{}\\[\\]'|>]{0,12}", 0..12)) {
        let _ = read(&text);
        let _ = read(&lines.join("\n"));
    }
}
