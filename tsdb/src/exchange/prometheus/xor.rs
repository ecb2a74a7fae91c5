//! Chunk encoding 1: times as differences of differences, values as XOR with the one before (Gorilla, Pelkonen et al. 2015).

use super::bits::{BitReader, BitWriter, in_dod};
use super::chunk::ChunkSamples;
use crate::bytes::Corrupt;

/// The most leading zeros five bits can say.
const MOST_LEADING: u32 = 31;

/// A float and the window of bits in which it last changed.
#[derive(Clone, Copy, Default)]
pub(super) struct XorValue {
    pub(super) bits: u64,
    pub(super) leading: u32,
    pub(super) trailing: u32,
    /// Of writers: whether there is a window yet.
    windowed: bool,
}

impl XorValue {
    pub(super) fn new(value: f64) -> XorValue {
        XorValue { bits: value.to_bits(), ..XorValue::default() }
    }

    pub(super) fn value(&self) -> f64 {
        f64::from_bits(self.bits)
    }

    /// Reads the next value.
    pub(super) fn read(&mut self, r: &mut BitReader<'_>) -> Result<f64, Corrupt> {
        if r.bit("chunk value")? {
            match r.bit("chunk value")? {
                false => self.in_window(r)?,
                true => self.in_new_window(r)?,
            }
        }
        Ok(self.value())
    }

    /// Reads the changed bits inside the last window.
    pub(super) fn in_window(&mut self, r: &mut BitReader<'_>) -> Result<(), Corrupt> {
        let n = 64 - self.leading - self.trailing;
        self.bits ^= r.bits(n, "chunk value")? << self.trailing;
        Ok(())
    }

    /// Reads a window and the changed bits inside it.
    pub(super) fn in_new_window(&mut self, r: &mut BitReader<'_>) -> Result<(), Corrupt> {
        let leading = r.bits(5, "chunk value")? as u32;
        let significant = match r.bits(6, "chunk value")? as u32 {
            0 => 64,
            n => n,
        };
        if leading + significant > 64 {
            return Err(r.corrupt("chunk value window"));
        }
        (self.leading, self.trailing) = (leading, 64 - leading - significant);
        self.in_window(r)
    }

    /// Writes the next value.
    pub(super) fn write(&mut self, value: f64, w: &mut BitWriter) {
        let delta = value.to_bits() ^ self.bits;
        self.bits = value.to_bits();
        if delta == 0 {
            return w.bits(0, 1);
        }
        let (leading, trailing) = (delta.leading_zeros().min(MOST_LEADING), delta.trailing_zeros());
        if self.windowed && leading >= self.leading && trailing >= self.trailing {
            w.bits(0b10, 2);
        } else {
            (self.leading, self.trailing, self.windowed) = (leading, trailing, true);
            w.bits(0b11, 2);
            w.bits(u64::from(leading), 5);
            w.bits(u64::from((64 - leading - trailing) & 63), 6);
        }
        w.bits(delta >> self.trailing, 64 - self.leading - self.trailing);
    }
}

/// Reads a chunk; `data` begins with the number of samples.
pub(super) fn read(data: &[u8], out: &mut ChunkSamples) -> Result<(), Corrupt> {
    let mut r = BitReader::new(data);
    let count = r.bits(16, "chunk length")?;
    let (mut t, mut delta) = (0i64, 0i64);
    let mut value = XorValue::default();
    for i in 0..count {
        match i {
            0 => {
                t = r.varint("chunk time")?;
                value = XorValue::new(r.f64("chunk value")?);
            }
            1 => {
                delta = r.uvarint("chunk time")? as i64;
                t = t.wrapping_add(delta);
                value.read(&mut r)?;
            }
            _ => {
                delta = delta.wrapping_add(time(&mut r)?);
                t = t.wrapping_add(delta);
                value.read(&mut r)?;
            }
        }
        out.float(t, value.value(), 0);
    }
    Ok(())
}

fn time(r: &mut BitReader<'_>) -> Result<i64, Corrupt> {
    const WHAT: &str = "chunk time";
    match r.ones(4, WHAT)? {
        0 => Ok(0),
        1 => r.dod(14, WHAT),
        2 => r.dod(17, WHAT),
        3 => r.dod(20, WHAT),
        _ => r.bits(64, WHAT).map(|v| v as i64),
    }
}

/// Writes a chunk of at most 65535 samples with ascending times.
pub(super) fn write(times: &[i64], values: &[f64]) -> Vec<u8> {
    let mut w = BitWriter::after((times.len() as u16).to_be_bytes().to_vec());
    let (mut delta, mut value) = (0, XorValue::default());
    for (i, (t, v)) in times.iter().zip(values).enumerate() {
        match i {
            0 => {
                w.varint(*t);
                w.bits(v.to_bits(), 64);
                value = XorValue::new(*v);
                continue;
            }
            1 => {
                delta = t.wrapping_sub(times[0]);
                w.uvarint(delta as u64);
            }
            _ => {
                let now = t.wrapping_sub(times[i - 1]);
                put_time(now.wrapping_sub(delta), &mut w);
                delta = now;
            }
        }
        value.write(*v, &mut w);
    }
    std::mem::take(w.bytes_mut())
}

fn put_time(dod: i64, w: &mut BitWriter) {
    match dod {
        0 => w.bits(0, 1),
        d if in_dod(d, 14) => put(w, 0b10, 2, d, 14),
        d if in_dod(d, 17) => put(w, 0b110, 3, d, 17),
        d if in_dod(d, 20) => put(w, 0b1110, 4, d, 20),
        d => put(w, 0b1111, 4, d, 64),
    }
}

fn put(w: &mut BitWriter, prefix: u64, prefix_len: u32, value: i64, len: u32) {
    w.bits(prefix, prefix_len);
    w.bits(value as u64, len);
}
