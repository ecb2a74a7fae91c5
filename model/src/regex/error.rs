//! Why a pattern is refused.

/// Why RE2 refuses a pattern; the text is Go's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error parsing regexp: {message}")]
pub struct RegexError {
    message: String,
}

impl RegexError {
    pub(super) fn new(what: &str, part: &str) -> RegexError {
        RegexError { message: format!("{what}: `{part}`") }
    }
}
