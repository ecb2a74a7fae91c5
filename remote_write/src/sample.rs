//! One float sample: `{double value = 1; int64 timestamp = 2; int64 start_timestamp = 3}`.

use nightjar_model::Sample;

use crate::wire::{Reader, Wire, WireError};

/// Reads a sample. `starts`: whether this protocol knows field 3.
#[inline(always)]
pub(crate) fn decode(message: Reader<'_>, starts: bool) -> Result<Sample, WireError> {
    match usual(message.rest()) {
        Some(sample) => Ok(sample),
        None => unusual(message, starts),
    }
}

/// The forms nearly every sample has: a value, left out when 0, and a timestamp between 1971 and 2109.
#[inline(always)]
fn usual(bytes: &[u8]) -> Option<Sample> {
    let (value, time) = match bytes {
        [0x09, rest @ ..] if bytes.len() == 16 => {
            let (value, time) = rest.split_first_chunk::<8>()?;
            (f64::from_le_bytes(*value), time)
        }
        _ => (0.0, bytes),
    };
    let [0x10, a, b, c, d, e, f] = *time else { return None };
    let raw = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
    if raw & 0x8080_8080_8080 != 0x0080_8080_8080 {
        return None;
    }
    // Six groups of seven bits, joined in pairs.
    let pairs = (raw & 0x007f_007f_007f) | ((raw & 0x7f00_7f00_7f00) >> 1);
    let timestamp = (pairs & 0x3fff) | ((pairs >> 2) & 0x0fff_c000) | ((pairs >> 4) & 0x03ff_f000_0000);
    Some(Sample { timestamp: timestamp as i64, start: 0, value })
}

#[inline(never)]
fn unusual(mut message: Reader<'_>, starts: bool) -> Result<Sample, WireError> {
    let mut sample = Sample { timestamp: 0, start: 0, value: 0.0 };
    while let Some((number, wire)) = message.field()? {
        match number {
            1 => {
                message.expect(wire, Wire::Fixed64)?;
                sample.value = message.double()?;
            }
            2 => {
                message.expect(wire, Wire::Varint)?;
                sample.timestamp = message.varint()? as i64;
            }
            3 if starts => {
                message.expect(wire, Wire::Varint)?;
                sample.start = message.varint()? as i64;
            }
            _ => message.skip(wire)?,
        }
    }
    Ok(sample)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::put_varint;

    #[test]
    fn the_quick_way_reads_what_the_slow_way_reads() {
        let timestamps = [1 << 35, 1_700_000_000_000, (1i64 << 42) - 1, 0x155_5555_5555, 0x2aa_aaaa_aaaa];
        for (timestamp, value) in timestamps.into_iter().flat_map(|t| [(t, -1.5f64), (t, 0.0)]) {
            let mut bytes = Vec::new();
            if value != 0.0 {
                bytes.push(0x09);
                bytes.extend_from_slice(&value.to_le_bytes());
            }
            bytes.push(0x10);
            put_varint(timestamp as u64, &mut bytes);
            let (quick, slow) = (usual(&bytes).unwrap(), unusual(Reader::new(&bytes), false).unwrap());
            assert_eq!((quick.timestamp, quick.value), (timestamp, value));
            assert_eq!((slow.timestamp, slow.value), (timestamp, value));
        }
    }
}
