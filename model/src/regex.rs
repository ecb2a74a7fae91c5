//! Regular expressions with the meaning Go's RE2 gives them: same syntax, same matches, same error texts.
//!
//! The engine is `regex-automata`; the syntax is read here, because Rust's differs in what it accepts and in what it
//! means. Patterns that are plain words, `word.*` and the like never reach the engine.

mod class;
mod error;
mod expand;
mod finder;
mod parse;
mod shape;
#[cfg(test)]
mod tests;
mod unicode;

use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

use regex_automata::meta;

use crate::cache::Cache;

pub use error::RegexError;
pub use expand::Captures;
pub use finder::{Finder, Texts};
pub use parse::{MAX_NESTING, MAX_PATTERN_BYTES};

use shape::Shape;

/// Largest compiled program. Go allows more; what exceeds this is refused as `expression too large`.
const MAX_PROGRAM_BYTES: usize = 10 << 20;

/// A compiled pattern. Cheap to match from many threads; cloning shares the program.
#[derive(Clone)]
pub struct Regex {
    parts: Arc<Parts>,
    program: OnceLock<Option<meta::Regex>>,
}

/// What is known of a pattern without a program.
struct Parts {
    pattern: String,
    anchored: bool,
    names: Vec<Option<String>>,
    shape: Shape,
}

/// Patterns compiled lately: who looks at a dashboard asks the same again and again.
static KNOWN: LazyLock<Cache<String, Regex>> = LazyLock::new(|| Cache::new(KNOWN_BYTES));

/// About the most memory that they take.
const KNOWN_BYTES: usize = 16 << 20;

impl Regex {
    /// The same as [`Regex::anchored`], from memory when it was asked for lately.
    pub fn remembered(pattern: &str) -> Result<Regex, RegexError> {
        if let Some(known) = KNOWN.get(pattern) {
            return Ok(known);
        }
        let regex = Regex::anchored(pattern)?;
        // Programs are kept as they were compiled: what searches leave behind is not cloned with them.
        KNOWN.put(pattern.to_owned(), regex.clone(), regex.weight());
        Ok(regex)
    }

    /// About how many bytes it takes.
    fn weight(&self) -> usize {
        const ITSELF: usize = 512;
        let program = self.program.get().and_then(Option::as_ref).map_or(0, meta::Regex::memory_usage);
        ITSELF + 4 * self.parts.pattern.len() + program
    }

    /// A pattern that must match the whole text, `.` matching newlines too: `^(?s:pattern)$`.
    pub fn anchored(pattern: &str) -> Result<Regex, RegexError> {
        Regex::new(pattern, true)
    }

    /// A pattern that may match anywhere in the text, `.` not matching newlines: Go's `regexp.Compile`.
    pub fn unanchored(pattern: &str) -> Result<Regex, RegexError> {
        Regex::new(pattern, false)
    }

    fn new(pattern: &str, anchored: bool) -> Result<Regex, RegexError> {
        let parsed = parse::parse(pattern, anchored)?;
        if anchored && parsed.open_quote {
            // Prometheus compiles the pattern with an end behind it, which the quote swallows.
            return Err(RegexError::new("missing closing )", &format!("^(?s:{pattern})$")));
        }
        let shape = if anchored { Shape::of(&parsed.hir) } else { Shape::default() };
        let program = match shape.is_exact() {
            true => OnceLock::new(),
            false => OnceLock::from(Some(compile(pattern, parsed.hir, anchored)?)),
        };
        let parts = Parts { pattern: pattern.to_owned(), anchored, names: parsed.names, shape };
        Ok(Regex { parts: Arc::new(parts), program })
    }

    /// Whether the text matches.
    pub fn is_match(&self, text: &str) -> bool {
        match self.parts.shape.is_match(text) {
            Some(answer) => answer,
            None => self.program().is_some_and(|program| program.is_match(text)),
        }
    }

    /// The pattern as written.
    pub fn pattern(&self) -> &str {
        &self.parts.pattern
    }

    /// All texts that match, sorted, if the pattern is anchored and they are few (at most 256).
    pub fn set_of_literals(&self) -> Option<&[String]> {
        self.parts.shape.literals()
    }

    /// What every matching text begins with, if the pattern is anchored and that is known and not empty.
    pub fn prefix(&self) -> Option<&str> {
        Some(self.parts.shape.prefix()).filter(|prefix| !prefix.is_empty())
    }

    /// The longest text known to stand in every matching text, if the pattern is anchored and there is one.
    pub fn required_literal(&self) -> Option<&str> {
        Some(self.parts.shape.required()).filter(|literal| !literal.is_empty())
    }

    /// Whether every text matches, as for `.*`.
    pub fn matches_everything(&self) -> bool {
        self.parts.shape.is_everything()
    }

    /// Whether exactly the texts that are not empty match, as for `.+`.
    pub fn matches_nonempty(&self) -> bool {
        self.parts.shape.is_nonempty()
    }

    /// The leftmost match and its groups.
    pub fn captures<'t>(&self, text: &'t str) -> Option<Captures<'_, 't>> {
        self.captures_at(text, 0)
    }

    /// Replaces every match by a template with `$1`, `${name}`, `$$`: Go's `ReplaceAllString`.
    pub fn replace_all(&self, text: &str, template: &str) -> String {
        let (mut out, mut copied, mut at) = (String::new(), 0, 0);
        while let Some(captures) = self.captures_at(text, at) {
            let found = captures.range();
            // An empty match right behind the last one does not count.
            if !found.is_empty() || found.start != copied || at == 0 {
                out.push_str(&text[copied..found.start]);
                captures.expand(template, &mut out);
                copied = found.end;
            }
            let Some(next) = text[found.end..].chars().next() else { break };
            at = found.end + if found.is_empty() { next.len_utf8() } else { 0 };
        }
        out.push_str(&text[copied..]);
        out
    }

    fn captures_at<'t>(&self, text: &'t str, at: usize) -> Option<Captures<'_, 't>> {
        let program = self.program()?;
        let mut found = program.create_captures();
        program.search_captures(&regex_automata::Input::new(text).range(at..), &mut found);
        found.is_match().then(|| Captures::new(text, found, &self.parts.names))
    }

    /// Compiles late what matching does not need. That cannot fail: such patterns are small.
    fn program(&self) -> Option<&meta::Regex> {
        let build = || {
            let parsed = parse::parse(&self.parts.pattern, self.parts.anchored).ok()?;
            compile(&self.parts.pattern, parsed.hir, self.parts.anchored).ok()
        };
        self.program.get_or_init(build).as_ref()
    }
}

fn compile(pattern: &str, hir: regex_syntax::hir::Hir, anchored: bool) -> Result<meta::Regex, RegexError> {
    use regex_syntax::hir::{Hir, Look};
    let hir = match anchored {
        true => Hir::concat(vec![Hir::look(Look::Start), hir, Hir::look(Look::End)]),
        false => hir,
    };
    let config = meta::Config::new().nfa_size_limit(Some(MAX_PROGRAM_BYTES)).hybrid_cache_capacity(1 << 20);
    let built = meta::Builder::new().configure(config).build_from_hir(&hir);
    built.map_err(|_| RegexError::new("expression too large", pattern))
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Regex({:?})", self.parts.pattern)
    }
}
