//! A page as it lies in the file: perhaps compressed, always checksummed together with its place.

use crate::bytes::Corrupt;

/// The most bytes a page may have after decompression.
pub(super) const MAX_PAGE_BYTES: usize = 256 << 20;

/// CRC32C over the file's salt, the page's offset and its stored bytes: a page read from the wrong place or the wrong
/// file does not pass.
pub(super) fn checksum(salt: u64, offset: u64, stored: &[u8]) -> u32 {
    let mut identity = [0; 16];
    identity[..8].copy_from_slice(&salt.to_le_bytes());
    identity[8..].copy_from_slice(&offset.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c(&identity), stored)
}

/// Undoes the compression. `raw_len` comes from a checked directory.
pub(super) fn inflate(stored: Vec<u8>, raw_len: usize) -> Result<Vec<u8>, Corrupt> {
    const WHAT: &str = "compressed page";
    if stored.len() == raw_len {
        return Ok(stored);
    }
    let corrupt = Corrupt { what: WHAT, at: 0 };
    if raw_len > MAX_PAGE_BYTES {
        return Err(corrupt);
    }
    let raw = zstd::bulk::decompress(&stored, raw_len).map_err(|_| corrupt)?;
    if raw.len() == raw_len { Ok(raw) } else { Err(corrupt) }
}
