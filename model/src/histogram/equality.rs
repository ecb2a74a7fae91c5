//! When two histograms are the same data.

use super::{FloatHistogram, Span};

impl FloatHistogram {
    /// Whether both are the same to the bit: schema, bounds, counts, sum and layout, where spans without buckets do not
    /// matter. Reset hints do not count. This is PromQL's `==` on histograms, which expects compact ones.
    pub fn equals(&self, other: &FloatHistogram) -> bool {
        let same = |a: f64, b: f64| a.to_bits() == b.to_bits();
        self.schema == other.schema
            && same(self.count, other.count)
            && same(self.sum, other.sum)
            && (!self.uses_custom_buckets() || self.bounds() == other.bounds())
            && self.zero_threshold == other.zero_threshold
            && same(self.zero_count, other.zero_count)
            && self.same_layout(other)
            && same_counts(&self.negative_buckets, &other.negative_buckets)
            && same_counts(&self.positive_buckets, &other.positive_buckets)
    }

    /// Whether both sides have their buckets at the same places. Spans without buckets do not matter.
    pub fn same_layout(&self, other: &FloatHistogram) -> bool {
        same_places(&self.negative_spans, &other.negative_spans)
            && same_places(&self.positive_spans, &other.positive_spans)
    }
}

fn same_counts(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

fn same_places(a: &[Span], b: &[Span]) -> bool {
    a == b || occupied(a).eq(occupied(b))
}

/// Spans with buckets; those without lend their offset to the next one.
fn occupied(spans: &[Span]) -> impl Iterator<Item = (i64, u32)> + '_ {
    let mut gap = 0;
    spans.iter().filter_map(move |span| {
        gap += i64::from(span.offset);
        (span.length > 0).then(|| (std::mem::take(&mut gap), span.length))
    })
}
