//! A configuration as text again, secrets hidden: what the status API shows and `amtool` reads back.

use std::fmt::Write;

use nightjar_platform::secret::HIDDEN;

use super::decode::Secrets;
use super::yaml::{Kind, Node};

/// The tree as block-style YAML. Top-level entries named in `without` are left out.
pub(crate) fn print(node: &Node, secrets: &Secrets, without: &[&str]) -> String {
    let mut out = String::new();
    match &node.kind {
        Kind::Map(entries) => {
            let shown = entries.iter().filter(|(key, _)| !key.text().is_some_and(|name| without.contains(&name)));
            shown.for_each(|(key, value)| entry(key, value, secrets, 0, &mut out));
        }
        _ => value(node, secrets, 0, &mut out),
    }
    out
}

fn entry(key: &Node, item: &Node, secrets: &Secrets, depth: usize, out: &mut String) {
    let _ = write!(out, "{:1$}", "", depth * 2);
    scalar(key, out);
    out.push(':');
    value(item, secrets, depth, out);
}

fn value(node: &Node, secrets: &Secrets, depth: usize, out: &mut String) {
    let hidden = secrets.borrow().contains(&node.at);
    match &node.kind {
        Kind::Null => out.push_str(" null\n"),
        // The templates of the secret's text would be shown otherwise.
        _ if hidden => {
            let _ = writeln!(out, " {HIDDEN}");
        }
        Kind::Scalar { .. } => {
            out.push(' ');
            scalar(node, out);
            out.push('\n');
        }
        Kind::List(items) if items.is_empty() => out.push_str(" []\n"),
        Kind::Map(entries) if entries.is_empty() => out.push_str(" {}\n"),
        Kind::List(items) => {
            out.push('\n');
            for item in items {
                let _ = write!(out, "{:1$}-", "", depth * 2);
                value(item, secrets, depth + 1, out);
            }
        }
        Kind::Map(entries) => {
            out.push('\n');
            entries.iter().for_each(|(key, item)| entry(key, item, secrets, depth + 1, out));
        }
    }
}

fn scalar(node: &Node, out: &mut String) {
    match &node.kind {
        Kind::Scalar { text, plain } if *plain && is_simple(text) => out.push_str(text),
        // JSON text is YAML text.
        Kind::Scalar { text, .. } => out.push_str(&serde_json::Value::from(text.as_str()).to_string()),
        _ => out.push_str("null"),
    }
}

fn is_simple(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'/' | b'+'))
}
