//! Go string literals: quoting as `strconv.Quote` does, and reading them back.

use crate::unicode::is_print;

/// `s` in double quotes, with everything unprintable escaped.
pub(crate) fn quote(s: &str) -> String {
    quote_with(s, '"', false)
}

/// `s` in double quotes, ASCII only.
pub(crate) fn quote_ascii(s: &str) -> String {
    quote_with(s, '"', true)
}

/// A character in single quotes; with `ascii`, everything else is escaped.
pub(crate) fn quote_char(c: char, ascii: bool) -> String {
    quote_with(c.encode_utf8(&mut [0; 4]), '\'', ascii)
}

fn quote_with(s: &str, mark: char, ascii: bool) -> String {
    let mut out = String::with_capacity(s.len() + 2);
    out.push(mark);
    for c in s.chars() {
        escape(c, mark, ascii, &mut out);
    }
    out.push(mark);
    out
}

fn escape(c: char, mark: char, ascii: bool, out: &mut String) {
    let plain = if ascii { c.is_ascii() && is_print(c) } else { is_print(c) };
    match c {
        _ if c == mark || c == '\\' => out.extend(['\\', c]),
        _ if plain => out.push(c),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        _ if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
        _ if u32::from(c) > 0xffff => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        _ => out.push_str(&format!("\\u{:04x}", u32::from(c))),
    }
}

/// Whether `s` can stand between backquotes unchanged.
pub(crate) fn can_backquote(s: &str) -> bool {
    s.chars().all(|c| c != '`' && c != '\u{feff}' && c != '\u{7f}' && (c >= ' ' || c == '\t'))
}

/// The string a literal in double or back quotes stands for. Bytes that are not UTF-8 become U+FFFD.
pub(crate) fn unquote(literal: &str) -> Option<String> {
    let mark = literal.chars().next()?;
    let inner = literal.strip_prefix(mark)?.strip_suffix(mark)?;
    match mark {
        '`' => (!inner.contains('`')).then(|| inner.replace('\r', "")),
        '"' => {
            let mut bytes = Vec::with_capacity(inner.len());
            let mut rest = inner;
            while !rest.is_empty() {
                let (unit, tail) = unquote_char(rest, '"')?;
                match unit {
                    Unit::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                    Unit::Byte(b) => bytes.push(b),
                }
                rest = tail;
            }
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
        _ => None,
    }
}

/// What one element of a literal stands for.
pub(crate) enum Unit {
    /// A character.
    Char(char),
    /// A byte, written as `\x..` or in octal.
    Byte(u8),
}

impl Unit {
    /// The number a character constant has.
    pub(crate) fn number(&self) -> u32 {
        match self {
            Unit::Char(c) => u32::from(*c),
            Unit::Byte(b) => u32::from(*b),
        }
    }
}

/// The first element of the text between the quotes `mark`, and the rest.
pub(crate) fn unquote_char(s: &str, mark: char) -> Option<(Unit, &str)> {
    let mut chars = s.chars();
    let c = chars.next()?;
    if c == mark || c == '\n' {
        return None;
    }
    if c != '\\' {
        return Some((Unit::Char(c), chars.as_str()));
    }
    let kind = chars.next()?;
    let rest = chars.as_str();
    let simple = match kind {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '\\' => '\\',
        '\'' | '"' if kind == mark => kind,
        'x' => return digits(rest, 2, 16).map(|(n, tail)| (Unit::Byte(n as u8), tail)),
        'u' => return digits(rest, 4, 16).and_then(|(n, tail)| Some((Unit::Char(char::from_u32(n)?), tail))),
        'U' => return digits(rest, 8, 16).and_then(|(n, tail)| Some((Unit::Char(char::from_u32(n)?), tail))),
        '0'..='7' => {
            let (n, tail) = digits(&s[1..], 3, 8)?;
            return Some((Unit::Byte(u8::try_from(n).ok()?), tail));
        }
        _ => return None,
    };
    Some((Unit::Char(simple), rest))
}

fn digits(s: &str, count: usize, radix: u32) -> Option<(u32, &str)> {
    let head = s.get(..count).filter(|h| h.chars().all(|c| c.is_digit(radix)))?;
    Some((u32::from_str_radix(head, radix).ok()?, &s[count..]))
}

#[test]
fn literals_read_back() {
    for (literal, text) in [
        (r#""a\n\t\"\\""#, Some("a\n\t\"\\")),
        ("`a\\n\r`", Some("a\\n")),
        (r#""\u00e9\x41\101\U0001F600""#, Some("éAA😀")),
        (r#""\xff""#, Some("\u{fffd}")),
        (r#""\'""#, None),
        (r#""\ud800""#, None),
        (r#""\400""#, None),
        ("\"", None),
        ("", None),
    ] {
        assert_eq!(unquote(literal).as_deref(), text, "{literal}");
    }
    assert_eq!(quote("a\"\\\n\u{1}é\u{200b}😀\u{a0}"), r#""a\"\\\n\x01é\u200b😀\u00a0""#);
    assert_eq!(quote_ascii("é😀"), r#""\u00e9\U0001f600""#);
}
