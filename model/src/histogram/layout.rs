//! The layout of buckets: compacting it and lowering its resolution.

use super::FloatHistogram;
use super::bounds::is_exponential;
use super::runs::{Builder, Count, Runs, folded};

/// Empty buckets that compacting may write into gaps altogether. More than any sensible histogram has buckets; spans
/// of strangers could ask for gigabytes.
const MOST_FILLED: i64 = 1 << 20;

impl FloatHistogram {
    /// Removes empty buckets at the edges of spans and runs of more than `max_empty_buckets` of them inside; joins
    /// spans that are at most that far apart. The distribution stays the same.
    pub fn compact(&mut self, max_empty_buckets: usize) {
        if is_loose(&self.positive_spans, &self.positive_buckets, max_empty_buckets) {
            let positive = Runs::borrowed(&self.positive_spans, &self.positive_buckets);
            let positive = compacted(positive.cells(), max_empty_buckets);
            (self.positive_spans, self.positive_buckets) = (positive.spans.into_owned(), positive.counts.into_owned());
        }
        if is_loose(&self.negative_spans, &self.negative_buckets, max_empty_buckets) {
            let negative = Runs::borrowed(&self.negative_spans, &self.negative_buckets);
            let negative = compacted(negative.cells(), max_empty_buckets);
            (self.negative_spans, self.negative_buckets) = (negative.spans.into_owned(), negative.counts.into_owned());
        }
    }

    /// A copy with the resolution `schema`, or with the own one where that is not lower or buckets are custom.
    pub fn at_schema(&self, schema: i32) -> FloatHistogram {
        if self.uses_custom_buckets() || !is_exponential(schema) || schema >= self.schema {
            return self.clone();
        }
        let shift = self.schema.abs_diff(schema);
        let fold = |spans, counts| {
            let mut builder = Builder::default();
            folded(Runs::borrowed(spans, counts).cells(), shift).for_each(|(index, count)| builder.push(index, count));
            let runs = builder.runs();
            (runs.spans.into_owned(), runs.counts.into_owned())
        };
        let (positive_spans, positive_buckets) = fold(&self.positive_spans, &self.positive_buckets);
        let (negative_spans, negative_buckets) = fold(&self.negative_spans, &self.negative_buckets);
        FloatHistogram {
            schema,
            positive_spans,
            positive_buckets,
            negative_spans,
            negative_buckets,
            custom_values: None,
            ..*self
        }
    }
}

/// Whether compacting would change anything.
fn is_loose(spans: &[super::Span], counts: &[f64], max_empty_buckets: usize) -> bool {
    counts.contains(&0.0)
        || spans.iter().any(|span| i128::from(span.offset) <= max_empty_buckets as i128 || span.length == 0)
        || counts.len() as u64 != spans.iter().map(|span| u64::from(span.length)).sum::<u64>()
}

/// Drops empty buckets; fills gaps of at most `max_empty` buckets between the others.
pub(super) fn compacted<C: Count>(cells: impl Iterator<Item = (i64, C)>, max_empty: usize) -> Runs<'static, C> {
    let mut builder = Builder::default();
    let mut fillable = MOST_FILLED;
    for (index, count) in cells.filter(|(_, count)| !count.is_zero()) {
        let gap = index - builder.end();
        if !builder.is_empty() && gap <= fillable.min(i64::try_from(max_empty).unwrap_or(i64::MAX)) {
            fillable -= gap.max(0);
            (builder.end()..index).for_each(|empty| builder.push(empty, C::default()));
        }
        builder.push(index, count);
    }
    builder.runs()
}
