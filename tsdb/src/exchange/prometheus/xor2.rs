//! Chunk encoding 4: like encoding 1, with one prefix for time and value, a code for stale markers, and start times.

use nightjar_model::stale::STALE_NAN_BITS;

use super::bits::BitReader;
use super::chunk::ChunkSamples;
use super::start_times::StartTimes;
use super::xor::XorValue;
use crate::bytes::Corrupt;

/// Reads a chunk; `data` begins with the number of samples.
pub(super) fn read(data: &[u8], out: &mut ChunkSamples) -> Result<(), Corrupt> {
    let mut r = BitReader::new(data);
    let count = r.bits(16, "chunk length")?;
    let mut starts = StartTimes::new(r.bits(8, "chunk header")? as u8);
    let (mut t, mut delta) = (0i64, 0i64);
    let mut base = XorValue::default();
    for i in 0..count {
        let previous = t;
        let value = match i {
            0 => {
                t = r.varint("chunk time")?;
                let first = r.f64("chunk value")?;
                if first.to_bits() != STALE_NAN_BITS {
                    base = XorValue::new(first);
                }
                first
            }
            1 => {
                delta = r.uvarint("chunk time")? as i64;
                t = t.wrapping_add(delta);
                value(&mut r, &mut base)?
            }
            _ => {
                let (dod, value) = joint(&mut r, &mut base)?;
                delta = delta.wrapping_add(dod);
                t = t.wrapping_add(delta);
                value
            }
        };
        let start = starts.read(&mut r, i, t, previous)?;
        out.float(t, value, start);
    }
    Ok(())
}

/// Time and value of a sample after the second.
fn joint(r: &mut BitReader<'_>, base: &mut XorValue) -> Result<(i64, f64), Corrupt> {
    const WHAT: &str = "chunk sample";
    let dod = match r.ones(5, WHAT)? {
        0 => return Ok((0, base.value())),
        1 => {
            match r.bit(WHAT)? {
                false => base.in_window(r)?,
                true => base.in_new_window(r)?,
            }
            return Ok((0, base.value()));
        }
        2 => r.signed(13, WHAT)?,
        3 => r.signed(20, WHAT)?,
        4 => r.signed(64, WHAT)?,
        _ => return Ok((0, f64::from_bits(STALE_NAN_BITS))),
    };
    Ok((dod, value(r, base)?))
}

/// A value on its own. Stale markers do not become the base of the next one.
fn value(r: &mut BitReader<'_>, base: &mut XorValue) -> Result<f64, Corrupt> {
    match r.ones(3, "chunk value")? {
        0 => {}
        1 => base.in_window(r)?,
        2 => base.in_new_window(r)?,
        _ => return Ok(f64::from_bits(STALE_NAN_BITS)),
    }
    Ok(base.value())
}
