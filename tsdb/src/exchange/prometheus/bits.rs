//! Bits, the most significant first, and the numbers Prometheus spells with them.

use crate::bytes::{Corrupt, unzigzag};

/// Widths of a varbit number by the number of ones before it.
const VARBIT_WIDTHS: [u32; 9] = [0, 3, 6, 9, 12, 18, 25, 56, 64];

/// Reads bits.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> BitReader<'a> {
        BitReader { bytes, at: 0 }
    }

    /// Bits not read yet.
    pub(super) fn remaining(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }

    /// The error for the current place.
    pub(super) fn corrupt(&self, what: &'static str) -> Corrupt {
        Corrupt { what, at: self.at / 8 }
    }

    /// The next `n` (at most 64) bits.
    pub(super) fn bits(&mut self, n: u32, what: &'static str) -> Result<u64, Corrupt> {
        if self.remaining() < n as usize {
            return Err(self.corrupt(what));
        }
        if n == 0 {
            return Ok(0);
        }
        let (first, skip) = (self.at / 8, (self.at % 8) as u32);
        self.at += n as usize;
        let word = match self.bytes[first..].first_chunk::<8>() {
            Some(bytes) => u64::from_be_bytes(*bytes),
            None => {
                let mut padded = [0; 8];
                let rest = &self.bytes[first..];
                padded[..rest.len()].copy_from_slice(rest);
                u64::from_be_bytes(padded)
            }
        };
        let high = (word << skip) >> (64 - n);
        let missing = (n + skip).saturating_sub(64);
        if missing == 0 {
            return Ok(high);
        }
        let low = u64::from(self.bytes[first + 8]) >> (8 - missing);
        Ok(high | low)
    }

    pub(super) fn bit(&mut self, what: &'static str) -> Result<bool, Corrupt> {
        self.bits(1, what).map(|bit| bit == 1)
    }

    /// Number of ones before the next zero; `most` ones end without a zero.
    pub(super) fn ones(&mut self, most: u32, what: &'static str) -> Result<u32, Corrupt> {
        let mut ones = 0;
        while ones < most && self.bit(what)? {
            ones += 1;
        }
        Ok(ones)
    }

    /// A number of `n` bits in `-(2^(n-1)-1)..=2^(n-1)`.
    pub(super) fn dod(&mut self, n: u32, what: &'static str) -> Result<i64, Corrupt> {
        let v = self.bits(n, what)?;
        Ok(if n < 64 && v > 1 << (n - 1) { v as i64 - (1 << n) } else { v as i64 })
    }

    /// A number of `n` bits in two's complement.
    pub(super) fn signed(&mut self, n: u32, what: &'static str) -> Result<i64, Corrupt> {
        let v = self.bits(n, what)?;
        Ok(((v << (64 - n)) as i64) >> (64 - n))
    }

    /// The bits of a float.
    pub(super) fn f64(&mut self, what: &'static str) -> Result<f64, Corrupt> {
        self.bits(64, what).map(f64::from_bits)
    }

    /// A LEB128 number, not aligned to bytes.
    pub(super) fn uvarint(&mut self, what: &'static str) -> Result<u64, Corrupt> {
        let mut value = 0;
        for i in 0..10 {
            let byte = self.bits(8, what)?;
            if i == 9 && byte > 1 {
                break;
            }
            value |= (byte & 0x7f) << (7 * i);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.corrupt(what))
    }

    /// A zigzag LEB128 number.
    pub(super) fn varint(&mut self, what: &'static str) -> Result<i64, Corrupt> {
        self.uvarint(what).map(unzigzag)
    }

    /// A varbit number.
    pub(super) fn varbit(&mut self, what: &'static str) -> Result<i64, Corrupt> {
        let width = VARBIT_WIDTHS[self.ones(8, what)? as usize];
        if width == 0 { Ok(0) } else { self.dod(width, what) }
    }

    /// An unsigned varbit number.
    pub(super) fn varbit_unsigned(&mut self, what: &'static str) -> Result<u64, Corrupt> {
        let width = VARBIT_WIDTHS[self.ones(8, what)? as usize];
        self.bits(width, what)
    }
}

/// Writes bits.
#[derive(Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// Unused bits of the last byte.
    free: u32,
}

impl BitWriter {
    /// A writer behind whole bytes.
    pub(super) fn after(bytes: Vec<u8>) -> BitWriter {
        BitWriter { bytes, free: 0 }
    }

    pub(super) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The lowest `n` (at most 64) bits of `value`.
    pub(super) fn bits(&mut self, value: u64, mut n: u32) {
        while n > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let take = n.min(self.free);
            let part = (value >> (n - take)) & ((1 << take) - 1);
            self.free -= take;
            n -= take;
            if let Some(last) = self.bytes.last_mut() {
                *last |= (part as u8) << self.free;
            }
        }
    }

    pub(super) fn uvarint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bits(value & 0x7f | 0x80, 8);
            value >>= 7;
        }
        self.bits(value, 8);
    }

    pub(super) fn varint(&mut self, value: i64) {
        self.uvarint(((value << 1) ^ (value >> 63)) as u64);
    }

    /// `ones` ones and a zero, without the zero after eight.
    fn prefix(&mut self, ones: usize) {
        if ones == 8 {
            self.bits(0xff, 8);
        } else {
            self.bits((1 << (ones + 1)) - 2, ones as u32 + 1);
        }
    }

    pub(super) fn varbit(&mut self, value: i64) {
        let fits = |width: &u32| match width {
            0 => value == 0,
            64 => true,
            n => in_dod(value, *n),
        };
        let ones = VARBIT_WIDTHS.iter().position(fits).unwrap_or(8);
        self.prefix(ones);
        self.bits(value as u64, VARBIT_WIDTHS[ones]);
    }

    pub(super) fn varbit_unsigned(&mut self, value: u64) {
        let ones = VARBIT_WIDTHS.iter().position(|n| *n == 64 || value >> n == 0).unwrap_or(8);
        self.prefix(ones);
        self.bits(value, VARBIT_WIDTHS[ones]);
    }
}

/// Whether [`BitReader::dod`] of `n` bits can say `value`.
pub(super) fn in_dod(value: i64, n: u32) -> bool {
    (-((1 << (n - 1)) - 1)..=1 << (n - 1)).contains(&value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_across_byte_borders() {
        let signed = [0, 1, -1, 4, 5, -3, -4, 32, 33, 2048, 131_072, 16_777_216, 1 << 55, i64::MAX, i64::MIN];
        let unsigned = [0, 1, 7, 8, 63, 64, 511, 4095, 262_143, 33_554_431, 1 << 55, u64::MAX];
        for offset in 0..8 {
            let mut w = BitWriter::default();
            w.bits(0b1010_1010 >> (8 - offset), offset);
            for v in signed {
                w.varbit(v);
                w.varint(v);
            }
            for v in unsigned {
                w.varbit_unsigned(v);
                w.uvarint(v);
                w.bits(v, 64);
            }
            let bytes = std::mem::take(w.bytes_mut());
            let mut r = BitReader::new(&bytes);
            r.bits(offset, "").unwrap();
            for v in signed {
                assert_eq!((r.varbit("").unwrap(), r.varint("").unwrap()), (v, v));
            }
            for v in unsigned {
                assert_eq!((r.varbit_unsigned("").unwrap(), r.uvarint("").unwrap()), (v, v));
                assert_eq!(r.bits(64, "").unwrap(), v);
            }
            assert!(r.remaining() < 8);
            assert!(r.bits(8, "").is_err());
        }
    }

    #[test]
    fn twos_complement() {
        let mut r = BitReader::new(&[0b1000_0111, 0xff]);
        assert_eq!((r.signed(4, "").unwrap(), r.signed(4, "").unwrap(), r.signed(3, "").unwrap()), (-8, 7, -1));
    }
}
