//! The value column: any `n` floats, or any `n` 64-bit integers, to few bytes and back to the bit.
//!
//! The layout is written down in `docs/format/column.md`.

use super::decimal::{self, MAX_DIGITS, Wholes};
use super::ints;
use crate::bytes::{Corrupt, Cursor, put_u64, put_varint};

/// Floats seen through their bits, in order of size: for columns that are not decimal.
const ORDERED_BITS: u8 = 0x3f;
/// Set in the scheme byte when exceptions follow.
const EXCEPTIONS: u8 = 0x80;

/// Exceptions that have a code of their own; any other is code 0 and its bits.
const KNOWN: [u64; 6] = [
    nightjar_model::STALE_NAN_BITS,
    0x7ff8_0000_0000_0001,
    0x7ff8_0000_0000_0000,
    f64::INFINITY.to_bits(),
    f64::NEG_INFINITY.to_bits(),
    (-0.0f64).to_bits(),
];

/// Encodes columns; reuses its buffers.
#[derive(Debug, Default)]
pub struct Encoder {
    wholes: Wholes,
    bits: Vec<i64>,
    ints: ints::Encoder,
    exceptions: Vec<u8>,
}

impl Encoder {
    /// Appends a column of floats. Its length is not written: the reader must know it.
    pub fn floats(&mut self, floats: &[f64], out: &mut Vec<u8>) {
        let Some(first) = floats.first() else { return };
        if floats.iter().all(|v| v.to_bits() == first.to_bits()) {
            return self.constant(*first, out);
        }
        self.wholes.fit(floats);
        if self.wholes.exceptions.is_empty() {
            out.push(self.wholes.digits as u8);
            let plan = self.ints.plan(&self.wholes.values);
            return self.ints.write(&plan, out);
        }
        self.bits.clear();
        self.bits.extend(floats.iter().map(|v| order(v.to_bits())));
        let decimal = (self.wholes.exceptions.len() < floats.len()).then(|| {
            self.exceptions.clear();
            put_exceptions(&self.wholes.exceptions, floats, &mut self.exceptions);
            self.exceptions.len() + self.ints.plan(&self.wholes.values).cost
        });
        let plan = self.ints.plan(&self.bits);
        if decimal.is_none_or(|cost| plan.cost <= cost) {
            out.push(ORDERED_BITS);
            self.ints.write(&plan, out);
        } else {
            out.push(self.wholes.digits as u8 | EXCEPTIONS);
            out.extend_from_slice(&self.exceptions);
            let plan = self.ints.plan(&self.wholes.values);
            self.ints.write(&plan, out);
        }
    }

    fn constant(&mut self, v: f64, out: &mut Vec<u8>) {
        let (scheme, value) = match decimal::digits_of(v, 0) {
            Some(digits) => {
                self.wholes.fit(&[v]);
                (digits as u8, self.wholes.values[0])
            }
            None => (ORDERED_BITS, order(v.to_bits())),
        };
        out.push(scheme);
        let plan = self.ints.plan(&[value]);
        self.ints.write(&plan, out);
    }

    /// Appends a column of integers. Its length is not written: the reader must know it.
    pub fn integers(&mut self, integers: &[i64], out: &mut Vec<u8>) {
        if !integers.is_empty() {
            let plan = self.ints.plan(integers);
            self.ints.write(&plan, out);
        }
    }
}

/// Appends a column of floats; see [`Encoder::floats`].
pub fn encode(floats: &[f64], out: &mut Vec<u8>) {
    Encoder::default().floats(floats, out);
}

/// Appends a column of integers; see [`Encoder::integers`].
pub fn encode_i64(integers: &[i64], out: &mut Vec<u8>) {
    Encoder::default().integers(integers, out);
}

/// Appends the `n` floats of a column to `out`. Bytes after the column are ignored. Grows `out` by at most `n`; on an
/// error what was appended is meaningless.
pub fn decode(bytes: &[u8], n: usize, out: &mut Vec<f64>) -> Result<(), Corrupt> {
    decode_prefix(bytes, n, n, out)
}

/// Like [`decode`], but only the first `wanted` of the `n` floats.
pub fn decode_prefix(bytes: &[u8], n: usize, wanted: usize, out: &mut Vec<f64>) -> Result<(), Corrupt> {
    if n == 0 {
        return Ok(());
    }
    let mut cursor = Cursor::new(bytes);
    let error = cursor.corrupt("column scheme");
    let scheme = cursor.u8("column scheme")?;
    let exceptions = cursor.clone();
    if scheme & EXCEPTIONS != 0 {
        each_exception(&mut cursor, n, |_, _| {})?;
    }
    let base = out.len();
    out.reserve(wanted.min(n));
    match scheme & !EXCEPTIONS {
        ORDERED_BITS => ints::decode(&mut cursor, n, wanted, &mut |group| {
            out.extend(group.iter().map(|v| f64::from_bits(unorder(*v))));
        })?,
        digits if usize::from(digits) <= MAX_DIGITS => ints::decode(&mut cursor, n, wanted, &mut |group| {
            decimal::extend_floats(usize::from(digits), group, out);
        })?,
        _ => return Err(error),
    }
    if scheme & EXCEPTIONS != 0 {
        each_exception(&mut exceptions.clone(), n, |i, bits| {
            if let Some(slot) = out.get_mut(base + i) {
                *slot = f64::from_bits(bits);
            }
        })?;
    }
    Ok(())
}

/// Whether float `i` of `n` is a stale marker. Those are mostly stored apart, and then no other float is decoded.
pub fn stale_at(bytes: &[u8], n: usize, i: usize) -> Result<bool, Corrupt> {
    let stale = |bits| bits == nightjar_model::STALE_NAN_BITS;
    let mut cursor = Cursor::new(bytes);
    let scheme = cursor.u8("column scheme")?;
    let mut apart = None;
    if scheme & EXCEPTIONS != 0 {
        each_exception(&mut cursor, n, |at, bits| apart = if at == i { Some(bits) } else { apart })?;
    }
    if apart.is_some() || scheme & !EXCEPTIONS != ORDERED_BITS {
        return Ok(apart.is_some_and(stale));
    }
    let mut floats = Vec::new();
    decode_prefix(bytes, n, i + 1, &mut floats)?;
    Ok(floats.last().is_some_and(|v: &f64| stale(v.to_bits())))
}

/// Reads `n` integers of a column, appends them to `out` and stands behind it. On an error what was appended is
/// meaningless.
pub fn decode_i64(cursor: &mut Cursor<'_>, n: usize, out: &mut Vec<i64>) -> Result<(), Corrupt> {
    ints::decode(cursor, n, n, &mut |group| out.extend_from_slice(group))
}

fn put_exceptions(positions: &[u32], floats: &[f64], out: &mut Vec<u8>) {
    put_varint(positions.len() as u64, out);
    let mut next = 0;
    for i in positions {
        put_varint(u64::from(i - next), out);
        next = i + 1;
        let bits = floats[*i as usize].to_bits();
        match KNOWN.iter().position(|known| *known == bits) {
            Some(code) => out.push(code as u8 + 1),
            None => {
                out.push(0);
                put_u64(bits, out);
            }
        }
    }
}

fn each_exception(cursor: &mut Cursor<'_>, n: usize, mut f: impl FnMut(usize, u64)) -> Result<(), Corrupt> {
    const WHAT: &str = "column exception";
    let mut next = 0u64;
    for _ in 0..cursor.count(2, WHAT)? {
        let error = cursor.corrupt(WHAT);
        let i = next.checked_add(cursor.varint(WHAT)?).filter(|i| *i < n as u64).ok_or(error)?;
        next = i + 1;
        let bits = match cursor.u8(WHAT)? {
            0 => cursor.u64(WHAT)?,
            code => *KNOWN.get(usize::from(code) - 1).ok_or(error)?,
        };
        f(i as usize, bits);
    }
    Ok(())
}

/// Float bits as an integer that grows with the float.
fn order(bits: u64) -> i64 {
    let bits = bits as i64;
    bits ^ ((bits >> 63) & i64::MAX)
}

fn unorder(v: i64) -> u64 {
    (v ^ ((v >> 63) & i64::MAX)) as u64
}

#[cfg(test)]
mod tests;
