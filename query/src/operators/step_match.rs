//! Matching two vectors step by step: for series that share a signature, and for fill values.

use hashbrown::{HashMap, HashSet};
use nightjar_model::Labels;

use crate::annotations::Notes;
use crate::ast::Cardinality;
use crate::error::QueryError;
use crate::eval::{Column, Context, Point, Vector};
use crate::operators::binary::{Made, samples};
use crate::operators::buffered::Buffered;
use crate::operators::matching::{VectorOp, match_labels, result_labels};
use crate::operators::merge::{Duplicates, merge};

/// Stands for the fill value where the index of a series is expected.
const FILL: usize = usize::MAX;

/// One side with all its values.
struct Side {
    series: Vec<(Labels, Column)>,
    signatures: Vec<u32>,
}

impl Side {
    fn pull(context: &Context<'_>, vector: &mut Vector<'_>, signatures: Vec<u32>) -> Result<Side, QueryError> {
        let mut series = Vec::with_capacity(signatures.len());
        for index in 0..signatures.len() {
            let mut column = Column::default();
            vector.next(&mut column)?;
            context.worked(column.len())?;
            series.push((vector.labels(index), column));
        }
        Ok(Side { series, signatures })
    }

    fn samples(&self) -> usize {
        self.series.iter().map(|(_, column)| column.samples()).sum()
    }

    /// Series with a sample at a step, with their signatures.
    fn at(&self, step: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let present = move |i: &usize| self.series[*i].1.get(step).is_some();
        (0..self.series.len()).filter(present).map(|i| (i, self.signatures[i] as usize))
    }
}

/// `many op one`, matched anew at each step.
pub(crate) fn by_step<'q>(
    context: &'q Context<'q>,
    op: &VectorOp,
    (mut many, many_signatures): (Vector<'q>, Vec<u32>),
    (mut one, one_signatures): (Vector<'q>, Vec<u32>),
    signatures: usize,
    steps: usize,
) -> Result<Vector<'q>, QueryError> {
    let many = Side::pull(context, &mut many, many_signatures)?;
    let one = Side::pull(context, &mut one, one_signatures)?;
    let held = context.budget.hold(many.samples() + one.samples())?;
    let mut matcher = StepMatch {
        context,
        op,
        many: &many,
        one: &one,
        steps,
        places: HashMap::new(),
        out: Vec::new(),
        last: Notes::default(),
    };
    for step in 0..steps {
        context.worked(many.series.len() + one.series.len())?;
        matcher.step(step, signatures)?;
        context.notes.absorb(std::mem::take(&mut matcher.last));
    }
    let out = matcher.out.into_iter().map(|(labels, column)| (labels, column.into())).collect();
    let merged = merge(out, Duplicates::Merge)?;
    drop(held);
    Ok(Box::new(Buffered::new(context, merged)?))
}

struct StepMatch<'a, 'q> {
    context: &'a Context<'q>,
    op: &'a VectorOp,
    many: &'a Side,
    one: &'a Side,
    steps: usize,
    places: HashMap<(usize, usize), usize>,
    out: Vec<(Labels, Column)>,
    /// What the last pair of the step that had something to note noted; Prometheus forgets the others.
    last: Notes,
}

impl StepMatch<'_, '_> {
    fn step(&mut self, step: usize, signatures: usize) -> Result<(), QueryError> {
        let (many, one) = (self.many, self.one);
        let matching = &self.op.matching;
        let (fill_many, fill_one) = (matching.fill_left, matching.fill_right);
        let (no_many, no_one) = (many.at(step).next().is_none(), one.at(step).next().is_none());
        if (no_many && no_one) || ((no_many || no_one) && fill_many.is_none() && fill_one.is_none()) {
            return Ok(());
        }
        let mut partners = vec![None; signatures];
        for (i, signature) in one.at(step) {
            if let Some(other) = partners[signature].replace(i) {
                return Err(self.duplicate(other, i));
            }
        }
        let mut matched: HashSet<(usize, Labels)> = HashSet::new();
        let mut touched = vec![false; signatures];
        for (i, signature) in many.at(step) {
            let partner = match (partners[signature], fill_one) {
                (Some(partner), _) => partner,
                (None, Some(_)) => FILL,
                (None, None) => continue,
            };
            touched[signature] |= self.pair(step, i, partner, signature, &mut matched)?;
        }
        if fill_many.is_some() {
            for (i, signature) in one.at(step) {
                if !touched[signature] {
                    self.pair(step, FILL, i, signature, &mut matched)?;
                }
            }
        }
        Ok(())
    }

    /// One element of each side, or its fill value. Answers whether the operator applied.
    fn pair(
        &mut self,
        step: usize,
        many: usize,
        one: usize,
        signature: usize,
        matched: &mut HashSet<(usize, Labels)>,
    ) -> Result<bool, QueryError> {
        let matching = &self.op.matching;
        let fill = |fill: Option<crate::ast::NumberLiteral>| Point::Float(fill.map_or(0.0, |literal| literal.value));
        let point = |side: &'_ Side, i: usize| side.series.get(i).and_then(|(_, c)| c.get(step).map(Point::to_value));
        let many_value = point(self.many, many).unwrap_or_else(|| fill(matching.fill_left).to_value());
        let one_value = point(self.one, one).unwrap_or_else(|| fill(matching.fill_right).to_value());
        let (mut a, mut b) = (Point::from(&many_value), Point::from(&one_value));
        if matching.card == Cardinality::OneToMany {
            std::mem::swap(&mut a, &mut b);
        }
        let notes = Notes::default();
        let made = samples(self.op.op, a, b, &notes, self.op.at);
        if !notes.is_empty() {
            self.last = notes;
        }
        let Made::Sample(sample, keep) = made else { return Ok(false) };
        let place = self.place(many, one);
        let one_to_one = matching.card == Cardinality::OneToOne;
        let key = if one_to_one { Labels::empty() } else { self.out[place].0.clone() };
        if !matched.insert((signature, key)) {
            return Err(QueryError::execution(if one_to_one {
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
            } else {
                "multiple matches for labels: grouping labels must ensure unique matches"
            }));
        }
        let column = &mut self.out[place].1;
        if self.op.return_bool {
            column.set(step, f64::from(u8::from(keep)));
        } else if keep {
            column.push(step, sample);
        }
        Ok(true)
    }

    /// Where the results of a pair of series are kept.
    fn place(&mut self, many: usize, one: usize) -> usize {
        if let Some(place) = self.places.get(&(many, one)) {
            return *place;
        }
        let matching = &self.op.matching;
        let labels = |side: &Side, i: usize, other: &Side, j: usize| match side.series.get(i) {
            Some((labels, _)) => labels.clone(),
            None => match_labels(matching, &other.series[j].0),
        };
        let many_labels = labels(self.many, many, self.one, one);
        let one_labels = labels(self.one, one, self.many, many);
        let drop_name = self.context.drops_now() && self.op.return_bool;
        let labels = result_labels(&many_labels, &one_labels, self.op.op, matching, drop_name);
        let mut column = Column::new(self.steps);
        column.drop_name = self.op.return_bool;
        self.out.push((labels, column));
        self.places.insert((many, one), self.out.len() - 1);
        self.out.len() - 1
    }

    fn duplicate(&self, a: usize, b: usize) -> QueryError {
        let matching = &self.op.matching;
        let side = if matching.card == Cardinality::OneToMany { "left" } else { "right" };
        let group = match_labels(matching, &self.one.series[b].0);
        let mut pair = [a, b].map(|i| self.one.series[i].0.to_string());
        pair.sort();
        let [first, second] = pair;
        QueryError::execution(format!(
            "found duplicate series for the match group {group} on the {side} hand-side of the operation: \
             [{first}, {second}];many-to-many matching not allowed: matching labels must be unique on one side"
        ))
    }
}
