//! One value against the previous value of its series, in as few bytes as it takes; every f64 comes back to the bit.
//!
//! The two low bits of the first byte tell the form: the zigzag difference of two integers; the same of two decimals
//! with the scale the series used last; a new scale, then such a difference; or the bits that differ, zero bytes cut
//! at both ends. One byte, [`STALE`], is the stale marker, which leaves the base as it is.

use nightjar_model::STALE_NAN_BITS;

use crate::bytes::{Corrupt, Cursor, unzigzag, zigzag};

const INTEGER: u64 = 0;
const DECIMAL: u64 = 1;
const SCALE: u8 = 2;
const XOR: u8 = 3;
/// The first byte of a stale marker, which is the only one. Other values may contain it, but do not begin with it.
pub(super) const STALE: u8 = 0xff;

/// Scale of a series whose values are no short decimals: not tried again before the next epoch.
const HOPELESS: u8 = 15;
const MAX_SCALE: u8 = 12;
/// Integers up to here are exact in an f64, so sums and differences of two of them fit an i64.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// A longer difference is not shorter than the bits themselves.
const MAX_DELTA: u64 = 1 << 46;

const POWERS: [f64; 13] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];

/// What a reader and the writer know about one series inside an epoch. Starts as zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Base {
    /// Bits of the newest value that is no stale marker.
    pub(crate) bits: u64,
    /// Decimal places last used; the writer also keeps [`HOPELESS`] here.
    pub(crate) scale: u8,
}

fn exact_integer(v: f64) -> Option<i64> {
    let i = v as i64;
    (v.abs() <= EXACT && (i as f64).to_bits() == v.to_bits()).then_some(i)
}

/// The integer next to `v`, halves away from zero; cheaper than `round`, which is a call without SSE 4.1.
fn nearest(v: f64) -> Option<i64> {
    (v.abs() < EXACT).then(|| (v + 0.5f64.copysign(v)) as i64)
}

/// `v` times ten to the `scale`, rounded, if dividing that gives `v` back to the bit.
fn mantissa(v: f64, scale: u8) -> Option<i64> {
    let m = nearest(v * POWERS[scale as usize])?;
    ((m as f64 / POWERS[scale as usize]).to_bits() == v.to_bits()).then_some(m)
}

/// The mantissa a reader computes for the base; need not be exact, only the same on both sides.
fn base_mantissa(bits: u64, scale: u8) -> i64 {
    nearest(f64::from_bits(bits) * POWERS[scale as usize]).unwrap_or(0)
}

fn put(mut v: u64, out: &mut Vec<u8>) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

/// Reads a varint, eight bytes at once where there are so many.
#[inline]
fn varint(cursor: &mut Cursor<'_>) -> Result<u64, Corrupt> {
    const ENDS: u64 = 0x8080_8080_8080_8080;
    if let Some(bytes) = cursor.rest().first_chunk() {
        let word = u64::from_le_bytes(*bytes);
        let ends = !word & ENDS;
        if ends != 0 {
            let len = ends.trailing_zeros() / 8 + 1;
            cursor.take(len as usize, "value")?;
            let mut v = word & (u64::MAX >> (64 - 8 * len)) & !ENDS;
            v = (v & 0x007f_007f_007f_007f) | (v & 0x7f00_7f00_7f00_7f00) >> 1;
            v = (v & 0x0000_3fff_0000_3fff) | (v & 0x3fff_0000_3fff_0000) >> 2;
            return Ok((v & 0x0fff_ffff) | (v & 0x0fff_ffff_0000_0000) >> 4);
        }
    }
    cursor.varint("value")
}

impl Base {
    /// Writes the value `bits`, which should differ from the base, and makes it the base.
    pub(crate) fn encode(&mut self, bits: u64, out: &mut Vec<u8>) {
        let v = f64::from_bits(bits);
        if let (Some(new), Some(old)) = (exact_integer(v), exact_integer(f64::from_bits(self.bits))) {
            let delta = zigzag(new - old);
            if delta < MAX_DELTA {
                put(delta << 2 | INTEGER, out);
                self.bits = bits;
                return;
            }
        }
        if bits == STALE_NAN_BITS {
            out.push(STALE);
            return;
        }
        if self.scale == HOPELESS || !self.encode_decimal(v, out) {
            self.encode_xor(bits, out);
        }
        self.bits = bits;
    }

    fn encode_decimal(&mut self, v: f64, out: &mut Vec<u8>) -> bool {
        if let Some(m) = mantissa(v, self.scale) {
            let delta = zigzag(m - base_mantissa(self.bits, self.scale));
            if delta < MAX_DELTA {
                put(delta << 2 | DECIMAL, out);
                return true;
            }
            return false;
        }
        if !v.is_finite() {
            return false;
        }
        for scale in 0..=MAX_SCALE {
            if let Some(m) = mantissa(v, scale) {
                let delta = zigzag(m - base_mantissa(self.bits, scale));
                if delta >= MAX_DELTA {
                    return false;
                }
                self.scale = scale;
                out.push(scale << 2 | SCALE);
                put(delta, out);
                return true;
            }
        }
        // A reader keeps its own scale, which matters only once a new one is named.
        self.scale = HOPELESS;
        false
    }

    fn encode_xor(&self, bits: u64, out: &mut Vec<u8>) {
        let xor = bits ^ self.bits;
        let trailing = (xor.trailing_zeros() / 8).min(7);
        let len = (64 - (xor >> (8 * trailing)).leading_zeros()).div_ceil(8).max(1);
        out.push((len as u8 - 1) << 5 | (trailing as u8) << 2 | XOR);
        out.extend_from_slice(&(xor >> (8 * trailing)).to_le_bytes()[..len as usize]);
    }

    /// Passes over one value.
    pub(crate) fn skip(cursor: &mut Cursor<'_>) -> Result<(), Corrupt> {
        let first = *cursor.rest().first().ok_or(cursor.corrupt("value"))?;
        match first & 3 {
            0 | 1 => varint(cursor).map(|_| ()),
            2 => {
                cursor.u8("value")?;
                varint(cursor).map(|_| ())
            }
            _ if first == STALE => cursor.u8("value").map(|_| ()),
            _ => cursor.take((first >> 5) as usize + 2, "value").map(|_| ()),
        }
    }

    /// Passes over one value; whether it is a stale marker.
    pub(crate) fn skip_stale(cursor: &mut Cursor<'_>) -> Result<bool, Corrupt> {
        let stale = cursor.rest().first() == Some(&STALE);
        Base::skip(cursor).map(|()| stale)
    }

    /// Reads one value and makes it the base.
    #[inline]
    pub(crate) fn decode(&mut self, cursor: &mut Cursor<'_>) -> Result<u64, Corrupt> {
        let first = *cursor.rest().first().ok_or(cursor.corrupt("value"))?;
        match first & 3 {
            0 => {
                let delta = unzigzag(varint(cursor)? >> 2);
                let old = exact_integer(f64::from_bits(self.bits)).unwrap_or(0);
                self.bits = (old.wrapping_add(delta) as f64).to_bits();
            }
            1 => {
                let delta = unzigzag(varint(cursor)? >> 2);
                self.decimal(delta);
            }
            2 => {
                cursor.u8("value")?;
                self.scale = (first >> 2).min(MAX_SCALE);
                let delta = unzigzag(varint(cursor)?);
                self.decimal(delta);
            }
            _ if first == STALE => {
                cursor.u8("value")?;
                return Ok(STALE_NAN_BITS);
            }
            _ => {
                cursor.u8("value")?;
                let (len, trailing) = ((first >> 5) as usize + 1, u32::from(first >> 2 & 7));
                let mut xor = [0; 8];
                xor[..len].copy_from_slice(cursor.take(len, "value")?);
                self.bits ^= u64::from_le_bytes(xor) << (8 * trailing);
            }
        }
        Ok(self.bits)
    }

    fn decimal(&mut self, delta: i64) {
        let m = base_mantissa(self.bits, self.scale).wrapping_add(delta);
        self.bits = (m as f64 / POWERS[self.scale as usize]).to_bits();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(values: &[u64]) -> usize {
        let (mut out, mut base) = (Vec::new(), Base::default());
        for v in values {
            base.encode(*v, &mut out);
        }
        let (mut cursor, mut base) = (Cursor::new(&out), Base::default());
        let mut skipping = Cursor::new(&out);
        for v in values {
            assert_eq!(Base::skip(&mut skipping), Ok(()));
            assert_eq!(base.decode(&mut cursor).map(f64::from_bits).map(f64::to_bits), Ok(*v), "{values:x?}");
        }
        assert!(cursor.is_empty() && skipping.is_empty());
        out.len()
    }

    fn floats(values: &[f64]) -> usize {
        round_trip(&values.iter().map(|v| v.to_bits()).collect::<Vec<_>>())
    }

    #[test]
    fn sizes() {
        assert_eq!(floats(&[1.0, 2.0, 17.0]), 3);
        assert_eq!(floats(&[1000.0]), 2);
        assert_eq!(floats(&[12.25, 12.5, 12.51]), 3 + 2 + 1);
        assert_eq!(floats(&[0.1, f64::from_bits(STALE_NAN_BITS), 0.2]), 2 + 1 + 1);
        assert_eq!(floats(&[std::f64::consts::PI]), 9);
    }

    #[test]
    fn edges() {
        let special = [0.0, -0.0, 1.0, -1.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, f64::INFINITY];
        let more = [f64::NEG_INFINITY, f64::NAN, EXACT, -EXACT, EXACT + 2.0, 1e15, 1e-12, 0.1 + 0.2, 1e300];
        let all: Vec<u64> = special.iter().chain(&more).map(|v| v.to_bits()).chain([STALE_NAN_BITS]).collect();
        for a in &all {
            for b in &all {
                round_trip(&[*a, *b, *a]);
            }
        }
    }

    proptest! {
        #[test]
        fn any_bits(values: Vec<u64>) {
            round_trip(&values);
        }

        #[test]
        fn any_decimals(values: Vec<(i32, u8)>) {
            floats(&values.iter().map(|(m, s)| f64::from(*m) / 10f64.powi(i32::from(s % 16))).collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes(bytes: Vec<u8>, bits: u64) {
            let (mut cursor, mut base) = (Cursor::new(&bytes), Base { bits, scale: 0 });
            while base.decode(&mut cursor).is_ok() {}
            let mut cursor = Cursor::new(&bytes);
            while Base::skip(&mut cursor).is_ok() {}
        }
    }
}
