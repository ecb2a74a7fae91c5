//! What a query answers.

use std::sync::Arc;

use nightjar_model::{FloatHistogram, Labels, TimestampMs};

/// The answer to a query.
#[derive(Clone, Debug)]
pub enum Value {
    /// A number.
    Scalar(TimestampMs, f64),
    /// A text.
    String(TimestampMs, String),
    /// One sample per series. Sorted by labels unless the query sorts (`sort`, `topk`, ...).
    Vector(Vec<VectorSample>),
    /// Samples per series, sorted by labels.
    Matrix(Vec<MatrixSeries>),
}

/// What a query cost.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Samples looked at, a sample counted once per step that sees it (`totalQueryableSamples`).
    pub total_samples: u64,
    /// The same per step, when asked for.
    pub per_step: Option<Vec<(TimestampMs, u64)>>,
    /// Samples read from storage, each once (`samplesRead`).
    pub samples_read: u64,
    /// Most samples held at once.
    pub peak_samples: u64,
    /// Most bytes held at once, as far as they grow with the data.
    pub peak_bytes: u64,
}

/// Bytes a series takes in an answer besides its samples, about: labels, and the vectors around the samples.
pub(crate) const SERIES_BYTES: usize = 320;

impl Value {
    /// Bytes it takes, about.
    pub(crate) fn bytes(&self) -> u64 {
        let bytes = match self {
            Value::Scalar(..) => 0,
            Value::String(_, text) => text.len(),
            Value::Vector(samples) => samples.len() * SERIES_BYTES,
            Value::Matrix(series) => series.iter().map(MatrixSeries::bytes).sum(),
        };
        bytes as u64
    }
}

impl MatrixSeries {
    pub(crate) fn bytes(&self) -> usize {
        SERIES_BYTES + 16 * self.floats.len() + self.histograms.iter().map(|(_, h)| 16 + h.size()).sum::<usize>()
    }
}

/// A float or a native histogram.
#[derive(Clone, Debug)]
pub enum SampleValue {
    /// A float.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<FloatHistogram>),
}

/// One element of an instant vector.
#[derive(Clone, Debug)]
pub struct VectorSample {
    /// Its labels.
    pub labels: Labels,
    /// Evaluation time.
    pub timestamp: TimestampMs,
    /// Its value.
    pub value: SampleValue,
}

/// One series of a matrix: floats and histograms, each ascending in time, never both at one time.
#[derive(Clone, Debug, Default)]
pub struct MatrixSeries {
    /// Its labels.
    pub labels: Labels,
    /// Float points.
    pub floats: Vec<(TimestampMs, f64)>,
    /// Histogram points.
    pub histograms: Vec<(TimestampMs, Arc<FloatHistogram>)>,
}

impl From<f64> for SampleValue {
    fn from(value: f64) -> SampleValue {
        SampleValue::Float(value)
    }
}

impl From<FloatHistogram> for SampleValue {
    fn from(histogram: FloatHistogram) -> SampleValue {
        SampleValue::Histogram(Arc::new(histogram))
    }
}
