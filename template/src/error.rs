//! What goes wrong with a template.

use std::fmt;

/// The stage at which a template failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The text is not a template.
    Parse,
    /// The text is a template, but not safe HTML.
    Escape,
    /// The template ran and met an error in the data, a function or itself.
    Execute,
    /// The template ran into one of the [`Limits`](crate::Limits).
    Limit,
}

/// A failure, with Go's message: it names the template, the line, the column and the expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    stage: Stage,
    message: String,
}

impl Error {
    pub(crate) fn new(stage: Stage, message: impl Into<String>) -> Self {
        Self { stage, message: message.into() }
    }

    /// The stage at which the template failed.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.stage
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
