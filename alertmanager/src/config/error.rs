//! Where a configuration is wrong, and how.

use std::fmt;

/// A place in a text, both counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Where; `None` when something is missing that could stand anywhere.
    pub at: Option<Position>,
    /// What is wrong.
    pub message: String,
}

impl ConfigError {
    /// A complaint without a place.
    pub fn new(message: impl Into<String>) -> ConfigError {
        ConfigError { at: None, message: message.into() }
    }

    /// The same complaint with a place, unless it has one.
    pub fn at(mut self, at: Position) -> ConfigError {
        self.at.get_or_insert(at);
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = self.at {
            write!(f, "line {}, column {}: ", at.line, at.column)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {}

impl serde::de::Error for ConfigError {
    fn custom<T: fmt::Display>(message: T) -> ConfigError {
        ConfigError::new(message.to_string())
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> ConfigError {
        let near = expected.iter().find(|known| is_near(known, field));
        let hint = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        ConfigError::new(format!("field {field} not found{hint}"))
    }
}

/// Whether one insertion, deletion or replacement at one place turns one word into the other.
fn is_near(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let tail = a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(|(x, y)| x == y).count();
    (a.len() - head - tail).max(b.len() - head - tail) <= 1
}
