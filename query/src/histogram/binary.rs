//! Binary operators between histograms, and between histograms and floats.
//!
//! `==` and `!=` are [`FloatHistogram::equals`], the unary minus is [`FloatHistogram::mul`] by -1.

use nightjar_model::FloatHistogram;
use nightjar_model::histogram::{Combined, CounterResetHint, IncompatibleSchemas};

use super::note::{Note, Noted, Operation};

/// `left + right`.
///
/// # Errors
/// One has custom buckets and the other has not.
pub(crate) fn add(left: &FloatHistogram, right: &FloatHistogram) -> Result<Noted<FloatHistogram>, IncompatibleSchemas> {
    let mut sum = left.clone();
    let combined = sum.add(right)?;
    sum.compact(0);
    Ok(Noted::new(sum, remarks(combined, Operation::Addition)))
}

/// `left - right`: always a gauge.
///
/// # Errors
/// One has custom buckets and the other has not.
pub(crate) fn subtract(
    left: &FloatHistogram,
    right: &FloatHistogram,
) -> Result<Noted<FloatHistogram>, IncompatibleSchemas> {
    let mut difference = left.clone();
    let combined = difference.sub(right)?;
    difference.counter_reset_hint = CounterResetHint::Gauge;
    difference.compact(0);
    Ok(Noted::new(difference, remarks(combined, Operation::Subtraction)))
}

/// `h * factor`, and `factor * h`.
pub(crate) fn multiply(h: &FloatHistogram, factor: f64) -> FloatHistogram {
    let mut product = h.clone();
    product.mul(factor);
    product.compact(0);
    product
}

/// `h / divisor`.
pub(crate) fn divide(h: &FloatHistogram, divisor: f64) -> FloatHistogram {
    let mut quotient = h.clone();
    quotient.div(divisor);
    quotient.compact(0);
    quotient
}

fn remarks(combined: Combined, operation: Operation) -> Vec<Note> {
    let collision = combined.counter_reset_collision.then_some(Note::CounterResetCollision(operation));
    let reconciled = combined.bounds_reconciled.then_some(Note::BoundsReconciled(operation));
    collision.into_iter().chain(reconciled).collect()
}
