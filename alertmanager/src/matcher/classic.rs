//! The classic grammar: `name op value`, the value quoted or not.

use super::{MatchOp, Matcher};

/// A list: commas outside of quotes separate, braces are taken off.
pub(super) fn matchers(text: &str) -> Result<Vec<Matcher>, String> {
    let text = text.strip_prefix('{').unwrap_or(text);
    let text = text.strip_suffix('}').unwrap_or(text);
    let (mut tokens, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            ',' if !quoted => {
                tokens.push(&text[start..at]);
                start = at + 1;
            }
            '"' if escaped => escaped = false,
            '"' => quoted = !quoted,
            '\\' => escaped = !escaped,
            // A comma inside quotes ends no escape, as in the original.
            ',' => {}
            _ => escaped = false,
        }
    }
    let rest = text[start..].trim();
    if !rest.is_empty() {
        tokens.push(rest);
    }
    tokens.into_iter().map(matcher).collect()
}

/// One matcher.
pub(super) fn matcher(text: &str) -> Result<Matcher, String> {
    let bad = || format!("bad matcher format: {text}");
    let space: &[char] = &['\t', '\n', '\x0c', '\r', ' '];
    let rest = text.trim_start_matches(space);
    let name_end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(name_end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(bad());
    }
    let rest = rest.trim_start_matches(space);
    let (op, raw) =
        [("=~", MatchOp::Regex), ("=", MatchOp::Equal), ("!=", MatchOp::NotEqual), ("!~", MatchOp::NotRegex)]
            .into_iter()
            .find_map(|(sign, op)| rest.strip_prefix(sign).map(|raw| (op, raw)))
            .ok_or_else(bad)?;
    let value = unquote(raw.trim_matches(space))?;
    Matcher::new(op, name, &value).map_err(|error| error.to_string())
}

fn unquote(written: &str) -> Result<String, String> {
    let (raw, mut open) = match written.strip_prefix('"') {
        Some(raw) => (raw, true),
        None => (written, false),
    };
    let stray = || format!("matcher value contains unescaped double quote: {written}");
    let (mut value, mut escaped) = (String::with_capacity(raw.len()), false);
    for (at, c) in raw.char_indices() {
        match (escaped, c) {
            (true, 'n') => value.push('\n'),
            (true, '"' | '\\') => value.push(c),
            (true, _) => value.extend(['\\', c]),
            (false, '\\') if at + 1 < raw.len() => {
                escaped = true;
                continue;
            }
            (false, '"') if !open || at + 1 < raw.len() => return Err(stray()),
            (false, '"') => open = false,
            (false, _) => value.push(c),
        }
        escaped = false;
    }
    if open { Err(stray()) } else { Ok(value) }
}
