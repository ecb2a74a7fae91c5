//! The character classes Go's `unicode` package asks about, read from the tables of `regex-syntax`.

use std::sync::OnceLock;

use regex_syntax::hir::{Class, HirKind};

/// Ranges of one class, inclusive, sorted.
type Ranges = Vec<(char, char)>;

fn ranges(pattern: &str) -> Ranges {
    let Ok(hir) = regex_syntax::parse(pattern) else { return Vec::new() };
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => class.ranges().iter().map(|r| (r.start(), r.end())).collect(),
        _ => Vec::new(),
    }
}

fn holds(table: &'static OnceLock<Ranges>, pattern: &str, c: char) -> bool {
    let ranges = table.get_or_init(|| ranges(pattern));
    let after = ranges.partition_point(|(start, _)| *start <= c);
    after > 0 && c <= ranges[after - 1].1
}

/// Category L.
pub(crate) fn is_letter(c: char) -> bool {
    static TABLE: OnceLock<Ranges> = OnceLock::new();
    if c.is_ascii() { c.is_ascii_alphabetic() } else { holds(&TABLE, r"\p{L}", c) }
}

/// Category Nd.
pub(crate) fn is_digit(c: char) -> bool {
    static TABLE: OnceLock<Ranges> = OnceLock::new();
    if c.is_ascii() { c.is_ascii_digit() } else { holds(&TABLE, r"\p{Nd}", c) }
}

/// Categories L, M, N, P, S and the ASCII space: what Go prints without escaping.
pub(crate) fn is_print(c: char) -> bool {
    static TABLE: OnceLock<Ranges> = OnceLock::new();
    if c.is_ascii() { (' '..='~').contains(&c) } else { holds(&TABLE, r"[\p{L}\p{M}\p{N}\p{P}\p{S}]", c) }
}

/// Category M: accents and other marks on the letter before.
pub(crate) fn is_mark(c: char) -> bool {
    static TABLE: OnceLock<Ranges> = OnceLock::new();
    !c.is_ascii() && holds(&TABLE, r"\p{M}", c)
}

/// The one character Go's simple upper-case mapping gives; characters that grow stay as they are.
pub(crate) fn to_upper(c: char) -> char {
    let mut full = c.to_uppercase();
    match (full.next(), full.next()) {
        (Some(upper), None) => upper,
        _ => match c {
            '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => shifted(c, 8),
            '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => shifted(c, 9),
            _ => c,
        },
    }
}

fn shifted(c: char, by: u32) -> char {
    char::from_u32(u32::from(c) + by).unwrap_or(c)
}

/// The one character Go's simple lower-case mapping gives.
pub(crate) fn to_lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

#[test]
fn classes_answer_as_go_does() {
    assert!(is_letter('é') && !is_letter('\u{301}') && is_digit('٣') && !is_digit('Ⅷ'));
    assert!(is_print('é') && is_print('\u{301}') && !is_print('\u{200b}') && !is_print('\u{a0}') && !is_print('\n'));
    assert_eq!(['ß', 'é', 'ᾳ', 'ǆ'].map(to_upper), ['ß', 'É', 'ᾼ', 'Ǆ']);
    assert_eq!(['İ', 'É'].map(to_lower), ['i', 'é']);
}
