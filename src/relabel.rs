//! Relabelling: rules that rewrite a label set, or drop what carries it, as Prometheus applies them.

use md5::{Digest, Md5};
use nightjar_model::labels::LabelsBuilder;
use nightjar_model::regex::Regex;

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Writes what the regex found.
    Replace,
    /// Drops what does not match.
    Keep,
    /// Drops what matches.
    Drop,
    /// Drops what is not equal to the target label.
    KeepEqual,
    /// Drops what is equal to the target label.
    DropEqual,
    /// Writes a hash modulo a number.
    HashMod,
    /// Copies labels to other names.
    LabelMap,
    /// Removes labels whose name matches.
    LabelDrop,
    /// Removes labels whose name does not match.
    LabelKeep,
    /// Writes in lower case.
    Lowercase,
    /// Writes in upper case.
    Uppercase,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Relabel {
    /// What it does.
    pub action: Action,
    /// Labels whose values are joined.
    pub source_labels: Vec<String>,
    /// What they are joined with.
    pub separator: String,
    /// What the joined value, or a name, is matched with; anchored.
    pub regex: Regex,
    /// For [`Action::HashMod`], > 0.
    pub modulus: u64,
    /// The label written; may refer to groups of the regex.
    pub target_label: String,
    /// The value written; may refer to groups of the regex.
    pub replacement: String,
}

impl PartialEq for Relabel {
    fn eq(&self, other: &Relabel) -> bool {
        self.action == other.action
            && self.source_labels == other.source_labels
            && self.separator == other.separator
            && self.regex.pattern() == other.regex.pattern()
            && self.modulus == other.modulus
            && self.target_label == other.target_label
            && self.replacement == other.replacement
    }
}

/// Applies rules in order. False: whatever carries the labels is dropped.
pub fn relabel(rules: &[Relabel], labels: &mut LabelsBuilder) -> bool {
    rules.iter().all(|rule| rule.apply(labels))
}

impl Relabel {
    fn apply(&self, labels: &mut LabelsBuilder) -> bool {
        let values: Vec<&str> = self.source_labels.iter().map(|name| labels.get(name).unwrap_or("")).collect();
        let value = values.join(&self.separator);
        let target = labels.get(&self.target_label).unwrap_or("");
        match self.action {
            Action::Keep => return self.regex.is_match(&value),
            Action::Drop => return !self.regex.is_match(&value),
            Action::KeepEqual => return target == value,
            Action::DropEqual => return target != value,
            Action::Replace => self.replace(&value, labels),
            Action::Lowercase => drop(labels.set(&self.target_label, &value.to_lowercase())),
            Action::Uppercase => drop(labels.set(&self.target_label, &value.to_uppercase())),
            Action::HashMod => drop(labels.set(&self.target_label, &self.hash(&value).to_string())),
            Action::LabelMap => self.map(labels),
            Action::LabelDrop => self.remove(labels, true),
            Action::LabelKeep => self.remove(labels, false),
        }
        true
    }

    fn replace(&self, value: &str, labels: &mut LabelsBuilder) {
        let Some(captures) = self.regex.captures(value) else { return };
        let (mut target, mut text) = (String::new(), String::new());
        captures.expand(&self.target_label, &mut target);
        captures.expand(&self.replacement, &mut text);
        // An empty value removes the label.
        if !target.is_empty() {
            labels.set(&target, &text);
        }
    }

    /// The last eight bytes of MD5, as everybody who shards by this expects.
    fn hash(&self, value: &str) -> u64 {
        let sum = Md5::digest(value.as_bytes());
        let tail = sum.iter().skip(8).fold(0u64, |hash, byte| hash << 8 | u64::from(*byte));
        tail % self.modulus.max(1)
    }

    fn map(&self, labels: &mut LabelsBuilder) {
        let all = labels.build();
        for label in all.iter().filter(|label| self.regex.is_match(label.name)) {
            labels.set(&self.regex.replace_all(label.name, &self.replacement), label.value);
        }
    }

    fn remove(&self, labels: &mut LabelsBuilder, matching: bool) {
        let all = labels.build();
        for label in all.iter().filter(|label| self.regex.is_match(label.name) == matching) {
            labels.remove(label.name);
        }
    }
}

/// What Prometheus would refuse about a rule; the sentence is Prometheus'.
pub fn check(rule: &Relabel, regex_given: bool) -> Result<(), String> {
    let action = name(rule.action);
    let plain = rule.separator == ";" && rule.replacement == "$1" && rule.modulus == 0;
    match rule.action {
        Action::HashMod if rule.modulus == 0 => {
            return Err("relabel configuration for hashmod requires non-zero modulus".to_owned());
        }
        Action::Replace
        | Action::HashMod
        | Action::Lowercase
        | Action::Uppercase
        | Action::KeepEqual
        | Action::DropEqual
            if rule.target_label.is_empty() =>
        {
            return Err(format!("relabel configuration for {action} action requires 'target_label' value"));
        }
        Action::Lowercase | Action::Uppercase if rule.replacement != "$1" => {
            return Err(format!("'replacement' can not be set for {action} action"));
        }
        Action::KeepEqual | Action::DropEqual if regex_given || !plain => {
            let needs = "requires only 'source_labels' and `target_label`, and no other fields";
            return Err(format!("{action} action {needs}"));
        }
        Action::LabelDrop | Action::LabelKeep
            if !rule.source_labels.is_empty() || !rule.target_label.is_empty() || !plain =>
        {
            return Err(format!("{action} action requires only 'regex', and no other fields"));
        }
        _ => {}
    }
    Ok(())
}

/// Every action with its name.
const ACTIONS: [(&str, Action); 11] = [
    ("replace", Action::Replace),
    ("keep", Action::Keep),
    ("drop", Action::Drop),
    ("keepequal", Action::KeepEqual),
    ("dropequal", Action::DropEqual),
    ("hashmod", Action::HashMod),
    ("labelmap", Action::LabelMap),
    ("labeldrop", Action::LabelDrop),
    ("labelkeep", Action::LabelKeep),
    ("lowercase", Action::Lowercase),
    ("uppercase", Action::Uppercase),
];

/// The action of a name, in any case.
pub fn action(text: &str) -> Option<Action> {
    let lower = text.to_lowercase();
    ACTIONS.iter().find(|(name, _)| *name == lower).map(|(_, action)| *action)
}

fn name(action: Action) -> &'static str {
    ACTIONS.iter().find(|(_, known)| *known == action).map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use nightjar_model::Labels;

    use super::*;

    /// `action source,source regex target replacement`, `-` for what is not given.
    fn rule(text: &str) -> Relabel {
        let words: Vec<&str> = text.split(' ').collect();
        let given = |i: usize, default: &str| match words[i] {
            "-" => default.to_owned(),
            "''" => String::new(),
            word => word.to_owned(),
        };
        Relabel {
            action: action(words[0]).unwrap(),
            source_labels: given(1, "").split(',').filter(|s| !s.is_empty()).map(str::to_owned).collect(),
            separator: ";".to_owned(),
            regex: Regex::anchored(&given(2, "(.*)")).unwrap(),
            modulus: 1000,
            target_label: given(3, ""),
            replacement: given(4, "$1"),
        }
    }

    #[test]
    fn every_action() {
        let table = [
            ("replace a f(.*) d ch${1}-ch${1}", Some(r#"{a="foo", b="bar", c="baz", d="choo-choo"}"#)),
            ("replace a,b .*o;(.*) $1 x", Some(r#"{a="foo", b="bar", bar="x", c="baz"}"#)),
            ("replace a nothing d x", Some(r#"{a="foo", b="bar", c="baz"}"#)),
            ("replace a - b ''", Some(r#"{a="foo", c="baz"}"#)),
            ("keep a f.. - -", Some(r#"{a="foo", b="bar", c="baz"}"#)),
            ("keep a f. - -", None),
            ("drop a f.. - -", None),
            ("drop zz .+ - -", Some(r#"{a="foo", b="bar", c="baz"}"#)),
            ("keepequal a - b -", None),
            ("dropequal a - a -", None),
            ("hashmod c - d -", Some(r#"{a="foo", b="bar", c="baz", d="976"}"#)),
            ("labelmap - (b.*|c) - x_$1", Some(r#"{a="foo", b="bar", c="baz", x_b="bar", x_c="baz"}"#)),
            ("labeldrop - a|b - -", Some(r#"{c="baz"}"#)),
            ("labelkeep - a|b - -", Some(r#"{a="foo", b="bar"}"#)),
            ("uppercase a - A -", Some(r#"{A="FOO", a="foo", b="bar", c="baz"}"#)),
            ("LowerCase a - b -", Some(r#"{a="foo", b="foo", c="baz"}"#)),
        ];
        for (text, expected) in table {
            let mut labels = Labels::from_pairs([("a", "foo"), ("b", "bar"), ("c", "baz")]).to_builder();
            let kept = relabel(&[rule(text)], &mut labels);
            assert_eq!(kept.then(|| labels.build().to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_refused() {
        let refused = |text: &str| check(&rule(text), !text.contains(" - ")).unwrap_err();
        assert!(refused("replace a - - -").contains("requires 'target_label'"));
        assert!(refused("labeldrop a x - -").contains("requires only 'regex'"));
        assert!(refused("dropequal a x b -").contains("requires only 'source_labels'"));
        assert!(refused("lowercase a - b x").contains("'replacement' can not be set"));
    }
}
