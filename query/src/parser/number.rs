//! Numbers and durations in the text.

use nightjar_model::duration::parse_duration_ms;

use crate::ast::{NumberLiteral, UnaryOp};
use crate::parser::token::Tok;

/// What stands at the start of a text.
pub(super) struct Scan {
    /// Bytes looked at; after an error, up to where it shows.
    pub(super) length: usize,
    /// `None` if it is neither number nor duration.
    pub(super) tok: Option<Tok>,
}

/// Finds the end of a number or duration. What is found may still be no valid number: [`value`] decides.
pub(super) fn scan_number(text: &str) -> Scan {
    let mut cursor = Cursor { bytes: text.as_bytes(), pos: 0 };
    if cursor.number() {
        return Scan { length: cursor.pos, tok: Some(Tok::Number) };
    }
    let tok = cursor.rest_of_duration().then_some(Tok::Duration);
    let mut length = cursor.pos.min(text.len());
    while !text.is_char_boundary(length) {
        length += 1;
    }
    Scan { length, tok }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    fn at(&self, accept: impl Fn(u8) -> bool) -> bool {
        self.peek().is_some_and(accept)
    }

    fn eat(&mut self, accept: impl Fn(u8) -> bool) -> bool {
        let found = self.at(accept);
        self.pos += usize::from(found);
        found
    }

    fn number(&mut self) -> bool {
        let hex = self.eat(|b| b == b'0') && self.eat(|b| matches!(b, b'x' | b'X'));
        let digit = |b: u8| if hex { b.is_ascii_hexdigit() } else { b.is_ascii_digit() };
        if hex {
            self.eat(|b| b == b'_');
        }
        let exponent = |b: u8| matches!(b, b'e' | b'E');
        self.eat(|b| b == b'.');
        self.eat(digit);
        let (mut dot_seen, mut exponent_seen) = (false, false);
        while self.at(|b| digit(b) || exponent(b) || matches!(b, b'.' | b'_')) {
            if (dot_seen && self.eat(|b| b == b'.')) || (exponent_seen && self.eat(exponent)) {
                return false;
            }
            if self.eat(|b| b == b'.') {
                dot_seen = true;
                if self.eat(|b| matches!(b, b'_' | b'.')) || hex {
                    return false;
                }
            } else if self.eat(exponent) {
                exponent_seen = true;
                self.eat(|b| matches!(b, b'+' | b'-'));
                if self.eat(|b| matches!(b, b'.' | b'_') || exponent(b)) || self.peek().is_none() {
                    return false;
                }
            } else if self.eat(|b| b == b'_') {
                if self.eat(|b| matches!(b, b'.' | b'_') || exponent(b)) || self.peek().is_none() {
                    return false;
                }
            } else {
                while self.eat(digit) {}
            }
        }
        !self.at(is_alphanumeric)
    }

    /// The unit after the digits already taken, then more digits and units; units are checked with the value.
    fn rest_of_duration(&mut self) -> bool {
        if !self.eat(|b| b"smhdwy".contains(&b)) {
            return false;
        }
        self.eat(|b| b == b's');
        while self.eat(|b| b.is_ascii_digit()) {
            while self.eat(|b| b.is_ascii_digit()) {}
            if !self.eat(|b| b"smhdw".contains(&b)) {
                return false;
            }
            self.eat(|b| b == b's');
        }
        !self.eat(is_alphanumeric)
    }
}

fn is_alphanumeric(b: u8) -> bool {
    b == b'_' || b.is_ascii_alphanumeric()
}

/// The value of a token that [`scan_number`] found, or Prometheus' complaint about it.
pub(super) fn value(tok: Tok, text: &str) -> Result<NumberLiteral, String> {
    if tok == Tok::Duration {
        let ms = parse_duration_ms(text).map_err(|e| e.to_string())?;
        let value = (ms / 1000) as f64 + (ms % 1000) as f64 / 1000.0;
        return Ok(NumberLiteral { value, duration: true });
    }
    let value = match integer(text) {
        Some(n) => n as f64,
        None => float(text)?,
    };
    Ok(NumberLiteral { value, duration: false })
}

/// As Go's `ParseInt` with base 0: decimal, `0x`, leading 0 for octal, `_` between digits.
fn integer(text: &str) -> Option<i64> {
    if !underscores_separate_digits(text) {
        return None;
    }
    let digits = text.replace('_', "");
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&digits[2..], 16),
        [b'0', _, ..] => (&digits[1..], 8),
        _ => (digits.as_str(), 10),
    };
    i64::from_str_radix(digits, radix).ok()
}

fn float(text: &str) -> Result<f64, String> {
    let complaint = |what| {
        format!("error parsing number: strconv.ParseFloat: parsing {}: {what}", nightjar_model::labels::quote(text))
    };
    if text.eq_ignore_ascii_case("nan") {
        return Ok(f64::NAN);
    }
    if text.eq_ignore_ascii_case("inf") {
        return Ok(f64::INFINITY);
    }
    if !underscores_separate_digits(text) {
        return Err(complaint("invalid syntax"));
    }
    let value: f64 = text.replace('_', "").parse().map_err(|_| complaint("invalid syntax"))?;
    if value.is_infinite() { Err(complaint("value out of range")) } else { Ok(value) }
}

/// Go's rule: an underscore stands between digits, or between the base prefix and a digit.
fn underscores_separate_digits(text: &str) -> bool {
    if !text.contains('_') {
        return true;
    }
    let bytes = text.as_bytes();
    let hex = matches!(bytes, [b'0', b'x' | b'X', ..]);
    let (mut last, rest) = if hex { (b'0', &bytes[2..]) } else { (b'^', bytes) };
    for &b in rest {
        match b {
            b'_' if last != b'0' => return false,
            b'_' => last = b'_',
            _ if b.is_ascii_digit() || (hex && b.is_ascii_hexdigit()) => last = b'0',
            _ if last == b'_' => return false,
            _ => last = b'!',
        }
    }
    last != b'_'
}

/// Applies a sign to a number.
pub(super) fn negate(literal: &mut NumberLiteral, sign: UnaryOp) {
    if sign == UnaryOp::Minus {
        literal.value = -literal.value;
    }
}
