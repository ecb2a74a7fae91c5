//! Exemplars: labels of their own, a value, a time.

use nightjar_model::TimestampMs;

use crate::wire::{Reader, Wire, WireError};

/// An exemplar whose labels are still in the form of its protocol.
#[derive(Default)]
pub(crate) struct RawExemplar {
    pub(crate) value: f64,
    pub(crate) timestamp: TimestampMs,
}

impl RawExemplar {
    /// Reads an exemplar; `labels` gets field 1.
    pub(crate) fn decode<'a>(
        mut message: Reader<'a>,
        mut labels: impl FnMut(&mut Reader<'a>, Wire) -> Result<(), WireError>,
    ) -> Result<RawExemplar, WireError> {
        let mut raw = RawExemplar::default();
        while let Some((number, wire)) = message.field()? {
            match number {
                1 => labels(&mut message, wire)?,
                2 => {
                    message.expect(wire, Wire::Fixed64)?;
                    raw.value = message.double()?;
                }
                3 => {
                    message.expect(wire, Wire::Varint)?;
                    raw.timestamp = message.varint()? as i64;
                }
                _ => message.skip(wire)?,
            }
        }
        Ok(raw)
    }
}
