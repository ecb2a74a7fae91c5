//! How elements of two vectors find each other.

use hashbrown::HashMap;
use nightjar_model::Labels;
use nightjar_model::labels::METRIC_NAME;

use crate::ast::{BinaryOp, Cardinality, Span, VectorMatching};
use crate::eval::Vector;
use crate::eval::reserved::RESERVED;
use crate::operators::binary::changes_metric;

/// The operator between two vectors.
#[derive(Clone, Debug)]
pub(crate) struct VectorOp {
    pub(crate) op: BinaryOp,
    pub(crate) matching: VectorMatching,
    pub(crate) return_bool: bool,
    pub(crate) at: Span,
}

/// Numbers signatures: the label sets by which elements are matched.
#[derive(Debug)]
pub(crate) struct Signatures<'a> {
    matching: &'a VectorMatching,
    numbers: HashMap<Labels, u32>,
}

impl<'a> Signatures<'a> {
    /// No signature seen yet.
    pub(crate) fn new(matching: &'a VectorMatching) -> Signatures<'a> {
        Signatures { matching, numbers: HashMap::new() }
    }

    /// The number of the signature of each series of `vector`.
    pub(crate) fn of(&mut self, vector: &Vector<'_>) -> Vec<u32> {
        (0..vector.len()).map(|index| self.number(&vector.labels(index))).collect()
    }

    fn number(&mut self, labels: &Labels) -> u32 {
        let signature = match_labels(self.matching, labels);
        let next = self.numbers.len() as u32;
        *self.numbers.entry(signature).or_insert(next)
    }

    /// How many different signatures there are.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }
}

/// The labels by which an element is matched.
pub(crate) fn match_labels(matching: &VectorMatching, labels: &Labels) -> Labels {
    if matching.on {
        return labels.keep(&matching.labels);
    }
    labels.filter(|label| label.name != METRIC_NAME && !matching.labels.iter().any(|name| name == label.name))
}

/// Labels of the result of an element of the many side and its partner (one to one: left and right).
pub(crate) fn result_labels(
    many: &Labels,
    one: &Labels,
    op: BinaryOp,
    matching: &VectorMatching,
    drop_name: bool,
) -> Labels {
    let drop_reserved = drop_name || changes_metric(op);
    let one_to_one = matching.card == Cardinality::OneToOne;
    let kept = many.filter(|label| {
        let matched = matching.labels.iter().any(|name| name == label.name);
        !(drop_reserved && RESERVED.contains(&label.name)) && (!one_to_one || matched == matching.on)
    });
    if matching.include.is_empty() {
        return kept;
    }
    let mut builder = kept.to_builder();
    for name in &matching.include {
        builder.set(name, one.value(name));
    }
    builder.build()
}
