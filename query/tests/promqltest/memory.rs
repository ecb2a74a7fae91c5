//! A storage in memory, which answers as Prometheus' does: counter resets of histograms become hints when read.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use nightjar_model::histogram::CounterResetHint;
use nightjar_model::storage::{
    FloatColumn, HistogramColumn, Listing, Querier, SelectHints, SeriesData, SeriesSet, Storage, StorageError,
};
use nightjar_model::{ClosedRange, Exemplar, FloatHistogram, Labels, Matcher, TimestampMs};

use crate::series::Value;

/// Samples of one series, ascending in time: time, start time, value.
type Samples = Vec<(TimestampMs, TimestampMs, Value)>;

/// All series by labels.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    series: Arc<BTreeMap<Labels, Samples>>,
}

impl Memory {
    /// Adds samples; what is there already stays.
    pub fn load(&mut self, labels: Labels, samples: Samples) {
        let stored = Arc::make_mut(&mut self.series).entry(labels).or_default();
        for sample in samples {
            if let Err(at) = stored.binary_search_by_key(&sample.0, |stored| stored.0) {
                stored.insert(at, sample);
            }
        }
    }
}

impl Storage for Memory {
    fn querier(&self, _: ClosedRange) -> Result<Box<dyn Querier>, StorageError> {
        Ok(Box::new(self.clone()))
    }
}

impl Querier for Memory {
    fn select(&self, matchers: &[Matcher], hints: &SelectHints) -> Result<Box<dyn SeriesSet>, StorageError> {
        let matches = |labels: &Labels| matchers.iter().all(|m| m.matches(labels.value(&m.name)));
        let within = |samples: &Samples| samples.iter().any(|(t, ..)| hints.range.contains(*t));
        let selected = self.series.iter().filter(|(labels, samples)| matches(labels) && within(samples));
        Ok(Box::new(Selected(selected.map(|(labels, samples)| (labels.clone(), samples.clone())).collect())))
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
        // Series with equal times share them, as those of one scrape target do.
        let mut shared: HashMap<Vec<TimestampMs>, Arc<[TimestampMs]>> = HashMap::new();
        for (_, samples) in &self.0[indices] {
            let hinted = with_hints(samples);
            let (mut floats, mut histograms) = (Vec::new(), Vec::new());
            for (t, st, value) in hinted.iter().filter(|(t, ..)| range.contains(*t)) {
                match value {
                    Value::Float(v) => floats.push((*t, *st, *v)),
                    Value::Histogram(h, _) => histograms.push((*t, *st, h.clone())),
                }
            }
            let times: Vec<_> = floats.iter().map(|f| f.0).collect();
            let timestamps = shared.entry(times.clone()).or_insert_with(|| times.into()).clone();
            let known = floats.iter().any(|f| f.1 != 0);
            out.push(SeriesData {
                floats: FloatColumn {
                    timestamps,
                    values: floats.iter().map(|f| f.2).collect(),
                    starts: known.then(|| floats.iter().map(|f| f.1).collect()),
                },
                histograms: HistogramColumn {
                    timestamps: histograms.iter().map(|h| h.0).collect(),
                    values: histograms.iter().map(|h| h.2.clone()).collect(),
                    starts: Some(histograms.iter().map(|h| h.1).collect()),
                },
            });
        }
        Ok(())
    }
}

/// Histograms that continue the one before say so; all others that are no gauges say nothing.
fn with_hints(samples: &Samples) -> Samples {
    let mut previous: Option<Arc<FloatHistogram>> = None;
    samples
        .iter()
        .map(|(t, st, value)| match value {
            Value::Float(_) => {
                previous = None;
                (*t, *st, value.clone())
            }
            Value::Histogram(h, spelled) => {
                let hint = match h.counter_reset_hint {
                    CounterResetHint::Gauge => CounterResetHint::Gauge,
                    _ if previous.as_deref().is_some_and(|p| continues(h, p)) => CounterResetHint::NotReset,
                    _ => CounterResetHint::Unknown,
                };
                previous = Some(h.clone());
                let read = FloatHistogram { counter_reset_hint: hint, ..(**h).clone() };
                (*t, *st, Value::Histogram(Arc::new(read), *spelled))
            }
        })
        .collect()
}

/// Whether Prometheus would write `h` into the chunk in which `previous` is.
fn continues(h: &FloatHistogram, previous: &FloatHistogram) -> bool {
    let unhinted = |h: &FloatHistogram| FloatHistogram { counter_reset_hint: CounterResetHint::Unknown, ..h.clone() };
    if previous.counter_reset_hint == CounterResetHint::Gauge || h.counter_reset_hint == CounterResetHint::Reset {
        return false;
    }
    if h.is_stale() || previous.is_stale() {
        return h.is_stale();
    }
    h.schema == previous.schema
        && h.zero_threshold == previous.zero_threshold
        && h.custom_values == previous.custom_values
        && !unhinted(h).detect_reset(previous)
}
