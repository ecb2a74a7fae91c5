//! Regular expressions for templates.
//!
//! The caller may bring its own engine through [`Host::regex`](crate::Host::regex). The one here is close to Go's: linear
//! time, leftmost-first, `\d \s \w \b` ASCII only.

use std::sync::Arc;

use regex_automata::meta;
use regex_automata::util::captures::Captures;
use regex_syntax::ast::{self, Ast, ClassPerlKind};

/// Where a group matched, in bytes.
pub type Span = Option<(usize, usize)>;

/// A compiled expression.
pub trait Regex: Send + Sync {
    /// Whether it matches anywhere in the text.
    fn is_match(&self, text: &str) -> bool;

    /// The groups of the first match that starts at or after `from`, the whole match first.
    fn captures(&self, text: &str, from: usize) -> Option<Vec<Span>>;

    /// The group of a name.
    fn group(&self, name: &str) -> Option<usize>;
}

/// Patterns longer than this are refused.
const MOST_PATTERN_BYTES: usize = 4 << 10;

struct Compiled(meta::Regex);

impl Regex for Compiled {
    fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    fn captures(&self, text: &str, from: usize) -> Option<Vec<Span>> {
        let mut captures: Captures = self.0.create_captures();
        self.0.search_captures(&meta_input(text, from), &mut captures);
        if !captures.is_match() {
            return None;
        }
        Some(captures.iter().map(|span| span.map(|s| (s.start, s.end))).collect())
    }

    fn group(&self, name: &str) -> Option<usize> {
        let names = self.0.group_info().pattern_names(regex_automata::PatternID::ZERO);
        names.enumerate().find(|(_, n)| *n == Some(name)).map(|(i, _)| i)
    }
}

fn meta_input(text: &str, from: usize) -> regex_automata::Input<'_> {
    regex_automata::Input::new(text).range(from.min(text.len())..)
}

/// Compiles a pattern in Go's syntax.
///
/// # Errors
/// `error parsing regexp: ...`, as Go begins it; the reason is ours.
pub fn compile(pattern: &str) -> Result<Arc<dyn Regex>, String> {
    let fail = |reason: &dyn std::fmt::Display| format!("error parsing regexp: {reason}: `{pattern}`");
    if pattern.len() > MOST_PATTERN_BYTES {
        return Err(fail(&format_args!("pattern has more than {MOST_PATTERN_BYTES} bytes")));
    }
    let mut parser = ast::parse::ParserBuilder::new().nest_limit(100).octal(false).build();
    let mut ast = parser.parse(pattern).map_err(|e| syntax_error(&e))?;
    if let Some(span) = ascii_classes(&mut ast) {
        let operators = &pattern[span.start.offset..span.end.offset];
        return Err(format!("error parsing regexp: invalid nested repetition operator: `{operators}`"));
    }
    let hir = regex_syntax::hir::translate::Translator::new().translate(pattern, &ast).map_err(|e| fail(e.kind()))?;
    let config = meta::Config::new().nfa_size_limit(Some(1 << 20));
    let regex = meta::Builder::new().configure(config).build_from_hir(&hir).map_err(|e| fail(&e))?;
    Ok(Arc::new(Compiled(regex)))
}

/// Go's words for the faults people make; ours for the others.
fn syntax_error(error: &ast::Error) -> String {
    use ast::ErrorKind::{ClassUnclosed, GroupUnclosed, GroupUnopened, RepetitionMissing};
    let pattern = error.pattern();
    let here = &pattern[error.span().start.offset..];
    let (reason, shown) = match error.kind() {
        ClassUnclosed => ("missing closing ]".to_owned(), here),
        GroupUnclosed => ("missing closing )".to_owned(), pattern),
        GroupUnopened => ("unexpected )".to_owned(), pattern),
        RepetitionMissing => ("missing argument to repetition operator".to_owned(), here.get(..1).unwrap_or(here)),
        other => (other.to_string(), pattern),
    };
    format!("error parsing regexp: {reason}: `{shown}`")
}

/// Go's `\d`, `\s`, `\w` and `\b` know ASCII only. Answers where a repetition is repeated, which Go refuses. The
/// parser's depth limit bounds the recursion.
fn ascii_classes(ast: &mut Ast) -> Option<ast::Span> {
    match ast {
        Ast::ClassPerl(class) => {
            *ast = Ast::class_bracketed(ast::ClassBracketed {
                span: class.span,
                negated: class.negated,
                kind: ast::ClassSet::union(perl_items(class)),
            });
        }
        Ast::ClassBracketed(class) => ascii_set(&mut class.kind),
        Ast::Assertion(assertion) => ascii_boundary(ast::Assertion::clone(assertion), ast),
        Ast::Repetition(outer) => {
            if let Ast::Repetition(inner) = &*outer.ast {
                return Some(ast::Span::new(inner.op.span.start, outer.op.span.end));
            }
            return ascii_classes(&mut outer.ast);
        }
        Ast::Group(group) => return ascii_classes(&mut group.ast),
        Ast::Alternation(alternation) => return alternation.asts.iter_mut().find_map(ascii_classes),
        Ast::Concat(concat) => return concat.asts.iter_mut().find_map(ascii_classes),
        _ => {}
    }
    None
}

/// `\b` becomes `(?-u:\b)`.
fn ascii_boundary(assertion: ast::Assertion, place: &mut Ast) {
    use ast::AssertionKind::{NotWordBoundary, WordBoundary};
    if !matches!(assertion.kind, WordBoundary | NotWordBoundary) {
        return;
    }
    let span = assertion.span;
    let item = |kind| ast::FlagsItem { span, kind };
    let items = vec![item(ast::FlagsItemKind::Negation), item(ast::FlagsItemKind::Flag(ast::Flag::Unicode))];
    *place = Ast::group(ast::Group {
        span,
        kind: ast::GroupKind::NonCapturing(ast::Flags { span, items }),
        ast: Box::new(Ast::assertion(assertion)),
    });
}

fn ascii_set(set: &mut ast::ClassSet) {
    match set {
        ast::ClassSet::Item(item) => ascii_item(item),
        ast::ClassSet::BinaryOp(op) => {
            ascii_set(&mut op.lhs);
            ascii_set(&mut op.rhs);
        }
    }
}

fn ascii_item(item: &mut ast::ClassSetItem) {
    match item {
        ast::ClassSetItem::Perl(class) => {
            *item = ast::ClassSetItem::Bracketed(Box::new(ast::ClassBracketed {
                span: class.span,
                negated: class.negated,
                kind: ast::ClassSet::union(perl_items(class)),
            }));
        }
        ast::ClassSetItem::Bracketed(class) => ascii_set(&mut class.kind),
        ast::ClassSetItem::Union(union) => union.items.iter_mut().for_each(ascii_item),
        _ => {}
    }
}

fn perl_items(class: &ast::ClassPerl) -> ast::ClassSetUnion {
    let ranges: &[(char, char)] = match class.kind {
        ClassPerlKind::Digit => &[('0', '9')],
        ClassPerlKind::Space => &[('\t', '\n'), ('\u{c}', '\r'), (' ', ' ')],
        ClassPerlKind::Word => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
    };
    let span = class.span;
    let literal = |c| ast::Literal { span, kind: ast::LiteralKind::Verbatim, c };
    let range = |(a, b): &(char, char)| {
        ast::ClassSetItem::Range(ast::ClassSetRange { span, start: literal(*a), end: literal(*b) })
    };
    ast::ClassSetUnion { span, items: ranges.iter().map(range).collect() }
}

#[test]
fn classes_are_ascii_and_bad_patterns_are_refused() {
    for (pattern, text, matches) in [
        (r"^\d$", "٣", false),
        (r"^\D$", "٣", true),
        (r"^[\W]$", "é", true),
        (r"a\b", "aé", true),
        (r"\s", "\u{b}", false),
    ] {
        assert_eq!(compile(pattern).unwrap().is_match(text), matches, "{pattern}");
    }
    for pattern in ["(", "a**b(", "[", &"(".repeat(1000), &"a{1000}".repeat(500)] {
        assert!(compile(pattern).is_err());
    }
}
