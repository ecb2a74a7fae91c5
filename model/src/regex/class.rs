//! Sets of characters.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

/// A range of code points. Surrogates are left out: no text holds one.
pub(super) fn range(low: u32, high: u32) -> ClassUnicode {
    let low = if (0xd800..0xe000).contains(&low) { 0xe000 } else { low };
    let high = if (0xd800..0xe000).contains(&high) { 0xd7ff } else { high };
    match (char::from_u32(low), char::from_u32(high)) {
        (Some(low), Some(high)) if low <= high => ClassUnicode::new([ClassUnicodeRange::new(low, high)]),
        _ => ClassUnicode::empty(),
    }
}

/// Adds what differs only in case.
pub(super) fn fold(class: &mut ClassUnicode) {
    // Fails only without case tables, which are compiled in.
    let _ = class.try_case_fold_simple();
}

/// `\d`, `\s`, `\w` and their opposites: ASCII only.
pub(super) fn perl(letter: char, folded: bool) -> Option<ClassUnicode> {
    let members: &[(char, char)] = match letter.to_ascii_lowercase() {
        'd' => &[('0', '9')],
        's' => &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')],
        'w' => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        _ => return None,
    };
    Some(group(members, letter.is_ascii_uppercase(), folded))
}

/// What stands between `[:` and `:]`, with a `^` for the opposite.
pub(super) fn posix(name: &str, folded: bool) -> Option<ClassUnicode> {
    let members: &[(char, char)] = match name.trim_start_matches('^') {
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "ascii" => &[('\0', '\x7f')],
        "blank" => &[('\t', '\t'), (' ', ' ')],
        "cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
        "digit" => &[('0', '9')],
        "graph" => &[('!', '~')],
        "lower" => &[('a', 'z')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "upper" => &[('A', 'Z')],
        "word" => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    };
    if name.starts_with("^^") {
        return None;
    }
    Some(group(members, name.starts_with('^'), folded))
}

fn group(members: &[(char, char)], negated: bool, folded: bool) -> ClassUnicode {
    let mut class = ClassUnicode::new(members.iter().map(|(low, high)| ClassUnicodeRange::new(*low, *high)));
    if folded {
        fold(&mut class);
    }
    if negated {
        class.negate();
    }
    class
}
