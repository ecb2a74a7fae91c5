//! Checksums of Prometheus' files: CRC32C, big-endian.

use super::window::Place;

/// The number in the first four bytes.
pub(super) fn be32(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |b| u32::from_be_bytes(*b))
}

/// Why bytes do not have the checksum `stored`; `None` when they do.
pub(super) fn mismatch(bytes: &[u8], stored: &[u8], place: &Place) -> Option<String> {
    let (found, expected) = (crc32c::crc32c(bytes), be32(stored));
    (found != expected).then(|| format!("{place}: checksum is {found:08x}, expected {expected:08x}"))
}
