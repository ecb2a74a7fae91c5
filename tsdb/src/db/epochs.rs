//! What was decoded and is kept: epochs that are over, and the newest ones as far as they were read.

use super::growing::GrowingChunks;
use super::tile::Tiles;

/// Decoded epochs.
pub(crate) struct Epochs {
    /// Those that are over.
    pub(crate) over: Tiles,
    /// Those that may go on.
    pub(crate) growing: GrowingChunks,
}

impl Epochs {
    /// Keeps at most about `bytes`, a half of each kind.
    pub(crate) fn new(bytes: usize) -> Epochs {
        Epochs { over: Tiles::new(bytes / 2), growing: GrowingChunks::new(bytes / 2) }
    }
}
