//! Histogram algebra: facts as tables of script expressions, laws as properties.

mod algebra;
mod classic;
mod strangers;

use super::*;

/// The histogram a script expression describes.
fn h(text: &str) -> FloatHistogram {
    parse(text).unwrap_or_else(|e| panic!("{text}: {e}")).histogram
}

#[test]
fn described_and_printed() {
    let table = [
        ("{{}}", "{{}}", "{count:0, sum:0}"),
        ("{{ }}", "{{}}", "{count:0, sum:0}"),
        (
            "{{schema:0 sum:5 count:4 buckets:[1 2 1]}}",
            "{{count:4 sum:5 buckets:[1 2 1]}}",
            "{count:4, sum:5, (0.5,1]:1, (1,2]:2, (2,4]:1}",
        ),
        (
            "{{schema:1 count:3 z_bucket:1 z_bucket_w:0.001 n_offset:-1 n_buckets:[1 0 1 ] counter_reset_hint:gauge}}",
            "{{schema:1 count:3 z_bucket:1 z_bucket_w:0.001 counter_reset_hint:gauge n_offset:-1 n_buckets:[1 0 1]}}",
            "{count:3, sum:0, [-1.414213562373095,-1):1, [-0.7071067811865475,-0.5):1, [-0.001,0.001]:1}",
        ),
        (
            "{{schema:-53 sum:1 count:3 custom_values:[5 10] buckets:[1 0 2]}}",
            "{{schema:-53 count:3 sum:1 custom_values:[5 10] buckets:[1 0 2]}}",
            "{count:3, sum:1, [-Inf,5]:1, (10,+Inf]:2}",
        ),
        (
            "{{sum:-Inf count:1e9 buckets:[1m .5 1e-7 010]}}",
            "{{count:1e+09 sum:-Inf buckets:[60 0.5 1e-07 8]}}",
            "{count:1e+09, sum:-Inf, (0.5,1]:60, (1,2]:0.5, (2,4]:1e-07, (4,8]:8}",
        ),
    ];
    for (text, script, shown) in table {
        assert_eq!(h(text).test_expression(), script);
        assert_eq!(h(text).to_string(), shown);
    }
    assert!(parse("{{counter_reset_hint:unknown}}").unwrap().hint_set);
    assert!(!parse("{{count:1}}").unwrap().hint_set);
}

#[test]
fn descriptions_that_are_none() {
    let table = [
        ("", "histogram description incomplete, expected \"{{\"", 0),
        ("{{count:1", "histogram description incomplete, expected \"}}\"", 9),
        ("{{count:1 count:2}}", "duplicate key \"count\" in histogram", 10),
        ("{{counts:1}}", "bad histogram descriptor found: \"counts\"", 2),
        ("{{count 1}}", "missing `:` for histogram descriptor", 7),
        ("{{schema:1.5}}", "unexpected '.' in histogram description, expected \"}}\"", 10),
        ("{{schema:99999999999}}", "expected an integer in histogram description", 9),
        ("{{buckets:[1 x]}}", "bad number or duration syntax: \"x\"", 13),
        ("{{counter_reset_hint:maybe}}", "bad histogram descriptor found: \"maybe\"", 21),
        ("{{}} ", "unexpected text after the histogram", 4),
        ("{{é}}", "bad histogram descriptor found: \"\"", 2),
    ];
    for (text, message, at) in table {
        let error = parse(text).expect_err(text);
        assert_eq!((error.message.as_str(), error.at), (message, at), "{text}");
    }
}

#[test]
fn rows_of_samples() {
    let table: &[(&str, &[&str])] = &[
        ("{{count:1}} rest", &["{{count:1}}"]),
        ("{{count:1}}x2", &["{{count:1}}", "{{count:1}}", "{{count:1}}"]),
        (
            "{{count:1 buckets:[1]}}+{{count:2 buckets:[0 2]}}x1",
            &["{{count:1 buckets:[1]}}", "{{count:3 buckets:[1 2]}}"],
        ),
        ("{{count:1}}-{{count:1}}x2 5", &["{{count:1}}", "{{}}", "{{count:-1}}"]),
        (
            "{{schema:-1 sum:4 count:1 buckets:[1] offset:1}}+{{schema:0 sum:4 count:4 buckets:[2 2] offset:1}}x1",
            &["{{schema:-1 count:1 sum:4 offset:1 buckets:[1]}}", "{{schema:-1 count:5 sum:8 offset:1 buckets:[5]}}"],
        ),
    ];
    for (text, want) in table {
        let (samples, used) = series_item(text).unwrap();
        let got: Vec<_> = samples.iter().map(|s| s.histogram.test_expression()).collect();
        assert_eq!(got, *want, "{text}");
        assert!(text[used..].is_empty() || text[used..].starts_with(' '), "{text} up to {used}");
    }
    let errors = [
        ("{{schema:1}}+{{schema:0}}x1", "error combining histograms: cannot merge from schema 0 to 1"),
        (
            "{{schema:-53}}+{{schema:0}}x1",
            "cannot apply this operation on histograms with a mix of exponential and custom bucket schemas",
        ),
        ("{{}}x18446744073709551615", "more than 1000000 samples in one item"),
        ("{{}}x", "expected a number of repetitions"),
        ("{{}}+5", "unexpected '5' in histogram description, expected \"{{\""),
    ];
    for (text, message) in errors {
        assert_eq!(series_item(text).unwrap_err().message, message, "{text}");
    }
}

#[test]
fn invalid_histograms_say_why() {
    let table = [
        (
            "{{schema:9}}",
            "histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, or -53 for custom buckets, got schema 9",
        ),
        ("{{count:-1}}", "observation count is  -1: histogram's observation count is negative"),
        (
            "{{z_bucket:-1}}",
            "zero bucket has observation count of -1: histogram has a bucket whose observation count is negative",
        ),
        (
            "{{buckets:[1 -2]}}",
            "positive side: bucket number 2 has observation count of -2: histogram has a bucket whose observation count is negative",
        ),
        (
            "{{n_buckets:[-2]}}",
            "negative side: bucket number 1 has observation count of -2: histogram has a bucket whose observation count is negative",
        ),
        ("{{custom_values:[1]}}", "histogram with exponential schema must not have custom bounds"),
        (
            "{{schema:-53 custom_values:[1 1]}}",
            "custom buckets: previous bound is 1.000000 and current is 1.000000: histogram custom bounds must be in strictly increasing order",
        ),
        ("{{schema:-53 custom_values:[1 NaN]}}", "custom buckets: histogram custom bounds must not be NaN"),
        (
            "{{schema:-53 custom_values:[1 Inf]}}",
            "custom buckets: last +Inf bound must not be explicitly defined: histogram custom bounds must be finite",
        ),
        (
            "{{schema:-53 custom_values:[1] buckets:[1 2 3]}}",
            "custom buckets: only 1 custom bounds defined which is insufficient to cover total span length of 3: histogram custom bounds are too few",
        ),
        (
            "{{schema:-53 custom_values:[1] buckets:[1] offset:-1}}",
            "custom buckets: span number 1 with offset -1: histogram has a span whose offset is negative",
        ),
        ("{{schema:-53 z_bucket:1}}", "custom buckets: must have zero count of 0"),
        ("{{schema:-53 z_bucket_w:1}}", "custom buckets: must have zero threshold of 0"),
        ("{{schema:-53 n_buckets:[1]}}", "custom buckets: must not have negative spans"),
    ];
    for (text, message) in table {
        assert_eq!(h(text).validate().unwrap_err().to_string(), message, "{text}");
    }
    for text in [
        "{{}}",
        "{{schema:8 count:3 sum:NaN buckets:[1] offset:-9 n_buckets:[1]}}",
        "{{schema:-53 custom_values:[-1 2] buckets:[1 2 3]}}",
    ] {
        assert_eq!(h(text).validate(), Ok(()), "{text}");
    }
    let spans =
        |spans: &[(i32, u32)]| spans.iter().map(|(offset, length)| Span { offset: *offset, length: *length }).collect();
    let layout = |s: &[(i32, u32)]| FloatHistogram {
        positive_spans: spans(s),
        positive_buckets: vec![1.0],
        ..Default::default()
    };
    assert_eq!(
        layout(&[(0, 1), (-1, 0)]).validate().unwrap_err().to_string(),
        "positive side: span number 2 with offset -1: histogram has a span whose offset is negative"
    );
    assert_eq!(
        layout(&[(0, u32::MAX), (0, u32::MAX)]).validate().unwrap_err().to_string(),
        "positive side: spans need 8589934590 buckets, have 1 buckets: histogram spans specify different number of buckets than provided"
    );
}

#[test]
fn buckets_in_both_directions() {
    let text = "{{schema:0 z_bucket:1 z_bucket_w:0.75 buckets:[2 0 3] n_buckets:[4 5] n_offset:1}}";
    let want = ["[-4,-2):5", "[-2,-1):4", "[-0.75,0.75]:1", "(0.75,1]:2", "(1,2]:0", "(2,4]:3"];
    let shown = |b: Bucket| b.to_string();
    assert_eq!(h(text).ascending().map(shown).collect::<Vec<_>>(), want);
    let mut descending: Vec<_> = h(text).descending().map(shown).collect();
    descending.reverse();
    assert_eq!(descending, want);
    let rules: Vec<_> = h(text).json_buckets().collect();
    assert_eq!(
        rules,
        [(1, -4.0, -2.0, 5.0), (1, -2.0, -1.0, 4.0), (3, -0.75, 0.75, 1.0), (0, 0.75, 1.0, 2.0), (0, 2.0, 4.0, 3.0)]
    );
    assert_eq!(h(text).positive().map(|b| b.index).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn compacted() {
    let spans: &[(i32, u32)] = &[(2, 3), (1, 0), (0, 2), (0, 1), (3, 2)];
    let counts = [0.0, 1.0, 0.0, 0.0, 2.0, 3.0, 0.0, 4.0];
    type Row = (usize, &'static [(i32, u32)], &'static [f64]);
    let table: &[Row] = &[
        (0, &[(3, 1), (3, 2), (4, 1)], &[1.0, 2.0, 3.0, 4.0]),
        (3, &[(3, 6), (4, 1)], &[1.0, 0.0, 0.0, 0.0, 2.0, 3.0, 4.0]),
        (usize::MAX, &[(3, 11)], &[1.0, 0.0, 0.0, 0.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0, 4.0]),
    ];
    for (max, want_spans, want_counts) in table {
        let mut h = FloatHistogram {
            positive_spans: spans.iter().map(|(offset, length)| Span { offset: *offset, length: *length }).collect(),
            positive_buckets: counts.to_vec(),
            ..Default::default()
        };
        h.compact(*max);
        let got: Vec<_> = h.positive_spans.iter().map(|s| (s.offset, s.length)).collect();
        assert_eq!((&got[..], &h.positive_buckets[..]), (*want_spans, *want_counts), "at most {max}");
    }
}

#[test]
fn stale_as_samples_are() {
    assert!(FloatHistogram { sum: crate::stale::STALE_NAN, ..Default::default() }.is_stale());
    assert!(!h("{{sum:NaN}}").is_stale());
}

#[test]
fn sizes() {
    assert_eq!(h("{{}}").size(), 168);
    assert_eq!(h("{{schema:-53 custom_values:[1 2] buckets:[1 2 3]}}").size(), 168 + 8 * 6);
}
