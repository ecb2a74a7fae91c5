//! Samples to bytes and back: write-ahead frames, head, blocks, manifest, retention.

pub mod block;
pub mod bytes;
pub mod codec;
mod wal;
