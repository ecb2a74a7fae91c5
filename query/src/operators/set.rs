//! `and`, `or`, `unless`.

use nightjar_model::Labels;

use crate::ast::{BinaryOp, VectorMatching};
use crate::error::QueryError;
use crate::eval::bits::Bits;
use crate::eval::budget::Held;
use crate::eval::{Column, Context, Operator, Vector};
use crate::operators::matching::Signatures;
use crate::operators::merge::{Duplicates, distinct};

/// `lhs op rhs` for a set operator.
pub(crate) fn set<'q>(
    context: &'q Context<'q>,
    op: BinaryOp,
    matching: &VectorMatching,
    lhs: Vector<'q>,
    mut rhs: Vector<'q>,
    steps: usize,
) -> Result<Vector<'q>, QueryError> {
    let mut signatures = Signatures::new(matching);
    let left = signatures.of(&lhs);
    let right = signatures.of(&rhs);
    let held = context.budget.hold_bytes(signatures.len().saturating_mul(steps / 8 + size_of::<Bits>()))?;
    let mut there = vec![Bits::new(steps); signatures.len()];
    if op == BinaryOp::Or {
        let or = Or { context, left_len: left.len(), left, right, lhs, rhs, there, next: 0, _held: held };
        return distinct(context, Box::new(or), Duplicates::Join);
    }
    let mut column = Column::default();
    for signature in right {
        rhs.next(&mut column)?;
        context.worked(steps)?;
        there[signature as usize].or(&column.occupied());
    }
    Ok(Box::new(Filter { keep: op == BinaryOp::And, left, lhs, there, next: 0, _held: held }))
}

/// Elements of the left side with (or without) a partner.
struct Filter<'q> {
    keep: bool,
    left: Vec<u32>,
    lhs: Vector<'q>,
    there: Vec<Bits>,
    next: usize,
    _held: Held<'q>,
}

impl Operator for Filter<'_> {
    fn len(&self) -> usize {
        self.lhs.len()
    }

    fn labels(&self, index: usize) -> Labels {
        self.lhs.labels(index)
    }

    fn next(&mut self, out: &mut Column) -> Result<(), QueryError> {
        self.lhs.next(out)?;
        let there = &self.there[self.left[self.next] as usize];
        if self.keep {
            out.keep(there);
        } else {
            out.remove(there);
        }
        self.next += 1;
        Ok(())
    }

    fn one_name(&self) -> bool {
        self.lhs.one_name()
    }
}

/// All of the left side, then what of the right side has no partner there.
struct Or<'q> {
    context: &'q Context<'q>,
    left_len: usize,
    left: Vec<u32>,
    right: Vec<u32>,
    lhs: Vector<'q>,
    rhs: Vector<'q>,
    there: Vec<Bits>,
    next: usize,
    _held: Held<'q>,
}

impl Operator for Or<'_> {
    fn len(&self) -> usize {
        self.left_len + self.right.len()
    }

    fn labels(&self, index: usize) -> Labels {
        match index.checked_sub(self.left_len) {
            None => self.lhs.labels(index),
            Some(index) => self.rhs.labels(index),
        }
    }

    fn next(&mut self, out: &mut Column) -> Result<(), QueryError> {
        self.context.worked(out.len())?;
        match self.next.checked_sub(self.left_len) {
            None => {
                self.lhs.next(out)?;
                self.there[self.left[self.next] as usize].or(&out.occupied());
            }
            Some(index) => {
                self.rhs.next(out)?;
                out.remove(&self.there[self.right[index] as usize]);
            }
        }
        self.next += 1;
        Ok(())
    }
}
