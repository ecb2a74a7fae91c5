//! Hyperbolic functions, rounded as Go rounds them on amd64.
//!
//! Near zero, where differences of exponentials lose digits, rational functions: for the sine approximation 2029 of Hart
//! and Cheney ("Computer approximations", 1968), for the tangent S. L. Moshier's (Cephes, 1984).

use super::elementary::exp;
use super::polynomial::horner;

/// Numerator and denominator of the sine, highest power first.
const SINE_ABOVE: [f64; 4] =
    [-26.305_632_133_974_97, -2_894.211_355_989_564, -89_912.720_220_395_09, -630_767.364_049_771_7];
const SINE_BELOW: [f64; 4] = [1.0, -173.678_953_558_233_7, 15_215.173_787_900_19, -630_767.364_049_771_7];
/// Numerator and denominator of the tangent, highest power first.
const TANGENT_ABOVE: [f64; 3] = [-0.964_399_179_425_052_2, -99.287_723_100_191_86, -1_614.687_684_417_084_5];
const TANGENT_BELOW: [f64; 4] = [1.0, 112.811_678_491_632_93, 2_235.488_390_601_004_5, 4_844.063_053_251_255];
/// From here on the reciprocal of `e^x` is nothing beside it.
const FAR: f64 = 21.0;
/// From here on the tangent is 1: half the logarithm of 2^127.
const ONE: f64 = 0.5 * 88.029_691_931_113_05;

/// The hyperbolic sine.
pub(crate) fn sinh(x: f64) -> f64 {
    // -0 stays what it is.
    let size = if x < 0.0 { -x } else { x };
    let sine = if size > FAR {
        exp(size) * 0.5
    } else if size > 0.5 {
        let power = exp(size);
        (power - 1.0 / power) * 0.5
    } else {
        let square = size * size;
        horner(&SINE_ABOVE, square) * size / horner(&SINE_BELOW, square)
    };
    if x < 0.0 { -sine } else { sine }
}

/// The hyperbolic cosine.
pub(crate) fn cosh(x: f64) -> f64 {
    let power = exp(x.abs());
    if x.abs() > FAR { power * 0.5 } else { (power + 1.0 / power) * 0.5 }
}

/// The hyperbolic tangent.
pub(crate) fn tanh(x: f64) -> f64 {
    let size = x.abs();
    if size > ONE {
        1_f64.copysign(x)
    } else if size >= 0.625 {
        (1.0 - 2.0 / (exp(2.0 * size) + 1.0)).copysign(x)
    } else if x == 0.0 {
        x
    } else {
        let square = x * x;
        x + x * square * horner(&TANGENT_ABOVE, square) / horner(&TANGENT_BELOW, square)
    }
}
