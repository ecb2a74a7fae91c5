//! A storage in memory, for tests of rules and of ours.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use nightjar_model::histogram::CounterResetHint;
use nightjar_model::number::format_g;
use nightjar_model::storage::{
    FloatColumn, HistogramColumn, Listing, Querier, SelectHints, SeriesData, SeriesSet, Storage, StorageError,
};
use nightjar_model::{ClosedRange, Exemplar, FloatHistogram, Labels, MatchOp, Matcher, TimestampMs};
use nightjar_query::SampleValue;
use parking_lot::RwLock;

use crate::sink::{AlertBatch, Refusal, RuleSample, Sink};

/// One series: its samples ascend in time.
type Samples = Arc<Vec<(TimestampMs, SampleValue)>>;

/// Series by metric name, then by labels.
type Metrics = HashMap<String, BTreeMap<Labels, Samples>>;

/// All series of a test. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    metrics: Arc<RwLock<Metrics>>,
}

impl Memory {
    /// Adds a sample as a Prometheus without an out-of-order window does.
    pub(crate) fn append(&self, labels: &Labels, timestamp: TimestampMs, value: SampleValue) -> Result<(), String> {
        let mut metrics = self.metrics.write();
        let series = metrics.entry(labels.metric_name().to_owned()).or_default().entry(labels.clone()).or_default();
        if let Some((newest, existing)) = series.last() {
            if timestamp < *newest {
                return Err("out of order sample".to_owned());
            }
            if timestamp == *newest {
                return repeated(timestamp, existing, &value);
            }
        }
        let value = match value {
            SampleValue::Histogram(h) => SampleValue::Histogram(hinted(h, series.last().map(|(_, v)| v))),
            float => float,
        };
        Arc::make_mut(series).push((timestamp, value));
        Ok(())
    }
}

fn repeated(timestamp: TimestampMs, existing: &SampleValue, new: &SampleValue) -> Result<(), String> {
    let same = match (existing, new) {
        (SampleValue::Float(a), SampleValue::Float(b)) => a.to_bits() == b.to_bits(),
        (SampleValue::Histogram(a), SampleValue::Histogram(b)) => {
            FloatHistogram { counter_reset_hint: b.counter_reset_hint, ..(**a).clone() }.equals(b)
        }
        _ => false,
    };
    match (existing, new) {
        _ if same => Ok(()),
        (SampleValue::Float(a), SampleValue::Float(b)) => Err(format!(
            "duplicate sample for timestamp {timestamp}; overrides not allowed: existing {}, new value {}",
            format_g(*a),
            format_g(*b)
        )),
        _ => Err(format!("duplicate sample for timestamp {timestamp}; overrides not allowed")),
    }
}

/// The histogram with the hint Prometheus reads back: whether it continues the sample before.
fn hinted(h: Arc<FloatHistogram>, previous: Option<&SampleValue>) -> Arc<FloatHistogram> {
    let hint = match previous {
        _ if h.counter_reset_hint == CounterResetHint::Gauge => CounterResetHint::Gauge,
        Some(SampleValue::Histogram(previous)) if continues(&h, previous) => CounterResetHint::NotReset,
        _ => CounterResetHint::Unknown,
    };
    if h.counter_reset_hint == hint {
        return h;
    }
    Arc::new(FloatHistogram { counter_reset_hint: hint, ..(*h).clone() })
}

fn continues(h: &FloatHistogram, previous: &FloatHistogram) -> bool {
    if previous.counter_reset_hint == CounterResetHint::Gauge || h.counter_reset_hint == CounterResetHint::Reset {
        return false;
    }
    if h.is_stale() || previous.is_stale() {
        return h.is_stale();
    }
    let unhinted = FloatHistogram { counter_reset_hint: CounterResetHint::Unknown, ..h.clone() };
    h.schema == previous.schema
        && h.zero_threshold == previous.zero_threshold
        && h.custom_values == previous.custom_values
        && !unhinted.detect_reset(previous)
}

impl Sink for Memory {
    fn write(&mut self, samples: &[RuleSample]) -> Result<Vec<Refusal>, String> {
        let mut refusals = Vec::new();
        for (index, sample) in samples.iter().enumerate() {
            if let Err(reason) = self.append(&sample.labels, sample.timestamp, sample.value.clone()) {
                refusals.push(Refusal { index, reason });
            }
        }
        Ok(refusals)
    }

    fn send(&mut self, _: AlertBatch) {}
}

impl Storage for Memory {
    fn querier(&self, _: ClosedRange) -> Result<Box<dyn Querier>, StorageError> {
        Ok(Box::new(self.clone()))
    }
}

impl Querier for Memory {
    fn select(&self, matchers: &[Matcher], hints: &SelectHints) -> Result<Box<dyn SeriesSet>, StorageError> {
        let metrics = self.metrics.read();
        let name = matchers.iter().find(|m| &*m.name == "__name__" && m.op == MatchOp::Equal);
        let series: Box<dyn Iterator<Item = (&Labels, &Samples)>> = match name {
            Some(name) => Box::new(metrics.get(&*name.value).into_iter().flatten()),
            None => Box::new(metrics.values().flatten()),
        };
        let matches = |labels: &Labels| matchers.iter().all(|m| m.matches(labels.value(&m.name)));
        let reaches = |samples: &Samples| {
            let from = samples.partition_point(|(t, _)| *t < hints.range.start);
            samples.get(from).is_some_and(|(t, _)| *t <= hints.range.end)
        };
        let mut selected: Vec<(Labels, Samples)> = series
            .filter(|(labels, samples)| matches(labels) && reaches(samples))
            .map(|(labels, samples)| (labels.clone(), Arc::clone(samples)))
            .collect();
        selected.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(Box::new(Selected(selected)))
    }

    fn label_names(&self, _: &[Matcher], _: usize) -> Result<Listing, StorageError> {
        Ok(Listing::default())
    }

    fn label_values(&self, _: &str, _: &[Matcher], _: usize) -> Result<Listing, StorageError> {
        Ok(Listing::default())
    }

    fn exemplars(&self, _: &[Matcher]) -> Result<Vec<(Labels, Vec<Exemplar>)>, StorageError> {
        Ok(Vec::new())
    }
}

struct Selected(Vec<(Labels, Samples)>);

impl SeriesSet for Selected {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn labels(&self, index: usize) -> Labels {
        self.0[index].0.clone()
    }

    fn read(&self, indices: Range<usize>, range: ClosedRange, out: &mut Vec<SeriesData>) -> Result<(), StorageError> {
        out.extend(self.0[indices].iter().map(|(_, samples)| {
            let from = samples.partition_point(|(t, _)| *t < range.start);
            let to = samples.partition_point(|(t, _)| *t <= range.end).max(from);
            data(&samples[from..to])
        }));
        Ok(())
    }
}

fn data(samples: &[(TimestampMs, SampleValue)]) -> SeriesData {
    let (mut times, mut values, mut histograms) = (Vec::new(), Vec::new(), HistogramColumn::default());
    for (timestamp, value) in samples {
        match value {
            SampleValue::Float(v) => {
                times.push(*timestamp);
                values.push(*v);
            }
            SampleValue::Histogram(h) => {
                histograms.timestamps.push(*timestamp);
                histograms.values.push(Arc::clone(h));
            }
        }
    }
    SeriesData { floats: FloatColumn { timestamps: times.into(), values, starts: None }, histograms }
}
