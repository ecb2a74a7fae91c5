//! Polynomials.

/// The polynomial with these coefficients, that of the highest power first, at `x`.
pub(super) fn horner(terms: &[f64], x: f64) -> f64 {
    terms.iter().fold(0.0, |sum, term| sum * x + term)
}
