//! Parse errors.

use std::fmt;

use crate::ast::Span;

/// Why a text is not PromQL, with Prometheus' wording: `1:5: parse error: unexpected ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Where in the text.
    pub span: Span,
    /// Line of the start, from 1; 0 if the text is empty.
    pub line: u32,
    /// Column of the start in bytes, from 1; 0 if the text is empty.
    pub column: u32,
    /// What is wrong.
    pub message: String,
}

impl ParseError {
    pub(super) fn new(text: &str, span: Span, message: impl Into<String>) -> ParseError {
        let before = &text.as_bytes()[..(span.start as usize).min(text.len())];
        let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let lines = before.iter().filter(|b| **b == b'\n').count();
        let (line, column) = match text.is_empty() {
            true => (0, 0),
            false => (lines as u32 + 1, (before.len() - line_start) as u32 + 1),
        };
        ParseError { span, line, column, message: message.into() }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "unknown position: parse error: {}", self.message),
            line => write!(f, "{line}:{}: parse error: {}", self.column, self.message),
        }
    }
}

impl std::error::Error for ParseError {}
