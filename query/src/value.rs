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
