//! From trees to values, with yaml.v3's words for what does not fit.

use std::collections::HashMap;
use std::sync::Arc;

use nightjar_model::duration::parse_duration_ms;

use super::{Kind, Node};
use crate::texts::Texts;

/// What does not fit, collected over a whole document.
#[derive(Debug)]
pub(crate) struct Problems {
    found: Vec<(usize, String)>,
    /// Whether unknown keys are allowed.
    lenient: bool,
}

impl Problems {
    /// None yet; `lenient` allows unknown keys.
    pub(crate) fn new(lenient: bool) -> Problems {
        Problems { found: Vec::new(), lenient }
    }

    /// Notes a problem at a line.
    fn add(&mut self, line: usize, what: String) {
        self.found.push((line, what));
    }

    fn mismatch(&mut self, node: &Node, wanted: &str) {
        self.add(node.line, format!("cannot unmarshal {} into {wanted}", shown(node)));
    }

    /// All problems as one message; `None` if there is none.
    pub(crate) fn message(mut self) -> Option<String> {
        if self.found.is_empty() {
            return None;
        }
        self.found.sort_by_key(|(line, _)| *line);
        let lines = self.found.iter().map(|(line, what)| format!("\n  line {line}: {what}"));
        Some(format!("yaml: unmarshal errors:{}", lines.collect::<String>()))
    }
}

/// `!!str `text``, as Go shows a node of the wrong type.
fn shown(node: &Node) -> String {
    match &node.kind {
        Kind::List(_) => "!!seq".to_owned(),
        Kind::Map(_) => "!!map".to_owned(),
        Kind::Scalar(text, plain) => {
            let tag = if *plain { tag(text) } else { "!!str" };
            match text.char_indices().nth(10) {
                Some(_) => format!("{tag} `{}...`", text.chars().take(7).collect::<String>()),
                None => format!("{tag} `{text}`"),
            }
        }
    }
}

fn tag(text: &str) -> &'static str {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => "!!null",
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => "!!bool",
        _ if integer(text).is_some() => "!!int",
        _ if float(text).is_some() => "!!float",
        _ => "!!str",
    }
}

fn integer(text: &str) -> Option<i64> {
    let plain = text.replace('_', "");
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let prefixed = |prefix, radix| digits.strip_prefix(prefix).map(|d| i64::from_str_radix(d, radix).ok());
    let value = prefixed("0x", 16).or(prefixed("0o", 8)).or(prefixed("0b", 2)).unwrap_or_else(|| digits.parse().ok());
    value.map(|v| v * sign)
}

fn float(text: &str) -> Option<f64> {
    match text {
        ".nan" | ".NaN" | ".NAN" => return Some(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    if let Some(value) = integer(text) {
        return Some(value as f64);
    }
    let begins = text.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if begins { text.replace('_', "").parse().ok() } else { None }
}

/// The members of a map that is read into a struct.
pub(crate) struct Fields<'a> {
    members: Vec<(&'a str, &'a Arc<Node>)>,
}

impl<'a> Fields<'a> {
    /// The members of `node`, of which only those in `known` are allowed; none if it is no map.
    pub(crate) fn of(node: &'a Node, type_name: &str, known: &[&str], problems: &mut Problems) -> Fields<'a> {
        let mut members: Vec<(&str, &Arc<Node>)> = Vec::new();
        let Kind::Map(pairs) = &node.kind else {
            if !node.is_null() {
                problems.mismatch(node, type_name);
            }
            return Fields { members };
        };
        check_unique(pairs, problems);
        for (key, value) in pairs {
            match key.scalar() {
                Some(name) if known.contains(&name) => members.push((name, value)),
                _ if problems.lenient => {}
                Some(name) => problems.add(key.line, format!("field {name} not found in type {type_name}")),
                None => problems.mismatch(key, "string"),
            }
        }
        Fields { members }
    }

    /// A member that is there and not null.
    pub(crate) fn node(&self, name: &str) -> Option<&'a Arc<Node>> {
        self.members.iter().find(|(n, _)| *n == name).map(|(_, node)| *node).filter(|node| !node.is_null())
    }

    /// A text; empty if there is none.
    pub(crate) fn text(&self, name: &str, problems: &mut Problems) -> String {
        self.node(name).map(|node| text(node, problems)).unwrap_or_default()
    }

    /// A duration in milliseconds.
    pub(crate) fn duration_ms(&self, name: &str, problems: &mut Problems) -> Option<i64> {
        let node = self.node(name)?;
        match parse_duration_ms(&text(node, problems)) {
            Ok(ms) => Some(ms),
            Err(e) => {
                problems.add(node.line, e.to_string());
                None
            }
        }
    }

    /// A whole number.
    pub(crate) fn integer(&self, name: &str, problems: &mut Problems) -> i64 {
        let Some(node) = self.node(name) else { return 0 };
        match &node.kind {
            Kind::Scalar(text, true) if integer(text).is_some() => integer(text).unwrap_or(0),
            _ => {
                problems.mismatch(node, "int");
                0
            }
        }
    }

    /// A number.
    pub(crate) fn float(&self, name: &str, problems: &mut Problems) -> f64 {
        let Some(node) = self.node(name) else { return 0.0 };
        match &node.kind {
            Kind::Scalar(text, true) if float(text).is_some() => float(text).unwrap_or(0.0),
            _ => {
                problems.mismatch(node, "float64");
                0.0
            }
        }
    }

    /// Yes or no.
    pub(crate) fn truth(&self, name: &str, problems: &mut Problems) -> bool {
        let Some(node) = self.node(name) else { return false };
        match node.scalar().unwrap_or_default().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => true,
            "false" | "no" | "off" | "n" => false,
            _ => {
                problems.mismatch(node, "bool");
                false
            }
        }
    }

    /// The items of a list; null ones do not count.
    pub(crate) fn list(&self, name: &str, type_name: &str, problems: &mut Problems) -> Vec<&'a Node> {
        let Some(node) = self.node(name) else { return Vec::new() };
        match &node.kind {
            Kind::List(items) => items.iter().map(|item| &**item).filter(|item| !item.is_null()).collect(),
            _ => {
                problems.mismatch(node, type_name);
                Vec::new()
            }
        }
    }

    /// Texts by name.
    pub(crate) fn texts(&self, name: &str, problems: &mut Problems) -> Texts {
        let Some(node) = self.node(name) else { return Texts::default() };
        let Kind::Map(pairs) = &node.kind else {
            problems.mismatch(node, "map[string]string");
            return Texts::default();
        };
        check_unique(pairs, problems);
        let pairs: Vec<_> = pairs.iter().map(|(key, value)| (text(key, problems), text(value, problems))).collect();
        Texts::from_pairs(pairs)
    }
}

/// The text of a scalar as it is written; null is empty.
pub(crate) fn text(node: &Node, problems: &mut Problems) -> String {
    match node.scalar() {
        Some(_) if node.is_null() => String::new(),
        Some(text) => text.to_owned(),
        None => {
            problems.mismatch(node, "string");
            String::new()
        }
    }
}

fn check_unique(pairs: &[(Arc<Node>, Arc<Node>)], problems: &mut Problems) {
    let mut lines = HashMap::new();
    for (key, _) in pairs {
        let Some(name) = key.scalar() else { continue };
        match lines.get(name) {
            Some(first) => {
                let name = nightjar_model::labels::quote(name);
                problems.add(key.line, format!("mapping key {name} already defined at line {first}"));
            }
            None => {
                lines.insert(name, key.line);
            }
        }
    }
}
