//! Classic histograms made native.

use super::super::ClassicHistogram;
use super::h;

#[test]
fn classic_histograms() {
    let classic = |buckets: &[(f64, f64)], count: Option<f64>| {
        let mut classic = ClassicHistogram::default();
        buckets.iter().for_each(|(le, c)| classic.set_bucket(*le, *c));
        count.into_iter().for_each(|c| classic.set_count(c));
        classic.set_sum(7.0);
        classic.convert()
    };
    let inf = f64::INFINITY;
    // Buckets, count: result.
    type Row<'a> = (&'a [(f64, f64)], Option<f64>, &'a str);
    let good: &[Row<'_>] = &[
        (
            &[(inf, 6.0), (1.0, 1.0), (2.0, 4.0), (2.0, 5.0)],
            Some(6.0),
            "{{schema:-53 count:6 sum:7 custom_values:[1 2] buckets:[1 3 2]}}",
        ),
        (&[(1.0, 1.0), (2.0, 4.0)], None, "{{schema:-53 count:4 sum:7 custom_values:[1 2] buckets:[1 3]}}"),
        (&[(1.0, 1.5)], Some(4.0), "{{schema:-53 count:4 sum:7 custom_values:[1] buckets:[1.5 2.5]}}"),
        (&[], Some(4.0), "{{schema:-53 count:4 sum:7 buckets:[4]}}"),
        (
            &[(1.0, 1.0), (2.0, 1.0), (3.0, 2.0), (inf, 2.0)],
            Some(2.0),
            "{{schema:-53 count:2 sum:7 custom_values:[1 2 3] buckets:[1 0 1]}}",
        ),
    ];
    for (buckets, count, want) in good {
        let got = classic(buckets, *count).unwrap();
        assert!(got.equals(&h(want)), "{} not {want}", got.test_expression());
    }
    let bad: &[Row<'_>] = &[
        (&[(f64::NAN, 1.0)], None, "bucket boundary must not be NaN"),
        (&[(1.0, -1.0)], None, "bucket count must be non-negative: le=1, count=-1"),
        (&[], Some(-1.0), "count must be non-negative: count=-1"),
        (&[(1.0, 3.0), (2.0, 2.0)], None, "count is not cumulative: 2 < 3"),
        (&[(2.0, 2.0), (1.0, 3.0)], None, "count is not cumulative: 3 > 2"),
        (&[(inf, 2.0)], Some(3.0), "count mismatch: count=3 != le=+Inf count=2"),
    ];
    for (buckets, count, message) in bad {
        assert_eq!(classic(buckets, *count).unwrap_err().to_string(), *message);
    }
}
