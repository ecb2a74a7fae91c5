//! Quoted strings with Go's escapes.

use nightjar_model::labels::quote;

/// A character in single quotes, as Go's `%q` writes it; `None` is the end of the text.
pub(super) fn quote_char(c: Option<char>) -> String {
    let c = c.unwrap_or(char::REPLACEMENT_CHARACTER);
    match c {
        '\'' => "'\\''".to_owned(),
        '"' => "'\"'".to_owned(),
        _ => format!("'{}'", quote(c.encode_utf8(&mut [0; 4])).trim_matches('"')),
    }
}

/// As Go's `%#U`: `U+0063 'c'`.
fn describe_char(c: char) -> String {
    let printable = matches!(c, '"' | '\\') || quote(c.encode_utf8(&mut [0; 4])).trim_matches('"').starts_with(c);
    match printable {
        true => format!("U+{:04X} '{c}'", c as u32),
        false => format!("U+{:04X}", c as u32),
    }
}

/// Bytes the escape after a backslash takes, or what is wrong with it.
pub(super) fn check_escape(rest: &str, delimiter: char) -> Result<usize, String> {
    decode_escape(rest, delimiter).map(|(_, taken)| taken)
}

/// An escape means a character or a byte.
enum Escaped {
    Char(char),
    Byte(u8),
}

fn decode_escape(rest: &str, delimiter: char) -> Result<(Escaped, usize), String> {
    let unterminated = || "escape sequence not terminated".to_owned();
    let first = rest.chars().next().ok_or_else(unterminated)?;
    let plain = |c| Ok((Escaped::Char(c), 1));
    let (skip, digits, radix, max) = match first {
        'a' => return plain('\x07'),
        'b' => return plain('\x08'),
        'f' => return plain('\x0c'),
        'n' => return plain('\n'),
        'r' => return plain('\r'),
        't' => return plain('\t'),
        'v' => return plain('\x0b'),
        '\\' => return plain('\\'),
        c if c == delimiter => return plain(c),
        '0'..='7' => (0, 3, 8, 0xff),
        'x' => (1, 2, 16, 0xff),
        'u' => (1, 4, 16, 0x10_ffff),
        'U' => (1, 8, 16, 0x10_ffff),
        c => return Err(format!("unknown escape sequence {}", describe_char(c))),
    };
    let mut chars = rest[skip..].chars();
    let mut code: u32 = 0;
    for _ in 0..digits {
        let c = chars.next().ok_or_else(unterminated)?;
        let digit =
            c.to_digit(radix).ok_or_else(|| format!("illegal character {} in escape sequence", describe_char(c)))?;
        code = code.wrapping_mul(radix).wrapping_add(digit);
    }
    let invalid = || "escape sequence is an invalid Unicode code point".to_owned();
    if code > max {
        return Err(invalid());
    }
    let escaped = match max {
        0xff => Escaped::Byte(code as u8),
        _ => Escaped::Char(char::from_u32(code).ok_or_else(invalid)?),
    };
    Ok((escaped, skip + digits as usize))
}

/// The text a string token means, where text is needed: bytes that are no UTF-8 (`"\xff"`) become U+FFFD.
pub(super) fn unquote(token: &str) -> String {
    let bytes = unquoted_bytes(token);
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// The bytes a string token means. The lexer has checked it.
pub(super) fn unquoted_bytes(token: &str) -> Vec<u8> {
    let mut chars = token.chars();
    let (Some(delimiter), Some(_)) = (chars.next(), chars.next_back()) else {
        return Vec::new();
    };
    let mut rest = chars.as_str();
    if delimiter == '`' || !rest.contains('\\') {
        return rest.as_bytes().to_vec();
    }
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        match decode_escape(rest, delimiter) {
            Ok((Escaped::Char(c), taken)) => {
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[taken..];
            }
            Ok((Escaped::Byte(b), taken)) => {
                bytes.push(b);
                rest = &rest[taken..];
            }
            Err(_) => break,
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
