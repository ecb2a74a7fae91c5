//! Native histograms as JSON: `{"count":"3","sum":"4","buckets":[[0,"1","2","3"]]}`.

use nightjar_model::FloatHistogram;

use super::json;

/// Writes a histogram. Empty buckets are left out, and the member `buckets` when all are.
pub(super) fn histogram(out: &mut Vec<u8>, h: &FloatHistogram) {
    out.extend_from_slice(b"{\"count\":");
    json::sample_value(out, h.count);
    out.extend_from_slice(b",\"sum\":");
    json::sample_value(out, h.sum);
    let mut found = false;
    for (rule, lower, upper, count) in h.json_buckets() {
        out.extend_from_slice(if found { b",[" } else { b",\"buckets\":[[" });
        found = true;
        json::integer(out, i64::from(rule));
        for value in [lower, upper, count] {
            out.push(b',');
            json::sample_value(out, value);
        }
        out.push(b']');
    }
    out.extend_from_slice(if found { b"]}" } else { b"}" });
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightjar_model::histogram::{CUSTOM_BUCKETS_SCHEMA, Span};
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
