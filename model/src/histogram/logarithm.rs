//! Logarithms and powers of two, rounded as Go rounds them on amd64.
//!
//! The platform's functions differ in the last bit now and then; whoever compares quantiles with Prometheus would see
//! it. The approximations are those of FreeBSD's msun, which Go's are made of too.

use super::bounds::scaled;

/// High bits of ln 2.
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
/// What `LN2_HIGH` lacks.
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// The binary logarithm. Exact for powers of two.
pub fn log2(x: f64) -> f64 {
    if !(x > 0.0 && x.is_finite()) {
        return x.log2();
    }
    let (fraction, exponent) = split(x);
    if fraction == 0.5 {
        return f64::from(exponent - 1);
    }
    ln(fraction) * (1.0 / std::f64::consts::LN_2) + f64::from(exponent)
}

/// `2^x`.
pub fn exp2(x: f64) -> f64 {
    if !(-1075.0..=1024.0).contains(&x) {
        return x.exp2();
    }
    let exponent = x.round();
    let rest = x - exponent;
    let (high, low) = (rest * LN2_HIGH, -rest * LN2_LOW);
    let r = high - low;
    let t = r * r;
    let polynomial = [
        -1.653_390_220_546_525_2e-6,
        6.613_756_321_437_934e-5,
        -2.777_777_777_701_559_3e-3,
        1.666_666_666_666_666_6e-1,
    ]
    .into_iter()
    .fold(4.138_136_797_057_238_5e-8, |sum, p| p + t * sum);
    let c = r - t * polynomial;
    let fraction = 1.0 - ((low - (r * c) / (2.0 - c)) - high);
    scaled(fraction, exponent as i64)
}

/// `(fraction, exponent)` with x = fraction · 2^exponent and 0.5 <= fraction < 1; x positive and finite.
fn split(x: f64) -> (f64, i32) {
    let (x, shift) = if x < f64::MIN_POSITIVE { (x * 2f64.powi(64), 64) } else { (x, 0) };
    let bits = x.to_bits();
    let exponent = (bits >> 52) as i32 - 1022;
    (f64::from_bits((bits & ((1 << 52) - 1)) | (1022 << 52)), exponent - shift)
}

/// The natural logarithm of a number in [0.5, 1).
fn ln(x: f64) -> f64 {
    let (x, k) = if x < std::f64::consts::FRAC_1_SQRT_2 { (x * 2.0, -1.0) } else { (x, 0.0) };
    let f = x - 1.0;
    let s = f / (2.0 + f);
    let s2 = s * s;
    let s4 = s2 * s2;
    let odd = s2
        * (6.666_666_666_666_735e-1
            + s4 * (2.857_142_874_366_239e-1 + s4 * (1.818_357_216_161_805e-1 + s4 * 1.479_819_860_511_658_6e-1)));
    let even = s4 * (3.999_999_999_940_942e-1 + s4 * (2.222_219_843_214_978_4e-1 + s4 * 1.531_383_769_920_937_3e-1));
    let half_square = 0.5 * f * f;
    k * LN2_HIGH - ((half_square - (s * (half_square + (odd + even)) + k * LN2_LOW)) - f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_exact() {
        for e in -1074..1024 {
            let power = scaled(0.5, i64::from(e) + 1);
            assert_eq!((log2(power), exp2(f64::from(e))), (f64::from(e), power), "2^{e}");
        }
        assert_eq!((exp2(1024.0), exp2(-1076.0)), (f64::INFINITY, 0.0));
        assert_eq!((log2(0.0), log2(f64::INFINITY)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(log2(-1.0).is_nan() && log2(f64::NAN).is_nan() && exp2(f64::NAN).is_nan());
    }

    #[test]
    fn never_far_from_the_truth() {
        for i in 1..20_000 {
            let x = f64::from(i) * 0.37;
            assert!((log2(x) - x.log2()).abs() <= 4.0 * f64::EPSILON * x.log2().abs().max(1.0), "log2({x})");
            let y = x / 10.0 - 300.0;
            assert!((exp2(y) / y.exp2() - 1.0).abs() <= 4.0 * f64::EPSILON, "2^{y}");
        }
    }
}
