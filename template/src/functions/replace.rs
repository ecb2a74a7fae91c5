//! Replacing all matches, with Go's `$1` and `${name}`.

use crate::function::Context;
use crate::regex::{Regex, Span};

/// `regexp.ReplaceAllString`: an empty match right after the last one does not count.
pub(super) fn replace_all(
    context: &mut Context<'_>,
    regex: &dyn Regex,
    text: &str,
    template: &str,
) -> Result<String, String> {
    let room = context.room();
    let mut out = String::new();
    let (mut copied, mut from, mut last_end) = (0, 0, None);
    while from <= text.len() {
        let Some(groups) = regex.captures(text, from) else { break };
        let Some(Some((start, end))) = groups.first().copied() else { break };
        context.step()?;
        if start < end || last_end != Some(end) {
            out.push_str(&text[copied..start]);
            expand(template, regex, text, &groups, &mut out);
            copied = end;
        }
        last_end = Some(end);
        from = if start < end { end } else { after(text, end) };
        if out.len() > room {
            return context.too_long();
        }
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Ok(out)
}

/// The position one character on, or beyond the end.
fn after(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(1, char::len_utf8)
}

fn expand(template: &str, regex: &dyn Regex, text: &str, groups: &[Span], out: &mut String) {
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(tail) = rest.strip_prefix('$') {
            out.push('$');
            rest = tail;
            continue;
        }
        let Some((name, tail)) = reference(rest) else {
            out.push('$');
            continue;
        };
        rest = tail;
        let number = name.bytes().all(|b| b.is_ascii_digit());
        let group = if number { name.parse().ok() } else { regex.group(name) };
        if let Some(Some(Some((start, end)))) = group.map(|g: usize| groups.get(g).copied()) {
            out.push_str(&text[start..end]);
        }
    }
    out.push_str(rest);
}

/// The name after a dollar, with or without braces, and the rest.
fn reference(s: &str) -> Option<(&str, &str)> {
    let (inner, braced) = match s.strip_prefix('{') {
        Some(inner) => (inner, true),
        None => (s, false),
    };
    let word = |c: char| c == '_' || crate::unicode::is_letter(c) || crate::unicode::is_digit(c);
    let len = inner.find(|c| !word(c)).unwrap_or(inner.len());
    let (name, rest) = inner.split_at(len);
    let rest = if braced { rest.strip_prefix('}')? } else { rest };
    (!name.is_empty()).then_some((name, rest))
}
