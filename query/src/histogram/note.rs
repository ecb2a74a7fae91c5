//! What there is to tell the user about an operation on histograms.

/// Which operation a note is about; the last word of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    /// `addition`.
    Addition,
    /// `subtraction`.
    Subtraction,
    /// `aggregation`.
    Aggregation,
}

impl Operation {
    /// As annotations call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Operation::Addition => "addition",
            Operation::Subtraction => "subtraction",
            Operation::Aggregation => "aggregation",
        }
    }
}

/// A fact to be annotated. Texts follow `PromQL warning: ` or `PromQL info: `; `{metric}` is the name, quoted as Go
/// quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Note {
    /// Warning: `vector contains a mix of histograms with exponential and custom buckets schemas for metric name
    /// {metric}`. There is no value. Between two vectors the text is `incompatible bucket layout encountered for
    /// binary operator {op}` instead.
    MixedExponentialCustom,
    /// Warning: `this native histogram metric is not a counter: {metric}`.
    NotCounter,
    /// Warning: `this native histogram metric is not a gauge: {metric}`.
    NotGauge,
    /// Warning: `conflicting counter resets during histogram {operation}`. Between two vectors Prometheus 3.14 drops
    /// the element, too.
    CounterResetCollision(Operation),
    /// Info: `mismatched custom buckets were reconciled during {operation}`.
    BoundsReconciled(Operation),
    /// Warning: `sample has start time that overlaps with previous sample timestamp for metric {metric}`, and
    /// ` (N occurrences)` when several series of the query say so.
    StartTimeOverlap,
    /// Info: `input to histogram_quantile has NaN observations, result is NaN`, then ` for metric name {metric}` if
    /// there is a name.
    QuantileNanResult,
    /// Info: `input to histogram_quantile has NaN observations, result is skewed higher`, then ` for metric name
    /// {metric}` if there is a name.
    QuantileNanSkew,
    /// Info: `input to histogram_fraction has NaN observations, which are excluded from all fractions`, then ` for
    /// metric name {metric}` if there is a name.
    FractionNan,
}

/// A value with what there is to say about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Noted<T> {
    /// The value.
    pub(crate) value: T,
    /// Each note once, in order.
    pub(crate) notes: Vec<Note>,
}

impl<T> Noted<T> {
    pub(super) fn new(value: T, notes: Vec<Note>) -> Noted<T> {
        Noted { value, notes }
    }

    pub(super) fn plain(value: T) -> Noted<T> {
        Noted { value, notes: Vec::new() }
    }
}

/// Adds `note` unless it is there.
pub(super) fn note(notes: &mut Vec<Note>, new: Note) {
    if !notes.contains(&new) {
        notes.push(new);
    }
}
