//! Metric metadata.

use nightjar_model::metadata::{Metadata, MetricType};

use crate::wire::{Reader, Wire, WireError};

/// The type behind the number both protocols use; unknown numbers are unknown types.
pub(crate) fn metric_type(number: u64) -> MetricType {
    match number {
        1 => MetricType::Counter,
        2 => MetricType::Gauge,
        3 => MetricType::Histogram,
        4 => MetricType::GaugeHistogram,
        5 => MetricType::Summary,
        6 => MetricType::Info,
        7 => MetricType::StateSet,
        _ => MetricType::Unknown,
    }
}

/// The number behind a type.
pub(crate) fn metric_type_number(metric_type: MetricType) -> u64 {
    (0..8).find(|n| self::metric_type(*n) == metric_type).unwrap_or(0)
}

/// Metadata of a 1.0 request: the metric's name and what is known of it. Text that is not UTF-8 is repaired.
pub(crate) fn decode_v1(mut message: Reader<'_>) -> Result<(String, Metadata), WireError> {
    let (mut name, mut metadata) = (String::new(), Metadata::default());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    while let Some((number, wire)) = message.field()? {
        match number {
            1 => {
                message.expect(wire, Wire::Varint)?;
                metadata.metric_type = metric_type(message.varint()?);
            }
            2 | 4 | 5 => {
                message.expect(wire, Wire::Bytes)?;
                let value = text(message.bytes()?);
                match number {
                    2 => name = value,
                    4 => metadata.help = value,
                    _ => metadata.unit = value,
                }
            }
            _ => message.skip(wire)?,
        }
    }
    Ok((name, metadata))
}

/// Metadata of a series of a 2.0 request, still as references.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MetadataRefs {
    pub(crate) metric_type: u64,
    pub(crate) help: u32,
    pub(crate) unit: u32,
}

impl MetadataRefs {
    /// Reads a message over what is there: a field given again adds to the first.
    pub(crate) fn merge(&mut self, mut message: Reader<'_>) -> Result<(), WireError> {
        while let Some((number, wire)) = message.field()? {
            match number {
                1 | 3 | 4 => {
                    message.expect(wire, Wire::Varint)?;
                    let value = message.varint()?;
                    match number {
                        1 => self.metric_type = value,
                        3 => self.help = value as u32,
                        _ => self.unit = value as u32,
                    }
                }
                _ => message.skip(wire)?,
            }
        }
        Ok(())
    }
}
