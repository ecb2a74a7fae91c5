//! Float functions where Go and Rust differ.

mod arctangent;
mod area;
mod elementary;
mod hyperbolic;
mod log_1p;
mod polynomial;
#[cfg(test)]
mod tests;
mod trigonometric;

pub(crate) use arctangent::{acos, asin, atan, atan2};
pub(crate) use area::{acosh, asinh, atanh};
pub(crate) use elementary::{exp, ln, log2, log10, pow};
pub(crate) use hyperbolic::{cosh, sinh, tanh};
pub(crate) use trigonometric::{cos, sin, tan};

/// Go's `math.Max`: NaN wins, unless the other is +Inf.
pub(crate) fn max(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == 0.0 && b == 0.0 {
        if a.is_sign_negative() { b } else { a }
    } else if a > b {
        a
    } else {
        b
    }
}

/// Go's `math.Min`: NaN wins, unless the other is -Inf.
pub(crate) fn min(a: f64, b: f64) -> f64 {
    if a == f64::NEG_INFINITY || b == f64::NEG_INFINITY {
        f64::NEG_INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == 0.0 && b == 0.0 {
        if a.is_sign_negative() { a } else { b }
    } else if a < b {
        a
    } else {
        b
    }
}

/// Go's conversion of a float to `int64` on amd64: everything outside the range becomes the least value.
pub(crate) fn to_i64(v: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&v) { v as i64 } else { i64::MIN }
}

/// Whether two floats are equal, NaN to NaN included, or closer than `epsilon` relative to their size.
pub(crate) fn almost_equal(a: f64, b: f64, epsilon: f64) -> bool {
    use nightjar_model::is_stale;
    if is_stale(a) || is_stale(b) {
        return is_stale(a) && is_stale(b);
    }
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let sum = a.abs() + b.abs();
    let diff = (a - b).abs();
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return diff < epsilon * f64::MIN_POSITIVE;
    }
    diff / sum.min(f64::MAX) < epsilon
}
