//! Finished pages that wait until the sections before theirs are written.

use std::io;

use nightjar_model::ClosedRange;
use nightjar_platform::Disk;

use super::assembly::NEVER;
use super::entries::EntriesBuilder;
use super::section::Kind;
use super::spill::{Extent, Spill};

/// A page in the spill, compressed when that makes it smaller.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpooledPage {
    pub(super) extent: Extent,
    pub(super) raw: u32,
    pub(super) first: u32,
    pub(super) times: ClosedRange,
}

/// The pages of one section, or of one run of columns.
pub(super) struct Spool {
    pub(super) kind: Kind,
    pub(super) pages: Vec<SpooledPage>,
    builder: EntriesBuilder,
    times: ClosedRange,
}

/// What all spools write with.
pub(super) struct Press<D: Disk> {
    pub(super) spill: Spill<D>,
    compressor: zstd::bulk::Compressor<'static>,
    page_bytes: usize,
    page: Vec<u8>,
}

impl<D: Disk> Press<D> {
    /// Pages of about `page_bytes`, compressed at `level`, into `spill`.
    pub(super) fn new(spill: Spill<D>, page_bytes: usize, level: i32) -> io::Result<Press<D>> {
        Ok(Press { spill, compressor: zstd::bulk::Compressor::new(level)?, page_bytes, page: Vec::new() })
    }
}

impl Spool {
    /// A section without pages.
    pub(super) fn new(kind: Kind) -> Spool {
        Spool { kind, pages: Vec::new(), builder: EntriesBuilder::default(), times: NEVER }
    }

    /// Adds an entry under `key` (not below the last).
    pub(super) fn push<D: Disk>(
        &mut self,
        key: u32,
        times: Option<ClosedRange>,
        bytes: &[u8],
        press: &mut Press<D>,
    ) -> io::Result<()> {
        self.builder.push(key, |out| {
            out.extend_from_slice(bytes);
            Ok::<(), io::Error>(())
        })?;
        if let Some(times) = times {
            self.times.start = self.times.start.min(times.start);
            self.times.end = self.times.end.max(times.end);
        }
        if self.builder.is_full(press.page_bytes) { self.flush(press) } else { Ok(()) }
    }

    /// Ends the page.
    pub(super) fn flush<D: Disk>(&mut self, press: &mut Press<D>) -> io::Result<()> {
        let Some(first) = self.builder.first() else { return Ok(()) };
        press.page.clear();
        self.builder.finish(&mut press.page);
        let compressed = press.compressor.compress(&press.page)?;
        let stored = if compressed.len() < press.page.len() { &compressed } else { &press.page };
        let extent = press.spill.put(stored)?;
        let times = std::mem::replace(&mut self.times, NEVER);
        self.pages.push(SpooledPage { extent, raw: press.page.len() as u32, first, times });
        Ok(())
    }
}
