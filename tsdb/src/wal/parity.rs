//! One damaged page in thirty-two can be computed from the others.
//!
//! Rows are told against the rows before them, so a flipped bit would cost more than its frame. Beside each segment lies
//! a file with the exclusive-or of every [`PAGES`] pages. It is not needed for an acknowledgement and is written without
//! a sync; what it gives back is believed only if the frame's checksums say so.

use std::io;

use nightjar_platform::DiskFile;

use crate::bytes::put_u32;

/// Bytes of a page.
pub(crate) const PAGE: usize = 4096;
/// Pages that share a parity page.
pub(crate) const PAGES: usize = 32;
/// Bytes of a parity page in the file: the page, number of the stripe, salt of the segment, checksum, zeros.
const RECORD: usize = PAGE + 16;

/// Collects the parity of a segment while it is written.
pub(crate) struct ParityWriter {
    salt: u32,
    page: Box<[u8; PAGE]>,
    /// Bytes of the segment seen so far.
    at: u64,
}

impl ParityWriter {
    /// The parity of a segment of which nothing was written.
    pub(crate) fn new(salt: u32) -> ParityWriter {
        ParityWriter { salt, page: Box::new([0; PAGE]), at: 0 }
    }

    /// Takes the next bytes of the segment.
    pub(crate) fn push<F: DiskFile>(&mut self, mut bytes: &[u8], file: &F) -> io::Result<()> {
        while !bytes.is_empty() {
            let from = (self.at % PAGE as u64) as usize;
            let n = bytes.len().min(PAGE - from);
            xor(&mut self.page[from..from + n], &bytes[..n]);
            self.at += n as u64;
            bytes = &bytes[n..];
            if self.at.is_multiple_of((PAGE * PAGES) as u64) {
                self.put(self.at / (PAGE * PAGES) as u64 - 1, file)?;
            }
        }
        Ok(())
    }

    /// Writes what the last, incomplete stripe has so far. The segment must not grow afterwards.
    pub(crate) fn close<F: DiskFile>(&mut self, file: &F) -> io::Result<()> {
        if !self.at.is_multiple_of((PAGE * PAGES) as u64) {
            self.put(self.at / (PAGE * PAGES) as u64, file)?;
        }
        file.sync_data()
    }

    fn put<F: DiskFile>(&mut self, stripe: u64, file: &F) -> io::Result<()> {
        let mut record = Vec::with_capacity(RECORD);
        record.extend_from_slice(&self.page[..]);
        put_u32(stripe as u32, &mut record);
        put_u32(self.salt, &mut record);
        put_u32(crc32c::crc32c(&record), &mut record);
        put_u32(0, &mut record);
        self.page.fill(0);
        file.write_all_at(&record, stripe * RECORD as u64)
    }
}

fn xor(into: &mut [u8], bytes: &[u8]) {
    into.iter_mut().zip(bytes).for_each(|(a, b)| *a ^= b);
}

/// Writes the parity of all stripes that have none.
pub(crate) fn complete<F: DiskFile>(segment: &F, parity: &F, salt: u32) -> io::Result<()> {
    let len = segment.len()?;
    let stripe_len = (PAGE * PAGES) as u64;
    let mut written = false;
    for stripe in (0..len.div_ceil(stripe_len)).filter(|stripe| read_record(parity, *stripe).is_none()) {
        let start = stripe * stripe_len;
        let mut bytes = vec![0; (len - start).min(stripe_len) as usize];
        segment.read_exact_at(&mut bytes, start)?;
        let mut writer = ParityWriter::new(salt);
        bytes.chunks(PAGE).for_each(|page| xor(&mut writer.page[..page.len()], page));
        writer.put(stripe, parity)?;
        written = true;
    }
    if written { parity.sync_data() } else { Ok(()) }
}

/// The parity page of a stripe, if it is there and whole.
fn read_record<F: DiskFile>(parity: &F, stripe: u64) -> Option<Vec<u8>> {
    let mut record = vec![0; RECORD];
    parity.read_exact_at(&mut record, stripe * RECORD as u64).ok()?;
    let word = |at: usize| u32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]]);
    if word(PAGE) != stripe as u32 || word(PAGE + 8) != crc32c::crc32c(&record[..PAGE + 8]) {
        return None;
    }
    record.truncate(PAGE);
    Some(record)
}

/// What page `page` of a segment must have been if all other pages of its stripe are right.
pub(crate) fn rebuild<F: DiskFile>(segment: &F, parity: &F, page: u64) -> Option<Vec<u8>> {
    let stripe = page / PAGES as u64;
    let mut rebuilt = read_record(parity, stripe)?;
    let len = segment.len().ok()?;
    for other in (stripe * PAGES as u64..).take(PAGES).filter(|p| *p != page) {
        let start = other * PAGE as u64;
        let mut bytes = vec![0; len.saturating_sub(start).min(PAGE as u64) as usize];
        segment.read_exact_at(&mut bytes, start).ok()?;
        xor(&mut rebuilt, &bytes);
    }
    Some(rebuilt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightjar_platform::{Disk, OpenMode, SimDisk, SplitMix};

    #[test]
    fn any_page_comes_back() {
        let disk = SimDisk::new();
        let open = |name: &str| disk.open(name.as_ref(), OpenMode::CreateNew).unwrap();
        let (segment, parity) = (open("s"), open("p"));
        let mut bytes = vec![0; PAGE * PAGES * 2 + 10_000];
        let mut rng = SplitMix::new(5);
        rng.fill(&mut bytes);
        let mut writer = ParityWriter::new(1);
        let mut at = 0;
        while at < bytes.len() {
            let n = (1 + rng.below(9000) as usize).min(bytes.len() - at);
            segment.write_all_at(&bytes[at..at + n], at as u64).unwrap();
            writer.push(&bytes[at..at + n], &parity).unwrap();
            at += n;
        }
        writer.close(&parity).unwrap();
        for page in 0..bytes.len().div_ceil(PAGE) {
            disk.flip("s".as_ref(), (page * PAGE) as u64, 0xff).unwrap();
            let rebuilt = rebuild(&segment, &parity, page as u64).unwrap();
            let end = bytes.len().min((page + 1) * PAGE);
            assert_eq!(rebuilt[..end - page * PAGE], bytes[page * PAGE..end]);
            disk.flip("s".as_ref(), (page * PAGE) as u64, 0xff).unwrap();
        }
        assert_eq!(rebuild(&segment, &parity, 1000), None);
    }
}
