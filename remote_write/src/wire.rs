//! Protobuf's wire format, read in place.
//!
//! A [`Reader`] never allocates, never recurses and never panics. Unknown fields are skipped; groups, which protobuf
//! has abandoned, are refused.

/// Bytes that are not protobuf, or not this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("protobuf is malformed at byte {at}: {problem}")]
pub struct WireError {
    /// Offset of the bad byte in the decompressed body.
    pub at: usize,
    /// What is wrong there.
    pub problem: &'static str,
}

/// How a field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Varint,
    Fixed64,
    Bytes,
    Fixed32,
}

/// A window of a body, read from front to back. Positions count from the start of the body.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    /// The body up to the end of the window.
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, at: 0 }
    }

    /// The same window from `at` on, which must not lie behind its end.
    pub(crate) fn from(self, at: usize) -> Reader<'a> {
        Reader { bytes: self.bytes, at: at.min(self.bytes.len()) }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn is_done(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(crate) fn error(&self, problem: &'static str) -> WireError {
        WireError { at: self.at, problem }
    }

    /// A raw key: field number and wire type as one number. Most keys are one byte.
    #[inline(always)]
    pub(crate) fn key(&mut self) -> Result<u64, WireError> {
        self.varint()
    }

    /// Splits a key that is not one of those the caller knows by heart.
    pub(crate) fn split_key(&self, key: u64) -> Result<(u32, Wire), WireError> {
        let number = u32::try_from(key >> 3).ok().filter(|n| (1..1 << 29).contains(n));
        let number = number.ok_or(self.error("field number out of range"))?;
        let wire = match key & 7 {
            0 => Wire::Varint,
            1 => Wire::Fixed64,
            2 => Wire::Bytes,
            5 => Wire::Fixed32,
            3 | 4 => return Err(self.error("groups are not supported")),
            _ => return Err(self.error("unknown wire type")),
        };
        Ok((number, wire))
    }

    /// The next field of a message read without hurry.
    pub(crate) fn field(&mut self) -> Result<Option<(u32, Wire)>, WireError> {
        if self.is_done() {
            return Ok(None);
        }
        let key = self.key()?;
        self.split_key(key).map(Some)
    }

    #[inline(always)]
    pub(crate) fn varint(&mut self) -> Result<u64, WireError> {
        match self.bytes[self.at..] {
            [byte, ..] if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            [low, high, ..] if high < 0x80 => {
                self.at += 2;
                Ok(u64::from(low & 0x7f) | u64::from(high) << 7)
            }
            _ => self.long_varint(),
        }
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0u64;
        let mut shift = 0;
        while let Some(&byte) = self.bytes.get(self.at) {
            if shift == 63 && byte > 1 {
                return Err(self.error("varint is longer than 64 bits"));
            }
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
            shift += 7;
        }
        Err(self.error("ends inside a varint"))
    }

    pub(crate) fn double(&mut self) -> Result<f64, WireError> {
        match self.bytes[self.at..].first_chunk::<8>() {
            Some(bytes) => {
                self.at += 8;
                Ok(f64::from_le_bytes(*bytes))
            }
            None => Err(self.error("ends inside a number")),
        }
    }

    /// The content of a length-delimited field.
    #[inline(always)]
    pub(crate) fn message(&mut self) -> Result<Reader<'a>, WireError> {
        let len = self.varint()?;
        if len > (self.bytes.len() - self.at) as u64 {
            return Err(self.error("a field is longer than what holds it"));
        }
        let inner = Reader { bytes: &self.bytes[..self.at + len as usize], at: self.at };
        self.at += len as usize;
        Ok(inner)
    }

    /// The bytes of a length-delimited field.
    #[inline(always)]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        self.message().map(|inner| inner.rest())
    }

    /// What has not been read yet.
    #[inline(always)]
    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    pub(crate) fn skip(&mut self, wire: Wire) -> Result<(), WireError> {
        let fixed = match wire {
            Wire::Varint => return self.varint().map(|_| ()),
            Wire::Bytes => return self.message().map(|_| ()),
            Wire::Fixed64 => 8,
            Wire::Fixed32 => 4,
        };
        if self.bytes.len() - self.at < fixed {
            return Err(self.error("ends inside a number"));
        }
        self.at += fixed;
        Ok(())
    }

    /// Checks how a known field is written.
    pub(crate) fn expect(&self, wire: Wire, wanted: Wire) -> Result<(), WireError> {
        if wire == wanted { Ok(()) } else { Err(self.error("a known field has the wrong wire type")) }
    }

    /// Reads a repeated varint field, packed or not.
    pub(crate) fn varints(&mut self, wire: Wire, mut each: impl FnMut(u64)) -> Result<(), WireError> {
        if wire == Wire::Varint {
            each(self.varint()?);
            return Ok(());
        }
        self.expect(wire, Wire::Bytes)?;
        let mut inner = self.message()?;
        while !inner.is_done() {
            each(inner.varint()?);
        }
        Ok(())
    }

    /// Reads a repeated double field, packed or not.
    pub(crate) fn doubles(&mut self, wire: Wire, mut each: impl FnMut(f64)) -> Result<(), WireError> {
        if wire == Wire::Fixed64 {
            each(self.double()?);
            return Ok(());
        }
        self.expect(wire, Wire::Bytes)?;
        let mut inner = self.message()?;
        if !inner.rest().len().is_multiple_of(8) {
            return Err(inner.error("ends inside a number"));
        }
        while !inner.is_done() {
            each(inner.double()?);
        }
        Ok(())
    }
}

/// Undoes zig-zag coding.
pub(crate) fn unzigzag(n: u64) -> i64 {
    (n >> 1) as i64 ^ -((n & 1) as i64)
}

/// Appends a varint.
pub(crate) fn put_varint(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}
