//! Exponential, logarithm and power, rounded as Go rounds them on amd64.
//!
//! The platform's functions are as good, but differ in the last bits, and what is made of the result (a sine, the name of
//! a group of `count_values`) may differ in all of them. `exp` is N. Shibata's method ("Efficient evaluation methods of
//! elementary functions suitable for SIMD computation", 2010) with fused multiplication; `ln` is FreeBSD's.

use std::f64::consts::{LOG2_E, LOG10_E};

pub(crate) use nightjar_model::histogram::log2;

/// ln 2 in two parts, for `exp`.
const LN2_UPPER: f64 = 0.693_147_180_559_663;
const LN2_LOWER: f64 = 2.823_529_056_303_157_7e-13;
/// ln 2 in two parts, for `ln`.
pub(super) const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
pub(super) const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// The series of (e^x - 1) / x from x^7 on downwards.
const TAYLOR: [f64; 8] = [1.0 / 40_320.0, 1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0];
/// Beyond this `e^x` is no float.
const MOST: f64 = 7.097_827_128_933_84e2;

/// `e^x`.
pub(crate) fn exp(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x > MOST {
        return f64::INFINITY;
    }
    if x < -1000.0 {
        return 0.0;
    }
    let exponent = (x * LOG2_E).round_ties_even();
    let reduced = (-LN2_LOWER).mul_add(exponent, (-LN2_UPPER).mul_add(exponent, x)) * 0.0625;
    let series = TAYLOR[1..].iter().fold(TAYLOR[0], |sum, term| sum.mul_add(reduced, *term));
    // Four times (1 + y)^2 - 1, to undo the division by 16.
    let mut y = reduced * series;
    for _ in 0..3 {
        y *= y + 2.0;
    }
    let fraction = (y + 2.0).mul_add(y, 1.0);
    match exponent as i64 + 1023 {
        biased if biased < -52 => 0.0,
        biased if biased <= 0 => fraction * f64::from_bits(((biased + 1022) as u64) << 52) * f64::from_bits(1 << 52),
        biased if biased >= 2047 => f64::INFINITY,
        biased => fraction * f64::from_bits((biased as u64) << 52),
    }
}

/// The natural logarithm.
pub(crate) fn ln(x: f64) -> f64 {
    if !(x > 0.0 && x.is_finite()) {
        return x.ln();
    }
    let (mut fraction, exponent) = split(x);
    let mut k = f64::from(exponent);
    if fraction < std::f64::consts::FRAC_1_SQRT_2 {
        (fraction, k) = (fraction * 2.0, k - 1.0);
    }
    let f = fraction - 1.0;
    let s = f / (2.0 + f);
    let s2 = s * s;
    let s4 = s2 * s2;
    let odd = s2
        * (0.666_666_666_666_673_5
            + s4 * (0.285_714_287_436_623_9 + s4 * (0.181_835_721_616_180_5 + s4 * 0.147_981_986_051_165_86)));
    let even = s4 * (0.399_999_999_994_094_2 + s4 * (0.222_221_984_321_497_84 + s4 * 0.153_138_376_992_093_73));
    let half_square = 0.5 * f * f;
    k * LN2_HIGH - ((half_square - (s * (half_square + (odd + even)) + k * LN2_LOW)) - f)
}

/// The decimal logarithm.
pub(crate) fn log10(x: f64) -> f64 {
    ln(x) * LOG10_E
}

/// `x^y`, by squaring for the whole part of `y`.
pub(crate) fn pow(x: f64, y: f64) -> f64 {
    if !x.is_finite() || !y.is_finite() || x == 0.0 || x == 1.0 || y == 0.0 || y == 1.0 {
        return x.powf(y);
    }
    if y.abs() == 0.5 {
        return if y > 0.0 { x.sqrt() } else { 1.0 / x.sqrt() };
    }
    let (mut whole, mut rest) = (y.abs().trunc(), y.abs().fract());
    if rest != 0.0 && x < 0.0 {
        return f64::NAN;
    }
    if whole >= 9.223_372_036_854_776e18 {
        return x.powf(y);
    }
    let (mut power, mut exponent) = (1.0, 0i64);
    if rest != 0.0 {
        if rest > 0.5 {
            (rest, whole) = (rest - 1.0, whole + 1.0);
        }
        power = exp(rest * ln(x));
    }
    let (mut square, shift) = split(x);
    let (mut square_exponent, mut left) = (i64::from(shift), whole as i64);
    while left != 0 {
        if square_exponent.abs() > 1 << 12 {
            exponent += square_exponent;
            break;
        }
        if left & 1 == 1 {
            power *= square;
            exponent += square_exponent;
        }
        square *= square;
        square_exponent <<= 1;
        if square < 0.5 {
            square += square;
            square_exponent -= 1;
        }
        left >>= 1;
    }
    if y < 0.0 {
        (power, exponent) = (1.0 / power, -exponent);
    }
    scaled(power, exponent)
}

/// `(fraction, exponent)` with x = fraction · 2^exponent and 0.5 <= |fraction| < 1; x finite and not 0.
fn split(x: f64) -> (f64, i32) {
    let (x, shift) = if x.abs() < f64::MIN_POSITIVE { (x * 2f64.powi(52), 52) } else { (x, 0) };
    let bits = x.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32 - 1022;
    (f64::from_bits(bits & !(0x7ff << 52) | 1022 << 52), exponent - shift)
}

/// `x · 2^exponent`, rounded once.
fn scaled(x: f64, exponent: i64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let (fraction, own) = split(x);
    match exponent + i64::from(own) {
        e if e < -1074 => 0f64.copysign(x),
        e if e > 1024 => f64::INFINITY.copysign(x),
        e if e < -1021 => fraction * 2.0 * f64::from_bits(((e - 1 + 53 + 1023) as u64) << 52) * 2f64.powi(-53),
        e => fraction * 2.0 * f64::from_bits(((e - 1 + 1023) as u64) << 52),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from Go 1.26 on amd64.
    const RECORDED: &[(&str, f64, f64, u64)] = &[
        ("exp", 93.64606532878152, 0.0, 0x48612e401eaa7e2a),
        ("exp", 25.09268578955026, 0.0, 0x423264a2b4658e50),
        ("exp", 62.56766376590237, 0.0, 0x45933d834acda171),
        ("exp", 106.07960996791958, 0.0, 0x498074b18964c79a),
        ("exp", 116.02956144842312, 0.0, 0x4a650b0642722a71),
        ("exp", -14.754217860012325, 0.0, 0x3e9a3f9dadc5851d),
        ("exp", -15.647839337781404, 0.0, 0x3e857af28cac5e7d),
        ("exp", 10.491008491522397, 0.0, 0x40e192cdeca6520d),
        ("exp", 74.79216916111126, 0.0, 0x46ade78e793bf732),
        ("exp", -15.040136805010356, 0.0, 0x3e93b89afe3eb03f),
        ("exp", 51.350420328811495, 0.0, 0x4490f28c6d52daab),
        ("exp", 85.7798406603462, 0.0, 0x47aafc789332e0ad),
        ("exp", -745.0, 0.0, 0x1),
        ("exp", -720.5, 0.0, 0x5cf08fff0),
        ("exp", -708.3, 0.0, 0x119e98b83de7a4),
        ("exp", 709.7, 0.0, 0x7ff0000000000000),
        ("exp", 1e-09, 0.0, 0x3ff000000044b830),
        ("exp", -1e-300, 0.0, 0x3ff0000000000000),
        ("ln", 9.046392617825514e+10, 0.0, 0x40393a6c6df1cc02),
        ("log2", 9.046392617825514e+10, 0.0, 0x404232c48f913942),
        ("log10", 9.046392617825514e+10, 0.0, 0x4025e9b725db41bf),
        ("ln", 3.016092470326114e-05, 0.0, 0xc024d163a5192bc4),
        ("log2", 3.016092470326114e-05, 0.0, 0xc02e08aef4e96ec1),
        ("log10", 3.016092470326114e-05, 0.0, 0xc012150c76064e42),
        ("ln", 5.128816140210534e+07, 0.0, 0x4031c0c2acea42f2),
        ("log2", 5.128816140210534e+07, 0.0, 0x40399cb40fb4a74a),
        ("log10", 5.128816140210534e+07, 0.0, 0x401ed70ebb0de5ea),
        ("ln", 0.0014334806225029999, 0.0, 0xc01a30cb1b4cc2d0),
        ("log2", 0.0014334806225029999, 0.0, 0xc022e47c6ff958cd),
        ("log10", 0.0014334806225029999, 0.0, 0xc006bfb5a45a7ef6),
        ("ln", 3.2602558385752007e+07, 0.0, 0x40314cc6553f37c8),
        ("log2", 3.2602558385752007e+07, 0.0, 0x4038f55f10ee8d63),
        ("log10", 3.2602558385752007e+07, 0.0, 0x401e0d91d947c1dc),
        ("ln", 5.273484680414528e-12, 0.0, 0xc039f7e4753e8a78),
        ("log2", 5.273484680414528e-12, 0.0, 0xc042bb70d24e812e),
        ("log10", 5.273484680414528e-12, 0.0, 0xc0268e493634ea6a),
        ("ln", 0.009131560796297025, 0.0, 0xc012c8b91cb04e70),
        ("log2", 0.009131560796297025, 0.0, 0xc01b19855daead36),
        ("log10", 0.009131560796297025, 0.0, 0xc00050cdc674d531),
        ("ln", 255005.56482153956, 0.0, 0x4028e5e8a7d893d0),
        ("log2", 255005.56482153956, 0.0, 0x4031f5cda62585f5),
        ("log10", 255005.56482153956, 0.0, 0x4015a04e8db2ebb4),
        ("ln", 8.114439705950781e-05, 0.0, 0xc022d6abe8ac0bdc),
        ("log2", 8.114439705950781e-05, 0.0, 0xc02b2da4efd1e3ad),
        ("log10", 8.114439705950781e-05, 0.0, 0xc0105ceb5475ba57),
        ("ln", 0.014566824014169873, 0.0, 0xc010ea813f44b1b8),
        ("log2", 0.014566824014169873, 0.0, 0xc01867991029a2fb),
        ("log10", 0.014566824014169873, 0.0, 0xbffd62db83b52297),
        ("ln", 0.005191683480671864, 0.0, 0xc0150af43941cdc8),
        ("log2", 0.005191683480671864, 0.0, 0xc01e5bbb5883dba3),
        ("log10", 0.005191683480671864, 0.0, 0xc002470c7d9e3f0e),
        ("ln", 8.93186141304864e-05, 0.0, 0xc022a587a9925d1c),
        ("log2", 8.93186141304864e-05, 0.0, 0xc02ae6bf7a429450),
        ("log10", 8.93186141304864e-05, 0.0, 0xc010323c4443f5ea),
        ("pow", -38.90584038322208, 1.0, 0xc04373f293e2aadf),
        ("pow", 53.32970463822733, -0.9225178901490558, 0x3f9a2149fbb32d74),
        ("pow", 41.5458647597122, 7.070114680664602, 0x425026415cd03ff9),
        ("pow", 93.33561522131723, 12.529335973144448, 0x450febc46958ee7c),
        ("pow", 41.29457046664121, 8.663369270007024, 0x42d6b069c4d9d2a3),
        ("pow", -2.654266852905407, 7.0, 0xc08d011891ee6f9b),
        ("pow", 18.01445768617933, -8.59016645636208, 0x3db1ff480c5acce4),
        ("pow", 93.31425920729859, 8.916745986173119, 0x439469b89f98c525),
        ("pow", 15.231063349802366, 27.77551182142114, 0x46c17d6b4d068b7e),
        ("pow", 86.33710192004482, 26.208792103187356, 0x4a77cb67f1ac3284),
        ("pow", -38.90781807755105, 20.0, 0x4688eddea645b275),
        ("pow", 39.3637380412874, -28.66276380699787, 0x36716912f3340255),
        ("pow", 21.79988949242554, -22.63867291285203, 0x39a44ab38a27f928),
        ("pow", 50.01005000642639, -2.8501995832776252, 0x3eee20e57a384942),
        ("pow", 15.549942178374687, 0.6023596343608659, 0x4014e37b311f1715),
        ("pow", -3.3262638917959553, -4.0, 0x3f80baf378e48c7e),
        ("pow", 31.696972124280297, 15.068325021838277, 0x44a1911d7ec57831),
        ("pow", 4.747008003444398, -14.070415732163177, 0x3df4df4d44b32a9a),
        ("pow", 44.79182861330302, -29.903785378293122, 0x35af673d1353e089),
        ("pow", 85.4427116817021, 15.33507614288147, 0x46152990036fa4b8),
        ("pow", -41.68366594141918, -20.0, 0x3934b4111affdce9),
        ("pow", 98.69029427392336, 26.284249148448268, 0x4ad17ea639589425),
        ("pow", 26.115902356206988, -17.588391796591278, 0x3ac28ed23146ac7c),
        ("pow", 86.34444268374831, 22.261283509707624, 0x48e2314a3c58e0ae),
        ("pow", 2.266377624615934, 22.740721719328775, 0x419cb2b3afbac17c),
        ("pow", 3.5, 1000.0, 0x7ff0000000000000),
        ("pow", 0.9, -7000.0, 0x7ff0000000000000),
        ("pow", 1e+300, 0.7, 0x6b88557f31326b29),
        ("pow", 2.0, -1074.0, 0x1),
        ("pow", 2.0, 1e+300, 0x7ff0000000000000),
        ("pow", 0.5, 1e+300, 0x0),
        ("pow", -1.0, 1e+19, 0x3ff0000000000000),
        ("pow", 7.0, 0.5, 0x40052a7fa9d2f8ea),
        ("pow", 7.0, -0.5, 0x3fd83091e6a7f7e6),
        ("pow", 1.5, -1800.0, 0x218862),
        ("pow", 0.3, 620.0, 0x0),
    ];

    #[test]
    fn as_go_rounds() {
        for (function, x, y, bits) in RECORDED {
            let found = match *function {
                "exp" => exp(*x),
                "ln" => ln(*x),
                "log2" => log2(*x),
                "log10" => log10(*x),
                _ => pow(*x, *y),
            };
            let expected = f64::from_bits(*bits);
            assert_eq!(found.to_bits(), *bits, "{function}({x}, {y}) is {found} instead of {expected}");
        }
    }

    #[test]
    fn what_is_special_stays_special() {
        assert_eq!((exp(f64::INFINITY), exp(f64::NEG_INFINITY), exp(0.0)), (f64::INFINITY, 0.0, 1.0));
        assert!(exp(f64::NAN).is_nan() && ln(f64::NAN).is_nan() && ln(-1.0).is_nan() && pow(-2.0, 0.25).is_nan());
        assert_eq!((ln(0.0), ln(f64::INFINITY), ln(1.0)), (f64::NEG_INFINITY, f64::INFINITY, 0.0));
        for (x, y) in [(0.0, -1.0), (-0.0, 3.0), (f64::NAN, 0.0), (-1.0, f64::INFINITY), (f64::NEG_INFINITY, 3.0)] {
            assert_eq!(pow(x, y).to_bits(), x.powf(y).to_bits(), "{x}^{y}");
        }
    }
}
