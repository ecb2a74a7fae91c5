//! Which samples were deleted and are still in the chunks.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use nightjar_model::ClosedRange;
use nightjar_platform::Disk;

use super::crc::{be32, mismatch};
use super::window::Window;
use crate::bytes::{Corrupt, Cursor};

const MAGIC: u32 = 0x0130_ba30;
const HEADER: usize = 5;
/// A longer file is none.
const MAX_BYTES: u64 = 256 << 20;

/// Deleted ranges by series id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tombstones(HashMap<u64, Vec<ClosedRange>>);

impl Tombstones {
    /// Whether the sample of a series at `t` was deleted.
    pub fn cover(&self, series: u64, t: i64) -> bool {
        self.0.get(&series).is_some_and(|ranges| ranges.iter().any(|r| r.contains(t)))
    }

    /// Reads the content of a file.
    pub fn parse(bytes: &[u8]) -> Result<Tombstones, Corrupt> {
        let mut c = Cursor::new(bytes);
        let error = c.corrupt("tombstones");
        let body = bytes.len().checked_sub(4).and_then(|end| bytes.get(HEADER..end)).ok_or(error)?;
        if be32(bytes) != MAGIC || bytes[4] != 1 {
            return Err(error);
        }
        c = Cursor::new(body);
        let mut out = Tombstones::default();
        while !c.is_empty() {
            let series = c.varint("tombstone")?;
            let (start, end) = (c.zigzag("tombstone")?, c.zigzag("tombstone")?);
            out.0.entry(series).or_default().push(ClosedRange { start, end });
        }
        Ok(out)
    }

    /// Reads the file of a block; a missing one says that nothing was deleted.
    pub(super) fn read<D: Disk>(disk: &D, path: &Path) -> io::Result<Result<Tombstones, String>> {
        let mut file = match Window::open(disk, path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Ok(Tombstones::default())),
            other => other?,
        };
        let (place, len) = (file.place(0), file.len());
        let bytes = if len > MAX_BYTES { None } else { file.get(0, len as usize)? };
        let Some(bytes) = bytes.filter(|b| b.len() >= HEADER + 4) else {
            return Ok(Err(format!("{place}: {len} bytes are no tombstones")));
        };
        let (body, crc) = bytes.split_at(bytes.len() - 4);
        if let Some(wrong) = mismatch(&body[HEADER..], crc, &place) {
            return Ok(Err(wrong));
        }
        Ok(Tombstones::parse(bytes).map_err(|e| format!("{place}: {e}")))
    }
}
