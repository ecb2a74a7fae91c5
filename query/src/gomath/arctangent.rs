//! Arctangent and what follows from it, rounded as Go rounds them on amd64.
//!
//! The method is S. L. Moshier's (Cephes, 1984): a rational function up to 0.66, the argument brought there by
//! atan x = π/2 - atan 1/x and atan x = π/4 + atan (x - 1)/(x + 1).

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

use super::polynomial::horner;

/// Numerator and denominator of the rational function, highest power first; the denominator begins with 1.
const ABOVE: [f64; 5] = [
    -0.875_060_860_003_190_4,
    -16.157_537_187_333_652,
    -75.008_557_923_147_05,
    -122.886_668_449_013_61,
    -64.850_219_049_420_25,
];
const BELOW: [f64; 6] = [
    1.0,
    24.858_464_901_423_062,
    165.027_009_831_698_85,
    432.881_060_491_290_27,
    485.390_399_635_913_7,
    194.550_657_148_261_4,
];
/// tan 3π/8.
const TAN_3PI_8: f64 = 2.414_213_562_373_095;
/// What the float π/2 lacks.
const REST: f64 = 6.123_233_995_736_766e-17;

/// The angle whose tangent is `x`.
pub(crate) fn atan(x: f64) -> f64 {
    if x == 0.0 { x } else { of_positive(x.abs()).copysign(x) }
}

/// The angle of the point (x, y).
pub(crate) fn atan2(y: f64, x: f64) -> f64 {
    if !y.is_finite() || !x.is_finite() || y == 0.0 || x == 0.0 {
        return y.atan2(x);
    }
    let angle = atan(y / x);
    match (x < 0.0, angle <= 0.0) {
        (false, _) => angle,
        (true, true) => angle + PI,
        (true, false) => angle - PI,
    }
}

/// The angle whose sine is `x`; NaN beyond 1.
pub(crate) fn asin(x: f64) -> f64 {
    let sine = x.abs();
    if x == 0.0 || sine > 1.0 || x.is_nan() {
        return x.asin();
    }
    let cosine = (1.0 - sine * sine).sqrt();
    let angle = if sine > 0.7 { FRAC_PI_2 - of_positive(cosine / sine) } else { of_positive(sine / cosine) };
    angle.copysign(x)
}

/// The angle whose cosine is `x`; NaN beyond 1.
pub(crate) fn acos(x: f64) -> f64 {
    FRAC_PI_2 - asin(x)
}

fn of_positive(x: f64) -> f64 {
    if x <= 0.66 {
        of_small(x)
    } else if x > TAN_3PI_8 {
        FRAC_PI_2 - of_small(1.0 / x) + REST
    } else {
        FRAC_PI_4 + of_small((x - 1.0) / (x + 1.0)) + 0.5 * REST
    }
}

fn of_small(x: f64) -> f64 {
    let square = x * x;
    let ratio = square * horner(&ABOVE, square) / horner(&BELOW, square);
    x * ratio + x
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from Go 1.26 on amd64.
    const RECORDED: &[(&str, f64, f64, u64)] = &[
        ("atan2", 1.0, 3.0, 0x3fd4978fa3269ee1),
        ("atan2", -2.0, 0.7, 0xbff3bef63199bba2),
        ("atan2", 5.0, 0.1, 0x3ff8d0129acd6d1c),
        ("atan2", 0.3, -4.0, 0x400888ab359690dd),
        ("atan2", -0.9, -1.1, 0xc003a59b934a3834),
        ("atan2", 1e-09, 2.0, 0x3e012e0be826d695),
        ("atan2", 7.25, 0.001, 0x3ff9216ab2afb890),
        ("atan2", 1e+300, 1e-300, 0x3ff921fb54442d18),
        ("atan2", -1e-300, -1e+300, 0x400921fb54442d18),
        ("atan", 0.1, 0.0, 0x3fb983e282e2cc4d),
        ("atan", 2.1599480065119105, 0.0, 0x3ff231fe916a185b),
        ("asin", 0.3052616055998245, 0.0, 0x3fd3da8831ef6704),
        ("atan", 2.8258816757490157, 0.0, 0x3ff3b0d9b2c1f477),
        ("asin", 0.5362741892504466, 0.0, 0x3fe21ccef282764e),
        ("atan", 2.68059937926025, 0.0, 0x3ff36b75f8f13980),
        ("asin", -0.5618567057098136, 0.0, 0xbfe31794cac11588),
        ("atan", 1.2829004546245408, 0.0, 0x3fed13ff62274294),
        ("asin", 0.015372124768896933, 0.0, 0x3f8f7bbced33cb3f),
        ("atan", 0.9752639724765056, 0.0, 0x3fe8bb66487b6953),
        ("asin", -0.06312604647473075, 0.0, 0xbfb02bc7f7e7b2a5),
        ("atan", 1.0509242295899357, 0.0, 0x3fe9ed58b12d3ad8),
        ("asin", 0.5913271447002979, 0.0, 0x3fe43f1b83bc3233),
        ("atan", 2.451107345521484, 0.0, 0x3ff2ef54eb8cd8f1),
        ("asin", -0.30130287261291067, 0.0, 0xbfd396775a72c420),
        ("atan", 2.8810805737260674, 0.0, 0x3ff3c99525ea55c4),
        ("asin", -0.046401051982578045, 0.0, 0xbfa7c410309f057f),
        ("atan", 1.4983429685192575, 0.0, 0x3fef6eddc2426e79),
        ("asin", 0.44853282594905, 0.0, 0x3fddc493abefb380),
        ("atan", 1.2029834197449853, 0.0, 0x3fec12ab598f6158),
        ("asin", -0.18937293535979183, 0.0, 0xbfc86312d886ff09),
        ("atan", 2.133730006979978, 0.0, 0x3ff21ed90cfd7040),
        ("asin", 0.9186581887823995, 0.0, 0x3ff2a27d74f7ae71),
        ("atan", 2.0828118680215857, 0.0, 0x3ff1f88a3641196e),
        ("asin", 0.776172633047834, 0.0, 0x3fec6f3022ec841e),
        ("atan", 0.66, 0.0, 0x3fe2aafdde4d0c9f),
        ("atan", 0.7, 0.0, 0x3fe38b112d7bd4ad),
        ("atan", 2.4, 0.0, 0x3ff2d0ead6066395),
        ("atan", 2.5, 0.0, 0x3ff30b6d796a4da8),
        ("atan", 1e+10, 0.0, 0x3ff921fb543d4de0),
        ("atan", -3.3, 0.0, 0xbff46ccc069c173f),
        ("asin", 0.1, 0.0, 0x3fb9a49276037884),
        ("acos", 0.1, 0.0, 0x3ff787b22ce3f590),
        ("asin", 0.66, 0.0, 0x3fe710f28188f80c),
        ("acos", 0.66, 0.0, 0x3feb330426ff6224),
        ("asin", 0.71, 0.0, 0x3fe94391bfac8e4b),
        ("acos", 0.71, 0.0, 0x3fe90064e8dbcbe5),
        ("asin", -0.3, 0.0, 0xbfd380159e14f6ff),
        ("acos", -0.3, 0.0, 0x3ffe0200bbc96ad8),
        ("asin", -0.99, 0.0, 0xbff6de3c6f33d51d),
        ("acos", -0.99, 0.0, 0x4008001be1bc011a),
        ("asin", 1.0, 0.0, 0x3ff921fb54442d18),
        ("acos", 1.0, 0.0, 0x0),
        ("asin", -1.0, 0.0, 0xbff921fb54442d18),
        ("acos", -1.0, 0.0, 0x400921fb54442d18),
    ];

    #[test]
    fn as_go_rounds() {
        for (function, first, second, bits) in RECORDED {
            let found = match *function {
                "atan" => atan(*first),
                "asin" => asin(*first),
                "acos" => acos(*first),
                _ => atan2(*first, *second),
            };
            let expected = f64::from_bits(*bits);
            assert_eq!(found.to_bits(), *bits, "{function}({first}, {second}) is {found} instead of {expected}");
        }
    }

    #[test]
    fn what_is_special_stays_special() {
        assert!(atan(f64::NAN).is_nan() && asin(1.5).is_nan() && acos(-1.5).is_nan() && acos(f64::NAN).is_nan());
        assert_eq!((atan(f64::INFINITY), atan(f64::NEG_INFINITY)), (FRAC_PI_2, -FRAC_PI_2));
        assert_eq!((atan(-0.0).to_bits(), asin(-0.0).to_bits()), ((-0.0f64).to_bits(), (-0.0f64).to_bits()));
        assert_eq!((atan2(0.0, -1.0), atan2(-0.0, -1.0), atan2(1.0, 0.0)), (PI, -PI, FRAC_PI_2));
    }
}
