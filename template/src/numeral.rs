//! Numbers in Go's syntax: prefixes, underscores, hexadecimal floats.

/// Why a text is not a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It does not look like one.
    Syntax,
    /// It looks like one that does not fit.
    Range,
}

impl Fault {
    /// Go's words.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Fault::Syntax => "invalid syntax",
            Fault::Range => "value out of range",
        }
    }
}

/// `strconv.ParseUint(text, 0, 64)`.
pub(crate) fn parse_uint(text: &str) -> Result<u64, Fault> {
    let lower = without_underscores(&text.to_ascii_lowercase())?;
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &lower[..]),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(Fault::Syntax);
    }
    u64::from_str_radix(digits, radix).map_err(|_| Fault::Range)
}

/// `strconv.ParseInt(text, 0, 64)`.
pub(crate) fn parse_int(text: &str) -> Result<i64, Fault> {
    let (negative, digits) = sign(text);
    let magnitude = parse_uint(digits)?;
    let value = if negative { -i128::from(magnitude) } else { i128::from(magnitude) };
    i64::try_from(value).map_err(|_| Fault::Range)
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Without its underscores; they stand between digits, or between a base prefix and a digit.
fn without_underscores(text: &str) -> Result<String, Fault> {
    if !text.contains('_') {
        return Ok(text.to_owned());
    }
    let prefixed = text.starts_with("0x") || text.starts_with("0b") || text.starts_with("0o");
    let body = if prefixed { &text.as_bytes()[2..] } else { text.as_bytes() };
    let digit = |b: &u8| if text.starts_with("0x") { b.is_ascii_hexdigit() } else { b.is_ascii_digit() };
    let well = body.iter().enumerate().filter(|(_, b)| **b == b'_').all(|(at, _)| {
        let before = if at == 0 { prefixed } else { digit(&body[at - 1]) };
        before && body.get(at + 1).is_some_and(digit)
    });
    if well { Ok(text.replace('_', "")) } else { Err(Fault::Syntax) }
}

/// `strconv.ParseFloat(text, 64)`.
pub(crate) fn parse_float(text: &str) -> Result<f64, Fault> {
    let (negative, body) = sign(text);
    let signed = |v: f64| if negative { -v } else { v };
    let lower = without_underscores(&body.to_ascii_lowercase())?;
    match lower.as_str() {
        "inf" | "infinity" => return Ok(signed(f64::INFINITY)),
        "nan" => return if body.len() == text.len() { Ok(f64::NAN) } else { Err(Fault::Syntax) },
        _ => {}
    }
    if let Some(hex) = lower.strip_prefix("0x") {
        return hexadecimal(hex).map(signed);
    }
    let decimal = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | '+' | '-');
    if !lower.chars().all(decimal) || !lower.chars().any(|c| c.is_ascii_digit()) {
        return Err(Fault::Syntax);
    }
    let value: f64 = lower.parse().map_err(|_| Fault::Syntax)?;
    if value.is_infinite() { Err(Fault::Range) } else { Ok(signed(value)) }
}

/// `1.8p-3`, after the prefix.
fn hexadecimal(body: &str) -> Result<f64, Fault> {
    let (mantissa, exponent) = body.split_once('p').ok_or(Fault::Syntax)?;
    let exponent: i64 = exponent.parse().map_err(|_| Fault::Syntax)?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.len() + fraction.len() == 0 || fraction.contains('.') {
        return Err(Fault::Syntax);
    }
    let (mut value, mut dropped) = (0u64, 0i64);
    for c in whole.chars().chain(fraction.chars()) {
        let digit = c.to_digit(16).ok_or(Fault::Syntax)?;
        if value >> 58 == 0 {
            value = value << 4 | u64::from(digit);
        } else {
            dropped += 4;
            value |= u64::from(digit != 0);
        }
    }
    let exponent = exponent.saturating_add(dropped).saturating_sub(4 * fraction.len() as i64).clamp(-5000, 5000);
    let halves = (exponent / 2) as i32;
    let scaled = value as f64 * 2f64.powi(halves) * 2f64.powi(exponent as i32 - halves);
    if scaled.is_infinite() { Err(Fault::Range) } else { Ok(scaled) }
}

#[test]
fn numbers_read_as_go_reads_them() {
    for (text, want) in [("0x1F", Ok(31)), ("0b11", Ok(3)), ("017", Ok(15)), ("0o17", Ok(15)), ("1_000", Ok(1000))] {
        assert_eq!(parse_uint(text), want, "{text}");
    }
    for text in ["", "_1", "1__0", "1_", "089", "0x", "1a", "+1"] {
        assert_eq!(parse_uint(text), Err(Fault::Syntax), "{text}");
    }
    assert_eq!(parse_uint("18446744073709551616"), Err(Fault::Range));
    assert_eq!((parse_int("-9223372036854775808"), parse_int("-0")), (Ok(i64::MIN), Ok(0)));
    for (text, want) in [
        ("1e3", Ok(1000.0)),
        ("1_0.5", Ok(10.5)),
        (".5", Ok(0.5)),
        ("5.", Ok(5.0)),
        ("0x1p-2", Ok(0.25)),
        ("0x1.8p1", Ok(3.0)),
        ("-Inf", Ok(f64::NEG_INFINITY)),
    ] {
        assert_eq!(parse_float(text), want, "{text}");
    }
    for text in ["", "one", ".", "e3", "1__0", "0x1", "1e", "+nan", "infinit"] {
        assert_eq!(parse_float(text), Err(Fault::Syntax), "{text}");
    }
    assert_eq!(parse_float("1e400"), Err(Fault::Range));
}
