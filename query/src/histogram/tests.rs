//! Kernels: the facts of Prometheus' `native_histograms.test` as tables, and laws as properties.

mod estimates;
mod laws;
mod ranges;
mod trims;

use std::sync::Arc;

use nightjar_model::FloatHistogram;
use nightjar_model::histogram::{parse, series_item};

/// The histogram a script expression describes.
fn h(text: &str) -> FloatHistogram {
    parse(text).unwrap_or_else(|e| panic!("{text}: {e}")).histogram
}

/// The samples a series of script expressions describes.
fn samples(text: &str) -> Vec<Arc<FloatHistogram>> {
    let (mut rest, mut all) = (text, Vec::new());
    while !rest.trim_start().is_empty() {
        rest = rest.trim_start();
        let (some, used) = series_item(rest).unwrap_or_else(|e| panic!("{rest}: {e}"));
        all.extend(some.into_iter().map(|described| Arc::new(described.histogram)));
        rest = &rest[used..];
    }
    all
}

/// Equal as test scripts compare.
fn close(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-6 * (a.abs() + b.abs())
}

/// Equal as test scripts compare, hint included if `want` has one.
fn assert_close(got: &FloatHistogram, want: &str, what: &str) {
    let (mut got, mut want) = (got.clone(), h(want));
    got.compact(0);
    want.compact(0);
    let amounts = |h: &FloatHistogram| {
        let buckets = h.positive_buckets.iter().chain(&h.negative_buckets);
        [h.count, h.sum, h.zero_count].iter().chain(buckets).copied().collect::<Vec<_>>()
    };
    let near = amounts(&got).iter().zip(amounts(&want)).all(|(a, b)| close(*a, b));
    let form = |h: &FloatHistogram| (h.schema, h.zero_threshold, h.bounds().to_vec());
    let hint = want.counter_reset_hint == Default::default() || want.counter_reset_hint == got.counter_reset_hint;
    assert!(
        near && hint && form(&got) == form(&want) && got.same_layout(&want),
        "{what}: {} not {}",
        got.test_expression(),
        want.test_expression()
    );
}
