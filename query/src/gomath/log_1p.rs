//! The logarithm of 1 + x where x may be too small for 1 + x to be a float, by FreeBSD's method.

use std::f64::consts::SQRT_2;

use super::elementary::{LN2_HIGH, LN2_LOW};
use super::polynomial::horner;

/// Terms of the logarithm's series, highest power first; the last belongs to the first power.
const TERMS: [f64; 8] = [
    0.147_981_986_051_165_86,
    0.153_138_376_992_093_73,
    0.181_835_721_616_180_5,
    0.222_221_984_321_497_84,
    0.285_714_287_436_623_9,
    0.399_999_999_994_094_2,
    0.666_666_666_666_673_5,
    0.0,
];
const MANTISSA: u64 = (1 << 52) - 1;

/// `1 + x` as 2^k · (1 + f), with √½ < 1 + f < √2.
struct Parts {
    k: f64,
    f: f64,
    /// What rounding took from `1 + x`, as a part of it.
    lost: f64,
    /// `1 + x` is a power of two, or next to one.
    power: bool,
}

/// `ln(1 + x)`; NaN below -1.
pub(crate) fn log_1p(x: f64) -> f64 {
    if x.is_nan() || x < -1.0 {
        return f64::NAN;
    }
    if x == -1.0 || x.is_infinite() {
        return x * f64::INFINITY;
    }
    if x.abs() < 1.0 / (1_u64 << 54) as f64 {
        return x;
    }
    if x.abs() < 1.0 / (1_u64 << 29) as f64 {
        return x - x * x * 0.5;
    }
    let Parts { k, f, lost, power } = parts(x);
    let half_square = 0.5 * f * f;
    if power {
        let rest = half_square * (1.0 - 0.666_666_666_666_666_6 * f);
        return if f == 0.0 { k * LN2_HIGH + (lost + k * LN2_LOW) } else { assembled(k, rest, 0.0, lost, f) };
    }
    let s = f / (2.0 + f);
    let series = s * (half_square + horner(&TERMS, s * s));
    if k == 0.0 { f - (half_square - series) } else { assembled(k, half_square, series, lost, f) }
}

/// `k · ln 2 + f - (taken - (given + lost))`, the small ones first.
fn assembled(k: f64, taken: f64, given: f64, lost: f64, f: f64) -> f64 {
    k * LN2_HIGH - ((taken - (given + (k * LN2_LOW + lost))) - f)
}

fn parts(x: f64) -> Parts {
    if x > SQRT_2 / 2.0 - 1.0 && x < SQRT_2 - 1.0 {
        return Parts { k: 0.0, f: x, lost: 0.0, power: false };
    }
    let exact = x.abs() >= (1_u64 << 53) as f64;
    let sum = if exact { x } else { 1.0 + x };
    let mut k = (sum.to_bits() >> 52) as i64 - 1023;
    let lost = match (exact, k > 0) {
        (true, _) => 0.0,
        (false, true) => (1.0 - (sum - x)) / sum,
        (false, false) => (x - (sum - 1.0)) / sum,
    };
    let mantissa = sum.to_bits() & MANTISSA;
    let below_root = mantissa < SQRT_2.to_bits() & MANTISSA;
    let power = if below_root { mantissa == 0 } else { (MANTISSA + 1 - mantissa) >> 2 == 0 };
    let exponent: u64 = if below_root { 1023 } else { 1022 };
    k += i64::from(!below_root);
    Parts { k: k as f64, f: f64::from_bits(mantissa | exponent << 52) - 1.0, lost, power }
}
