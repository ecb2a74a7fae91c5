//! Rates, differences, sums, averages, resets.

use std::sync::Arc;

use nightjar_model::FloatHistogram;
use nightjar_model::histogram::CounterResetHint;

use super::super::*;
use super::{assert_close, h, samples};

const S: i64 = 1000;
const M: i64 = 60 * S;

/// Time, start timestamp, histogram.
type Sample<'a> = (i64, i64, &'a FloatHistogram);

/// The samples of `series`, one every `step`, that a range up to `end` sees.
struct Series {
    times: Vec<i64>,
    histograms: Vec<Arc<FloatHistogram>>,
}

impl Series {
    fn new(series: &str, step: i64, end: i64, range: i64) -> Series {
        let all = samples(series).into_iter().zip(0..).map(|(h, i)| (i * step, h));
        let (times, histograms) = all.filter(|(t, _)| end - range < *t && *t <= end).unzip();
        Series { times, histograms }
    }

    fn window<'a>(&'a self, starts: &'a [i64], end: i64, range: i64) -> Window<'a> {
        Window { times: &self.times, histograms: &self.histograms, starts, range_start: end - range, range_end: end }
    }
}

#[test]
fn rates_and_increases() {
    use RangeKind::{Increase, Rate};
    let grown = "{{schema:1 count:12 sum:18.4 z_bucket:2 z_bucket_w:0.001 buckets:[1 2 0 1 1] n_buckets:[1 2 0 1 1]}}+{{schema:1 count:9 sum:18.4 z_bucket:1 z_bucket_w:0.001 buckets:[1 1 0 1 1] n_buckets:[1 1 0 1 1]}}x100";
    let jump = "{{schema:0 count:15 sum:25 buckets:[5 10]}} {{schema:0 count:2490 sum:75 buckets:[15 2475]}}x55";
    let gauge = "{{sum:1 count:1 buckets:[1] counter_reset_hint:gauge}} {{sum:2 count:2 buckets:[2] counter_reset_hint:gauge}} {{sum:3 count:3 buckets:[3] counter_reset_hint:gauge}}";
    let mixed = "{{sum:1 count:1 buckets:[1]}} {{schema:-53 sum:1 count:1 custom_values:[5 10] buckets:[1]}} {{sum:5 count:4 buckets:[1 2 1]}} {{schema:-53 sum:1 count:1 custom_values:[5 10] buckets:[1]}}";
    // Series, step, function, evaluation time, range: result, notes.
    type Row<'a> = (&'a str, i64, RangeKind, i64, i64, &'a str, &'a [Note]);
    let table: &[Row<'_>] = &[
        (
            grown,
            15 * S,
            Rate,
            5 * M,
            45 * S,
            "{{schema:1 count:0.6 sum:1.2266666666666652 z_bucket:0.06666666666666667 z_bucket_w:0.001 buckets:[0.06666666666666667 0.06666666666666667 0 0.06666666666666667 0.06666666666666667] n_buckets:[0.06666666666666667 0.06666666666666667 0 0.06666666666666667 0.06666666666666667]}}",
            &[],
        ),
        (
            jump,
            M,
            Increase,
            55 * M,
            90 * M,
            "{{count:2490 sum:50.303030303030305 counter_reset_hint:gauge buckets:[10.06060606060606 2479.939393939394]}}",
            &[],
        ),
        (
            jump,
            M,
            Increase,
            54 * M + 30 * S,
            90 * M,
            "{{count:2512.9166666666665 sum:50.76599326599326 counter_reset_hint:gauge buckets:[10.153198653198652 2502.7634680134674]}}",
            &[],
        ),
        (
            jump,
            M,
            Increase,
            55 * M,
            55 * M + 15 * S,
            "{{count:2486.25 sum:50.227272727272734 counter_reset_hint:gauge buckets:[10.045454545454547 2476.2045454545455]}}",
            &[],
        ),
        (
            gauge,
            30 * S,
            Rate,
            30 * S,
            M,
            "{{count:0.03333333333333333 sum:0.03333333333333333 buckets:[0.03333333333333333]}}",
            &[Note::NotCounter],
        ),
        (
            gauge,
            30 * S,
            Rate,
            M,
            90 * S,
            "{{count:0.03333333333333333 sum:0.03333333333333333 buckets:[0.03333333333333333]}}",
            &[Note::NotCounter],
        ),
        (mixed, 30 * S, Rate, M, 90 * S, "", &[Note::MixedExponentialCustom]),
        (mixed, 30 * S, Rate, 90 * S, 90 * S, "", &[Note::MixedExponentialCustom]),
        (
            mixed,
            30 * S,
            Rate,
            M,
            M,
            "{{count:0.08333333333333333 sum:0.10416666666666666 counter_reset_hint:gauge buckets:[0.020833333333333332 0.041666666666666664 0.020833333333333332]}}",
            &[],
        ),
        (
            mixed,
            30 * S,
            Rate,
            30 * S,
            M,
            "{{schema:-53 sum:0.03333333333333333 count:0.03333333333333333 custom_values:[5 10] buckets:[0.03333333333333333]}}",
            &[],
        ),
        (
            grown,
            15 * S,
            RangeKind::Delta,
            15 * S,
            30 * S,
            "{{schema:1 count:18 sum:36.8 z_bucket:2 z_bucket_w:0.001 buckets:[2 2 0 2 2] n_buckets:[2 2 0 2 2]}}",
            &[Note::NotGauge],
        ),
        (grown, 15 * S, Rate, 0, M, "", &[]),
        ("", S, Rate, 0, M, "", &[]),
    ];
    for (text, step, kind, end, range, want, notes) in table {
        let series = Series::new(text, *step, *end, *range);
        let got = rate(series.window(&[], *end, *range), *kind);
        let what = format!("{kind:?} of {text} up to {end}");
        assert_eq!(got.notes, *notes, "{what}");
        assert_eq!(got.value.is_none(), want.is_empty(), "{what}");
        got.value.iter().for_each(|value| assert_close(value, want, &what));
    }
}

#[test]
fn rates_with_start_timestamps() {
    let text = "{{count:2 sum:2 buckets:[2]}} {{count:3 sum:3 buckets:[3]}} {{count:9 sum:9 buckets:[9]}}";
    // Start timestamps, `increase` over samples at 0, 60 and 120 s in (-30 s, 120 s].
    let table: &[(&[i64], &str, &[Note])] = &[
        (&[], "{{count:8.75 sum:8.75 buckets:[8.75]}}", &[]),
        (&[-20 * S, -20 * S, -20 * S], "{{count:9 sum:9 buckets:[9]}}", &[]),
        (&[-20 * S, -20 * S, 90 * S], "{{count:12 sum:12 buckets:[12]}}", &[]),
        (&[-20 * S, 30 * S, M], "{{count:14 sum:14 buckets:[14]}}", &[]),
        (&[-20 * S, -10 * S, -10 * S], "{{count:9 sum:9 buckets:[9]}}", &[Note::StartTimeOverlap]),
    ];
    let series = Series::new(text, M, 2 * M, 150 * S);
    for (starts, want, notes) in table {
        let got = rate(series.window(starts, 2 * M, 150 * S), RangeKind::Increase);
        assert_close(&got.value.unwrap(), want, &format!("{starts:?}"));
        assert_eq!(got.notes, *notes, "{starts:?}");
    }
    let one = Series::new("{{count:2 sum:2 buckets:[2]}}", M, 0, M);
    assert_eq!(rate(one.window(&[], 0, M), RangeKind::Increase).value, None);
    let got = rate(one.window(&[-10 * S], 0, M), RangeKind::Increase).value.unwrap();
    assert_close(&got, "{{count:2 sum:2 buckets:[2]}}", "one sample that began inside");
}

#[test]
fn last_two_samples() {
    let table: &[(InstantKind, &str, &str, &str, &[Note])] = &[
        (
            InstantKind::Irate,
            "{{schema:-53 sum:55 count:15 custom_values:[2 4 6] buckets:[1 2 5 7]}}",
            "{{schema:-53 sum:555 count:450 custom_values:[1 2 3 4 5 6 7 8] buckets:[10 20 30 40 50 60 70 80 90]}}",
            "{{schema:-53 sum:500 count:435 custom_values:[2 4 6] buckets:[29 68 105 233]}}",
            &[Note::BoundsReconciled(Operation::Subtraction)],
        ),
        (
            InstantKind::Irate,
            "{{schema:-53 sum:55 count:15 custom_values:[2 4 6] buckets:[1 2 5 7]}}",
            "{{schema:-53 sum:56 count:15 custom_values:[2 3 4 6] buckets:[1 0 1 5 8]}}",
            "{{schema:-53 sum:56 count:15 custom_values:[2 3 4 6] buckets:[1 0 1 5 8] counter_reset_hint:gauge}}",
            &[],
        ),
        (
            InstantKind::Idelta,
            "{{count:3 buckets:[3]}}",
            "{{count:1 buckets:[1]}}",
            "{{count:-2 buckets:[-2]}}",
            &[Note::NotGauge],
        ),
        (InstantKind::Irate, "{{count:3}}", "{{schema:-53 count:2}}", "{{schema:-53 count:2}}", &[]),
        (
            InstantKind::Idelta,
            "{{count:3}}",
            "{{schema:-53 count:4}}",
            "",
            &[Note::NotGauge, Note::MixedExponentialCustom],
        ),
    ];
    for (kind, before, now, want, notes) in table {
        let got = instant_rate(*kind, (0, 0, &h(before)), (M, 0, &h(now)));
        assert_eq!(got.notes, *notes, "{before} {now}");
        assert_eq!(got.value.is_none(), want.is_empty());
        if let Some(mut value) = got.value {
            if *kind == InstantKind::Irate {
                value.mul(60.0);
            }
            assert_close(&value, want, &format!("{kind:?} {before} {now}"));
        }
    }
    assert_eq!(instant_rate(InstantKind::Irate, (5, 0, &h("{{}}")), (5, 0, &h("{{}}"))), Noted::default());
}

#[test]
fn sums_and_averages_over_time() {
    let table = [
        (
            "{{schema:0 count:25 sum:1234.5 z_bucket:4 z_bucket_w:0.001 buckets:[1 2 0 1 1] n_buckets:[2 4 0 0 1 9]}} {{schema:0 count:41 sum:2345.6 z_bucket:5 z_bucket_w:0.001 buckets:[1 3 1 2 1 1 1] n_buckets:[0 1 4 2 7 0 0 0 0 5 5 2]}}x1 {{schema:1 count:0}}",
            "{{schema:0 count:107 sum:5925.7 z_bucket:14 z_bucket_w:0.001 buckets:[3 8 2 5 3 2 2] n_buckets:[2 6 8 4 15 9 0 0 0 10 10 4]}}",
            "{{schema:0 count:26.75 sum:1481.425 z_bucket:3.5 z_bucket_w:0.001 buckets:[0.75 2 0.5 1.25 0.75 0.5 0.5] n_buckets:[0.5 1.5 2 1 3.75 2.25 0 0 0 2.5 2.5 1]}}",
        ),
        (
            "{{count:1 sum:1}} {{count:2 sum:1e100}} {{count:3 sum:1}} {{count:4 sum:-1e100}}",
            "{{count:10 sum:2}}",
            "{{count:2.5 sum:0.5}}",
        ),
        (
            "{{count:1.7976931348623157e+308 sum:1}} {{count:1e308 sum:1e100}} {{count:1e-6 sum:1}} {{count:1e-6 sum:-1e100}}",
            "{{count:Inf sum:2}}",
            "{{count:6.99423283715578e+307 sum:0.5}}",
        ),
        ("{{count:1 sum:2 buckets:[1]}}", "{{count:1 sum:2 buckets:[1]}}", "{{count:1 sum:2 buckets:[1]}}"),
    ];
    for (text, sum, average) in table {
        let (total, mean) = (sum_over_time(&samples(text)), avg_over_time(&samples(text)));
        assert!(total.notes.is_empty() && mean.notes.is_empty());
        assert_close(&total.value.unwrap(), sum, text);
        assert_close(&mean.value.unwrap(), average, text);
    }
    let remarks: &[(&str, &[Note], bool)] = &[
        ("", &[], true),
        ("{{}} {{schema:-53}}", &[Note::MixedExponentialCustom], true),
        (
            "{{counter_reset_hint:reset}} {{counter_reset_hint:not_reset}}",
            &[Note::CounterResetCollision(Operation::Aggregation)],
            false,
        ),
        ("{{schema:-53 custom_values:[1]}} {{schema:-53}}", &[Note::BoundsReconciled(Operation::Aggregation)], false),
    ];
    for (text, notes, none) in remarks {
        for got in [sum_over_time(&samples(text)), avg_over_time(&samples(text))] {
            assert_eq!((&got.notes[..], got.value.is_none()), (*notes, *none), "{text}");
        }
    }
}

#[test]
fn neighbours() {
    let series = Series::new(
        "{{count:1 buckets:[1]}} {{count:1 buckets:[1]}} {{count:2 buckets:[2]}} {{count:2 buckets:[1 1]}} {{count:1 buckets:[1]}}",
        M,
        9 * M,
        10 * M,
    );
    let pairs = |starts: [i64; 5], differ: fn(Sample<'_>, Sample<'_>) -> bool| {
        let at = |i: usize| (series.times[i], starts[i], &*series.histograms[i]);
        (1..5).filter(|i| differ(at(i - 1), at(*i))).count()
    };
    assert_eq!(pairs([0; 5], is_reset), 2);
    assert_eq!(pairs([0, 30 * S, 0, 0, 0], is_reset), 3);
    assert_eq!(pairs([0; 5], |a, b| !a.2.equals(b.2)), 3);
}

#[test]
fn anchored_and_smoothed() {
    let series = Series::new(
        "{{count:0}} {{count:6 buckets:[6]}} {{count:2 buckets:[2]}} {{count:4 buckets:[4]}}",
        M,
        3 * M,
        4 * M,
    );
    // From 30 s to 150 s; anchored: the samples at 0 and 180 s are the neighbours, of which only the first is used.
    let window = Window { range_start: 30 * S, range_end: 150 * S, ..series.window(&[], 0, 0) };
    let inside = Window { times: &series.times[..3], histograms: &series.histograms[..3], ..window };
    let got = extended_rate(inside, RangeKind::Increase, false).value.unwrap();
    assert_close(&got, "{{count:8 buckets:[8] counter_reset_hint:gauge}}", "anchored: 0 to 6, then from zero to 2");
    let got = extended_rate(window, RangeKind::Increase, true).value.unwrap();
    assert_close(&got, "{{count:6 buckets:[6] counter_reset_hint:gauge}}", "smoothed: 3 to 6, then from zero to 3");
    let (before, after) = (h("{{count:2 buckets:[2]}}"), h("{{count:4 buckets:[4]}}"));
    let middle = interpolate((0, &before), (4, &after), 1, true).unwrap();
    assert_close(&middle.value, "{{count:2.5 buckets:[2.5]}}", "a quarter of the way");
    let middle = interpolate((0, &after), (4, &before), 1, true).unwrap();
    assert_close(&middle.value, "{{count:0.5 buckets:[0.5]}}", "a quarter of the way from zero");
}

#[test]
fn binary_operators() {
    let (a, b) = (
        h("{{count:3 buckets:[1 2] counter_reset_hint:reset}}"),
        h("{{count:1 buckets:[1] counter_reset_hint:not_reset}}"),
    );
    let sum = add(&a, &b).unwrap();
    assert_eq!(sum.notes, [Note::CounterResetCollision(Operation::Addition)]);
    assert_eq!(sum.value, h("{{count:4 buckets:[2 2]}}"));
    let difference = subtract(&a, &b).unwrap();
    assert_eq!(difference.notes, [Note::CounterResetCollision(Operation::Subtraction)]);
    assert_close(&difference.value, "{{count:2 buckets:[0 2] counter_reset_hint:gauge}}", "difference");
    assert!(add(&a, &h("{{schema:-53}}")).is_err() && subtract(&a, &h("{{schema:-53}}")).is_err());
    assert_eq!(multiply(&a, 0.0), h("{{counter_reset_hint:reset}}"));
    assert_eq!(divide(&a, -1.0), h("{{count:-3 buckets:[-1 -2] counter_reset_hint:gauge}}"));
}

#[test]
fn stats_keep_what_buckets_knew() {
    use CounterResetHint::{Gauge, NotReset, Reset, Unknown};
    let mut stats = StatsOnly::default();
    let series = samples(
        "{{count:1 sum:1 buckets:[1]}} {{count:1 sum:2 buckets:[0 1]}} {{count:3 sum:3 buckets:[0 3]}} {{count:1 counter_reset_hint:gauge}}",
    );
    let got: Vec<_> = series.iter().map(|h| stats.next(h)).collect();
    assert_eq!(got.iter().map(|h| h.counter_reset_hint).collect::<Vec<_>>(), [Unknown, Reset, NotReset, Gauge]);
    assert_eq!(got[1], FloatHistogram { count: 1.0, sum: 2.0, counter_reset_hint: Reset, ..Default::default() });
}
