//! Byte strings that live long and are never changed, without an allocation each.

const CHUNK_BYTES: usize = 1 << 20;
const UNIT: usize = 8;
const UNITS_PER_CHUNK: usize = CHUNK_BYTES / UNIT;

/// A place in an [`Arena`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text {
    unit: u32,
    len: u32,
}

impl Text {
    /// Number of bytes.
    pub(crate) fn len(self) -> usize {
        self.len as usize
    }
}

/// Byte strings of less than 1 MiB each, 32 GiB in all.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    chunks: Vec<Vec<u8>>,
    bytes: usize,
}

impl Arena {
    /// Keeps a copy of `bytes`; `None` when they are too long or the arena is full.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Option<Text> {
        let room = bytes.len().next_multiple_of(UNIT);
        if room > CHUNK_BYTES {
            return None;
        }
        if self.chunks.last().is_none_or(|c| c.len() + room > CHUNK_BYTES) {
            if self.chunks.len() >= (u32::MAX as usize + 1) / UNITS_PER_CHUNK {
                return None;
            }
            self.chunks.push(Vec::with_capacity(CHUNK_BYTES));
        }
        let number = self.chunks.len() - 1;
        let chunk = &mut self.chunks[number];
        let unit = (number * UNITS_PER_CHUNK + chunk.len() / UNIT) as u32;
        chunk.extend_from_slice(bytes);
        chunk.resize(chunk.len().next_multiple_of(UNIT), 0);
        self.bytes += room;
        Some(Text { unit, len: bytes.len() as u32 })
    }

    /// The bytes of a text this arena gave out.
    pub(crate) fn get(&self, text: Text) -> &[u8] {
        let unit = text.unit as usize;
        let at = unit % UNITS_PER_CHUNK * UNIT;
        &self.chunks[unit / UNITS_PER_CHUNK][at..at + text.len as usize]
    }

    /// Bytes kept.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay() {
        let mut arena = Arena::default();
        let texts: Vec<_> = (0..5000usize).map(|i| (i, arena.add(&vec![i as u8; i]).unwrap())).collect();
        assert!(texts.iter().all(|(i, t)| arena.get(*t) == vec![*i as u8; *i]));
        assert_eq!(arena.add(&vec![0; CHUNK_BYTES + 1]), None);
    }
}
