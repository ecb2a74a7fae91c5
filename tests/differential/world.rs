//! The data of the random test: counters with resets, gauges with NaN and infinities, gaps, stale markers, series that come
//! and go, classic and native histograms, and series that change their kind.

use std::collections::BTreeMap;

use nightjar_model::histogram::{CounterResetHint, FloatHistogram, Span};
use nightjar_model::{HistogramSample, Labels, STALE_NAN};

use crate::data::{BASE_MS, SLICE_MS, Series};
use crate::explained::Buckets;
use crate::peer::Version;
use crate::rng::Rng;

/// Seconds between two samples.
pub const INTERVAL_S: i64 = 15;
/// Samples of a series without gaps: two hours.
pub const SAMPLES: i64 = 480;
/// How long the data is.
pub const SPAN_S: i64 = INTERVAL_S * SAMPLES;

/// Native histograms were an experiment before: storage lost some, and arithmetic was another.
pub const FIRST_WITH_NATIVE: Version = (3, 8);

/// What a series does over time: its value at a step, `None` in a gap.
type Course<'a> = &'a mut dyn FnMut(&mut Rng, i64) -> Option<f64>;

struct World {
    rng: Rng,
    series: Vec<Series>,
    base: i64,
    buckets: Buckets,
}

/// All series for a seed.
pub fn world(seed: u64, version: Version, buckets: Buckets) -> Vec<Series> {
    // No sample lies on a window's edge for those that would count it in.
    let base = if version < (3, 0) { BASE_MS + 137 } else { BASE_MS };
    let mut world = World { rng: Rng::new(seed), series: Vec::new(), base, buckets };
    world.counters();
    world.gauges();
    world.churn();
    world.classic_histograms();
    if version >= FIRST_WITH_NATIVE {
        world.native_histograms();
    }
    world.information();
    // Older ones take these labels for any others.
    if version >= (3, 14) {
        world.typed();
    }
    if version >= (3, 0) {
        world.floats(&[("__name__", "utf8.name"), ("dotted.label", "a b")], 3, &mut |rng, _| Some(rng.below(9) as f64));
        world.floats(&[("__name__", "utf8.name"), ("dotted.label", "ü")], 3, &mut |_, i| Some(i as f64));
    }
    world.series
}

impl World {
    /// One float series. Most samples come on time, `phase` instances after the full interval; some are lost, and where
    /// the course has a gap a stale marker may stand.
    fn floats(&mut self, labels: &[(&str, &str)], phase: i64, course: Course<'_>) {
        let mut series = Series::new(Labels::from_pairs(labels.iter().copied()));
        let mut there = false;
        for i in 0..SAMPLES {
            let t = self.base + i * INTERVAL_S * 1000 + phase * 1_137;
            match course(&mut self.rng, i) {
                Some(_) if self.rng.one_in(40) => {}
                Some(value) => {
                    series.float(t, value);
                    there = true;
                }
                None if there => {
                    if !self.rng.one_in(4) {
                        series.float(t, STALE_NAN);
                    }
                    there = false;
                }
                None => {}
            }
        }
        self.series.push(series);
    }

    fn counters(&mut self) {
        for (phase, instance) in ["a:1", "b:1", "c:1"].into_iter().enumerate() {
            for job in ["api", "web"] {
                for code in ["200", "404", "500"] {
                    let (mut total, mut gap) = (0.0, 0);
                    let labels = [("__name__", "requests_total"), ("code", code), ("instance", instance), ("job", job)];
                    self.floats(&labels, phase as i64, &mut |rng, _| {
                        total = if rng.one_in(90) { rng.below(3) as f64 } else { total + rng.below(50) as f64 };
                        gap = if rng.one_in(120) { rng.between(1, 40) } else { gap - 1 };
                        (gap <= 0).then_some(total)
                    });
                }
                let mut seconds = 0.0;
                let labels = [("__name__", "cpu_seconds_total"), ("instance", instance), ("job", job)];
                self.floats(&labels, phase as i64, &mut |rng, _| {
                    seconds += rng.below(1000) as f64 / 1000.0;
                    Some(seconds)
                });
            }
        }
    }

    fn gauges(&mut self) {
        for (phase, instance) in ["a:1", "b:1", "c:1"].into_iter().enumerate() {
            for job in ["api", "web"] {
                let mut level = self.rng.between(-20, 80) as f64;
                let labels = [("__name__", "temperature"), ("instance", instance), ("job", job)];
                self.floats(&labels, phase as i64, &mut |rng, _| {
                    level += rng.between(-100, 100) as f64 / 64.0;
                    Some(level)
                });
            }
            let labels = [("__name__", "up"), ("instance", instance), ("job", "api")];
            self.floats(&labels, phase as i64, &mut |rng, _| Some(if rng.one_in(10) { 0.0 } else { 1.0 }));
        }
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, 1e308, -1e308, 1e-300, 1.0, -1.0, 1e-7, 1e21];
        for kind in ["some", "often", "rare"] {
            let labels = [("__name__", "odd"), ("instance", "a:1"), ("job", "api"), ("kind", kind)];
            self.floats(&labels, 0, &mut |rng, i| {
                let strange = match kind {
                    "some" => rng.one_in(3),
                    "often" => true,
                    _ => rng.one_in(50),
                };
                Some(if strange { odd[rng.below(odd.len() as u64) as usize] } else { i as f64 / 8.0 })
            });
        }
    }

    fn churn(&mut self) {
        for pod in 0..8i64 {
            let name = format!("pod-{pod}");
            let job = if pod % 2 == 0 { "api" } else { "web" };
            let labels = [("__name__", "pod_load"), ("instance", "a:1"), ("job", job), ("pod", name.as_str())];
            let life = pod * 55..pod * 55 + 90;
            self.floats(&labels, 1, &mut |rng, i| life.contains(&i).then(|| rng.below(400) as f64 / 16.0));
        }
    }

    fn classic_histograms(&mut self) {
        let bounds = ["0.1", "0.5", "1", "5", "+Inf"];
        for (instance, job) in [("a:1", "api"), ("b:1", "api"), ("a:1", "web")] {
            let mut rng = Rng::new(self.rng.next());
            let steps: Vec<[u64; 5]> = (0..SAMPLES).map(|_| std::array::from_fn(|_| rng.below(6))).collect();
            let reset = rng.between(100, 400);
            let until = |i: i64, upto: usize| -> f64 {
                let first = if i >= reset { reset } else { 0 };
                (first..=i).map(|i| steps[i as usize][..=upto].iter().sum::<u64>() as f64).sum()
            };
            for (b, le) in bounds.into_iter().enumerate() {
                let name = ("__name__", "latency_seconds_bucket");
                self.floats(&[name, ("instance", instance), ("job", job), ("le", le)], 0, &mut |_, i| {
                    Some(until(i, b))
                });
            }
            for (name, upto) in [("latency_seconds_count", 4), ("latency_seconds_sum", 2)] {
                let labels = [("__name__", name), ("instance", instance), ("job", job)];
                self.floats(&labels, 0, &mut |_, i| Some(until(i, upto) * 0.375));
            }
        }
        // Not monotone, without a last bucket, with a bound that is none.
        for (kind, les) in [("falling", ["1", "2", "+Inf"]), ("open", ["1", "2", "4"]), ("text", ["1", "x", "+Inf"])] {
            for (b, le) in les.into_iter().enumerate() {
                let labels =
                    [("__name__", "broken_bucket"), ("instance", "a:1"), ("job", "api"), ("kind", kind), ("le", le)];
                self.floats(&labels, 0, &mut |rng, i| Some((i * (b as i64 + 1)) as f64 + rng.below(30) as f64));
            }
        }
    }

    /// One series of native histograms, and of floats where `mixed` says so.
    fn histograms(&mut self, labels: &[(&str, &str)], phase: i64, mut shape: Shape, mixed: bool) {
        let mut series = Series::new(Labels::from_pairs(labels.iter().copied()));
        for i in 0..SAMPLES {
            let t = self.base + i * INTERVAL_S * 1000 + phase * 1_137;
            let histogram = shape.next(&mut self.rng, i, self.buckets);
            if self.rng.one_in(30) {
                continue;
            }
            // Requests cannot hold both kinds: the floats would be taken first.
            if mixed && (t - phase * 1_137).div_euclid(SLICE_MS) % 2 == 1 {
                series.float(t, i as f64);
                continue;
            }
            let integer = shape.integer && histogram.custom_values.is_none();
            series.histograms.push(HistogramSample { timestamp: t, start: 0, integer, histogram });
        }
        self.series.push(series);
    }

    fn native_histograms(&mut self) {
        for (phase, instance) in ["a:1", "b:1", "c:1"].into_iter().enumerate() {
            for job in ["api", "web"] {
                let labels = [("__name__", "native_seconds"), ("instance", instance), ("job", job)];
                let shape = Shape { schema: 2 - phase as i32, integer: job == "api", ..Shape::default() };
                self.histograms(&labels, phase as i64, shape, false);
            }
            let labels = [("__name__", "native_gauge"), ("instance", instance), ("job", "api")];
            let shape = Shape { gauge: true, negative: true, ..Shape::default() };
            self.histograms(&labels, phase as i64, shape, false);
        }
        let labels = [("__name__", "mixed_total"), ("instance", "a:1"), ("job", "api")];
        self.histograms(&labels, 0, Shape::default(), true);
        let labels = [("__name__", "mixed_total"), ("instance", "b:1"), ("job", "api")];
        let mut total = 0.0;
        self.floats(&labels, 1, &mut |rng, _| {
            total += rng.below(7) as f64;
            Some(total)
        });
        let bounds: [&[f64]; 3] = [&[0.1, 1.0, 10.0], &[0.1, 1.0, 10.0], &[0.5, 1.0, 10.0, 100.0]];
        for (instance, bounds) in ["a:1", "b:1", "c:1"].into_iter().zip(bounds) {
            let labels = [("__name__", "custom_seconds"), ("instance", instance), ("job", "api")];
            self.histograms(&labels, 0, Shape { custom: bounds, ..Shape::default() }, false);
        }
    }

    fn information(&mut self) {
        for (instance, version) in [("a:1", "1"), ("b:1", "1"), ("c:1", "2")] {
            for job in ["api", "web"] {
                let labels = [("__name__", "target_info"), ("instance", instance), ("job", job), ("version", version)];
                // One is upgraded half-way.
                let upgraded = (instance, job) == ("a:1", "api");
                self.floats(&labels, 2, &mut |_, i| (!upgraded || i < SAMPLES / 2).then_some(1.0));
                if upgraded {
                    let labels = [("__name__", "target_info"), ("instance", instance), ("job", job), ("version", "3")];
                    self.floats(&labels, 2, &mut |_, i| (i >= SAMPLES / 2).then_some(1.0));
                }
            }
            let labels = [("__name__", "build_info"), ("instance", instance), ("job", "api"), ("revision", "abc")];
            self.floats(&labels, 0, &mut |_, _| Some(1.0));
        }
    }

    /// Counters and gauges that say what they are, and others that say it wrongly.
    fn typed(&mut self) {
        for (name, metric_type, unit) in
            [("typed_total", "counter", "seconds"), ("typed", "counter", ""), ("typed_total", "gauge", "")]
        {
            let mut total = 0.0;
            let labels = [
                ("__name__", name),
                ("__type__", metric_type),
                ("__unit__", unit),
                ("instance", "a:1"),
                ("job", "api"),
            ];
            let labels: Vec<_> = labels.into_iter().filter(|(_, value)| !value.is_empty()).collect();
            self.floats(&labels, 0, &mut |rng, _| {
                total = if rng.one_in(60) { 0.0 } else { total + rng.below(5) as f64 };
                Some(total)
            });
        }
    }
}

/// A native histogram in motion.
#[derive(Default)]
struct Shape {
    schema: i32,
    integer: bool,
    gauge: bool,
    negative: bool,
    custom: &'static [f64],
    positive_buckets: BTreeMap<i32, f64>,
    negative_buckets: BTreeMap<i32, f64>,
    zero: f64,
    sum: f64,
}

impl Shape {
    fn next(&mut self, rng: &mut Rng, i: i64, all: Buckets) -> FloatHistogram {
        if rng.one_in(100) || (self.gauge && rng.one_in(3)) {
            let (schema, integer, gauge, negative) = (self.schema, self.integer, self.gauge, self.negative);
            *self = Shape { schema, integer, gauge, negative, custom: self.custom, ..Shape::default() };
        }
        if i == 300 && self.custom.is_empty() && !self.gauge {
            // A finer resolution starts anew.
            *self =
                Shape { schema: self.schema + 1, integer: self.integer, negative: self.negative, ..Shape::default() };
        }
        if self.negative {
            // Whether there are buckets on either side must not depend on what storage thinks of empty ones.
            self.positive_buckets.entry(0).or_insert(1.0);
            self.negative_buckets.entry(0).or_insert(1.0);
        }
        let buckets = if self.custom.is_empty() { -6..7 } else { 0..self.custom.len() as i32 + 1 };
        if all == Buckets::All {
            for bucket in buckets.clone() {
                self.positive_buckets.entry(bucket).or_default();
                if self.negative {
                    self.negative_buckets.entry(bucket).or_default();
                }
            }
        }
        for _ in 0..rng.below(6) {
            let bucket = rng.between(i64::from(buckets.start), i64::from(buckets.end) - 1) as i32;
            let count = rng.between(1, 4) as f64 + if self.integer { 0.0 } else { 0.5 };
            self.sum += count * f64::from(bucket) / 8.0;
            if self.negative && rng.one_in(3) {
                *self.negative_buckets.entry(bucket).or_default() += count;
            } else if self.custom.is_empty() && rng.one_in(5) {
                self.zero += count;
            } else {
                *self.positive_buckets.entry(bucket).or_default() += count;
            }
        }
        self.snapshot()
    }

    fn snapshot(&self) -> FloatHistogram {
        let (positive_spans, positive_buckets) = spans(&self.positive_buckets);
        let (negative_spans, negative_buckets) = spans(&self.negative_buckets);
        let count = self.zero + positive_buckets.iter().sum::<f64>() + negative_buckets.iter().sum::<f64>();
        let custom = !self.custom.is_empty();
        FloatHistogram {
            counter_reset_hint: if self.gauge { CounterResetHint::Gauge } else { CounterResetHint::Unknown },
            schema: if custom { -53 } else { self.schema },
            zero_threshold: if custom { 0.0 } else { 0.001 },
            zero_count: self.zero,
            count,
            sum: self.sum,
            positive_spans,
            negative_spans,
            positive_buckets,
            negative_buckets,
            custom_values: custom.then(|| self.custom.into()),
        }
    }
}

fn spans(buckets: &BTreeMap<i32, f64>) -> (Vec<Span>, Vec<f64>) {
    let mut spans: Vec<Span> = Vec::new();
    let mut next = 0;
    for (i, (index, _)) in buckets.iter().enumerate() {
        match spans.last_mut() {
            Some(span) if *index == next => span.length += 1,
            _ => spans.push(Span { offset: if i == 0 { *index } else { *index - next }, length: 1 }),
        }
        next = *index + 1;
    }
    (spans, buckets.values().copied().collect())
}
