//! What a fuzzer may call besides the public interface: decoders that otherwise stand behind a checksum.

use nightjar_model::TimestampMs;

use crate::wal::frame::Header;
use crate::wal::rows::{Chain, RowSink};
use crate::wal::section;

/// Counts rows.
struct Rows(u64);

impl RowSink for Rows {
    fn run(&mut self, _: TimestampMs) {
        self.0 += 1;
    }

    fn sample(&mut self, column: u32, bits: u64, start: TimestampMs) {
        self.0 ^= u64::from(column) ^ bits ^ start as u64;
    }
}

/// Sections of a frame: the first byte says of which kind.
pub fn wal_section(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else { return };
    let _ = match kind % 6 {
        0 => section::read_definitions(data, |_, _| {}).is_ok(),
        1 => section::read_histograms(data, |_, _| {}).is_ok(),
        2 => section::read_exemplars(data, |_, _| {}).is_ok(),
        3 => section::read_metadata(data, |_, _| {}).is_ok(),
        absolute => {
            let mut chain = Chain::new(&[0, 1, 5, 63, 64, 200]);
            chain.decode(data, 1_700_000_000_000, absolute % 2 == 0, &mut Rows(0)).is_ok()
        }
    };
}

/// The header of a frame with its table; checksums are made right.
pub fn wal_frame(data: &[u8]) {
    let mut frame = data.to_vec();
    if let Some(len) = Header::probe(&frame).filter(|len| *len <= frame.len()) {
        let crc = crc32c::crc32c(&frame[8..len]);
        frame[4..8].copy_from_slice(&crc.to_le_bytes());
    }
    if let Ok(header) = Header::read(&frame) {
        let _ = header.payload(&frame);
    }
}

pub use crate::block::fuzzing::block_section;
