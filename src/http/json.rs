//! JSON written straight into a byte buffer, with Go's spelling of numbers.

use std::io::Write;

use nightjar_model::{Labels, TimestampMs};

/// A quoted string. Bytes above ASCII stay as they are.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (i, byte) in bytes.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[copied..i]);
        copied = i + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}

/// `"key":`.
pub(super) fn key(out: &mut Vec<u8>, name: &str) {
    string(out, name);
    out.push(b':');
}

/// An array of what `item` writes for each element.
pub(super) fn array<T>(out: &mut Vec<u8>, items: impl IntoIterator<Item = T>, mut item: impl FnMut(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (i, element) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        item(out, element);
    }
    out.push(b']');
}

/// An array of strings.
pub(super) fn strings<S: AsRef<str>>(out: &mut Vec<u8>, items: impl IntoIterator<Item = S>) {
    array(out, items, |out, item| string(out, item.as_ref()));
}

/// An object with one member per label.
pub(super) fn labels(out: &mut Vec<u8>, labels: &Labels) {
    out.push(b'{');
    for (i, label) in labels.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        key(out, label.name);
        string(out, label.value);
    }
    out.push(b'}');
}

/// A decimal integer.
pub(super) fn integer(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    unsigned(out, value.unsigned_abs());
}

fn unsigned(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// A timestamp as seconds with either no or three decimals.
pub(super) fn timestamp(out: &mut Vec<u8>, ms: TimestampMs) {
    if ms < 0 {
        out.push(b'-');
    }
    let ms = ms.unsigned_abs();
    unsigned(out, ms / 1000);
    let fraction = ms % 1000;
    if fraction != 0 {
        let digit = |d: u64| b'0' + (d % 10) as u8;
        out.extend_from_slice(&[b'.', digit(fraction / 100), digit(fraction / 10), digit(fraction)]);
    }
}

/// A sample value: a quoted number, `"NaN"`, `"+Inf"`, `"-Inf"`. See [`nightjar_model::number::format_json`].
pub(super) fn sample_value(out: &mut Vec<u8>, value: f64) {
    out.push(b'"');
    float(out, value);
    out.push(b'"');
}

/// The unquoted text of [`sample_value`].
fn float(out: &mut Vec<u8>, value: f64) {
    let magnitude = value.abs();
    if magnitude < 9_007_199_254_740_992.0 && value.trunc() == value && (value != 0.0 || value.is_sign_positive()) {
        integer(out, value as i64);
    } else if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        exponent_form(out, value);
    } else {
        nightjar_model::number::write_shortest(value, out);
    }
}

/// Go writes at least two exponent digits and always a sign.
fn exponent_form(out: &mut Vec<u8>, value: f64) {
    let start = out.len();
    let _ = write!(out, "{value:e}");
    let Some(e) = out[start..].iter().position(|b| *b == b'e').map(|p| start + p + 1) else { return };
    if out[e] != b'-' {
        out.insert(e, b'+');
    }
    if out.len() - e < 3 {
        out.insert(e + 1, b'0');
    }
}

/// A plain JSON number, for seconds and counts; what JSON cannot say becomes 0.
pub(super) fn number(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() { float(out, value) } else { out.push(b'0') }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightjar_model::number::format_json;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_spelled_as_go_does() {
        let mut values = vec![0.0, -0.0, 1.0, -1.5, 0.1, 1e-6, 9.9e-7, -1e-7, 1e21, 1e20, 1.5e300, 1e-300, 4e15, 2e16];
        values.extend([f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, f64::MAX, 9007199254740993.0]);
        for v in values {
            assert_eq!(written(|out| float(out, v)), format_json(v));
        }
        let mut bits = 0x9E37_79B9_7F4A_7C15u64;
        for _ in 0..2000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let v = f64::from_bits(bits);
            assert_eq!(written(|out| float(out, v)), format_json(v));
        }
    }

    #[test]
    fn timestamps() {
        let table = [
            (0, "0"),
            (1500, "1.500"),
            (-1500, "-1.500"),
            (1_435_781_451_781, "1435781451.781"),
            (7, "0.007"),
            (i64::MIN, "-9223372036854775.808"),
        ];
        for (ms, text) in table {
            assert_eq!(written(|out| timestamp(out, ms)), text);
        }
    }

    #[test]
    fn strings_are_json() {
        for text in ["", "plain", "q\"b\\", "\u{0}\u{1b}[31m\n\r\t\u{7f}", "héllo 世界 \u{202e}"] {
            let json = written(|out| string(out, text));
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
