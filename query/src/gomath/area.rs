//! Inverse hyperbolic functions, rounded as Go rounds them on amd64.
//!
//! The methods are FreeBSD's: by [`log_1p`] near zero, by [`ln`] further out, and where twice the argument may be no float,
//! with ln 2 beside it.

use std::f64::consts::LN_2;

use super::elementary::ln;
use super::log_1p::log_1p;

/// From here on `x ± 1` and `x` have one square root of their squares.
const LARGE: f64 = (1_u32 << 28) as f64;
/// Below this each function is its argument.
const SMALL: f64 = 1.0 / LARGE;

/// The number whose hyperbolic sine is `x`.
pub(crate) fn asinh(x: f64) -> f64 {
    if !x.is_finite() {
        return x;
    }
    let size = x.abs();
    let area = if size > LARGE {
        ln(size) + LN_2
    } else if size > 2.0 {
        ln(2.0 * size + 1.0 / ((size * size + 1.0).sqrt() + size))
    } else if size < SMALL {
        size
    } else {
        log_1p(size + size * size / (1.0 + (1.0 + size * size).sqrt()))
    };
    area.copysign(x)
}

/// The number whose hyperbolic cosine is `x`; NaN below 1.
pub(crate) fn acosh(x: f64) -> f64 {
    if x.is_nan() || x < 1.0 {
        f64::NAN
    } else if x == 1.0 {
        0.0
    } else if x >= LARGE {
        ln(x) + LN_2
    } else if x > 2.0 {
        ln(2.0 * x - 1.0 / (x + (x * x - 1.0).sqrt()))
    } else {
        let above = x - 1.0;
        log_1p(above + (2.0 * above + above * above).sqrt())
    }
}

/// The number whose hyperbolic tangent is `x`; NaN beyond 1.
pub(crate) fn atanh(x: f64) -> f64 {
    let size = x.abs();
    if x.is_nan() || size > 1.0 {
        return f64::NAN;
    }
    let area = if size == 1.0 {
        f64::INFINITY
    } else if size < SMALL {
        size
    } else if size < 0.5 {
        let twice = size + size;
        0.5 * log_1p(twice + twice * size / (1.0 - size))
    } else {
        0.5 * log_1p((size + size) / (1.0 - size))
    };
    area.copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_special_stays_special() {
        assert!(acosh(0.5).is_nan() && atanh(1.5).is_nan() && atanh(f64::NAN).is_nan() && asinh(f64::NAN).is_nan());
        assert_eq!((acosh(f64::INFINITY), asinh(f64::NEG_INFINITY)), (f64::INFINITY, f64::NEG_INFINITY));
        assert_eq!((atanh(1.0), atanh(-1.0)), (f64::INFINITY, f64::NEG_INFINITY));
        assert_eq!((asinh(-0.0).to_bits(), atanh(-0.0).to_bits()), ((-0.0_f64).to_bits(), (-0.0_f64).to_bits()));
    }
}
