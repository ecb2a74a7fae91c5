//! The one way in: bytes of either protocol to a [`Request`].

use crate::body::Protocol;
use crate::error::DecodeError;
use crate::limits::Limits;
use crate::request::{Request, Scratch};

impl Scratch {
    /// Decodes a decompressed body. On an error nothing of the request may be used.
    pub fn decode<'a>(
        &'a mut self,
        protocol: Protocol,
        body: &'a [u8],
        limits: &Limits,
    ) -> Result<Request<'a>, DecodeError> {
        let limit = limits.decompressed_bytes.min(1 << 30);
        if body.len() > limit {
            return Err(DecodeError::TooMany { what: "bytes", limit });
        }
        self.clear();
        match protocol {
            Protocol::V1 => crate::v1::decode(self, body, limits)?,
            Protocol::V2 => crate::v2::decode(self, body, limits)?,
        }
        Ok(Request { body, scratch: self, protocol })
    }
}
