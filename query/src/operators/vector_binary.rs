//! Two vectors around an arithmetic, comparison or trim operator.

use std::collections::BTreeMap;

use nightjar_model::Labels;

use crate::annotations::Notes;
use crate::ast::Cardinality;
use crate::error::QueryError;
use crate::eval::budget::Held;
use crate::eval::{Column, Context, Operator, Packed, Vector};
use crate::operators::binary::{Made, arithmetic, comparison, samples};
use crate::operators::buffered::drain;
use crate::operators::matching::{Signatures, VectorOp, result_labels};
use crate::operators::merge::{Duplicates, distinct};
use crate::operators::step_match;

/// `lhs op rhs`.
pub(crate) fn vector_binary<'q>(
    context: &'q Context<'q>,
    op: VectorOp,
    lhs: Vector<'q>,
    rhs: Vector<'q>,
    steps: usize,
) -> Result<Vector<'q>, QueryError> {
    let swapped = op.matching.card == Cardinality::OneToMany;
    let (mut many, mut one) = if swapped { (rhs, lhs) } else { (lhs, rhs) };
    let mut signatures = Signatures::new(&op.matching);
    let many_signatures = signatures.of(&many);
    let one_signatures = signatures.of(&one);
    let count = signatures.len();
    let fills = op.matching.fill_left.is_some() || op.matching.fill_right.is_some();
    let pairs = if fills { None } else { pair(context, &op, &many, &one, &many_signatures, &one_signatures, count) };
    let Some(pairs) = pairs else {
        return step_match::by_step(context, &op, (many, many_signatures), (one, one_signatures), count, steps);
    };
    if pairs.is_empty() {
        drain(&mut many)?;
        drain(&mut one)?;
    }
    let held = context.budget.hold(0)?;
    let matched = Matched {
        context,
        op,
        many,
        one,
        pairs,
        next: 0,
        pulled: 0,
        ones: Vec::new(),
        column: Column::default(),
        partner: (usize::MAX, Column::default()),
        last: BTreeMap::new(),
        held,
    };
    distinct(context, Box::new(matched), Duplicates::Merge)
}

/// A series of the many side and its only possible partner.
struct Pair {
    many: usize,
    one: usize,
    labels: Labels,
}

/// Pairs the series once and for all; `None` when labels alone do not tell who belongs together.
fn pair(
    context: &Context<'_>,
    op: &VectorOp,
    many: &Vector<'_>,
    one: &Vector<'_>,
    many_signatures: &[u32],
    one_signatures: &[u32],
    count: usize,
) -> Option<Vec<Pair>> {
    const NONE: usize = usize::MAX;
    let mut partner = vec![NONE; count];
    for (i, signature) in one_signatures.iter().enumerate() {
        let place = &mut partner[*signature as usize];
        if *place != NONE {
            return None;
        }
        *place = i;
    }
    let mut seen = hashbrown::HashSet::new();
    let drop_name = context.drops_now() && op.return_bool;
    let mut pairs = Vec::with_capacity(many_signatures.len());
    for (i, signature) in many_signatures.iter().enumerate() {
        let one_index = partner[*signature as usize];
        if one_index == NONE {
            continue;
        }
        let labels = result_labels(&many.labels(i), &one.labels(one_index), op.op, &op.matching, drop_name);
        let key = if op.matching.card == Cardinality::OneToOne { Labels::empty() } else { labels.clone() };
        if !seen.insert((*signature, key)) {
            return None;
        }
        pairs.push(Pair { many: i, one: one_index, labels });
    }
    Some(pairs)
}

/// Vectors whose series were paired by their labels: one side is held, the other streams by.
struct Matched<'q> {
    context: &'q Context<'q>,
    op: VectorOp,
    many: Vector<'q>,
    one: Vector<'q>,
    pairs: Vec<Pair>,
    next: usize,
    pulled: usize,
    ones: Vec<Packed>,
    column: Column,
    /// The unpacked partner, and which one it is.
    partner: (usize, Column),
    last: LastNotes,
    held: Held<'q>,
}

impl Matched<'_> {
    fn pull_ones(&mut self) -> Result<(), QueryError> {
        let mut wanted = vec![false; self.one.len()];
        self.pairs.iter().for_each(|pair| wanted[pair.one] = true);
        let mut column = Column::default();
        for wanted in wanted {
            self.one.next(&mut column)?;
            let packed = if wanted { Packed::take(&mut column) } else { Packed::default() };
            self.held.more(packed.samples())?;
            self.ones.push(packed);
        }
        Ok(())
    }
}

impl Operator for Matched<'_> {
    fn len(&self) -> usize {
        self.pairs.len()
    }

    fn labels(&self, index: usize) -> Labels {
        self.pairs[index].labels.clone()
    }

    fn next(&mut self, out: &mut Column) -> Result<(), QueryError> {
        if self.next == 0 {
            self.pull_ones()?;
        }
        let pair = &self.pairs[self.next];
        while self.pulled <= pair.many {
            self.many.next(&mut self.column)?;
            self.pulled += 1;
        }
        self.next += 1;
        self.context.worked(self.column.len())?;
        if self.partner.0 != pair.one {
            self.ones[pair.one].copy_to(&mut self.partner.1);
            self.partner.0 = pair.one;
        }
        let (mut lhs, mut rhs) = (&self.column, &self.partner.1);
        if self.op.matching.card == Cardinality::OneToMany {
            std::mem::swap(&mut lhs, &mut rhs);
        }
        columns(&self.op, lhs, rhs, &mut self.last, out);
        out.drop_name = self.op.return_bool;
        if self.next == self.pairs.len() {
            for _ in self.pulled..self.many.len() {
                self.many.next(&mut self.column)?;
            }
            std::mem::take(&mut self.last).into_values().for_each(|notes| self.context.notes.absorb(notes));
        }
        Ok(())
    }
}

/// What the last pair that had something to note noted at each step; Prometheus forgets the others.
type LastNotes = BTreeMap<usize, Notes>;

/// All steps of two series.
fn columns(op: &VectorOp, lhs: &Column, rhs: &Column, last: &mut LastNotes, out: &mut Column) {
    out.reset(lhs.len());
    let only_floats = lhs.histograms.is_empty() && rhs.histograms.is_empty();
    match (arithmetic(op.op), comparison(op.op)) {
        (Some(f), _) if only_floats => {
            out.present.clone_from(&lhs.present);
            out.present.and(&rhs.present);
            for (value, (a, b)) in out.values.iter_mut().zip(lhs.values.iter().zip(&rhs.values)) {
                *value = f(*a, *b);
            }
        }
        (_, Some(relation)) if only_floats => {
            let mut both = lhs.present.clone();
            both.and(&rhs.present);
            for step in both.ones() {
                let holds = relation(lhs.values[step], rhs.values[step]);
                if op.return_bool {
                    out.set(step, f64::from(u8::from(holds)));
                } else if holds {
                    out.set(step, lhs.values[step]);
                }
            }
        }
        _ => {
            for step in 0..lhs.len() {
                let (Some(a), Some(b)) = (lhs.get(step), rhs.get(step)) else { continue };
                let notes = Notes::default();
                let made = samples(op.op, a, b, &notes, op.at);
                if !notes.is_empty() {
                    last.insert(step, notes);
                }
                let Made::Sample(sample, keep) = made else { continue };
                if op.return_bool {
                    out.set(step, f64::from(u8::from(keep)));
                } else if keep {
                    out.push(step, sample);
                }
            }
        }
    }
}
