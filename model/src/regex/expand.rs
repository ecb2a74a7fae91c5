//! Groups of a match, and templates that name them.

use std::ops::Range;

/// A match and its groups.
#[derive(Clone, Debug)]
pub struct Captures<'r, 't> {
    text: &'t str,
    found: regex_automata::util::captures::Captures,
    names: &'r [Option<String>],
}

impl<'r, 't> Captures<'r, 't> {
    pub(super) fn new(
        text: &'t str,
        found: regex_automata::util::captures::Captures,
        names: &'r [Option<String>],
    ) -> Captures<'r, 't> {
        Captures { text, found, names }
    }

    /// Where the whole match stands, in bytes.
    pub fn range(&self) -> Range<usize> {
        self.found.get_group(0).map_or(0..0, |span| span.range())
    }

    /// What a group matched; 0 is the whole match. `None` if it did not take part or does not exist.
    pub fn group(&self, index: usize) -> Option<&'t str> {
        self.found.get_group(index).map(|span| &self.text[span.range()])
    }

    /// What the first group of that name that took part matched.
    pub fn named(&self, name: &str) -> Option<&'t str> {
        let mut indices = self.names.iter().enumerate().filter(|(_, n)| n.as_deref() == Some(name));
        indices.find_map(|(index, _)| self.group(index))
    }

    /// Appends a template with its `$1`, `$name`, `${name}` replaced and `$$` for a dollar, as Go's `Expand` does: a name
    /// reaches as far as letters, digits and `_` go (`$1x` is the group `1x`); what names no group becomes nothing.
    pub fn expand(&self, template: &str, out: &mut String) {
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            if let Some(after) = after.strip_prefix('$') {
                out.push('$');
                rest = after;
                continue;
            }
            match reference(after) {
                Some((name, after)) => {
                    let group = match number(name) {
                        Some(index) => self.group(index),
                        None => self.named(name),
                    };
                    out.push_str(group.unwrap_or_default());
                    rest = after;
                }
                None => {
                    out.push('$');
                    rest = after;
                }
            }
        }
        out.push_str(rest);
    }
}

/// The name after a dollar, and what follows it.
fn reference(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('{').unwrap_or(text);
    let end = inner.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    if name.is_empty() {
        return None;
    }
    let rest = if text.starts_with('{') { rest.strip_prefix('}')? } else { rest };
    Some((name, rest))
}

/// A group number, without leading zeros.
fn number(name: &str) -> Option<usize> {
    let digits = name.bytes().all(|b| b.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    if digits { name.parse().ok().filter(|n| *n < 1_000_000_000) } else { None }
}
