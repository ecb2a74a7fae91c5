//! Prometheus' blocks: a directory with `meta.json`, `index`, `chunks/` and `tombstones`.
//!
//! Index versions 1 to 3 and chunk encodings 1 to 6 are read; version 2 and encodings 1 to 3 are written, which every
//! reader of such blocks knows.

mod bits;
mod block;
mod chunk;
mod chunk_writer;
mod chunks;
mod crc;
mod float_histogram;
mod histogram;
mod histogram_layout;
mod index;
mod index_writer;
mod meta;
mod start_times;
#[cfg(test)]
mod tests;
mod tombstones;
mod ulid;
mod window;
mod writer;
mod xor;
mod xor2;

pub use block::{ForeignBlock, SeriesPlace};
pub use chunk::{ChunkSamples, Encoding, decode};
pub use chunk_writer::{HistogramChunks, encode_floats};
pub use index::{ChunkPlace, Index};
pub use meta::{BlockStats, Meta, Tracks};
pub use tombstones::Tombstones;
pub use ulid::ulid;
pub use window::Place;
pub use writer::BlockWriter;
