//! Floats to text as Go's `strconv.FormatFloat`.

/// The shape of a float in decimal.
pub(crate) struct Shape {
    /// Significant digits, without trailing zeros; never empty.
    pub(crate) digits: String,
    /// The power of ten of the first digit.
    pub(crate) exponent: i32,
}

/// The digits of a finite magnitude: the shortest that read back, or the first `count` ones, rounded half to even.
pub(crate) fn digits(magnitude: f64, count: Option<usize>) -> Shape {
    let text = match count {
        None => format!("{magnitude:e}"),
        Some(count) => format!("{magnitude:.*e}", count.saturating_sub(1).min(MOST_DIGITS)),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    let trimmed = digits.trim_end_matches('0');
    let digits = if trimmed.is_empty() { "0" } else { trimmed }.to_owned();
    Shape { digits, exponent: exponent.parse().unwrap_or(0) }
}

/// The number with its sign, always written, in the form of a verb out of `b e E f F g G x X`.
pub(super) fn text(value: f64, verb: char, precision: Option<usize>) -> String {
    let sign = if value.is_sign_negative() && !value.is_nan() { '-' } else { '+' };
    if value.is_nan() {
        return "+NaN".to_owned();
    }
    if value.is_infinite() {
        return format!("{sign}Inf");
    }
    let magnitude = value.abs();
    let body = match verb {
        'e' | 'E' => scientific(magnitude, precision, verb),
        'f' | 'F' => match precision {
            Some(precision) => {
                let (exact, zeros) = exact_digits(precision);
                format!("{magnitude:.exact$}{zeros}")
            }
            None => plain(&digits(magnitude, None)),
        },
        'x' | 'X' => hexadecimal(magnitude, precision, verb),
        'b' => binary(magnitude),
        _ => general(magnitude, precision, if verb == 'G' { 'E' } else { 'e' }),
    };
    format!("{sign}{body}")
}

/// No float has more digits behind the point. (The precision of `format!` ends at 65,535.)
const MOST_DIGITS: usize = 1100;

/// As many digits as a float can have, and zeros for the rest of the precision.
fn exact_digits(precision: usize) -> (usize, String) {
    (precision.min(MOST_DIGITS), "0".repeat(precision.saturating_sub(MOST_DIGITS)))
}

fn scientific(magnitude: f64, precision: Option<usize>, letter: char) -> String {
    let (text, zeros) = match precision {
        Some(precision) => {
            let (exact, zeros) = exact_digits(precision);
            (format!("{magnitude:.exact$e}"), zeros)
        }
        None => (format!("{magnitude:e}"), String::new()),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    with_exponent(&format!("{mantissa}{zeros}"), exponent.parse().unwrap_or(0), letter)
}

/// At least two digits of exponent, with a sign.
fn with_exponent(mantissa: &str, exponent: i32, letter: char) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}{letter}{sign}{:02}", exponent.unsigned_abs())
}

/// Digits and a point, no exponent.
fn plain(shape: &Shape) -> String {
    let (digits, point) = (&shape.digits, shape.exponent + 1);
    if point <= 0 {
        let zeros = if digits == "0" { 0 } else { point.unsigned_abs() as usize };
        return format!("0.{}{digits}", "0".repeat(zeros)).trim_end_matches(".0").to_owned();
    }
    let point = point as usize;
    match digits.get(point..) {
        Some("") => digits.clone(),
        Some(fraction) => format!("{}.{fraction}", &digits[..point]),
        None => format!("{digits}{}", "0".repeat(point - digits.len())),
    }
}

/// Plain from 1e-4 up to as many digits as the precision (6 when shortest), scientific beyond.
fn general(magnitude: f64, precision: Option<usize>, letter: char) -> String {
    let precision = precision.map(|p| p.max(1));
    let shape = digits(magnitude, precision);
    let threshold = precision.map_or(6, |p| i32::try_from(p).unwrap_or(i32::MAX));
    if shape.exponent >= -4 && shape.exponent < threshold {
        return plain(&shape);
    }
    let (first, rest) = shape.digits.split_at(1);
    let mantissa = if rest.is_empty() { first.to_owned() } else { format!("{first}.{rest}") };
    with_exponent(&mantissa, shape.exponent, letter)
}

/// `-0x1.8p+01`
fn hexadecimal(magnitude: f64, precision: Option<usize>, verb: char) -> String {
    let bits = magnitude.to_bits();
    let (mut exponent, mut mantissa) = ((bits >> 52) as i32, bits & ((1 << 52) - 1));
    match (exponent, mantissa) {
        (0, 0) => {}
        (0, _) => {
            exponent = -1022;
            while mantissa >> 52 == 0 {
                mantissa <<= 1;
                exponent -= 1;
            }
        }
        _ => {
            mantissa |= 1 << 52;
            exponent -= 1023;
        }
    }
    if let Some(precision) = precision.filter(|p| *p < 13) {
        let drop = 52 - 4 * precision as u32;
        let (kept, rest, half) = (mantissa >> drop, mantissa & ((1 << drop) - 1), 1u64 << (drop - 1));
        let up = rest > half || (rest == half && kept & 1 == 1);
        mantissa = (kept + u64::from(up)) << drop;
        if mantissa >> 53 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let whole = mantissa >> 52;
    let all = format!("{:013x}", mantissa & ((1 << 52) - 1));
    let fraction = match precision {
        None => all.trim_end_matches('0').to_owned(),
        Some(precision) => all.chars().chain(std::iter::repeat('0')).take(precision).collect(),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    let text = with_exponent(&format!("0x{whole}{point}{fraction}"), exponent, 'p');
    if verb == 'X' { text.to_uppercase() } else { text }
}

/// `4503599627370496p-52`
fn binary(magnitude: f64) -> String {
    let bits = magnitude.to_bits();
    let (exponent, mantissa) = ((bits >> 52) as i32, bits & ((1 << 52) - 1));
    let (exponent, mantissa) = if exponent == 0 { (1, mantissa) } else { (exponent, mantissa | 1 << 52) };
    format!("{mantissa}p{:+}", exponent - 1075)
}
