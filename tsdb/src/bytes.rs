//! Reading foreign bytes without trusting them, and writing the same forms.
//!
//! Everything is little-endian. A varint is LEB128 in its shortest or any longer spelling of at most ten bytes; zigzag
//! maps small magnitudes of either sign to small varints. A [`Cursor`] never panics and never reads past its end.

/// Bytes that do not say what they should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is corrupt at byte {at}")]
pub struct Corrupt {
    /// What was being read.
    pub what: &'static str,
    /// Where, counted from the start of the bytes handed to the decoder.
    pub at: usize,
}

/// A reader over borrowed bytes.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Reads `bytes` from the start.
    pub fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, at: 0 }
    }

    /// Number of bytes read so far.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Number of bytes not read yet.
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// The bytes not read yet; does not advance.
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// The error for the current place.
    pub fn corrupt(&self, what: &'static str) -> Corrupt {
        Corrupt { what, at: self.at }
    }

    /// An error unless everything was read.
    pub fn finish(&self, what: &'static str) -> Result<(), Corrupt> {
        if self.is_empty() { Ok(()) } else { Err(self.corrupt(what)) }
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize, what: &'static str) -> Result<&'a [u8], Corrupt> {
        let bytes = self.rest().get(..n).ok_or(self.corrupt(what))?;
        self.at += n;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Corrupt> {
        let bytes = self.rest().first_chunk().ok_or(self.corrupt(what))?;
        self.at += N;
        Ok(*bytes)
    }

    /// One byte.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, Corrupt> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// Two bytes.
    pub fn u16(&mut self, what: &'static str) -> Result<u16, Corrupt> {
        self.array(what).map(u16::from_le_bytes)
    }

    /// Four bytes.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, Corrupt> {
        self.array(what).map(u32::from_le_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self, what: &'static str) -> Result<u64, Corrupt> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// Eight bytes, two's complement.
    pub fn i64(&mut self, what: &'static str) -> Result<i64, Corrupt> {
        self.array(what).map(i64::from_le_bytes)
    }

    /// Eight bytes, the bits of a float.
    pub fn f64(&mut self, what: &'static str) -> Result<f64, Corrupt> {
        self.u64(what).map(f64::from_bits)
    }

    /// A varint of up to 64 bits.
    pub fn varint(&mut self, what: &'static str) -> Result<u64, Corrupt> {
        let mut value = 0u64;
        for (i, byte) in self.rest().iter().take(10).enumerate() {
            let bits = u64::from(byte & 0x7f);
            if i == 9 && bits > 1 {
                break;
            }
            value |= bits << (7 * i);
            if byte & 0x80 == 0 {
                self.at += i + 1;
                return Ok(value);
            }
        }
        Err(self.corrupt(what))
    }

    /// A zigzag varint.
    pub fn zigzag(&mut self, what: &'static str) -> Result<i64, Corrupt> {
        self.varint(what).map(unzigzag)
    }

    /// A varint that counts things of which each takes at least `min_bytes` (> 0) of what follows: never larger than
    /// what the remaining bytes can hold, so it is safe to reserve room for.
    pub fn count(&mut self, min_bytes: usize, what: &'static str) -> Result<usize, Corrupt> {
        let start = self.at;
        let n = self.varint(what)?;
        if n <= (self.remaining() / min_bytes.max(1)) as u64 {
            Ok(n as usize)
        } else {
            Err(Corrupt { what, at: start })
        }
    }

    /// A varint length and so many bytes.
    pub fn blob(&mut self, what: &'static str) -> Result<&'a [u8], Corrupt> {
        let len = self.count(1, what)?;
        self.take(len, what)
    }

    /// A blob that is UTF-8.
    pub fn text(&mut self, what: &'static str) -> Result<&'a str, Corrupt> {
        let at = self.at;
        std::str::from_utf8(self.blob(what)?).map_err(|_| Corrupt { what, at })
    }
}

/// The unsigned form of `v` in which small magnitudes are small.
pub const fn zigzag(v: i64) -> u64 {
    ((v << 1) ^ (v >> 63)) as u64
}

/// Undoes [`zigzag`].
pub const fn unzigzag(v: u64) -> i64 {
    (v >> 1) as i64 ^ -((v & 1) as i64)
}

/// Number of bytes [`put_varint`] writes.
pub const fn varint_len(v: u64) -> usize {
    (64 - (v | 1).leading_zeros() as usize).div_ceil(7)
}

/// Writes two bytes.
pub fn put_u16(v: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(&v.to_le_bytes());
}

/// Writes four bytes.
pub fn put_u32(v: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&v.to_le_bytes());
}

/// Writes eight bytes.
pub fn put_u64(v: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&v.to_le_bytes());
}

/// Writes eight bytes, two's complement.
pub fn put_i64(v: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&v.to_le_bytes());
}

/// Writes the bits of a float.
pub fn put_f64(v: f64, out: &mut Vec<u8>) {
    put_u64(v.to_bits(), out);
}

/// Writes a varint in its shortest spelling.
pub fn put_varint(mut v: u64, out: &mut Vec<u8>) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

/// Writes a zigzag varint.
pub fn put_zigzag(v: i64, out: &mut Vec<u8>) {
    put_varint(zigzag(v), out);
}

/// Writes a length and the bytes.
pub fn put_blob(bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Writes a length and the text.
pub fn put_text(text: &str, out: &mut Vec<u8>) {
    put_blob(text.as_bytes(), out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_varint_has_at_most_64_bits() {
        let mut max = Vec::new();
        put_varint(u64::MAX, &mut max);
        assert_eq!((max.len(), varint_len(u64::MAX)), (10, 10));
        assert_eq!(Cursor::new(&max).varint("v"), Ok(u64::MAX));
        max[9] = 2;
        assert_eq!(Cursor::new(&max).varint("v"), Err(Corrupt { what: "v", at: 0 }));
        assert_eq!(Cursor::new(&[0x80; 11]).varint("v"), Err(Corrupt { what: "v", at: 0 }));
        assert_eq!(Cursor::new(&[0x80]).varint("v"), Err(Corrupt { what: "v", at: 0 }));
        assert_eq!(Cursor::new(&[0x80, 0]).varint("v"), Ok(0));
    }

    #[test]
    fn a_count_never_exceeds_what_follows() {
        assert_eq!(Cursor::new(&[2, 0, 0, 0, 0]).count(2, "n"), Ok(2));
        assert_eq!(Cursor::new(&[3, 0, 0, 0, 0]).count(2, "n"), Err(Corrupt { what: "n", at: 0 }));
        assert_eq!(Cursor::new(&[3, b'a', b'b']).text("t"), Err(Corrupt { what: "t", at: 0 }));
        assert_eq!(Cursor::new(&[1, 0xff]).text("t"), Err(Corrupt { what: "t", at: 0 }));
    }

    proptest! {
        #[test]
        fn integers_round_trip(v: u64) {
            let mut out = Vec::new();
            put_varint(v, &mut out);
            prop_assert_eq!(out.len(), varint_len(v));
            put_zigzag(v as i64, &mut out);
            put_u64(v, &mut out);
            put_u32(v as u32, &mut out);
            put_u16(v as u16, &mut out);
            put_i64(v as i64, &mut out);
            let mut cursor = Cursor::new(&out);
            prop_assert_eq!(cursor.varint("v"), Ok(v));
            prop_assert_eq!(cursor.zigzag("v"), Ok(v as i64));
            prop_assert_eq!(cursor.u64("v"), Ok(v));
            prop_assert_eq!(cursor.u32("v"), Ok(v as u32));
            prop_assert_eq!(cursor.u16("v"), Ok(v as u16));
            prop_assert_eq!(cursor.i64("v"), Ok(v as i64));
            prop_assert_eq!(cursor.finish("end"), Ok(()));
        }
    }
}
