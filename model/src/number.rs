//! Numbers written and read as Go writes and reads them.

/// Go's `strconv.FormatFloat(v, 'f', -1, 64)`: shortest digits that round-trip, never an exponent; `NaN`, `+Inf`, `-Inf`.
pub fn format_f(v: f64) -> String {
    special(v).map_or_else(|| shortest(v), str::to_owned)
}

/// The shortest digits that round-trip, of a finite number, without an exponent. Where the number lies in the middle of
/// two texts of that length, Go takes the one with the even digit.
pub fn shortest(v: f64) -> String {
    let text = format!("{v}");
    let Some(point) = text.find('.') else { return text };
    let decimals = text.len() - point - 1;
    if decimals + 1 == fraction_bits(v) { format!("{v:.decimals$}") } else { text }
}

/// Appends [`shortest`], a few times faster.
pub fn write_shortest(v: f64, out: &mut Vec<u8>) {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(v);
    let text = text.strip_suffix(".0").unwrap_or(text);
    let middle = text.find('.').is_some_and(|point| text.len() - point == fraction_bits(v));
    if middle || text.contains('e') {
        out.extend_from_slice(shortest(v).as_bytes());
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

/// Number of binary digits after the point; written in full, a number has as many decimal ones, and the last is a 5.
fn fraction_bits(v: f64) -> usize {
    let exponent = ((v.to_bits() >> 52) & 0x7ff) as i32 - 1075;
    let mantissa = (v.to_bits() & ((1 << 52) - 1)) | (1 << 52);
    usize::try_from(-(exponent + mantissa.trailing_zeros() as i32)).unwrap_or(0)
}

/// Go's `strconv.FormatFloat(v, 'e', -1, 64)`: `1e+00`, at least two exponent digits.
pub fn format_e(v: f64) -> String {
    if let Some(text) = special(v) {
        return text.to_owned();
    }
    let text = format!("{v:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// Go's `%v` and `FormatFloat(v, 'g', -1, 64)`: exponent form when the decimal exponent is < -4 or >= 6.
pub fn format_g(v: f64) -> String {
    if use_exponent(v, -4, 6) { format_e(v) } else { format_f(v) }
}

/// As Prometheus writes sample values in JSON: like ECMAScript, exponent form below 1e-6 and from 1e21 (`1e-07`, `1e+21`).
pub fn format_json(v: f64) -> String {
    let magnitude = v.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) && magnitude.is_finite() {
        format_e(v)
    } else {
        format_f(v)
    }
}

fn use_exponent(v: f64, low: i32, high: i32) -> bool {
    if v == 0.0 || !v.is_finite() {
        return false;
    }
    let text = format!("{v:e}");
    let exponent = text.split_once('e').and_then(|(_, e)| e.parse::<i32>().ok()).unwrap_or(0);
    exponent < low || exponent >= high
}

fn special(v: f64) -> Option<&'static str> {
    if v.is_nan() {
        Some("NaN")
    } else if v == f64::INFINITY {
        Some("+Inf")
    } else if v == f64::NEG_INFINITY {
        Some("-Inf")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_go_prints() {
        let table = [
            (0.0, "0", "0e+00", "0"),
            (-0.0, "-0", "-0e+00", "-0"),
            (1.0, "1", "1e+00", "1"),
            (1234567.0, "1234567", "1.234567e+06", "1234567"),
            (1e21, "1000000000000000000000", "1e+21", "1e+21"),
            (1e-7, "0.0000001", "1e-07", "1e-07"),
            (f64::INFINITY, "+Inf", "+Inf", "+Inf"),
            (f64::NEG_INFINITY, "-Inf", "-Inf", "-Inf"),
            (f64::NAN, "NaN", "NaN", "NaN"),
        ];
        for (v, f, e, json) in table {
            assert_eq!((format_f(v).as_str(), format_e(v).as_str(), format_json(v).as_str()), (f, e, json));
        }
        assert_eq!(format_f(216_675.703_369_140_625), "216675.70336914062");
        assert_eq!(format_f(0.1), "0.1");
        assert_eq!(format_f(-0.5), "-0.5");
        assert_eq!(format_g(1e-5), "1e-05");
        assert_eq!(format_g(123456789.0), "1.23456789e+08");
    }

    #[test]
    fn both_ways_of_writing_agree() {
        let mut values = vec![0.1, -0.5, 1e20, 1e-6, 123_456.789, 4_503_599_627_370_497.5, 0.000_125, 2f64.powi(-20)];
        let mut bits = 0x9E37_79B9_7F4A_7C15u64;
        for i in 0..20_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            values.push(f64::from_bits(bits));
            values.push((bits >> 40) as f64 / f64::from(1 << (i % 30)));
        }
        for v in values.into_iter().filter(|v| v.is_finite()) {
            let mut written = Vec::new();
            write_shortest(v, &mut written);
            assert_eq!(String::from_utf8(written).unwrap(), shortest(v));
        }
    }
}
