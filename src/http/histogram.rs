//! Native histograms as JSON: `{"count":"3","sum":"4","buckets":[[0,"1","2","3"]]}`.

use nightjar_model::FloatHistogram;
use nightjar_model::histogram::{CUSTOM_BUCKETS_SCHEMA, Span};

use super::json;

/// Which ends of a bucket belong to it: 0 the upper, 1 the lower, 2 none, 3 both.
type BoundaryRule = i64;

/// Writes a histogram. Empty buckets are left out, and the member `buckets` when all are.
pub(super) fn histogram(out: &mut Vec<u8>, h: &FloatHistogram) {
    out.extend_from_slice(b"{\"count\":");
    json::sample_value(out, h.count);
    out.extend_from_slice(b",\"sum\":");
    json::sample_value(out, h.sum);
    let mut found = false;
    for_each_bucket(h, |rule, lower, upper, count| {
        out.extend_from_slice(if found { b",[" } else { b",\"buckets\":[[" });
        found = true;
        json::integer(out, rule);
        for value in [lower, upper, count] {
            out.push(b',');
            json::sample_value(out, value);
        }
        out.push(b']');
    });
    out.extend_from_slice(if found { b"]}" } else { b"}" });
}

/// Visits the non-empty buckets in ascending order.
fn for_each_bucket(h: &FloatHistogram, mut visit: impl FnMut(BoundaryRule, f64, f64, f64)) {
    let custom = h.schema == CUSTOM_BUCKETS_SCHEMA;
    let rule = |index: i64, lower: f64, upper: f64| {
        let (lower_in, upper_in) = if custom { (index == 0, true) } else { (lower < 0.0, upper > 0.0) };
        match (lower_in, upper_in) {
            (false, true) => 0,
            (true, false) => 1,
            (false, false) => 2,
            (true, true) => 3,
        }
    };
    let negative: Vec<_> = indices(&h.negative_spans).zip(&h.negative_buckets).collect();
    for (index, count) in negative.into_iter().rev().filter(|(_, count)| **count != 0.0) {
        let (lower, upper) = (-bound(h, index), -bound(h, index - 1));
        let clipped = if upper < 0.0 && upper > -h.zero_threshold { -h.zero_threshold } else { upper };
        visit(rule(index, lower, upper), lower, clipped, *count);
    }
    if h.zero_count > 0.0 {
        visit(3, -h.zero_threshold, h.zero_threshold, h.zero_count);
    }
    for (index, count) in indices(&h.positive_spans).zip(&h.positive_buckets).filter(|(_, count)| **count != 0.0) {
        let (lower, upper) = (bound(h, index - 1), bound(h, index));
        let clipped = if lower > 0.0 && lower < h.zero_threshold { h.zero_threshold } else { lower };
        visit(rule(index, lower, upper), clipped, upper, *count);
    }
}

/// Bucket indices of a span list, in order.
fn indices(spans: &[Span]) -> impl Iterator<Item = i64> {
    let mut next = 0i64;
    spans.iter().flat_map(move |span| {
        let start = next + i64::from(span.offset);
        next = start + i64::from(span.length);
        start..next
    })
}

/// Upper bound of bucket `index`.
fn bound(h: &FloatHistogram, index: i64) -> f64 {
    if h.schema == CUSTOM_BUCKETS_SCHEMA {
        let bounds = h.custom_values.as_deref().unwrap_or(&[]);
        return match usize::try_from(index) {
            Err(_) => f64::NEG_INFINITY,
            Ok(i) => bounds.get(i).copied().unwrap_or(f64::INFINITY),
        };
    }
    let exponent = if h.schema >= 0 {
        index as f64 / 2f64.powi(h.schema.min(60))
    } else {
        index as f64 * 2f64.powi((-h.schema).min(60))
    };
    let power = exponent.exp2();
    // The last bucket of normal observations ends at the largest float, the next one is for +Inf.
    if power.is_infinite() && exponent <= 1024.0 { f64::MAX } else { power }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn text(h: &FloatHistogram) -> String {
        let mut out = Vec::new();
        histogram(&mut out, h);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn boundary_rules() {
        let h = FloatHistogram {
            schema: 0,
            zero_threshold: 0.001,
            zero_count: 2.0,
            count: 12.0,
            sum: 3.5,
            negative_spans: vec![Span { offset: 0, length: 2 }],
            negative_buckets: vec![1.0, 4.0],
            positive_spans: vec![Span { offset: 0, length: 1 }, Span { offset: 1, length: 2 }],
            positive_buckets: vec![1.0, 0.0, 4.0],
            ..Default::default()
        };
        assert_eq!(
            text(&h),
            r#"{"count":"12","sum":"3.5","buckets":[[1,"-2","-1","4"],[1,"-1","-0.5","1"],[3,"-0.001","0.001","2"],[0,"0.5","1","1"],[0,"4","8","4"]]}"#
        );
    }

    #[test]
    fn custom_buckets_reach_from_inf_to_inf() {
        let h = FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count: 3.0,
            sum: 1.0,
            positive_spans: vec![Span { offset: 0, length: 3 }],
            positive_buckets: vec![1.0, 1.0, 1.0],
            custom_values: Some(Arc::from([5.0, 10.0])),
            ..Default::default()
        };
        assert_eq!(
            text(&h),
            r#"{"count":"3","sum":"1","buckets":[[3,"-Inf","5","1"],[0,"5","10","1"],[0,"10","+Inf","1"]]}"#
        );
    }

    #[test]
    fn no_observation_no_buckets() {
        assert_eq!(text(&FloatHistogram::default()), r#"{"count":"0","sum":"0"}"#);
    }
}
