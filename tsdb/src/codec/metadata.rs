//! One metric's metadata: type byte, help, unit.

use nightjar_model::metadata::{Metadata, MetricType};

use crate::bytes::{Corrupt, Cursor, put_text};

const TYPES: [MetricType; 8] = [
    MetricType::Unknown,
    MetricType::Counter,
    MetricType::Gauge,
    MetricType::Histogram,
    MetricType::GaugeHistogram,
    MetricType::Summary,
    MetricType::Info,
    MetricType::StateSet,
];

/// Appends `metadata`.
pub fn encode(metadata: &Metadata, out: &mut Vec<u8>) {
    let code = TYPES.iter().position(|t| *t == metadata.metric_type).unwrap_or(0);
    out.push(code as u8);
    put_text(&metadata.help, out);
    put_text(&metadata.unit, out);
}

/// Reads what [`encode`] wrote.
pub fn decode(cursor: &mut Cursor<'_>) -> Result<Metadata, Corrupt> {
    let error = cursor.corrupt("metric type");
    let metric_type = *TYPES.get(usize::from(cursor.u8("metric type")?)).ok_or(error)?;
    let help = cursor.text("metric help")?.to_owned();
    let unit = cursor.text("metric unit")?.to_owned();
    Ok(Metadata { metric_type, help, unit })
}
