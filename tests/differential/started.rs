//! Counters that know when they began to count, truly or not.

use nightjar_model::histogram::{CounterResetHint, FloatHistogram, Span};
use nightjar_model::{HistogramSample, Labels, Sample, TimestampMs};

use crate::data::{BASE_MS, Series};
use crate::rng::Rng;
use crate::world::{INTERVAL_S, SAMPLES};

/// Where histograms' buckets begin, and how many there are.
const FIRST_BUCKET: i32 = -3;
const BUCKETS: u32 = 8;

/// What start times say.
#[derive(Clone, Copy, Debug)]
enum Truth {
    /// When the process began; with it the count begins anew.
    Honest,
    /// That the process began anew, though the count goes on.
    Silent,
    /// Each sample counts from the sample before.
    Delta,
    /// Nothing, the time of the sample itself, the future, a time before the last sample.
    Odd,
}

/// All series with start times.
pub fn started(seed: u64) -> Vec<Series> {
    let mut rng = Rng::new(seed ^ 0x57a7);
    let mut series = Vec::new();
    let truths = [("honest", Truth::Honest), ("silent", Truth::Silent), ("delta", Truth::Delta), ("odd", Truth::Odd)];
    for (phase, instance) in ["a:1", "b:1"].into_iter().enumerate() {
        for (kind, truth) in truths {
            let labels = |name: &str, metric_type: &str| {
                let own = [("__name__", name), ("__type__", metric_type), ("instance", instance), ("job", "api")];
                Labels::from_pairs(own.into_iter().chain([("kind", kind)]))
            };
            series.push(counter(labels("started_total", "counter"), truth, phase as i64, &mut rng));
            series.push(histograms(labels("started_seconds", "histogram"), truth, phase as i64, &mut rng));
        }
    }
    series
}

/// The times of samples and of what they say to have begun, and whether the count begins anew.
fn times(truth: Truth, phase: i64, rng: &mut Rng) -> Vec<(TimestampMs, TimestampMs, bool)> {
    let mut begin = BASE_MS - 60_000;
    let mut last = BASE_MS - INTERVAL_S * 1000;
    let mut all = Vec::new();
    for i in 0..SAMPLES {
        let t = BASE_MS + i * INTERVAL_S * 1000 + phase * 1_137;
        let anew = rng.one_in(25);
        if rng.one_in(30) {
            continue;
        }
        if anew {
            begin = rng.between(last, t);
        }
        let start = match truth {
            Truth::Honest | Truth::Silent => begin,
            Truth::Delta => last,
            Truth::Odd => match rng.below(6) {
                0 => 0,
                1 => t,
                2 => t + 1000,
                3 => last - 5000,
                _ => begin,
            },
        };
        all.push((t, start, anew && !matches!(truth, Truth::Silent)));
        last = t;
    }
    all
}

fn counter(labels: Labels, truth: Truth, phase: i64, rng: &mut Rng) -> Series {
    let mut series = Series { started: true, ..Series::new(labels) };
    let mut total = 0.0;
    for (timestamp, start, anew) in times(truth, phase, rng) {
        let grown = rng.below(40) as f64;
        total = if anew || matches!(truth, Truth::Delta) { grown } else { total + grown };
        series.samples.push(Sample { timestamp, start, value: total });
    }
    series
}

fn histograms(labels: Labels, truth: Truth, phase: i64, rng: &mut Rng) -> Series {
    let mut series = Series { started: true, ..Series::new(labels) };
    let mut buckets = vec![1.0; BUCKETS as usize];
    for (timestamp, start, anew) in times(truth, phase, rng) {
        if anew || matches!(truth, Truth::Delta) {
            buckets = vec![1.0; BUCKETS as usize];
        }
        buckets.iter_mut().for_each(|count| *count += rng.below(5) as f64);
        series.histograms.push(HistogramSample { timestamp, start, integer: true, histogram: histogram(&buckets) });
    }
    series
}

fn histogram(buckets: &[f64]) -> FloatHistogram {
    let count = buckets.iter().sum::<f64>() + 2.0;
    FloatHistogram {
        counter_reset_hint: CounterResetHint::Unknown,
        schema: 1,
        // The one Prometheus gives to all that come by OTLP.
        zero_threshold: 1e-128,
        zero_count: 2.0,
        count,
        sum: count / 4.0,
        positive_spans: vec![Span { offset: FIRST_BUCKET, length: BUCKETS }],
        negative_spans: Vec::new(),
        positive_buckets: buckets.to_vec(),
        negative_buckets: Vec::new(),
        custom_values: None,
    }
}
