//! What a metric is: its type, help text and unit.

/// A metric's type, spelled as in the exposition formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MetricType {
    /// Not declared.
    #[default]
    Unknown,
    /// Monotonically increasing.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Classic or native histogram.
    Histogram,
    /// Histogram of current state.
    GaugeHistogram,
    /// Quantiles computed by the client.
    Summary,
    /// A constant 1 carrying labels.
    Info,
    /// One of several states.
    StateSet,
}

impl MetricType {
    /// The lower-case name used in exposition and in `/api/v1/metadata`.
    pub fn as_str(self) -> &'static str {
        match self {
            MetricType::Unknown => "unknown",
            MetricType::Counter => "counter",
            MetricType::Gauge => "gauge",
            MetricType::Histogram => "histogram",
            MetricType::GaugeHistogram => "gaugehistogram",
            MetricType::Summary => "summary",
            MetricType::Info => "info",
            MetricType::StateSet => "stateset",
        }
    }
}

/// Metadata of one metric.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Metadata {
    /// The type.
    pub metric_type: MetricType,
    /// Help text, may be empty.
    pub help: String,
    /// Unit, may be empty.
    pub unit: String,
}
