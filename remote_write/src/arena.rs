//! Where spellings are written that do not lie in the body.

/// Where a spelling lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spelling {
    pub(crate) start: u32,
    pub(crate) len: u32,
    pub(crate) in_arena: bool,
}

/// Bytes of spellings, one behind the other. The memory is kept from request to request.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    /// Only the first `len` bytes are written; the rest is room.
    bytes: Vec<u8>,
    len: usize,
}

impl Arena {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Forgets what was written behind `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Appends a spelling.
    pub(crate) fn keep(&mut self, spelling: &[u8]) -> Spelling {
        let (start, end) = (self.len, self.len + spelling.len());
        if self.bytes.len() < end {
            self.bytes.resize(end.next_multiple_of(4096), 0);
        }
        self.bytes[start..end].copy_from_slice(spelling);
        self.spelled(start, end)
    }

    /// Declares what was written at `start..end` a spelling.
    #[inline(always)]
    pub(crate) fn spelled(&mut self, start: usize, end: usize) -> Spelling {
        self.len = end;
        Spelling { start: start as u32, len: (end - start) as u32, in_arena: true }
    }

    /// All bytes, with room for at least `room` behind the written ones; `None` over `limit`.
    #[inline(always)]
    pub(crate) fn room(&mut self, end: usize, limit: usize) -> Option<&mut [u8]> {
        if end > self.bytes.len() {
            self.grow(end, limit)?;
        }
        Some(&mut self.bytes)
    }

    #[cold]
    fn grow(&mut self, end: usize, limit: usize) -> Option<()> {
        (end <= limit).then(|| self.bytes.resize((end * 2).max(64 << 10).min(limit), 0))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn get(&self, spelling: Spelling) -> &[u8] {
        &self.bytes[spelling.start as usize..][..spelling.len as usize]
    }
}
