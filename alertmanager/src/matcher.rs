//! Matchers as Alertmanager has them: two grammars, and `.` that does not match a newline.

mod classic;
#[cfg(test)]
mod tests;
mod utf8;

use std::fmt;
use std::sync::{Arc, OnceLock};

use nightjar_model::Labels;
pub use nightjar_model::MatchOp;
use nightjar_model::labels::{is_legacy_label_name, quote};
use nightjar_model::regex::{Regex, RegexError};

/// Which grammar reads matchers and which label names are allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MatcherMode {
    /// Both grammars; where they disagree the classic one wins.
    #[default]
    Fallback,
    /// The UTF-8 grammar only.
    Utf8Strict,
    /// The classic grammar and classic label names only.
    Classic,
}

impl MatcherMode {
    /// Reads a list, as in a configuration: `a="b",c!~"d"`, with or without braces.
    pub fn matchers(self, text: &str) -> Result<Vec<Matcher>, String> {
        self.choose(text, classic::matchers, utf8::matchers)
    }

    /// Reads one matcher, as in a filter of the API. Braces are refused, except by the classic grammar alone.
    pub fn matcher(self, text: &str) -> Result<Matcher, String> {
        if self != MatcherMode::Classic && (text.starts_with('{') || text.ends_with('}')) {
            return Err(format!("unexpected open or close brace: {text}"));
        }
        self.choose(text, classic::matcher, utf8::matcher)
    }

    fn choose<T: PartialEq>(
        self,
        text: &str,
        classic: impl Fn(&str) -> Result<T, String>,
        utf8: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, String> {
        match self {
            MatcherMode::Classic => classic(text),
            MatcherMode::Utf8Strict => utf8(text),
            MatcherMode::Fallback => match (utf8(text), classic(text)) {
                (Ok(new), Ok(old)) => Ok(if new == old { new } else { old }),
                (Ok(new), Err(_)) => Ok(new),
                (Err(_), old) => old,
            },
        }
    }

    /// Whether a label may have this name.
    pub fn is_label_name(self, name: &str) -> bool {
        match self {
            MatcherMode::Classic => is_legacy_label_name(name),
            _ => !name.is_empty(),
        }
    }
}

/// A condition on one label. An absent label is the empty text.
#[derive(Clone, Debug)]
pub struct Matcher {
    /// Label name.
    pub name: Arc<str>,
    /// Comparison.
    pub op: MatchOp,
    /// The text or pattern.
    pub value: Arc<str>,
    pattern: Option<Arc<Pattern>>,
}

/// A pattern with a fast form that is right for texts of one line, and the exact one for the others.
#[derive(Debug)]
struct Pattern {
    one_line: Regex,
    exact: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn is_match(&self, pattern: &str, text: &str) -> bool {
        if !text.contains('\n') {
            return self.one_line.is_match(text);
        }
        let exact = self.exact.get_or_init(|| Regex::unanchored(&format!("^(?:{pattern})$")).ok());
        exact.as_ref().is_some_and(|exact| exact.is_match(text))
    }
}

impl Matcher {
    /// A matcher; fails when RE2 would refuse the pattern.
    pub fn new(op: MatchOp, name: &str, value: &str) -> Result<Matcher, RegexError> {
        let pattern = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => {
                Some(Arc::new(Pattern { one_line: Regex::anchored(value)?, exact: OnceLock::new() }))
            }
        };
        Ok(Matcher { name: name.into(), op, value: value.into(), pattern })
    }

    /// `name="value"`.
    pub fn equal(name: &str, value: &str) -> Matcher {
        Matcher { name: name.into(), op: MatchOp::Equal, value: value.into(), pattern: None }
    }

    /// Whether a label value (empty = absent) matches.
    pub fn matches(&self, value: &str) -> bool {
        let found = || self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(&self.value, value));
        match self.op {
            MatchOp::Equal => *self.value == *value,
            MatchOp::NotEqual => *self.value != *value,
            MatchOp::Regex => found(),
            MatchOp::NotRegex => !found(),
        }
    }

    fn order(&self) -> (&str, &str, u8) {
        let op = match self.op {
            MatchOp::Equal => 0,
            MatchOp::NotEqual => 1,
            MatchOp::Regex => 2,
            MatchOp::NotRegex => 3,
        };
        (&self.name, &self.value, op)
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Matcher) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Matcher {}

/// Characters that make a name need quotes.
fn is_reserved(c: char) -> bool {
    c.is_whitespace() || "{}!=~,\\\"'`".contains(c)
}

impl fmt::Display for Matcher {
    /// As Alertmanager prints it; the spelling is part of group keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let op = self.op.as_str();
        if self.name.contains(is_reserved) {
            return write!(f, "{}{op}{}", quote(&self.name), quote(&self.value));
        }
        write!(f, "{}{op}\"", self.name)?;
        for c in self.value.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '"' => f.write_str("\\\"")?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}

/// Matchers that must all match, sorted by name, value and operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matchers(Arc<[Matcher]>);

impl Matchers {
    /// Sorts matchers.
    pub fn new(mut matchers: Vec<Matcher>) -> Matchers {
        matchers.sort_by(|a, b| a.order().cmp(&b.order()));
        Matchers(matchers.into())
    }

    /// Whether all match; none at all match everything.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|matcher| matcher.matches(labels.value(&matcher.name)))
    }

    /// The matchers, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Matcher> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Matchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, matcher) in self.0.iter().enumerate() {
            write!(f, "{}{matcher}", if i > 0 { "," } else { "" })?;
        }
        f.write_str("}")
    }
}
