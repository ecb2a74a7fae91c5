//! Compensated summation: a sum that remembers what rounding took from it.

/// Adds `increment` to `sum`, whose lost digits are `compensation`; answers the new pair. Neumaier's variant of Kahan's
/// algorithm, in Prometheus' order of operations; a sum that overflows has nothing to compensate.
#[inline]
pub fn kahan_add(increment: f64, sum: f64, compensation: f64) -> (f64, f64) {
    let total = sum + increment;
    let (greater, lesser) = if sum.abs() >= increment.abs() { (sum, increment) } else { (increment, sum) };
    let compensation = compensation + ((greater - total) + lesser);
    (total, if total.is_infinite() { 0.0 } else { compensation })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost() {
        let sum = |values: &[f64]| values.iter().fold((0.0, 0.0), |(s, c), v| kahan_add(*v, s, c));
        for (values, want) in [
            (&[1.0, 1e100, 1.0, -1e100][..], 2.0),
            (&[1e308, 1e308], f64::INFINITY),
            (&[0.1, 0.2, 0.3, -0.3, -0.2, -0.1], 0.0),
            (&[], 0.0),
        ] {
            let (s, c) = sum(values);
            assert_eq!(s + c, want);
        }
        assert!(kahan_add(f64::NAN, 1.0, 0.0).0.is_nan());
    }
}
