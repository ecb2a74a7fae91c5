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

/// The form nearly every sample has: a value other than 0 and a timestamp between 1971 and 2109.
#[inline(always)]
fn usual(bytes: &[u8]) -> Option<Sample> {
    let bytes: &[u8; 16] = bytes.try_into().ok()?;
    if bytes[0] != 0x09 || bytes[9] != 0x10 {
        return None;
    }
    let value = u64::from_le_bytes([bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7], bytes[8]]);
    let [.., a, b, c, d, e, f] = *bytes;
    let raw = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
    if raw & 0x8080_8080_8080 != 0x0080_8080_8080 {
        return None;
    }
    // Six groups of seven bits, joined in pairs.
    let pairs = (raw & 0x007f_007f_007f) | ((raw & 0x7f00_7f00_7f00) >> 1);
    let timestamp = (pairs & 0x3fff) | ((pairs >> 2) & 0x0fff_c000) | ((pairs >> 4) & 0x03ff_f000_0000);
    Some(Sample { timestamp: timestamp as i64, start: 0, value: f64::from_bits(value) })
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

    #[test]
    fn the_quick_way_reads_what_the_slow_way_reads() {
        let timestamps = [1 << 35, 1_700_000_000_000, (1i64 << 42) - 1, 0x155_5555_5555, 0x2aa_aaaa_aaaa];
        for timestamp in timestamps {
            let mut bytes = vec![0x09];
            bytes.extend_from_slice(&(-1.5f64).to_le_bytes());
            bytes.push(0x10);
            let mut rest = timestamp as u64;
            while rest >= 0x80 {
                bytes.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            bytes.push(rest as u8);
            let quick = usual(&bytes).unwrap();
            let slow = unusual(Reader::new(&bytes), false).unwrap();
            assert_eq!((quick.timestamp, quick.value), (timestamp, -1.5));
            assert_eq!((slow.timestamp, slow.value), (timestamp, -1.5));
        }
    }
}
