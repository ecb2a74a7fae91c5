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

    /// The pattern as written.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Regex({:?})", self.pattern)
    }
}
