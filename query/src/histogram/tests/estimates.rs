//! Quantiles, fractions, variances.

use super::super::*;
use super::{close, h};

const POSITIVE: &str = "{{schema:0 count:12 sum:100 z_bucket:2 z_bucket_w:0.001 buckets:[2 3 0 1 4]}}";
const NEGATIVE: &str = "{{schema:0 count:12 sum:100 z_bucket:2 z_bucket_w:0.001 n_buckets:[2 3 0 1 4]}}";
const BOTH: &str =
    "{{schema:0 count:24 sum:100 z_bucket:4 z_bucket_w:0.001 buckets:[2 3 0 1 4] n_buckets:[2 3 0 1 4]}}";
const CUSTOM: &str = "{{schema:-53 sum:172.5 count:15 custom_values:[5 10 15 20] buckets:[1 6 4 3 1]}}";

#[test]
fn quantiles() {
    let table = [
        (POSITIVE, 1.001, f64::INFINITY),
        (POSITIVE, 1.0, 16.0),
        (POSITIVE, 0.99, 15.67072476139083),
        (POSITIVE, 0.9, 12.99603834169977),
        (POSITIVE, 0.6, 4.594793419988138),
        (POSITIVE, 0.5, 1.5874010519681994),
        (POSITIVE, 0.1, 0.0006),
        (POSITIVE, 0.0, 0.0),
        (POSITIVE, -1.0, f64::NEG_INFINITY),
        (POSITIVE, f64::NAN, f64::NAN),
        (NEGATIVE, 1.0, 0.0),
        (NEGATIVE, 0.99, -0.00006),
        (NEGATIVE, 0.9, -0.0006),
        (NEGATIVE, 0.5, -1.5874010519681996),
        (NEGATIVE, 0.1, -12.996038341699768),
        (NEGATIVE, 0.0, -16.0),
        (BOTH, 1.0, 16.0),
        (BOTH, 0.7, 1.2030250360821164),
        (BOTH, 0.55, 0.0006),
        (BOTH, 0.5, 0.0),
        (BOTH, 0.45, -0.0006),
        (BOTH, 0.3, -1.2030250360821169),
        (BOTH, 0.01, -15.34822590920423),
        ("{{}}", 0.5, f64::NAN),
        ("{{z_bucket:1 z_bucket_w:0.5 sum:0.25 count:1}}", 0.5, 0.0),
        ("{{sum:0 count:8 buckets:[1 2 1] n_buckets:[1 2 1]}}", 0.5, 0.5),
        ("{{schema:-1 sum:6 count:5 buckets:[0 5]}}", 0.5, 2.0),
        ("{{schema:1 sum:4 count:5 buckets:[0 5]}}", 0.5, 1.189207),
        (CUSTOM, 0.0, 0.0),
        (CUSTOM, 0.5, 10.0 + 5.0 * 0.5 / 4.0),
        (CUSTOM, 1.0, 20.0),
        ("{{schema:-53 count:3 sum:1 custom_values:[-2 3] buckets:[2 1]}}", 0.1, -2.0),
    ];
    for (text, q, want) in table {
        let got = quantile(q, &h(text));
        assert!(close(got.value, want) && got.notes.is_empty(), "{q} of {text}: {got:?} not {want}");
    }
}

#[test]
fn quantiles_with_nan_observations() {
    let (all, some) = ("{{count:3 sum:NaN}}", "{{count:15 sum:NaN buckets:[12]}}");
    let table = [
        (all, 1.0, f64::NAN, Some(Note::QuantileNanResult)),
        (some, 1.0, f64::NAN, Some(Note::QuantileNanResult)),
        (some, 0.81, f64::NAN, Some(Note::QuantileNanResult)),
        (some, 0.8, 1.0, Some(Note::QuantileNanSkew)),
        (all, 0.4, f64::NAN, Some(Note::QuantileNanResult)),
        (some, 0.4, std::f64::consts::FRAC_1_SQRT_2, Some(Note::QuantileNanSkew)),
        ("{{count:12 sum:NaN buckets:[12]}}", 0.5, std::f64::consts::FRAC_1_SQRT_2, None),
    ];
    for (text, q, want, note) in table {
        let got = quantile(q, &h(text));
        assert!(close(got.value, want), "{q} of {text}: {} not {want}", got.value);
        assert_eq!(got.notes, Vec::from_iter(note), "{q} of {text}");
    }
    for (lower, upper, text, want) in [
        (f64::NEG_INFINITY, std::f64::consts::FRAC_1_SQRT_2, all, 0.0),
        (f64::NEG_INFINITY, std::f64::consts::FRAC_1_SQRT_2, some, 0.4),
        (f64::NEG_INFINITY, f64::INFINITY, some, 0.8),
    ] {
        let got = fraction(lower, upper, &h(text));
        assert!(close(got.value, want) && got.notes == [Note::FractionNan], "{text}: {got:?} not {want}");
    }
}

#[test]
fn fractions() {
    let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
    let table = [
        ("{{sum:5 count:4 buckets:[1 2 1]}}", 1.0, 2.0, 0.5),
        ("{{sum:-5 count:4 n_buckets:[1 2 1]}}", -2.0, -1.0, 0.5),
        ("{{sum:0 count:8 buckets:[1 2 1] n_buckets:[1 2 1]}}", 0.0, 4.0, 0.5),
        ("{{z_bucket:1 z_bucket_w:0.5 sum:0.25 count:1}}", -0.5, 0.5, 1.0),
        ("{{schema:-1 sum:6 count:5 buckets:[0 5]}}", 0.0, 2.0, 0.5),
        ("{{schema:0 sum:4 count:5 buckets:[0 5]}}", 0.0, std::f64::consts::SQRT_2, 0.5),
        (BOTH, low, high, 1.0),
        (BOTH, high, low, 0.0),
        (BOTH, f64::NAN, 1.0, f64::NAN),
        ("{{}}", 0.0, 1.0, f64::NAN),
        (POSITIVE, 0.0, 0.0005, 1.0 / 12.0),
        (NEGATIVE, -0.0005, 0.0, 1.0 / 12.0),
        (CUSTOM, low, 12.5, 9.0 / 15.0),
        (CUSTOM, 17.5, high, 2.5 / 15.0),
        (CUSTOM, low, 30.0, 14.0 / 15.0),
    ];
    for (text, lower, upper, want) in table {
        let got = fraction(lower, upper, &h(text));
        assert!(close(got.value, want) && got.notes.is_empty(), "{lower}..{upper} of {text}: {got:?} not {want}");
    }
}

#[test]
fn spreads() {
    let table = [
        ("{{schema:2 count:4 sum:10 buckets:[1 0 0 0 1 0 0 1 1]}}", 2.5, 1.163807968526718),
        ("{{schema:8 count:10 sum:10 buckets:[1 2 3 4]}}", 1.0, 2.3971123370139447e-05),
        (
            "{{schema:0 count:10 sum:-112946 n_buckets:[0 0 1 1 1 0 1 1 0 0 3 0 0 0 1 0 0 1]}}",
            -11294.6,
            759352122.1939945,
        ),
        ("{{schema:0 count:10 sum:-100 n_buckets:[0 0 0 0 10]}}", -10.0, 1.725830020304794),
        ("{{count:7 sum:NaN buckets:[7]}}", f64::NAN, f64::NAN),
        ("{{count:7 sum:Inf buckets:[7]}}", f64::INFINITY, f64::INFINITY),
        ("{{}}", f64::NAN, f64::NAN),
    ];
    for (text, mean, variance) in table {
        assert!(close(average(&h(text)), mean), "{text}");
        assert!(close(stdvar(&h(text)), variance), "{text}: {} not {variance}", stdvar(&h(text)));
        assert!(close(stddev(&h(text)), variance.sqrt()), "{text}");
    }
}
