//! A vector and a scalar around an infix operator.

use crate::ast::{BinaryOp, Span};
use crate::error::QueryError;
use crate::eval::{Column, Context, Point, Vector};
use crate::operators::binary::{Made, arithmetic, changes_metric, comparison, samples};
use crate::operators::map::{Name, map};
use crate::value::SampleValue;

/// On which side the scalar stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScalarSide {
    /// `scalar op vector`.
    Left,
    /// `vector op scalar`.
    Right,
}

/// `vector op scalar` or the other way round.
pub(crate) fn scalar_binary<'q>(
    context: &'q Context<'q>,
    op: BinaryOp,
    return_bool: bool,
    vector: Vector<'q>,
    scalars: Vec<f64>,
    side: ScalarSide,
    at: Span,
) -> Result<Vector<'q>, QueryError> {
    let name = if changes_metric(op) || return_bool { Name::Drop } else { Name::Keep };
    let change = move |column: &mut Column| {
        if column.histograms.is_empty() && op != BinaryOp::TrimLower && op != BinaryOp::TrimUpper {
            floats(op, return_bool, column, &scalars, side);
        } else {
            mixed(context, op, return_bool, column, &scalars, side, at);
        }
        Ok(())
    };
    map(context, vector, name, Box::new(change))
}

fn floats(op: BinaryOp, return_bool: bool, column: &mut Column, scalars: &[f64], side: ScalarSide) {
    let operands = |v: f64, s: f64| if side == ScalarSide::Left { (s, v) } else { (v, s) };
    if let Some(f) = arithmetic(op) {
        for (v, s) in column.values.iter_mut().zip(scalars) {
            let (a, b) = operands(*v, *s);
            *v = f(a, b);
        }
        return;
    }
    let Some(relation) = comparison(op) else { return };
    for (step, scalar) in scalars.iter().enumerate() {
        if !column.present.get(step) {
            continue;
        }
        let (a, b) = operands(column.values[step], *scalar);
        let holds = relation(a, b);
        if return_bool {
            column.values[step] = f64::from(u8::from(holds));
        } else if !holds {
            column.present.clear(step);
        }
    }
}

fn mixed(
    context: &Context<'_>,
    op: BinaryOp,
    return_bool: bool,
    column: &mut Column,
    scalars: &[f64],
    side: ScalarSide,
    at: Span,
) {
    let input = std::mem::replace(column, Column::new(scalars.len()));
    column.drop_name = input.drop_name;
    for (step, scalar) in scalars.iter().enumerate() {
        let (Some(element), scalar) = (input.get(step), Point::Float(*scalar)) else { continue };
        let (a, b) = if side == ScalarSide::Left { (scalar, element) } else { (element, scalar) };
        let Made::Sample(sample, keep) = samples(op, a, b, &context.notes, at) else { continue };
        if return_bool {
            column.set(step, f64::from(u8::from(keep)));
        } else if keep {
            // Of a comparison the vector's element stays, whichever side it stands on.
            let swapped = op.is_comparison() && side == ScalarSide::Left;
            let kept: SampleValue = if swapped { element.to_value() } else { sample };
            column.push(step, kept);
        }
    }
}
