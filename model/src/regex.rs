//! Regular expressions with the meaning Go's RE2 gives them.

use std::fmt;

/// A compiled pattern.
#[derive(Clone)]
pub struct Regex {
    pattern: String,
    regex: regex_automata::meta::Regex,
}

/// Why RE2 refuses a pattern; the text is Go's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error parsing regexp: {message}")]
pub struct RegexError {
    message: String,
}

impl Regex {
    /// A pattern that must match the whole text, `.` matching newlines too: `^(?s:pattern)$`.
    pub fn anchored(pattern: &str) -> Result<Regex, RegexError> {
        let regex = regex_automata::meta::Regex::new(&format!("^(?s:{pattern})$"))
            .map_err(|e| RegexError { message: e.to_string() })?;
        Ok(Regex { pattern: pattern.to_owned(), regex })
    }

    /// Whether the text matches.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// If the text matches: `template` with `$1`, `${1}`, `$name`, `${name}` replaced by what the groups matched and
    /// `$$` by `$`, as Go's `Regexp.Expand` does. Unknown groups are empty.
    pub fn expand(&self, text: &str, template: &str) -> Option<String> {
        let mut captures = self.regex.create_captures();
        self.regex.captures(text, &mut captures);
        if !captures.is_match() {
            return None;
        }
        let group = |name: &str| {
            let span = match name.parse::<usize>() {
                Ok(index) => captures.get_group(index),
                Err(_) => captures.get_group_by_name(name),
            };
            span.map_or("", |span| &text[span.range()])
        };
        let mut out = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            if let Some(after) = after.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if let Some((name, after)) = group_name(after) {
                out.push_str(group(name));
                rest = after;
            } else {
                out.push('$');
                rest = after;
            }
        }
        out.push_str(rest);
        Some(out)
    }

    /// The pattern as written.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }
}

/// The group name at the start of a template after `$`, and what follows it.
fn group_name(text: &str) -> Option<(&str, &str)> {
    let braced = text.strip_prefix('{');
    let text = braced.unwrap_or(text);
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let rest = if braced.is_some() { rest.strip_prefix('}')? } else { rest };
    (!name.is_empty()).then_some((name, rest))
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Regex({:?})", self.pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_expand_as_in_go() {
        let regex = Regex::anchored("(?P<first>[a-z]+)-(.*)").unwrap();
        let expand = |template| regex.expand("abc-12", template);
        let table = [("$1", "abc"), ("${2}x", "12x"), ("$1x", ""), ("$first$$", "abc$"), ("$", "$"), ("${", "${"), ("a$9b", "a")];
        for (template, expected) in table {
            assert_eq!(expand(template).as_deref(), Some(expected), "{template}");
        }
        assert_eq!(regex.expand("ABC", "$1"), None);
    }
}
