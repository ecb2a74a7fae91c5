//! Escapers of values in CSS.

use super::FAILSAFE;
use super::stringify::Printed;
use crate::value::Content;

/// Text without CSS escapes.
pub(super) fn decode(s: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(s.len());
    let mut rest = s;
    while let Some(at) = rest.iter().position(|b| *b == b'\\') {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        if rest.len() < 2 {
            return out;
        }
        let digits = rest[1..].iter().take(6).take_while(|b| b.is_ascii_hexdigit()).count();
        if digits == 0 {
            let len = char_len(&rest[1..]);
            out.extend_from_slice(&rest[1..1 + len]);
            rest = &rest[1 + len..];
            continue;
        }
        let hex = std::str::from_utf8(&rest[1..1 + digits]).unwrap_or_default();
        let mut code = u32::from_str_radix(hex, 16).unwrap_or(0);
        let mut used = 1 + digits;
        if code > 0x10_ffff {
            (code, used) = (code / 16, used - 1);
        }
        let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        rest = skip_space(&rest[used..]);
    }
    out.extend_from_slice(rest);
    out
}

fn char_len(s: &[u8]) -> usize {
    let len = match s.first() {
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..) => 4,
        _ => 1,
    };
    len.min(s.len())
}

/// One space after a hexadecimal escape belongs to it.
fn skip_space(s: &[u8]) -> &[u8] {
    match s {
        [b'\r', b'\n', rest @ ..] | [b'\t' | b'\n' | 0x0c | b' ' | b'\r', rest @ ..] => rest,
        _ => s,
    }
}

/// Text inside a CSS string.
pub(super) fn string(printed: &Printed) -> String {
    let mut out = String::new();
    let mut chars = printed.text.chars().peekable();
    while let Some(c) = chars.next() {
        let escape = match c {
            '\0' => "\\0",
            '\t' => "\\9",
            '\n' => "\\a",
            '\u{c}' => "\\c",
            '\r' => "\\d",
            '"' => "\\22",
            '&' => "\\26",
            '\'' => "\\27",
            '(' => "\\28",
            ')' => "\\29",
            '+' => "\\2b",
            '/' => "\\2f",
            ':' => "\\3a",
            ';' => "\\3b",
            '<' => "\\3c",
            '>' => "\\3e",
            '\\' => "\\\\",
            '{' => "\\7b",
            '}' => "\\7d",
            _ => {
                out.push(c);
                continue;
            }
        };
        out.push_str(escape);
        let runs_on = |next: &char| next.is_ascii_hexdigit() || matches!(next, '\t' | '\n' | '\u{c}' | '\r' | ' ');
        if c != '\\' && chars.peek().is_none_or(runs_on) {
            out.push(' ');
        }
    }
    out
}

/// A value outside strings: quantities, colours, keywords; nothing that ends the declaration or runs code.
pub(super) fn value(printed: &Printed) -> String {
    if printed.is(Content::Css) {
        return printed.text.to_string();
    }
    let bytes = decode(printed.text.as_bytes());
    let mut name = String::new();
    for (i, byte) in bytes.iter().enumerate() {
        match byte {
            b'\0' | b'"' | b'\'' | b'(' | b')' | b'/' | b';' | b'@' | b'[' | b'\\' | b']' | b'`' | b'{' | b'}'
            | b'<' | b'>' => return FAILSAFE.to_owned(),
            b'-' if i > 0 && bytes[i - 1] == b'-' => return FAILSAFE.to_owned(),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => name.push(char::from(byte.to_ascii_lowercase())),
            _ => {}
        }
    }
    if name.contains("expression") || name.contains("mozbinding") {
        return FAILSAFE.to_owned();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
