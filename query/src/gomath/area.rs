//! Inverse hyperbolic functions of large arguments, after FreeBSD's method: twice the argument may be no float.

use std::f64::consts::LN_2;

use super::elementary::ln;

/// From here on `x ± 1` and `x` have one square root of their squares.
const LARGE: f64 = (1_u32 << 28) as f64;

/// The number whose hyperbolic sine is `x`.
pub(crate) fn asinh(x: f64) -> f64 {
    let size = x.abs();
    if size > LARGE && size.is_finite() { (ln(size) + LN_2).copysign(x) } else { x.asinh() }
}

/// The number whose hyperbolic cosine is `x`; NaN below 1.
pub(crate) fn acosh(x: f64) -> f64 {
    if x > LARGE && x.is_finite() { ln(x) + LN_2 } else { x.acosh() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_arguments_have_answers() {
        assert!((asinh(1e308) - 709.889_355_822_726).abs() < 1e-9 && asinh(-1e308) == -asinh(1e308));
        assert!((acosh(1e308) - 709.889_355_822_726).abs() < 1e-9 && acosh(f64::INFINITY) == f64::INFINITY);
        assert!((asinh(3e8) - 3e8_f64.asinh()).abs() < 1e-12 && (acosh(3e8) - 3e8_f64.acosh()).abs() < 1e-12);
        assert!(asinh(f64::NEG_INFINITY) == f64::NEG_INFINITY && acosh(0.5).is_nan());
    }
}
